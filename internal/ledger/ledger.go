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

// Processes knows who of those that write to one store is alive.
type Processes interface {
	// ID is this process's, of this start.
	ID() string
	// Alive is false when the process is surely dead.
	Alive(id string) bool
	// Lost tells whether others may hold this process for dead.
	Lost() bool
}

// Ledger is the record of what is sent, over a store.
type Ledger struct {
	store     *store.Store
	processes Processes
	mu        sync.Mutex
	// using counts who is at work with an operation's key in this process: an
	// intent that nobody is at work with has lost its sender.
	using map[string]int
	// unwritten are outcomes that the store did not take.
	unwritten []store.Attempt
	// unsent are intents that the store may have taken, though it said that it failed:
	// their messages never left.
	unsent []unsent
	// settling is held by the one that writes them.
	settling sync.Mutex
}

// unsent is an intent by what its row has.
type unsent struct {
	operation, key, digest string
	created                time.Time
}

// maxUnwritten bounds what is kept while the store is away: without one, nothing
// new is sent either.
const maxUnwritten = 1000

var errLost = errors.New("ledger: other gateways may hold this one for dead: it has not reached the database for too long")

// New returns the ledger over st, which no other process writes.
func New(st *store.Store) *Ledger { return NewShared(st, only{}) }

// NewShared returns the ledger over st, which the processes that p knows write
// too. An intent of a process that lives is under way.
func NewShared(st *store.Store, p Processes) *Ledger {
	return &Ledger{store: st, processes: p, using: make(map[string]int)}
}

// only is the only process there is.
type only struct{}

func (only) ID() string        { return "" }
func (only) Alive(string) bool { return false }
func (only) Lost() bool        { return false }

// use joins those at work with m's key until the returned function is called.
func (l *Ledger) use(m Message) func() {
	key := m.Operation + "\x1f" + m.Key
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
	return l.using[m.Operation+"\x1f"+m.Key] == 1
}

// Message is what is about to be sent.
type Message struct {
	// Operation names the kind of message; keys of different kinds do not meet.
	Operation string
	// Key is the caller's idempotency key, scoped to the caller; empty for none.
	Key string
	// Criterios says what is asked for, fully and without secrets: two messages
	// with the same text are the same message.
	Criterios string
	// Free says that only an answer binds the key: after a refusal, or when the
	// outcome is unknown, it may be sent again, because the system itself refuses
	// what it has done before.
	Free bool
	// Hint is what a caller is told to do when the process ended while the
	// message was under way.
	Hint string
	// Revoke says that a refusal on record, of a message sent at that instant, no
	// longer holds, and the message may be sent again; nil for never.
	Revoke func(falla *gateway.Error, when time.Time) bool
	// Owner is the ID of the API key whose message it is; empty for nobody's.
	Owner string
	// Rest says what a failure leaves behind under a free key; nil for nothing.
	Rest func(error) Rest
}

// Rest is what a failure leaves behind under a free key, as a row says it.
type Rest string

// A failure may leave open what became of an earlier message (Lost), or say
// what is so once and for all and could not be learnt again (Definitiva): that
// one binds the key like an answer.
const (
	Nothing    Rest = ""
	Perdida    Rest = "perdida"
	Definitiva Rest = "definitiva"
)

func (m Message) rest(err error) Rest {
	if m.Rest == nil || err == nil {
		return Nothing
	}
	return m.Rest(err)
}

func (m Message) digest() string {
	sum := sha256.Sum256([]byte(m.Criterios))
	return hex.EncodeToString(sum[:])
}

