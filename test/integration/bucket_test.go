package integration

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
)

// The bucket's credentials, as the AWS SDK finds them.
const (
	bucketKeyID  = "AKIAPRUEBA0000000001"
	bucketSecret = "canario-del-secreto-del-bucket"
)

// bucket is a server that speaks S3, with one bucket.
type bucket struct {
	gofakes3.Backend
	url string
	// respond answers instead of the bucket, if it returns true.
	respond atomic.Pointer[answer]
}

type answer func(w http.ResponseWriter, r *http.Request) bool

func newBucket(t *testing.T) *bucket {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("paquetes"); err != nil {
		t.Fatal(err)
	}
	c := &bucket{Backend: backend}
	served := gofakes3.New(backend).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := c.respond.Load(); f == nil || !(*f)(w, r) {
			served.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

// make lets f answer, or the bucket if f is nil.
func (c *bucket) make(f answer) {
	if f == nil {
		c.respond.Store(nil)
		return
	}
	c.respond.Store(&f)
}

// writing reports whether a request would change the bucket.
func writing(r *http.Request) bool {
	return r.Method == http.MethodPut || r.Method == http.MethodPost
}

// address returns the bucket's address as a setting. Without credentials nothing is
// signed.
func (c *bucket) address(anonymous bool) string {
	q := url.Values{"region": {"us-east-1"}, "use_path_style": {"true"}, "endpoint": {c.url}}
	if anonymous {
		q.Set("anonymous", "true")
	}
	return "s3://paquetes?" + q.Encode()
}

// settings returns the settings of a gateway process that stores packages in the bucket.
func (c *bucket) settings() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + bucketKeyID, "AWS_SECRET_ACCESS_KEY=" + bucketSecret, "GATEWAY_BLOB_URL=" + c.address(false)}
}

// A package of several parts, its ranges and conditions; a kill during its upload costs
// no download.
func TestBucket_WhenPackagesLieThere(t *testing.T) {
	t.Parallel()
	s := startSandbox(t)
	if err := s.Knobs().Change(map[string]any{"relleno_bytes": large / 36, "cfdis_por_dia": 40}); err != nil {
		t.Fatal(err)
	}
	bucket := newBucket(t)
	var away atomic.Bool
	bucket.make(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.Header.Get("Authorization"), bucketKeyID) {
			t.Errorf("a request without the credentials: %s %s", r.Method, r.URL.Path)
		}
		if !away.Load() || !writing(r) {
			return false
		}
		w.WriteHeader(http.StatusNotImplemented)
		return true
	})
	data, client := t.TempDir(), gatewaytest.Client(t)
	settings := append(env(s.url, s.EFirmasDir(), data), bucket.settings()...)
	gw := startGateway(t, settings...)
	id := ask(t, client, gw.api, january("2026-01-31T23:00:00"), func() { s.Clock().BringForward(time.Minute) })
	path := gatewaytest.PaquetePath("cfdi", gatewaytest.Company, id)

	away.Store(true)
	first := whole(t, client, http.MethodGet, gw.api+path, nil)
	wantZip(t, first)
	tag := etag(first.Body)
	until(t, func() bool { // it has been entered as received whole
		return whole(t, client, http.MethodGet, gw.api+path, nil, "If-None-Match", tag).Status == http.StatusNotModified
	})
	gw.kill()
	if _, partial := packageFiles(t, data); len(partial) != 1 {
		t.Fatalf("the kill left %v", partial)
	}
	away.Store(false)
	gw = startGateway(t, settings...)
	until(t, func() bool {
		kept, partial := packageFiles(t, data)
		return len(kept)+len(partial) == 0
	})
	again := whole(t, client, http.MethodGet, gw.api+path, nil)
	if again.Status != http.StatusOK || !bytes.Equal(again.Body, first.Body) || again.Header.Get("ETag") != tag {
		t.Errorf("status %d, %d bytes of %d, ETag %s", again.Status, len(again.Body), len(first.Body), again.Header.Get("ETag"))
	}
	size := len(first.Body)
	part := whole(t, client, http.MethodGet, gw.api+path, nil, "Range", fmt.Sprintf("bytes=%d-", size-5_000_000), "If-Range", tag)
	if part.Status != http.StatusPartialContent || !bytes.Equal(part.Body, first.Body[size-5_000_000:]) {
		t.Errorf("status %d, %d bytes", part.Status, len(part.Body))
	}
	if calls := s.Estado().Llamadas["cfdi"][opDescargar]; calls != 1 {
		t.Errorf("the SAT saw %d downloads, want 1", calls)
	}
}

// until waits for a condition.
func until(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it never came true")
		}
	}
}

// The message names the setting to change, and none of the credentials.
func TestBucket_WhenItCannotBeReachedTheProgramSaysWhich(t *testing.T) {
	t.Parallel()
	refused := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `<Error><Code>AccessDenied</Code><Message>%s</Message></Error>`, r.Header.Get("Authorization")) //nolint:errcheck // the caller is gone
	}))
	defer refused.Close()
	for _, address := range []string{
		"s3://paquetes?region=us-east-1&use_path_style=true&endpoint=" + refused.URL,
		"s3://paquetes?region=us-east-1&use_path_style=true&endpoint=http://127.0.0.1:1",
		"gs://paquetes", "s3://" + bucketKeyID + ":" + bucketSecret + "@paquetes", "file:///no/such/folder",
	} {
		out, code := runGateway(t, "GATEWAY_DATA_DIR="+t.TempDir(), "GATEWAY_LISTEN=127.0.0.1:0", "GATEWAY_ADMIN_LISTEN=127.0.0.1:0",
			"AWS_ACCESS_KEY_ID="+bucketKeyID, "AWS_SECRET_ACCESS_KEY="+bucketSecret, "GATEWAY_BLOB_URL="+address)
		if code != 1 || !strings.Contains(out, "GATEWAY_BLOB_URL") || strings.Contains(out, bucketKeyID) || strings.Contains(out, bucketSecret) {
			t.Errorf("exit code %d: %s", code, out)
		}
	}
}
