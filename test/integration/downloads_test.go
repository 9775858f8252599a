package integration

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// The sizes of packages.
const (
	large  = 64 << 20
	medium = 10 << 20
)

// big asks for a package of a day of some forty comprobantes, with filler.
func (r *rig) big(bytes int64) string {
	r.t.Helper()
	r.knob("relleno_bytes", bytes/36)
	r.knob("cfdis_por_dia", 40)
	defer r.knob("relleno_bytes", 0)
	defer r.knob("cfdis_por_dia", perDay)
	path, _ := r.paquete(map[string]any{"fechaInicial": "2026-01-31T00:00:00"})
	return path
}

// slow makes the next package drip: seconds for a large one.
func (r *rig) slow() {
	r.t.Helper()
	r.falla(sandbox.Falla{Operacion: opDescargar, Tipo: control.Goteo, Bytes: 1 << 20, Delay: time.Millisecond})
}

func wantZip(t testing.TB, got gatewaytest.Response) {
	t.Helper()
	wantStatus(t, got, http.StatusOK)
	archive, err := zip.NewReader(bytes.NewReader(got.Body), int64(len(got.Body)))
	if err != nil || len(archive.File) == 0 {
		t.Fatalf("no ZIP with entries: %v", err)
	}
}

func etag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func (r *rig) wantDescargas(t testing.TB, want int64) {
	t.Helper()
	if got := r.calls(opDescargar); got != want {
		t.Errorf("the SAT saw %d downloads, want %d", got, want)
	}
}

func TestDownloads_WhenTwoAskAtOnceTheSATIsAskedOnce(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	path := r.big(large)
	r.slow()
	var got [2]gatewaytest.Response
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			var err error
			if got[i], err = r.Do(http.MethodGet, path, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	wantZip(t, got[0])
	if len(got[0].Body) < large || !bytes.Equal(got[0].Body, got[1].Body) {
		t.Errorf("the callers got %d and %d bytes", len(got[0].Body), len(got[1].Body))
	}
	again := r.stored(path)
	if !bytes.Equal(again.Body, got[0].Body) || again.Header.Get("ETag") != etag(again.Body) {
		t.Error("the stored copy is another")
	}
	r.wantDescargas(t, 1)
}

func TestDownloads_WhenTheOnlyCallerLeavesThePackageIsStoredAllTheSame(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	path := r.big(medium)
	r.slow()
	ctx, cancel := context.WithCancel(t.Context())
	resp, err := r.Send(ctx, http.MethodGet, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, resp.Body, 1<<20); err != nil {
		t.Fatal(err)
	}
	cancel()
	resp.Body.Close() //nolint:errcheck // the caller has left
	if whole, _ := packageFiles(t, r.Config.DataDir); len(whole) > 0 {
		t.Fatal("the package was whole before the caller left: the test shows nothing")
	}
	got := r.stored(path)
	wantZip(t, got)
	r.wantDescargas(t, 1)
}

func TestDownloads_WhenTheSATCutsNothingPassesForWholeAndTheThirdIsRefused(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	path := r.big(medium)
	good := r.big(medium)
	for range 2 {
		r.falla(cut(opDescargar, 4<<20))
		wantCut(t, r, path)
		waitNoPartial(t, r)
	}
	for range 2 {
		if p := wantProblem(t, r.Get(path), 410, "ya-no-disponible"); p.Codigo != "5008" || p.Reintentable {
			t.Errorf("problem %+v", p)
		}
	}
	r.wantDescargas(t, 2)

	r.falla(cut(opDescargar, 4<<20))
	wantCut(t, r, good)
	wantZip(t, r.Get(good)) // the second and last
	wantZip(t, r.stored(good))
	r.wantDescargas(t, 4)
}

// wantCut gets a package that is cut: the connection breaks, or there is a
// problem when the cut came before the caller's first byte.
func wantCut(t testing.TB, r *rig, path string) {
	t.Helper()
	if got, err := r.Do(http.MethodGet, path, nil); err == nil {
		wantProblem(t, got, http.StatusBadGateway, "respuesta-invalida")
	}
}

// waitNoPartial waits for a failed download's file to go, and wants none kept that a
// reader of ZIPs takes for one.
func waitNoPartial(t testing.TB, r *rig) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		whole, partial := packageFiles(t, r.Config.DataDir)
		for _, path := range whole {
			if z, err := zip.OpenReader(path); err == nil {
				z.Close() //nolint:errcheck // read only
				t.Fatalf("kept as whole: %s", path)
			}
		}
		if len(partial) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("left behind %v", partial)
		}
	}
}

