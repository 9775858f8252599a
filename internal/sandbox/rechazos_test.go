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

// lines are the faults of the page's table of refusals: whoever pastes them gets what it says.
func lines(t *testing.T) []sandbox.Falla {
	t.Helper()
	var fallas []sandbox.Falla
	for line := range strings.SplitSeq(section(t, "Faults"), "\n") {
		if !strings.HasPrefix(line, "| ") || !strings.Contains(line, "`falla '") {
			continue
		}
		var f sandbox.Falla
		if err := f.UnmarshalJSON([]byte(between(line, "`falla '", "'`"))); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		fallas = append(fallas, f)
	}
	return fallas
}

func TestDocs_LinesOfRefusalsAreTaken(t *testing.T) {
	t.Parallel()
	b := start(t)
	all := lines(t)
	if len(all) < 20 {
		t.Errorf("%d lines", len(all))
	}
	for _, f := range all {
		b.falla(t, f)
	}
}

// call calls an operation with a good message of its own; what comes is what a fault makes of it.
func (c *client) call(op string) result {
	c.t.Helper()
	switch op {
	case "Autentica":
		return result{answer: c.authenticate(c.security(time.Now()))}
	case "VerificaSolicitudDescarga":
		return c.verify(idAny)
	case "Descargar":
		return c.descarga(strings.ToUpper(idAny) + "_01")
	case opFolio:
		return c.request(op, map[string]string{"Folio": idAny, "RfcSolicitante": c.rfc})
	case opRecibidos:
		return c.request(op, c.recibidos())
	}
	return c.request(op, c.emitidos())
}

var operations = []string{"Autentica", opEmitidos, opRecibidos, opFolio, "VerificaSolicitudDescarga", "Descargar"}

func TestPage_AtEveryOperationOnce(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.knobs(t, map[string]any{"solicitudes_de_por_vida": 0})
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, op := range operations {
		for _, estado := range []int{200, 302, 403, 404, 500, 503} {
			b.falla(t, sandbox.Falla{Operacion: op, Tipo: control.Pagina, HTTP: estado, RetryAfter: "7", Veces: 1})
			r := c.call(op)
			if r.estado != estado || r.header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(r.body, "<h1>") || r.header.Get("Retry-After") != "7" {
				t.Errorf("%s %d: %d %v %s", op, estado, r.estado, r.header, r.body)
			}
			if (r.header.Get("Location") != "") != (estado == 302) {
				t.Errorf("%s %d: Location %q", op, estado, r.header.Get("Location"))
			}
		}
		if r := c.call(op); strings.Contains(r.body, "<h1>") || strings.Contains(op, "Solicita") && r.attr["CodEstatus"] != "5000" {
			t.Errorf("%s after the pages: %d %.300s", op, r.estado, r.body)
		}
	}
	if n := len(b.Estado().Solicitudes); n != 3 {
		t.Errorf("%d registered, want the three after the pages", n)
	}
}

