package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/app"
	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

func TestDownload_WhenAGatewayRunsAndAgain(t *testing.T) {
	t.Parallel()
	b := mount(t, map[string]any{"cfdis_por_paquete": 50})
	bridge := b.tend(t, 0)
	folder := filepath.Join(t.TempDir(), "enero")
	s := execute(t, "", b.args(bridge.URL, folder, "--xml")...)
	if s.codigo != ExitOK || !strings.HasPrefix(s.out, "Terminada: ") || !strings.Contains(s.err, "El SAT aceptó la solicitud") {
		t.Fatalf("%+v", s)
	}
	m := manifiesto(t, folder)
	expected := append([]string{"cfdis.csv", "descarga.json"}, b.folios()...)
	for _, a := range m.Archivos[:len(m.Archivos)-1] {
		expected = append(expected, a.Nombre)
	}
	slices.Sort(expected)
	if has := files(t, folder); !slices.Equal(has, expected) || len(m.Archivos) < 3 {
		t.Errorf("the folder holds %d files, want %d; packages and rows %v", len(has), len(expected), m.Archivos)
	}
	csv, err := os.ReadFile(filepath.Join(folder, "cfdis.csv"))
	if rows := bytes.Count(csv, []byte("\n")) - 1; err != nil || rows != len(b.folios()) || m.XML.Comprobantes != rows {
		t.Errorf("%d rows and %d documents, want %d: %v", rows, m.XML.Comprobantes, len(b.folios()), err)
	}
	calls := len(b.Sandbox.Calls(0))
	other := execute(t, "", b.args(bridge.URL, folder, "--xml", "--json")...)
	var r result
	if err := json.Unmarshal([]byte(other.out), &r); err != nil || other.codigo != ExitOK || r.Origen != "reutilizada" || r.Descarga.IDDescarga != m.Descarga.IDDescarga {
		t.Errorf("again: %v: %+v", err, other)
	}
	if n := len(b.Sandbox.Calls(0)); n != calls {
		t.Errorf("again: %d calls of the SAT", n-calls)
	}
	if n := bridge.passed["GET paquete"]; n != len(m.Archivos)-1 || bridge.passed["GET cfdis.csv"] != 1 {
		t.Errorf("packages were fetched %d times and rows %d", n, bridge.passed["GET cfdis.csv"])
	}
	// The rows are fetched again for a spreadsheet, and again without its mark.
	for _, option := range []string{"--bom", "--json"} {
		s := execute(t, "", b.args(bridge.URL, folder, option)...)
		other, err := os.ReadFile(filepath.Join(folder, "cfdis.csv"))
		if wants := map[string]string{"--bom": "\uFEFF" + string(csv), "--json": string(csv)}[option]; err != nil || s.codigo != ExitOK || string(other) != wants {
			t.Errorf("%s: %v: %.40q, %+v", option, err, other, s)
		}
	}
	// One byte is enough to fetch it again; the rest stays.
	zip := filepath.Join(folder, m.Archivos[0].Nombre)
	content, err := os.ReadFile(zip)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(zip, append(content[:len(content)-1], 'x'), 0o600); err != nil {
		t.Fatal(err)
	}
	before := bridge.passed["GET paquete"]
	if s := execute(t, "", b.args(bridge.URL, folder)...); s.codigo != ExitOK || bridge.passed["GET paquete"] != before+1 {
		t.Errorf("after damage: %d more: %+v", bridge.passed["GET paquete"]-before, s)
	}
	manifiesto(t, folder)
}

func TestDownload_WhenThePackageIsCut(t *testing.T) {
	t.Parallel()
	b := mount(t, nil)
	bridge := b.tend(t, 2)
	folder := t.TempDir()
	s := execute(t, "", b.args(bridge.URL, folder)...)
	if s.codigo != ExitOK {
		t.Fatalf("%+v", s)
	}
	manifiesto(t, folder)
	files(t, folder)
	if bridge.passed["GET paquete"] != 3 || len(bridge.rangos) != 2 {
		t.Errorf("fetched %d times, by ranges %q", bridge.passed["GET paquete"], bridge.rangos)
	}
}

