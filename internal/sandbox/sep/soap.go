package sep

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"

	"github.com/beevik/etree"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
	"github.com/pasarela-mx/pasarela/internal/sandbox/wellformed"
)

const (
	nsSOAP  = "http://schemas.xmlsoap.org/soap/envelope/"
	nsMET   = "http://ws.web.mec.sep.mx/schemas"
	tipoXML = "text/xml; charset=utf-8"
)

// llamada is one request, its message read and found to be of the schema.
type llamada struct {
	op      *operacion
	campos  map[string]string // the elements of the payload by name, usuario and password too
	archivo *os.File          // the upload, decoded; nil when the message had none
	bytes   int64
	falla   control.Falla // zero when none was asked for
}

// respuesta is what an operation answers: the children of its response element, in order, those that are
// there. Without hijos, an operation of one way ends with HTTP 202.
type respuesta struct {
	codigo string // for the counters
	hijos  []par
}

type par struct{ nombre, texto string }

// atiende is the way of a POST: the message, the operation that its root names whatever the SOAPAction,
// the fault asked for, the schema, the operation itself.
func (s *Servidor) atiende(w *contador, r *http.Request) {
	if tipo, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || tipo != "text/xml" {
		s.sinCuerpo(w, http.StatusUnsupportedMediaType)
		return
	}
	temporal, err := os.CreateTemp("", "sandbox-sep-*")
	if err != nil {
		s.o.Log.Error().Err(err).Msg("sep: no place for an upload")
		s.sinCuerpo(w, http.StatusInternalServerError)
		return
	}
	defer func() {
		_ = temporal.Close()
		_ = os.Remove(temporal.Name())
	}()
	cuerpo := io.Reader(http.MaxBytesReader(w, r.Body, maxCuerpo))
	var copia bytes.Buffer
	if s.o.Captura != nil {
		cuerpo = io.TeeReader(cuerpo, &copia)
	}
	mensaje, err := separa(cuerpo, temporal)
	if err != nil {
		s.sinCuerpo(w, estadoDeLectura(err))
		return
	}
	carga, err := leeSobre(mensaje.sobre.Bytes())
	if err != nil {
		s.o.Log.Debug().Err(err).Msg("sep: message refused")
		s.sinCuerpo(w, http.StatusBadRequest)
		return
	}
	op := porRaiz(carga)
	if op == nil {
		s.o.Contadores.Llamada(Servicio, "desconocida")
		s.sinCuerpo(w, http.StatusNotFound)
		return
	}
	s.o.Contadores.Llamada(Servicio, op.nombre)
	if s.o.Captura != nil {
		s.o.Captura(Captura{Servicio: Servicio, Operacion: op.nombre, Header: r.Header.Clone(), Body: copia.Bytes()})
	}
	ll := &llamada{op: op, bytes: mensaje.bytes}
	if mensaje.hubo {
		ll.archivo = temporal
	}
	ll.falla, _ = s.o.Fallas.Toma(Servicio, op.nombre, nil)
	ll.falla.Cabeceras(w.Header(), s.o.Reloj.Real())
	if s.antes(w, r, ll) {
		return
	}
	s.contesta(w, ll, func() (respuesta, error) { return s.procesa(ll, carga, mensaje) })
}

