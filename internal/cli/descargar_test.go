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

func TestDescargar_WhenAGatewayRunsAndAgain(t *testing.T) {
	t.Parallel()
	b := monta(t, map[string]any{"cfdis_por_paquete": 50})
	puente := b.tiende(t, 0)
	carpeta := filepath.Join(t.TempDir(), "enero")
	s := ejecuta(t, "", b.args(puente.URL, carpeta, "--xml")...)
	if s.codigo != ExitOK || !strings.HasPrefix(s.out, "Terminada: ") || !strings.Contains(s.err, "El SAT aceptó la solicitud") {
		t.Fatalf("%+v", s)
	}
	m := manifiesto(t, carpeta)
	esperados := append([]string{"cfdis.csv", "descarga.json"}, b.folios()...)
	for _, a := range m.Archivos[:len(m.Archivos)-1] {
		esperados = append(esperados, a.Nombre)
	}
	slices.Sort(esperados)
	if hay := archivos(t, carpeta); !slices.Equal(hay, esperados) || len(m.Archivos) < 3 {
		t.Errorf("the folder holds %d files, want %d; packages and rows %v", len(hay), len(esperados), m.Archivos)
	}
	csv, err := os.ReadFile(filepath.Join(carpeta, "cfdis.csv"))
	if filas := bytes.Count(csv, []byte("\n")) - 1; err != nil || filas != len(b.folios()) || m.XML.Comprobantes != filas {
		t.Errorf("%d rows and %d documents, want %d: %v", filas, m.XML.Comprobantes, len(b.folios()), err)
	}
	llamadas := len(b.Sandbox.Llamadas(0))
	otra := ejecuta(t, "", b.args(puente.URL, carpeta, "--xml", "--json")...)
	var r resultado
	if err := json.Unmarshal([]byte(otra.out), &r); err != nil || otra.codigo != ExitOK || r.Origen != "reutilizada" || r.Descarga.IDDescarga != m.Descarga.IDDescarga {
		t.Errorf("again: %v: %+v", err, otra)
	}
	if n := len(b.Sandbox.Llamadas(0)); n != llamadas {
		t.Errorf("again: %d calls of the SAT", n-llamadas)
	}
	if n := puente.pasaron["GET paquete"]; n != len(m.Archivos)-1 || puente.pasaron["GET cfdis.csv"] != 1 {
		t.Errorf("packages were fetched %d times and rows %d", n, puente.pasaron["GET cfdis.csv"])
	}
	// The rows are fetched again for a spreadsheet, and again without its mark.
	for _, opcion := range []string{"--bom", "--json"} {
		s := ejecuta(t, "", b.args(puente.URL, carpeta, opcion)...)
		otro, err := os.ReadFile(filepath.Join(carpeta, "cfdis.csv"))
		if quiere := map[string]string{"--bom": "\uFEFF" + string(csv), "--json": string(csv)}[opcion]; err != nil || s.codigo != ExitOK || string(otro) != quiere {
			t.Errorf("%s: %v: %.40q, %+v", opcion, err, otro, s)
		}
	}
	// One byte is enough to fetch it again; the rest stays.
	zip := filepath.Join(carpeta, m.Archivos[0].Nombre)
	contenido, err := os.ReadFile(zip)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(zip, append(contenido[:len(contenido)-1], 'x'), 0o600); err != nil {
		t.Fatal(err)
	}
	antes := puente.pasaron["GET paquete"]
	if s := ejecuta(t, "", b.args(puente.URL, carpeta)...); s.codigo != ExitOK || puente.pasaron["GET paquete"] != antes+1 {
		t.Errorf("after damage: %d more: %+v", puente.pasaron["GET paquete"]-antes, s)
	}
	manifiesto(t, carpeta)
}

func TestDescargar_WhenThePackageIsCut(t *testing.T) {
	t.Parallel()
	b := monta(t, nil)
	puente := b.tiende(t, 2)
	carpeta := t.TempDir()
	s := ejecuta(t, "", b.args(puente.URL, carpeta)...)
	if s.codigo != ExitOK {
		t.Fatalf("%+v", s)
	}
	manifiesto(t, carpeta)
	archivos(t, carpeta)
	if puente.pasaron["GET paquete"] != 3 || len(puente.rangos) != 2 {
		t.Errorf("fetched %d times, by ranges %q", puente.pasaron["GET paquete"], puente.rangos)
	}
}

