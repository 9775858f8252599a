package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/client"
)

// The gateway may have let packages go since the descarga ended: not all is there.
func TestInform_WhenPackagesOfAWholeDescargaAreGone(t *testing.T) {
	var out bytes.Buffer
	d := &download{Streams: Streams{Out: &out}}
	r := result{Manifiesto: client.Manifiesto{Descarga: rest.Descarga{Estado: rest.EstadoDescargaTerminada}}}
	if err := d.inform(r, "x"); err != nil {
		t.Errorf("whole: %v", err)
	}
	r.Faltantes = []client.Missing{{IDPaquete: "A_01", Estado: "borrado"}}
	var output *errOutput
	if err := d.inform(r, "x"); !errors.As(err, &output) || output.codigo != ExitPartial || !strings.Contains(out.String(), "falta     paquete A_01, borrado") {
		t.Errorf("%v: %s", err, out.String())
	}
}

func TestInform_WhenTheRequestIsWorthASecondLookSaysSo(t *testing.T) {
	var out bytes.Buffer
	r := result{Manifiesto: client.Manifiesto{Descarga: rest.Descarga{Estado: rest.EstadoDescargaVacia, Avisos: []string{"La pasarela no conoce el complemento «x»."}}}}
	if err := (&download{Streams: Streams{Out: &out}}).inform(r, "c"); err != nil || !strings.Contains(out.String(), "  aviso     La pasarela no conoce el complemento «x».\n") {
		t.Errorf("%v: %s", err, out.String())
	}
}

// The same order with --nueva would spend the quota again once this one has ended.
func TestExplain_WhenInterruptedWithNueva(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for fresh, want := range map[bool]string{true: "la misma orden, sin --nueva, la retoma", false: "la misma orden la retoma"} {
		d := &download{new: fresh}
		for _, remote := range []string{"", "https://pasarela.example"} {
			if err := d.explain(ctx, ctx.Err(), remote, true); !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
	}
}

func TestOpenFolder_WhenADateHasATime(t *testing.T) {
	t.Chdir(t.TempDir())
	d := &download{rfc: "Ñ&P010101AB3", tipo: "recibidos", que: "cfdi", since: "2026-01-01T08:00:00", until: "2026-01-31"}
	c, err := d.openFolder(rest.PeticionDescarga{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // a lock of a test
	if strings.Contains(c.Dir(), ":") || !strings.HasSuffix(c.Dir(), "Ñ&P010101AB3_recibidos_cfdi_2026-01-01T080000_2026-01-31") {
		t.Errorf("%s", c.Dir())
	}
}
