package handlers

import (
	"bufio"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/sep/lotes"
)

// who returns the owner under whom a question to the SEP is asked. The SEP authorizes an
// account that comes with the call. The configured account is shared, so the gateway
// itself checks who uploaded the lote.
func who(r *http.Request, key string) lotes.Who {
	own := r.Header.Get(headerBackendAuthorization) != ""
	return lotes.Who{ID: owner(r.Context()), Key: scopedKey(r, key), All: own || callerFrom(r.Context()).key.SeesAll()}
}

// scopedKey prefixes an idempotency key with its caller, because two callers may choose
// the same.
func scopedKey(r *http.Request, key string) string {
	if key == "" {
		return ""
	}
	return owner(r.Context()) + "\x1f" + key
}

func replayed(w http.ResponseWriter, yes bool) {
	if yes {
		w.Header().Set("Idempotent-Replayed", "true")
	}
}

func (h *handler) CargarLote(w http.ResponseWriter, r *http.Request, params rest.CargarLoteParams) error {
	cuenta, err := h.cuentaSEP(r)
	if err != nil {
		return err
	}
	up, err := h.receive(w, r, defaultName(r, params.NombreArchivo))
	if err != nil {
		return err
	}
	defer up.Close()
	check := lotes.Check(params.Comprobar)
	if up.file == nil {
		if check != "" {
			return badField("comprobar", "Es para un archivo ya hecho: los títulos que arma la pasarela se comprueban siempre.")
		}
		if up.file, err = h.titulosLote(r, up); err != nil {
			return err
		}
		check = lotes.Forma // Emite has already checked its titles
	} else if err := up.only(); err != nil {
		return err
	}
	got, again, err := h.cfg.Lotes.Upload(r.Context(), cuenta, who(r, params.IdempotencyKey), up.file, check)
	replayed(w, again)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/v1/sep/lotes/"+url.PathEscape(got.NumeroLote))
	return writeJSON(w, http.StatusCreated, rest.LoteCargado{NumeroLote: got.NumeroLote, Mensaje: got.Mensaje})
}

// defaultName names a raw body without a name by its type.
func defaultName(r *http.Request, given string) string {
	switch {
	case given != "":
		return given
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/xml"):
		return "titulo.xml"
	}
	return "lote.zip"
}

// titulosLote builds and signs a lote's file from titles in JSON.
func (h *handler) titulosLote(r *http.Request, up *upload) (*lotes.File, error) {
	if _, ok := up.fields["titulos"]; !ok {
		return nil, badField(fieldFile, "Envíe archivoBase64 o titulos.")
	}
	if err := h.titulosConform("cargarLote", up); err != nil {
		return nil, err
	}
	name := "lote.zip"
	if raw, ok := up.fields["nombreArchivo"]; ok {
		if err := json.Unmarshal(raw, &name); err != nil {
			return nil, err
		}
	}
	emitidos, err := h.issue(r, up, true)
	if err != nil {
		return nil, err
	}
	return h.cfg.Lotes.Zip(name, emitidos)
}

func (h *handler) ConsultarLote(w http.ResponseWriter, r *http.Request, numeroLote rest.NumeroLote, _ rest.ConsultarLoteParams) error {
	cuenta, err := h.cuentaSEP(r)
	if err != nil {
		return err
	}
	got, err := h.cfg.Lotes.Query(r.Context(), cuenta, who(r, ""), numeroLote)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, rest.EstadoLote{NumeroLote: got.NumeroLote, EstatusLote: got.EstatusLote, Procesado: got.Processed(), Mensaje: got.Mensaje})
}

// result fetches the SEP's result of a lote; the caller closes it.
func (h *handler) result(r *http.Request, numeroLote string) (*lotes.Result, error) {
	cuenta, err := h.cuentaSEP(r)
	if err != nil {
		return nil, err
	}
	return h.cfg.Lotes.Result(r.Context(), cuenta, who(r, ""), numeroLote)
}

func (h *handler) DescargarResultadoLote(w http.ResponseWriter, r *http.Request,
	numeroLote rest.NumeroLote, _ rest.DescargarResultadoLoteParams,
) error {
	got, err := h.result(r, numeroLote)
	if err != nil {
		return err
	}
	defer got.Close()
	return writeFile(w, "application/zip", "resultado-"+numeroLote+".zip", got.Zip())
}

