package deploy

import (
	"archive/zip"
	"bytes"
	"context"
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

// orders are the commands of docs/respaldos.md under the name in their first line.
func orders(t testing.TB, name string) string {
	t.Helper()
	page, err := os.ReadFile(root + "/docs/respaldos.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?ms)^ *```sh\n *# " + regexp.QuoteMeta(name) + "\n(.*?)^ *```$").FindSubmatch(page)
	if m == nil {
		t.Fatalf("docs/respaldos.md has no commands called %q", name)
	}
	return string(m[1])
}

// paste runs commands of the page with the variables that its reader sets.
func paste(t testing.TB, name string, variables ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", orders(t, name))
	cmd.Env = append(os.Environ(), variables...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", name, err, out)
	}
	return string(out)
}

// readable is what a caller can read of a descarga, and must be able to read again.
type readable struct{ descarga, rows, zip []byte }

func read(t testing.TB, g *gatewaytest.Gateway, path string) readable {
	t.Helper()
	get := func(path string) []byte {
		r := g.Get(path)
		if r.Status != http.StatusOK {
			t.Fatalf("GET %s: status %d: %s", path, r.Status, r.Body)
		}
		return r.Body
	}
	var list struct {
		Paquetes []struct{ IDPaquete string }
	}
	gatewaytest.Response{Body: get(path + "/paquetes")}.JSON(t, &list)
	if len(list.Paquetes) == 0 {
		t.Fatalf("%s has no packages", path)
	}
	l := readable{get(path), get(path + "/cfdis.ndjson"), get(gatewaytest.PaquetePath("cfdi", gatewaytest.Company, list.Paquetes[0].IDPaquete))}
	if _, err := zip.NewReader(bytes.NewReader(l.zip), int64(len(l.zip))); err != nil || bytes.Count(l.rows, []byte("\n")) < 3 {
		t.Fatalf("nothing worth to be kept: %v, %s", err, l.rows)
	}
	return l
}

func (l readable) same(t testing.TB, other readable) {
	t.Helper()
	if !bytes.Equal(l.descarga, other.descarga) || !bytes.Equal(l.rows, other.rows) || !bytes.Equal(l.zip, other.zip) {
		t.Errorf("not what it was:\n%s\n%s", l.descarga, other.descarga)
	}
}

// webhooksTrial sends to one, whose address and secret can be read only with the key
// that sealed them.
func (p *couple) webhooksTrial() {
	p.t.Helper()
	var list struct{ Webhooks []struct{ IDWebhook string } }
	p.Get("/v1/webhooks").JSON(p.t, &list)
	if len(list.Webhooks) == 0 {
		p.t.Fatal("no webhooks")
	}
	path := "/v1/webhooks/" + list.Webhooks[0].IDWebhook
	p.ask(http.StatusAccepted, path+"/prueba", nil)
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		r := p.Get(path + "/entregas")
		var list struct {
			Entregas []struct{ Evento, Estado string }
		}
		r.JSON(p.t, &list)
		// Others may wait longer: the copy can hold one that was just being sent.
		for _, e := range list.Entregas {
			if e.Evento == "webhook.prueba" && e.Estado == "entregada" {
				return
			}
		}
		if time.Now().After(end) {
			p.t.Fatalf("the test was not delivered: %s", r.Body)
		}
	}
}

func (p *couple) spent() (request, descarga int64) {
	for _, operations := range p.Sandbox.Estado().Llamadas {
		request += operations["SolicitaDescargaEmitidos"]
		descarga += operations["Descargar"]
	}
	return request, descarga
}

