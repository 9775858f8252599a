package ref

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
)

const (
	sepOpen  = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header></s:Header><s:Body><`
	sepNS    = ` xmlns="http://ws.web.mec.sep.mx/schemas">`
	sepClose = `></s:Body></s:Envelope>`
)

// sepQuery is the request; encoding/xml writes it.
type sepQuery struct {
	XMLName    xml.Name `xml:"http://ws.web.mec.sep.mx/schemas consultaProcesoTituloElectronicoRequest"`
	NumeroLote string   `xml:"numeroLote"`
	Usuario    string   `xml:"autenticacion>usuario"`
	Password   string   `xml:"autenticacion>password"`
}

// sepAnswer is what is read of any answer.
type sepAnswer struct {
	XMLName xml.Name `xml:"Envelope"`
	Query   struct {
		NumeroLote  string `xml:"numeroLote" json:"numeroLote"`
		EstatusLote int    `xml:"estatusLote" json:"estatusLote"`
		Mensaje     string `xml:"mensaje" json:"mensaje"`
	} `xml:"Body>consultaProcesoTituloElectronicoResponse"`
	Upload struct {
		NumeroLote string `xml:"numeroLote" json:"numeroLote"`
		Mensaje    string `xml:"mensaje" json:"mensaje"`
	} `xml:"Body>cargaTituloElectronicoResponse"`
}

func (f *Floor) query(w http.ResponseWriter, r *http.Request, url string) error {
	body, err := xml.Marshal(sepQuery{NumeroLote: chi.URLParam(r, "numeroLote"), Usuario: "bench", Password: "bench"})
	if err != nil {
		return err
	}
	// The element without its first and last bracket, which the envelope has.
	envelope := sepOpen + strings.TrimSuffix(strings.TrimPrefix(string(body), "<"), ">") + sepClose
	var answer sepAnswer
	if err := f.ask(r, url, `""`, strings.NewReader(envelope), int64(len(envelope)), &answer); err != nil {
		return err
	}
	return writeJSON(w, answer.Query)
}

func (f *Floor) upload(w http.ResponseWriter, r *http.Request, url string) error {
	const operation = "cargaTituloElectronicoRequest"
	head := sepOpen + operation + sepNS + `<nombreArchivo>lote.zip</nombreArchivo><archivoBase64>`
	tail := `</archivoBase64><autenticacion><usuario>bench</usuario><password>bench</password></autenticacion></` + operation + sepClose
	size := int64(len(head)+len(tail)) + (r.ContentLength+2)/3*4
	var answer sepAnswer
	body := io.MultiReader(strings.NewReader(head), &encoding{src: r.Body}, strings.NewReader(tail))
	if err := f.ask(r, url, `""`, body, size, &answer); err != nil {
		return err
	}
	return writeJSON(w, answer.Upload)
}

// encoding reads base64 of src, a block at a time.
type encoding struct {
	src       io.Reader
	raw, text []byte
	rest      []byte // of text, unread
}

func (e *encoding) Read(p []byte) (int, error) {
	if e.raw == nil {
		e.raw, e.text = make([]byte, Block/4*3), make([]byte, Block)
	}
	if len(e.rest) == 0 {
		n, err := io.ReadFull(e.src, e.raw)
		if n == 0 {
			return 0, err
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, err
		}
		base64.StdEncoding.Encode(e.text, e.raw[:n])
		e.rest = e.text[:base64.StdEncoding.EncodedLen(n)]
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}
