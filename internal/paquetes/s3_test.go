package paquetes

import (
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
	// caido makes it answer 503 to whatever would change it, or to all.
	caido  atomic.Bool
	writes atomic.Int32
	stored func(clave string) bool
}

func newBucket(t *testing.T) *bucket {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("paquetes"); err != nil {
		t.Fatal(err)
	}
	served := gofakes3.New(backend).Server()
	b := &bucket{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			b.writes.Add(1)
		}
		if b.caido.Load() && r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.WriteHeader(http.StatusNotImplemented) // the SDK repeats a 503 for seconds
			return
		}
		served.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	b.address = "s3://paquetes?" + url.Values{"endpoint": {server.URL}, "region": {"us-east-1"}, "use_path_style": {"true"}, "anonymous": {"true"}}.Encode()
	b.stored = func(sha256 string) bool {
		_, err := backend.HeadObject("paquetes", "sha256/"+sha256[:2]+"/"+sha256+".zip")
		if err != nil && !strings.Contains(err.Error(), "NoSuchKey") {
			t.Error(err)
		}
		return err == nil
	}
	return b
}
