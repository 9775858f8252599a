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
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/sat/cfdi"
	"github.com/pasarela-mx/pasarela/internal/sat/descargas"
)

// Reading reads the rows of a descarga's stored packages, in order, from a cursor of one
// of its own rows; empty for the beginning. An error is the last value: KindMalformada
// for another reading's cursor, KindYaNoDisponible if retention has removed the packages.
// With parcial a damaged package is a falla instead of an error.
type Reading interface {
	Metadatos(ctx context.Context, d gateway.Descarga, cursor string, partial bool) iter.Seq2[descargas.Line[cfdi.Metadato], error]
	Summaries(ctx context.Context, d gateway.Descarga, cursor string, partial bool) iter.Seq2[descargas.Line[cfdi.Summary], error]
	// CFDI returns one document as it is in its package, and its length; -1 if unknown.
	// The error is KindNoEncontrado if no stored package has it, and
	// KindRespuestaInvalida if it is there but cannot be read.
	CFDI(ctx context.Context, d gateway.Descarga, uuid string) (io.ReadCloser, int64, error)
}

// form shows the rows of a reading of T as J.
type form[T, J any] struct {
	h    *handler
	name string // of the file
	tipo string // of the solicitudes that contain it
	read func(ctx context.Context, d gateway.Descarga, cursor string, partial bool) iter.Seq2[descargas.Line[T], error]
	show func(*T) J
	page func(values []J, fallas []rest.FallaDeLectura, next string) any
	// columns are the CSV columns without the fallas', and cells their values.
	columns []string
	cells   func(cells []string, value *T) []string
}

const (
	contentNDJSON = "application/x-ndjson"
	// streamBlock is the size of a block of an answer.
	streamBlock = 64 << 10
)

// write is a format for the rows of a whole reading.
type write[T any] struct {
	content, extension string
	line               func(*bufio.Writer) func(descargas.Line[T]) error
}

func (f form[T, J]) ndjson(w http.ResponseWriter, r *http.Request, id string, partial bool) error {
	return f.export(w, r, id, partial, write[T]{contentNDJSON, ".ndjson", f.jsonLines})
}

func (f form[T, J]) csv(w http.ResponseWriter, r *http.Request, id string, params rest.ExportarMetadatosCSVParams) error {
	return f.export(w, r, id, params.Parcial, write[T]{contentTypeCSV, ".csv", f.rows(params.Bom)})
}

func (h *handler) ListarMetadatosDescarga(w http.ResponseWriter, r *http.Request,
	id rest.IDDescarga, params rest.ListarMetadatosDescargaParams,
) error {
	return h.metadatos().list(w, r, id, params)
}

func (h *handler) ExportarMetadatosNDJSON(w http.ResponseWriter, r *http.Request,
	id rest.IDDescarga, params rest.ExportarMetadatosNDJSONParams,
) error {
	return h.metadatos().ndjson(w, r, id, params.Parcial)
}

func (h *handler) ExportarMetadatosCSV(w http.ResponseWriter, r *http.Request,
	id rest.IDDescarga, params rest.ExportarMetadatosCSVParams,
) error {
	return h.metadatos().csv(w, r, id, params)
}

func (h *handler) ListarCFDIsDescarga(w http.ResponseWriter, r *http.Request,
	id rest.IDDescarga, params rest.ListarCFDIsDescargaParams,
) error {
	return h.summaries().list(w, r, id, rest.ListarMetadatosDescargaParams(params))
}

func (h *handler) ExportarCFDIsNDJSON(w http.ResponseWriter, r *http.Request,
	id rest.IDDescarga, params rest.ExportarCFDIsNDJSONParams,
) error {
	return h.summaries().ndjson(w, r, id, params.Parcial)
}

func (h *handler) ExportarCFDIsCSV(w http.ResponseWriter, r *http.Request, id rest.IDDescarga, params rest.ExportarCFDIsCSVParams) error {
	return h.summaries().csv(w, r, id, rest.ExportarMetadatosCSVParams(params))
}

