package cliente

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

func TestNuevo_WhenTheAddressIsWrong(t *testing.T) {
	for _, direccion := range []string{"", "gateway:8080", "ftp://gateway", "https://", "https://yo:canario@gateway", "https://gateway/?x=1", "https://gateway/#x", "://"} {
		if _, err := Nuevo(direccion, ""); err == nil || strings.Contains(err.Error(), "canario") {
			t.Errorf("%q: %v", direccion, err)
		}
	}
	for direccion, expuesta := range map[string]bool{
		"https://gateway": false, "http://127.0.0.1:1": false, "http://localhost": false, "http://[::1]:1": false, "http://gateway:8080": true, "http://10.0.0.1/pasarela/": true,
	} {
		c, err := Nuevo(direccion, "clave")
		if err != nil || c.Expuesta() != expuesta {
			t.Errorf("%s: exposed %t, want %t: %v", direccion, !expuesta, expuesta, err)
		}
	}
}

func enero() rest.PeticionDescarga {
	return rest.PeticionDescarga{Servicio: "cfdi", RFCSolicitante: "PRU010101AB1", TipoDescarga: "emitidos", TipoSolicitud: "CFDI",
		FechaInicial: "2026-01-01T00:00:00", FechaFinal: "2026-01-31T23:59:59", RFCReceptores: []rest.RFC{"A", "B"}}
}

func suDescarga() rest.Descarga {
	p := enero()
	return rest.Descarga{Servicio: p.Servicio, RFCSolicitante: p.RFCSolicitante, TipoDescarga: p.TipoDescarga, TipoSolicitud: p.TipoSolicitud,
		FechaInicial: p.FechaInicial, FechaFinal: p.FechaFinal, RFCReceptores: []rest.RFC{"B", "A"}, EstadoComprobante: "Vigente", RFCEmisor: p.RFCSolicitante}
}

