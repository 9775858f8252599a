package sep_test

import (
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

const (
	cargaCon    = "<sch:cargaTituloElectronicoRequest>"
	cargaFin    = "</sch:cargaTituloElectronicoRequest>"
	dosCampos   = "<sch:nombreArchivo>a.xml</sch:nombreArchivo><sch:archivoBase64>eA==</sch:archivoBase64>"
	consultaCon = "<sch:consultaProcesoTituloElectronicoRequest>"
	consultaFin = "</sch:consultaProcesoTituloElectronicoRequest>"
)

func TestMessage_WhatTheSchemaDoesNotHaveIsAFault(t *testing.T) {
	b := arranca(t)
	plano := "<sch:usuario>sandbox</sch:usuario><sch:password>sandbox</sch:password>"
	beans := `<b:autenticacion xmlns:b="http://ws.web.mec.sep.mx/schemas/beans"><b:usuario>sandbox</b:usuario><b:password>sandbox</b:password></b:autenticacion>`
	mitad := `<sch:autenticacion xmlns:b="http://ws.web.mec.sep.mx/schemas/beans"><b:usuario>sandbox</b:usuario><b:password>sandbox</b:password></sch:autenticacion>`
	lote := "<sch:numeroLote>1</sch:numeroLote>"
	for nombre, c := range map[string]struct{ carga, motivo string }{
		"flat credentials":             {cargaCon + dosCampos + plano + cargaFin, "cvc-complex-type.2.4.a: Invalid content was found starting with element 'sch:usuario'"},
		"beans":                        {consultaCon + lote + beans + consultaFin, "'b:autenticacion'"},
		"beans within":                 {consultaCon + lote + mitad + consultaFin, "'b:usuario'"},
		"no credentials":               {consultaCon + lote + consultaFin, "cvc-complex-type.2.4.b"},
		"another order":                {consultaCon + autenticacion + lote + consultaFin, "cvc-complex-type.2.4.a"},
		"password before user":         {consultaCon + lote + "<sch:autenticacion><sch:password>s</sch:password><sch:usuario>s</sch:usuario></sch:autenticacion>" + consultaFin, "cvc-complex-type.2.4.a"},
		"one more":                     {consultaCon + lote + autenticacion + lote + consultaFin, "cvc-complex-type.2.4.d"},
		"lote that is no number":       {consultaCon + "<sch:numeroLote>1.0</sch:numeroLote>" + autenticacion + consultaFin, "'1.0' is not a valid value for 'integer'"},
		"name of one letter":           {cargaCon + strings.Replace(dosCampos, "a.xml", "a", 1) + autenticacion + cargaFin, "cvc-minLength-valid"},
		"name of 101 letters":          {cargaCon + strings.Replace(dosCampos, "a.xml", strings.Repeat("ñ", 101), 1) + autenticacion + cargaFin, "cvc-maxLength-valid"},
		"not base64":                   {cargaCon + strings.Replace(dosCampos, "eA==", "PD94bWwgP¿", 1) + autenticacion + cargaFin, "'base64Binary'"},
		"padding, and more":            {cargaCon + strings.Replace(dosCampos, "eA==", strings.Repeat("AAAA", 16<<10-1)+"eA==eA==", 1) + autenticacion + cargaFin, "'base64Binary'"},
		"base64 cut":                   {cargaCon + strings.Replace(dosCampos, "eA==", "eA=", 1) + autenticacion + cargaFin, "'base64Binary'"},
		"another reference in it":      {cargaCon + strings.Replace(dosCampos, "eA==", "eA&amp;=", 1) + autenticacion + cargaFin, "'base64Binary'"},
		"an element in it":             {cargaCon + strings.Replace(dosCampos, "eA==", "eA==<sch:x/>", 1) + autenticacion + cargaFin, "cvc-type.3.1.2"},
		"archivo twice":                {cargaCon + dosCampos + "<sch:archivoBase64>eA==</sch:archivoBase64>" + autenticacion + cargaFin, "cvc-complex-type.2.4.a"},
		"the other archive's name":     {cargaCon + strings.ReplaceAll(dosCampos, "archivoBase64", "certificadosBase64") + autenticacion + cargaFin, "cvc-complex-type.2.4.a"},
		"text between":                 {consultaCon + lote + "x" + autenticacion + consultaFin, "cvc-complex-type.2.3"},
		"an attribute":                 {`<sch:consultaProcesoTituloElectronicoRequest id="1">` + lote + autenticacion + consultaFin, "cvc-complex-type.3.2.2"},
		"no namespace below the root":  {consultaCon + "<numeroLote>1</numeroLote>" + autenticacion + consultaFin, "cvc-complex-type.2.4.a"},
		"element inside an element":    {consultaCon + "<sch:numeroLote><sch:x/></sch:numeroLote>" + autenticacion + consultaFin, "cvc-type.3.1.2"},
		"the archivo in another place": {consultaCon + "<sch:archivoBase64>eA==</sch:archivoBase64>" + autenticacion + consultaFin, "cvc-complex-type.2.4.a"},
	} {
		r := b.publica(rutaServicio, strings.NewReader(sobre(c.carga)))
		if r.estado != 500 || !strings.Contains(r.cuerpo, "<faultcode>env:Client</faultcode>") || !strings.Contains(r.cuerpo, ">Validation error<") || !strings.Contains(llano(r.cuerpo), c.motivo) {
			t.Errorf("%s: %d %s", nombre, r.estado, r.cuerpo)
		}
	}
	if len(b.Estado().Lotes) > 0 {
		t.Error("a lote was opened")
	}
}

func llano(s string) string {
	return strings.NewReplacer("&#39;", "'", "&#34;", `"`, "&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s)
}

func TestMessage_FormsThatAreTheSame(t *testing.T) {
	b := arranca(t)
	porDefecto := strings.NewReplacer(cargaCon, `<cargaTituloElectronicoRequest xmlns="http://ws.web.mec.sep.mx/schemas">`, "<sch:", "<", "</sch:", "</")
	carga := cargaCon + dosCampos + autenticacion + cargaFin
	for nombre, cuerpo := range map[string]string{
		"the default namespace":      sobre(porDefecto.Replace(carga)),
		"blanks and comments":        sobre(strings.ReplaceAll(carga, "><", ">\n  <!-- <sch:archivoBase64>no</sch:archivoBase64> --><")),
		"base64 in lines":            sobre(strings.Replace(carga, "eA==", "\r\n  e\tA=\n=", 1)),
		"base64 in lines, escaped":   sobre(strings.Replace(carga, "eA==", "eA&#xD;&#xa;&#13;&#10;==", 1)),
		"base64 in CDATA":            sobre(strings.Replace(carga, "eA==", "e<![CDATA[A=]]>=", 1)),
		"an attribute with a bigger": sobre(strings.Replace(carga, "<sch:archivoBase64>", `<sch:archivoBase64 xmlns:x='a>b' xmlns:y="c/">`, 1)),
		"no header":                  strings.Replace(sobre(carga), "<soapenv:Header/>", "", 1),
		"a declaration":              `<?xml version="1.0" encoding="UTF-8"?>` + sobre(carga),
	} {
		r := b.publica(rutaServicio, strings.NewReader(cuerpo))
		if r.estado != 200 || r.campo("numeroLote") == "" {
			t.Errorf("%s: %d %s", nombre, r.estado, r.cuerpo)
		}
	}
	consulta := sobre(consultaCon + "<sch:numeroLote>100007</sch:numeroLote>" + autenticacion + consultaFin)
	for _, ruta := range []string{"/sep/services/", "/sep/services/TitulosElectronicos", "/sep/services/TitulosElectronicos.wsdl"} {
		for _, accion := range []string{"", `""`, "cargaTituloElectronicoRequest", "http://otra/"} {
			r := b.publica(ruta, strings.NewReader(consulta), func(r *http.Request) { r.Header.Set("SOAPAction", accion) })
			if r.campo("numeroLote") != "100007" {
				t.Errorf("%s, action %q: %d %s", ruta, accion, r.estado, r.cuerpo)
			}
		}
	}
}

func TestMessage_WhatIsNoCall(t *testing.T) {
	b := arranca(t)
	bueno := sobre(consultaCon + "<sch:numeroLote>1</sch:numeroLote>" + autenticacion + consultaFin)
	for nombre, c := range map[string]struct {
		cuerpo string
		estado int
	}{
		"nothing":           {"", 400},
		"text":              {"hola", 400},
		"cut in a tag":      {bueno[:80], 400},
		"cut":               {bueno[:len(bueno)-20], 400},
		"cut in the upload": {strings.SplitAfter(sobre(cargaCon+dosCampos), "eA=")[0], 400},
		"SOAP 1.2":          {strings.ReplaceAll(bueno, "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"), 400},
		"DOCTYPE":           {"<!DOCTYPE x>" + bueno, 400},
		"two roots":         {bueno + "<x/>", 400},
		"empty body":        {sobre(""), 400},
		"another operation": {sobre("<sch:otraRequest/>"), 404},
		"another namespace": {strings.ReplaceAll(bueno, "mec.sep.mx/schemas", "mec.sep.mx/schemas/beans"), 404},
		"too large":         {sobre(consultaCon + strings.Repeat(" ", 300<<10) + consultaFin), 413},
	} {
		if r := b.publica(rutaServicio, strings.NewReader(c.cuerpo)); r.estado != c.estado || r.cuerpo != "" {
			t.Errorf("%s: %v %d %s", nombre, r.err, r.estado, r.cuerpo)
		}
	}
	if r := b.publica(rutaServicio, strings.NewReader(bueno), func(r *http.Request) { r.Header.Set("Content-Type", "application/soap+xml") }); r.estado != 415 {
		t.Errorf("another type: %d", r.estado)
	}
	if r := b.publica("/sep/otra", strings.NewReader(bueno)); r.estado != 404 {
		t.Errorf("another path: %d", r.estado)
	}
	for ruta, estado := range map[string]int{"/sep/services/TitulosElectronicos.wsdl": 200, "/sep/services/": 405, "/sep/": 404} {
		resp, err := http.Get(b.base + ruta)
		if err != nil {
			t.Fatal(err)
		}
		cuerpo, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != estado || (estado == 200 && !strings.Contains(string(cuerpo), `<soap:address location="`+b.base+`/sep/services/"/>`)) {
			t.Errorf("GET %s: %d %.200s", ruta, resp.StatusCode, cuerpo)
		}
	}
}

func TestFault_AppliesByOperation(t *testing.T) {
	b := arranca(t)
	lote := b.sube("a.xml", []byte("x"))
	b.Reloj().Adelanta(time.Hour)
	consulta := func() respuesta { return b.llama("consultaProcesoTituloElectronico", "numeroLote", lote) }
	descarga := func() respuesta { return b.llama("descargaTituloElectronico", "numeroLote", lote) }
	entero := descarga().campo("titulosBase64")
	for nombre, c := range map[string]struct {
		falla  sandbox.Falla
		llama  func() respuesta
		revisa func(respuesta) bool
	}{
		"reset": {sandbox.Falla{Tipo: control.Reset}, consulta, func(r respuesta) bool { return errors.Is(r.err, syscall.ECONNRESET) || errors.Is(r.err, io.EOF) }},
		"html503": {sandbox.Falla{Tipo: control.HTML503}, consulta, func(r respuesta) bool {
			return r.estado == 503 && strings.HasPrefix(r.header.Get("Content-Type"), "text/html") && strings.Contains(r.cuerpo, "503")
		}},
		"vacio": {sandbox.Falla{Tipo: control.Vacio}, consulta, func(r respuesta) bool { return r.estado == 200 && r.cuerpo == "" }},
		"fault": {sandbox.Falla{Tipo: control.Fault}, consulta, func(r respuesta) bool {
			return r.estado == 500 && strings.Contains(r.cuerpo, "<faultcode>env:Server</faultcode>") && !strings.Contains(r.cuerpo, "<detail>")
		}},
		"fault of one's own": {sandbox.Falla{Tipo: control.Fault, Faultcode: "Raro", Mensaje: "a < b"}, consulta, func(r respuesta) bool {
			return r.estado == 500 && strings.Contains(r.cuerpo, "env:Raro<") && strings.Contains(r.cuerpo, ">a &lt; b</faultstring>")
		}},
		"codigo": {sandbox.Falla{Tipo: control.Codigo, Codigo: "7", Mensaje: "M"}, consulta, func(r respuesta) bool { return r.campo("estatusLote") == "7" && r.campo("mensaje") == "M" }},
		"codigo, text": {sandbox.Falla{Tipo: control.Codigo, Codigo: "x", Mensaje: "El usuario 1 no pertenece a la Institución Educativa."}, descarga, func(r respuesta) bool {
			return strings.Contains(r.campo("mensaje"), "no pertenece") && !strings.Contains(r.cuerpo, "numeroLote")
		}},
		"corte":             {sandbox.Falla{Tipo: control.Corte, Bytes: 50}, consulta, func(r respuesta) bool { return len(r.cuerpo) == 50 && errors.Is(r.err, io.ErrUnexpectedEOF) }},
		"truncado":          {sandbox.Falla{Tipo: control.Truncado, Bytes: 101}, descarga, func(r respuesta) bool { return r.campo("titulosBase64") == entero[:101] }},
		"base64_invalido":   {sandbox.Falla{Tipo: control.Base64Invalido, Bytes: 100}, descarga, func(r respuesta) bool { return r.campo("titulosBase64") == entero[:100]+"*¡!*"+entero[100:] }},
		"zip_invalido":      {sandbox.Falla{Tipo: control.ZipInvalido, Bytes: 3}, descarga, func(r respuesta) bool { return r.campo("titulosBase64") == "eHh4" }},
		"lento":             {sandbox.Falla{Tipo: control.Lento, Demora: 100 * time.Millisecond}, tarda(consulta, 90*time.Millisecond), func(r respuesta) bool { return r.campo("estatusLote") == "1" }},
		"goteo":             {sandbox.Falla{Tipo: control.Goteo, Demora: 10 * time.Millisecond, Bytes: 40}, tarda(consulta, 50*time.Millisecond), func(r respuesta) bool { return r.campo("estatusLote") == "1" }},
		"another's":         {sandbox.Falla{Tipo: control.Vacio, Servicio: "cfdi"}, consulta, func(r respuesta) bool { return r.campo("estatusLote") == "1" }},
		"another operation": {sandbox.Falla{Tipo: control.Vacio, Operacion: "cancelaTituloElectronico"}, consulta, func(r respuesta) bool { return r.campo("estatusLote") == "1" }},
	} {
		c.falla.Veces = 1
		if _, err := b.Fallas().Agrega(c.falla); err != nil {
			t.Fatal(err)
		}
		if r := c.llama(); !c.revisa(r) {
			t.Errorf("%s: %v %d %s", nombre, r.err, r.estado, r.cuerpo)
		}
		b.Fallas().Reinicia()
		if r := consulta(); r.campo("estatusLote") != "1" {
			t.Errorf("after %s: %v %s", nombre, r.err, r.cuerpo)
		}
	}
	for nombre, f := range map[string]sandbox.Falla{
		"package of consulta":    {Tipo: control.Truncado, Operacion: "consultaProcesoTituloElectronico"},
		"code without an answer": {Tipo: control.Codigo, Codigo: "1", Operacion: "cancelarTituloInstitucion"},
	} {
		if _, err := b.Fallas().Agrega(f); err == nil {
			t.Errorf("%s: taken", nombre)
		}
	}
}

// tarda gives an answer that came too soon an error.
func tarda(llama func() respuesta, minimo time.Duration) func() respuesta {
	return func() respuesta {
		antes := time.Now()
		if r := llama(); time.Since(antes) >= minimo {
			return r
		}
		return respuesta{err: errors.New("too soon")}
	}
}

func TestFault_LostAnswerOfCargaLeavesTheLote(t *testing.T) {
	b := arranca(t)
	titulo := []byte(b.sellado(b.titulo("P")))
	if _, err := b.Fallas().Agrega(sandbox.Falla{Servicio: "sep", Operacion: "cargaTituloElectronico", Tipo: control.ResetDespues, Veces: 1}); err != nil {
		t.Fatal(err)
	}
	r := b.llama("cargaTituloElectronico", "nombreArchivo", "p.xml", "archivoBase64", b64(titulo))
	if r.err == nil {
		t.Fatalf("no reset: %s", r.cuerpo)
	}
	if filas := b.resultado("p.xml", titulo); filas[0][2] != repetido+"P" {
		t.Errorf("%q", filas)
	}
}

func TestCaptura_SeesTheWholeMessage(t *testing.T) {
	var vistas []sandbox.Captura
	b := arranca(t, func(c *sandbox.Config) { c.Captura = func(x sandbox.Captura) { vistas = append(vistas, x) } })
	b.sube("a.xml", []byte("hola"))
	if len(vistas) != 1 || vistas[0].Servicio != "sep" || vistas[0].Operacion != "cargaTituloElectronico" ||
		!strings.Contains(string(vistas[0].Body), ">"+b64([]byte("hola"))+"<") || vistas[0].Header.Get("Content-Type") == "" {
		t.Errorf("%+v", vistas)
	}
}

// repite is n copies of a text without holding them.
type repite struct {
	texto  string
	quedan int
	resto  string
}

func (r *repite) Read(p []byte) (int, error) {
	if r.resto == "" {
		if r.quedan == 0 {
			return 0, io.EOF
		}
		r.quedan--
		r.resto = r.texto
	}
	n := copy(p, r.resto)
	r.resto = r.resto[n:]
	return n, nil
}

func TestUpload_OfAHundredMegabytesTakesLittleMemory(t *testing.T) {
	b := arranca(t)
	t.Setenv("TMPDIR", t.TempDir())
	linea := strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 1024)
	envia := func(megas int) respuesta {
		partes := strings.Split(sobre(cargaCon+strings.Replace(dosCampos, "eA==", "|", 1)+autenticacion+cargaFin), "|")
		return b.publica(rutaServicio, io.MultiReader(strings.NewReader(partes[0]), &repite{texto: linea, quedan: megas * 1024 / 57}, strings.NewReader(partes[1])))
	}
	var antes, maximo runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&antes)
	fin := make(chan respuesta, 1)
	go func() { fin <- envia(99) }()
	for {
		var ahora runtime.MemStats
		runtime.ReadMemStats(&ahora)
		if ahora.HeapAlloc > maximo.HeapAlloc {
			maximo = ahora
		}
		select {
		case r := <-fin:
			if r.estado != 200 || r.campo("numeroLote") == "" {
				t.Fatalf("%v %d %s", r.err, r.estado, r.cuerpo)
			}
			if crecio := int64(maximo.HeapAlloc) - int64(antes.HeapAlloc); crecio > 20<<20 {
				t.Errorf("the heap grew by %d MiB", crecio>>20)
			}
			if r := envia(101); r.estado != http.StatusRequestEntityTooLarge && r.err == nil {
				t.Errorf("more than the bound: %d %s", r.estado, r.cuerpo)
			}
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}
