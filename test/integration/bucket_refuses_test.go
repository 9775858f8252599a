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

// room makes a bucket accept so many objects, and then answer with f, whose refusals it
// counts.
func room(howMany int32, f answer) (_ answer, refusals *atomic.Int32) {
	var n atomic.Int32
	refusals = new(atomic.Int32)
	return func(w http.ResponseWriter, r *http.Request) bool {
		if n.Load() >= howMany {
			if writing(r) {
				refusals.Add(1)
			}
			return f(w, r)
		}
		if writing(r) && strings.HasSuffix(r.URL.Path, ".zip") {
			n.Add(1)
		}
		return false
	}, refusals
}

func estado(status int) answer {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(status)
		return true
	}
}

// onWrite answers with f only to requests that would change the bucket.
func onWrite(f answer) answer {
	return func(w http.ResponseWriter, r *http.Request) bool { return writing(r) && f(w, r) }
}

// A bucket that refuses costs no more downloads and solicitudes than one that does not,
// and at the end everything is stored.
func TestDescargas_WhenTheBucketRefusesInTheMiddleNothingIsSpentOnIt(t *testing.T) {
	t.Parallel()
	for name, reject := range map[string]answer{
		"its keys are no good any more": estado(http.StatusForbidden),
		"it is full":                    onWrite(estado(http.StatusInsufficientStorage)),
		"it is cut in the middle": onWrite(func(_ http.ResponseWriter, r *http.Request) bool {
			io.CopyN(io.Discard, r.Body, 100) //nolint:errcheck // to break it
			panic(http.ErrAbortHandler)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBucket(t)
			o := &operatedGateway{t: t, Gateway: gatewaytest.Start(t, gatewaytest.Options{Configure: func(c *config.Config) { c.BlobURL = b.address(true) }})}
			fast(t, o.Gateway, map[string]any{"cfdis_por_dia": 1, "cfdis_por_paquete": 4})
			answer, refusals := room(2, reject)
			b.make(answer)
			var paths []string
			for _, end := range []string{"2026-01-30T23:59:59", "2026-01-30T23:59:58", "2026-01-30T23:59:57"} {
				paths = append(paths, create(t, o.Gateway, request("CFDI", map[string]any{"fechaFinal": end})))
			}
			o.untilThat("all solicitudes have their packages", func() bool {
				for _, path := range paths {
					if len(o.paquetes([]string{path})) == 0 {
						return false
					}
				}
				return true
			})
			// The SDK tries an upload three times; the next write comes after the failure
			// is known.
			o.untilThat("the refusal is known", func() bool { return refusals.Load() > 3 })
			list, served, postponed := o.paquetes(paths), 0, 0
			for _, p := range list {
				r := o.Get(p.URL)
				switch {
				case r.Status == http.StatusOK:
					wantZip(t, r)
					served++
				case r.Status != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" || strings.Contains(string(r.Body), `"backend"`):
					t.Errorf("%s: status %d %v %s", p.IDPaquete, r.Status, r.Header, r.Body)
				case strings.Contains(string(r.Body), "no se gastó ninguna de sus descargas"):
					postponed++
				}
			}
			// Those of the engine's hands, and the two that the bucket accepted.
			if n := o.calls(); served == 0 || postponed < len(list)/2 || int(n) > len(list)-postponed {
				t.Errorf("%d served, %d put off; %d downloads of %d packages", served, postponed, n, len(list))
			}
			b.make(nil)
			paquetes := 0
			for _, path := range paths {
				d := wait(t, o.Gateway, path)
				if d.Estado != "terminada" || d.Progreso.Encontrados != d.Progreso.NumeroCFDIs || d.Cuota.SolicitudesPresentadas != 1 {
					t.Errorf("%+v", d)
				}
				paquetes += d.Progreso.TotalPaquetes
			}
			if n := o.calls(); n != int64(paquetes) || paquetes != len(list) {
				t.Errorf("%d downloads of %d packages", n, paquetes)
			}
			for _, p := range o.paquetes(paths) {
				wantZip(t, o.Get(p.URL))
			}
		})
	}
}

func (o *operatedGateway) untilThat(que string, holds func() bool) {
	o.t.Helper()
	for end := time.Now().Add(90 * time.Second); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			o.t.Fatalf("it never came true: %s", que)
		}
	}
}

// paquetes lists the packages of some descargas, each with its address.
func (o *operatedGateway) paquetes(paths []string) (out []paqueteRow) {
	o.t.Helper()
	for _, path := range paths {
		var list struct{ Paquetes []paqueteRow }
		o.Get(path+"/paquetes").JSON(o.t, &list)
		for _, p := range list.Paquetes {
			p.URL = gatewaytest.PaquetePath("cfdi", gatewaytest.Company, p.IDPaquete)
			out = append(out, p)
		}
	}
	return out
}

// If the bucket refuses the mark, the program says so and ends. Once the bucket accepts,
// the program starts with what that start left.
func TestBucket_WhenItRefusesTheMarkTheProgramSaysSo(t *testing.T) {
	t.Parallel()
	s := startSandbox(t)
	b, client := newBucket(t), gatewaytest.Client(t)
	data := t.TempDir()
	settings := append(env(s.url, s.EFirmasDir(), data), b.settings()...)
	deny := func(method string) answer {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != method || !strings.HasSuffix(r.URL.Path, "pasarela.libro") {
				return false
			}
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, "<Error><Code>AccessDenied</Code><Message>"+r.Header.Get("Authorization")+"</Message></Error>") //nolint:errcheck // the caller is gone
			return true
		}
	}
	b.make(deny(http.MethodGet))
	out, code := runGateway(t, settings...)
	if code != 1 || !strings.Contains(out, "s3://paquetes") || !strings.Contains(out, "AccessDenied") || strings.Contains(out, bucketKeyID) {
		t.Errorf("exit code %d: %s", code, out)
	}
	// A mark that cannot be written stops no work: it is written later.
	for _, f := range []answer{deny(http.MethodPut), nil} {
		b.make(f)
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
