package client

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func TestNew_WhenTheAddressIsWrong(t *testing.T) {
	for _, address := range []string{"", "gateway:8080", "ftp://gateway", "https://", "https://yo:canario@gateway", "https://gateway/?x=1", "https://gateway/#x", "://"} {
		if _, err := New(address, ""); err == nil || strings.Contains(err.Error(), "canario") {
			t.Errorf("%q: %v", address, err)
		}
	}
	for address, exposed := range map[string]bool{
		"https://gateway": false, "http://127.0.0.1:1": false, "http://localhost": false, "http://[::1]:1": false, "http://gateway:8080": true, "http://10.0.0.1/pasarela/": true,
	} {
		c, err := New(address, "clave")
		if err != nil || c.Exposed() != exposed {
			t.Errorf("%s: exposed %t, want %t: %v", address, !exposed, exposed, err)
		}
	}
}

func january() rest.PeticionDescarga {
	return rest.PeticionDescarga{Servicio: "cfdi", RFCSolicitante: "PRU010101AB1", TipoDescarga: "emitidos", TipoSolicitud: "CFDI",
		FechaInicial: "2026-01-01T00:00:00", FechaFinal: "2026-01-31T23:59:59", RFCReceptores: []rest.RFC{"A", "B"}}
}

func itsDescarga() rest.Descarga {
	p := january()
	return rest.Descarga{Servicio: p.Servicio, RFCSolicitante: p.RFCSolicitante, TipoDescarga: p.TipoDescarga, TipoSolicitud: p.TipoSolicitud,
		FechaInicial: p.FechaInicial, FechaFinal: p.FechaFinal, RFCReceptores: []rest.RFC{"B", "A"}, EstadoComprobante: "Vigente", RFCEmisor: p.RFCSolicitante}
}

func TestEqual_WhenEachCriterionDiffers(t *testing.T) {
	if !Equal(january(), itsDescarga()) {
		t.Error("what the contract supposes makes them different")
	}
	for name, change := range map[string]func(*rest.Descarga){
		"servicio": func(d *rest.Descarga) { d.Servicio = "retenciones" }, "rfc": func(d *rest.Descarga) { d.RFCSolicitante = "X" },
		"sentido": func(d *rest.Descarga) { d.TipoDescarga = "recibidos" }, "tipo": func(d *rest.Descarga) { d.TipoSolicitud = "Metadata" },
		"desde": func(d *rest.Descarga) { d.FechaInicial = "2026-01-01T00:00:01" }, "hasta": func(d *rest.Descarga) { d.FechaFinal = "2026-01-31T23:59:58" },
		"receptores": func(d *rest.Descarga) { d.RFCReceptores = []rest.RFC{"A"} }, "estado": func(d *rest.Descarga) { d.EstadoComprobante = "Todos" },
		"comprobante": func(d *rest.Descarga) { d.TipoComprobante = "N" }, "complemento": func(d *rest.Descarga) { d.Complemento = "nomina12" },
		"tercero": func(d *rest.Descarga) { d.RFCACuentaTerceros = "X" }, "emisor": func(d *rest.Descarga) { d.RFCEmisor = "X" },
		"a run of a recurrent one": func(d *rest.Descarga) { d.IDProgramacion = "x" }, "a recurrent one": func(d *rest.Descarga) { d.Programacion = &rest.Programacion{} },
	} {
		d := itsDescarga()
		if change(&d); Equal(january(), d) {
			t.Errorf("%s: equal", name)
		}
	}
}

const (
	uuid1, uuid2, uuid3 = "5A3D7C1E-94B2-4F60-8E1D-2C7B6A905F43", "5A3D7C1E-94B2-4F60-8E1D-2C7B6A905F44", "5A3D7C1E-94B2-4F60-8E1D-2C7B6A905F45"
)

func comprobante(uuid, fecha string) string {
	return `<cfdi:Comprobante xmlns:cfdi="http://www.sat.gob.mx/cfd/4" Version="4.0" Fecha="` + fecha + `" TipoDeComprobante="I" Total="1"><cfdi:Emisor Rfc="PRU010101AB1"/><cfdi:Receptor Rfc="PEPJ800101AB5"/>` +
		`<cfdi:Complemento><tfd:TimbreFiscalDigital xmlns:tfd="http://www.sat.gob.mx/TimbreFiscalDigital" Version="1.1" UUID="` + uuid + `" FechaTimbrado="` + fecha + `"/></cfdi:Complemento></cfdi:Comprobante>`
}

