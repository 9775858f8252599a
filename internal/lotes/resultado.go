package lotes

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/xls"
)

// Resultado is what became of a lote.
type Resultado struct {
	NumeroLote, Mensaje string
	Titulos             []TituloResultado
	archivo             *Archivo
}

// TituloResultado is what became of one title: the workbook's row, and what we
// make of it.
type TituloResultado struct {
	Archivo, Estatus, Descripcion, FolioControl string
	Resultado                                   string // one of the constants below
	Motivo                                      string // of a title that is not registrado; a code of Motivos
}

// What a row comes to.
const (
	Registrado   = "registrado"
	YaRegistrado = "ya_registrado"
	Rechazado    = "rechazado"
	Desconocido  = "desconocido"
)

// Close removes the result's file.
func (r *Resultado) Close() { r.archivo.Close() }

// Zip reads the archive as the SEP gave it.
func (r *Resultado) Zip() *io.SectionReader { return r.archivo.Section() }

// Libro returns the name and the bytes of the workbook in the archive.
func (r *Resultado) Libro() (string, *bytes.Reader, error) {
	name, book, err := xls.Book(r.archivo.Section(), r.archivo.size)
	if err != nil {
		return "", nil, ilegible(err)
	}
	return name, book, nil
}

// maxTexto bounds the text of a result: a workbook may name one long text in
// every row. Ten thousand real rows are about one megabyte.
const maxTexto = 32 << 20

var errLargo = errors.New("lotes: the result's text is over its bound")

// Resultado fetches the result of a processed lote and reads it. Close what it
// returns.
func (s *Servicio) Resultado(ctx context.Context, cuenta gateway.CuentaSEP, numeroLote string) (*Resultado, error) {
	out := &Resultado{NumeroLote: numeroLote}
	var err error
	out.archivo, err = s.Escribe("", func(w io.Writer) error {
		var err error
		out.Mensaje, err = s.sep.Resultado(ctx, cuenta, numeroLote, w)
		return err
	})
	if errors.Is(err, demasiado) { // their file, not the caller's
		return nil, ilegible(err)
	}
	if err != nil {
		return nil, err
	}
	heading, left := true, maxTexto
	for row, err := range xls.ResultadoZip(out.archivo.Section(), out.archivo.size) {
		if err != nil {
			out.Close()
			return nil, ilegible(err)
		}
		if heading { // ARCHIVO, ESTATUS, DESCRIPCION, FOLIO CONTROL
			heading = false
			continue
		}
		for _, cell := range row {
			left -= len(cell)
		}
		if left < 0 {
			out.Close()
			return nil, ilegible(errLargo)
		}
		out.Titulos = append(out.Titulos, lee(row))
	}
	return out, nil
}

func ilegible(err error) error {
	return &gateway.Error{Kind: gateway.KindRespuestaInvalida, Backend: "sep", Err: err, Reintentable: true,
		Detail: "El archivo de resultado que entregó la SEP no se pudo leer. Puede repetir la petición sin riesgo."}
}

// lee makes a row of the workbook's cells; missing ones are empty.
func lee(cells []string) TituloResultado {
	cells = append(cells, "", "", "", "")
	t := TituloResultado{Archivo: cells[0], Estatus: cells[1], Descripcion: cells[2], FolioControl: cells[3]}
	t.Resultado, t.Motivo = clasifica(t.Estatus, t.Descripcion)
	return t
}
