package gateway

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"slices"
	"syscall"
	"time"
)

// OwnFailure returns err as a failure of the gateway's own database, disk or storage. Its
// kind is KindSinServicio, retryable, if waiting may help, and otherwise KindInterno.
// Nothing was sent. detail says in Spanish what could not be done and what to check. If
// err is an *Error already, it is returned unchanged.
func OwnFailure(err error, detail string) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case Passes(err):
		return &Error{Kind: KindSinServicio, Own: OwnFallaPasajera, Retryable: true, Unsent: true, Detail: detail + " Repita más tarde.", Err: err}
	}
	return &Error{Kind: KindInterno, Own: OwnFallaPropia, Unsent: true, Detail: detail, Err: err}
}

// ErrStopping reports that the gateway is shutting down and starts no new work.
var ErrStopping = &Error{Kind: KindSinServicio, Own: OwnCerrando, Retryable: true, Unsent: true, RetryAfter: 10 * time.Second,
	Detail: "La pasarela se está deteniendo: entrega lo que ya tiene y no empieza nada nuevo. Repita en unos segundos."}

// IsOwn reports whether e is a failure of the gateway itself.
func (e *Error) IsOwn() bool { return e.Kind == KindInterno || e.Kind == KindSinServicio }

// Passes reports whether err, from something local that the gateway needs, may be over
// later or after an operator acts: away, locked, full, read-only, refusing, too slow, out
// of file descriptors. Damage, defects and unknown errors do not pass.
//
// It recognizes drivers by the methods of their errors, so this package imports none.
func Passes(err error) bool {
	var temporary interface{ Temporary() bool } // as net.Error had it
	if errors.As(err, &temporary) && temporary.Temporary() {
		return true
	}
	var state interface{ SQLState() string } // pgx
	if errors.As(err, &state) {
		return passesPostgres(state.SQLState())
	}
	var code interface{ Code() int } // modernc.org/sqlite
	if errors.As(err, &code) {
		return passesSQLite(code.Code())
	}
	var dial *net.OpError // the server's socket is missing: the server is down
	if errors.As(err, &dial) {
		return true
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return !slices.Contains([]syscall.Errno{syscall.EINVAL, syscall.EBADF, syscall.EFAULT, syscall.ENAMETOOLONG, syscall.EEXIST, syscall.ENOENT}, errno)
	}
	var network net.Error
	var unsent interface{ SafeToRetry() bool } // pgx: a closed connection
	if errors.As(err, &network) || errors.As(err, &unsent) {
		return true
	}
	return slices.ContainsFunc([]error{context.DeadlineExceeded, context.Canceled, io.EOF, io.ErrUnexpectedEOF, io.ErrShortWrite,
		driver.ErrBadConn, sql.ErrConnDone, sql.ErrTxDone, net.ErrClosed}, func(target error) bool { return errors.Is(err, target) })
}

// passesPostgres decides by the class of an SQLSTATE, or by all of it (PostgreSQL,
// Appendix A).
func passesPostgres(state string) bool {
	if len(state) < 2 {
		return false
	}
	// Connection; authorization and database, which somebody may be changing; rollback;
	// resources; locks; operator intervention; system. A standby is read-only.
	return slices.Contains([]string{"08", "28", "3D", "40", "53", "55", "57", "58"}, state[:2]) ||
		slices.Contains([]string{"25006", "42501"}, state)
}

// passesSQLite decides by the primary result code (sqlite.org/rescode.html).
func passesSQLite(code int) bool {
	const perm, abort, busy, locked, nomem, readonly, interrupt, ioerr, full, cantopen, protocol, nolfs, auth = 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 22, 23
	return slices.Contains([]int{perm, abort, busy, locked, nomem, readonly, interrupt, ioerr, full, cantopen, protocol, nolfs, auth}, code&0xff)
}

// KeyReused returns the error for an Idempotency-Key that was used for another request.
func KeyReused() *Error {
	return &Error{Kind: KindConflicto, Own: OwnClaveReutilizada, Unsent: true,
		Detail: "Esa Idempotency-Key ya se usó con otra petición. Use una clave nueva para cada petición distinta."}
}

// UnknownService returns the error for a service that the SAT does not have.
func UnknownService() *Error {
	return &Error{Kind: KindNoEncontrado, Own: OwnServicioInexistente, Unsent: true, Detail: "No hay tal servicio: es cfdi o retenciones."}
}