func TestDownload_WhenMetadataWithItsOwnGateway(t *testing.T) {
	b := mount(t, nil)
	data := t.TempDir()
	env(t, b, data)
	folder := filepath.Join(t.TempDir(), "m")
	s := execute(t, "", january(folder, "--que", "metadata", "--xml")...)
	if s.codigo != ExitOK || !strings.HasPrefix(s.out, "Terminada: ") {
		t.Fatalf("%+v", s)
	}
	m := manifiesto(t, folder)
	if has := files(t, folder); len(has) != 4 || m.XML != nil {
		t.Errorf("the folder holds %q", has)
	}
	record, err := os.ReadFile(filepath.Join(folder, "descargar.log"))
	if err != nil || !strings.Contains(string(record), `"message":"listening"`) || strings.Contains(s.err, "listening") {
		t.Errorf("its log: %v: %.200s", err, record)
	}
	// Nobody may call it after the command, and the next one finds what it did.
	calls := len(b.Sandbox.Calls(0))
	if s := execute(t, "", january(filepath.Join(t.TempDir(), "otra"), "--que", "metadata", "-v")...); s.codigo != ExitOK || !strings.Contains(s.err, "es igual y ya acabó") ||
		!strings.Contains(s.err, "listening") || len(b.Sandbox.Calls(0)) != calls {
		t.Errorf("again: %+v", s)
	}
	// --nueva is another, and so is what it costs.
	s = execute(t, "", january(folder, "--que", "metadata", "--nueva")...)
	if other := manifiesto(t, folder); s.codigo != ExitOK || other.Descarga.IDDescarga == m.Descarga.IDDescarga || len(b.Sandbox.Calls(0)) == calls {
		t.Errorf("--nueva: %+v", s)
	}
	// A folder without e.firmas cannot sign.
	t.Setenv("GATEWAY_EFIRMA_DIR", "")
	if s := execute(t, "", january(folder, "--que", "metadata")...); s.codigo != ExitFailed || !strings.Contains(s.err, "GATEWAY_EFIRMA_DIR") {
		t.Errorf("without e.firmas: %+v", s)
	}
}

// env configures the gateway of the command itself, against the sandbox of b.
func env(t *testing.T, b *bench, data string) {
	t.Helper()
	c := b.Config
	c.DataDir, c.APIKeysFile = data, ""
	c.Descargas.SondeoMinimo.Duration, c.Descargas.SondeoMaximo.Duration = 50*time.Millisecond, 300*time.Millisecond
	variables, err := c.Environ()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range variables {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
}

// The gateway inside shares its directory with one that runs at other times: what
// that one's callers asked to be told of is told.
func TestDownload_WhenOthersHaveWebhooksThere(t *testing.T) {
	b := mount(t, nil)
	env(t, b, t.TempDir())
	t.Setenv("GATEWAY_WEBHOOKS_PRIVADOS", "true")
	t.Setenv("GATEWAY_API_KEYS_FILE", filepath.Join(t.TempDir(), "keys.json"))
	t.Setenv("GATEWAY_LISTEN", "127.0.0.1:0")
	t.Setenv("GATEWAY_ADMIN_LISTEN", "127.0.0.1:0")
	arrive := make(chan struct{}, 10)
	receptor := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrive <- struct{}{} }))
	defer receptor.Close()
	key := strings.TrimSpace(execute(t, "", "keys", "create", "--name", "erp", "--rfc", gatewaytest.Company).out)
	cfg, err := config.Load()
	if err != nil {
		t.Fatal(err)
	}
	address, forWhom := startServer(t, cfg)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/v1/webhooks", strings.NewReader(`{"url":"`+receptor.URL+`","eventos":["descarga.terminada"]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatal(err, resp)
	}
	resp.Body.Close() //nolint:errcheck // its status is all
	forWhom()
	if s := execute(t, "", january(t.TempDir(), "--que", "metadata")...); s.codigo != ExitOK {
		t.Fatalf("%+v", s)
	}
	// What the command was too short for is sent by the next gateway.
	_, forWhom = startServer(t, cfg)
	defer forWhom()
	select {
	case <-arrive:
	case <-time.After(3 * time.Minute):
		t.Error("nobody told the webhook of the other caller")
	}
}

