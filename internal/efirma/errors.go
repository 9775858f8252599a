package efirma

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/pasarela-mx/pasarela/internal/disk"
)

// Problem is a stable code for a reason to refuse an e.firma. The REST contract publishes
// the codes; their meaning must not change.
type Problem string

// The reasons for refusal.
const (
	CerIlegible        Problem = "cer_ilegible"         // the .cer is not a readable certificate
	KeyIlegible        Problem = "key_ilegible"         // the .key or .p12 is not in a readable form
	PasswordIncorrecto Problem = "password_incorrecto"  // the password does not open the key
	PasswordAusente    Problem = "password_ausente"     // the key is encrypted and there is no password
	EsCSD              Problem = "es_csd"               // a certificado de sello digital, not an e.firma
	NoEsEfirma         Problem = "no_es_efirma"         // another kind of certificate
	Vencida            Problem = "vencida"              // past NotAfter
	AunNoVigente       Problem = "aun_no_vigente"       // before NotBefore
	LlaveNoCorresponde Problem = "llave_no_corresponde" // the key belongs to another certificate
	OtroRFC            Problem = "otro_rfc"             // the certificate is of another RFC than its folder
	SinRFC             Problem = "sin_rfc"              // the certificate names no RFC
	EmisorNoReconocido Problem = "emisor_no_reconocido" // none of the configured authorities issued it
	LlaveDebil         Problem = "llave_debil"          // fewer than 2048 bits
	ArchivosFaltantes  Problem = "archivos_faltantes"   // the folder lacks a file
	PermisosAbiertos   Problem = "permisos_abiertos"    // other users of this machine may replace the files
	ArchivosAmbiguos   Problem = "archivos_ambiguos"    // the folder holds more than one e.firma
	DemasiadoGrande    Problem = "demasiado_grande"     // a file larger than 64 KiB
	NoEncontrada       Problem = "no_encontrada"        // no folder for this RFC
)

// Error is a refusal. Detail may be shown to the API's user: it says in Spanish what is
// wrong and what to do, names files by their base name and holds no secret. Err is for
// the log; it may hold paths, never secrets.
type Error struct {
	Problem Problem
	RFC     string // empty if unknown
	Detail  string
	Err     error
}

func (e *Error) Error() string {
	text := "efirma: " + string(e.Problem)
	if e.RFC != "" {
		text = "efirma " + e.RFC + ": " + string(e.Problem)
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func falla(p Problem, err error, format string, args ...any) *Error {
	return &Error{Problem: p, Detail: fmt.Sprintf(format, args...), Err: err}
}

// ofMachine reports whether e is about this machine and not the files: reading failed,
// and neither their path nor their permissions are why.
func (e *Error) ofMachine() bool {
	if e == nil {
		return false
	}
	var errno syscall.Errno
	return errors.Is(e.Err, disk.ErrHangs) || errors.As(e.Err, &errno) && !slices.Contains([]syscall.Errno{syscall.ENOENT, syscall.ENOTDIR,
		syscall.EISDIR, syscall.ELOOP, syscall.ENAMETOOLONG, syscall.EACCES, syscall.EPERM}, errno)
}

// cause returns e, or this machine's own error if e is ofMachine.
func (e *Error) cause() error {
	if e.ofMachine() {
		return fmt.Errorf("efirma %s: %w", e.RFC, e.Err)
	}
	return e
}

// with returns a copy of e that names the RFC.
func (e *Error) with(rfc string) *Error {
	if e == nil {
		return nil
	}
	clone := *e
	clone.RFC = rfc
	return &clone
}
