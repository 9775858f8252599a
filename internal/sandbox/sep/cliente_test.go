package sep_test

import (
	"archive/zip"
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

// folder has the authority that all share: RSA keys are slow to make. It is made here,
// as two sandboxes that make one at the same time make two.
var folder = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sandbox-sep-prueba-*")
	if err == nil {
		_, err = sandbox.New(sandbox.Config{Dir: dir})
	}
	return dir, err
})

func TestMain(m *testing.M) {
	codigo := m.Run()
	if dir, err := folder(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(codigo)
}

// bench is a sandbox whose clock stands until it is moved.
type bench struct {
	*sandbox.Sandbox
	t     testing.TB
	base  string
	firma *autoridad.Emitido // of a person, the signer
}

func start(t testing.TB, changes ...func(*sandbox.Config)) *bench {
	t.Helper()
	dir, err := folder()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	cfg := sandbox.Config{Dir: dir, Seed: 7, Now: func() time.Time { return now }}
	for _, change := range changes {
		change(&cfg)
	}
	s, err := sandbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	firma, err := autoridad.LoadEmitido(s.EFirmasDir(), sandbox.RFCPersona)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	return &bench{Sandbox: s, t: t, base: server.URL, firma: firma}
}

// document is a title as its attributes, by element.
type document map[string]map[string]string

var order = []string{"FirmaResponsable", "Institucion", "Carrera", "Profesionista", "Expedicion", "Antecedente"}

// titulo is one that is accepted, but for its seal.
func (b *bench) titulo(folio string) document {
	return document{
		"TituloElectronico": {"version": "1.0", "folioControl": folio},
		"FirmaResponsable": {
			"nombre": "JUANA", "primerApellido": "PÉREZ", "curp": "PEPJ800101MDFRRN03", "idCargo": "3", "cargo": "RECTOR", "abrTitulo": "DRA.",
			"certificadoResponsable": b64(b.firma.CerDER), "noCertificadoResponsable": autoridad.Serial(b.firma.Certificate),
		},
		"Institucion": {"cveInstitucion": "010033", "nombreInstitucion": "UNIVERSIDAD TECNOLÓGICA \"A & B\""},
		"Carrera": {
			"cveCarrera": "103339", "nombreCarrera": "INGENIERÍA", "fechaInicio": "2004-08-16", "fechaTerminacion": "2009-06-12",
			"idAutorizacionReconocimiento": "5", "autorizacionReconocimiento": "ACTA DE SESIÓN",
		},
		"Profesionista": {"curp": "AICA770112HDFRNL01", "nombre": "ANTONIO", "primerApellido": "PEÑA", "segundoApellido": "CASTRO", "correoElectronico": "a@b.mx"},
		"Expedicion": {
			"fechaExpedicion": "2011-08-10", "idModalidadTitulacion": "1", "modalidadTitulacion": "POR TESIS", "fechaExamenProfesional": "2010-08-16",
			"cumplioServicioSocial": "1", "idFundamentoLegalServicioSocial": "2", "fundamentoLegalServicioSocial": "ART. 55 LRART. 5 CONST",
			"idEntidadFederativa": "09", "entidadFederativa": "CIUDAD DE MÉXICO",
		},
		"Antecedente": {
			"institucionProcedencia": "C.E.T.I.S. NO. 80", "idTipoEstudioAntecedente": "4", "tipoEstudioAntecedente": "BACHILLERATO",
			"idEntidadFederativa": "09", "entidadFederativa": "CIUDAD DE MÉXICO", "fechaTerminacion": "2003-08-12",
		},
	}
}

// with changes an attribute before it is sealed; "" takes it out.
func (d document) with(element, attribute, value string) document {
	if value == "" {
		delete(d[element], attribute)
		return d
	}
	d[element][attribute] = value
	return d
}

const ofCadena = `TituloElectronico version folioControl FirmaResponsable curp idCargo cargo abrTitulo Institucion cveInstitucion nombreInstitucion
Carrera cveCarrera nombreCarrera fechaInicio fechaTerminacion idAutorizacionReconocimiento autorizacionReconocimiento numeroRvoe
Profesionista curp nombre primerApellido segundoApellido correoElectronico
Expedicion fechaExpedicion idModalidadTitulacion modalidadTitulacion fechaExamenProfesional fechaExencionExamenProfesional cumplioServicioSocial idFundamentoLegalServicioSocial fundamentoLegalServicioSocial idEntidadFederativa entidadFederativa
Antecedente institucionProcedencia idTipoEstudioAntecedente tipoEstudioAntecedente idEntidadFederativa entidadFederativa fechaInicio fechaTerminacion noCedula`

func (d document) cadena() string {
	text, element := "||", ""
	for word := range strings.FieldsSeq(ofCadena) {
		if word[0] >= 'A' && word[0] <= 'Z' {
			element = word
			continue
		}
		text += d[element][word] + "|"
	}
	return text + "|"
}

// seal signs with an e.firma over the cadena in its own form.
func (b *bench) seal(d document, escape func(string) string) document {
	sum := sha256.Sum256([]byte(escape(d.cadena())))
	firma, err := rsa.SignPKCS1v15(rand.Reader, b.firma.Key, crypto.SHA256, sum[:])
	if err != nil {
		b.t.Fatal(err)
	}
	return d.with("FirmaResponsable", "sello", b64(firma))
}

func (b *bench) sealed(d document) string {
	return b.seal(d, func(s string) string { return s }).xml()
}

func (d document) xml() string {
	var s strings.Builder
	s.WriteString(`<?xml version="1.0" encoding="UTF-8"?><TituloElectronico xmlns="https://www.siged.sep.gob.mx/titulos/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="https://www.siged.sep.gob.mx/titulos/ schema.xsd"` + d.attributes("TituloElectronico") + ">")
	for _, e := range order {
		element := "<" + e + d.attributes(e) + "/>"
		if e == "FirmaResponsable" {
			element = "<FirmaResponsables>" + element + "</FirmaResponsables>"
		}
		s.WriteString(element)
	}
	return s.String() + "</TituloElectronico>"
}

func (d document) attributes(element string) string {
	var s strings.Builder
	for n, v := range d[element] {
		s.WriteString(" " + n + `="` + escape(v) + `"`)
	}
	return s.String()
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text))
	return b.String()
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// entry is a file of a ZIP.
type entry struct{ name, content string }

