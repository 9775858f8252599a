package lotes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/xls"
)

// Resultado is what the SEP gave of a processed lote, unread: whoever wants to
// see the file itself must get it, also where it cannot be read.
type Resultado struct {
	NumeroLote, Mensaje string
	archivo             *Archivo
}

// Close removes the result's file.
func (r *Resultado) Close() { r.archivo.Close() }

// Zip reads the archive as the SEP gave it.
func (r *Resultado) Zip() *io.SectionReader { return r.archivo.Section() }

// Libro returns how the name of the workbook in the archive ends, .xls or .xlsx,
// and its bytes, unread. Several are an error that says to ask for the archive.
func (r *Resultado) Libro() (extension string, libro *bytes.Reader, err error) {
	books, err := xls.Books(r.archivo.Section(), r.archivo.size)
	switch {
	case err != nil:
		return "", nil, ilegible(err, "el zip está dañado o no trae un libro de Excel")
	case len(books) > 1:
		return "", nil, ilegible(fmt.Errorf("lotes: %d books", len(books)), fmt.Sprintf("trae %d libros, no uno", len(books)))
	}
	return string(books[0].Kind), books[0].Reader(), nil
}

// Lee reads the rows of all workbooks in the archive.
func (r *Resultado) Lee() (Lectura, error) {
	books, err := xls.Books(r.archivo.Section(), r.archivo.size)
	if err != nil {
		return Lectura{}, ilegible(err, "el zip está dañado o no trae un libro de Excel")
	}
	return lee(books)
}

// Resultado fetches the result of a processed lote of q. Close what it returns.
func (s *Servicio) Resultado(ctx context.Context, cuenta gateway.CuentaSEP, q Quien, numeroLote string) (*Resultado, error) {
	if err := s.suyo(ctx, q, numeroLote); err != nil {
		return nil, err
	}
	return s.procesado(ctx, cuenta, numeroLote)
}

// procesado fetches the result of a processed lote, whoever asks.
func (s *Servicio) procesado(ctx context.Context, cuenta gateway.CuentaSEP, numeroLote string) (*Resultado, error) {
	out, err := s.resultado(ctx, cuenta, numeroLote)
	if !errors.Is(err, gateway.ErrSinArchivo) {
		return out, err
	}
	estado, fallo := s.sep.Consulta(ctx, cuenta, numeroLote)
	if fallo != nil || !estado.Procesado() {
		return nil, err
	}
	// The lote may have been processed between the two: only a file that is missing
	// after that is missing for good.
	if out, err = s.resultado(ctx, cuenta, numeroLote); errors.Is(err, gateway.ErrSinArchivo) {
		return nil, sinArchivo(err, estado.Mensaje)
	}
	return out, err
}

func (s *Servicio) resultado(ctx context.Context, cuenta gateway.CuentaSEP, numeroLote string) (*Resultado, error) {
	out := &Resultado{NumeroLote: numeroLote}
	var err error
	out.archivo, err = s.Escribe("", func(w io.Writer) error {
		var err error
		out.Mensaje, err = s.sep.Resultado(ctx, cuenta, numeroLote, w)
		return err
	})
	switch {
	case errors.Is(err, demasiado): // their file, not the caller's
		return nil, &gateway.Error{Kind: gateway.KindRespuestaInvalida, Own: gateway.OwnResultadoGrande, Backend: "sep", Err: err,
			Detail: fmt.Sprintf("El archivo de resultado que entregó la SEP pasa de %d MB.", MaxArchivo>>20)}
	case err != nil:
		return nil, err
	}
	return out, nil
}

// sinArchivo is a lote that is processed and has no file: asking again brings nothing,
// and the SEP's text is all there is.
func sinArchivo(err error, mensaje string) error {
	e := *gateway.AsError(err)
	e.Own, e.Reintentable, e.RetryAfter = gateway.OwnResultadoSinArchivo, false, 0
	e.Detail = "La SEP dice que el lote está procesado y no entrega archivo de resultado; su texto está en mensaje. " +
		"Suele querer decir que no pudo leer lo que se cargó: pregúntele con el número de lote, o corrija y cargue de nuevo, que los títulos ya registrados vuelven como ya_registrado."
	if e.Mensaje == "" {
		e.Mensaje = mensaje
	}
	return &e
}

// ilegible is a file that cannot be read. Asking again brings the same one, so
// it says how to get at it.
func ilegible(err error, porque string) error {
	return &gateway.Error{Kind: gateway.KindRespuestaInvalida, Own: gateway.OwnResultadoIlegible, Backend: "sep", Err: err,
		Detail: "El resultado que entregó la SEP no se pudo leer: " + porque + ". Pídalo en …/resultado.zip, que se entrega sin leerlo."}
}
