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
type CuentaSEP struct{ User, Password string }

// String keeps the account out of logs that print values.
func (CuentaSEP) String() string { return "gateway.CuentaSEP{}" }

// GoString keeps the account out of %#v as well.
func (c CuentaSEP) GoString() string { return c.String() }

// LoteCargado is the SEP's answer to an upload: the number of the lote. The SEP has not
// validated the titles yet.
type LoteCargado struct {
	NumeroLote string `json:"numeroLote"`
	Mensaje    string `json:"mensaje"`
}

// Resource is the lote's identifier in the ledger.
func (l LoteCargado) Resource() string { return l.NumeroLote }

// EstadoLote is the progress of a lote.
type EstadoLote struct {
	NumeroLote string
	// EstatusLote is 1 once the lote has been processed. Every other value means that it
	// has not (sep.md §3).
	EstatusLote int
	Mensaje     string
}

// Processed reports whether the result can be fetched. It says nothing about the titles.
func (e EstadoLote) Processed() bool { return e.EstatusLote == 1 }

// ErrWithoutFile is wrapped by the error of a result without a file: the lote is not
// processed yet, or has no result.
var ErrWithoutFile = errors.New("gateway: no file in the answer")

// Cancelacion asks for a title to be cancelled.
type Cancelacion struct {
	FolioControl string
	// Motivo is a code of the catalogue, not its text.
	Motivo string
	// CveInstitucion, if given, selects the operation for accounts that serve several
	// institutions. Production offers it, and its answer is not known.
	CveInstitucion string
}

// Validate checks the texts, which are sent to the SEP unchanged, beyond what the
// contract can say. It returns an *Error of KindInvalida that lists every field.
func (c Cancelacion) Validate() error {
	e := &Error{Kind: KindInvalida, Own: OwnCancelacionRechazable, Unsent: true, Detail: "La cancelación no se envió a la SEP. Corrija los campos indicados en errores."}
	for _, field := range []Field{{Campo: "folioControl", Detalle: c.FolioControl}, {Campo: "cveInstitucion", Detalle: c.CveInstitucion}} {
		if text := field.Detalle; text != "" && (strings.TrimSpace(text) == "" || strings.ContainsFunc(text, Invisible)) {
			field.Detalle = "Está en blanco, o tiene caracteres que no se ven."
			e.Fields = append(e.Fields, field)
		}
	}
	if e.Fields == nil {
		return nil
	}
	return e
}

// Invisible reports whether people cannot see a character: it is a control, a mark of
// format, white space other than a space, or none at all. What XML cannot carry is among
// them, and what stands for a character that was lost.
func Invisible(r rune) bool { return !unicode.IsGraphic(r) || r == utf8.RuneError }

// DoneCancelacion is the SEP's answer to a cancellation.
type DoneCancelacion struct {
	Codigo  string `json:"codigo"`
	Mensaje string `json:"mensaje"`
}

// Titulos is the SEP's title service.
type Titulos interface {
	// Upload uploads a file once; an unknown outcome is an *Error of
	// KindResultadoDesconocido.
	Upload(ctx context.Context, cuenta CuentaSEP, name string, file *io.SectionReader) (LoteCargado, error)
	// Query asks for the state of a lote; safe to repeat.
	Query(ctx context.Context, cuenta CuentaSEP, numeroLote string) (EstadoLote, error)
	// Result writes the result archive of a processed lote into sink and returns the
	// SEP's message; safe to repeat.
	Result(ctx context.Context, cuenta CuentaSEP, numeroLote string, sink io.Writer) (string, error)
	// Cancel cancels a title once.
	Cancel(ctx context.Context, cuenta CuentaSEP, c Cancelacion) (DoneCancelacion, error)
}
