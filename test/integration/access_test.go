package integration

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/pasarela-mx/pasarela/api"
	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
)

// keyFile is one gateway's file of API keys.
type keyFile struct{ path string }

// add makes a key and returns it.
func (k keyFile) add(t *testing.T, name string, rfcs []string, scopes ...string) string {
	t.Helper()
	key, digest, err := apikeys.Generate()
	if err != nil {
		t.Fatal(err)
	}
	if err := apikeys.Add(k.path, apikeys.Key{Name: name, SHA256: digest, RFCs: rfcs, Scopes: scopes}); err != nil {
		t.Fatal(err)
	}
	return key
}

// startWithKeys starts a gateway that requires keys.
func startWithKeys(t *testing.T) (*rig, keyFile) {
	t.Helper()
	keys := keyFile{filepath.Join(t.TempDir(), "claves.json")}
	admin := keys.add(t, "admin", []string{"*"}, "*")
	r := start(t, gatewaytest.Options{Configure: func(c *config.Config) { c.APIKeysFile = keys.path }})
	t.Cleanup(func() {
		if strings.Contains(r.Log(), admin) {
			t.Error("the log holds an API key")
		}
	})
	return r, keys
}

// route is one operation of the contract and a request that it accepts.
type route struct {
	id, method, path string
	body             any
	public           bool
	namesRFC         bool
	// ofDescarga: the resource belongs to the RFC of a descarga, not to a named RFC.
	ofDescarga bool
}

// contractRoutes makes a request for every operation from the contract's own examples.
func contractRoutes(t *testing.T) []route {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(api.Spec)
	if err != nil {
		t.Fatal(err)
	}
	var routes []route
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			r := route{id: op.OperationID, method: method, path: path, public: op.Security != nil && len(*op.Security) == 0,
				ofDescarga: strings.Contains(path, "{idDescarga}")}
			query := url.Values{}
			for _, p := range append(slices.Clone(item.Parameters), op.Parameters...) {
				example, _ := p.Value.Example.(string)
				switch {
				case p.Value.In == openapi3.ParameterInPath:
					r.path = strings.ReplaceAll(r.path, "{"+p.Value.Name+"}", url.PathEscape(example))
				case p.Value.In == openapi3.ParameterInQuery && p.Value.Required:
					query.Set(p.Value.Name, example)
				}
			}
			if len(query) > 0 {
				r.path += "?" + query.Encode()
			}
			if op.RequestBody != nil {
				media := op.RequestBody.Value.Content.Get("application/json")
				names := slices.Sorted(maps.Keys(media.Examples))
				r.body = media.Examples[names[0]].Value.Value
				for _, name := range names {
					if example := media.Examples[name].Value.Value; strings.Contains(asJSON(t, example), gatewaytest.Company) {
						r.body = example
					}
				}
			}
			text := asJSON(t, r.body)
			r.namesRFC = strings.Contains(r.path+text, gatewaytest.Company) || strings.Contains(text, gatewaytest.Persona)
			routes = append(routes, r)
		}
	}
	return routes
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAccess_WhenTheCallerMayNotNoRouteLetsItIn(t *testing.T) {
	t.Parallel()
	r, keys := startWithKeys(t)
	rogue, _, err := apikeys.Generate()
	if err != nil {
		t.Fatal(err)
	}
	other := keys.add(t, "otro", []string{gatewaytest.CompanyOdd}, "*")
	good := keys.add(t, "bueno", []string{gatewaytest.Company, gatewaytest.CompanyOdd, gatewaytest.Persona}, "*")
	scoped := map[string]string{}
	for _, scope := range apikeys.Scopes() {
		scoped[scope] = keys.add(t, "solo "+scope, []string{"*"}, scope)
	}
	routes := contractRoutes(t)
	// Another's key comes before one that opens: later work of a descarga is not a call
	// of its key.
	for _, route := range routes {
		switch {
		case route.public, route.ofDescarga, slices.Contains(withoutRFC(), route.id):
			// No RFC to compare with a key's; for pathDescargas see the test below.
		case !route.namesRFC:
			t.Errorf("%s: its example names no RFC: this test cannot tell whether another's key opens it", route.id)
		default:
			if p := wantProblem(t, r.must(route, "Authorization", "Bearer "+other), 403, "prohibido"); p.Backend != "" {
				t.Errorf("%s: it is the SAT that refuses", route.id)
			}
		}
	}
	if calls := r.Sandbox.Estado().Llamadas; len(calls) > 0 {
		t.Errorf("the SAT was called: %v", calls)
	}
	for _, route := range routes {
		t.Run(route.id, func(t *testing.T) {
			if route.public {
				wantStatus(t, r.must(route), http.StatusOK)
				return
			}
			for name, header := range map[string]string{
				"no key": "", "unknown key": "Bearer " + rogue, "basic": "Basic " + good, "no scheme": good,
				"empty": "Bearer ", "digest for key": "Bearer " + apikeys.Digest(good), "two keys": "Bearer " + good + " " + good,
			} {
				got := r.must(route, "Authorization", header)
				wantProblem(t, got, http.StatusUnauthorized, "no-autenticado")
				if !strings.HasPrefix(got.Header.Get("WWW-Authenticate"), "Bearer") {
					t.Errorf("%s: WWW-Authenticate %q", name, got.Header.Get("WWW-Authenticate"))
				}
			}
			admitted := 0
			for scope, key := range scoped {
				got := r.must(route, "Authorization", "Bearer "+key)
				if got.Status != http.StatusForbidden || !deniesKey(got) {
					admitted++
				} else if p := wantProblem(t, got, 403, "prohibido"); p.Backend != "" {
					t.Errorf("with %s only, it is the other system that refuses", scope)
				}
			}
			if admitted != 1 {
				t.Errorf("%d scopes open it, want exactly one", admitted)
			}
			if got := r.must(route, "Authorization", "bearer "+good); got.Status == 401 || got.Status == 403 && deniesKey(got) {
				t.Errorf("a good key is refused: %d %s", got.Status, got.Body)
			}
		})
	}
}