func TestDownloads_WhenThePackageIsBrokenNoAnswerEndsCleanly(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	for _, tc := range []struct {
		tipo  control.Tipo
		bytes int64
	}{
		{control.Truncado, 0}, {control.Truncado, 1}, {control.Truncado, 4}, {control.Truncado, 8}, {control.Truncado, 40_000}, {control.Truncado, 40_001}, {control.Truncado, 200_000},
		{control.Base64Invalido, 0}, {control.Base64Invalido, 5}, {control.Base64Invalido, 8}, {control.Base64Invalido, 40_000}, {control.Base64Invalido, 200_000},
		{control.ZipInvalido, 1}, {control.ZipInvalido, 5}, {control.ZipInvalido, 40_000}, {control.ZipInvalido, 200_000},
		{control.Corte, 0}, {control.Corte, 10}, {control.Corte, 330}, {control.Corte, 40_000}, {control.Corte, 200_000},
	} {
		t.Run(fmt.Sprintf("%s %d", tc.tipo, tc.bytes), func(t *testing.T) {
			t.Cleanup(func() { removeStored(t, r) })
			path, _ := r.paquete(nil)
			before := r.calls(opDescargar)
			r.falla(sandbox.Falla{Operacion: opDescargar, Tipo: tc.tipo, Bytes: tc.bytes})
			r.Client.CloseIdleConnections() // on a new one, net/http repeats nothing by itself
			got, err := r.Do(http.MethodGet, path, nil)
			switch {
			case err == nil && got.Status == http.StatusOK:
				t.Fatalf("%d bytes ended cleanly", len(got.Body))
			case err == nil:
				if p := wantProblem(t, got, 502, "respuesta-invalida"); p.Backend != "sat" {
					t.Errorf("problem %+v", p)
				}
			}
			waitNoPartial(t, r)
			wantZip(t, r.Get(path))
			r.stored(path)
			if n := r.calls(opDescargar) - before; n != 2 {
				t.Errorf("the SAT saw %d downloads, want 2", n)
			}
		})
	}
}

// removeStored empties the storage, so that waitNoPartial may want it empty. What
// is served whole may still be on its way there.
func removeStored(t testing.TB, r *rig) {
	t.Helper()
	whole, partial := packageFiles(t, r.Config.DataDir)
	for deadline := time.Now().Add(patience); len(partial) > 0; whole, partial = packageFiles(t, r.Config.DataDir) {
		if time.Now().After(deadline) {
			t.Fatalf("never stored: %v", partial)
		}
		time.Sleep(time.Millisecond)
	}
	for _, path := range whole {
		remove(t, path)
	}
}

func TestDownloads_WhenRefusedNothingIsCounted(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	path, _ := r.paquete(nil)
	for _, f := range []sandbox.Falla{
		code(opDescargar, "5004"), code(opDescargar, "5007"), code(opDescargar, "5008"), code(opDescargar, "404"),
		code(opDescargar, "301"), code(opDescargar, "304"), code(opDescargar, "5011"),
		fails(opDescargar, control.HTML503), invalidSecurity(opDescargar),
	} {
		r.falla(f)
		if got := r.Get(path); got.Status == http.StatusOK {
			t.Fatalf("%v: status 200", f)
		}
	}
	wantZip(t, r.Get(path))
}

