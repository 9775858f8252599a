package efirma

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/pasarela-mx/pasarela/internal/disk"
)

// Problem is a stable code for why an e.firma is refused. The REST contract
// publishes them; none may change its meaning.
type Problem string

// The reasons for refusal.
const (
	CerIlegible        Problem = "cer_ilegible"         // the .cer is no certificate that can be read
	KeyIlegible        Problem = "key_ilegible"         // the .key or .p12 has a form that cannot be read
	PasswordIncorrecto Problem = "password_incorrecto"  // the password does not open the key
	PasswordAusente    Problem = "password_ausente"     // the key is encrypted and there is no password
	EsCSD              Problem = "es_csd"               // a certificado de sello digital, not an e.firma
	NoEsEfirma         Problem = "no_es_efirma"         // some other kind of certificate
	Vencida            Problem = "vencida"              // past NotAfter
	AunNoVigente       Problem = "aun_no_vigente"       // before NotBefore
	LlaveNoCorresponde Problem = "llave_no_corresponde" // the key belongs to another certificate
	OtroRFC            Problem = "otro_rfc"             // the certificate is of another RFC than its folder
	SinRFC             Problem = "sin_rfc"              // the certificate names no RFC
	EmisorNoReconocido Problem = "emisor_no_reconocido" // none of the configured authorities issued it
	LlaveDebil         Problem = "llave_debil"          // fewer than 2048 bits
	ArchivosFaltantes  Problem = "archivos_faltantes"   // the folder lacks a file
	PermisosAbiertos   Problem = "permisos_abiertos"    // others of this machine may replace the files
	ArchivosAmbiguos   Problem = "archivos_ambiguos"    // the folder holds more than one e.firma
	DemasiadoGrande    Problem = "demasiado_grande"     // a file of more than 64 KiB
	NoEncontrada       Problem = "no_encontrada"        // no folder for this RFC
)

// Error is a refusal. Detail may be shown to the API's user: it says in
// Spanish what is wrong and what to do, names files by their base name and
// holds no secret. Err is for the log alone; it may name paths, never secrets.
type Error struct {
	Problem Problem
	RFC     string // as far as known
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

// ofMachine reports whether e says nothing of the files: this machine could not read
// them, and neither their place nor their permissions are why.
func (e *Error) ofMachine() bool {
	if e == nil {
		return false
	}
	var errno syscall.Errno
	return errors.Is(e.Err, disk.ErrHangs) || errors.As(e.Err, &errno) && !slices.Contains([]syscall.Errno{syscall.ENOENT, syscall.ENOTDIR,
		syscall.EISDIR, syscall.ELOOP, syscall.ENAMETOOLONG, syscall.EACCES, syscall.EPERM}, errno)
}

// cause is e, or what this machine has failed with where e is ofMachine.
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