func pack(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		w, err := z.Create(e.name)
		if err == nil {
			_, err = io.WriteString(w, e.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// answer is an answer read whole; fields are the elements of its payload that hold text.
type answer struct {
	estado int
	header http.Header
	length int64
	body   string
	err    error
}

func (r answer) field(name string) string {
	if m := regexp.MustCompile(`(?s)<ns2:` + name + `>(.*?)</ns2:` + name + `>`).FindStringSubmatch(r.body); m != nil {
		return m[1]
	}
	return ""
}

const (
	autenticacion = `<sch:autenticacion><sch:usuario>sandbox</sch:usuario><sch:password>sandbox</sch:password></sch:autenticacion>`
	pathServicio  = "/sep/services/"
)

func envelope(upload string) string {
	return `<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:sch="http://ws.web.mec.sep.mx/schemas"><soapenv:Header/><soapenv:Body>` +
		upload + `</soapenv:Body></soapenv:Envelope>`
}

func (b *bench) publish(path string, body io.Reader, changes ...func(*http.Request)) answer {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodPost, b.base+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/xml; charset=utf-8")
	r.Header.Set("SOAPAction", `""`)
	for _, change := range changes {
		change(r)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	read, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, resp.ContentLength, string(read), err}
}

// call sends an operation with its elements, the credentials after them.
func (b *bench) call(operation string, elements ...string) answer {
	b.t.Helper()
	var s strings.Builder
	for i := 0; i < len(elements); i += 2 {
		s.WriteString("<sch:" + elements[i] + ">" + escape(elements[i+1]) + "</sch:" + elements[i] + ">")
	}
	return b.publish(pathServicio, strings.NewReader(envelope("<sch:"+operation+"Request>"+s.String()+autenticacion+"</sch:"+operation+"Request>")))
}

// upload uploads and returns the number of the lote.
func (b *bench) upload(name string, file []byte) string {
	b.t.Helper()
	r := b.call("cargaTituloElectronico", "nombreArchivo", name, "archivoBase64", b64(file))
	lote := r.field("numeroLote")
	if r.estado != http.StatusOK || lote == "" {
		b.t.Fatalf("carga: %v %d %s", r.err, r.estado, r.body)
	}
	return lote
}

// result uploads, lets the lote be processed and returns its rows without the heading.
func (b *bench) result(name string, file []byte) [][]string {
	b.t.Helper()
	lote := b.upload(name, file)
	b.Clock().BringForward(2 * time.Second)
	return b.rows(lote)
}

func (b *bench) rows(lote string) [][]string {
	b.t.Helper()
	r := b.call("descargaTituloElectronico", "numeroLote", lote)
	z, err := base64.StdEncoding.DecodeString(r.field("titulosBase64"))
	if err != nil {
		b.t.Fatal(err)
	}
	rows := readLibro(b.t, libroOf(b.t, z))
	if len(rows) == 0 || !slices.Equal(rows[0], []string{"ARCHIVO", "ESTATUS", "DESCRIPCION", "FOLIO CONTROL"}) {
		b.t.Fatalf("rows %q of %s", rows, r.body)
	}
	return rows[1:]
}

func libroOf(t testing.TB, z []byte) []byte {
	t.Helper()
	reader, err := zip.NewReader(bytes.NewReader(z), int64(len(z)))
	if err != nil || len(reader.File) != 1 {
		t.Fatalf("not a ZIP of one: %v", err)
	}
	f, err := reader.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	libro, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return libro
}

// readLibro reads the books of the sandbox alone: their stream follows the header in one piece. Books of
// other makers and long ones are the matter of other tests.
func readLibro(t testing.TB, libro []byte) [][]string {
	t.Helper()
	var texts []string
	var rows [][]string
	sheets := 0
	for b := libro[512:]; sheets < 2; {
		tipo, length := binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint16(b[2:])
		body := b[4 : 4+length]
		b = b[4+length:]
		var value string
		switch tipo {
		case 0x0A:
			sheets++
			continue
		case 0xFC:
			texts = readTexts(body[4:])
			continue
		case 0xFD:
			value = texts[binary.LittleEndian.Uint32(body[6:])]
		case 0x203:
			value = fmt.Sprint(math.Float64frombits(binary.LittleEndian.Uint64(body[6:])))
		default:
			continue
		}
		row, column := int(binary.LittleEndian.Uint16(body)), int(binary.LittleEndian.Uint16(body[2:]))
		for len(rows) <= row {
			rows = append(rows, make([]string, 4))
		}
		rows[row][column] = value
	}
	return rows
}

func readTexts(b []byte) []string {
	var all []string
	n := binary.LittleEndian.Uint32(b)
	for b = b[4:]; n > 0; n-- {
		length, width := int(binary.LittleEndian.Uint16(b)), int(b[2])+1
		b = b[3:]
		var units []uint16
		for i := range length {
			u := uint16(b[i*width])
			if width == 2 {
				u |= uint16(b[i*2+1]) << 8
			}
			units = append(units, u)
		}
		all = append(all, string(utf16.Decode(units)))
		b = b[length*width:]
	}
	return all
}
