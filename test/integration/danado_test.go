package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
)

// estante is where a gateway keeps its packages, written to behind its back.
type estante struct {
	escribe func(sha256 string, bytes []byte)
	borra   func(sha256 string)
}

// estantes runs a test over a folder and over a bucket.
func estantes(t *testing.T, test func(t *testing.T, r *rig, e estante)) {
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		r := start(t, gatewaytest.Options{})
		ruta := func(sha256 string) string {
			return r.Config.DataDir + "/paquetes/sha256/" + sha256[:2] + "/" + sha256 + ".zip"
		}
		test(t, r, estante{
			// As a disk does it: the time of the last change stays.
			escribe: func(sha256 string, b []byte) {
				info, errInfo := os.Stat(ruta(sha256))
				if err := os.WriteFile(ruta(sha256), b, 0o600); err != nil {
					t.Fatal(err)
				}
				if errInfo == nil {
					if err := os.Chtimes(ruta(sha256), time.Time{}, info.ModTime()); err != nil {
						t.Fatal(err)
					}
				}
			},
			borra: func(sha256 string) { remove(t, ruta(sha256)) },
		})
	})
	t.Run("bucket", func(t *testing.T) {
		t.Parallel()
		backend := newCubo(t)
		r := start(t, gatewaytest.Options{Configure: func(c *config.Config) { c.BlobURL = backend.address(true) }})
		clave := func(sha256 string) string { return "sha256/" + sha256[:2] + "/" + sha256 + ".zip" }
		test(t, r, estante{
			escribe: func(sha256 string, b []byte) {
				if _, err := backend.PutObject("paquetes", clave(sha256), map[string]string{}, bytes.NewReader(b), int64(len(b)), nil); err != nil {
					t.Fatal(err)
				}
			},
			borra: func(sha256 string) {
				if _, err := backend.DeleteObject("paquetes", clave(sha256)); err != nil {
					t.Fatal(err)
				}
			},
		})
	})
}

// enSuSitio waits until no package is on its way into storage.
func enSuSitio(t *testing.T, r *rig) {
	t.Helper()
	until(t, func() bool {
		_, partial := packageFiles(t, r.Config.DataDir)
		return len(partial) == 0
	})
}

