package handlers

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/cfdi"
	"github.com/pasarela-mx/pasarela/internal/descargas"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Lectura reads what the stored packages of a descarga hold, in their order, from
// a cursor on that one of its own rows gave; empty for the beginning. An error is
// the last thing yielded: of KindMalformada for a cursor of another reading, of
// KindYaNoDisponible where retention has removed the packages. With parcial a damaged
// package is a fault and not an error.
type Lectura interface {
	Metadatos(ctx context.Context, id, cursor string, parcial bool) iter.Seq2[descargas.Renglon[cfdi.Metadato], error]
	Resumenes(ctx context.Context, id, cursor string, parcial bool) iter.Seq2[descargas.Renglon[cfdi.Resumen], error]
	// CFDI returns the bytes of one document as they are in its package, and how
	// many; -1 for unknown. KindNoEncontrado where no stored package has it,
	// KindRespuestaInvalida where it is there and cannot be read.
	CFDI(ctx context.Context, id, uuid string) (io.ReadCloser, int64, error)
}

// forma shows the rows of a reading of T as J.
type forma[T, J any] struct {
	h       *handler
	nombre  string // of the file
	tipo    string // of the solicitudes that bring it
	lee     func(ctx context.Context, id, cursor string, parcial bool) iter.Seq2[descargas.Renglon[T], error]
	muestra func(*T) J
	pagina  func(valores []J, fallas []rest.FallaDeLectura, siguiente string) any
	// columnas of CSV, and their cells; the fallas' is not among them.
	columnas []string
	celdas   func(celdas []string, valor *T) []string
}

const (
	contentNDJSON = "application/x-ndjson"
	// streamBlock is what is gathered before it is sent.
	streamBlock = 64 << 10
)

// escritura is one way of writing the rows of a reading, all in one answer.
type escritura[T any] struct {
	content, extension string
	linea              func(*bufio.Writer) func(descargas.Renglon[T]) error
}

func (f forma[T, J]) ndjson(w http.ResponseWriter, r *http.Request, id string, parcial bool) error {
	return f.exporta(w, r, id, parcial, escritura[T]{contentNDJSON, ".ndjson", f.lineas})
}

func (f forma[T, J]) csv(w http.ResponseWriter, r *http.Request, id string, params rest.ExportarMetadatosCSVParams) error {
	return f.exporta(w, r, id, params.Parcial, escritura[T]{contentTypeCSV, ".csv", f.renglones(params.Bom)})
}

// exporta answers a whole reading.
func (f forma[T, J]) exporta(w http.ResponseWriter, r *http.Request, id string, parcial bool, e escritura[T]) error {
	if err := f.legible(r.Context(), id, parcial); err != nil {
		return err
	}
	filas := f.lee(r.Context(), id, "", parcial)
	if !r.ProtoAtLeast(1, 1) {
		// Without chunks an answer ends when the connection does, cut or whole.
		for _, err := range filas {
			if err != nil {
				return err
			}
		}
	}
	w.Header().Set("Content-Type", e.content)
	w.Header().Set("Content-Disposition", `attachment; filename="`+f.nombre+`-`+id+e.extension+`"`)
	w.Header().Set("Cache-Control", "private, no-cache")
	return streamRows(w, r, filas, e.linea)
}

// legible returns an error unless the caller may read the descarga and there is what it asks.
func (f forma[T, J]) legible(ctx context.Context, id string, parcial bool) error {
	d, err := f.h.visible(ctx, id)
	if err != nil {
		return err
	}
	return f.h.completa(d, f.tipo, parcial)
}

// completa refuses to serve a part as the whole: a descarga that lives or ended
// without everything is read only where the caller says so.
func (h *handler) completa(d gateway.Descarga, tipo string, parcial bool) error {
	if err := deTipo(d, tipo); err != nil {
		return err
	}
	switch {
	case parcial, d.Estado == gateway.DescargaTerminada, d.Estado == gateway.DescargaVacia:
		return nil
	case d.Estado.Final():
		return &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnDescargaParcial, Detail: "La descarga quedó " + string(d.Estado) + ". Lo que hay se entrega con parcial=true."}
	}
	return h.enCurso(d, "La descarga sigue en curso. Espere a que termine, o pida con parcial=true lo que haya.")
}

func (h *handler) enCurso(d gateway.Descarga, detail string) error {
	return &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnDescargaEnCurso, Reintentable: true, Detail: detail,
		RetryAfter: time.Duration(h.segundosHasta(d.SiguienteIntento)) * time.Second}
}

// deTipo refuses what a descarga never holds.
func deTipo(d gateway.Descarga, tipo string) error {
	switch {
	case d.Peticion.Programacion != nil && d.IDProgramacion == "":
		return &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnDescargaRecurrente,
			Detail: "La descarga es recurrente y se lee corrida por corrida. Las corridas están en /v1/sat/descargas?idProgramacion=" + d.ID + "."}
	case d.Peticion.Solicitud.TipoSolicitud == tipo:
		return nil
	case tipo == gateway.TipoMetadata:
		return descargas.ErrNoEsMetadata
	}
	return descargas.ErrNoEsCFDI
}