// DescargarLibroLote returns the workbook unparsed. Its name in the archive is the SEP's
// text, and not safe for a header.
func (h *handler) DescargarLibroLote(w http.ResponseWriter, r *http.Request,
	numeroLote rest.NumeroLote, _ rest.DescargarLibroLoteParams,
) error {
	got, err := h.result(r, numeroLote)
	if err != nil {
		return err
	}
	defer got.Close()
	extension, book, err := got.Libro()
	if err != nil {
		return err
	}
	media := "application/vnd.ms-excel"
	if extension == ".xlsx" {
		media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	}
	return writeFile(w, media, "resultado-"+numeroLote+extension, book)
}

func (h *handler) ExportarResultadoLote(w http.ResponseWriter, r *http.Request,
	numeroLote rest.NumeroLote, params rest.ExportarResultadoLoteParams,
) error {
	got, err := h.result(r, numeroLote)
	if err != nil {
		return err
	}
	defer got.Close()
	reading, err := got.Read()
	if err != nil {
		return err
	}
	return writeCSV(w, numeroLote, reading.Titulos, params.Bom)
}

func (h *handler) ObtenerResultadoLote(w http.ResponseWriter, r *http.Request,
	numeroLote rest.NumeroLote, _ rest.ObtenerResultadoLoteParams,
) error {
	got, err := h.result(r, numeroLote)
	if err != nil {
		return err
	}
	defer got.Close()
	reading, err := got.Read()
	if err != nil {
		return err
	}
	out := rest.ResultadoLote{NumeroLote: numeroLote, Mensaje: got.Mensaje, Avisos: reading.Avisos, Titulos: make([]rest.TituloProcesado, 0, len(reading.Titulos))}
	for _, t := range reading.Titulos {
		out.Titulos = append(out.Titulos, rest.TituloProcesado{Archivo: t.File, Estatus: t.Estatus, Descripcion: t.Description,
			FolioControl: t.FolioControl, Resultado: rest.ResultadoDeTitulo(t.Result), MotivoCodigo: t.Motivo})
	}
	return writeJSON(w, http.StatusOK, out)
}

// writeCSV writes a heading and the rows.
func writeCSV(w http.ResponseWriter, numeroLote string, titulos []lotes.TituloResult, mark bool) error {
	w.Header().Set("Content-Type", contentTypeCSV)
	w.Header().Set("Content-Disposition", `attachment; filename="resultado-`+numeroLote+`.csv"`)
	out := bufio.NewWriter(w)
	rows := newCSV(out, mark)
	rows.write([]string{"archivo", "estatus", "descripcion", "folioControl", "resultado", "motivoCodigo"}) //nolint:errcheck // Flush keeps it, and the caller is gone
	for _, t := range titulos {
		rows.write([]string{t.File, t.Estatus, t.Description, t.FolioControl, t.Result, t.Motivo}) //nolint:errcheck // see above
	}
	out.Flush() //nolint:errcheck // the caller is gone
	return nil
}

func (h *handler) CancelarTitulo(w http.ResponseWriter, r *http.Request, folio rest.FolioControl, params rest.CancelarTituloParams) error {
	var body rest.CancelarTituloJSONRequestBody
	if err := decode(r, &body); err != nil {
		return err
	}
	cuenta, err := h.cuentaSEP(r)
	if err != nil {
		return err
	}
	got, again, err := h.cfg.Lotes.Cancel(r.Context(), cuenta, who(r, params.IdempotencyKey),
		gateway.Cancelacion{FolioControl: folio, Motivo: string(body.MotCancelacion), CveInstitucion: body.CveInstitucion})
	replayed(w, again)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, rest.CancelacionTitulo{Codigo: got.Codigo, Mensaje: got.Mensaje})
}

func (h *handler) ListarCatalogosSEP(w http.ResponseWriter, _ *http.Request) error {
	out := rest.ListaCatalogosSEP{}
	for _, c := range h.cfg.Lotes.Catalogos() {
		out.Catalogos = append(out.Catalogos, catalogo(c))
	}
	return writeJSON(w, http.StatusOK, out)
}

func (h *handler) ObtenerCatalogoSEP(w http.ResponseWriter, _ *http.Request, name rest.Catalogo) error {
	c, ok := h.cfg.Lotes.Catalogo(name)
	if !ok {
		return &gateway.Error{Kind: gateway.KindNoEncontrado, Own: gateway.OwnCatalogoInexistente, Detail: "No hay tal catálogo. Los que hay están en /v1/sep/catalogos."}
	}
	return writeJSON(w, http.StatusOK, catalogo(c))
}