// Once sends m by send, once. A second use of m.Key with the same m is
// answered from the record (the second result is true) unless the first was
// refused for a reason that passes; with another m it is a KindConflicto. A
// caller that goes away does not interrupt it. What send returns beside an error
// is kept too, if keep says that it is worth it, and returned beside it again.
func Once[T any](ctx context.Context, l *Ledger, m Message, keep func(T) bool, send func(context.Context) (T, error)) (T, bool, error) {
	var none T
	ctx = context.WithoutCancel(ctx)
	defer l.use(m)()
	if l.processes.Lost() {
		return none, false, unrecorded(errLost)
	}
	l.Settle(ctx)
	row, mine, err := l.store.Attempts.Try(ctx, store.Attempt{Operation: m.Operation, Key: m.Key, Digest: m.digest(), Criterios: m.Criterios, Process: l.processes.ID(), Owner: m.Owner})
	if err != nil {
		l.neverLeft(m, row.Created)
		return none, false, unrecorded(err)
	}
	if !mine {
		row = l.known(row)
		again, err := l.repeat(ctx, &row, m)
		if err == nil && !again {
			return recorded[T](row.Answer, nil)
		}
		if err != nil && row.Digest == m.digest() && row.Answer != "" {
			return recorded[T](row.Answer, err)
		}
		if err != nil {
			return none, true, err
		}
	}
	got, err := send(ctx)
	out, err := outcome(got, err, keep(got), m.rest(err))
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
func (l *Ledger) repeat(ctx context.Context, row *store.Attempt, m Message) (bool, error) {
	if row.Digest != m.digest() {
		return false, gateway.KeyReused()
	}
	switch {
	case row.Estado == store.EstadoAceptado:
		return false, nil
	case row.Estado == store.EstadoIntento && !l.unleft(*row) && (!m.Free || !l.abandoned(ctx, *row, m)):
		return false, l.inProgress(ctx, *row, m)
	case row.Estado == store.EstadoDesconocido && !m.Free:
		falla, _ := decodeFalla(row.Falla)
		return false, falla
	case row.Estado == store.EstadoRechazado:
		falla, rest := decodeFalla(row.Falla)
		revoked := m.Revoke != nil && m.Revoke(falla, row.Created)
		if rest == Definitiva || !m.Free && !falla.Retryable && !falla.Unsent && !revoked {
			return false, falla
		}
	}
	intent, mine, err := l.store.Attempts.Retry(ctx, *row, l.processes.ID())
	if err != nil {
		l.neverLeft(m, intent.Created)
		return false, unrecorded(err)
	}
	if !mine {
		return false, inProgress()
	}
	*row = intent
	return true, nil
}

// Lost tells whether a message was sent under the key and its outcome never
// became known.
func (l *Ledger) Lost(ctx context.Context, operation, key string) (bool, error) {
	m := Message{Operation: operation, Key: key}
	defer l.use(m)()
	row, err := l.store.Attempts.Get(ctx, operation, key)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, unrecorded(err)
	}
	row = l.known(row)
	if row.Estado == store.EstadoRechazado {
		_, rest := decodeFalla(row.Falla)
		return rest == Perdida, nil
	}
	return row.Estado == store.EstadoDesconocido || l.abandoned(ctx, row, m), nil
}

// Owner returns whose message it was that made resource; false where none on record did.
func (l *Ledger) Owner(ctx context.Context, operation, resource string) (string, bool, error) {
	l.mu.Lock()
	for _, out := range l.unwritten {
		if out.Operation == operation && out.Resource == resource && resource != "" {
			l.mu.Unlock()
			return out.Owner, true, nil
		}
	}
	l.mu.Unlock()
	row, err := l.store.Attempts.ByResource(ctx, operation, resource)
	if errors.Is(err, store.ErrNotFound) {
		return "", false, nil
	}
	if err != nil {
		return "", false, unrecorded(err)
	}
	return row.Owner, true, nil
}

// RecordTitulos notes in which lote titles were sent.
func (l *Ledger) RecordTitulos(ctx context.Context, lote string, folios []string) error {
	return l.store.Titulos.Record(ctx, lote, folios)
}

// TituloLotes returns the lotes in which a title was sent, the latest first.
func (l *Ledger) TituloLotes(ctx context.Context, folio string) ([]string, error) {
	lotes, err := l.store.Titulos.Lotes(ctx, folio)
	if err != nil {
		return nil, unrecorded(err)
	}
	return lotes, nil
}

// abandoned tells an intent that has lost its sender, because its process died
// or its outcome could not be written, from one that is being sent.
func (l *Ledger) abandoned(ctx context.Context, row store.Attempt, m Message) bool {
	if row.Estado != store.EstadoIntento || l.unleft(row) {
		return false
	}
	if ours := row.Process == l.processes.ID(); ours && !l.alone(m) || !ours && l.processes.Alive(row.Process) {
		return false
	}
	// Its sender may have ended since the row was read.
	again, err := l.store.Attempts.Get(ctx, m.Operation, m.Key)
	return err == nil && again.Estado == store.EstadoIntento && again.Created.Equal(row.Created) && again.Process == row.Process
}

