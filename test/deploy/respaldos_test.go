package deploy

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/store/pgtest"
)

// ordenes are the commands of docs/respaldos.md under the name in their first line.
func ordenes(t testing.TB, nombre string) string {
	t.Helper()
	pagina, err := os.ReadFile(raiz + "/docs/respaldos.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?ms)^ *```sh\n *# " + regexp.QuoteMeta(nombre) + "\n(.*?)^ *```$").FindSubmatch(pagina)
	if m == nil {
		t.Fatalf("docs/respaldos.md has no commands called %q", nombre)
	}
	return string(m[1])
}

// pega runs commands of the page with the variables that its reader sets.
func pega(t testing.TB, nombre string, variables ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", ordenes(t, nombre))
	cmd.Env = append(os.Environ(), variables...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", nombre, err, out)
	}
	return string(out)
}

// leido is what a caller can read of a descarga, and must be able to read again.
type leido struct{ descarga, filas, zip []byte }

func lee(t testing.TB, g *gatewaytest.Gateway, path string) leido {
	t.Helper()
	get := func(path string, headers ...string) []byte {
		r := g.Get(path, headers...)
		if r.Status != http.StatusOK {
			t.Fatalf("GET %s: status %d: %s", path, r.Status, r.Body)
		}
		return r.Body
	}
	var lista struct {
		Paquetes []struct{ IDPaquete string }
	}
	gatewaytest.Response{Body: get(path + "/paquetes")}.JSON(t, &lista)
	if len(lista.Paquetes) == 0 {
		t.Fatalf("%s has no packages", path)
	}
	l := leido{get(path), get(path + "/cfdis.ndjson"), get(gatewaytest.PaquetePath("cfdi", gatewaytest.Empresa, lista.Paquetes[0].IDPaquete))}
	if _, err := zip.NewReader(bytes.NewReader(l.zip), int64(len(l.zip))); err != nil || bytes.Count(l.filas, []byte("\n")) < 3 {
		t.Fatalf("nothing worth to be kept: %v, %s", err, l.filas)
	}
	return l
}

func (l leido) igual(t testing.TB, otro leido) {
	t.Helper()
	if !bytes.Equal(l.descarga, otro.descarga) || !bytes.Equal(l.filas, otro.filas) || !bytes.Equal(l.zip, otro.zip) {
		t.Errorf("not what it was:\n%s\n%s", l.descarga, otro.descarga)
	}
}

// pruebaWebhooks sends to one, whose address and secret can be read only with the key
// that sealed them.
func (p *pareja) pruebaWebhooks() {
	p.t.Helper()
	var lista struct{ Webhooks []struct{ IDWebhook string } }
	p.Get("/v1/webhooks").JSON(p.t, &lista)
	if len(lista.Webhooks) == 0 {
		p.t.Fatal("no webhooks")
	}
	ruta := "/v1/webhooks/" + lista.Webhooks[0].IDWebhook
	p.pide(http.StatusAccepted, ruta+"/prueba", nil)
	for fin := time.Now().Add(3 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		r := p.Get(ruta + "/entregas")
		var lista struct {
			Entregas []struct{ Evento, Estado string }
		}
		r.JSON(p.t, &lista)
		// Others may wait longer: the copy can hold one that was just being sent.
		for _, e := range lista.Entregas {
			if e.Evento == "webhook.prueba" && e.Estado == "entregada" {
				return
			}
		}
		if time.Now().After(fin) {
			p.t.Fatalf("the test was not delivered: %s", r.Body)
		}
	}
}

func (p *pareja) gastado() (solicita, descarga int64) {
	for _, operaciones := range p.Sandbox.Estado().Llamadas {
		solicita += operaciones["SolicitaDescargaEmitidos"]
		descarga += operaciones["Descargar"]
	}
	return solicita, descarga
}

