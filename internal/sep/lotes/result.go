package lotes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/sep/xls"
)

// Result is the SEP's archive for a processed lote, unparsed: callers must be able to get
// the file itself, even if it cannot be parsed.
type Result struct {
	NumeroLote, Mensaje string
	file                *File
}

// Close removes the result's file.
func (r *Result) Close() { r.file.Close() }

// Zip returns a reader of the SEP's archive.
func (r *Result) Zip() *io.SectionReader { return r.file.Section() }

// Libro returns the extension of the workbook in the archive, .xls or .xlsx, and its
// bytes, unparsed. If there are several it returns an error that advises to ask for the
// archive.
func (r *Result) Libro() (extension string, libro *bytes.Reader, err error) {
	books, err := xls.Books(r.file.Section(), r.file.size)
	switch {
	case err != nil:
		return "", nil, unreadable(err, "el zip está dañado o no trae un libro de Excel")
	case len(books) > 1:
		return "", nil, unreadable(fmt.Errorf("lotes: %d books", len(books)), fmt.Sprintf("trae %d libros, no uno", len(books)))
	}
	return string(books[0].Kind), books[0].Reader(), nil
}

// Read reads the rows of all workbooks in the archive.
func (r *Result) Read() (Reading, error) {
	books, err := xls.Books(r.file.Section(), r.file.size)
	if err != nil {
		return Reading{}, unreadable(err, "el zip está dañado o no trae un libro de Excel")
	}
	return read(books)
}

// Result fetches the result of a processed lote of q. Close what it returns.
func (s *Servicio) Result(ctx context.Context, cuenta gateway.CuentaSEP, q Who, numeroLote string) (*Result, error) {
	if err := s.its(ctx, q, numeroLote); err != nil {
		return nil, err
	}
	return s.processed(ctx, cuenta, numeroLote)
}

// processed fetches the result of a processed lote of anybody.
func (s *Servicio) processed(ctx context.Context, cuenta gateway.CuentaSEP, numeroLote string) (*Result, error) {
	out, err := s.result(ctx, cuenta, numeroLote)
	if !errors.Is(err, gateway.ErrWithoutFile) {
		return out, err
	}
	estado, failure := s.sep.Query(ctx, cuenta, numeroLote)
	if failure != nil || !estado.Processed() {
		return nil, err
	}
	// The lote may have been processed in between. Only a file that is still missing
	// after that is missing for good.
	if out, err = s.result(ctx, cuenta, numeroLote); errors.Is(err, gateway.ErrWithoutFile) {
		return nil, withoutFile(err, estado.Mensaje)
	}
	return out, err
}

func (s *Servicio) result(ctx context.Context, cuenta gateway.CuentaSEP, numeroLote string) (*Result, error) {
	out := &Result{NumeroLote: numeroLote}
	var err error
	out.file, err = s.Write("", func(w io.Writer) error {
		var err error
		out.Mensaje, err = s.sep.Result(ctx, cuenta, numeroLote, w)
		return err
	})
	switch {
	case errors.Is(err, tooMany): // the fault is in the SEP's file, not the caller's
		return nil, &gateway.Error{Kind: gateway.KindRespuestaInvalida, Own: gateway.OwnResultadoGrande, Backend: "sep", Err: err,
			Detail: fmt.Sprintf("El archivo de resultado que entregó la SEP pasa de %d MB.", MaxFile>>20)}
	case err != nil:
		return nil, err
	}
	return out, nil
}

// withoutFile returns the error for a processed lote without a file. Asking again does
// not help, and the SEP's text is the only information.
func withoutFile(err error, mensaje string) error {
	e := *gateway.AsError(err)
	e.Own, e.Retryable, e.RetryAfter = gateway.OwnResultadoSinArchivo, false, 0
	e.Detail = "La SEP dice que el lote está procesado y no entrega archivo de resultado; su texto está en mensaje. " +
		"Suele querer decir que no pudo leer lo que se cargó: pregúntele con el número de lote, o corrija y cargue de nuevo, que los títulos ya registrados vuelven como ya_registrado."
	if e.Mensaje == "" {
		e.Mensaje = mensaje
	}
	return &e
}

// unreadable returns the error for a file that cannot be parsed. Asking again returns the
// same file, so the error says how to download it.
func unreadable(err error, why string) error {
	return &gateway.Error{Kind: gateway.KindRespuestaInvalida, Own: gateway.OwnResultadoIlegible, Backend: "sep", Err: err,
		Detail: "El resultado que entregó la SEP no se pudo leer: " + why + ". Pídalo en …/resultado.zip, que se entrega sin leerlo."}
}
