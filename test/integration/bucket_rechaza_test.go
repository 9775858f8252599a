package integration

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/config"
)

// cupo lets a bucket take so many objects of packages, and then has f answer, whose
// refusals it counts.
func cupo(cuantos int32, f contesta) (_ contesta, rechazos *atomic.Int32) {
	var n atomic.Int32
	rechazos = new(atomic.Int32)
	return func(w http.ResponseWriter, r *http.Request) bool {
		if n.Load() >= cuantos {
			if escribiendo(r) {
				rechazos.Add(1)
			}
			return f(w, r)
		}
		if escribiendo(r) && strings.HasSuffix(r.URL.Path, ".zip") {
			n.Add(1)
		}
		return false
	}, rechazos
}

func estado(status int) contesta {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(status)
		return true
	}
}

// alEscribir is f for what would change the bucket.
func alEscribir(f contesta) contesta {
	return func(w http.ResponseWriter, r *http.Request) bool { return escribiendo(r) && f(w, r) }
}

// TestDescargas_WhenTheBucketRefusesInTheMiddleNothingIsSpentOnIt: as many downloads and
// solicitudes as with one that does not, and all is there in the end.
func TestDescargas_WhenTheBucketRefusesInTheMiddleNothingIsSpentOnIt(t *testing.T) {
	t.Parallel()
	for name, rechaza := range map[string]contesta{
		"its keys are no good any more": estado(http.StatusForbidden),
		"it is full":                    alEscribir(estado(http.StatusInsufficientStorage)),
		"it is cut in the middle": alEscribir(func(_ http.ResponseWriter, r *http.Request) bool {
			io.CopyN(io.Discard, r.Body, 100) //nolint:errcheck // to break it
			panic(http.ErrAbortHandler)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newCubo(t)
			o := &operacion{t: t, Gateway: gatewaytest.Start(t, gatewaytest.Options{Configure: func(c *config.Config) { c.BlobURL = b.address(true) }})}
			rapido(t, o.Gateway, map[string]any{"cfdis_por_dia": 1, "cfdis_por_paquete": 4})
			contesta, rechazos := cupo(2, rechaza)
			b.hace(contesta)
			var rutas []string
			for _, fin := range []string{"2026-01-30T23:59:59", "2026-01-30T23:59:58", "2026-01-30T23:59:57"} {
				rutas = append(rutas, crea(t, o.Gateway, peticion("CFDI", map[string]any{"fechaFinal": fin})))
			}
			o.hastaQue("all solicitudes have their packages", func() bool {
				for _, ruta := range rutas {
					if len(o.paquetes([]string{ruta})) == 0 {
						return false
					}
				}
				return true
			})
			// The SDK tries an upload three times; the next write comes after it is known.
			o.hastaQue("the refusal is known", func() bool { return rechazos.Load() > 3 })
			lista, servidos, aplazados := o.paquetes(rutas), 0, 0
			for _, p := range lista {
				r := o.Get(p.URL)
				switch {
				case r.Status == http.StatusOK:
					wantZip(t, r)
					servidos++
				case r.Status != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" || strings.Contains(string(r.Body), `"backend"`):
					t.Errorf("%s: status %d %v %s", p.IDPaquete, r.Status, r.Header, r.Body)
				case strings.Contains(string(r.Body), "no se gastó ninguna de sus descargas"):
					aplazados++
				}
			}
			// Those of the engine's hands, and the two that the bucket took.
			if n := o.llamadas(); servidos == 0 || aplazados < len(lista)/2 || int(n) > len(lista)-aplazados {
				t.Errorf("%d served, %d put off; %d downloads of %d packages", servidos, aplazados, n, len(lista))
			}
			b.hace(nil)
			paquetes := 0
			for _, ruta := range rutas {
				d := espera(t, o.Gateway, ruta)
				if d.Estado != "terminada" || d.Progreso.Encontrados != d.Progreso.NumeroCFDIs || d.Cuota.SolicitudesPresentadas != 1 {
					t.Errorf("%+v", d)
				}
				paquetes += d.Progreso.TotalPaquetes
			}
			if n := o.llamadas(); n != int64(paquetes) || paquetes != len(lista) {
				t.Errorf("%d downloads of %d packages", n, paquetes)
			}
			for _, p := range o.paquetes(rutas) {
				wantZip(t, o.Get(p.URL))
			}
		})
	}
}

func (o *operacion) hastaQue(que string, holds func() bool) {
	o.t.Helper()
	for fin := time.Now().Add(90 * time.Second); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(fin) {
			o.t.Fatalf("it never came true: %s", que)
		}
	}
}

// paquetes lists those of some descargas, with the address of each.
func (o *operacion) paquetes(rutas []string) (out []filaPaquete) {
	o.t.Helper()
	for _, ruta := range rutas {
		var lista struct{ Paquetes []filaPaquete }
		o.Get(ruta+"/paquetes").JSON(o.t, &lista)
		for _, p := range lista.Paquetes {
			p.URL = gatewaytest.PaquetePath("cfdi", gatewaytest.Empresa, p.IDPaquete)
			out = append(out, p)
		}
	}
	return out
}

// TestBucket_WhenItRefusesTheMarkTheProgramSaysSo, and once it does not, the program
// starts on what the refused start has left.
func TestBucket_WhenItRefusesTheMarkTheProgramSaysSo(t *testing.T) {
	t.Parallel()
	s := startSandbox(t)
	b, client := newCubo(t), gatewaytest.Client(t)
	data := t.TempDir()
	settings := append(env(s.url, s.EFirmasDir(), data), b.settings()...)
	niega := func(metodo string) contesta {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != metodo || !strings.HasSuffix(r.URL.Path, "pasarela.libro") {
				return false
			}
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, "<Error><Code>AccessDenied</Code><Message>"+r.Header.Get("Authorization")+"</Message></Error>") //nolint:errcheck // the caller is gone
			return true
		}
	}
	b.hace(niega(http.MethodGet))
	out, code := runGateway(t, settings...)
	if code != 1 || !strings.Contains(out, "s3://paquetes") || !strings.Contains(out, "AccessDenied") || strings.Contains(out, bucketKeyID) {
		t.Errorf("exit code %d: %s", code, out)
	}
	// A mark that cannot be written keeps nobody from working: it is written later.
	for _, f := range []contesta{niega(http.MethodPut), nil} {
		b.hace(f)
		gw := startGateway(t, settings...)
		if r := whole(t, client, http.MethodGet, gw.api+descargasPath, nil); r.Status != http.StatusOK {
			t.Errorf("status %d %s", r.Status, r.Body)
		}
		gw.kill()
	}
	if _, err := b.HeadObject("paquetes", "pasarela.libro"); err != nil {
		t.Errorf("the mark: %v", err)
	}
}