// deniesKey reports whether a refusal is about the key, not about the request, such as a
// real signature outside production.
func deniesKey(r gatewaytest.Response) bool {
	return strings.Contains(string(r.Body), "La clave de API")
}

// withoutRFC are the routes without an RFC: they use another system's account, or none.
func withoutRFC() []string {
	return []string{
		"listarEfirmas", "listarDescargas", "listarCatalogosSep", "obtenerCatalogoSep", "validarTitulos", "cargarLote", "consultarLote", "obtenerResultadoLote",
		"exportarResultadoLote", "descargarLibroLote", "descargarResultadoLote",
		"cancelarTitulo", "procesarAddenda", "adjuntarAddenda", "desbloquearCuentaPade",
		// A webhook belongs to a key; TestWebhooks_WhenOfAnotherKey tests what others see
		// of it.
		"listarWebhooks", "crearWebhook", "obtenerWebhook", "actualizarWebhook", "eliminarWebhook", "rotarSecretoWebhook", "probarWebhook",
		"listarEntregasWebhook", "reenviarEntregaWebhook",
	}
}

// must sends a route's request and expects an answer.
func (r *rig) must(route route, headers ...string) gatewaytest.Response {
	r.t.Helper()
	got, err := r.Do(route.method, route.path, route.body, headers...)
	if err != nil {
		r.t.Fatal(err)
	}
	return got
}

func TestAccess_WhenListingOnlyTheKeysRFCsAreShown(t *testing.T) {
	t.Parallel()
	r, keys := startWithKeys(t)
	key := keys.add(t, "una", []string{gatewaytest.CompanyOdd}, "*")
	got := r.Get("/v1/efirmas", "Authorization", "Bearer "+key)
	wantStatus(t, got, http.StatusOK)
	var list struct{ Efirmas []struct{ RFC string } }
	got.JSON(t, &list)
	if len(list.Efirmas) != 1 || list.Efirmas[0].RFC != gatewaytest.CompanyOdd {
		t.Errorf("listed %s", got.Body)
	}
	one := r.Get("/v1/efirmas/"+url.PathEscape(gatewaytest.CompanyOdd), "Authorization", "Bearer "+key)
	wantStatus(t, one, http.StatusOK)
}

