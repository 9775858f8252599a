package paquetes

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// bucket is a server that speaks S3.
type bucket struct {
	address string
	backend gofakes3.Backend
	// down makes it answer 503 to whatever would change it, or to all.
	down   atomic.Bool
	writes atomic.Int32
	// respond answers in its place, where it returns true.
	respond atomic.Pointer[func(w http.ResponseWriter, r *http.Request) bool]
	stored  func(key string) bool
}

func newBucket(t *testing.T) *bucket {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("paquetes"); err != nil {
		t.Fatal(err)
	}
	served := gofakes3.New(backend).Server()
	b := &bucket{backend: backend}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			b.writes.Add(1)
		}
		if f := b.respond.Load(); f != nil && (*f)(w, r) {
			return
		}
		if b.down.Load() && r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.WriteHeader(http.StatusNotImplemented) // the SDK repeats a 503 for seconds
			return
		}
		served.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	b.address = "s3://paquetes?" + url.Values{"endpoint": {server.URL}, "region": {"us-east-1"}, "use_path_style": {"true"}, "anonymous": {"true"}}.Encode()
	b.stored = func(sha256 string) bool {
		_, err := backend.HeadObject("paquetes", key(sha256))
		if err != nil && !strings.Contains(err.Error(), "NoSuchKey") {
			t.Error(err)
		}
		return err == nil
	}
	return b
}

// set puts bytes behind everybody's back.
func (b *bucket) set(t *testing.T, sha256 string, content []byte) {
	t.Helper()
	if _, err := b.backend.PutObject("paquetes", key(sha256), map[string]string{}, bytes.NewReader(content), int64(len(content)), nil); err != nil {
		t.Fatal(err)
	}
}

func key(sha256 string) string { return "sha256/" + sha256[:2] + "/" + sha256 + ".zip" }

// keys lists what is there.
func (b *bucket) keys(t *testing.T) (out []string) {
	t.Helper()
	list, err := b.backend.ListBucket("paquetes", &gofakes3.Prefix{}, gofakes3.ListBucketPage{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list.Contents {
		out = append(out, c.Key)
	}
	return out
}