// TestDownloads_WhenNoTokenCanBeHadNothingIsCounted: Descargar never left, so
// the SAT cannot have counted it.
func TestDownloads_WhenNoTokenCanBeHadNothingIsCounted(t *testing.T) {
	t.Parallel()
	for _, f := range []sandbox.Falla{
		fails(opAutentica, control.Reset), fails(opAutentica, control.Vacio), fails(opAutentica, control.HTML503),
		invalidSecurity(opAutentica), fault(opAutentica, "InternalServiceFault"), cut(opAutentica, 40),
	} {
		t.Run(string(f.Tipo)+f.Faultcode, func(t *testing.T) {
			t.Parallel()
			r := start(t, gatewaytest.Options{})
			path, _ := r.paquete(nil)
			r.Restart() // and forget the token
			r.always(f)
			for range 2 {
				if got := r.Get(path); got.Status < 400 {
					t.Fatalf("status %d", got.Status)
				}
			}
			r.Sandbox.Fallas().Reset()
			wantZip(t, r.Get(path))
			r.wantDescargas(t, 1)
		})
	}
}

func TestDownloads_WhenStoredRangesAndConditionsAreServed(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	path, id := r.paquete(nil)
	wantZip(t, r.Get(path))
	whole := r.stored(path)
	tag, size := whole.Header.Get("ETag"), len(whole.Body)
	for _, tc := range []struct {
		name    string
		headers []string
		status  int
		body    []byte
		span    string
	}{
		{"first bytes", []string{"Range", "bytes=0-99"}, 206, whole.Body[:100], fmt.Sprintf("bytes 0-99/%d", size)},
		{"the rest", []string{"Range", "bytes=100-"}, 206, whole.Body[100:], fmt.Sprintf("bytes 100-%d/%d", size-1, size)},
		{"the end", []string{"Range", "bytes=-7"}, 206, whole.Body[size-7:], fmt.Sprintf("bytes %d-%d/%d", size-7, size-1, size)},
		{"if the same", []string{"Range", "bytes=0-99", "If-Range", tag}, 206, whole.Body[:100], fmt.Sprintf("bytes 0-99/%d", size)},
		{"if another", []string{"Range", "bytes=0-99", "If-Range", `"otro"`}, 200, whole.Body, ""},
		{"not if the same", []string{"If-None-Match", tag}, 304, nil, ""},
		{"not if any", []string{"If-None-Match", "*"}, 304, nil, ""},
		{"not if another", []string{"If-None-Match", `"otro"`}, 200, whole.Body, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := r.Get(path, tc.headers...)
			wantStatus(t, got, tc.status)
			if !bytes.Equal(got.Body, tc.body) || got.Header.Get("ETag") != tag || got.Header.Get("Content-Range") != tc.span {
				t.Errorf("%d bytes, headers %v", len(got.Body), got.Header)
			}
			if tc.status != 304 && got.Header.Get("Content-Length") != strconv.Itoa(len(tc.body)) {
				t.Errorf("Content-Length %q", got.Header.Get("Content-Length"))
			}
		})
	}
	beyond := r.Get(path, "Range", fmt.Sprintf("bytes=%d-", size))
	wantProblem(t, beyond, 416, "rango-no-satisfacible")
	if got, want := beyond.Header.Get("Content-Range"), fmt.Sprintf("bytes */%d", size); got != want {
		t.Errorf("Content-Range %q, want %q (RFC 9110 §14.4)", got, want)
	}
	if got := whole.Header.Get("Content-Disposition"); got != `attachment; filename="`+id+`.zip"` {
		t.Errorf("Content-Disposition %q", got)
	}
	r.wantDescargas(t, 1)
}