// startServer runs a gateway until the returned function is called.
func startServer(t *testing.T, cfg config.Config) (address string, forWhom func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	listen, end := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		end <- app.Run(ctx, cfg, app.Options{Log: zerolog.Nop(), Now: time.Now, Started: func(api, _ net.Addr) { listen <- api }})
	}()
	select {
	case a := <-listen:
		address = "http://" + a.String()
	case err := <-end:
		cancel()
		t.Fatal(err)
	}
	return address, func() {
		cancel()
		if err := <-end; err != nil {
			t.Error(err)
		}
	}
}

func TestDownload_WhenTheDataDirectoryHasAGateway(t *testing.T) {
	b := mount(t, nil)
	env(t, b, b.Config.DataDir)
	t.Setenv("GATEWAY_LISTEN", "0.0.0.0:8123")
	t.Setenv("GATEWAY_API_KEYS_FILE", b.Config.APIKeysFile)
	s := execute(t, "", january(t.TempDir())...)
	if want := "es de una pasarela que ya corre: pídasela a ella con --gateway http://127.0.0.1:8123 y --api-key-file"; s.codigo != ExitFailed || !strings.Contains(s.err, want) {
		t.Errorf("%+v, want %q", s, want)
	}
	// The settings say the same as the options.
	t.Setenv("GATEWAY_URL", b.API)
	t.Setenv("GATEWAY_API_KEY_FILE", b.password)
	if s := execute(t, "", january(t.TempDir())...); s.codigo != ExitOK {
		t.Errorf("by the settings: %+v", s)
	}
}

func TestDownload_WhenItEndsOtherwise(t *testing.T) {
	for name, tt := range map[string]struct {
		knobs  map[string]any
		falla  *sandbox.Falla
		codigo int
		want   []string
	}{
		"nothing is there":  {map[string]any{"cfdis_por_dia": 0}, nil, ExitOK, []string{"Vacía: el SAT no tiene comprobantes con esos datos.\n", "cfdis.csv, "}},
		"the SAT refuses":   {nil, &sandbox.Falla{Operacion: "SolicitaDescargaEmitidos", Tipo: control.Codigo, Codigo: "305"}, ExitDescargaFailed, []string{"Fallida: ", "--nueva", "CodEstatus 305: ", "motivo"}},
		"a package is lost": {map[string]any{"cfdis_por_paquete": 60}, &sandbox.Falla{Operacion: "Descargar", Tipo: control.Codigo, Codigo: "5008", Contiene: "_02"}, ExitPartial, []string{"Parcial: 60 comprobantes de 119; ", "falta     paquete ", "_02, perdido", "_01.zip", "motivo"}},
		"an entry is damaged": {nil, &sandbox.Falla{Operacion: "Descargar", Tipo: control.ConDefectos, Defectos: []string{"crc"}}, ExitPartial,
			[]string{"Parcial: 118 comprobantes de 119; el resto no vendrá o no se puede leer.\n", "1 no se puede leer (entrada ", ", faltan 0.\n", "xml/, 118 comprobantes\n",
				"aviso     1 entrada de los paquetes no se puede leer; cfdis.csv dice cuáles, en falla\n", "1 solicitud y 2 descargas de paquetes del SAT\n"}},
		"asked for too much": {map[string]any{"max_cfdi": 50}, nil, ExitOK, []string{"Terminada: ", " solicitudes y "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var changes []func(*config.Config)
			if tt.codigo == ExitPartial {
				changes = append(changes, insistent)
			}
			b := mount(t, tt.knobs, changes...)
			if tt.falla != nil {
				b.falla(t, *tt.falla)
			}
			folder := t.TempDir()
			s := b.ask(t, folder, "--xml")
			if s.codigo != tt.codigo {
				t.Errorf("code %d, want %d: %+v", s.codigo, tt.codigo, s)
			}
			for _, want := range tt.want {
				if !strings.Contains(s.out, want) {
					t.Errorf("want %q in:\n%s", want, s.out)
				}
			}
			files(t, folder)
			// Of six solicitudes that lost their second package, five were replaced.
			if m := manifiesto(t, folder); strings.Contains(name, "lost") && len(m.Faltantes) != 1 {
				t.Errorf("%d packages are missing: %v", len(m.Faltantes), m.Faltantes)
			}
		})
	}
}

