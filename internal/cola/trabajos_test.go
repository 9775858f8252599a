package cola

import (
	"encoding/json"
	"testing"

	"github.com/riverqueue/river"

	"github.com/pasarela-mx/pasarela/internal/webhooks"
)

// TestTrabajos_AreWrittenAsTheyWere: a job that an earlier version has left is done by this
// one.
func TestTrabajos_AreWrittenAsTheyWere(t *testing.T) {
	t.Parallel()
	for want, args := range map[string]river.JobArgs{
		`descarga_tramo {"id":7,"turno":3}`:     tramoArgs{ID: 7, Turno: 3},
		`descarga_paquete {"id":8,"turno":4}`:   paqueteArgs{ID: 8, Turno: 4},
		`webhook {"entrega":"msg_1","turno":5}`: webhooks.Args{Entrega: "msg_1", Turno: 5},
	} {
		text, err := json.Marshal(args)
		if got := args.Kind() + " " + string(text); err != nil || got != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
}