// TestDownloads_WhenManyRangesAreAskedForTheAnswerStaysInTheContract: a
// multipart/byteranges is described nowhere.
// TestDownloads_WhenOnlyLookedAtNothingIsSpent: a HEAD says of what is stored what a GET
// would, and of what is not that it is not here.
func TestDownloads_WhenOnlyLookedAtNothingIsSpent(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	path, _ := r.paquete(nil)
	look := func(status int) gatewaytest.Response {
		got, err := r.Do(http.MethodHead, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		wantStatus(t, got, status)
		return got
	}
	look(http.StatusNotFound)
	r.wantDescargas(t, 0)
	wantZip(t, r.Get(path))
	stored := r.Get(path)
	looked := look(http.StatusOK)
	if looked.Header.Get("Content-Length") != strconv.Itoa(len(stored.Body)) || looked.Header.Get("ETag") != etag(stored.Body) || len(looked.Body) > 0 {
		t.Errorf("HEAD: %v with %d bytes", looked.Header, len(looked.Body))
	}
	r.wantDescargas(t, 1)
}

func TestDownloads_WhenManyRangesAreAskedForTheAnswerStaysInTheContract(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	path, _ := r.paquete(nil)
	wantZip(t, r.Get(path))
	r.stored(path)
	r.Get(path, "Range", "bytes=0-9,20-29") // the client checks it
}

// TestDownloads_WhenCutAtItsVeryStartNoClientRepeatsItUnasked: HTTP clients
// repeat a GET by themselves when a kept connection ends before the answer's
// first byte. Unless the status goes out before the package, a download that
// fails early takes the second one, the last, along.
func TestDownloads_WhenCutAtItsVeryStartNoClientRepeatsItUnasked(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	path, _ := r.paquete(nil)
	wantStatus(t, r.Get("/v1/efirmas"), http.StatusOK) // on the connection that is kept
	r.falla(sandbox.Falla{Operacion: opDescargar, Tipo: control.Truncado, Bytes: 8})
	if got, err := r.Do(http.MethodGet, path, nil); err == nil && got.Status == http.StatusOK {
		t.Errorf("the caller asked once and got the second download: %d bytes", len(got.Body))
	}
	r.wantDescargas(t, 1)
}

// TestDownloads_WhenCallersComeAsItEndsTheSATIsAskedOnce races the end of the
// download: whoever finds neither file nor flight must not start another.
func TestDownloads_WhenCallersComeAsItEndsTheSATIsAskedOnce(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	const packages, callers = 8, 6
	for n := range packages {
		path, _ := r.paquete(nil)
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				for deadline := time.Now().Add(time.Duration(30+5*i) * time.Millisecond); time.Now().Before(deadline); {
					if got, err := r.Do(http.MethodGet, path, nil); err != nil || got.Status != http.StatusOK {
						t.Errorf("status %d, %v", got.Status, err)
						return
					}
				}
			})
		}
		wg.Wait()
		if got := r.calls(opDescargar); got != int64(n+1) {
			t.Fatalf("the SAT saw %d downloads of %d packages", got, n+1)
		}
	}
}

func TestDownloads_WhenAskedAsAnotherTaxpayerOrServiceItIsNotThere(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	path, id := r.paquete(nil)
	wantZip(t, r.Get(path))
	r.stored(path)
	for _, other := range []string{
		gatewaytest.PaquetePath("cfdi", gatewaytest.Persona, id),
		gatewaytest.PaquetePath("retenciones", gatewaytest.Company, id),
	} {
		if p := wantProblem(t, r.Get(other), 404, "no-encontrado"); p.Codigo != "5004" {
			t.Errorf("%s: problem %+v", other, p)
		}
	}
}

func TestDownloads_WhenTheGatewayStopsTheyMayFinish(t *testing.T) {
	t.Parallel()
	r := start(t, gatewaytest.Options{})
	path := r.big(medium)
	r.slow()
	resp, err := r.Send(t.Context(), http.MethodGet, path, nil) //nolint:bodyclose // it is, at the end
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	whole := make(chan []byte, 1)
	begun := make(chan struct{})
	go func() {
		head := make([]byte, 1<<20)
		_, err := io.ReadFull(resp.Body, head)
		close(begun)
		rest, err2 := io.ReadAll(resp.Body)
		if err != nil || err2 != nil {
			t.Errorf("reading: %v, %v", err, err2)
		}
		whole <- append(head, rest...)
	}()
	<-begun
	if kept, _ := packageFiles(t, r.Config.DataDir); len(kept) > 0 {
		t.Fatal("the package was whole before the gateway stopped: the test shows nothing")
	}
	r.Restart()
	got := <-whole
	again := r.Get(path)
	wantStatus(t, again, http.StatusOK)
	if !bytes.Equal(got, again.Body) || again.Header.Get("ETag") != etag(got) {
		t.Errorf("%d bytes before, %d after with ETag %s", len(got), len(again.Body), again.Header.Get("ETag"))
	}
	r.Restart()
	if third := r.Get(path, "If-None-Match", again.Header.Get("ETag")); third.Status != http.StatusNotModified {
		t.Errorf("after another restart: status %d", third.Status)
	}
	r.wantDescargas(t, 1)
}