func TestDescargar_WhenMetadataWithItsOwnGateway(t *testing.T) {
	b := monta(t, nil)
	data := t.TempDir()
	entorno(t, b, data)
	carpeta := filepath.Join(t.TempDir(), "m")
	s := ejecuta(t, "", enero(carpeta, "--que", "metadata", "--xml")...)
	if s.codigo != ExitOK || !strings.HasPrefix(s.out, "Terminada: ") {
		t.Fatalf("%+v", s)
	}
	m := manifiesto(t, carpeta)
	if hay := archivos(t, carpeta); len(hay) != 4 || m.XML != nil {
		t.Errorf("the folder holds %q", hay)
	}
	registro, err := os.ReadFile(filepath.Join(carpeta, "descargar.log"))
	if err != nil || !strings.Contains(string(registro), `"message":"listening"`) || strings.Contains(s.err, "listening") {
		t.Errorf("its log: %v: %.200s", err, registro)
	}
	// Nobody may call it after the command, and the next one finds what it did.
	llamadas := len(b.Sandbox.Llamadas(0))
	if s := ejecuta(t, "", enero(filepath.Join(t.TempDir(), "otra"), "--que", "metadata", "-v")...); s.codigo != ExitOK || !strings.Contains(s.err, "es igual y ya acabó") ||
		!strings.Contains(s.err, "listening") || len(b.Sandbox.Llamadas(0)) != llamadas {
		t.Errorf("again: %+v", s)
	}
	// --nueva is another, and so is what it costs.
	s = ejecuta(t, "", enero(carpeta, "--que", "metadata", "--nueva")...)
	if otra := manifiesto(t, carpeta); s.codigo != ExitOK || otra.Descarga.IDDescarga == m.Descarga.IDDescarga || len(b.Sandbox.Llamadas(0)) == llamadas {
		t.Errorf("--nueva: %+v", s)
	}
	// A folder without e.firmas cannot sign.
	t.Setenv("GATEWAY_EFIRMA_DIR", "")
	if s := ejecuta(t, "", enero(carpeta, "--que", "metadata")...); s.codigo != ExitFailed || !strings.Contains(s.err, "GATEWAY_EFIRMA_DIR") {
		t.Errorf("without e.firmas: %+v", s)
	}
}

// entorno configures the gateway of the command itself, against the sandbox of b.
func entorno(t *testing.T, b *banco, data string) {
	t.Helper()
	c := b.Config
	c.DataDir, c.APIKeysFile = data, ""
	c.Descargas.SondeoMinimo.Duration, c.Descargas.SondeoMaximo.Duration = 50*time.Millisecond, 300*time.Millisecond
	variables, err := c.Environ()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range variables {
		nombre, valor, _ := strings.Cut(v, "=")
		t.Setenv(nombre, valor)
	}
}