func TestIguales_WhenEachCriterionDiffers(t *testing.T) {
	if !Iguales(enero(), suDescarga()) {
		t.Error("what the contract supposes makes them different")
	}
	for nombre, cambia := range map[string]func(*rest.Descarga){
		"servicio": func(d *rest.Descarga) { d.Servicio = "retenciones" }, "rfc": func(d *rest.Descarga) { d.RFCSolicitante = "X" },
		"sentido": func(d *rest.Descarga) { d.TipoDescarga = "recibidos" }, "tipo": func(d *rest.Descarga) { d.TipoSolicitud = "Metadata" },
		"desde": func(d *rest.Descarga) { d.FechaInicial = "2026-01-01T00:00:01" }, "hasta": func(d *rest.Descarga) { d.FechaFinal = "2026-01-31T23:59:58" },
		"receptores": func(d *rest.Descarga) { d.RFCReceptores = []rest.RFC{"A"} }, "estado": func(d *rest.Descarga) { d.EstadoComprobante = "Todos" },
		"comprobante": func(d *rest.Descarga) { d.TipoComprobante = "N" }, "complemento": func(d *rest.Descarga) { d.Complemento = "nomina12" },
		"tercero": func(d *rest.Descarga) { d.RFCACuentaTerceros = "X" }, "emisor": func(d *rest.Descarga) { d.RFCEmisor = "X" },
		"a run of a recurrent one": func(d *rest.Descarga) { d.IDProgramacion = "x" }, "a recurrent one": func(d *rest.Descarga) { d.Programacion = &rest.Programacion{} },
	} {
		d := suDescarga()
		if cambia(&d); Iguales(enero(), d) {
			t.Errorf("%s: equal", nombre)
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
func TestExtrae_WhenThePackageIsHostile(t *testing.T) {
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
	x, err := extrae(t.Context(), suDescarga(), []string{path, path}, filepath.Join(dir, "xml"), Opciones{Avisa: func(string, int64, int64) {}})
	if err != nil || x.Comprobantes != 2 || x.Ilegibles != 4 {
		t.Errorf("%+v, %v", x, err)
	}
	var hay []string
	err = filepath.Walk(dir, func(p string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			hay = append(hay, strings.TrimPrefix(p, dir+"/"))
		}
		return err
	})
	if want := "p.zip xml/" + strings.ToLower(uuid1) + ".xml xml/" + strings.ToLower(uuid3) + ".xml"; err != nil || strings.Join(hay, " ") != want {
		t.Errorf("%q, want %q: %v", hay, want, err)
	}
	cortado, cancela := context.WithCancel(t.Context())
	cancela()
	if _, err := extrae(cortado, suDescarga(), []string{path}, filepath.Join(dir, "otra"), Opciones{Avisa: func(string, int64, int64) {}}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// gatewayFalso answers what a real one never would.
func gatewayFalso(t *testing.T, paquete rest.PaqueteDeDescarga, zip http.HandlerFunc) *Cliente {
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
	c, err := Nuevo(s.URL, "clave")
	if err != nil {
		t.Fatal(err)
	}
	c.pausa = time.Millisecond
	return c
}

func TestGuarda_WhenThePackageIsNotWhatWasSaid(t *testing.T) {
	bueno := rest.PaqueteDeDescarga{IDPaquete: "A_01", Estado: string(gateway.PaqueteGuardado), Bytes: 2, Sha256: strings.Repeat("0", 64), URL: "/v1/sat/cfdi/paquetes/A_01"}
	for nombre, tt := range map[string]struct {
		cambia func(*rest.PaqueteDeDescarga)
		want   error
	}{
		"another content":  {func(*rest.PaqueteDeDescarga) {}, errOtroContenido},
		"a path as id":     {func(p *rest.PaqueteDeDescarga) { p.IDPaquete = "../../A" }, ErrAjena},
		"another's house":  {func(p *rest.PaqueteDeDescarga) { p.URL = "https://otra.example/A" }, ErrAjena},
		"without a scheme": {func(p *rest.PaqueteDeDescarga) { p.URL = "//otra.example/A" }, ErrAjena},
	} {
		t.Run(nombre, func(t *testing.T) {
			p := bueno
			tt.cambia(&p)
			var veces atomic.Int32
			c := gatewayFalso(t, p, func(w http.ResponseWriter, _ *http.Request) { veces.Add(1); fmt.Fprint(w, "PK") }) //nolint:errcheck // a test
			carpeta, err := AbreCarpeta(t.TempDir(), enero())
			if err != nil {
				t.Fatal(err)
			}
			d := suDescarga()
			d.Estado = rest.EstadoDescargaTerminada
			if _, err := c.Guarda(t.Context(), d, carpeta, Opciones{Avisa: func(string, int64, int64) {}}); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			if n := veces.Load(); n > intentosDeArchivo {
				t.Errorf("asked %d times", n)
			}
			if hay, err := filepath.Glob(filepath.Join(carpeta.Dir(), "paquetes", "*")); err != nil || len(hay) > 0 {
				t.Errorf("it left %q: %v", hay, err)
			}
		})
	}
}

// What an earlier run left, of which only some is of use.
func TestGuarda_WhenAPartIsThere(t *testing.T) {
	contenido := []byte("PK y lo demás del paquete")
	suma := sha256.Sum256(contenido)
	for nombre, tt := range map[string]struct {
		parte  string
		rangos []string // of the calls, in order
	}{
		"nothing":            {"", []string{""}},
		"its beginning":      {"PK y lo", []string{"bytes=7-"}},
		"all but its name":   {string(contenido), nil},
		"more than there is": {string(contenido) + "!", []string{"bytes=27-", ""}},
		"something else":     {"nada que ver", []string{"bytes=12-", ""}},
	} {
		t.Run(nombre, func(t *testing.T) {
			var rangos []string
			p := rest.PaqueteDeDescarga{IDPaquete: "A_01", Estado: string(gateway.PaqueteGuardado), Bytes: int64(len(contenido)), Sha256: hex.EncodeToString(suma[:]), URL: "/v1/sat/cfdi/paquetes/A_01"}
			c := gatewayFalso(t, p, func(w http.ResponseWriter, r *http.Request) {
				rangos = append(rangos, r.Header.Get("Range"))
				w.Header().Set("ETag", `"`+p.Sha256+`"`)
				if r.Header.Get("Range") == fmt.Sprintf("bytes=%d-", len(contenido)+1) {
					w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
					fmt.Fprint(w, `{"type":"x#y","status":416}`) //nolint:errcheck // a test
					return
				}
				http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(contenido))
			})
			carpeta, err := AbreCarpeta(t.TempDir(), enero())
			if err != nil {
				t.Fatal(err)
			}
			zip := filepath.Join(carpeta.Dir(), "paquetes", "A_01.zip")
			if err := errors.Join(os.Mkdir(filepath.Dir(zip), 0o700), os.WriteFile(zip+".parcial", []byte(tt.parte), 0o600)); err != nil {
				t.Fatal(err)
			}
			d := suDescarga()
			d.Estado = rest.EstadoDescargaTerminada
			if _, err := c.Guarda(t.Context(), d, carpeta, Opciones{Avisa: func(string, int64, int64) {}}); err != nil {
				t.Fatal(err)
			}
			if hay, err := os.ReadFile(zip); err != nil || !bytes.Equal(hay, contenido) || !slices.Equal(rangos, tt.rangos) {
				t.Errorf("%q after %q: %v", hay, rangos, err)
			}
		})
	}
}

func TestLlama_WhenTheGatewayIsAwayForAWhile(t *testing.T) {
	var veces atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch veces.Add(1) {
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
	c, err := Nuevo(s.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	c.pausa = time.Millisecond
	if d, err := c.Descarga(t.Context(), "x"); err != nil || d.IDDescarga != "x" || veces.Load() != 4 {
		t.Errorf("%+v after %d calls: %v", d, veces.Load(), err)
	}
	s.Close()
	if _, _, err := c.Pide(t.Context(), enero(), false); !errors.Is(err, ErrSinPasarela) || strings.Contains(err.Error(), "/v1/") {
		t.Errorf("nobody there: %v", err)
	}
}

func TestAbreCarpeta_WhenAnotherWritesIt(t *testing.T) {
	dir := t.TempDir()
	una, err := AbreCarpeta(dir, enero())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := AbreCarpeta(dir, enero()); !errors.Is(err, ErrOcupada) {
		t.Errorf("%v, want ErrOcupada", err)
	}
	if err := una.Cierra(); err != nil {
		t.Fatal(err)
	}
	if otra, err := AbreCarpeta(dir, enero()); err != nil || otra.Cierra() != nil {
		t.Errorf("afterwards: %v", err)
	}
}