// export answers a whole reading.
func (f form[T, J]) export(w http.ResponseWriter, r *http.Request, id string, partial bool, e write[T]) error {
	d, err := f.readable(r.Context(), id, partial)
	if err != nil {
		return err
	}
	rows := f.read(r.Context(), d, "", partial)
	if !r.ProtoAtLeast(1, 1) {
		// Without chunks, only the end of the connection ends an answer, whether cut or
		// complete.
		for _, err := range rows {
			if err != nil {
				return err
			}
		}
	}
	w.Header().Set("Content-Type", e.content)
	w.Header().Set("Content-Disposition", `attachment; filename="`+f.name+`-`+id+e.extension+`"`)
	w.Header().Set("Cache-Control", "private, no-cache")
	return streamRows(w, r, rows, e.line)
}

// readable returns the descarga if the caller may read it and it has these rows.
func (f form[T, J]) readable(ctx context.Context, id string, partial bool) (gateway.Descarga, error) {
	d, err := f.h.visible(ctx, id)
	if err == nil {
		err = f.h.complete(ctx, d, f.tipo, partial)
	}
	return d, err
}

// complete refuses to serve a part as the whole: a descarga that is live, or ended
// incomplete, is read only if the caller asks for a part.
func (h *handler) complete(ctx context.Context, d gateway.Descarga, tipo string, partial bool) error {
	if err := ofTipo(d, tipo); err != nil {
		return err
	}
	switch {
	case partial, d.Estado == gateway.DescargaTerminada, d.Estado == gateway.DescargaVacia:
		return nil
	case d.Estado.Final():
		return &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnDescargaParcial, Detail: "La descarga quedó " + string(d.Estado) + ". Lo que hay se entrega con parcial=true."}
	}
	return h.inProgress(ctx, d.ID, "La descarga sigue en curso. Espere a que termine, o pida con parcial=true lo que haya.")
}

// inProgress refuses what has not come yet, until the descarga's next step.
func (h *handler) inProgress(ctx context.Context, id, detail string) error {
	d, err := h.cfg.Descargas.Descarga(ctx, id)
	if err != nil {
		return err
	}
	return &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnDescargaEnCurso, Retryable: true, Detail: detail,
		RetryAfter: time.Duration(h.secondsUntil(d.SiguienteIntento)) * time.Second}
}

// ofTipo refuses rows that a descarga never has.
func ofTipo(d gateway.Descarga, tipo string) error {
	switch {
	case d.Request.Programacion != nil && d.IDProgramacion == "":
		return &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnDescargaRecurrente,
			Detail: "La descarga es recurrente y se lee corrida por corrida. Las corridas están en /v1/sat/descargas?idProgramacion=" + d.ID + "."}
	case d.Request.Solicitud.TipoSolicitud == tipo:
		return nil
	case tipo == gateway.TipoMetadata:
		return &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnDescargaSinMetadatos,
			Detail: "La descarga es de CFDI y no trae metadatos. Pida sus XML en …/cfdis, o cree una descarga con tipoSolicitud Metadata."}
	}
	return &gateway.Error{Kind: gateway.KindConflicto, Own: gateway.OwnDescargaSinCFDI,
		Detail: "La descarga es de metadatos y no trae XML. Pida sus filas en …/metadatos, o cree una descarga con tipoSolicitud CFDI."}
}

// list answers one page. It reads one row more, to know whether another page follows.
func (f form[T, J]) list(w http.ResponseWriter, r *http.Request, id string, params rest.ListarMetadatosDescargaParams) error {
	d, err := f.readable(r.Context(), id, params.Parcial)
	if err != nil {
		return err
	}
	size := limit(params.Limite)
	values, fallas := []J{}, []rest.FallaDeLectura{}
	next, cursor := "", ""
	for row, err := range f.read(r.Context(), d, params.Cursor, params.Parcial) {
		if err != nil {
			return err
		}
		if len(values)+len(fallas) == size {
			next = cursor
			break
		}
		cursor = row.Cursor
		if row.Falla != nil {
			fallas = append(fallas, falla(row.Paquete, row.Falla))
		} else {
			values = append(values, f.show(&row.Value))
		}
	}
	linkNext(w, r, "cursor", next)
	return writeJSON(w, http.StatusOK, f.page(values, fallas, next))
}