// notified is a stream that calls once when it has got a text.
type notified struct {
	bytes.Buffer
	text string
	make func()
}

func (a *notified) Write(p []byte) (int, error) {
	n, err := a.Buffer.Write(p)
	if a.make != nil && strings.Contains(a.String(), a.text) {
		a.make()
		a.make = nil
	}
	return n, err
}

func TestDownload_WhenInterruptedAndRunAgain(t *testing.T) {
	t.Parallel()
	b := mount(t, map[string]any{"demora_proceso": "10m"}) // six seconds
	folder := t.TempDir()
	interrupt(t, b, folder, b.args(b.API, folder))
}

func TestDownload_WhenInterruptedWithItsOwnGateway(t *testing.T) {
	b := mount(t, map[string]any{"demora_proceso": "10m"})
	env(t, b, t.TempDir())
	folder := t.TempDir()
	interrupt(t, b, folder, january(folder))
}

func interrupt(t *testing.T, b *bench, folder string, args []string) {
	t.Helper()
	ctx, ctrlC := context.WithCancel(t.Context())
	var out bytes.Buffer
	errors := &notified{text: "El SAT aceptó la solicitud", make: ctrlC}
	codigo := run(ctx, args, Streams{In: strings.NewReader(""), Out: &out, Err: errors}, func() time.Time { return today })
	if codigo != ExitInterrupted || !strings.Contains(errors.String(), "gateway: interrumpida. La descarga sigue anotada: ") || out.Len() > 0 {
		t.Errorf("code %d, %s%s", codigo, out.String(), errors.String())
	}
	// A second one does not wait either.
	if s := execute(t, "", append(args, "--espera", "100ms")...); s.codigo != ExitStillRunning || !strings.Contains(s.err, "es igual y sigue en curso") || !strings.Contains(s.err, "se acabó la espera") {
		t.Errorf("--espera: %+v", s)
	}
	s := execute(t, "", args...)
	if s.codigo != ExitOK || !strings.Contains(s.err, "es igual y sigue en curso: se sigue esa") {
		t.Errorf("again: %+v", s)
	}
	manifiesto(t, folder)
	if e := b.Sandbox.Estado(); len(e.Solicitudes) != 1 || e.MaxRecibidas != 1 {
		t.Errorf("%d solicitudes, the same one %d times", len(e.Solicitudes), e.MaxRecibidas)
	}
}

func TestDownload_WhenSomebodyCancels(t *testing.T) {
	t.Parallel()
	b := mount(t, map[string]any{"demora_proceso": "10m"})
	folder := t.TempDir()
	var out bytes.Buffer
	errors := &notified{text: "El SAT aceptó la solicitud"}
	errors.make = func() {
		key, err := os.ReadFile(b.password)
		if err != nil {
			t.Error(err)
		}
		r, err := b.Do(http.MethodDelete, "/v1/sat/descargas/"+manifiesto(t, folder).Descarga.IDDescarga, nil, "Authorization", "Bearer "+strings.TrimSpace(string(key)))
		if err != nil || r.Status != http.StatusOK {
			t.Errorf("cancelling: %v: %d", err, r.Status)
		}
	}
	codigo := run(t.Context(), b.args(b.API, folder), Streams{In: strings.NewReader(""), Out: &out, Err: errors}, func() time.Time { return today })
	if codigo != ExitCancelled || !strings.HasPrefix(out.String(), "Cancelada: ") {
		t.Errorf("code %d: %s%s", codigo, out.String(), errors.String())
	}
}

