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
	uploadWith = "<sch:cargaTituloElectronicoRequest>"
	uploadEnd  = "</sch:cargaTituloElectronicoRequest>"
	twoFields  = "<sch:nombreArchivo>a.xml</sch:nombreArchivo><sch:archivoBase64>eA==</sch:archivoBase64>"
	queryWith  = "<sch:consultaProcesoTituloElectronicoRequest>"
	queryEnd   = "</sch:consultaProcesoTituloElectronicoRequest>"
)

func TestMessage_WhatTheSchemaDoesNotHaveIsAFault(t *testing.T) {
	b := start(t)
	flat := "<sch:usuario>sandbox</sch:usuario><sch:password>sandbox</sch:password>"
	beans := `<b:autenticacion xmlns:b="http://ws.web.mec.sep.mx/schemas/beans"><b:usuario>sandbox</b:usuario><b:password>sandbox</b:password></b:autenticacion>`
	half := `<sch:autenticacion xmlns:b="http://ws.web.mec.sep.mx/schemas/beans"><b:usuario>sandbox</b:usuario><b:password>sandbox</b:password></sch:autenticacion>`
	lote := "<sch:numeroLote>1</sch:numeroLote>"
	for name, c := range map[string]struct{ upload, motivo string }{
		"flat credentials":             {uploadWith + twoFields + flat + uploadEnd, "cvc-complex-type.2.4.a: Invalid content was found starting with element 'sch:usuario'"},
		"beans":                        {queryWith + lote + beans + queryEnd, "'b:autenticacion'"},
		"beans within":                 {queryWith + lote + half + queryEnd, "'b:usuario'"},
		"no credentials":               {queryWith + lote + queryEnd, "cvc-complex-type.2.4.b"},
		"another order":                {queryWith + autenticacion + lote + queryEnd, "cvc-complex-type.2.4.a"},
		"password before user":         {queryWith + lote + "<sch:autenticacion><sch:password>s</sch:password><sch:usuario>s</sch:usuario></sch:autenticacion>" + queryEnd, "cvc-complex-type.2.4.a"},
		"one more":                     {queryWith + lote + autenticacion + lote + queryEnd, "cvc-complex-type.2.4.d"},
		"lote that is no number":       {queryWith + "<sch:numeroLote>1.0</sch:numeroLote>" + autenticacion + queryEnd, "'1.0' is not a valid value for 'integer'"},
		"name of one letter":           {uploadWith + strings.Replace(twoFields, "a.xml", "a", 1) + autenticacion + uploadEnd, "cvc-minLength-valid"},
		"name of 101 letters":          {uploadWith + strings.Replace(twoFields, "a.xml", strings.Repeat("ñ", 101), 1) + autenticacion + uploadEnd, "cvc-maxLength-valid"},
		"not base64":                   {uploadWith + strings.Replace(twoFields, "eA==", "PD94bWwgP¿", 1) + autenticacion + uploadEnd, "'base64Binary'"},
		"padding, and more":            {uploadWith + strings.Replace(twoFields, "eA==", strings.Repeat("AAAA", 16<<10-1)+"eA==eA==", 1) + autenticacion + uploadEnd, "'base64Binary'"},
		"base64 cut":                   {uploadWith + strings.Replace(twoFields, "eA==", "eA=", 1) + autenticacion + uploadEnd, "'base64Binary'"},
		"another reference in it":      {uploadWith + strings.Replace(twoFields, "eA==", "eA&amp;=", 1) + autenticacion + uploadEnd, "'base64Binary'"},
		"an element in it":             {uploadWith + strings.Replace(twoFields, "eA==", "eA==<sch:x/>", 1) + autenticacion + uploadEnd, "cvc-type.3.1.2"},
		"archivo twice":                {uploadWith + twoFields + "<sch:archivoBase64>eA==</sch:archivoBase64>" + autenticacion + uploadEnd, "cvc-complex-type.2.4.a"},
		"the other archive's name":     {uploadWith + strings.ReplaceAll(twoFields, "archivoBase64", "certificadosBase64") + autenticacion + uploadEnd, "cvc-complex-type.2.4.a"},
		"text between":                 {queryWith + lote + "x" + autenticacion + queryEnd, "cvc-complex-type.2.3"},
		"an attribute":                 {`<sch:consultaProcesoTituloElectronicoRequest id="1">` + lote + autenticacion + queryEnd, "cvc-complex-type.3.2.2"},
		"no namespace below the root":  {queryWith + "<numeroLote>1</numeroLote>" + autenticacion + queryEnd, "cvc-complex-type.2.4.a"},
		"element inside an element":    {queryWith + "<sch:numeroLote><sch:x/></sch:numeroLote>" + autenticacion + queryEnd, "cvc-type.3.1.2"},
		"the archivo in another place": {queryWith + "<sch:archivoBase64>eA==</sch:archivoBase64>" + autenticacion + queryEnd, "cvc-complex-type.2.4.a"},
	} {
		r := b.publish(pathServicio, strings.NewReader(envelope(c.upload)))
		if r.estado != 500 || !strings.Contains(r.body, "<faultcode>env:Client</faultcode>") || !strings.Contains(r.body, ">Validation error<") || !strings.Contains(plain(r.body), c.motivo) {
			t.Errorf("%s: %d %s", name, r.estado, r.body)
		}
	}
	if len(b.Estado().Lotes) > 0 {
		t.Error("a lote was opened")
	}
}