// lista answers one page. A row more than it holds tells whether another follows.
func (f forma[T, J]) lista(w http.ResponseWriter, r *http.Request, id string, params rest.ListarMetadatosDescargaParams) error {
	if err := f.legible(r.Context(), id, params.Parcial); err != nil {
		return err
	}
	size := limite(params.Limite)
	valores, fallas := []J{}, []rest.FallaDeLectura{}
	siguiente, cursor := "", ""
	for fila, err := range f.lee(r.Context(), id, params.Cursor, params.Parcial) {
		if err != nil {
			return err
		}
		if len(valores)+len(fallas) == size {
			siguiente = cursor
			break
		}
		cursor = fila.Cursor
		if fila.Falla != nil {
			fallas = append(fallas, falla(fila.Paquete, fila.Falla))
		} else {
			valores = append(valores, f.muestra(&fila.Valor))
		}
	}
	linkNext(w, r, "cursor", siguiente)
	return writeJSON(w, http.StatusOK, f.pagina(valores, fallas, siguiente))
}

func falla(paquete string, f *cfdi.Falla) rest.FallaDeLectura {
	return rest.FallaDeLectura{Paquete: paquete, Entrada: f.Entrada, Fila: f.Fila, Detalle: f.Detalle}
}

// lineas writes each row as a line of JSON.
func (f forma[T, J]) lineas(out *bufio.Writer) func(descargas.Renglon[T]) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return func(fila descargas.Renglon[T]) error {
		if fila.Falla != nil {
			return enc.Encode(map[string]rest.FallaDeLectura{"falla": falla(fila.Paquete, fila.Falla)})
		}
		return enc.Encode(f.muestra(&fila.Valor))
	}
}

// renglones writes a heading, and each row. What could not be read is a row that has its last
// cell only.
func (f forma[T, J]) renglones(marca bool) func(out *bufio.Writer) func(descargas.Renglon[T]) error {
	return func(out *bufio.Writer) func(descargas.Renglon[T]) error {
		rows := newCSV(out, marca)
		celdas := append(append([]string{}, f.columnas...), "falla")
		heading := rows.write(celdas)
		return func(fila descargas.Renglon[T]) error {
			if heading != nil {
				return heading
			}
			celdas = celdas[:0]
			if fila.Falla != nil {
				for range f.columnas {
					celdas = append(celdas, "")
				}
				celdas = append(celdas, fila.Paquete+": "+fila.Falla.Error())
			} else {
				celdas = append(f.celdas(celdas, &fila.Valor), "")
			}
			return rows.write(celdas)
		}
	}
}

// streamRows sends rows as they are read. The answer begins with the first whole
// block: a failure before that is still a problem. When it fails later the
// connection is cut, so that no caller takes the part for the whole.
func streamRows[T any](w http.ResponseWriter, r *http.Request, filas iter.Seq2[descargas.Renglon[T], error], linea func(*bufio.Writer) func(descargas.Renglon[T]) error) error {
	if r.Method == http.MethodHead {
		return nil
	}
	to := newPatient(w)
	out := bufio.NewWriterSize(to, streamBlock)
	write := linea(out)
	for fila, err := range filas {
		switch {
		case err != nil && to.begun && r.Context().Err() != nil:
			panic(http.ErrAbortHandler) // the caller is gone, which is no failure of ours
		case err != nil && to.begun:
			zerolog.Ctx(r.Context()).Warn().Err(err).Msg("a reading failed; the answer is cut")
			panic(http.ErrAbortHandler)
		case err != nil:
			return err
		}
		if write(fila) != nil {
			return nil // the caller is gone
		}
	}
	out.Flush() //nolint:errcheck // the caller is gone
	return nil
}

// patient gives the caller a while to take each piece.
type patient struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
}

func newPatient(w http.ResponseWriter) *patient {
	return &patient{w: w, control: http.NewResponseController(w)}
}

func (p *patient) Write(b []byte) (int, error) {
	p.begun = true
	p.control.SetWriteDeadline(time.Now().Add(stalledCaller)) //nolint:errcheck // a test's recorder has none
	return p.w.Write(b)
}

func (h *handler) obtenerCFDI(w http.ResponseWriter, r *http.Request, id, uuid string) error {
	d, err := h.visible(r.Context(), id)
	if err != nil {
		return err
	}
	if err := deTipo(d, gateway.TipoCFDI); err != nil {
		return err
	}
	body, size, err := h.cfg.Lectura.CFDI(r.Context(), id, uuid)
	switch {
	case gateway.IsKind(err, gateway.KindNoEncontrado) && !d.Estado.Final():
		return h.enCurso(d, "El comprobante no está entre lo que ha llegado, y la descarga sigue en curso.")
	case err != nil:
		return err
	}
	defer body.Close() //nolint:errcheck // read only
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("Content-Disposition", `attachment; filename="`+strings.ToLower(uuid)+`.xml"`)
	w.Header().Set("Cache-Control", "private, no-cache")
	if size >= 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	}
	to := newPatient(w)
	read := &failure{r: body}
	io.Copy(to, read) //nolint:errcheck // the caller is gone, or read tells
	switch {
	case read.err != nil && to.begun:
		zerolog.Ctx(r.Context()).Warn().Err(read.err).Msg("a document failed; the answer is cut")
		panic(http.ErrAbortHandler)
	case read.err != nil:
		return read.err
	}
	return nil
}

// failure remembers why reading failed, so that it is told from writing.
type failure struct {
	r   io.Reader
	err error
}

func (f *failure) Read(b []byte) (int, error) {
	n, err := f.r.Read(b)
	if err != nil && err != io.EOF { // by identity: a failure may wrap an end
		f.err = err
	}
	return n, err
}