// inProgress is what a second use of a key gets whose first has no outcome.
func (l *Ledger) inProgress(ctx context.Context, row store.Attempt, m Message) error {
	if !l.abandoned(ctx, row, m) {
		return inProgress()
	}
	return &gateway.Error{Kind: gateway.KindResultadoDesconocido, Own: gateway.OwnEnvioInterrumpido, Retryable: m.Free,
		Detail: "La pasarela se detuvo mientras enviaba esta petición y no se sabe si llegó. " + m.Hint}
}

func inProgress() error {
	return &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnPeticionEnCurso, Retryable: true, RetryAfter: 2 * time.Second, Unsent: true,
		Detail: "Una petición con esa Idempotency-Key está en curso. Repita en unos segundos para conocer su resultado."}
}

// outcome is the row's new content, and what the sender is told: an answer that could
// not be given again is a failure, whose message is not sent again.
func outcome[T any](got T, err error, keep bool, rest Rest) (store.Attempt, error) {
	row := store.Attempt{Estado: store.EstadoAceptado}
	if err == nil || keep {
		text, bad := json.Marshal(got)
		if bad != nil && err == nil {
			err = gateway.AsError(fmt.Errorf("ledger: an answer: %w", bad))
		}
		row.Answer = string(text)
		if made, ok := any(got).(interface{ Resource() string }); ok {
			row.Resource = made.Resource()
		}
	}
	if err == nil {
		return row, nil
	}
	e := gateway.AsError(err)
	row.Estado, row.Falla = store.EstadoRechazado, encodeFalla(e, rest)
	if e.Kind == gateway.KindResultadoDesconocido {
		row.Estado = store.EstadoDesconocido
	}
	return row, err
}

func (l *Ledger) resolve(ctx context.Context, row, out store.Attempt) {
	out.ID, out.Operation, out.Process, out.Created, out.Owner = row.ID, row.Operation, row.Process, row.Created, row.Owner
	if err := l.store.Attempts.Resolve(ctx, out); err != nil {
		// The answer is true all the same; the row stays an intent until the store is back.
		zerolog.Ctx(ctx).Error().Err(err).Str("operacion", row.Operation).Str("respuesta", out.Answer).Msg("an outcome could not be recorded")
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.unwritten) < maxUnwritten {
			l.unwritten = append(l.unwritten, out)
		}
	}
}

// known is row with the outcome that the store has not taken yet, if this process has it:
// what is known is what every reader sees.
func (l *Ledger) known(row store.Attempt) store.Attempt {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, out := range l.unwritten {
		if out.ID == row.ID && out.Created.Equal(row.Created) {
			row.Estado, row.Answer, row.Falla = out.Estado, out.Answer, out.Falla
		}
	}
	return row
}

// neverLeft remembers that the message of an intent of that instant did not leave.
func (l *Ledger) neverLeft(m Message, created time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.unsent) < maxUnwritten {
		l.unsent = append(l.unsent, unsent{m.Operation, m.Key, m.digest(), created})
	}
}

// unleft reports whether row is an intent whose message this process did not send.
func (l *Ledger) unleft(row store.Attempt) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return row.Estado == store.EstadoIntento && row.Process == l.processes.ID() && slices.ContainsFunc(l.unsent, func(u unsent) bool {
		return u.operation == row.Operation && u.key == row.Key && u.digest == row.Digest && u.created.Equal(row.Created)
	})
}

// Settle writes the outcomes that could not be written when they came: other
// processes take their messages for ones that are being sent. Call it now and then.
func (l *Ledger) Settle(ctx context.Context) {
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
		if err := l.store.Attempts.Resolve(ctx, out); err != nil {
			return
		}
		l.mu.Lock()
		l.unwritten = l.unwritten[1:]
		l.mu.Unlock()
	}
}

// Unwritten counts the outcomes that wait for Settle: they are lost if the process
// ends before.
func (l *Ledger) Unwritten() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.unwritten)
}

// Last returns the latest answer on record to what criterios says, and when it
// was asked for; false when there is none.
func Last[T any](ctx context.Context, l *Ledger, operation, criterios string) (T, time.Time, bool) {
	var answer T
	row, err := l.store.Attempts.LastAnswer(ctx, operation, Message{Criterios: criterios}.digest())
	if err == nil {
		err = json.Unmarshal([]byte(row.Answer), &answer)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		zerolog.Ctx(ctx).Error().Err(err).Msg("the ledger could not be read")
	}
	return answer, row.Created, err == nil
}