// Every route of another's descarga answers as if it had never existed, and changes
// nothing.
func TestAccess_WhenADescargaIsAnothersItIsNotThere(t *testing.T) {
	t.Parallel()
	r, keys := startWithKeys(t)
	owner := "Bearer " + keys.add(t, "dueña", []string{gatewaytest.Company}, "*")
	other := "Bearer " + keys.add(t, "otro", []string{gatewaytest.Persona}, "*")
	d := r.createDescarga(r.metadatos(), "Authorization", owner)
	const example = "019c1d2e-7f30-7a4b-9c55-8a1d27f8c3aa"
	asked := 0
	for _, route := range contractRoutes(t) {
		if !route.ofDescarga {
			continue
		}
		asked++
		unknown := r.must(route, "Authorization", other, "X-Request-Id", "r")
		wantProblem(t, unknown, http.StatusNotFound, "no-encontrado")
		route.path = strings.Replace(route.path, example, d.IDDescarga, 1)
		got := r.must(route, "Authorization", other, "X-Request-Id", "r")
		if strings.ReplaceAll(string(got.Body), d.IDDescarga, example) != string(unknown.Body) {
			t.Errorf("%s: %s, and of one that is none %s", route.id, got.Body, unknown.Body)
		}
	}
	if asked < 7 {
		t.Errorf("only %d routes were asked", asked)
	}
	var list struct{ Descargas []descargaView }
	r.Get(pathDescargas, "Authorization", other).JSON(t, &list)
	if len(list.Descargas) != 0 {
		t.Errorf("another's list shows %+v", list)
	}
	r.Get(pathDescargas, "Authorization", owner).JSON(t, &list)
	if len(list.Descargas) != 1 || list.Descargas[0].IDDescarga != d.IDDescarga || list.Descargas[0].Estado == "cancelada" {
		t.Errorf("the owner's list shows %+v", list)
	}
	wantProblem(t, r.Post(pathDescargas, r.metadatos(), "Authorization", other), http.StatusForbidden, "prohibido")
	wantProblem(t, r.Get(pathDescargas+"?rfcSolicitante="+gatewaytest.Company, "Authorization", other), http.StatusForbidden, "prohibido")
}

func TestAccess_WhenAPackageIsStoredAnothersKeyDoesNotGetIt(t *testing.T) {
	t.Parallel()
	r, keys := startWithKeys(t)
	owner := "Bearer " + keys.add(t, "dueña", []string{gatewaytest.Company}, "*")
	other := "Bearer " + keys.add(t, "otro", []string{gatewaytest.Persona}, "*")
	created := r.Post(solicitudes, r.body(nil), "Authorization", owner)
	wantStatus(t, created, http.StatusCreated)
	var accepted struct{ IDSolicitud string }
	created.JSON(t, &accepted)
	id := strings.ToUpper(accepted.IDSolicitud) + "_01"
	r.Sandbox.Clock().BringForward(1e12)
	wantStatus(t, r.Get(gatewaytest.PaquetePath("cfdi", gatewaytest.Company, id), "Authorization", owner), http.StatusOK)
	wantProblem(t, r.Get(gatewaytest.PaquetePath("cfdi", gatewaytest.Company, id), "Authorization", other), 403, "prohibido")
	wantProblem(t, r.Get(gatewaytest.PaquetePath("cfdi", gatewaytest.Persona, id), "Authorization", other), 404, "no-encontrado")
}

func TestAccess_WhenTheFileOfKeysChangesItTakesEffectAtOnce(t *testing.T) {
	t.Parallel()
	r, keys := startWithKeys(t)
	key := keys.add(t, "nueva", []string{"*"}, "*")
	wantStatus(t, r.Get("/v1/efirmas", "Authorization", "Bearer "+key), http.StatusOK)
	if err := os.Remove(keys.path); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, r.Get("/v1/efirmas", "Authorization", "Bearer "+key), http.StatusUnauthorized)
	renewed := keys.add(t, "renovada", []string{"*"}, "*")
	wantStatus(t, r.Get("/v1/efirmas", "Authorization", "Bearer "+renewed), http.StatusOK)
	wantStatus(t, r.Get("/v1/efirmas", "Authorization", "Bearer "+key), http.StatusUnauthorized)
}

func TestAccess_WhenExposedWithoutKeysItDoesNotStart(t *testing.T) {
	t.Parallel()
	for _, listen := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:80", "example.com:80"} {
		c := config.Config{Listen: listen}
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), "GATEWAY_API_KEYS_FILE") {
			t.Errorf("%s: %v", listen, err)
		}
	}
}

func TestAccess_WhenExposedWithoutKeysTheProgramExits(t *testing.T) {
	t.Parallel()
	out, code := runGateway(t, "GATEWAY_LISTEN=0.0.0.0:0", "GATEWAY_DATA_DIR="+t.TempDir())
	if code != 1 || !strings.Contains(out, "GATEWAY_LISTEN") || !strings.Contains(out, "GATEWAY_API_KEYS_FILE") {
		t.Errorf("exit code %d: %s", code, out)
	}
}

func TestAccess_WhenThereAreNoKeysOnlyThisMachinesNamesAreServed(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	for _, host := range []string{"evil.example", "evil.example:8080", "192.0.2.1", "localhost.evil.example", "127.0.0.1.evil.example"} {
		wantProblem(t, r.Get("/v1/efirmas", "Host", host), 403, "prohibido")
	}
	for _, host := range []string{"localhost", "localhost:80", "[::1]:80", "127.0.0.1"} {
		wantStatus(t, r.Get("/v1/efirmas", "Host", host), http.StatusOK)
	}
}