func plain(s string) string {
	return strings.NewReplacer("&#39;", "'", "&#34;", `"`, "&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s)
}

func TestMessage_FormsThatAreTheSame(t *testing.T) {
	b := start(t)
	byDefault := strings.NewReplacer(uploadWith, `<cargaTituloElectronicoRequest xmlns="http://ws.web.mec.sep.mx/schemas">`, "<sch:", "<", "</sch:", "</")
	upload := uploadWith + twoFields + autenticacion + uploadEnd
	for name, body := range map[string]string{
		"the default namespace":      envelope(byDefault.Replace(upload)),
		"blanks and comments":        envelope(strings.ReplaceAll(upload, "><", ">\n  <!-- <sch:archivoBase64>no</sch:archivoBase64> --><")),
		"base64 in lines":            envelope(strings.Replace(upload, "eA==", "\r\n  e\tA=\n=", 1)),
		"base64 in lines, escaped":   envelope(strings.Replace(upload, "eA==", "eA&#xD;&#xa;&#13;&#10;==", 1)),
		"base64 in CDATA":            envelope(strings.Replace(upload, "eA==", "e<![CDATA[A=]]>=", 1)),
		"an attribute with a bigger": envelope(strings.Replace(upload, "<sch:archivoBase64>", `<sch:archivoBase64 xmlns:x='a>b' xmlns:y="c/">`, 1)),
		"no header":                  strings.Replace(envelope(upload), "<soapenv:Header/>", "", 1),
		"a declaration":              `<?xml version="1.0" encoding="UTF-8"?>` + envelope(upload),
	} {
		r := b.publish(pathServicio, strings.NewReader(body))
		if r.estado != 200 || r.field("numeroLote") == "" {
			t.Errorf("%s: %d %s", name, r.estado, r.body)
		}
	}
	query := envelope(queryWith + "<sch:numeroLote>100007</sch:numeroLote>" + autenticacion + queryEnd)
	for _, path := range []string{"/sep/services/", "/sep/services/TitulosElectronicos", "/sep/services/TitulosElectronicos.wsdl"} {
		for _, action := range []string{"", `""`, "cargaTituloElectronicoRequest", "http://otra/"} {
			r := b.publish(path, strings.NewReader(query), func(r *http.Request) { r.Header.Set("SOAPAction", action) })
			if r.field("numeroLote") != "100007" {
				t.Errorf("%s, action %q: %d %s", path, action, r.estado, r.body)
			}
		}
	}
}

func TestMessage_WhatIsNoCall(t *testing.T) {
	b := start(t)
	good := envelope(queryWith + "<sch:numeroLote>1</sch:numeroLote>" + autenticacion + queryEnd)
	for name, c := range map[string]struct {
		body   string
		estado int
	}{
		"nothing":           {"", 400},
		"text":              {"hola", 400},
		"cut in a tag":      {good[:80], 400},
		"cut":               {good[:len(good)-20], 400},
		"cut in the upload": {strings.SplitAfter(envelope(uploadWith+twoFields), "eA=")[0], 400},
		"SOAP 1.2":          {strings.ReplaceAll(good, "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"), 400},
		"DOCTYPE":           {"<!DOCTYPE x>" + good, 400},
		"two roots":         {good + "<x/>", 400},
		"empty body":        {envelope(""), 400},
		"another operation": {envelope("<sch:otraRequest/>"), 404},
		"another namespace": {strings.ReplaceAll(good, "mec.sep.mx/schemas", "mec.sep.mx/schemas/beans"), 404},
		"too large":         {envelope(queryWith + strings.Repeat(" ", 300<<10) + queryEnd), 413},
	} {
		if r := b.publish(pathServicio, strings.NewReader(c.body)); r.estado != c.estado || r.body != "" {
			t.Errorf("%s: %v %d %s", name, r.err, r.estado, r.body)
		}
	}
	if r := b.publish(pathServicio, strings.NewReader(good), func(r *http.Request) { r.Header.Set("Content-Type", "application/soap+xml") }); r.estado != 415 {
		t.Errorf("another type: %d", r.estado)
	}
	if r := b.publish("/sep/otra", strings.NewReader(good)); r.estado != 404 {
		t.Errorf("another path: %d", r.estado)
	}
	for path, estado := range map[string]int{"/sep/services/TitulosElectronicos.wsdl": 200, "/sep/services/": 405, "/sep/": 404} {
		resp, err := http.Get(b.base + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != estado || (estado == 200 && !strings.Contains(string(body), `<soap:address location="`+b.base+`/sep/services/"/>`)) {
			t.Errorf("GET %s: %d %.200s", path, resp.StatusCode, body)
		}
	}
}

func TestFault_AppliesByOperation(t *testing.T) {
	b := start(t)
	lote := b.upload("a.xml", []byte("x"))
	b.Clock().BringForward(time.Hour)
	query := func() answer { return b.call("consultaProcesoTituloElectronico", "numeroLote", lote) }
	descarga := func() answer { return b.call("descargaTituloElectronico", "numeroLote", lote) }
	whole := descarga().field("titulosBase64")
	for name, c := range map[string]struct {
		falla sandbox.Falla
		call  func() answer
		check func(answer) bool
	}{
		"reset": {sandbox.Falla{Tipo: control.Reset}, query, func(r answer) bool { return errors.Is(r.err, syscall.ECONNRESET) || errors.Is(r.err, io.EOF) }},
		"html503": {sandbox.Falla{Tipo: control.HTML503}, query, func(r answer) bool {
			return r.estado == 503 && strings.HasPrefix(r.header.Get("Content-Type"), "text/html") && strings.Contains(r.body, "503")
		}},
		"vacio": {sandbox.Falla{Tipo: control.Vacio}, query, func(r answer) bool { return r.estado == 200 && r.body == "" }},
		"fault": {sandbox.Falla{Tipo: control.Fault}, query, func(r answer) bool {
			return r.estado == 500 && strings.Contains(r.body, "<faultcode>env:Server</faultcode>") && !strings.Contains(r.body, "<detail>")
		}},
		"fault of one's own": {sandbox.Falla{Tipo: control.Fault, Faultcode: "Raro", Mensaje: "a < b"}, query, func(r answer) bool {
			return r.estado == 500 && strings.Contains(r.body, "env:Raro<") && strings.Contains(r.body, ">a &lt; b</faultstring>")
		}},
		"codigo": {sandbox.Falla{Tipo: control.Codigo, Codigo: "7", Mensaje: "M"}, query, func(r answer) bool { return r.field("estatusLote") == "7" && r.field("mensaje") == "M" }},
		"codigo, text": {sandbox.Falla{Tipo: control.Codigo, Codigo: "x", Mensaje: "El usuario 1 no pertenece a la Institución Educativa."}, descarga, func(r answer) bool {
			return strings.Contains(r.field("mensaje"), "no pertenece") && !strings.Contains(r.body, "numeroLote")
		}},
		"corte":             {sandbox.Falla{Tipo: control.Corte, Bytes: 50}, query, func(r answer) bool { return len(r.body) == 50 && errors.Is(r.err, io.ErrUnexpectedEOF) }},
		"truncado":          {sandbox.Falla{Tipo: control.Truncado, Bytes: 101}, descarga, func(r answer) bool { return r.field("titulosBase64") == whole[:101] }},
		"base64_invalido":   {sandbox.Falla{Tipo: control.Base64Invalido, Bytes: 100}, descarga, func(r answer) bool { return r.field("titulosBase64") == whole[:100]+"*¡!*"+whole[100:] }},
		"zip_invalido":      {sandbox.Falla{Tipo: control.ZipInvalido, Bytes: 3}, descarga, func(r answer) bool { return r.field("titulosBase64") == "eHh4" }},
		"lento":             {sandbox.Falla{Tipo: control.Lento, Delay: 100 * time.Millisecond}, takes(query, 90*time.Millisecond), func(r answer) bool { return r.field("estatusLote") == "1" }},
		"goteo":             {sandbox.Falla{Tipo: control.Goteo, Delay: 10 * time.Millisecond, Bytes: 40}, takes(query, 50*time.Millisecond), func(r answer) bool { return r.field("estatusLote") == "1" }},
		"another's":         {sandbox.Falla{Tipo: control.Vacio, Servicio: "cfdi"}, query, func(r answer) bool { return r.field("estatusLote") == "1" }},
		"another operation": {sandbox.Falla{Tipo: control.Vacio, Operacion: "cancelaTituloElectronico"}, query, func(r answer) bool { return r.field("estatusLote") == "1" }},
	} {
		c.falla.Veces = 1
		if _, err := b.Fallas().Add(c.falla); err != nil {
			t.Fatal(err)
		}
		if r := c.call(); !c.check(r) {
			t.Errorf("%s: %v %d %s", name, r.err, r.estado, r.body)
		}
		b.Fallas().Reset()
		if r := query(); r.field("estatusLote") != "1" {
			t.Errorf("after %s: %v %s", name, r.err, r.body)
		}
	}
	for name, f := range map[string]sandbox.Falla{
		"package of consulta":    {Tipo: control.Truncado, Operacion: "consultaProcesoTituloElectronico"},
		"code without an answer": {Tipo: control.Codigo, Codigo: "1", Operacion: "cancelarTituloInstitucion"},
	} {
		if _, err := b.Fallas().Add(f); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// takes gives an answer that came too soon an error.
func takes(call func() answer, lowest time.Duration) func() answer {
	return func() answer {
		before := time.Now()
		if r := call(); time.Since(before) >= lowest {
			return r
		}
		return answer{err: errors.New("too soon")}
	}
}

func TestFault_LostAnswerOfCargaLeavesTheLote(t *testing.T) {
	b := start(t)
	titulo := []byte(b.sealed(b.titulo("P")))
	if _, err := b.Fallas().Add(sandbox.Falla{Servicio: "sep", Operacion: "cargaTituloElectronico", Tipo: control.ResetDespues, Veces: 1}); err != nil {
		t.Fatal(err)
	}
	r := b.call("cargaTituloElectronico", "nombreArchivo", "p.xml", "archivoBase64", b64(titulo))
	if r.err == nil {
		t.Fatalf("no reset: %s", r.body)
	}
	if rows := b.result("p.xml", titulo); rows[0][2] != repeated+"P" {
		t.Errorf("%q", rows)
	}
}

func TestCapture_SeesTheWholeMessage(t *testing.T) {
	var views []sandbox.Capture
	b := start(t, func(c *sandbox.Config) { c.Capture = func(x sandbox.Capture) { views = append(views, x) } })
	b.upload("a.xml", []byte("hola"))
	if len(views) != 1 || views[0].Servicio != "sep" || views[0].Operation != "cargaTituloElectronico" ||
		!strings.Contains(string(views[0].Body), ">"+b64([]byte("hola"))+"<") || views[0].Header.Get("Content-Type") == "" {
		t.Errorf("%+v", views)
	}
}

// repeat is n copies of a text without holding them.
type repeat struct {
	text   string
	remain int
	rest   string
}

func (r *repeat) Read(p []byte) (int, error) {
	if r.rest == "" {
		if r.remain == 0 {
			return 0, io.EOF
		}
		r.remain--
		r.rest = r.text
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func TestUpload_OfAHundredMegabytesTakesLittleMemory(t *testing.T) {
	b := start(t)
	t.Setenv("TMPDIR", t.TempDir())
	line := strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 1024)
	send := func(megas int) answer {
		parts := strings.Split(envelope(uploadWith+strings.Replace(twoFields, "eA==", "|", 1)+autenticacion+uploadEnd), "|")
		return b.publish(pathServicio, io.MultiReader(strings.NewReader(parts[0]), &repeat{text: line, remain: megas * 1024 / 57}, strings.NewReader(parts[1])))
	}
	var before, highest runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	end := make(chan answer, 1)
	go func() { end <- send(99) }()
	for {
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		if now.HeapAlloc > highest.HeapAlloc {
			highest = now
		}
		select {
		case r := <-end:
			if r.estado != 200 || r.field("numeroLote") == "" {
				t.Fatalf("%v %d %s", r.err, r.estado, r.body)
			}
			if grew := int64(highest.HeapAlloc) - int64(before.HeapAlloc); grew > 20<<20 {
				t.Errorf("the heap grew by %d MiB", grew>>20)
			}
			if r := send(101); r.estado != http.StatusRequestEntityTooLarge && r.err == nil {
				t.Errorf("more than the bound: %d %s", r.estado, r.body)
			}
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}
