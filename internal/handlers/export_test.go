package handlers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/sat/cfdi"
	"github.com/pasarela-mx/pasarela/internal/sat/descargas"
)

func much() []descargas.Line[cfdi.Metadato] {
	rows := make([]descargas.Line[cfdi.Metadato], 3000)
	for i := range rows {
		rows[i].Value = fullMetadato()
		rows[i].Value.UUID = fmt.Sprintf("%08x-0000-4000-8000-000000000000", i*2654435761)
	}
	return rows
}

// TestExport_WhenTheCallerTakesGzip goes over the wire, as headers say there what came.
func TestExport_WhenTheCallerTakesGzip(t *testing.T) {
	t.Parallel()
	f := &fakeReading{metadatos: much()}
	server := httptest.NewServer(newReading(t, f, finished(gateway.TipoMetadata)))
	t.Cleanup(server.Close)
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	t.Cleanup(client.CloseIdleConnections)
	get := func(form, takes string) (http.Header, []byte, error) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+metadatosPath+form, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", takes)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close() //nolint:errcheck // read only
		body, err := io.ReadAll(resp.Body)
		return resp.Header, body, err
	}
	for _, form := range formsOf()[1:] {
		_, plain, err := get(form, "identity")
		if err != nil || !bytes.Contains(plain, []byte("00000000-0000-4000")) {
			t.Fatalf("%s: %d bytes, %v", form, len(plain), err)
		}
		for takes, coded := range map[string]bool{"gzip": true, "br, gzip;q=0.5": true, "zstd, gzip": true, "gzip;q=0": false, "br": false, "zstd": false} {
			header, body, err := get(form, takes)
			if err != nil || (header.Get("Content-Encoding") == "gzip") != coded || header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s, %s: %v %v", form, takes, header, err)
			}
			if coded {
				if len(body) > len(plain)/4 {
					t.Errorf("%s, %s: %d bytes of %d", form, takes, len(body), len(plain))
				}
				body = inflate(t, body)
			}
			if !bytes.Equal(body, plain) {
				t.Errorf("%s, %s: another content, %d bytes of %d", form, takes, len(body), len(plain))
			}
		}
	}
	if header, _, err := get("", "gzip"); err != nil || header.Get("Content-Encoding") != "" || header.Get("Vary") != "" {
		t.Errorf("a page: %v %v", header, err)
	}
	f.err = errors.New("canario")
	for _, form := range formsOf()[1:] {
		if header, body, err := get(form, "gzip"); err == nil || header.Get("Content-Encoding") != "gzip" || len(body) == 0 {
			t.Errorf("%s fails later, and ends as if it were whole: %d bytes", form, len(body))
		}
	}
	f.metadatos = nil
	if header, body, err := get(".csv", "gzip"); err != nil || header.Get("Content-Encoding") != "" || header.Get("Content-Type") != contentProblem {
		t.Errorf("a problem: %v %v: %s", header, err, body)
	}
}

func inflate(t *testing.T, coded []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(coded))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Error(err)
	}
	return plain
}

// untimed counts what is written while nothing says by when it must be taken.
type untimed struct {
	http.ResponseWriter
	until time.Time
	wrote int
}

func (u *untimed) SetWriteDeadline(t time.Time) error { u.until = t; return nil }

func (u *untimed) Write(b []byte) (int, error) {
	if u.until.IsZero() {
		u.wrote += len(b)
	}
	return u.ResponseWriter.Write(b)
}

// TestExport_WhenCompressedNoneOfItWaitsForever: what the compression keeps back until the
// handler has returned is sent while the caller has a deadline to take it.
func TestExport_WhenCompressedNoneOfItWaitsForever(t *testing.T) {
	t.Parallel()
	s := newReading(t, &fakeReading{metadatos: much()}, finished(gateway.TipoMetadata))
	for _, form := range formsOf()[1:] {
		r := requestOf(http.MethodGet, metadatosPath+form, "")
		r.Header.Set("Accept-Encoding", "gzip")
		w := httptest.NewRecorder()
		u := &untimed{ResponseWriter: w}
		s.ServeHTTP(u, r)
		if got := string(inflate(t, w.Body.Bytes())); strings.Count(got, "\n") < 3000 || u.wrote > 0 {
			t.Errorf("%s: %d bytes without a deadline, of %d", form, u.wrote, w.Body.Len())
		}
	}
}
