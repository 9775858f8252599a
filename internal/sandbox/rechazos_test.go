package sandbox_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// lineas are the faults of the page's table of refusals: whoever pastes them gets what it says.
func lineas(t *testing.T) []sandbox.Falla {
	t.Helper()
	var fallas []sandbox.Falla
	for linea := range strings.SplitSeq(seccion(t, "Faults"), "\n") {
		if !strings.HasPrefix(linea, "| ") || !strings.Contains(linea, "`falla '") {
			continue
		}
		var f sandbox.Falla
		if err := f.UnmarshalJSON([]byte(entre(linea, "`falla '", "'`"))); err != nil {
			t.Errorf("%s: %v", linea, err)
		}
		fallas = append(fallas, f)
	}
	return fallas
}

func TestDocs_LinesOfRefusalsAreTaken(t *testing.T) {
	t.Parallel()
	b := arranca(t)
	todas := lineas(t)
	if len(todas) < 20 {
		t.Errorf("%d lines", len(todas))
	}
	for _, f := range todas {
		b.falla(t, f)
	}
}

// llama calls an operation with a good message of its own; what comes is what a fault makes of it.
func (c *cliente) llama(op string) resultado {
	c.t.Helper()
	switch op {
	case "Autentica":
		return resultado{respuesta: c.autentica(c.seguridad(time.Now()))}
	case "VerificaSolicitudDescarga":
		return c.verifica(idCualquiera)
	case "Descargar":
		return c.descarga(strings.ToUpper(idCualquiera) + "_01")
	case opFolio:
		return c.solicita(op, map[string]string{"Folio": idCualquiera, "RfcSolicitante": c.rfc})
	case opRecibidos:
		return c.solicita(op, c.recibidos())
	}
	return c.solicita(op, c.emitidos())
}

var operaciones = []string{"Autentica", opEmitidos, opRecibidos, opFolio, "VerificaSolicitudDescarga", "Descargar"}

func TestPagina_AtEveryOperationOnce(t *testing.T) {
	t.Parallel()
	b := arranca(t)
	b.perillas(t, map[string]any{"solicitudes_de_por_vida": 0})
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, op := range operaciones {
		for _, estado := range []int{200, 302, 403, 404, 500, 503} {
			b.falla(t, sandbox.Falla{Operacion: op, Tipo: control.Pagina, HTTP: estado, RetryAfter: "7", Veces: 1})
			r := c.llama(op)
			if r.estado != estado || r.header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(r.cuerpo, "<h1>") || r.header.Get("Retry-After") != "7" {
				t.Errorf("%s %d: %d %v %s", op, estado, r.estado, r.header, r.cuerpo)
			}
			if (r.header.Get("Location") != "") != (estado == 302) {
				t.Errorf("%s %d: Location %q", op, estado, r.header.Get("Location"))
			}
		}
		if r := c.llama(op); strings.Contains(r.cuerpo, "<h1>") || strings.Contains(op, "Solicita") && r.attr["CodEstatus"] != "5000" {
			t.Errorf("%s after the pages: %d %.300s", op, r.estado, r.cuerpo)
		}
	}
	if n := len(b.Estado().Solicitudes); n != 3 {
		t.Errorf("%d registered, want the three after the pages", n)
	}
}

func TestPagina_OfTheOtherSystems(t *testing.T) {
	t.Parallel()
	b := arranca(t)
	for _, caso := range []struct{ servicio, ruta, cuerpo string }{
		{"sep", "/sep/services/", `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><m:consultaProcesoTituloElectronicoRequest xmlns:m="http://ws.web.mec.sep.mx/schemas"/></e:Body></e:Envelope>`},
		{"pade", "/pade/addendas", `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><m:procesarAddenda xmlns:m="http://addendas.ws.pade.mx"/></e:Body></e:Envelope>`},
	} {
		envia := func(f sandbox.Falla) respuesta {
			t.Helper()
			f.Servicio, f.Veces = caso.servicio, 1
			b.falla(t, f)
			resp, err := http.Post(b.soap+caso.ruta, "text/xml; charset=utf-8", strings.NewReader(caso.cuerpo))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			leido, err := io.ReadAll(resp.Body)
			return respuesta{resp.StatusCode, resp.Header, string(leido), err}
		}
		if r := envia(sandbox.Falla{Tipo: control.Pagina, HTTP: http.StatusForbidden, RetryAfter: "5"}); r.estado != http.StatusForbidden || r.header.Get("Retry-After") != "5" || !strings.Contains(r.cuerpo, "Forbidden") {
			t.Errorf("%s: %v %d %s", caso.servicio, r.err, r.estado, r.cuerpo)
		}
		r := envia(sandbox.Falla{Tipo: control.Fault, Mensaje: "Operación inválida", Codificacion: "iso-8859-1"})
		if r.estado != http.StatusInternalServerError || r.header.Get("Content-Type") != "text/xml" || !strings.HasPrefix(r.cuerpo, `<?xml version="1.0" encoding="iso-8859-1"?><`) ||
			!strings.Contains(r.cuerpo, "Operaci\xf3n inv\xe1lida") || strings.Count(r.cuerpo, "<?xml") != 1 {
			t.Errorf("%s: %v %d %v %q", caso.servicio, r.err, r.estado, r.header, r.cuerpo)
		}
	}
}

