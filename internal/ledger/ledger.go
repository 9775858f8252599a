// Package ledger sends messages that must not be sent twice. It records the intent before
// a message leaves. The outcome decides what a second use of the idempotency key gets.
//
// It does not send what it cannot record, and does not repeat what may have arrived.
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

// Ledger is the record of sent messages, in a store.
type Ledger struct {
	attempts  store.Attempts
	titulos   store.Titulos
	processes store.Processes
	mu        sync.Mutex
	// using counts the callers at work with an operation's key in this process. An intent
	// without such a caller has lost its sender.
	using map[string]int
	// unwritten are outcomes that the store did not accept.
	unwritten []store.Attempt
	// unsent are intents that the store may have written although it reported a failure.
	// Their messages were not sent.
	unsent []unsent
	// settling is held while unwritten is being written.
	settling sync.Mutex
}

// unsent identifies an intent by columns of its row.
type unsent struct {
	operation, key, digest string
	created                time.Time
}

// maxUnwritten bounds the outcomes kept in memory while the store is away. Nothing new is
// sent meanwhile, because sending needs the store.
const maxUnwritten = 1000

var errLost = errors.New("ledger: other gateways may hold this one for dead: it has not reached the database for too long")

// New returns the ledger over rows that the processes known to p write too. An intent of
// a live process is being sent.
func New(attempts store.Attempts, titulos store.Titulos, p store.Processes) *Ledger {
	return &Ledger{attempts: attempts, titulos: titulos, processes: p, using: make(map[string]int)}
}

// use registers the caller as at work with m's key until the returned function is called.
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

// alone reports whether no other caller is at work with m's key.
func (l *Ledger) alone(m Message) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.using[m.Operation+"\x1f"+m.Key] == 1
}

// Message is a message to be sent.
type Message struct {
	// Operation names the kind of message. Each kind has its own keys.
	Operation string
	// Key is the caller's idempotency key, prefixed by the caller; empty for none.
	Key string
	// Criterios is the full request as text, without secrets. Two messages with the same
	// text are the same message.
	Criterios string
	// Free reports that only an answer binds the key. After a refusal or an unknown
	// outcome the message may be sent again, because the system itself refuses what it
	// has already done.
	Free bool
	// Hint tells the caller what to do if the process ended while the message was being
	// sent.
	Hint string
	// Revoke reports whether a recorded refusal of a message sent at when no longer
	// holds, so the message may be sent again; nil means never.
	Revoke func(falla *gateway.Error, when time.Time) bool
	// Owner is the ID of the API key that sends the message; empty for none.
	Owner string
	// Rest returns what a failure leaves on record under a free key; nil means nothing.
	Rest func(error) Rest
}

// Rest is what a failure leaves on record under a free key, as stored in the row.
type Rest string

// Lost: it is unknown whether an earlier message took effect. Definitiva: the failure
// states something final that could not be learnt again, so it binds the key like an
// answer.
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