func TestDownload_WhenTheOptionsAreWrong(t *testing.T) {
	with := func(changes ...string) []string {
		args := map[string]string{"--rfc": gatewaytest.Company, "--desde": "2026-01-01", "--hasta": "2026-01-31"}
		for i := 0; i+1 < len(changes); i += 2 {
			args[changes[i]] = changes[i+1]
		}
		all := []string{"descargar"}
		for name, value := range args {
			if value != "" {
				all = append(all, name, value)
			}
		}
		return all
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"descargar"}, "Falta --rfc, el RFC de quien solicita.\ngateway: Falta --desde, una fecha como 2026-01-31.\ngateway: Falta --hasta"},
		{with("--rfc", "PRU01"), "--rfc: «PRU01» no tiene la forma de un RFC"},
		{with("--desde", "01/01/2026"), "--desde: «01/01/2026» no es una fecha. Escriba el día, 2026-01-31"},
		{with("--hasta", "2026-02-30"), "--hasta: «2026-02-30» no es una fecha"},
		{with("--hasta", "2026-01-31T24:00:00"), "--hasta: «2026-01-31T24:00:00» no es una fecha"},
		{with("--desde", "2026-02-01"), "--desde: 2026-02-01 no es anterior a --hasta, 2026-01-31."},
		{with("--desde", "2026-04-01", "--hasta", "2026-04-02"), "--desde: 2026-04-01 está en el futuro."},
		{with("--hasta", "2026-03-01"), "--hasta: el 2026-03-01 aún no termina. Use 2026-02-28, o una hora que ya pasó, como 2026-03-01T11:59:00."},
		{with("--hasta", "2026-03-02"), "--hasta: 2026-03-02 está en el futuro. Use 2026-02-28"},
		{with("--tipo", "enviados"), "--tipo: «enviados» no es uno de: emitidos, recibidos."},
		{with("--que", "XML"), "--que: «XML» no es uno de: cfdi, metadata."},
		{with("--servicio", "nomina"), "--servicio: «nomina» no es uno de: cfdi, retenciones."},
		{with("--estado", "Vigente"), "--estado: «Vigente» no es uno de: vigente, cancelado, todos."},
		{with("--comprobante", "n"), "--comprobante: «n» no es uno de: I, E, T, N, P."},
		{with("--complemento", "nomina"), "--complemento: «nomina» no es uno de: "},
		{with("--rfc-receptor", "x"), "--rfc-receptor: «x»"}, {with("--rfc-emisor", "x"), "--rfc-emisor: «x»"}, {with("--tercero", "x"), "--tercero: «x»"},
		{with("--espera", "-1s"), "--espera: -1s es menos que cero."},
		{with("--gateway", "pasarela:8080", "--carpeta", t.TempDir()), "--gateway: la dirección de la pasarela no es una URL"},
	} {
		if s := execute(t, "", tt.args...); s.codigo != ExitUsage || s.out != "" || !strings.Contains(s.err, tt.want) {
			t.Errorf("%q: %+v, want code 2 and %q", tt.args, s, tt.want)
		}
	}
}

