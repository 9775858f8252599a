// Package ledger sends what must not be sent twice: the intent is on record
// before a message leaves, and its outcome decides what a second use of the same
// idempotency key gets.
//
// It refuses to send what it cannot record, and to repeat what may have arrived.
package ledger

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// Procesos knows who of those that write to one store is alive.
type Procesos interface {
	// ID is this process's, of this start.
	ID() string
	// Vive is false when the process is surely dead.
	Vive(id string) bool
	// Perdida tells whether others may hold this process for dead.
	Perdida() bool
}

// Ledger is the record of what is sent, over a store.
type Ledger struct {
	store    *store.Store
	procesos Procesos
	mu       sync.Mutex
	// using counts who is at work with an operation's key in this process: an
	// intent that nobody is at work with has lost its sender.
	using map[string]int
	// unwritten are outcomes that the store did not take.
	unwritten []store.Intento
	// unsent are intents that the store may have taken, though it said that it failed:
	// their messages never left.
	unsent []unsent
	// settling is held by the one that writes them.
	settling sync.Mutex
}

// unsent is an intent by what its row has.
type unsent struct {
	operacion, clave, huella string
	creado                   time.Time
}

// maxUnwritten bounds what is kept while the store is away: without one, nothing
// new is sent either.
const maxUnwritten = 1000

var errPerdida = errors.New("ledger: other gateways may hold this one for dead: it has not reached the database for too long")

// New returns the ledger over st, which no other process writes.
func New(st *store.Store) *Ledger { return NewShared(st, solo{}) }

// NewShared returns the ledger over st, which the processes that p knows write
// too. An intent of a process that lives is under way.
func NewShared(st *store.Store, p Procesos) *Ledger {
	return &Ledger{store: st, procesos: p, using: make(map[string]int)}
}

// solo is the only process there is.
type solo struct{}

func (solo) ID() string       { return "" }
func (solo) Vive(string) bool { return false }
func (solo) Perdida() bool    { return false }

// use joins those at work with m's key until the returned function is called.
func (l *Ledger) use(m Message) func() {
	key := m.Operacion + "\x1f" + m.Clave
	l.mu.Lock()
	l.using[key]++
	l.mu.Unlock()
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.using[key]--; l.using[key] == 0 {
			delete(l.using, key)
		}
	}
}

// alone tells whether nobody else is at work with m's key.
func (l *Ledger) alone(m Message) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.using[m.Operacion+"\x1f"+m.Clave] == 1
}

// Message is what is about to be sent.
type Message struct {
	// Operacion names the kind of message; keys of different kinds do not meet.
	Operacion string
	// Clave is the caller's idempotency key, scoped to the caller; empty for none.
	Clave string
	// Criterios says what is asked for, fully and without secrets: two messages
	// with the same text are the same message.
	Criterios string
	// Libre says that only an answer binds the key: after a refusal, or when the
	// outcome is unknown, it may be sent again, because the system itself refuses
	// what it has done before.
	Libre bool
	// Consejo is what a caller is told to do when the process ended while the
	// message was under way.
	Consejo string
	// Revoca says that a refusal on record, of a message sent at that instant, no
	// longer holds, and the message may be sent again; nil for never.
	Revoca func(falla *gateway.Error, cuando time.Time) bool
	// Dueno is the ID of the API key whose message it is; empty for nobody's.
	Dueno string
	// Resto says what a failure leaves behind under a free key; nil for nothing.
	Resto func(error) Resto
}

// Resto is what a failure leaves behind under a free key, as a row says it.
type Resto string

// A failure may leave open what became of an earlier message (Perdida), or say
// what is so once and for all and could not be learnt again (Definitiva): that
// one binds the key like an answer.
const (
	Nada       Resto = ""
	Perdida    Resto = "perdida"
	Definitiva Resto = "definitiva"
)

func (m Message) resto(err error) Resto {
	if m.Resto == nil || err == nil {
		return Nada
	}
	return m.Resto(err)
}

func (m Message) huella() string {
	sum := sha256.Sum256([]byte(m.Criterios))
	return hex.EncodeToString(sum[:])
}

// Once sends m by send, once. A second use of m.Clave with the same m is
// answered from the record (the second result is true) unless the first was
// refused for a reason that passes; with another m it is a KindConflicto. A
// caller that goes away does not interrupt it. What send returns beside an error
// is kept too, if keep says that it is worth it, and returned beside it again.
func Once[T any](ctx context.Context, l *Ledger, m Message, keep func(T) bool, send func(context.Context) (T, error)) (T, bool, error) {
	var none T
	ctx = context.WithoutCancel(ctx)
	defer l.use(m)()
	if l.procesos.Perdida() {
		return none, false, unrecorded(errPerdida)
	}
	l.Salda(ctx)
	row, mine, err := l.store.Intenta(ctx, store.Intento{Operacion: m.Operacion, Clave: m.Clave, Huella: m.huella(), Criterios: m.Criterios, Proceso: l.procesos.ID(), Dueno: m.Dueno})
	if err != nil {
		l.neverLeft(m, row.Creado)
		return none, false, unrecorded(err)
	}
	if !mine {
		row = l.known(row)
		again, err := l.repeat(ctx, &row, m)
		if err == nil && !again {
			return recorded[T](row.Respuesta, nil)
		}
		if err != nil && row.Huella == m.huella() && row.Respuesta != "" {
			return recorded[T](row.Respuesta, err)
		}
		if err != nil {
			return none, true, err
		}
	}
	got, err := send(ctx)
	out, err := outcome(got, err, keep(got), m.resto(err))
	l.resolve(ctx, row, out)
	return got, false, err
}

