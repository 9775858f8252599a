package handlers

import (
	"bufio"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/lotes"
)

// quien is who asks the SEP something. The SEP judges an account that comes with the
// call; the configured one is everybody's, so that here it is asked who uploaded what.
func quien(r *http.Request, key string) lotes.Quien {
	own := r.Header.Get(headerBackendAuthorization) != ""
	return lotes.Quien{ID: owner(r.Context()), Clave: clave(r, key), Todo: own || callerFrom(r.Context()).key.SeesAll()}
}

// clave scopes an idempotency key to its caller: two may choose the same.
func clave(r *http.Request, key string) string {
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

func (h *handler) cargarLote(w http.ResponseWriter, r *http.Request, params rest.CargarLoteParams) error {
	cuenta, err := h.cuenta(r)
	if err != nil {
		return err
	}
	up, err := h.receive(w, r, defaultName(r, params.NombreArchivo))
	if err != nil {
		return err
	}
	defer up.Close()
	comprobacion := lotes.Comprobacion(params.Comprobar)
	if up.archivo == nil {
		if comprobacion != "" {
			return badField("comprobar", "Es para un archivo ya hecho: los títulos que arma la pasarela se comprueban siempre.")
		}
		if up.archivo, err = h.loteDeTitulos(r, up); err != nil {
			return err
		}
		comprobacion = lotes.Forma // what Emite gave has been checked
	} else if err := up.only(); err != nil {
		return err
	}
	got, again, err := h.cfg.Lotes.Carga(r.Context(), cuenta, quien(r, params.IdempotencyKey), up.archivo, comprobacion)
	replayed(w, again)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/v1/sep/lotes/"+url.PathEscape(got.NumeroLote))
	return writeJSON(w, http.StatusCreated, rest.LoteCargado{NumeroLote: got.NumeroLote, Mensaje: got.Mensaje})
}

// defaultName names a raw body that came without a name after its type.
func defaultName(r *http.Request, given string) string {
	switch {
	case given != "":
		return given
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/xml"):
		return "titulo.xml"
	}
	return "lote.zip"
}

// loteDeTitulos builds and signs the file of a lote from titles in JSON.
func (h *handler) loteDeTitulos(r *http.Request, up *upload) (*lotes.Archivo, error) {
	if _, ok := up.campos["titulos"]; !ok {
		return nil, badField(fieldArchivo, "Envíe archivoBase64 o titulos.")
	}
	if err := h.titulosConform("cargarLote", up); err != nil {
		return nil, err
	}
	nombre := "lote.zip"
	if raw, ok := up.campos["nombreArchivo"]; ok {
		if err := json.Unmarshal(raw, &nombre); err != nil {
			return nil, err
		}
	}
	emitidos, err := h.emite(r, up, true)
	if err != nil {
		return nil, err
	}
	return h.cfg.Lotes.Zip(nombre, emitidos)
}

func (h *handler) consultarLote(w http.ResponseWriter, r *http.Request, numeroLote string) error {
	cuenta, err := h.cuenta(r)
	if err != nil {
		return err
	}
	got, err := h.cfg.Lotes.Consulta(r.Context(), cuenta, quien(r, ""), numeroLote)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, rest.EstadoLote{NumeroLote: got.NumeroLote, EstatusLote: got.EstatusLote, Procesado: got.Procesado(), Mensaje: got.Mensaje})
}

// resultado fetches what the SEP made of a lote; the caller closes it.
func (h *handler) resultado(r *http.Request, numeroLote string) (*lotes.Resultado, error) {
	cuenta, err := h.cuenta(r)
	if err != nil {
		return nil, err
	}
	return h.cfg.Lotes.Resultado(r.Context(), cuenta, quien(r, ""), numeroLote)
}

func (h *handler) descargarResultadoLote(w http.ResponseWriter, r *http.Request, numeroLote string) error {
	got, err := h.resultado(r, numeroLote)
	if err != nil {
		return err
	}
	defer got.Close()
	return writeFile(w, "application/zip", "resultado-"+numeroLote+".zip", got.Zip())
}