func falla(paquete string, f *cfdi.Falla) rest.FallaDeLectura {
	return rest.FallaDeLectura{Paquete: paquete, Entrada: f.Entry, Fila: f.Row, Detalle: f.Detail}
}

// jsonLines writes each row as a line of JSON.
func (f form[T, J]) jsonLines(out *bufio.Writer) func(descargas.Line[T]) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return func(row descargas.Line[T]) error {
		if row.Falla != nil {
			return enc.Encode(map[string]rest.FallaDeLectura{"falla": falla(row.Paquete, row.Falla)})
		}
		return enc.Encode(f.show(&row.Value))
	}
}

// rows writes a heading, and each row. A falla is a row with only the last cell.
func (f form[T, J]) rows(mark bool) func(out *bufio.Writer) func(descargas.Line[T]) error {
	return func(out *bufio.Writer) func(descargas.Line[T]) error {
		rows := newCSV(out, mark)
		cells := append(append([]string{}, f.columns...), "falla")
		heading := rows.write(cells)
		return func(row descargas.Line[T]) error {
			if heading != nil {
				return heading
			}
			cells = cells[:0]
			if row.Falla != nil {
				for range f.columns {
					cells = append(cells, "")
				}
				cells = append(cells, row.Paquete+": "+row.Falla.Error())
			} else {
				cells = append(f.cells(cells, &row.Value), "")
			}
			return rows.write(cells)
		}
	}
}

// streamRows sends rows as they are read. The answer starts with the first full block; an
// earlier failure is still a problem. After a later failure the connection is cut, so
// that no caller takes the part for the whole.
func streamRows[T any](w http.ResponseWriter, r *http.Request, rows iter.Seq2[descargas.Line[T], error], line func(*bufio.Writer) func(descargas.Line[T]) error) error {
	if r.Method == http.MethodHead {
		return nil
	}
	to := newPatient(w)
	out := bufio.NewWriterSize(to, streamBlock)
	write := line(out)
	for row, err := range rows {
		switch {
		case err != nil && to.begun && r.Context().Err() != nil:
			panic(http.ErrAbortHandler) // the caller left, which is not our failure
		case err != nil && to.begun:
			zerolog.Ctx(r.Context()).Warn().Err(err).Msg("a reading failed; the answer is cut")
			panic(http.ErrAbortHandler)
		case err != nil:
			return err
		}
		if write(row) != nil {
			return nil // the caller left
		}
	}
	out.Flush() //nolint:errcheck // the caller is gone
	return nil
}

// patient sets a deadline for each piece that the caller takes.
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

func (h *handler) ObtenerCFDIDescarga(w http.ResponseWriter, r *http.Request, id rest.IDDescarga, uuid rest.UUID) error {
	d, err := h.visible(r.Context(), id)
	if err != nil {
		return err
	}
	if err := ofTipo(d, gateway.TipoCFDI); err != nil {
		return err
	}
	body, size, err := h.cfg.Reading.CFDI(r.Context(), d, uuid)
	switch {
	case gateway.IsKind(err, gateway.KindNoEncontrado) && !d.Estado.Final():
		return h.inProgress(r.Context(), id, "El comprobante no está entre lo que ha llegado, y la descarga sigue en curso.")
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

// failure records why reading failed, to distinguish it from a failed write.
type failure struct {
	r   io.Reader
	err error
}

func (f *failure) Read(b []byte) (int, error) {
	n, err := f.r.Read(b)
	if err != nil && err != io.EOF { // by identity: a failure may wrap io.EOF
		f.err = err
	}
	return n, err
}