// Once sends m once, by calling send. A second use of m.Key with the same m is answered
// from the record (the second result is true), unless the first was refused for a reason
// that may pass; with another m it is a KindConflicto. Sending goes on if the caller
// leaves. A value that send returns with an error is recorded too if keep approves it,
// and is returned with that error again.
func Once[T any](ctx context.Context, l *Ledger, m Message, keep func(T) bool, send func(context.Context) (T, error)) (T, bool, error) {
	var none T
	ctx = context.WithoutCancel(ctx)
	defer l.use(m)()
	if l.processes.Lost() {
		return none, false, unrecorded(errLost)
	}
	l.Settle(ctx)
	row, mine, err := l.attempts.Try(ctx, store.Attempt{Operation: m.Operation, Key: m.Key, Digest: m.digest(), Criterios: m.Criterios, Process: l.processes.ID(), Owner: m.Owner})
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

// recorded decodes a recorded answer and returns it with the refusal recorded beside it.
func recorded[T any](text string, refusal error) (T, bool, error) {
	var answer T
	err := json.Unmarshal([]byte(text), &answer)
	return answer, true, cmp.Or(refusal, err)
}

func unrecorded(err error) error {
	return gateway.OwnFailure(err, "No se pudo registrar la petición, y sin registro no se envía. Revise el espacio y los permisos de GATEWAY_DATA_DIR, o la base de datos de GATEWAY_DATABASE_URL.")
}

// repeat decides about a second use of a key. It returns true to send the message, with
// row as the intent; false to answer from the record; or the refusal.
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
	intent, mine, err := l.attempts.Retry(ctx, *row, l.processes.ID())
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

// Lost reports whether a message was sent under the key and its outcome never became
// known.
func (l *Ledger) Lost(ctx context.Context, operation, key string) (bool, error) {
	m := Message{Operation: operation, Key: key}
	defer l.use(m)()
	row, err := l.attempts.Get(ctx, operation, key)
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

// Owner returns the owner of the message that created resource, and false if none is on
// record.
func (l *Ledger) Owner(ctx context.Context, operation, resource string) (string, bool, error) {
	l.mu.Lock()
	for _, out := range l.unwritten {
		if out.Operation == operation && out.Resource == resource && resource != "" {
			l.mu.Unlock()
			return out.Owner, true, nil
		}
	}
	l.mu.Unlock()
	row, err := l.attempts.ByResource(ctx, operation, resource)
	if errors.Is(err, store.ErrNotFound) {
		return "", false, nil
	}
	if err != nil {
		return "", false, unrecorded(err)
	}
	return row.Owner, true, nil
}

// RecordTitulos records the lote in which titles were sent.
func (l *Ledger) RecordTitulos(ctx context.Context, lote string, folios []string) error {
	return l.titulos.Record(ctx, lote, folios)
}

// TituloLotes returns the lotes in which a title was sent, the latest first.
func (l *Ledger) TituloLotes(ctx context.Context, folio string) ([]string, error) {
	lotes, err := l.titulos.Lotes(ctx, folio)
	if err != nil {
		return nil, unrecorded(err)
	}
	return lotes, nil
}

// abandoned reports whether an intent has lost its sender: its process died, or could not
// write the outcome. Otherwise the message is being sent.
func (l *Ledger) abandoned(ctx context.Context, row store.Attempt, m Message) bool {
	if row.Estado != store.EstadoIntento || l.unleft(row) {
		return false
	}
	if ours := row.Process == l.processes.ID(); ours && !l.alone(m) || !ours && l.processes.Alive(row.Process) {
		return false
	}
	// Its sender may have finished since the row was read.
	again, err := l.attempts.Get(ctx, m.Operation, m.Key)
	return err == nil && again.Estado == store.EstadoIntento && again.Created.Equal(row.Created) && again.Process == row.Process
}

// inProgress returns the error for a second use of a key whose first use has no outcome
// yet.
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

// outcome returns the row's new content and the sender's error. An answer that cannot be
// encoded is a failure, and its message is not sent again.
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
	if err := l.attempts.Resolve(ctx, out); err != nil {
		// The answer is still true. The row stays an intent until the store is back.
		zerolog.Ctx(ctx).Error().Err(err).Str("operacion", row.Operation).Str("respuesta", out.Answer).Msg("an outcome could not be recorded")
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.unwritten) < maxUnwritten {
			l.unwritten = append(l.unwritten, out)
		}
	}
}

// known returns row with the outcome that waits in this process for the store, if there
// is one, so that every reader sees it.
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

// neverLeft remembers that m, whose intent was created at that instant, was not sent.
func (l *Ledger) neverLeft(m Message, created time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.unsent) < maxUnwritten {
		l.unsent = append(l.unsent, unsent{m.Operation, m.Key, m.digest(), created})
	}
}

// unleft reports whether this process knows that the message of the intent row was not
// sent.
func (l *Ledger) unleft(row store.Attempt) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return row.Estado == store.EstadoIntento && row.Process == l.processes.ID() && slices.ContainsFunc(l.unsent, func(u unsent) bool {
		return u.operation == row.Operation && u.key == row.Key && u.digest == row.Digest && u.created.Equal(row.Created)
	})
}

// Settle writes the outcomes that the store did not accept earlier; until then other
// processes believe that those messages are being sent. Call it periodically, and last
// before a stop.
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
		if err := l.attempts.Resolve(ctx, out); err != nil {
			return
		}
		l.mu.Lock()
		l.unwritten = l.unwritten[1:]
		l.mu.Unlock()
	}
}

// Unwritten counts the outcomes that wait for Settle. They are lost if the process ends
// first.
func (l *Ledger) Unwritten() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.unwritten)
}

// Last returns the latest recorded answer for criterios and the instant of its request,
// and false if there is none.
func Last[T any](ctx context.Context, l *Ledger, operation, criterios string) (T, time.Time, bool) {
	var answer T
	row, err := l.attempts.LastAnswer(ctx, operation, Message{Criterios: criterios}.digest())
	if err == nil {
		err = json.Unmarshal([]byte(row.Answer), &answer)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		zerolog.Ctx(ctx).Error().Err(err).Msg("the ledger could not be read")
	}
	return answer, row.Created, err == nil
}