func TestPage_OfTheOtherSystems(t *testing.T) {
	t.Parallel()
	b := start(t)
	for _, tc := range []struct{ servicio, path, body string }{
		{"sep", "/sep/services/", `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><m:consultaProcesoTituloElectronicoRequest xmlns:m="http://ws.web.mec.sep.mx/schemas"/></e:Body></e:Envelope>`},
		{"pade", "/pade/addendas", `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><m:procesarAddenda xmlns:m="http://addendas.ws.pade.mx"/></e:Body></e:Envelope>`},
	} {
		send := func(f sandbox.Falla) answer {
			t.Helper()
			f.Servicio, f.Veces = tc.servicio, 1
			b.falla(t, f)
			resp, err := http.Post(b.soap+tc.path, "text/xml; charset=utf-8", strings.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			read, err := io.ReadAll(resp.Body)
			return answer{resp.StatusCode, resp.Header, string(read), err}
		}
		if r := send(sandbox.Falla{Tipo: control.Pagina, HTTP: http.StatusForbidden, RetryAfter: "5"}); r.estado != http.StatusForbidden || r.header.Get("Retry-After") != "5" || !strings.Contains(r.body, "Forbidden") {
			t.Errorf("%s: %v %d %s", tc.servicio, r.err, r.estado, r.body)
		}
		r := send(sandbox.Falla{Tipo: control.Fault, Mensaje: "Operación inválida", Codificacion: "iso-8859-1"})
		if r.estado != http.StatusInternalServerError || r.header.Get("Content-Type") != "text/xml" || !strings.HasPrefix(r.body, `<?xml version="1.0" encoding="iso-8859-1"?><`) ||
			!strings.Contains(r.body, "Operaci\xf3n inv\xe1lida") || strings.Count(r.body, "<?xml") != 1 {
			t.Errorf("%s: %v %d %v %q", tc.servicio, r.err, r.estado, r.header, r.body)
		}
	}
}

func TestRetryAfter_AsADateAndTheDateHeader(t *testing.T) {
	t.Parallel()
	now := time.Now().Truncate(time.Second)
	b := start(t, func(c *sandbox.Config) { c.Now = func() time.Time { return now } })
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	b.falla(t, sandbox.Falla{Tipo: control.HTML503, RetryAfter: "+90s", Fecha: -20 * time.Minute, Veces: 1})
	r := c.verify(idAny)
	for name, wants := range map[string]time.Time{"Retry-After": now.Add(90 * time.Second), "Date": now.Add(-20 * time.Minute)} {
		if got, err := http.ParseTime(r.header.Get(name)); err != nil || !got.Equal(wants) {
			t.Errorf("%s: %v, want %v", name, r.header.Get(name), wants)
		}
	}
}

func TestEncoding_OfEveryAnswer(t *testing.T) {
	t.Parallel()
	b := start(t).fast(t, map[string]any{"descargas_por_paquete": 0})
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	paquete := c.paquetes(opEmitidos, c.emitidos()).paquetes[0]
	sound := c.descarga(paquete)
	for _, tc := range []struct {
		encoding, announcement, tipo, start string
		read                                encoding.Encoding
	}{
		{"iso-8859-1", "", "text/xml", `<?xml version="1.0" encoding="iso-8859-1"?><s:`, charmap.ISO8859_1},
		{"windows-1252", "charset", "text/xml; charset=windows-1252", `<s:`, charmap.Windows1252},
		{"windows-1252", "nada", "text/xml", `<s:`, charmap.Windows1252},
		{"utf-8", "marca", "text/xml", "\ufeff<s:", encoding.Nop},
		{"utf-16le", "marca", "text/xml", "\ufeff<s:", unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)},
		{"utf-16be", "declaracion_y_marca", "text/xml", "\ufeff<?xml version=\"1.0\" encoding=\"utf-16\"?><s:", unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)},
	} {
		f := sandbox.Falla{Codificacion: tc.encoding, Anuncio: tc.announcement, Veces: 1}
		read := func(r answer) string {
			t.Helper()
			text, err := tc.read.NewDecoder().String(r.body)
			if err != nil || r.err != nil || r.header.Get("Content-Type") != tc.tipo || !strings.HasPrefix(text, tc.start) || !strings.HasSuffix(text, "</s:Envelope>") {
				t.Errorf("%s %s: %v %v %v %.200q", tc.encoding, tc.announcement, err, r.err, r.header, r.body)
			}
			return text
		}
		f.Tipo, f.Codigo = control.Codigo, "5002"
		f.Mensaje = "Se agotó «la petición»"
		b.falla(t, f)
		if text := read(c.request(opEmitidos, c.emitidos()).answer); !strings.Contains(text, `Mensaje="Se agotó «la petición»"`) {
			t.Errorf("%s: %s", tc.encoding, text)
		}
		f.Tipo, f.Codigo, f.Mensaje = control.Fault, "", "Atención"
		b.falla(t, f)
		if text := read(c.authenticate(c.security(time.Now()))); !strings.Contains(text, `>Atención</faultstring>`) {
			t.Errorf("%s: %s", tc.encoding, text)
		}
		f.Tipo, f.Mensaje = control.InOtherCodigo, ""
		b.falla(t, f)
		if text := read(c.descarga(paquete).answer); between(text, "<Paquete>", "</Paquete>") != between(sound.body, "<Paquete>", "</Paquete>") {
			t.Errorf("%s: another package", tc.encoding)
		}
	}
	for name, bad := range map[string]sandbox.Falla{
		"encoding": {Tipo: control.InOtherCodigo, Codificacion: "ebcdic"}, "none": {Tipo: control.InOtherCodigo},
		"notice": {Tipo: control.InOtherCodigo, Codificacion: "utf-8", Anuncio: "gritos"}, "notice of none": {Tipo: control.Fault, Anuncio: "marca"},
		"mark of Latin-1": {Tipo: control.InOtherCodigo, Codificacion: "iso-8859-1", Anuncio: "marca"},
		"of no answer":    {Tipo: control.Reset, Codificacion: "utf-8"}, "status": {Tipo: control.Pagina}, "status of none": {Tipo: control.Vacio, HTTP: 404},
		"status out of range": {Tipo: control.Pagina, HTTP: 99},
	} {
		if _, err := b.Fallas().Add(bad); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// whatItWas tells what a call met: an HTTP status and a code.
func whatItWas(r result) string {
	return fmt.Sprint(r.estado, " ", r.attr["CodEstatus"], " ", r.attr["EstadoSolicitud"], " ", between(r.body, "a:", "</faultcode>"))
}

func TestFlicker_IsTheSameForASeedAndRepeatsPass(t *testing.T) {
	t.Parallel()
	now := time.Now() // stands still, so that states do not depend on how long the calls take
	run := func(seed uint64, rounds int) (all []string, touched map[string]bool) {
		b := start(t, func(c *sandbox.Config) { c.Now = func() time.Time { return now } })
		b.knobs(t, map[string]any{"solicitudes_de_por_vida": 0})
		c := b.enter(t, "cfdi", sandbox.RFCCompany)
		c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		b.falla(t, sandbox.Falla{Tipo: control.Intermitencia, Porciento: 20, Semilla: seed})
		touched = map[string]bool{}
		for range rounds {
			for _, op := range operations {
				que := whatItWas(c.call(op))
				all = append(all, op+" "+que)
			}
		}
		for _, a := range b.Calls(0) {
			if a.Falla != "" {
				touched[a.Operacion] = true
			}
		}
		return all, touched
	}
	one, touched := run(3, 60)
	other, _ := run(3, 60)
	if d := cmp.Diff(one, other); d != "" {
		t.Errorf("the same seed differs: %s", d)
	}
	if different, _ := run(4, 20); slices.Equal(one[:len(different)], different) {
		t.Error("another seed is the same")
	}
	for _, op := range operations {
		if !touched[op] {
			t.Errorf("%s was never touched", op)
		}
	}
	joined := strings.Join(one, "\n")
	for _, que := range []string{" 500   InvalidSecurity", " 404   ", " 302   ", " 403   ", " 503   ", " 200 305", " 200 302", " 200 303", " 200 404", "Descarga 200 5000 5"} {
		if !strings.Contains(joined, que) {
			t.Errorf("never %q", que)
		}
	}
}

func TestPercent_IsTheShareAsked(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.falla(t, sandbox.Falla{Operacion: "Descargar", Tipo: control.Vacio, Porciento: 2.5, Semilla: 9})
	touched := 0
	for range 20_000 {
		if _, has := b.Fallas().Take("cfdi", "Descargar", nil); has {
			touched++
		}
		if _, has := b.Fallas().Take("cfdi", "Autentica", nil); has {
			t.Fatal("another operation was touched")
		}
	}
	if touched < 420 || touched > 580 {
		t.Errorf("%d of 20,000, want about 500", touched)
	}
	for name, bad := range map[string]sandbox.Falla{
		"share": {Tipo: control.Vacio, Porciento: 101}, "two": {Tipo: control.Vacio, Porciento: 5, Cada: 2}, "none": {Tipo: control.Intermitencia},
		"the SEP's": {Tipo: control.Intermitencia, Porciento: 5, Operacion: "consultaProcesoTituloElectronico"},
	} {
		if _, err := b.Fallas().Add(bad); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