func TestDownload_WhenTheGatewayRefuses(t *testing.T) {
	b := mount(t, nil)
	foreign := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>hola</html>") })) //nolint:errcheck // a test
	t.Cleanup(foreign.Close)
	bad := filepath.Join(t.TempDir(), "mala.key")
	if err := os.WriteFile(bad, []byte("dos palabras\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	all, digest, err := apikeys.Generate()
	if err != nil {
		t.Fatal(err)
	}
	if err := apikeys.Add(b.Config.APIKeysFile, apikeys.Key{Name: "todo", SHA256: digest, RFCs: []string{"*"}, Scopes: []string{"*"}}); err != nil {
		t.Fatal(err)
	}
	ofAll := filepath.Join(t.TempDir(), "todo.key")
	if err := os.WriteFile(ofAll, []byte(all), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		args   []string
		codigo int
		want   string
	}{
		"no key":                {january("", "--gateway", b.API), ExitFailed, "Dé la clave con --api-key-file"},
		"another's RFC":         {append(b.args(b.API, ""), "--rfc", gatewaytest.Persona), ExitFailed, "clave"},
		"no e.firma":            {january("", "--gateway", b.API, "--api-key-file", ofAll, "--rfc", "XAX010101AB1"), ExitFailed, "No hay e.firma de XAX010101AB1"},
		"too long ago":          {b.args(b.API, "", "--desde", "2012-01-01"), ExitUsage, "--desde: "},
		"received, not alive":   {b.args(b.API, "", "--tipo", "recibidos", "--estado", "cancelado"), ExitUsage, "--estado: "},
		"a deadline of a year":  {b.args(b.API, "", "--plazo-horas", "9000"), ExitUsage, "--plazo-horas: "},
		"not a key":             {january("", "--gateway", b.API, "--api-key-file", bad), ExitUsage, "no tiene una clave de API y nada más"},
		"no file of the key":    {january("", "--gateway", b.API, "--api-key-file", bad+".nada"), ExitFailed, "no existe"},
		"somebody else's house": {b.args(foreign.URL, ""), ExitFailed, "lo que contesta no es una pasarela"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			s := execute(t, "", tt.args...)
			if s.codigo != tt.codigo || s.out != "" || !strings.Contains(s.err, tt.want) || strings.Contains(s.err, all) {
				t.Errorf("%+v, want code %d and %q", s, tt.codigo, tt.want)
			}
			if n := len(b.Sandbox.Estado().Solicitudes); n > 0 {
				t.Errorf("%d solicitudes at the SAT", n)
			}
		})
	}
}

func TestDownload_WhenTheFolderIsOfAnother(t *testing.T) {
	t.Parallel()
	b := mount(t, nil)
	folder := t.TempDir()
	if s := b.ask(t, folder); s.codigo != ExitOK {
		t.Fatalf("%+v", s)
	}
	if s := b.ask(t, folder, "--tipo", "recibidos"); s.codigo != ExitUsage || !strings.Contains(s.err, "es de una descarga con otros datos") {
		t.Errorf("%+v", s)
	}
	if n := len(b.Sandbox.Estado().Solicitudes); n != 1 {
		t.Errorf("%d solicitudes", n)
	}
}

func TestDownload_WhenInterruptedWhileItsGatewayWaitsForADatabase(t *testing.T) {
	t.Setenv("GATEWAY_SIN_SALIDA", "https://127.0.0.1:9")
	t.Setenv("GATEWAY_EFIRMA_DIR", t.TempDir())
	t.Setenv("GATEWAY_DATA_DIR", t.TempDir())
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close() //nolint:errcheck // nobody is answered
	t.Setenv("GATEWAY_DATABASE_URL", "postgres://yo@"+mute.Addr().String()+"/pasarela?sslmode=disable")
	t.Setenv("GATEWAY_BLOB_URL", "file://"+t.TempDir())
	t.Setenv("GATEWAY_SECRETS_KEY_FILE", "")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begin := time.Now()
	s := executeWith(t, ctx, "", january(t.TempDir())...)
	if took := time.Since(begin); s.codigo != ExitInterrupted || !strings.Contains(s.err, "interrumpida") || took > 30*time.Second {
		t.Errorf("after %s: %+v", took, s)
	}
}
