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

// shelf is a gateway's package storage, changed behind its back.
type shelf struct {
	write  func(sha256 string, bytes []byte)
	delete func(sha256 string)
}

// shelves runs a test with a folder and with a bucket.
func shelves(t *testing.T, test func(t *testing.T, r *rig, e shelf)) {
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		r := start(t, gatewaytest.Options{})
		path := func(sha256 string) string {
			return r.Config.DataDir + "/paquetes/sha256/" + sha256[:2] + "/" + sha256 + ".zip"
		}
		test(t, r, shelf{
			// As a disk damages it: the modification time stays.
			write: func(sha256 string, b []byte) {
				info, errInfo := os.Stat(path(sha256))
				if err := os.WriteFile(path(sha256), b, 0o600); err != nil {
					t.Fatal(err)
				}
				if errInfo == nil {
					if err := os.Chtimes(path(sha256), time.Time{}, info.ModTime()); err != nil {
						t.Fatal(err)
					}
				}
			},
			delete: func(sha256 string) { remove(t, path(sha256)) },
		})
	})
	t.Run("bucket", func(t *testing.T) {
		t.Parallel()
		backend := newBucket(t)
		r := start(t, gatewaytest.Options{Configure: func(c *config.Config) { c.BlobURL = backend.address(true) }})
		key := func(sha256 string) string { return "sha256/" + sha256[:2] + "/" + sha256 + ".zip" }
		test(t, r, shelf{
			write: func(sha256 string, b []byte) {
				if _, err := backend.PutObject("paquetes", key(sha256), map[string]string{}, bytes.NewReader(b), int64(len(b)), nil); err != nil {
					t.Fatal(err)
				}
			},
			delete: func(sha256 string) {
				if _, err := backend.DeleteObject("paquetes", key(sha256)); err != nil {
					t.Fatal(err)
				}
			},
		})
	})
}

// inItsSite waits until no package is being stored.
func inItsSite(t *testing.T, r *rig) {
	t.Helper()
	until(t, func() bool {
		_, partial := packageFiles(t, r.Config.DataDir)
		return len(partial) == 0
	})
}

