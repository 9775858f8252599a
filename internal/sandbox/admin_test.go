package sandbox_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

func TestAdmin_Knobs(t *testing.T) {
	b := start(t)
	var before, after map[string]any
	b.adminJSON(t, "GET", "/perillas", "", &before)
	if before["vida_paquete"] != "72h0m0s" || before["max_cfdi"] != 200000.0 || before["firma_estricta"] != true {
		t.Errorf("defaults %v", before)
	}
	if e := b.adminJSON(t, "PUT", "/perillas", `{"max_cfdi": 10, "vida_paquete": "1h", "firma_estricta": false}`, &after); e != 200 {
		t.Fatalf("%d %v", e, after)
	}
	before["max_cfdi"], before["vida_paquete"], before["firma_estricta"] = 10.0, "1h0m0s", false
	if d := cmp.Diff(before, after); d != "" {
		t.Error(d)
	}
	for _, bad := range []string{`{"max_cfdi": 5, "no_hay": 1}`, `{"max_cfdi": "5"}`, `{"max_cfdi": -1}`, `{"max_cfdi": 1.5}`, `{"vida_paquete": 5}`, `{"vida_paquete": "-1h"}`, `{"firma_estricta": 1}`, `{"sep_usuario": 5}`, `{"sep_cadena": "otra"}`, `{"cfdis_por_dia": 99999999}`, `[]`, `{} {}`} {
		var r map[string]string
		if e := b.adminJSON(t, "PUT", "/perillas", bad, &r); e != 400 || r["error"] == "" {
			t.Errorf("%s: %d %v", bad, e, r)
		}
	}
	var r map[string]string
	b.adminJSON(t, "PUT", "/perillas", `{"no_hay": 1}`, &r)
	if !strings.Contains(r["error"], "certificados_prueba_305, cfdis_por_dia") {
		t.Errorf("an unknown name is not answered with the valid ones: %s", r["error"])
	}
	b.adminJSON(t, "GET", "/perillas", "", &after)
	if after["max_cfdi"] != 10.0 {
		t.Error("a refused change was half made")
	}
}

func TestAdmin_Clock(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	b := start(t, func(c *sandbox.Config) { c.Now = func() time.Time { return now } })
	var r struct {
		Velocidad float64
		Adelanto  string
		Ahora     time.Time
	}
	b.adminJSON(t, "POST", "/reloj/adelantar", `{"duracion":"72h"}`, &r)
	if want := now.Add(72 * time.Hour); !r.Ahora.Equal(want) || r.Adelanto != "72h0m0s" {
		t.Errorf("%+v", r)
	}
	now = now.Add(time.Minute)
	b.adminJSON(t, "PUT", "/reloj", `{"velocidad":0}`, &r)
	now = now.Add(time.Minute)
	b.adminJSON(t, "PUT", "/reloj", `{"velocidad":2}`, &r)
	now = now.Add(time.Minute)
	b.adminJSON(t, "GET", "/reloj", "", &r)
	if r.Adelanto != "72h0m0s" {
		t.Errorf("a minute stopped and one at double speed leave %+v", r)
	}
	b.adminJSON(t, "PUT", "/reloj", `{"velocidad":60,"adelanto":"1h"}`, &r)
	now = now.Add(time.Minute)
	b.adminJSON(t, "GET", "/reloj", "", &r)
	if want := now.Add(time.Hour + 59*time.Minute); !r.Ahora.Equal(want) || r.Velocidad != 60 {
		t.Errorf("%+v, want %v", r, want)
	}
	b.Reset()
	if !b.Clock().Now().Equal(now) {
		t.Error("the clock did not go back")
	}
	for _, bad := range []string{`{"velocidad":-1}`, `{"adelanto":"ayer"}`, `{"otro":1}`} {
		var e map[string]string
		if s := b.adminJSON(t, "PUT", "/reloj", bad, &e); s != 400 || e["error"] == "" {
			t.Errorf("%s: %d", bad, s)
		}
	}
}

