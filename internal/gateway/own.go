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

// OwnFailure returns err as a failure of this gateway itself: of its database, its
// disk, its storage. It is KindSinServicio and may be asked for again when it passes,
// and KindInterno when waiting cures nothing. Nothing had been sent when it came.
// detail says in Spanish what could not be done and what to look at. An *Error stays
// what it is.
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

// ErrStopping says that the gateway is going down and begins nothing any more.
var ErrStopping = &Error{Kind: KindSinServicio, Own: OwnCerrando, Retryable: true, Unsent: true, RetryAfter: 10 * time.Second,
	Detail: "La pasarela se está deteniendo: entrega lo que ya tiene y no empieza nada nuevo. Repita en unos segundos."}

// IsOwn reports whether e is a failure of this gateway itself.
func (e *Error) IsOwn() bool { return e.Kind == KindInterno || e.Kind == KindSinServicio }

// Passes reports whether err, of something that this gateway needs here, may be over
// by itself or once somebody has seen to it: away, locked, full, read-only, refusing,
// too slow, out of files. Damage, defects and what nobody has foreseen do not pass.
//
// Drivers are known by what their errors can do, so that this package imports none.
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
	var dial *net.OpError // a socket that is not there is a server that is away
	if errors.As(err, &dial) {
		return true
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return !slices.Contains([]syscall.Errno{syscall.EINVAL, syscall.EBADF, syscall.EFAULT, syscall.ENAMETOOLONG, syscall.EEXIST, syscall.ENOENT}, errno)
	}
	var network net.Error
	var unsent interface{ SafeToRetry() bool } // pgx: a connection that is closed
	if errors.As(err, &network) || errors.As(err, &unsent) {
		return true
	}
	return slices.ContainsFunc([]error{context.DeadlineExceeded, context.Canceled, io.EOF, io.ErrUnexpectedEOF, io.ErrShortWrite,
		driver.ErrBadConn, sql.ErrConnDone, sql.ErrTxDone, net.ErrClosed}, func(target error) bool { return errors.Is(err, target) })
}

// passesPostgres judges an SQLSTATE (PostgreSQL, Appendix A) by its class, or whole.
func passesPostgres(state string) bool {
	if len(state) < 2 {
		return false
	}
	// Connection; authorization and database, which somebody is changing; rollback;
	// resources; locks; intervention; system. A standby is read-only.
	return slices.Contains([]string{"08", "28", "3D", "40", "53", "55", "57", "58"}, state[:2]) ||
		slices.Contains([]string{"25006", "42501"}, state)
}

// passesSQLite judges a result code (sqlite.org/rescode.html) by its primary one.
func passesSQLite(code int) bool {
	const perm, abort, busy, locked, nomem, readonly, interrupt, ioerr, full, cantopen, protocol, nolfs, auth = 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 22, 23
	return slices.Contains([]int{perm, abort, busy, locked, nomem, readonly, interrupt, ioerr, full, cantopen, protocol, nolfs, auth}, code&0xff)
}

// KeyReused is what a second use of an Idempotency-Key gets that asks for something else.
func KeyReused() *Error {
	return &Error{Kind: KindConflicto, Own: OwnClaveReutilizada, Unsent: true,
		Detail: "Esa Idempotency-Key ya se usó con otra petición. Use una clave nueva para cada petición distinta."}
}

// UnknownService says that the SAT has no such service.
func UnknownService() *Error {
	return &Error{Kind: KindNoEncontrado, Own: OwnServicioInexistente, Unsent: true, Detail: "No hay tal servicio: es cfdi o retenciones."}
}