// semilla is the test's own, printed and repeated by PASARELA_SEMILLA.
func semilla(t *testing.T) *rand.Rand {
	t.Helper()
	n := rand.Uint64()
	if text := os.Getenv("PASARELA_SEMILLA"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("seed %d", n)
	return rand.New(rand.NewPCG(n, 0))
}

func volteado(b []byte, rnd *rand.Rand) []byte {
	out := bytes.Clone(b)
	out[rnd.IntN(len(out))] ^= 1 << rnd.IntN(8)
	return out
}

// TestDanado_WhenOneBitFlipsNothingIsServedWhole: 250 flips of one bit each, anywhere in
// a package, in a folder and in a bucket.
func TestDanado_WhenOneBitFlipsNothingIsServedWhole(t *testing.T) {
	t.Parallel()
	estantes(t, func(t *testing.T, r *rig, e estante) {
		rnd := semilla(t)
		path := r.big(1 << 20)
		wantZip(t, r.Get(path))
		good := r.stored(path)
		enSuSitio(t, r)
		sha256 := strings.Trim(good.Header.Get("ETag"), `"`)
		cut, told := 0, 0
		for n := range 250 {
			e.escribe(sha256, volteado(good.Body, rnd))
			header := [][]string{nil, {"Range", "bytes=0-"}, {"If-None-Match", `"otro"`}, nil}[n%4]
			got, err := r.Do(http.MethodGet, path, nil, header...)
			switch {
			case err != nil:
				cut++
			case got.Status == http.StatusInternalServerError && strings.Contains(string(got.Body), "está dañado en el almacén"):
				told++
			default:
				t.Fatalf("flip %d with %v: status %d, %d bytes", n, header, got.Status, len(got.Body))
			}
			// What was known to be damaged is seen to be whole again.
			if e.escribe(sha256, good.Body); n%10 == 0 {
				wantStatus(t, r.Get(path), http.StatusOK)
			}
		}
		t.Logf("%d cut, %d told", cut, told)
		if cut == 0 || told == 0 {
			t.Errorf("%d cut, %d told: one of the ways was not tried", cut, told)
		}
		if got := r.Get(path); !bytes.Equal(got.Body, good.Body) {
			t.Errorf("%d bytes of %d", len(got.Body), len(good.Body))
		}
		r.wantDescargas(t, 1)
	})
}

// TestDanado_WhenAPackageIsDamagedTheRestIsRead: flipped, cut and deleted, one of three
// packages is told everywhere, and nothing is asked of the SAT.
func TestDanado_WhenAPackageIsDamagedTheRestIsRead(t *testing.T) {
	t.Parallel()
	estantes(t, func(t *testing.T, r *rig, e estante) {
		r.perilla("filas_por_paquete", 60)
		id := r.creaDescarga(r.metadatos()).IDDescarga
		r.sigue(id)
		enSuSitio(t, r)
		base := rutaDescargas + "/" + id
		lista := r.listaPaquetes(base)
		if len(lista) < 2 {
			t.Fatalf("%+v", lista)
		}
		p := lista[0]
		good := r.Get(p.URL)
		wantZip(t, good)
		whole := strings.Count(string(r.Get(base+"/metadatos.ndjson").Body), "\n")
		for name, dana := range map[string]func(){
			"flipped": func() { e.escribe(p.Sha256, volteado(good.Body, semilla(t))) },
			"cut":     func() { e.escribe(p.Sha256, good.Body[:len(good.Body)/2]) },
			"deleted": func() { e.borra(p.Sha256) },
		} {
			dana()
			if got, err := r.Do(http.MethodGet, p.URL, nil); err == nil && got.Status != http.StatusInternalServerError {
				t.Fatalf("%s: status %d", name, got.Status)
			}
			if prob := wantProblem(t, r.Get(p.URL, "Range", "bytes=0-9"), http.StatusInternalServerError, "error-interno"); !strings.Contains(prob.Detail, p.IDPaquete) || !strings.Contains(prob.Detail, "descarga nueva") || prob.Reintentable {
				t.Errorf("%s: %+v", name, prob)
			}
			ahora := r.listaPaquetes(base)
			if d := ahora[0]; d.Estado != "danado" || d.URL != "" || d.Detalle == "" || ahora[1].Estado != "guardado" {
				t.Errorf("%s: %+v", name, ahora)
			}
			for _, form := range []string{"", ".ndjson", ".csv"} {
				if prob := wantProblem(t, r.Get(base+"/metadatos"+form), http.StatusConflict, "conflicto"); !strings.Contains(prob.Detail, p.IDPaquete) || !strings.Contains(prob.Detail, "parcial=true") {
					t.Errorf("%s, %s: %+v", name, form, prob)
				}
			}
			filas, fallas := r.leeDanada(base, p.IDPaquete)
			if fallas != 1 || filas == 0 || filas > whole || name != "flipped" && filas == whole {
				t.Errorf("%s: %d rows of %d, %d faults of the package", name, filas, whole, fallas)
			}
			if csv := string(r.Get(base + "/metadatos.csv?parcial=true").Body); strings.Count(csv, p.IDPaquete+": El paquete "+p.IDPaquete+" está dañado") != 1 {
				t.Errorf("%s: the CSV does not name it once", name)
			}
			wantMetrica(t, r.Gateway, "pasarela_paquetes_danados", "1")
			e.escribe(p.Sha256, good.Body)
			wantStatus(t, r.Get(p.URL), http.StatusOK)
			wantMetrica(t, r.Gateway, "pasarela_paquetes_danados", "0")
			if got := strings.Count(string(r.Get(base+"/metadatos.ndjson").Body), "\n"); got != whole {
				t.Errorf("%s, put back: %d rows of %d", name, got, whole)
			}
		}
		r.wantDescargas(t, int64(len(lista)))
	})
}

type filaPaquete struct{ IDPaquete, Estado, Sha256, Detalle, URL string }

func (r *rig) listaPaquetes(base string) []filaPaquete {
	r.t.Helper()
	var lista struct{ Paquetes []filaPaquete }
	r.Get(base+"/paquetes").JSON(r.t, &lista)
	return lista.Paquetes
}

// leeDanada reads the rows of a descarga in pages of one and as NDJSON, which must be
// the same, and counts rows, and faults of the whole package.
func (r *rig) leeDanada(base, paquete string) (filas, fallas int) {
	r.t.Helper()
	type falla struct{ Paquete, Entrada, Detalle string }
	enPaginas := 0
	for next := base + "/metadatos?parcial=true&limite=50"; next != ""; {
		var page struct {
			Metadatos []json.RawMessage
			Fallas    []falla
		}
		got := r.Get(next)
		wantStatus(r.t, got, http.StatusOK)
		got.JSON(r.t, &page)
		enPaginas += len(page.Metadatos) + len(page.Fallas)
		next = nextOf(got)
	}
	ndjson := r.Get(base + "/metadatos.ndjson?parcial=true")
	wantStatus(r.t, ndjson, http.StatusOK)
	lineas := 0
	for d := json.NewDecoder(bytes.NewReader(ndjson.Body)); ; lineas++ {
		var linea struct{ Falla *falla }
		if err := d.Decode(&linea); err == io.EOF {
			break
		} else if err != nil {
			r.t.Fatal(err)
		}
		switch {
		case linea.Falla == nil:
			filas++
		case linea.Falla.Entrada == "" && linea.Falla.Paquete == paquete:
			fallas++
		}
	}
	if lineas != enPaginas {
		r.t.Errorf("%d lines and %d in pages", lineas, enPaginas)
	}
	return filas, fallas
}

// TestDanado_WhenAReadingMeetsItTheAnswerIsCut: what nobody knew of does not end well, and
// is told by its name the next time.
func TestDanado_WhenAReadingMeetsItTheAnswerIsCut(t *testing.T) {
	t.Parallel()
	estantes(t, func(t *testing.T, r *rig, e estante) {
		r.perilla("filas_por_paquete", 60)
		id := r.creaDescarga(r.metadatos()).IDDescarga
		r.sigue(id)
		enSuSitio(t, r)
		base := rutaDescargas + "/" + id
		for _, form := range []string{".ndjson", ".csv"} {
			p := r.listaPaquetes(base)[1]
			good := r.Get(p.URL)
			wantZip(t, good)
			e.borra(p.Sha256)
			got, err := r.Do(http.MethodGet, base+"/metadatos"+form, nil)
			if err == nil && got.Status == http.StatusOK {
				t.Errorf("%s: a clean end after %d bytes", form, len(got.Body))
			}
			if prob := wantProblem(t, r.Get(base+"/metadatos"+form), http.StatusConflict, "conflicto"); !strings.Contains(prob.Detail, p.IDPaquete) {
				t.Errorf("%s: %+v", form, prob)
			}
			e.escribe(p.Sha256, good.Body)
			wantStatus(t, r.Get(p.URL), http.StatusOK)
		}
	})
}

// TestDanado_WhenOneCFDIIsAsked: what is found with its sum is served out of a damaged
// package; what is not found is not said to be nowhere.
func TestDanado_WhenOneCFDIIsAsked(t *testing.T) {
	t.Parallel()
	estantes(t, func(t *testing.T, r *rig, e estante) {
		body := r.metadatos()
		body["tipoSolicitud"] = "CFDI"
		id := r.creaDescarga(body).IDDescarga
		r.sigue(id)
		enSuSitio(t, r)
		base := rutaDescargas + "/" + id
		var page struct{ Cfdis []struct{ UUID string } }
		r.Get(base+"/cfdis?limite=1").JSON(t, &page)
		uuid, p := page.Cfdis[0].UUID, r.listaPaquetes(base)[0]
		xml, good := r.Get(base+"/cfdis/"+uuid).Body, r.Get(p.URL).Body
		// The sandbox writes local headers first: the flip is in the last of the directory.
		otros := bytes.Clone(good)
		otros[len(otros)-30] ^= 1
		e.escribe(p.Sha256, otros)
		r.Do(http.MethodGet, p.URL, nil) //nolint:errcheck // so that it is known
		if got, err := r.Do(http.MethodGet, base+"/cfdis/"+uuid, nil); err != nil || got.Status == http.StatusOK && !bytes.Equal(got.Body, xml) || got.Status == http.StatusNotFound {
			t.Errorf("status %d, %d bytes of %d, %v", got.Status, len(got.Body), len(xml), err)
		}
		wantProblem(t, r.Get(base+"/cfdis/"+someUUID), http.StatusInternalServerError, "error-interno")
		e.borra(p.Sha256)
		wantProblem(t, r.Get(base+"/cfdis/"+uuid), http.StatusInternalServerError, "error-interno")
		e.escribe(p.Sha256, good)
		if got := r.Get(base + "/cfdis/" + uuid); !bytes.Equal(got.Body, xml) {
			t.Errorf("%d bytes of %d", len(got.Body), len(xml))
		}
		wantProblem(t, r.Get(base+"/cfdis/"+someUUID), http.StatusNotFound, "no-encontrado")
	})
}

// TestDanado_WhenTheCallerSpeaksHTTP10: a caller of that time may not see a cut.
func TestDanado_WhenTheCallerSpeaksHTTP10(t *testing.T) {
	t.Parallel()
	estantes(t, func(t *testing.T, r *rig, e estante) {
		path := r.big(1 << 20)
		wantZip(t, r.Get(path))
		good := r.stored(path)
		enSuSitio(t, r)
		e.escribe(strings.Trim(good.Header.Get("ETag"), `"`), volteado(good.Body, semilla(t)))
		r.Do(http.MethodGet, path, nil) //nolint:errcheck // so that it is known
		if got := antigua(t, r, path); !strings.Contains(got, " 500 ") {
			t.Errorf("%.200s", got)
		}
	})
}

// antigua gets path as a caller of HTTP/1.0, to the end of the connection.
func antigua(t *testing.T, r *rig, path string) string {
	t.Helper()
	u, err := url.Parse(r.API)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()                                                     //nolint:errcheck // read only
	fmt.Fprintf(conn, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", path, u.Host) //nolint:errcheck // the answer tells
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Logf("the connection ended with %v", err)
	}
	return string(got)
}