func TestBackup_WhenSQLiteIsCopiedWhileItRuns(t *testing.T) {
	t.Parallel()
	require(t, "sqlite3", "sha256sum", "sed")
	p := start(t)
	path := p.descarga("cfdi")
	p.finish(path)
	before := read(t, p.Gateway, path)
	backup := filepath.Join(t.TempDir(), "copia")
	where := []string{"datos=" + p.Config.DataDir, "respaldo=" + backup}
	paste(t, "respaldar sqlite", where...)
	if said := paste(t, "comprobar sqlite", where...); !strings.Contains(said, "terminada|1") {
		t.Errorf("the check says %q", said)
	}
	request, descarga := p.spent()
	if err := p.StopGateway(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(p.Config.DataDir); err != nil {
		t.Fatal(err)
	}
	paste(t, "restaurar sqlite", where...)
	p.Restart()
	before.same(t, read(t, p.Gateway, path))
	p.webhooksTrial() // their secrets can be read
	if s, d := p.spent(); s != request || d != descarga {
		t.Errorf("restoring spent %d solicitudes and %d downloads", s-request, d-descarga)
	}

	// A copy that lacks a package is found out before it is needed.
	deleted := false
	err := filepath.WalkDir(filepath.Join(backup, "paquetes", "sha256"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !deleted {
			deleted = true
			return os.Truncate(path, 100)
		}
		return err
	})
	if err != nil || !deleted {
		t.Fatal("no package in the copy", err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", orders(t, "comprobar sqlite"))
	cmd.Env = append(os.Environ(), where...)
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Errorf("a broken copy passes: %s", out)
	}
}

func TestBackup_WhenPostgresAndAFolderAreCopied(t *testing.T) {
	t.Parallel()
	require(t, "pg_dump", "pg_restore", "sha256sum", "awk")
	base, empty := pgtest.Start(t), pgtest.Start(t)
	paquetes, backup := filepath.Join(t.TempDir(), "paquetes"), filepath.Join(t.TempDir(), "copia")
	sello := filepath.Join(t.TempDir(), "sello.txt")
	if err := os.WriteFile(sello, []byte("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(paquetes, 0o700); err != nil {
		t.Fatal(err)
	}
	p := startWith(t, func(c *config.Config) {
		c.DatabaseURL, c.BlobURL, c.SecretsKeyFile = config.Secret(base), "file://"+paquetes, sello
	})
	path := p.descarga("cfdi")
	p.finish(path)
	before := read(t, p.Gateway, path)
	paste(t, "respaldar postgres", "base="+base, "respaldo="+backup)
	paste(t, "respaldar carpeta", "paquetes="+paquetes, "respaldo="+backup)
	paste(t, "comprobar postgres", "respaldo="+backup)
	if sums, err := os.ReadFile(filepath.Join(backup, "SHA256SUMS")); err != nil || len(sums) < 64 {
		t.Errorf("the check looked at nothing: %v %q", err, sums)
	}
	request, descarga := p.spent()
	if err := p.StopGateway(); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{p.Config.DataDir, paquetes} {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	paste(t, "restaurar carpeta", "paquetes="+paquetes, "respaldo="+backup)
	paste(t, "restaurar postgres", "base="+empty, "respaldo="+backup)
	p.Config.DatabaseURL = config.Secret(empty)
	p.Restart()
	before.same(t, read(t, p.Gateway, path))
	p.webhooksTrial()
	if s, d := p.spent(); s != request || d != descarga {
		t.Errorf("restoring spent %d solicitudes and %d downloads", s-request, d-descarga)
	}
}

// A copy in which a descarga lives that has ended since. Begun without a way out,
// nothing leaves; cancelled there, nothing is fetched again. What happens to who does
// not read the page is the other half: the package's last download is spent.
func TestBackup_WhenAnOldCopyIsRestored(t *testing.T) {
	t.Parallel()
	require(t, "sqlite3")
	for name, remained := range map[string]struct {
		care  bool
		spend int64
	}{"as the page says": {true, 0}, "carelessly": {false, 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startWith(t, nil, func(c *sandbox.Config) { c.Speed = 1 })
			path := p.descarga("cfdi")
			p.wait(path, "solicitada", "en_proceso")
			where := []string{"datos=" + p.Config.DataDir, "respaldo=" + filepath.Join(t.TempDir(), "copia")}
			paste(t, "respaldar sqlite", where...)
			p.Sandbox.Clock().BringForward(time.Minute)
			p.finish(path)
			request, descarga := p.spent()
			if err := p.StopGateway(); err != nil {
				t.Fatal(err)
			}
			if remained.care {
				paste(t, "restaurar sqlite", where...)
				acceptBackup(t, p.Config)
			} else {
				// On a machine that is new nothing tells that the copy is old.
				if err := os.RemoveAll(p.Config.DataDir); err != nil {
					t.Fatal(err)
				}
				paste(t, "restaurar sqlite", where...)
			}
			if remained.care {
				truthful := p.Config
				p.Config = withoutOutput(t, p.Config)
				p.Restart()
				p.wait(path, "solicitada", "en_proceso")
				time.Sleep(time.Second) // it would have asked by now
				if r, err := p.Do(http.MethodDelete, path, nil); err != nil || r.Status != http.StatusOK {
					t.Fatalf("cancelling: %d, %v: %s", r.Status, err, r.Body)
				}
				if err := p.StopGateway(); err != nil {
					t.Fatal(err)
				}
				p.Config = truthful
				p.Restart()
				time.Sleep(2 * time.Second)
				p.wait(path, "cancelada")
			} else {
				p.Restart()
				p.finish(path)
			}
			if s, d := p.spent(); s != request || d != descarga+remained.spend {
				t.Errorf("%d solicitudes and %d downloads were spent, want 0 and %d", s-request, d-descarga, remained.spend)
			}
		})
	}
}

// acceptBackup: where the ledger had come further than the copy the program does not
// start, and says the page's next command.
func acceptBackup(t testing.TB, c config.Config) {
	t.Helper()
	bin := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, root+"/cmd/gateway").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	env, err := c.Environ()
	if err != nil {
		t.Fatal(err)
	}
	env = append(env, "PATH="+bin+":"+os.Getenv("PATH"))
	// One that is not refused would serve for ever.
	bounded, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(bounded, filepath.Join(bin, "gateway"))
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if order := strings.TrimSpace(orders(t, "aceptar el respaldo")); err == nil || !strings.Contains(string(out), order) {
		t.Fatalf("%v: it does not say %q: %s", err, order, out)
	}
	paste(t, "aceptar el respaldo", env...)
}

// withoutOutput is c as the page's own commands make it, without the addresses that c has.
func withoutOutput(t testing.TB, c config.Config) config.Config {
	t.Helper()
	c.SinSalida = variables(t, indent.ReplaceAllString(orders(t, "sin salida"), ""))["GATEWAY_SIN_SALIDA"]
	c.SAT.CFDI, c.SAT.Retenciones, c.SEP.URL, c.PADE.Addendas.URL, c.PADE.Firmado.URL = config.Servicio{}, config.Servicio{}, "", "", ""
	c, err := c.Addressed()
	if err != nil {
		t.Fatal(err)
	}
	return c
}
