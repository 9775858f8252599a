package handlers

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

const (
	contentEvents = "text/event-stream"
	// heartbeat is the longest silence of a stream: proxies close quiet connections.
	heartbeat = 15 * time.Second
	// maxStream is the longest duration of a stream: reconnecting callers spread over the
	// gateways that exist then.
	maxStream = time.Hour
	// streamBatch is how many events are read at a time.
	streamBatch = 500
	// reconnect is how long a client waits before it reconnects, in milliseconds.
	reconnect = "5000"
)

// eventForm matches an event type that is safe in a line of a stream.
var eventForm = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)

func (h *handler) ListarEventosDescarga(w http.ResponseWriter, r *http.Request,
	id rest.IDDescarga, params rest.ListarEventosDescargaParams,
) error {
	if _, err := h.visible(r.Context(), id); err != nil {
		return err
	}
	after, err := h.existing(r.Context(), id, params.Despues, "despues")
	if err != nil {
		return err
	}
	size := limit(params.Limite)
	page, err := h.cfg.Descargas.Eventos(r.Context(), id, after, size+1)
	if err != nil {
		return err
	}
	out := rest.ListaEventosDescarga{Eventos: make([]rest.EventoDeDescarga, 0, len(page))}
	for _, e := range page[:min(size, len(page))] {
		out.Eventos = append(out.Eventos, evento(e))
	}
	if len(page) > size {
		out.Siguiente = page[size-1].Number
		linkNext(w, r, "despues", strconv.FormatInt(out.Siguiente, 10))
	}
	return writeJSON(w, http.StatusOK, out)
}

// SeguirDescarga streams a descarga's events after the last one that the caller had. A
// browser reconnects to its first address with Last-Event-ID, so the header has priority.
func (h *handler) SeguirDescarga(w http.ResponseWriter, r *http.Request, id rest.IDDescarga, params rest.SeguirDescargaParams) error {
	d, err := h.visible(r.Context(), id)
	if err != nil {
		return err
	}
	after, field, resumed := params.Despues, "despues", params.LastEventID != ""
	if resumed {
		field = "Last-Event-ID"
		if after, err = strconv.ParseInt(params.LastEventID, 10, 64); err != nil || after < 0 {
			return noSuchEvent(field)
		}
	}
	if after, err = h.existing(r.Context(), id, after, field); err != nil {
		return err
	}
	return h.streamEvents(w, r, d, after, resumed)
}

// existing returns after, an event number from the parameter field, if the descarga has
// it.
func (h *handler) existing(ctx context.Context, id string, after int64, field string) (int64, error) {
	if after == 0 {
		return 0, nil
	}
	// Numbers have no gaps.
	found, err := h.cfg.Descargas.Eventos(ctx, id, after-1, 1)
	if err != nil {
		return 0, err
	}
	if len(found) == 0 {
		return 0, noSuchEvent(field)
	}
	return after, nil
}

func noSuchEvent(field string) error {
	return &gateway.Error{Kind: gateway.KindMalformada, Own: gateway.OwnEventoInexistente, Detail: "La descarga no tiene ese evento.",
		Fields: []gateway.Field{{Campo: field, Detalle: "No es el número de un evento de esta descarga."}}}
}

// streamEvents sends events as they come (HTML Standard §9.2). A failure before the first
// byte is a problem. After a later one the stream stops without its final event, and the
// client reconnects.
func (h *handler) streamEvents(w http.ResponseWriter, r *http.Request, d gateway.Descarga, after int64, resumed bool) error {
	ctx, cancel := h.streamContext(r.Context())
	defer cancel()
	page, err := h.cfg.Descargas.Eventos(ctx, d.ID, after, streamBatch)
	if err != nil {
		return err
	}
	if resumed && len(page) == 0 && d.Estado.Final() {
		w.WriteHeader(http.StatusNoContent) // which tells a browser not to reconnect
		return nil
	}
	if whole, ok := w.(*watched); ok {
		w = whole.ResponseWriter // a stream says why it ends; the outer writer would cut it
	}
	s := &stream{w: w, control: http.NewResponseController(w), still: func() error { return h.still(r) }}
	w.Header().Set("Content-Type", contentEvents)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would buffer events
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	err = s.send("retry: " + reconnect + "\n\n")
	if err == nil {
		err = h.follow(ctx, s, d, after, page)
	}
	if left := (*withdrawn)(nil); errors.As(err, &left) {
		err = s.close(r, left.error)
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, errGone) {
		zerolog.Ctx(r.Context()).Warn().Err(err).Msg("a stream of events ended early")
	}
	return nil
}