func TestAdmin_FaultsAndReset(t *testing.T) {
	b := start(t)
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	var f map[string]any
	if e := b.adminJSON(t, "POST", "/fallas", `{"servicio":"cfdi","operacion":"VerificaSolicitudDescarga","tipo":"codigo","codigo":"404","demora":"10ms","veces":3}`, &f); e != 200 {
		t.Fatalf("%d %v", e, f)
	}
	c.wait(c.verify(idAny), "CodEstatus", "404")
	var list []map[string]any
	b.adminJSON(t, "GET", "/fallas", "", &list)
	wants := []map[string]any{{"id": 1.0, "servicio": "cfdi", "operacion": "VerificaSolicitudDescarga", "tipo": "codigo", "codigo": "404", "demora": "10ms", "veces": 2.0}}
	if d := cmp.Diff(wants, list); d != "" {
		t.Error(d)
	}
	for _, bad := range []string{`{"tipo":"no_hay"}`, `{"tipo":"vacio","otra":1}`, `{"tipo":"lento","demora":2}`} {
		var e map[string]string
		if s := b.adminJSON(t, "POST", "/fallas", bad, &e); s != 400 || e["error"] == "" {
			t.Errorf("%s: %d", bad, s)
		}
	}
	b.adminJSON(t, "POST", "/fallas", `{"tipo":"vacio"}`, &f)
	b.adminJSON(t, "DELETE", "/fallas?id=1", "", &list)
	if len(list) != 1 || list[0]["tipo"] != "vacio" || list[0]["veces"] != 1.0 {
		t.Errorf("%v", list)
	}
	b.adminJSON(t, "DELETE", "/fallas", "", &list)
	if len(list) != 0 {
		t.Errorf("%v", list)
	}
	b.adminJSON(t, "POST", "/fallas", `{"tipo":"vacio"}`, &f)
	b.adminJSON(t, "POST", "/reinicio", "", &f)
	c.wait(c.verify(idAny), "CodEstatus", "5004")
}

func TestAdmin_StateCounts(t *testing.T) {
	b := start(t).fast(t, nil)
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	v := c.paquetes(opEmitidos, c.emitidos())
	c.descarga(v.paquetes[0])
	c.request(opEmitidos, c.emitidos())
	var e struct {
		Conexiones, TokensEmitidos, Bytes int64
		Llamadas                          map[string]map[string]int64
		Codigos                           map[string]int64
		Solicitudes                       []map[string]any
	}
	b.adminJSON(t, "GET", "/estado", "", &e)
	wants := map[string]map[string]int64{"cfdi": {"Autentica": 1, opEmitidos: 2, "VerificaSolicitudDescarga": 1, "Descargar": 1}}
	if d := cmp.Diff(wants, e.Llamadas); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]int64{"token": 1, "5000": 3, "5005": 1}, e.Codigos); d != "" {
		t.Error(d)
	}
	if e.Conexiones != 1 || e.TokensEmitidos != 1 || e.Bytes < 10_000 {
		t.Errorf("%d connections, %d tokens, %d bytes", e.Conexiones, e.TokensEmitidos, e.Bytes)
	}
	if len(e.Solicitudes) != 1 || e.Solicitudes[0]["estadoSolicitud"] != 3.0 || e.Solicitudes[0]["descargas"] != 1.0 || fmt.Sprint(e.Solicitudes[0]["numeroCFDIs"]) != v.attr["NumeroCFDIs"] {
		t.Errorf("%v", e.Solicitudes)
	}
	var root struct{ Rutas []map[string]string }
	b.adminJSON(t, "GET", "/", "", &root)
	if len(root.Rutas) != 13 {
		t.Errorf("%d routes", len(root.Rutas))
	}
	b.adminJSON(t, "POST", "/reinicio", "", &e)
	if len(e.Solicitudes) != 0 || b.Estado().Tokens != 0 {
		t.Error("the reset left something")
	}
}