// The gateway inside shares its directory with one that runs at other times: what
// that one's callers asked to be told of is told.
func TestDescargar_WhenOthersHaveWebhooksThere(t *testing.T) {
	b := monta(t, nil)
	entorno(t, b, t.TempDir())
	t.Setenv("GATEWAY_WEBHOOKS_PRIVADOS", "true")
	t.Setenv("GATEWAY_API_KEYS_FILE", filepath.Join(t.TempDir(), "keys.json"))
	t.Setenv("GATEWAY_LISTEN", "127.0.0.1:0")
	t.Setenv("GATEWAY_ADMIN_LISTEN", "127.0.0.1:0")
	llegan := make(chan struct{}, 10)
	receptor := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { llegan <- struct{}{} }))
	defer receptor.Close()
	clave := strings.TrimSpace(ejecuta(t, "", "keys", "create", "--name", "erp", "--rfc", gatewaytest.Empresa).out)
	cfg, err := config.Load()
	if err != nil {
		t.Fatal(err)
	}
	direccion, para := sirve(t, cfg)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, direccion+"/v1/webhooks", strings.NewReader(`{"url":"`+receptor.URL+`","eventos":["descarga.terminada"]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+clave)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatal(err, resp)
	}
	resp.Body.Close() //nolint:errcheck // its status is all
	para()
	if s := ejecuta(t, "", enero(t.TempDir(), "--que", "metadata")...); s.codigo != ExitOK {
		t.Fatalf("%+v", s)
	}
	// What the command was too short for is sent by the next gateway.
	_, para = sirve(t, cfg)
	defer para()
	select {
	case <-llegan:
	case <-time.After(3 * time.Minute):
		t.Error("nobody told the webhook of the other caller")
	}
}

// sirve runs a gateway until the returned function is called.
func sirve(t *testing.T, cfg config.Config) (direccion string, para func()) {
	t.Helper()
	ctx, cancela := context.WithCancel(t.Context())
	escucha, fin := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		fin <- app.Run(ctx, cfg, app.Options{Log: zerolog.Nop(), Now: time.Now, Started: func(api, _ net.Addr) { escucha <- api }})
	}()
	select {
	case a := <-escucha:
		direccion = "http://" + a.String()
	case err := <-fin:
		cancela()
		t.Fatal(err)
	}
	return direccion, func() {
		cancela()
		if err := <-fin; err != nil {
			t.Error(err)
		}
	}
}

func TestDescargar_WhenTheDataDirectoryHasAGateway(t *testing.T) {
	b := monta(t, nil)
	entorno(t, b, b.Config.DataDir)
	t.Setenv("GATEWAY_LISTEN", "0.0.0.0:8123")
	t.Setenv("GATEWAY_API_KEYS_FILE", b.Config.APIKeysFile)
	s := ejecuta(t, "", enero(t.TempDir())...)
	if want := "es de una pasarela que ya corre: pídasela a ella con --gateway http://127.0.0.1:8123 y --api-key-file"; s.codigo != ExitFailed || !strings.Contains(s.err, want) {
		t.Errorf("%+v, want %q", s, want)
	}
	// The settings say the same as the options.
	t.Setenv("GATEWAY_URL", b.API)
	t.Setenv("GATEWAY_API_KEY_FILE", b.clave)
	if s := ejecuta(t, "", enero(t.TempDir())...); s.codigo != ExitOK {
		t.Errorf("by the settings: %+v", s)
	}
}

func TestDescargar_WhenItEndsOtherwise(t *testing.T) {
	for name, tt := range map[string]struct {
		perillas map[string]any
		falla    *sandbox.Falla
		codigo   int
		want     []string
	}{
		"nothing is there":  {map[string]any{"cfdis_por_dia": 0}, nil, ExitOK, []string{"Vacía: el SAT no tiene comprobantes con esos datos.\n", "cfdis.csv, "}},
		"the SAT refuses":   {nil, &sandbox.Falla{Operacion: "SolicitaDescargaEmitidos", Tipo: control.Codigo, Codigo: "305"}, ExitFallida, []string{"Fallida: ", "--nueva", "CodEstatus 305: ", "motivo"}},
		"a package is lost": {map[string]any{"cfdis_por_paquete": 60}, &sandbox.Falla{Operacion: "Descargar", Tipo: control.Codigo, Codigo: "5008", Contiene: "_02"}, ExitParcial, []string{"Parcial: 60 comprobantes de 119; ", "falta     paquete ", "_02, perdido", "_01.zip", "motivo"}},
		"an entry is damaged": {nil, &sandbox.Falla{Operacion: "Descargar", Tipo: control.ConDefectos, Defectos: []string{"crc"}}, ExitParcial,
			[]string{"Parcial: 118 comprobantes de 119; el resto no vendrá o no se puede leer.\n", "1 no se puede leer (entrada ", ", faltan 0.\n", "xml/, 118 comprobantes\n",
				"aviso     1 entrada de los paquetes no se puede leer; cfdis.csv dice cuáles, en falla\n", "1 solicitud y 2 descargas de paquetes del SAT\n"}},
		"asked for too much": {map[string]any{"max_cfdi": 50}, nil, ExitOK, []string{"Terminada: ", " solicitudes y "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var cambios []func(*config.Config)
			if tt.codigo == ExitParcial {
				cambios = append(cambios, insistente)
			}
			b := monta(t, tt.perillas, cambios...)
			if tt.falla != nil {
				b.falla(t, *tt.falla)
			}
			carpeta := t.TempDir()
			s := b.pide(t, carpeta, "--xml")
			if s.codigo != tt.codigo {
				t.Errorf("code %d, want %d: %+v", s.codigo, tt.codigo, s)
			}
			for _, want := range tt.want {
				if !strings.Contains(s.out, want) {
					t.Errorf("want %q in:\n%s", want, s.out)
				}
			}
			archivos(t, carpeta)
			// Of six solicitudes that lost their second package, five were replaced.
			if m := manifiesto(t, carpeta); strings.Contains(name, "lost") && len(m.Faltantes) != 1 {
				t.Errorf("%d packages are missing: %v", len(m.Faltantes), m.Faltantes)
			}
		})
	}
}

// avisado is a stream that calls once when it has got a text.
type avisado struct {
	bytes.Buffer
	texto string
	hace  func()
}

func (a *avisado) Write(p []byte) (int, error) {
	n, err := a.Buffer.Write(p)
	if a.hace != nil && strings.Contains(a.String(), a.texto) {
		a.hace()
		a.hace = nil
	}
	return n, err
}

func TestDescargar_WhenInterruptedAndRunAgain(t *testing.T) {
	t.Parallel()
	b := monta(t, map[string]any{"demora_proceso": "10m"}) // six seconds
	carpeta := t.TempDir()
	interrumpe(t, b, carpeta, b.args(b.API, carpeta))
}

func TestDescargar_WhenInterruptedWithItsOwnGateway(t *testing.T) {
	b := monta(t, map[string]any{"demora_proceso": "10m"})
	entorno(t, b, t.TempDir())
	carpeta := t.TempDir()
	interrumpe(t, b, carpeta, enero(carpeta))
}

func interrumpe(t *testing.T, b *banco, carpeta string, args []string) {
	t.Helper()
	ctx, ctrlC := context.WithCancel(t.Context())
	var out bytes.Buffer
	errores := &avisado{texto: "El SAT aceptó la solicitud", hace: ctrlC}
	codigo := corre(ctx, args, Streams{In: strings.NewReader(""), Out: &out, Err: errores}, func() time.Time { return hoy })
	if codigo != ExitInterrupted || !strings.Contains(errores.String(), "gateway: interrumpida. La descarga sigue anotada: ") || out.Len() > 0 {
		t.Errorf("code %d, %s%s", codigo, out.String(), errores.String())
	}
	// A second one does not wait either.
	if s := ejecuta(t, "", append(args, "--espera", "100ms")...); s.codigo != ExitSigue || !strings.Contains(s.err, "es igual y sigue en curso") || !strings.Contains(s.err, "se acabó la espera") {
		t.Errorf("--espera: %+v", s)
	}
	s := ejecuta(t, "", args...)
	if s.codigo != ExitOK || !strings.Contains(s.err, "es igual y sigue en curso: se sigue esa") {
		t.Errorf("again: %+v", s)
	}
	manifiesto(t, carpeta)
	if e := b.Sandbox.Estado(); len(e.Solicitudes) != 1 || e.MaxRecibidas != 1 {
		t.Errorf("%d solicitudes, the same one %d times", len(e.Solicitudes), e.MaxRecibidas)
	}
}

func TestDescargar_WhenSomebodyCancels(t *testing.T) {
	t.Parallel()
	b := monta(t, map[string]any{"demora_proceso": "10m"})
	carpeta := t.TempDir()
	var out bytes.Buffer
	errores := &avisado{texto: "El SAT aceptó la solicitud"}
	errores.hace = func() {
		clave, err := os.ReadFile(b.clave)
		if err != nil {
			t.Error(err)
		}
		r, err := b.Do(http.MethodDelete, "/v1/sat/descargas/"+manifiesto(t, carpeta).Descarga.IDDescarga, nil, "Authorization", "Bearer "+strings.TrimSpace(string(clave)))
		if err != nil || r.Status != http.StatusOK {
			t.Errorf("cancelling: %v: %d", err, r.Status)
		}
	}
	codigo := corre(t.Context(), b.args(b.API, carpeta), Streams{In: strings.NewReader(""), Out: &out, Err: errores}, func() time.Time { return hoy })
	if codigo != ExitCancelada || !strings.HasPrefix(out.String(), "Cancelada: ") {
		t.Errorf("code %d: %s%s", codigo, out.String(), errores.String())
	}
}

func TestDescargar_WhenTheOptionsAreWrong(t *testing.T) {
	con := func(cambios ...string) []string {
		args := map[string]string{"--rfc": gatewaytest.Empresa, "--desde": "2026-01-01", "--hasta": "2026-01-31"}
		for i := 0; i+1 < len(cambios); i += 2 {
			args[cambios[i]] = cambios[i+1]
		}
		todos := []string{"descargar"}
		for nombre, valor := range args {
			if valor != "" {
				todos = append(todos, nombre, valor)
			}
		}
		return todos
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"descargar"}, "Falta --rfc, el RFC de quien solicita.\ngateway: Falta --desde, una fecha como 2026-01-31.\ngateway: Falta --hasta"},
		{con("--rfc", "PRU01"), "--rfc: «PRU01» no tiene la forma de un RFC"},
		{con("--desde", "01/01/2026"), "--desde: «01/01/2026» no es una fecha. Escriba el día, 2026-01-31"},
		{con("--hasta", "2026-02-30"), "--hasta: «2026-02-30» no es una fecha"},
		{con("--hasta", "2026-01-31T24:00:00"), "--hasta: «2026-01-31T24:00:00» no es una fecha"},
		{con("--desde", "2026-02-01"), "--desde: 2026-02-01 no es anterior a --hasta, 2026-01-31."},
		{con("--desde", "2026-04-01", "--hasta", "2026-04-02"), "--desde: 2026-04-01 está en el futuro."},
		{con("--hasta", "2026-03-01"), "--hasta: el 2026-03-01 aún no termina. Use 2026-02-28, o una hora que ya pasó, como 2026-03-01T11:59:00."},
		{con("--hasta", "2026-03-02"), "--hasta: 2026-03-02 está en el futuro. Use 2026-02-28"},
		{con("--tipo", "enviados"), "--tipo: «enviados» no es uno de: emitidos, recibidos."},
		{con("--que", "XML"), "--que: «XML» no es uno de: cfdi, metadata."},
		{con("--servicio", "nomina"), "--servicio: «nomina» no es uno de: cfdi, retenciones."},
		{con("--estado", "Vigente"), "--estado: «Vigente» no es uno de: vigente, cancelado, todos."},
		{con("--comprobante", "n"), "--comprobante: «n» no es uno de: I, E, T, N, P."},
		{con("--complemento", "nomina"), "--complemento: «nomina» no es uno de: "},
		{con("--rfc-receptor", "x"), "--rfc-receptor: «x»"}, {con("--rfc-emisor", "x"), "--rfc-emisor: «x»"}, {con("--tercero", "x"), "--tercero: «x»"},
		{con("--espera", "-1s"), "--espera: -1s es menos que cero."},
		{con("--gateway", "pasarela:8080", "--carpeta", t.TempDir()), "--gateway: la dirección de la pasarela no es una URL"},
	} {
		if s := ejecuta(t, "", tt.args...); s.codigo != ExitUsage || s.out != "" || !strings.Contains(s.err, tt.want) {
			t.Errorf("%q: %+v, want code 2 and %q", tt.args, s, tt.want)
		}
	}
}

func TestDescargar_WhenTheGatewayRefuses(t *testing.T) {
	b := monta(t, nil)
	ajena := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>hola</html>") })) //nolint:errcheck // a test
	t.Cleanup(ajena.Close)
	mala := filepath.Join(t.TempDir(), "mala.key")
	if err := os.WriteFile(mala, []byte("dos palabras\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	todo, digest, err := apikeys.Generate()
	if err != nil {
		t.Fatal(err)
	}
	if err := apikeys.Add(b.Config.APIKeysFile, apikeys.Key{Name: "todo", SHA256: digest, RFCs: []string{"*"}, Scopes: []string{"*"}}); err != nil {
		t.Fatal(err)
	}
	deTodo := filepath.Join(t.TempDir(), "todo.key")
	if err := os.WriteFile(deTodo, []byte(todo), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		args   []string
		codigo int
		want   string
	}{
		"no key":                {enero("", "--gateway", b.API), ExitFailed, "Dé la clave con --api-key-file"},
		"another's RFC":         {append(b.args(b.API, ""), "--rfc", gatewaytest.Persona), ExitFailed, "clave"},
		"no e.firma":            {enero("", "--gateway", b.API, "--api-key-file", deTodo, "--rfc", "XAX010101AB1"), ExitFailed, "No hay e.firma de XAX010101AB1"},
		"too long ago":          {b.args(b.API, "", "--desde", "2012-01-01"), ExitUsage, "--desde: "},
		"received, not alive":   {b.args(b.API, "", "--tipo", "recibidos", "--estado", "cancelado"), ExitUsage, "--estado: "},
		"a deadline of a year":  {b.args(b.API, "", "--plazo-horas", "9000"), ExitUsage, "--plazo-horas: "},
		"not a key":             {enero("", "--gateway", b.API, "--api-key-file", mala), ExitUsage, "no tiene una clave de API y nada más"},
		"no file of the key":    {enero("", "--gateway", b.API, "--api-key-file", mala+".nada"), ExitFailed, "no existe"},
		"somebody else's house": {b.args(ajena.URL, ""), ExitFailed, "lo que contesta no es una pasarela"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			s := ejecuta(t, "", tt.args...)
			if s.codigo != tt.codigo || s.out != "" || !strings.Contains(s.err, tt.want) || strings.Contains(s.err, todo) {
				t.Errorf("%+v, want code %d and %q", s, tt.codigo, tt.want)
			}
			if n := len(b.Sandbox.Estado().Solicitudes); n > 0 {
				t.Errorf("%d solicitudes at the SAT", n)
			}
		})
	}
}

func TestDescargar_WhenTheFolderIsOfAnother(t *testing.T) {
	t.Parallel()
	b := monta(t, nil)
	carpeta := t.TempDir()
	if s := b.pide(t, carpeta); s.codigo != ExitOK {
		t.Fatalf("%+v", s)
	}
	if s := b.pide(t, carpeta, "--tipo", "recibidos"); s.codigo != ExitUsage || !strings.Contains(s.err, "es de una descarga con otros datos") {
		t.Errorf("%+v", s)
	}
	if n := len(b.Sandbox.Estado().Solicitudes); n != 1 {
		t.Errorf("%d solicitudes", n)
	}
}

func TestDescargar_WhenInterruptedWhileItsGatewayWaitsForADatabase(t *testing.T) {
	t.Setenv("GATEWAY_SIN_SALIDA", "https://127.0.0.1:9")
	t.Setenv("GATEWAY_EFIRMA_DIR", t.TempDir())
	t.Setenv("GATEWAY_DATA_DIR", t.TempDir())
	muda, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer muda.Close() //nolint:errcheck // nobody is answered
	t.Setenv("GATEWAY_DATABASE_URL", "postgres://yo@"+muda.Addr().String()+"/pasarela?sslmode=disable")
	t.Setenv("GATEWAY_BLOB_URL", "file://"+t.TempDir())
	t.Setenv("GATEWAY_SECRETS_KEY_FILE", "")
	ctx, cancela := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancela()
	empieza := time.Now()
	s := ejecutaCon(t, ctx, "", enero(t.TempDir())...)
	if tardo := time.Since(empieza); s.codigo != ExitInterrupted || !strings.Contains(s.err, "interrumpida") || tardo > 30*time.Second {
		t.Errorf("after %s: %+v", tardo, s)
	}
}