// streamContext ends with the caller, with the gateway, or after maxStream.
func (h *handler) streamContext(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(parent, maxStream)
	go func() {
		select {
		case <-h.cfg.Stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// follow sends page, which follows the event after, and the later events, until the
// descarga is final.
func (h *handler) follow(ctx context.Context, s *stream, d gateway.Descarga, after int64, page []gateway.EventoDescarga) error {
	final := d.Estado.Final()
	for woken := false; ; {
		if err := s.events(page); err != nil {
			return err
		}
		if n := len(page); n > 0 {
			after, final, woken = page[n-1].Number, final || page[n-1].Estado.Final(), false
		}
		switch {
		case len(page) == streamBatch:
		case final:
			return h.end(ctx, s, d.ID)
		case woken:
			return errors.New("the wait for an event ended without one")
		default:
			if err := h.wait(ctx, s, d.ID, after); err != nil {
				return err
			}
			woken = true
			// The state is read first: once it is final, every earlier event exists.
			now, err := h.cfg.Descargas.Registered(ctx, d.ID)
			if err != nil {
				return err
			}
			final = now.Estado.Final()
		}
		var err error
		if page, err = h.cfg.Descargas.Eventos(ctx, d.ID, after, streamBatch); err != nil {
			return err
		}
	}
}

// wait returns when there is something to read, and sends heartbeats meanwhile.
func (h *handler) wait(ctx context.Context, s *stream, id string, after int64) error {
	for {
		quiet, cancel := context.WithTimeout(ctx, heartbeat)
		err := h.cfg.Descargas.WaitEvento(quiet, id, after)
		silent := quiet.Err() != nil && ctx.Err() == nil
		cancel()
		if err == nil || !silent {
			return err
		}
		if err := s.ask(); err != nil {
			return err
		}
		if err := s.send(": latido\n\n"); err != nil {
			return err
		}
	}
}

// end sends the final event, with the final state.
func (h *handler) end(ctx context.Context, s *stream, id string) error {
	d, err := h.cfg.Descargas.Descarga(ctx, id)
	if err != nil {
		return err
	}
	d.Solicitudes = nil
	data, err := encode(descarga(d))
	if err != nil {
		return err
	}
	return s.send("event: fin\ndata: " + string(data) + "\n") // data ends with a line end
}

// withdrawn is the reason why the caller's key is no longer valid for the stream.
type withdrawn struct{ error }

// errGone means that the caller does not read any more.
var errGone = errors.New("the caller is gone")

// stream writes to one caller, with a deadline for each piece.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	still   func() error
}

// ask returns a withdrawn if the caller's key is no longer valid for the stream.
func (s *stream) ask() error {
	if err := s.still(); err != nil {
		return &withdrawn{err}
	}
	return nil
}

// close sends the reason why a stream ends that its client should not simply reopen.
func (s *stream) close(r *http.Request, why error) error {
	data, err := encode(problemOf(r, gateway.AsError(why)))
	if err != nil {
		return err
	}
	return s.send("event: cierre\ndata: " + string(data) + "\n") // data ends with a line end
}

func (s *stream) send(text string) error {
	// Test recorders have no deadlines.
	s.control.SetWriteDeadline(time.Now().Add(stalledCaller))       //nolint:errcheck // see above
	if _, err := strings.NewReader(text).WriteTo(s.w); err != nil { // not Write: see writeJSON
		return errGone
	}
	if err := s.control.Flush(); err != nil {
		return errGone
	}
	return nil
}

// events sends a page in one piece, if the caller's key is still valid for it.
func (s *stream) events(page []gateway.EventoDescarga) error {
	if err := s.ask(); err != nil {
		return err
	}
	var b bytes.Buffer
	for _, e := range page {
		data, err := encode(evento(e))
		if err != nil {
			return err
		}
		b.WriteString("id: " + strconv.FormatInt(e.Number, 10) + "\n")
		if eventForm.MatchString(e.Tipo) {
			b.WriteString("event: " + e.Tipo + "\n")
		}
		b.WriteString("data: ")
		b.Write(data) // JSON escapes line ends; encode adds one at the end
		b.WriteString("\n")
	}
	if b.Len() == 0 {
		return nil
	}
	return s.send(b.String())
}
