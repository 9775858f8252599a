package tablero

import (
	"net/http"
	"time"
)

const (
	// porVencer is when an e.firma is said to expire soon.
	porVencer = 30 * 24 * time.Hour
	// maxLateral bounds each list of the box at the side.
	maxLateral = 8
)

// lateral is the box of what needs somebody, beside the descargas.
type lateral struct {
	EFirmas  []EFirma
	Webhooks []Webhook
	// MasEFirmas are those that found no place.
	MasEFirmas int
}

func (l lateral) Hay() bool { return len(l.EFirmas)+len(l.Webhooks) > 0 }

// lateral gathers the box. What cannot be read is left out: the page is about
// descargas.
func (t *tablero) lateral(r *http.Request) lateral {
	var l lateral
	if t.cfg.EFirmas != nil {
		todas, err := t.cfg.EFirmas()
		if err != nil {
			t.cfg.Log.Warn().Err(err).Msg("the page of the descargas: e.firmas")
		}
		limite := t.cfg.Now().Add(porVencer)
		for _, e := range todas {
			switch {
			case e.Motivo == "" && e.Vence.After(limite):
			case len(l.EFirmas) == maxLateral:
				l.MasEFirmas++
			default:
				l.EFirmas = append(l.EFirmas, e)
			}
		}
	}
	if t.cfg.Webhooks != nil {
		var err error
		if l.Webhooks, err = t.cfg.Webhooks(r.Context(), maxLateral); err != nil {
			t.cfg.Log.Warn().Err(err).Msg("the page of the descargas: webhooks")
			l.Webhooks = nil
		}
	}
	return l
}
