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

// carpeta has the authority that all share: RSA keys are slow to make. It is made here,
// as two sandboxes that make one at the same time make two.
var carpeta = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sandbox-sep-prueba-*")
	if err == nil {
		_, err = sandbox.New(sandbox.Config{Dir: dir})
	}
	return dir, err
})

func TestMain(m *testing.M) {
	codigo := m.Run()
	if dir, err := carpeta(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(codigo)
}

// banco is a sandbox whose clock stands until it is moved.
type banco struct {
	*sandbox.Sandbox
	t     testing.TB
	base  string
	firma *autoridad.Emitida // of a person, the signer
}

func arranca(t testing.TB, cambios ...func(*sandbox.Config)) *banco {
	t.Helper()
	dir, err := carpeta()
	if err != nil {
		t.Fatal(err)
	}
	ahora := time.Now()
	cfg := sandbox.Config{Dir: dir, Seed: 7, Now: func() time.Time { return ahora }}
	for _, cambia := range cambios {
		cambia(&cfg)
	}
	s, err := sandbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	firma, err := autoridad.LoadEmitida(s.EFirmasDir(), sandbox.RFCPersona)
	if err != nil {
		t.Fatal(err)
	}
	servidor := httptest.NewServer(s.Handler())
	t.Cleanup(servidor.Close)
	return &banco{Sandbox: s, t: t, base: servidor.URL, firma: firma}
}

// documento is a title as its attributes, by element.
type documento map[string]map[string]string

var orden = []string{"FirmaResponsable", "Institucion", "Carrera", "Profesionista", "Expedicion", "Antecedente"}

// titulo is one that is accepted, but for its seal.
func (b *banco) titulo(folio string) documento {
	return documento{
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

// con changes an attribute before it is sealed; "" takes it out.
func (d documento) con(elemento, atributo, valor string) documento {
	if valor == "" {
		delete(d[elemento], atributo)
		return d
	}
	d[elemento][atributo] = valor
	return d
}

const deLaCadena = `TituloElectronico version folioControl FirmaResponsable curp idCargo cargo abrTitulo Institucion cveInstitucion nombreInstitucion
Carrera cveCarrera nombreCarrera fechaInicio fechaTerminacion idAutorizacionReconocimiento autorizacionReconocimiento numeroRvoe
Profesionista curp nombre primerApellido segundoApellido correoElectronico
Expedicion fechaExpedicion idModalidadTitulacion modalidadTitulacion fechaExamenProfesional fechaExencionExamenProfesional cumplioServicioSocial idFundamentoLegalServicioSocial fundamentoLegalServicioSocial idEntidadFederativa entidadFederativa
Antecedente institucionProcedencia idTipoEstudioAntecedente tipoEstudioAntecedente idEntidadFederativa entidadFederativa fechaInicio fechaTerminacion noCedula`

func (d documento) cadena() string {
	texto, elemento := "||", ""
	for palabra := range strings.FieldsSeq(deLaCadena) {
		if palabra[0] >= 'A' && palabra[0] <= 'Z' {
			elemento = palabra
			continue
		}
		texto += d[elemento][palabra] + "|"
	}
	return texto + "|"
}

// sella signs with an e.firma over the cadena in its own form.
func (b *banco) sella(d documento, escapa func(string) string) documento {
	suma := sha256.Sum256([]byte(escapa(d.cadena())))
	firma, err := rsa.SignPKCS1v15(rand.Reader, b.firma.Key, crypto.SHA256, suma[:])
	if err != nil {
		b.t.Fatal(err)
	}
	return d.con("FirmaResponsable", "sello", b64(firma))
}

func (b *banco) sellado(d documento) string {
	return b.sella(d, func(s string) string { return s }).xml()
}

func (d documento) xml() string {
	var s strings.Builder
	s.WriteString(`<?xml version="1.0" encoding="UTF-8"?><TituloElectronico xmlns="https://www.siged.sep.gob.mx/titulos/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="https://www.siged.sep.gob.mx/titulos/ schema.xsd"` + d.atributos("TituloElectronico") + ">")
	for _, e := range orden {
		elemento := "<" + e + d.atributos(e) + "/>"
		if e == "FirmaResponsable" {
			elemento = "<FirmaResponsables>" + elemento + "</FirmaResponsables>"
		}
		s.WriteString(elemento)
	}
	return s.String() + "</TituloElectronico>"
}

func (d documento) atributos(elemento string) string {
	var s strings.Builder
	for n, v := range d[elemento] {
		s.WriteString(" " + n + `="` + escapa(v) + `"`)
	}
	return s.String()
}

func escapa(texto string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(texto))
	return b.String()
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// entrada is a file of a ZIP.
type entrada struct{ nombre, contenido string }

func empaca(t testing.TB, entradas ...entrada) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entradas {
		w, err := z.Create(e.nombre)
		if err == nil {
			_, err = io.WriteString(w, e.contenido)
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

// respuesta is an answer read whole; campos are the elements of its payload that hold text.
type respuesta struct {
	estado int
	header http.Header
	largo  int64
	cuerpo string
	err    error
}

func (r respuesta) campo(nombre string) string {
	if m := regexp.MustCompile(`(?s)<ns2:` + nombre + `>(.*?)</ns2:` + nombre + `>`).FindStringSubmatch(r.cuerpo); m != nil {
		return m[1]
	}
	return ""
}

const (
	autenticacion = `<sch:autenticacion><sch:usuario>sandbox</sch:usuario><sch:password>sandbox</sch:password></sch:autenticacion>`
	rutaServicio  = "/sep/services/"
)

func sobre(carga string) string {
	return `<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:sch="http://ws.web.mec.sep.mx/schemas"><soapenv:Header/><soapenv:Body>` +
		carga + `</soapenv:Body></soapenv:Envelope>`
}

func (b *banco) publica(ruta string, cuerpo io.Reader, cambios ...func(*http.Request)) respuesta {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodPost, b.base+ruta, cuerpo)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/xml; charset=utf-8")
	r.Header.Set("SOAPAction", `""`)
	for _, cambia := range cambios {
		cambia(r)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return respuesta{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	leido, err := io.ReadAll(resp.Body)
	return respuesta{resp.StatusCode, resp.Header, resp.ContentLength, string(leido), err}
}

// llama sends an operation with its elements, the credentials after them.
func (b *banco) llama(operacion string, elementos ...string) respuesta {
	b.t.Helper()
	var s strings.Builder
	for i := 0; i < len(elementos); i += 2 {
		s.WriteString("<sch:" + elementos[i] + ">" + escapa(elementos[i+1]) + "</sch:" + elementos[i] + ">")
	}
	return b.publica(rutaServicio, strings.NewReader(sobre("<sch:"+operacion+"Request>"+s.String()+autenticacion+"</sch:"+operacion+"Request>")))
}

// sube uploads and returns the number of the lote.
func (b *banco) sube(nombre string, archivo []byte) string {
	b.t.Helper()
	r := b.llama("cargaTituloElectronico", "nombreArchivo", nombre, "archivoBase64", b64(archivo))
	lote := r.campo("numeroLote")
	if r.estado != http.StatusOK || lote == "" {
		b.t.Fatalf("carga: %v %d %s", r.err, r.estado, r.cuerpo)
	}
	return lote
}

// resultado uploads, lets the lote be processed and returns its rows without the heading.
func (b *banco) resultado(nombre string, archivo []byte) [][]string {
	b.t.Helper()
	lote := b.sube(nombre, archivo)
	b.Reloj().Adelanta(2 * time.Second)
	return b.filas(lote)
}

func (b *banco) filas(lote string) [][]string {
	b.t.Helper()
	r := b.llama("descargaTituloElectronico", "numeroLote", lote)
	z, err := base64.StdEncoding.DecodeString(r.campo("titulosBase64"))
	if err != nil {
		b.t.Fatal(err)
	}
	filas := leeLibro(b.t, libroDe(b.t, z))
	if len(filas) == 0 || !slices.Equal(filas[0], []string{"ARCHIVO", "ESTATUS", "DESCRIPCION", "FOLIO CONTROL"}) {
		b.t.Fatalf("rows %q of %s", filas, r.cuerpo)
	}
	return filas[1:]
}

func libroDe(t testing.TB, z []byte) []byte {
	t.Helper()
	lector, err := zip.NewReader(bytes.NewReader(z), int64(len(z)))
	if err != nil || len(lector.File) != 1 {
		t.Fatalf("not a ZIP of one: %v", err)
	}
	f, err := lector.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	libro, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return libro
}

// leeLibro reads the books of the sandbox alone: their stream follows the header in one piece. Books of
// other makers and long ones are the matter of other tests.
func leeLibro(t testing.TB, libro []byte) [][]string {
	t.Helper()
	var textos []string
	var filas [][]string
	hojas := 0
	for b := libro[512:]; hojas < 2; {
		tipo, largo := binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint16(b[2:])
		cuerpo := b[4 : 4+largo]
		b = b[4+largo:]
		var valor string
		switch tipo {
		case 0x0A:
			hojas++
			continue
		case 0xFC:
			textos = leeTextos(cuerpo[4:])
			continue
		case 0xFD:
			valor = textos[binary.LittleEndian.Uint32(cuerpo[6:])]
		case 0x203:
			valor = fmt.Sprint(math.Float64frombits(binary.LittleEndian.Uint64(cuerpo[6:])))
		default:
			continue
		}
		fila, columna := int(binary.LittleEndian.Uint16(cuerpo)), int(binary.LittleEndian.Uint16(cuerpo[2:]))
		for len(filas) <= fila {
			filas = append(filas, make([]string, 4))
		}
		filas[fila][columna] = valor
	}
	return filas
}

func leeTextos(b []byte) []string {
	var todos []string
	n := binary.LittleEndian.Uint32(b)
	for b = b[4:]; n > 0; n-- {
		largo, ancho := int(binary.LittleEndian.Uint16(b)), int(b[2])+1
		b = b[3:]
		var unidades []uint16
		for i := range largo {
			u := uint16(b[i*ancho])
			if ancho == 2 {
				u |= uint16(b[i*2+1]) << 8
			}
			unidades = append(unidades, u)
		}
		todos = append(todos, string(utf16.Decode(unidades)))
		b = b[largo*ancho:]
	}
	return todos
}