// recorded is an answer from the record, beside the refusal that it was kept with.
func recorded[T any](text string, refusal error) (T, bool, error) {
	var answer T
	err := json.Unmarshal([]byte(text), &answer)
	return answer, true, cmp.Or(refusal, err)
}

func unrecorded(err error) error {
	return gateway.OwnFailure(err, "No se pudo registrar la petición, y sin registro no se envía. Revise el espacio y los permisos de GATEWAY_DATA_DIR, o la base de datos de GATEWAY_DATABASE_URL.")
}

// repeat decides what a second use of a key gets: true to send after all, with
// row as the intent, false for the answer on record, or the refusal.
func (l *Ledger) repeat(ctx context.Context, row *store.Intento, m Message) (bool, error) {
	if row.Huella != m.huella() {
		return false, gateway.KeyReused()
	}
	switch {
	case row.Estado == store.EstadoAceptado:
		return false, nil
	case row.Estado == store.EstadoIntento && !l.unleft(*row) && (!m.Libre || !l.abandoned(ctx, *row, m)):
		return false, l.inProgress(ctx, *row, m)
	case row.Estado == store.EstadoDesconocido && !m.Libre:
		falla, _ := decodeFalla(row.Falla)
		return false, falla
	case row.Estado == store.EstadoRechazado:
		falla, resto := decodeFalla(row.Falla)
		revocada := m.Revoca != nil && m.Revoca(falla, row.Creado)
		if resto == Definitiva || !m.Libre && !falla.Reintentable && !falla.NoEnviada && !revocada {
			return false, falla
		}
	}
	intent, mine, err := l.store.Reintenta(ctx, *row, l.procesos.ID())
	if err != nil {
		l.neverLeft(m, intent.Creado)
		return false, unrecorded(err)
	}
	if !mine {
		return false, enCurso()
	}
	*row = intent
	return true, nil
}

// Lost tells whether a message was sent under the key and its outcome never
// became known.
func (l *Ledger) Lost(ctx context.Context, operacion, clave string) (bool, error) {
	m := Message{Operacion: operacion, Clave: clave}
	defer l.use(m)()
	row, err := l.store.Intento(ctx, operacion, clave)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, unrecorded(err)
	}
	row = l.known(row)
	if row.Estado == store.EstadoRechazado {
		_, resto := decodeFalla(row.Falla)
		return resto == Perdida, nil
	}
	return row.Estado == store.EstadoDesconocido || l.abandoned(ctx, row, m), nil
}

// Dueno returns whose message it was that made recurso; false where none on record did.
func (l *Ledger) Dueno(ctx context.Context, operacion, recurso string) (string, bool, error) {
	l.mu.Lock()
	for _, out := range l.unwritten {
		if out.Operacion == operacion && out.Recurso == recurso && recurso != "" {
			l.mu.Unlock()
			return out.Dueno, true, nil
		}
	}
	l.mu.Unlock()
	row, err := l.store.PorRecurso(ctx, operacion, recurso)
	if errors.Is(err, store.ErrNotFound) {
		return "", false, nil
	}
	if err != nil {
		return "", false, unrecorded(err)
	}
	return row.Dueno, true, nil
}

// AnotaTitulos notes in which lote titles were sent.
func (l *Ledger) AnotaTitulos(ctx context.Context, lote string, folios []string) error {
	return l.store.AnotaTitulos(ctx, lote, folios)
}

// LotesDeTitulo returns the lotes in which a title was sent, the latest first.
func (l *Ledger) LotesDeTitulo(ctx context.Context, folio string) ([]string, error) {
	lotes, err := l.store.LotesDeTitulo(ctx, folio)
	if err != nil {
		return nil, unrecorded(err)
	}
	return lotes, nil
}

// abandoned tells an intent that has lost its sender, because its process died
// or its outcome could not be written, from one that is being sent.
func (l *Ledger) abandoned(ctx context.Context, row store.Intento, m Message) bool {
	if row.Estado != store.EstadoIntento || l.unleft(row) {
		return false
	}
	if ours := row.Proceso == l.procesos.ID(); ours && !l.alone(m) || !ours && l.procesos.Vive(row.Proceso) {
		return false
	}
	// Its sender may have ended since the row was read.
	again, err := l.store.Intento(ctx, m.Operacion, m.Clave)
	return err == nil && again.Estado == store.EstadoIntento && again.Creado.Equal(row.Creado) && again.Proceso == row.Proceso
}

