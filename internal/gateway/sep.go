package gateway

import (
	"context"
	"errors"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CuentaSEP is an account of the SEP's title service. Secret.
type CuentaSEP struct{ Usuario, Password string }

// String keeps the account out of logs that print values.
func (CuentaSEP) String() string { return "gateway.CuentaSEP{}" }

// GoString keeps the account out of %#v as well.
func (c CuentaSEP) GoString() string { return c.String() }

// LoteCargado is the SEP's answer to an upload: the number by which the lote is
// followed. The titles have not been looked at yet.
type LoteCargado struct {
	NumeroLote string `json:"numeroLote"`
	Mensaje    string `json:"mensaje"`
}

// Recurso is what the ledger finds it by.
func (l LoteCargado) Recurso() string { return l.NumeroLote }

// EstadoLote is how far a lote is.
type EstadoLote struct {
	NumeroLote string
	// EstatusLote is 1 once the lote has been processed; no other value is known
	// to mean anything but not yet (sep.md §3).
	EstatusLote int
	Mensaje     string
}

// Procesado tells whether the result can be fetched. It says nothing of how the
// titles fared.
func (e EstadoLote) Procesado() bool { return e.EstatusLote == 1 }

// ErrSinArchivo is wrapped by the error of a result that came without its file:
// the lote is not processed yet, or has none.
var ErrSinArchivo = errors.New("gateway: no file in the answer")

// Cancelacion asks for a title to be cancelled.
type Cancelacion struct {
	FolioControl string
	// Motivo is a code of the catalogue, not its text.
	Motivo string
	// CveInstitucion, when given, makes it the operation for an account that
	// serves several institutions, which production offers and which has no answer.
	CveInstitucion string
}

// Validate checks what the contract cannot say of the texts, which go to the SEP as
// they are. The error is an *Error of KindInvalida that lists every field.
func (c Cancelacion) Validate() error {
	e := &Error{Kind: KindInvalida, Own: OwnCancelacionRechazable, NoEnviada: true, Detail: "La cancelación no se envió a la SEP. Corrija los campos indicados en errores."}
	for _, campo := range []Campo{{Campo: "folioControl", Detalle: c.FolioControl}, {Campo: "cveInstitucion", Detalle: c.CveInstitucion}} {
		if texto := campo.Detalle; texto != "" && (strings.TrimSpace(texto) == "" || strings.ContainsFunc(texto, invisible)) {
			campo.Detalle = "Está en blanco, o tiene caracteres que no se ven."
			e.Campos = append(e.Campos, campo)
		}
	}
	if e.Campos == nil {
		return nil
	}
	return e
}

// invisible are characters that no identifier has; XML cannot carry some of them.
func invisible(r rune) bool {
	return unicode.IsControl(r) || r == utf8.RuneError || r == 0xFFFE || r == 0xFFFF
}

// CancelacionHecha is the SEP's answer to a cancellation.
type CancelacionHecha struct {
	Codigo  string `json:"codigo"`
	Mensaje string `json:"mensaje"`
}

// Titulos is the SEP's title service.
type Titulos interface {
	// Carga uploads a file once; an unknown outcome is an *Error of
	// KindResultadoDesconocido.
	Carga(ctx context.Context, cuenta CuentaSEP, nombre string, archivo *io.SectionReader) (LoteCargado, error)
	// Consulta asks how far a lote is; safe to repeat.
	Consulta(ctx context.Context, cuenta CuentaSEP, numeroLote string) (EstadoLote, error)
	// Resultado writes the result archive of a processed lote into sink, and
	// returns the SEP's message; safe to repeat.
	Resultado(ctx context.Context, cuenta CuentaSEP, numeroLote string, sink io.Writer) (string, error)
	// Cancela cancels a title once.
	Cancela(ctx context.Context, cuenta CuentaSEP, c Cancelacion) (CancelacionHecha, error)
}