func estadoDeLectura(err error) int {
	var grande *http.MaxBytesError
	if errors.As(err, &grande) || errors.Is(err, errGrande) {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}

// procesa validates the payload and runs the operation.
func (s *Servidor) procesa(ll *llamada, carga *etree.Element, m *separador) (respuesta, error) {
	campos, err := ll.op.valida(carga, m)
	if err != nil {
		return respuesta{}, err
	}
	ll.campos = campos
	if campos["usuario"] != s.o.Perillas.Texto(perUsuario) || campos["password"] != s.o.Perillas.Texto(perPassword) {
		return ll.op.rechaza(), nil
	}
	return ll.op.atiende(s, ll)
}

// contesta runs and answers: what was understood with HTTP 200, a fault with 500.
func (s *Servidor) contesta(w *contador, ll *llamada, haz func() (respuesta, error)) {
	resp, err := haz()
	var f *faltaSOAP
	switch {
	case errors.As(err, &f):
		s.escribe(w, http.StatusInternalServerError, f.codigo, f.cuerpo(), ll.falla)
		return
	case err != nil:
		s.o.Log.Error().Err(err).Str("operacion", ll.op.nombre).Msg("sep: internal error")
		s.escribe(w, http.StatusInternalServerError, "Server", (&faltaSOAP{codigo: "Server", texto: "Error interno"}).cuerpo(), ll.falla)
		return
	}
	s.o.Log.Debug().Str("operacion", ll.op.nombre).Str("codigo", resp.codigo).Int64("bytes", ll.bytes).
		Str("falla", string(ll.falla.Tipo)).Msg("sep")
	if ll.op.unaVia {
		s.escribe(w, http.StatusAccepted, resp.codigo, "", ll.falla)
		return
	}
	var b strings.Builder
	b.WriteString(`<ns2:` + ll.op.nombre + `Response xmlns:ns2="` + nsMET + `">`)
	for _, h := range resp.hijos {
		if h.texto == "" {
			b.WriteString("<ns2:" + h.nombre + "/>")
			continue
		}
		b.WriteString("<ns2:" + h.nombre + ">" + escapa(h.texto) + "</ns2:" + h.nombre + ">")
	}
	b.WriteString(`</ns2:` + ll.op.nombre + `Response>`)
	s.escribe(w, http.StatusOK, resp.codigo, b.String(), ll.falla)
}

// escribe sends an envelope in chunks, as the service does, or nothing for an empty body.
func (s *Servidor) escribe(w *contador, estado int, codigo, cuerpo string, falla control.Falla) {
	s.o.Contadores.Codigo(codigo)
	if falla.Tipo == control.ResetDespues {
		control.Corta(w)
	}
	if cuerpo == "" {
		w.WriteHeader(estado)
		return
	}
	x, tipo := falla.EnCodigo(falla.Estropea(w), tipoXML)
	w.Header().Set("Content-Type", tipo)
	w.WriteHeader(estado)
	_ = http.NewResponseController(w).Flush()
	_, _ = io.WriteString(x, `<env:Envelope xmlns:env="`+nsSOAP+`"><env:Header/><env:Body>`+cuerpo+`</env:Body></env:Envelope>`)
	_ = x.Close()
}

func (s *Servidor) sinCuerpo(w http.ResponseWriter, estado int) {
	s.o.Contadores.Codigo(fmt.Sprintf("HTTP %d", estado))
	w.WriteHeader(estado)
}

// faltaSOAP is a SOAP fault; it always travels with HTTP 500. motivos are the validator's complaints.
type faltaSOAP struct {
	codigo, texto string
	motivos       []string
}

func (f *faltaSOAP) Error() string { return f.codigo + ": " + f.texto }

func (f *faltaSOAP) cuerpo() string {
	var detalle strings.Builder
	for _, m := range f.motivos {
		detalle.WriteString(`<spring-ws:ValidationError xmlns:spring-ws="http://springframework.org/spring-ws">` + escapa(m) + `</spring-ws:ValidationError>`)
	}
	if detalle.Len() > 0 {
		return `<env:Fault><faultcode>env:` + escapa(f.codigo) + `</faultcode><faultstring xml:lang="en">` + escapa(f.texto) + `</faultstring><detail>` + detalle.String() + `</detail></env:Fault>`
	}
	return `<env:Fault><faultcode>env:` + escapa(f.codigo) + `</faultcode><faultstring xml:lang="en">` + escapa(f.texto) + `</faultstring></env:Fault>`
}

// leeSobre returns the root of the payload: the only element in the body of a SOAP 1.1 envelope.
func leeSobre(b []byte) (*etree.Element, error) {
	// etree reads by encoding/xml, which lets pass what is no XML.
	if _, err := wellformed.Read(strings.TrimPrefix(string(b), "\xEF\xBB\xBF")); err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformado, err)
	}
	doc := etree.NewDocument()
	doc.ReadSettings = etree.ReadSettings{ValidateInput: true, PreserveDuplicateAttrs: true}
	if err := doc.ReadFromBytes(b); err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformado, err)
	}
	raiz := doc.Root()
	if raiz == nil || len(doc.ChildElements()) > 1 || !es(raiz, nsSOAP, "Envelope") {
		return nil, fmt.Errorf("%w: not a SOAP 1.1 envelope", errMalformado)
	}
	hijos := raiz.ChildElements()
	if len(hijos) == 2 && es(hijos[0], nsSOAP, "Header") {
		hijos = hijos[1:]
	}
	if len(hijos) != 1 || !es(hijos[0], nsSOAP, "Body") || len(hijos[0].ChildElements()) != 1 {
		return nil, fmt.Errorf("%w: not one body with one element", errMalformado)
	}
	return hijos[0].ChildElements()[0], nil
}

func es(e *etree.Element, ns, nombre string) bool { return e.Tag == nombre && e.NamespaceURI() == ns }