// inProgress is what a second use of a key gets whose first has no outcome.
func (l *Ledger) inProgress(ctx context.Context, row store.Intento, m Message) error {
	if !l.abandoned(ctx, row, m) {
		return enCurso()
	}
	return &gateway.Error{Kind: gateway.KindResultadoDesconocido, Own: gateway.OwnEnvioInterrumpido, Reintentable: m.Libre,
		Detail: "La pasarela se detuvo mientras enviaba esta petición y no se sabe si llegó. " + m.Consejo}
}

func enCurso() error {
	return &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnPeticionEnCurso, Reintentable: true, RetryAfter: 2 * time.Second, NoEnviada: true,
		Detail: "Una petición con esa Idempotency-Key está en curso. Repita en unos segundos para conocer su resultado."}
}

// outcome is the row's new content, and what the sender is told: an answer that could
// not be given again is a failure, whose message is not sent again.
func outcome[T any](got T, err error, keep bool, resto Resto) (store.Intento, error) {
	row := store.Intento{Estado: store.EstadoAceptado}
	if err == nil || keep {
		text, bad := json.Marshal(got)
		if bad != nil && err == nil {
			err = gateway.AsError(fmt.Errorf("ledger: an answer: %w", bad))
		}
		row.Respuesta = string(text)
		if made, ok := any(got).(interface{ Recurso() string }); ok {
			row.Recurso = made.Recurso()
		}
	}
	if err == nil {
		return row, nil
	}
	e := gateway.AsError(err)
	row.Estado, row.Falla = store.EstadoRechazado, encodeFalla(e, resto)
	if e.Kind == gateway.KindResultadoDesconocido {
		row.Estado = store.EstadoDesconocido
	}
	return row, err
}

func (l *Ledger) resolve(ctx context.Context, row, out store.Intento) {
	out.ID, out.Operacion, out.Proceso, out.Creado, out.Dueno = row.ID, row.Operacion, row.Proceso, row.Creado, row.Dueno
	if err := l.store.Resuelve(ctx, out); err != nil {
		// The answer is true all the same; the row stays an intent until the store is back.
		zerolog.Ctx(ctx).Error().Err(err).Str("operacion", row.Operacion).Str("respuesta", out.Respuesta).Msg("an outcome could not be recorded")
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.unwritten) < maxUnwritten {
			l.unwritten = append(l.unwritten, out)
		}
	}
}

// known is row with the outcome that the store has not taken yet, if this process has it:
// what is known is what every reader sees.
func (l *Ledger) known(row store.Intento) store.Intento {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, out := range l.unwritten {
		if out.ID == row.ID && out.Creado.Equal(row.Creado) {
			row.Estado, row.Respuesta, row.Falla = out.Estado, out.Respuesta, out.Falla
		}
	}
	return row
}

// neverLeft remembers that the message of an intent of that instant did not leave.
func (l *Ledger) neverLeft(m Message, creado time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.unsent) < maxUnwritten {
		l.unsent = append(l.unsent, unsent{m.Operacion, m.Clave, m.huella(), creado})
	}
}

// unleft reports whether row is an intent whose message this process did not send.
func (l *Ledger) unleft(row store.Intento) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return row.Estado == store.EstadoIntento && row.Proceso == l.procesos.ID() && slices.ContainsFunc(l.unsent, func(u unsent) bool {
		return u.operacion == row.Operacion && u.clave == row.Clave && u.huella == row.Huella && u.creado.Equal(row.Creado)
	})
}

// Salda writes the outcomes that could not be written when they came: other
// processes take their messages for ones that are being sent. Call it now and then.
func (l *Ledger) Salda(ctx context.Context) {
	if !l.settling.TryLock() {
		return
	}
	defer l.settling.Unlock()
	for {
		l.mu.Lock()
		if len(l.unwritten) == 0 {
			l.mu.Unlock()
			return
		}
		out := l.unwritten[0]
		l.mu.Unlock()
		if err := l.store.Resuelve(ctx, out); err != nil {
			return
		}
		l.mu.Lock()
		l.unwritten = l.unwritten[1:]
		l.mu.Unlock()
	}
}

// Unwritten counts the outcomes that wait for Salda: they are lost if the process
// ends before.
func (l *Ledger) Unwritten() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.unwritten)
}

// Last returns the latest answer on record to what criterios says, and when it
// was asked for; false when there is none.
func Last[T any](ctx context.Context, l *Ledger, operacion, criterios string) (T, time.Time, bool) {
	var answer T
	row, err := l.store.UltimaRespuesta(ctx, operacion, Message{Criterios: criterios}.huella())
	if err == nil {
		err = json.Unmarshal([]byte(row.Respuesta), &answer)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		zerolog.Ctx(ctx).Error().Err(err).Msg("the ledger could not be read")
	}
	return answer, row.Creado, err == nil
}
