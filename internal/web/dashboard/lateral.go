package dashboard

import (
	"net/http"
	"time"
)

const (
	// toExpire is when an e.firma is said to expire soon.
	toExpire = 30 * 24 * time.Hour
	// maxLateral bounds each list of the box at the side.
	maxLateral = 8
)

// lateral is the box of what needs somebody, beside the descargas.
type lateral struct {
	EFirmas  []EFirma
	Webhooks []Webhook
	// MoreEFirmas are those that found no place.
	MoreEFirmas int
}

func (l lateral) Has() bool { return len(l.EFirmas)+len(l.Webhooks) > 0 }

// lateral gathers the box. What cannot be read is left out: the page is about
// descargas.
func (t *dashboard) lateral(r *http.Request) lateral {
	var l lateral
	if t.cfg.EFirmas != nil {
		all, err := t.cfg.EFirmas()
		if err != nil {
			t.cfg.Log.Warn().Err(err).Msg("the page of the descargas: e.firmas")
		}
		limit := t.cfg.Now().Add(toExpire)
		for _, e := range all {
			switch {
			case e.Motivo == "" && e.Expire.After(limit):
			case len(l.EFirmas) == maxLateral:
				l.MoreEFirmas++
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