// seed returns the test's seed, which is printed and can be set with PASARELA_SEMILLA.
func seed(t *testing.T) *rand.Rand {
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

func flipped(b []byte, rnd *rand.Rand) []byte {
	out := bytes.Clone(b)
	out[rnd.IntN(len(out))] ^= 1 << rnd.IntN(8)
	return out
}

// After each of 250 flips of one bit anywhere in a package, in a folder and in a bucket,
// the package is not served as whole.
func TestDamaged_WhenOneBitFlipsNothingIsServedWhole(t *testing.T) {
	t.Parallel()
	shelves(t, func(t *testing.T, r *rig, e shelf) {
		rnd := seed(t)
		path := r.big(1 << 20)
		wantZip(t, r.Get(path))
		good := r.stored(path)
		inItsSite(t, r)
		sha256 := strings.Trim(good.Header.Get("ETag"), `"`)
		cut, told := 0, 0
		for n := range 250 {
			e.write(sha256, flipped(good.Body, rnd))
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
			// A package that was damaged and is whole again is recognized.
			if e.write(sha256, good.Body); n%10 == 0 {
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

// One of three packages is flipped, truncated or deleted: every view says so, and the SAT
// is not asked.
func TestDamaged_WhenAPackageIsDamagedTheRestIsRead(t *testing.T) {
	t.Parallel()
	shelves(t, func(t *testing.T, r *rig, e shelf) {
		r.knob("filas_por_paquete", 60)
		id := r.createDescarga(r.metadatos()).IDDescarga
		r.follow(id)
		inItsSite(t, r)
		base := pathDescargas + "/" + id
		list := r.listPaquetes(base)
		if len(list) < 2 {
			t.Fatalf("%+v", list)
		}
		p := list[0]
		good := r.Get(p.URL)
		wantZip(t, good)
		whole := strings.Count(string(r.Get(base+"/metadatos.ndjson").Body), "\n")
		for name, damage := range map[string]func(){
			"flipped": func() { e.write(p.Sha256, flipped(good.Body, seed(t))) },
			"cut":     func() { e.write(p.Sha256, good.Body[:len(good.Body)/2]) },
			"deleted": func() { e.delete(p.Sha256) },
		} {
			damage()
			if got, err := r.Do(http.MethodGet, p.URL, nil); err == nil && got.Status != http.StatusInternalServerError {
				t.Fatalf("%s: status %d", name, got.Status)
			}
			if prob := wantProblem(t, r.Get(p.URL, "Range", "bytes=0-9"), http.StatusInternalServerError, "error-interno"); !strings.Contains(prob.Detail, p.IDPaquete) || !strings.Contains(prob.Detail, "descarga nueva") || prob.Reintentable {
				t.Errorf("%s: %+v", name, prob)
			}
			now := r.listPaquetes(base)
			if d := now[0]; d.Estado != "danado" || d.URL != "" || d.Detalle == "" || now[1].Estado != "guardado" {
				t.Errorf("%s: %+v", name, now)
			}
			for _, form := range []string{"", ".ndjson", ".csv"} {
				if prob := wantProblem(t, r.Get(base+"/metadatos"+form), http.StatusConflict, "conflicto"); !strings.Contains(prob.Detail, p.IDPaquete) || !strings.Contains(prob.Detail, "parcial=true") {
					t.Errorf("%s, %s: %+v", name, form, prob)
				}
			}
			rows, fallas := r.readDamaged(base, p.IDPaquete)
			if fallas != 1 || rows == 0 || rows > whole || name != "flipped" && rows == whole {
				t.Errorf("%s: %d rows of %d, %d faults of the package", name, rows, whole, fallas)
			}
			if csv := string(r.Get(base + "/metadatos.csv?parcial=true").Body); strings.Count(csv, p.IDPaquete+": El paquete "+p.IDPaquete+" está dañado") != 1 {
				t.Errorf("%s: the CSV does not name it once", name)
			}
			wantMetric(t, r.Gateway, "pasarela_paquetes_danados", "1")
			e.write(p.Sha256, good.Body)
			wantStatus(t, r.Get(p.URL), http.StatusOK)
			wantMetric(t, r.Gateway, "pasarela_paquetes_danados", "0")
			if got := strings.Count(string(r.Get(base+"/metadatos.ndjson").Body), "\n"); got != whole {
				t.Errorf("%s, put back: %d rows of %d", name, got, whole)
			}
		}
		r.wantDescargas(t, int64(len(list)))
	})
}

type paqueteRow struct{ IDPaquete, Estado, Sha256, Detalle, URL string }

func (r *rig) listPaquetes(base string) []paqueteRow {
	r.t.Helper()
	var list struct{ Paquetes []paqueteRow }
	r.Get(base+"/paquetes").JSON(r.t, &list)
	return list.Paquetes
}

// readDamaged reads the rows of a descarga in pages of one and as NDJSON, which must
// agree. It counts the rows and the faults of the whole package.
func (r *rig) readDamaged(base, paquete string) (rows, fallas int) {
	r.t.Helper()
	type falla struct{ Paquete, Entrada, Detalle string }
	inPages := 0
	for next := base + "/metadatos?parcial=true&limite=50"; next != ""; {
		var page struct {
			Metadatos []json.RawMessage
			Fallas    []falla
		}
		got := r.Get(next)
		wantStatus(r.t, got, http.StatusOK)
		got.JSON(r.t, &page)
		inPages += len(page.Metadatos) + len(page.Fallas)
		next = nextOf(got)
	}
	ndjson := r.Get(base + "/metadatos.ndjson?parcial=true")
	wantStatus(r.t, ndjson, http.StatusOK)
	lines := 0
	for d := json.NewDecoder(bytes.NewReader(ndjson.Body)); ; lines++ {
		var line struct{ Falla *falla }
		if err := d.Decode(&line); err == io.EOF {
			break
		} else if err != nil {
			r.t.Fatal(err)
		}
		switch {
		case line.Falla == nil:
			rows++
		case line.Falla.Entrada == "" && line.Falla.Paquete == paquete:
			fallas++
		}
	}
	if lines != inPages {
		r.t.Errorf("%d lines and %d in pages", lines, inPages)
	}
	return rows, fallas
}

// If a read meets unknown damage, the answer is cut, and the next read names the package.
func TestDamaged_WhenAReadingMeetsItTheAnswerIsCut(t *testing.T) {
	t.Parallel()
	shelves(t, func(t *testing.T, r *rig, e shelf) {
		r.knob("filas_por_paquete", 60)
		id := r.createDescarga(r.metadatos()).IDDescarga
		r.follow(id)
		inItsSite(t, r)
		base := pathDescargas + "/" + id
		for _, form := range []string{".ndjson", ".csv"} {
			p := r.listPaquetes(base)[1]
			good := r.Get(p.URL)
			wantZip(t, good)
			e.delete(p.Sha256)
			got, err := r.Do(http.MethodGet, base+"/metadatos"+form, nil)
			if err == nil && got.Status == http.StatusOK {
				t.Errorf("%s: a clean end after %d bytes", form, len(got.Body))
			}
			if prob := wantProblem(t, r.Get(base+"/metadatos"+form), http.StatusConflict, "conflicto"); !strings.Contains(prob.Detail, p.IDPaquete) {
				t.Errorf("%s: %+v", form, prob)
			}
			e.write(p.Sha256, good.Body)
			wantStatus(t, r.Get(p.URL), http.StatusOK)
		}
	})
}

// A CFDI with the right checksum is served from a damaged package. One that is not found
// is not reported as missing.
func TestDamaged_WhenOneCFDIIsAsked(t *testing.T) {
	t.Parallel()
	shelves(t, func(t *testing.T, r *rig, e shelf) {
		body := r.metadatos()
		body["tipoSolicitud"] = "CFDI"
		id := r.createDescarga(body).IDDescarga
		r.follow(id)
		inItsSite(t, r)
		base := pathDescargas + "/" + id
		var page struct{ Cfdis []struct{ UUID string } }
		r.Get(base+"/cfdis?limite=1").JSON(t, &page)
		uuid, p := page.Cfdis[0].UUID, r.listPaquetes(base)[0]
		xml, good := r.Get(base+"/cfdis/"+uuid).Body, r.Get(p.URL).Body
		// The sandbox writes local headers first, so the flip is in the last one of the
		// directory.
		other := bytes.Clone(good)
		other[len(other)-30] ^= 1
		e.write(p.Sha256, other)
		r.Do(http.MethodGet, p.URL, nil) //nolint:errcheck // so that it is known
		if got, err := r.Do(http.MethodGet, base+"/cfdis/"+uuid, nil); err != nil || got.Status == http.StatusOK && !bytes.Equal(got.Body, xml) || got.Status == http.StatusNotFound {
			t.Errorf("status %d, %d bytes of %d, %v", got.Status, len(got.Body), len(xml), err)
		}
		wantProblem(t, r.Get(base+"/cfdis/"+someUUID), http.StatusInternalServerError, "error-interno")
		e.delete(p.Sha256)
		wantProblem(t, r.Get(base+"/cfdis/"+uuid), http.StatusInternalServerError, "error-interno")
		e.write(p.Sha256, good)
		if got := r.Get(base + "/cfdis/" + uuid); !bytes.Equal(got.Body, xml) {
			t.Errorf("%d bytes of %d", len(got.Body), len(xml))
		}
		wantProblem(t, r.Get(base+"/cfdis/"+someUUID), http.StatusNotFound, "no-encontrado")
	})
}

// An HTTP/1.0 caller may not notice a cut.
func TestDamaged_WhenTheCallerSpeaksHTTP10(t *testing.T) {
	t.Parallel()
	shelves(t, func(t *testing.T, r *rig, e shelf) {
		path := r.big(1 << 20)
		wantZip(t, r.Get(path))
		good := r.stored(path)
		inItsSite(t, r)
		e.write(strings.Trim(good.Header.Get("ETag"), `"`), flipped(good.Body, seed(t)))
		r.Do(http.MethodGet, path, nil) //nolint:errcheck // so that it is known
		if got := old(t, r, path); !strings.Contains(got, " 500 ") {
			t.Errorf("%.200s", got)
		}
	})
}

// old gets path as an HTTP/1.0 caller, up to the end of the connection.
func old(t *testing.T, r *rig, path string) string {
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