func TestRetryAfter_AsADateAndTheDateHeader(t *testing.T) {
	t.Parallel()
	ahora := time.Now().Truncate(time.Second)
	b := arranca(t, func(c *sandbox.Config) { c.Now = func() time.Time { return ahora } })
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	b.falla(t, sandbox.Falla{Tipo: control.HTML503, RetryAfter: "+90s", Fecha: -20 * time.Minute, Veces: 1})
	r := c.verifica(idCualquiera)
	for nombre, quiere := range map[string]time.Time{"Retry-After": ahora.Add(90 * time.Second), "Date": ahora.Add(-20 * time.Minute)} {
		if got, err := http.ParseTime(r.header.Get(nombre)); err != nil || !got.Equal(quiere) {
			t.Errorf("%s: %v, want %v", nombre, r.header.Get(nombre), quiere)
		}
	}
}

func TestCodificacion_OfEveryAnswer(t *testing.T) {
	t.Parallel()
	b := arranca(t).rapido(t, map[string]any{"descargas_por_paquete": 0})
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	paquete := c.paquetes(opEmitidos, c.emitidos()).paquetes[0]
	sano := c.descarga(paquete)
	for _, caso := range []struct {
		codificacion, anuncio, tipo, principio string
		lee                                    encoding.Encoding
	}{
		{"iso-8859-1", "", "text/xml", `<?xml version="1.0" encoding="iso-8859-1"?><s:`, charmap.ISO8859_1},
		{"windows-1252", "charset", "text/xml; charset=windows-1252", `<s:`, charmap.Windows1252},
		{"windows-1252", "nada", "text/xml", `<s:`, charmap.Windows1252},
		{"utf-8", "marca", "text/xml", "\ufeff<s:", encoding.Nop},
		{"utf-16le", "marca", "text/xml", "\ufeff<s:", unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)},
		{"utf-16be", "declaracion_y_marca", "text/xml", "\ufeff<?xml version=\"1.0\" encoding=\"utf-16\"?><s:", unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)},
	} {
		f := sandbox.Falla{Codificacion: caso.codificacion, Anuncio: caso.anuncio, Veces: 1}
		lee := func(r respuesta) string {
			t.Helper()
			texto, err := caso.lee.NewDecoder().String(r.cuerpo)
			if err != nil || r.err != nil || r.header.Get("Content-Type") != caso.tipo || !strings.HasPrefix(texto, caso.principio) || !strings.HasSuffix(texto, "</s:Envelope>") {
				t.Errorf("%s %s: %v %v %v %.200q", caso.codificacion, caso.anuncio, err, r.err, r.header, r.cuerpo)
			}
			return texto
		}
		f.Tipo, f.Codigo = control.Codigo, "5002"
		f.Mensaje = "Se agotó «la petición»"
		b.falla(t, f)
		if texto := lee(c.solicita(opEmitidos, c.emitidos()).respuesta); !strings.Contains(texto, `Mensaje="Se agotó «la petición»"`) {
			t.Errorf("%s: %s", caso.codificacion, texto)
		}
		f.Tipo, f.Codigo, f.Mensaje = control.Fault, "", "Atención"
		b.falla(t, f)
		if texto := lee(c.autentica(c.seguridad(time.Now()))); !strings.Contains(texto, `>Atención</faultstring>`) {
			t.Errorf("%s: %s", caso.codificacion, texto)
		}
		f.Tipo, f.Mensaje = control.EnOtroCodigo, ""
		b.falla(t, f)
		if texto := lee(c.descarga(paquete).respuesta); entre(texto, "<Paquete>", "</Paquete>") != entre(sano.cuerpo, "<Paquete>", "</Paquete>") {
			t.Errorf("%s: another package", caso.codificacion)
		}
	}
	for nombre, mala := range map[string]sandbox.Falla{
		"encoding": {Tipo: control.EnOtroCodigo, Codificacion: "ebcdic"}, "none": {Tipo: control.EnOtroCodigo},
		"notice": {Tipo: control.EnOtroCodigo, Codificacion: "utf-8", Anuncio: "gritos"}, "notice of none": {Tipo: control.Fault, Anuncio: "marca"},
		"mark of Latin-1": {Tipo: control.EnOtroCodigo, Codificacion: "iso-8859-1", Anuncio: "marca"},
		"of no answer":    {Tipo: control.Reset, Codificacion: "utf-8"}, "status": {Tipo: control.Pagina}, "status of none": {Tipo: control.Vacio, HTTP: 404},
		"status out of range": {Tipo: control.Pagina, HTTP: 99},
	} {
		if _, err := b.Fallas().Agrega(mala); err == nil {
			t.Errorf("%s: taken", nombre)
		}
	}
}