// descargarLibroLote hands out the workbook unread. Its name in the archive is another's
// text: not for a header.
func (h *handler) descargarLibroLote(w http.ResponseWriter, r *http.Request, numeroLote string) error {
	got, err := h.resultado(r, numeroLote)
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

func (h *handler) exportarResultadoLote(w http.ResponseWriter, r *http.Request, numeroLote string, marca bool) error {
	got, err := h.resultado(r, numeroLote)
	if err != nil {
		return err
	}
	defer got.Close()
	lectura, err := got.Lee()
	if err != nil {
		return err
	}
	return writeCSV(w, numeroLote, lectura.Titulos, marca)
}

func (h *handler) obtenerResultadoLote(w http.ResponseWriter, r *http.Request, numeroLote string) error {
	got, err := h.resultado(r, numeroLote)
	if err != nil {
		return err
	}
	defer got.Close()
	lectura, err := got.Lee()
	if err != nil {
		return err
	}
	out := rest.ResultadoLote{NumeroLote: numeroLote, Mensaje: got.Mensaje, Avisos: lectura.Avisos, Titulos: make([]rest.TituloProcesado, 0, len(lectura.Titulos))}
	for _, t := range lectura.Titulos {
		out.Titulos = append(out.Titulos, rest.TituloProcesado{Archivo: t.Archivo, Estatus: t.Estatus, Descripcion: t.Descripcion,
			FolioControl: t.FolioControl, Resultado: rest.ResultadoDeTitulo(t.Resultado), MotivoCodigo: t.Motivo})
	}
	return writeJSON(w, http.StatusOK, out)
}

// writeCSV writes the rows with a heading.
func writeCSV(w http.ResponseWriter, numeroLote string, titulos []lotes.TituloResultado, marca bool) error {
	w.Header().Set("Content-Type", contentTypeCSV)
	w.Header().Set("Content-Disposition", `attachment; filename="resultado-`+numeroLote+`.csv"`)
	out := bufio.NewWriter(w)
	rows := newCSV(out, marca)
	rows.write([]string{"archivo", "estatus", "descripcion", "folioControl", "resultado", "motivoCodigo"}) //nolint:errcheck // Flush keeps it, and the caller is gone
	for _, t := range titulos {
		rows.write([]string{t.Archivo, t.Estatus, t.Descripcion, t.FolioControl, t.Resultado, t.Motivo}) //nolint:errcheck // see above
	}
	out.Flush() //nolint:errcheck // the caller is gone
	return nil
}

func (h *handler) cancelarTitulo(w http.ResponseWriter, r *http.Request, folio string, params rest.CancelarTituloParams) error {
	var body rest.CancelarTituloJSONRequestBody
	if err := decode(r, &body); err != nil {
		return err
	}
	cuenta, err := h.cuenta(r)
	if err != nil {
		return err
	}
	got, again, err := h.cfg.Lotes.Cancela(r.Context(), cuenta, quien(r, params.IdempotencyKey),
		gateway.Cancelacion{FolioControl: folio, Motivo: string(body.MotCancelacion), CveInstitucion: body.CveInstitucion})
	replayed(w, again)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, rest.CancelacionTitulo{Codigo: got.Codigo, Mensaje: got.Mensaje})
}

func (h *handler) listarCatalogos(w http.ResponseWriter, _ *http.Request) error {
	out := rest.ListaCatalogosSEP{}
	for _, c := range h.cfg.Lotes.Catalogos() {
		out.Catalogos = append(out.Catalogos, catalogo(c))
	}
	return writeJSON(w, http.StatusOK, out)
}

func (h *handler) obtenerCatalogo(w http.ResponseWriter, _ *http.Request, nombre string) error {
	c, ok := h.cfg.Lotes.Catalogo(nombre)
	if !ok {
		return &gateway.Error{Kind: gateway.KindNoEncontrado, Own: gateway.OwnCatalogoInexistente, Detail: "No hay tal catálogo. Los que hay están en /v1/sep/catalogos."}
	}
	return writeJSON(w, http.StatusOK, catalogo(c))
}