func TestHTTP_WhatIsNotAnOperation(t *testing.T) {
	b := start(t)
	for _, servicio := range []string{"cfdi", "retenciones"} {
		for _, path := range []string{pathAuthenticate, pathRequest, pathVerify, pathDescarga} {
			for _, query := range []string{"wsdl", "singleWsdl"} {
				url := b.soap + "/" + servicio + "/" + path
				body := fetch(t, url+"?"+query, http.StatusOK)
				if !strings.Contains(body, `<soap:address location="`+url+`"`) || strings.Contains(body, "sat.gob.mx/"+path) {
					t.Errorf("%s?%s does not give its own address", path, query)
				}
				if root := wellFormed(t, []byte(body)); root != "definitions" {
					t.Errorf("root %s", root)
				}
			}
		}
	}
	fetch(t, b.soap+"/cfdi/"+pathRequest, http.StatusOK)
	fetch(t, b.soap+"/cfdi/Nada.svc", http.StatusNotFound)
	fetch(t, b.soap+"/otro/"+pathRequest, http.StatusNotFound)
	fetch(t, b.soap+"/", http.StatusNotFound)
}

func fetch(t testing.TB, url string, estado int) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != estado {
		t.Errorf("%s: %d", url, resp.StatusCode)
	}
	return string(b)
}

func TestHTTP_GzipAndChunks(t *testing.T) {
	b := start(t).fast(t, nil)
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	id := c.paquetes(opEmitidos, c.emitidos()).paquetes[0]
	body := c.firma(c, "PeticionDescargaMasivaTercerosEntrada", "peticionDescarga", canonical(map[string]string{"IdPaquete": id, "RfcSolicitante": c.rfc}), "")
	flat := c.send(pathDescarga, accDescarga, body)
	if flat.header.Get("Content-Length") != "" || flat.header.Get("Content-Encoding") != "" {
		t.Errorf("Descargar: %v", flat.header)
	}
	c.http = &http.Client{Transport: &http.Transport{}} // which asks for gzip by itself
	compressed := c.send(pathDescarga, accDescarga, body)
	if compressed.body != flat.body || compressed.err != nil {
		t.Error("gzip gave another answer")
	}
	r := c.send(pathVerify, accVerify, "", func(r *http.Request) { r.Header.Set("Accept-Encoding", "gzip;q=0") })
	if r.header.Get("Content-Encoding") != "" {
		t.Error("gzip for who refuses it")
	}
}

func TestCapture_SeesRequestsWithoutTheToken(t *testing.T) {
	var views []sandbox.Capture
	b := start(t, func(c *sandbox.Config) { c.Capture = func(x sandbox.Capture) { views = append(views, x) } })
	c := b.enter(t, "retenciones", sandbox.RFCCompany)
	c.verify(idAny)
	if len(views) != 2 {
		t.Fatalf("%d captures", len(views))
	}
	v := views[1]
	if v.Servicio != "retenciones" || v.Operation != "VerificaSolicitudDescarga" || !strings.Contains(string(v.Body), idAny) ||
		v.Header.Get("SOAPAction") == "" || v.Header.Get("Authorization") != "" {
		t.Errorf("%s %s %v", v.Servicio, v.Operation, v.Header)
	}
}

func TestNew_RefusesToListenBeyondLoopback(t *testing.T) {
	dir := t.TempDir()
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "example.com:80"} {
		for _, cfg := range []sandbox.Config{{Dir: dir, Listen: address}, {Dir: dir, AdminListen: address}} {
			if _, err := sandbox.New(cfg); err == nil || !strings.Contains(err.Error(), "beyond-loopback") {
				t.Errorf("%s: %v", address, err)
			}
		}
	}
	if _, err := sandbox.New(sandbox.Config{}); err == nil {
		t.Error("no Dir was taken")
	}
	dir, err := folder()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sandbox.New(sandbox.Config{Dir: dir, Listen: "0.0.0.0:0", AllowNonLoopback: true}); err != nil {
		t.Error(err)
	}
}