func TestBackup_WhenSQLiteIsCopiedWhileItRuns(t *testing.T) {
	t.Parallel()
	requiere(t, "sqlite3", "sha256sum", "sed")
	p := arranca(t)
	path := p.descarga("cfdi")
	p.termina(path)
	antes := lee(t, p.Gateway, path)
	respaldo := filepath.Join(t.TempDir(), "copia")
	donde := []string{"datos=" + p.Config.DataDir, "respaldo=" + respaldo}
	pega(t, "respaldar sqlite", donde...)
	if said := pega(t, "comprobar sqlite", donde...); !strings.Contains(said, "terminada|1") {
		t.Errorf("the check says %q", said)
	}
	solicita, descarga := p.gastado()
	if err := p.StopGateway(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(p.Config.DataDir); err != nil {
		t.Fatal(err)
	}
	pega(t, "restaurar sqlite", donde...)
	p.Restart()
	antes.igual(t, lee(t, p.Gateway, path))
	p.pruebaWebhooks() // their secrets can be read
	if s, d := p.gastado(); s != solicita || d != descarga {
		t.Errorf("restoring spent %d solicitudes and %d downloads", s-solicita, d-descarga)
	}

	// A copy that lacks a package is found out before it is needed.
	borrado := false
	err := filepath.WalkDir(filepath.Join(respaldo, "paquetes", "sha256"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !borrado {
			borrado = true
			return os.Truncate(path, 100)
		}
		return err
	})
	if err != nil || !borrado {
		t.Fatal("no package in the copy", err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", ordenes(t, "comprobar sqlite"))
	cmd.Env = append(os.Environ(), donde...)
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Errorf("a broken copy passes: %s", out)
	}
}

func TestBackup_WhenPostgresAndAFolderAreCopied(t *testing.T) {
	t.Parallel()
	requiere(t, "pg_dump", "pg_restore", "sha256sum", "awk")
	base, vacia := pgtest.Start(t), pgtest.Start(t)
	paquetes, respaldo := filepath.Join(t.TempDir(), "paquetes"), filepath.Join(t.TempDir(), "copia")
	sello := filepath.Join(t.TempDir(), "sello.txt")
	if err := os.WriteFile(sello, []byte("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(paquetes, 0o700); err != nil {
		t.Fatal(err)
	}
	p := arrancaCon(t, func(c *config.Config) {
		c.DatabaseURL, c.BlobURL, c.SecretsKeyFile = config.Secret(base), "file://"+paquetes, sello
	})
	path := p.descarga("cfdi")
	p.termina(path)
	antes := lee(t, p.Gateway, path)
	pega(t, "respaldar postgres", "base="+base, "respaldo="+respaldo)
	pega(t, "respaldar carpeta", "paquetes="+paquetes, "respaldo="+respaldo)
	pega(t, "comprobar postgres", "respaldo="+respaldo)
	if sums, err := os.ReadFile(filepath.Join(respaldo, "SHA256SUMS")); err != nil || len(sums) < 64 {
		t.Errorf("the check looked at nothing: %v %q", err, sums)
	}
	solicita, descarga := p.gastado()
	if err := p.StopGateway(); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{p.Config.DataDir, paquetes} {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	pega(t, "restaurar carpeta", "paquetes="+paquetes, "respaldo="+respaldo)
	pega(t, "restaurar postgres", "base="+vacia, "respaldo="+respaldo)
	p.Config.DatabaseURL = config.Secret(vacia)
	p.Restart()
	antes.igual(t, lee(t, p.Gateway, path))
	p.pruebaWebhooks()
	if s, d := p.gastado(); s != solicita || d != descarga {
		t.Errorf("restoring spent %d solicitudes and %d downloads", s-solicita, d-descarga)
	}
}

// A copy in which a descarga lives that has ended since. Begun without a way out,
// nothing leaves; cancelled there, nothing is fetched again. What happens to who does
// not read the page is the other half: the package's last download is spent.
func TestBackup_WhenAnOldCopyIsRestored(t *testing.T) {
	t.Parallel()
	requiere(t, "sqlite3")
	for nombre, quedo := range map[string]struct {
		cuidado bool
		gasta   int64
	}{"as the page says": {true, 0}, "carelessly": {false, 1}} {
		t.Run(nombre, func(t *testing.T) {
			t.Parallel()
			p := arrancaCon(t, nil, func(c *sandbox.Config) { c.Velocidad = 1 })
			path := p.descarga("cfdi")
			p.espera(path, "solicitada", "en_proceso")
			donde := []string{"datos=" + p.Config.DataDir, "respaldo=" + filepath.Join(t.TempDir(), "copia")}
			pega(t, "respaldar sqlite", donde...)
			p.Sandbox.Reloj().Adelanta(time.Minute)
			p.termina(path)
			solicita, descarga := p.gastado()
			if err := p.StopGateway(); err != nil {
				t.Fatal(err)
			}
			if quedo.cuidado {
				pega(t, "restaurar sqlite", donde...)
				aceptaRespaldo(t, p.Config)
			} else {
				// On a machine that is new nothing tells that the copy is old.
				if err := os.RemoveAll(p.Config.DataDir); err != nil {
					t.Fatal(err)
				}
				pega(t, "restaurar sqlite", donde...)
			}
			if quedo.cuidado {
				verdadera := p.Config
				p.Config = sinSalida(t, p.Config)
				p.Restart()
				p.espera(path, "solicitada", "en_proceso")
				time.Sleep(time.Second) // it would have asked by now
				if r, err := p.Do(http.MethodDelete, path, nil); err != nil || r.Status != http.StatusOK {
					t.Fatalf("cancelling: %d, %v: %s", r.Status, err, r.Body)
				}
				if err := p.StopGateway(); err != nil {
					t.Fatal(err)
				}
				p.Config = verdadera
				p.Restart()
				time.Sleep(2 * time.Second)
				p.espera(path, "cancelada")
			} else {
				p.Restart()
				p.termina(path)
			}
			if s, d := p.gastado(); s != solicita || d != descarga+quedo.gasta {
				t.Errorf("%d solicitudes and %d downloads were spent, want 0 and %d", s-solicita, d-descarga, quedo.gasta)
			}
		})
	}
}

// aceptaRespaldo: where the ledger had come further than the copy the program does not
// start, and says the page's next command.
func aceptaRespaldo(t testing.TB, c config.Config) {
	t.Helper()
	bin := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, raiz+"/cmd/gateway").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	env, err := c.Environ()
	if err != nil {
		t.Fatal(err)
	}
	env = append(env, "PATH="+bin+":"+os.Getenv("PATH"))
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "gateway"))
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if orden := strings.TrimSpace(ordenes(t, "aceptar el respaldo")); err == nil || !strings.Contains(string(out), orden) {
		t.Fatalf("%v: it does not say %q: %s", err, orden, out)
	}
	pega(t, "aceptar el respaldo", env...)
}

// sinSalida is c as the page's own commands make it, without the addresses that c has.
func sinSalida(t testing.TB, c config.Config) config.Config {
	t.Helper()
	c.SinSalida = variables(t, sangria.ReplaceAllString(ordenes(t, "sin salida"), ""))["GATEWAY_SIN_SALIDA"]
	c.SAT.CFDI, c.SAT.Retenciones, c.SEP.URL, c.PADE.Addendas.URL, c.PADE.Firmado.URL = config.Servicio{}, config.Servicio{}, "", "", ""
	c, err := c.Addressed()
	if err != nil {
		t.Fatal(err)
	}
	return c
}