// queFue tells what a call met: an HTTP status and a code.
func queFue(r resultado) string {
	return fmt.Sprint(r.estado, " ", r.attr["CodEstatus"], " ", r.attr["EstadoSolicitud"], " ", entre(r.cuerpo, "a:", "</faultcode>"))
}

func TestIntermitencia_IsTheSameForASeedAndRepeatsPass(t *testing.T) {
	t.Parallel()
	ahora := time.Now() // stands still, so that states do not depend on how long the calls take
	corre := func(semilla uint64, vueltas int) (todo []string, tocadas map[string]bool) {
		b := arranca(t, func(c *sandbox.Config) { c.Now = func() time.Time { return ahora } })
		b.perillas(t, map[string]any{"solicitudes_de_por_vida": 0})
		c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
		c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		b.falla(t, sandbox.Falla{Tipo: control.Intermitencia, Porciento: 20, Semilla: semilla})
		tocadas = map[string]bool{}
		for range vueltas {
			for _, op := range operaciones {
				que := queFue(c.llama(op))
				todo = append(todo, op+" "+que)
			}
		}
		for _, a := range b.Llamadas(0) {
			if a.Falla != "" {
				tocadas[a.Operacion] = true
			}
		}
		return todo, tocadas
	}
	uno, tocadas := corre(3, 60)
	otra, _ := corre(3, 60)
	if d := cmp.Diff(uno, otra); d != "" {
		t.Errorf("the same seed differs: %s", d)
	}
	if distinta, _ := corre(4, 20); slices.Equal(uno[:len(distinta)], distinta) {
		t.Error("another seed is the same")
	}
	for _, op := range operaciones {
		if !tocadas[op] {
			t.Errorf("%s was never touched", op)
		}
	}
	juntas := strings.Join(uno, "\n")
	for _, que := range []string{" 500   InvalidSecurity", " 404   ", " 302   ", " 403   ", " 503   ", " 200 305", " 200 302", " 200 303", " 200 404", "Descarga 200 5000 5"} {
		if !strings.Contains(juntas, que) {
			t.Errorf("never %q", que)
		}
	}
}

func TestPorciento_IsTheShareAsked(t *testing.T) {
	t.Parallel()
	b := arranca(t)
	b.falla(t, sandbox.Falla{Operacion: "Descargar", Tipo: control.Vacio, Porciento: 2.5, Semilla: 9})
	tocadas := 0
	for range 20_000 {
		if _, hay := b.Fallas().Toma("cfdi", "Descargar", nil); hay {
			tocadas++
		}
		if _, hay := b.Fallas().Toma("cfdi", "Autentica", nil); hay {
			t.Fatal("another operation was touched")
		}
	}
	if tocadas < 420 || tocadas > 580 {
		t.Errorf("%d of 20,000, want about 500", tocadas)
	}
	for nombre, mala := range map[string]sandbox.Falla{
		"share": {Tipo: control.Vacio, Porciento: 101}, "two": {Tipo: control.Vacio, Porciento: 5, Cada: 2}, "none": {Tipo: control.Intermitencia},
		"the SEP's": {Tipo: control.Intermitencia, Porciento: 5, Operacion: "consultaProcesoTituloElectronico"},
	} {
		if _, err := b.Fallas().Agrega(mala); err == nil {
			t.Errorf("%s: taken", nombre)
		}
	}
}