// A package's names are somebody else's: none leads out of the folder, and none
// takes another's place.
func TestExtract_WhenThePackageIsHostile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "p.zip")
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range [][2]string{
		{uuid1 + ".xml", comprobante(uuid1, "2026-01-15T10:00:00")},
		{"../" + uuid2 + ".xml", comprobante(uuid2, "2026-01-15T10:00:00")},
		{"..xml", comprobante("../../"+uuid2, "2026-01-15T10:00:00")},
		{"otra-vez.xml", comprobante(strings.ToLower(uuid1), "2026-01-15T10:00:00")},
		{"CON.XML", comprobante(uuid3, "2026-01-31T23:59:59")},
		{"fuera.xml", comprobante("5A3D7C1E-94B2-4F60-8E1D-2C7B6A905F46", "2026-02-01T00:00:00")},
		{"roto.xml", "<cfdi:Comprobante"},
		{"leame.txt", "x"},
	} {
		f, err := w.Create(e[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprint(f, e[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), os.WriteFile(path, b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	x, err := extract(t.Context(), itsDescarga(), []string{path, path}, filepath.Join(dir, "xml"), Options{Notify: func(string, int64, int64) {}})
	if err != nil || x.Comprobantes != 2 || x.Ilegibles != 4 {
		t.Errorf("%+v, %v", x, err)
	}
	var has []string
	err = filepath.Walk(dir, func(p string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			has = append(has, strings.TrimPrefix(p, dir+"/"))
		}
		return err
	})
	if want := "p.zip xml/" + strings.ToLower(uuid1) + ".xml xml/" + strings.ToLower(uuid3) + ".xml"; err != nil || strings.Join(has, " ") != want {
		t.Errorf("%q, want %q: %v", has, want, err)
	}
	cut, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := extract(cut, itsDescarga(), []string{path}, filepath.Join(dir, "otra"), Options{Notify: func(string, int64, int64) {}}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// fakeGateway answers what a real one never would.
func fakeGateway(t *testing.T, paquete rest.PaqueteDeDescarga, zip http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/paquetes"):
			json.NewEncoder(w).Encode(rest.ListaPaquetesDescarga{Paquetes: []rest.PaqueteDeDescarga{paquete}}) //nolint:errcheck // a test
		case strings.HasSuffix(r.URL.Path, "/cfdis.csv"):
			fmt.Fprint(w, "uuid\n") //nolint:errcheck // a test
		default:
			zip(w, r)
		}
	}))
	t.Cleanup(s.Close)
	c, err := New(s.URL, "clave")
	if err != nil {
		t.Fatal(err)
	}
	c.pause = time.Millisecond
	return c
}

func TestSave_WhenThePackageIsNotWhatWasSaid(t *testing.T) {
	good := rest.PaqueteDeDescarga{IDPaquete: "A_01", Estado: string(gateway.PaqueteGuardado), Bytes: 2, Sha256: strings.Repeat("0", 64), URL: "/v1/sat/cfdi/paquetes/A_01"}
	for name, tt := range map[string]struct {
		change func(*rest.PaqueteDeDescarga)
		want   error
	}{
		"another content":  {func(*rest.PaqueteDeDescarga) {}, errOtherContent},
		"a path as id":     {func(p *rest.PaqueteDeDescarga) { p.IDPaquete = "../../A" }, ErrForeign},
		"another's house":  {func(p *rest.PaqueteDeDescarga) { p.URL = "https://otra.example/A" }, ErrForeign},
		"without a scheme": {func(p *rest.PaqueteDeDescarga) { p.URL = "//otra.example/A" }, ErrForeign},
	} {
		t.Run(name, func(t *testing.T) {
			p := good
			tt.change(&p)
			var times atomic.Int32
			c := fakeGateway(t, p, func(w http.ResponseWriter, _ *http.Request) { times.Add(1); fmt.Fprint(w, "PK") }) //nolint:errcheck // a test
			folder, err := OpenFolder(t.TempDir(), january())
			if err != nil {
				t.Fatal(err)
			}
			d := itsDescarga()
			d.Estado = rest.EstadoDescargaTerminada
			if _, err := c.Save(t.Context(), d, folder, Options{Notify: func(string, int64, int64) {}}); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			if n := times.Load(); n > fileAttempts {
				t.Errorf("asked %d times", n)
			}
			if has, err := filepath.Glob(filepath.Join(folder.Dir(), "paquetes", "*")); err != nil || len(has) > 0 {
				t.Errorf("it left %q: %v", has, err)
			}
		})
	}
}

// What an earlier run left, of which only some is of use.
func TestSave_WhenAPartIsThere(t *testing.T) {
	content := []byte("PK y lo demás del paquete")
	sum := sha256.Sum256(content)
	for name, tt := range map[string]struct {
		part   string
		rangos []string // of the calls, in order
	}{
		"nothing":            {"", []string{""}},
		"its beginning":      {"PK y lo", []string{"bytes=7-"}},
		"all but its name":   {string(content), nil},
		"more than there is": {string(content) + "!", []string{"bytes=27-", ""}},
		"something else":     {"nada que ver", []string{"bytes=12-", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			var rangos []string
			p := rest.PaqueteDeDescarga{IDPaquete: "A_01", Estado: string(gateway.PaqueteGuardado), Bytes: int64(len(content)), Sha256: hex.EncodeToString(sum[:]), URL: "/v1/sat/cfdi/paquetes/A_01"}
			c := fakeGateway(t, p, func(w http.ResponseWriter, r *http.Request) {
				rangos = append(rangos, r.Header.Get("Range"))
				w.Header().Set("ETag", `"`+p.Sha256+`"`)
				if r.Header.Get("Range") == fmt.Sprintf("bytes=%d-", len(content)+1) {
					w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
					fmt.Fprint(w, `{"type":"x#y","status":416}`) //nolint:errcheck // a test
					return
				}
				http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
			})
			folder, err := OpenFolder(t.TempDir(), january())
			if err != nil {
				t.Fatal(err)
			}
			zip := filepath.Join(folder.Dir(), "paquetes", "A_01.zip")
			if err := errors.Join(os.Mkdir(filepath.Dir(zip), 0o700), os.WriteFile(zip+".parcial", []byte(tt.part), 0o600)); err != nil {
				t.Fatal(err)
			}
			d := itsDescarga()
			d.Estado = rest.EstadoDescargaTerminada
			if _, err := c.Save(t.Context(), d, folder, Options{Notify: func(string, int64, int64) {}}); err != nil {
				t.Fatal(err)
			}
			if has, err := os.ReadFile(zip); err != nil || !bytes.Equal(has, content) || !slices.Equal(rangos, tt.rangos) {
				t.Errorf("%q after %q: %v", has, rangos, err)
			}
		})
	}
}

func TestCall_WhenTheGatewayIsAwayForAWhile(t *testing.T) {
	var times atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch times.Add(1) {
		case 1:
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `{"idDescarga":`) //nolint:errcheck // a test
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case 2:
			http.Error(w, "<html>", http.StatusBadGateway)
		case 3:
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `{"type":"x#y","detail":"luego","reintentable":true}`) //nolint:errcheck // a test
		default:
			fmt.Fprint(w, `{"idDescarga":"x"}`) //nolint:errcheck // a test
		}
	}))
	t.Cleanup(s.Close)
	c, err := New(s.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	c.pause = time.Millisecond
	if d, err := c.Descarga(t.Context(), "x"); err != nil || d.IDDescarga != "x" || times.Load() != 4 {
		t.Errorf("%+v after %d calls: %v", d, times.Load(), err)
	}
	s.Close()
	if _, _, err := c.Ask(t.Context(), january(), false); !errors.Is(err, ErrWithoutPasarela) || strings.Contains(err.Error(), "/v1/") {
		t.Errorf("nobody there: %v", err)
	}
}

func TestOpenFolder_WhenAnotherWritesIt(t *testing.T) {
	dir := t.TempDir()
	one, err := OpenFolder(dir, january())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFolder(dir, january()); !errors.Is(err, ErrBusy) {
		t.Errorf("%v, want ErrOcupada", err)
	}
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	if other, err := OpenFolder(dir, january()); err != nil || other.Close() != nil {
		t.Errorf("afterwards: %v", err)
	}
}