func TestNew_ReusesWhatIsInDir(t *testing.T) {
	dir := t.TempDir()
	first, err := sandbox.New(sandbox.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	cer := read(t, first.EFirmasDir(), sandbox.RFCSpecial, sandbox.RFCSpecial+".cer")
	second, err := sandbox.New(sandbox.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if cer != read(t, second.EFirmasDir(), sandbox.RFCSpecial, sandbox.RFCSpecial+".cer") || !first.Autoridad().Certificate.Equal(second.Autoridad().Certificate) {
		t.Error("a second start made others")
	}
	if read(t, dir, "ca.pem") == "" {
		t.Error("no ca.pem")
	}
}

// An e.firma of that RFC that was issued to another person is none of the scene's.
func TestNew_WhenAnEFirmaIsAnotherPersonsIssuesItAgain(t *testing.T) {
	dir := t.TempDir()
	first, err := sandbox.New(sandbox.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	other, err := first.Autoridad().Issue(autoridad.Request{RFC: sandbox.RFCPersona, Name: "OTRA PERSONA", CURP: "GOLA000115MDFMPNA5", Password: "sandbox"})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.WriteTo(first.EFirmasDir()); err != nil {
		t.Fatal(err)
	}
	if err := first.Autoridad().Save(dir); err != nil {
		t.Fatal(err)
	}
	second, err := sandbox.New(sandbox.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	e, err := autoridad.LoadEmitido(second.EFirmasDir(), sandbox.RFCPersona)
	if err != nil {
		t.Fatal(err)
	}
	const want = "PEPJ800101MDFRRN03"
	if got := e.Certificate.Subject.SerialNumber; got != want {
		t.Errorf("the e.firma is that of %s, want %s", got, want)
	}
}

// A page that somebody reads on this machine neither changes the sandbox nor reads it.
func TestSandbox_WhenAPageAsksIsRefused(t *testing.T) {
	b := start(t)
	more := start(t, func(c *sandbox.Config) { c.AllowNonLoopback = true })
	for name, c := range map[string]struct {
		url, method, host string
		headers           map[string]string
		want              int
	}{
		"a program":                   {b.admin + "/reinicio", "POST", "", nil, 200},
		"a program, by name":          {b.admin + "/estado", "GET", "LOCALHOST:8082", nil, 200},
		"a page of another site":      {b.admin + "/reinicio", "POST", "", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		"a page of another port":      {b.admin + "/fallas", "POST", "", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		"an older browser":            {b.admin + "/reinicio", "POST", "", map[string]string{"Origin": "https://evil.example"}, 403},
		"by a name of its own":        {b.admin + "/estado", "GET", "evil.example", nil, 403},
		"by a name that looks like":   {b.admin + "/estado", "GET", "localhost.evil.example:8082", nil, 403},
		"SOAP, by a name of its own":  {b.soap + "/", "POST", "evil.example", nil, 403},
		"SOAP, from another origin":   {b.soap + "/", "POST", "", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		"beyond loopback, by a name":  {more.admin + "/estado", "GET", "sandbox:8082", nil, 200},
		"beyond loopback, by a page":  {more.admin + "/reinicio", "POST", "sandbox:8082", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		"a page of the sandbox's own": {b.admin + "/reinicio", "POST", "", map[string]string{"Sec-Fetch-Site": "same-origin"}, 200},
	} {
		r, err := http.NewRequest(c.method, c.url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = c.host
		for k, v := range c.headers {
			r.Header.Set(k, v)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != c.want {
			t.Errorf("%s: %d, want %d, %v", name, resp.StatusCode, c.want, err)
		}
	}
}
