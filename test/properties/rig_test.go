package properties

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
)

// The only place where webhooks may go, so that no generated address is ever
// called; nothing listens there.
const (
	portWebhooks   = 8443
	addressWebhook = "https://erp.example:8443/avisos"
)

// rig is a gateway whose SAT and SEP are done with everything at once.
type rig struct {
	*gatewaytest.Gateway
	key string // the API key to call with, if any
}

func start(t *testing.T, configure func(*config.Config)) *rig {
	t.Helper()
	r := &rig{Gateway: gatewaytest.Start(t, gatewaytest.Options{Configure: func(c *config.Config) {
		c.Webhooks.Puertos = []uint16{portWebhooks}
		if configure != nil {
			configure(c)
		}
	}})}
	if err := r.Sandbox.Knobs().Change(map[string]any{
		"demora_aceptada": "0s", "demora_proceso": "0s", "sep_demora": "0s", "cfdis_por_dia": 2, "solicitudes_de_por_vida": 0, "descargas_por_paquete": 0,
	}); err != nil {
		t.Fatal(err)
	}
	return r
}

// fault is what must not be in a log: a failure of the gateway's own, or a secret.
var fault = regexp.MustCompile(`"level":"(error|fatal|panic)"|eyJ|access_token|PRIVATE KEY|whsec_|SignatureValue`)

func (r *rig) checkLog(t *testing.T) {
	t.Helper()
	shown := 0
	for line := range bytes.Lines([]byte(r.Log())) {
		if fault.Match(line) && shown < 20 {
			shown++
			t.Errorf("the log: %s", line)
		}
	}
}
