package blobs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// server is a server that speaks S3, with one bucket.
type server struct {
	*httptest.Server
	gets atomic.Int32 // requests for content
	// breaks cuts the next answers with content in their middle.
	breaks atomic.Int32
	puts   atomic.Int32
}

func newS3(t *testing.T) *server {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("paquetes"); err != nil {
		t.Fatal(err)
	}
	served := gofakes3.New(backend).Server()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPut:
			s.puts.Add(1)
		case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, ".zip"):
			s.gets.Add(1)
			if s.breaks.Add(-1) >= 0 {
				w = &cut{ResponseWriter: w}
			}
		}
		served.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// cut ends the connection after some bytes.
type cut struct {
	http.ResponseWriter
	n int
}

func (c *cut) Write(p []byte) (int, error) {
	if c.n += len(p); c.n > 100_000 {
		panic(http.ErrAbortHandler)
	}
	return c.ResponseWriter.Write(p)
}

func (s *server) address(bucket string) string {
	return "s3://" + bucket + "?" + url.Values{"endpoint": {s.URL}, "region": {"us-east-1"}, "use_path_style": {"true"}, "anonymous": {"true"}}.Encode()
}

func open(t *testing.T, address, folder string) *Depot {
	t.Helper()
	d, err := Open(t.Context(), address, folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() }) //nolint:errcheck // nothing is written any more
	return d
}

// each runs a test over every kind of storage.
func each(t *testing.T, test func(t *testing.T, d *Depot)) {
	t.Run("default folder", func(t *testing.T) {
		t.Parallel()
		test(t, open(t, "", filepath.Join(t.TempDir(), "a", "paquetes")))
	})
	t.Run("file", func(t *testing.T) {
		t.Parallel()
		test(t, open(t, "file://"+t.TempDir(), ""))
	})
	t.Run("s3", func(t *testing.T) {
		t.Parallel()
		test(t, open(t, newS3(t).address("paquetes"), ""))
	})
}

// partial writes n bytes to a file and returns its name, its sum and the bytes.
func partial(t *testing.T, n int) (path, sum string, content []byte) {
	t.Helper()
	content = make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n)}).Read(content) //nolint:errcheck // never fails
	path = filepath.Join(t.TempDir(), "paquete-x.zip")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(content)
	return path, hex.EncodeToString(digest[:]), content
}

func TestSave_WhenReadBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *Depot) {
		for _, n := range []int{0, 22, 3<<20 + 7, 11<<20 + 1} { // the last in several parts
			path, sum, content := partial(t, n)
			if ok, err := d.Exist(t.Context(), sum, int64(n)); ok || err != nil {
				t.Fatalf("there before it was written: %v, %v", ok, err)
			}
			if _, err := d.Save(t.Context(), sum, int64(n), path); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) != (d.folder != "") {
				t.Errorf("the file after Guarda: %v", err)
			}
			// As a start after a crash would.
			if written, err := d.Save(t.Context(), sum, int64(n), path); err != nil || d.folder == "" && written {
				t.Errorf("a second time: written %v, %v", written, err)
			}
			f, _, err := d.Open(t.Context(), sum, int64(n))
			if err != nil {
				t.Fatal(err)
			}
			if _, local := f.(*os.File); local != (d.folder != "") {
				t.Errorf("opened as %T", f)
			}
			if n < 1000 { // it reads byte by byte
				if err := iotest.TestReader(small{f}, content); err != nil {
					t.Error(err)
				}
			}
			if _, err := f.Seek(0, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes of %d, %v", len(got), n, err)
			}
			f.Close() //nolint:errcheck // read only
			wantReaderAt(t, d, sum, content)
		}
	})
}

// small hides what TestReader would take for more than a reader that seeks.
type small struct{ io.ReadSeeker }

func wantReaderAt(t *testing.T, d *Depot, sum string, content []byte) {
	t.Helper()
	r, _, err := d.Read(t.Context(), sum, int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close() //nolint:errcheck // read only
	random := rand.New(rand.NewPCG(1, 2))
	for range 8 {
		off := random.IntN(len(content) + 1)
		p := make([]byte, random.IntN(5<<20/2))
		n, err := r.ReadAt(p, int64(off))
		want := content[off:min(off+len(p), len(content))]
		if !bytes.Equal(p[:n], want) || (err == io.EOF) != (len(want) < len(p)) || err != nil && err != io.EOF { //nolint:errorlint // io.ReaderAt's own
			t.Fatalf("ReadAt %d at %d of %d: %d, %v", len(p), off, len(content), n, err)
		}
	}
}

func TestOpen_WhenItIsNotThere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *Depot) {
		path, sum, _ := partial(t, 1000)
		missing := func(bytes int64) {
			t.Helper()
			_, _, err1 := d.Open(t.Context(), sum, bytes)
			_, _, err2 := d.Read(t.Context(), sum, bytes)
			ok, err3 := d.Exist(t.Context(), sum, bytes)
			if !errors.Is(err1, fs.ErrNotExist) || !errors.Is(err2, fs.ErrNotExist) || ok || err3 != nil {
				t.Errorf("%v; %v; %v, %v", err1, err2, ok, err3)
			}
		}
		missing(1000)
		if err := d.Delete(t.Context(), sum); err != nil {
			t.Errorf("removing what is not there: %v", err)
		}
		if _, err := d.Save(t.Context(), sum, 1000, path); err != nil {
			t.Fatal(err)
		}
		missing(999)
		if err := d.Delete(t.Context(), sum); err != nil {
			t.Fatal(err)
		}
		missing(1000)
		if _, err := d.Save(t.Context(), sum, 1000, filepath.Join(t.TempDir(), "never")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a file that is not there was stored: %v", err)
		}
	})
}

// A package of a gigabyte must not be a request per block, nor a range of some
// bytes a request for all.
func TestOpen_WhenReadFromABucketRequestsAreFew(t *testing.T) {
	t.Parallel()
	s := newS3(t)
	d := open(t, s.address("paquetes"), "")
	path, sum, content := partial(t, 20<<20)
	if _, err := d.Save(t.Context(), sum, int64(len(content)), path); err != nil {
		t.Fatal(err)
	}
	requests := func(want int32, read func()) {
		t.Helper()
		before := s.gets.Load()
		read()
		if n := s.gets.Load() - before; n != want {
			t.Errorf("%d requests, want %d", n, want)
		}
	}
	requests(0, func() { // HEAD, and an answer that is 304
		f, _, err := d.Open(t.Context(), sum, int64(len(content)))
		if err != nil {
			t.Fatal(err)
		}
		f.Close() //nolint:errcheck // read only
	})
	requests(5, func() { // 1+2+4+8+5 MiB
		f, _, err := d.Open(t.Context(), sum, int64(len(content)))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close() //nolint:errcheck // read only
		if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	})
	requests(2, func() { // the directory at the end, then the first entries
		r, _, err := d.Read(t.Context(), sum, int64(len(content)))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close() //nolint:errcheck // read only
		p := make([]byte, 100)
		for i := range 200 {
			for _, off := range []int{len(content) - 100*i - 100, 100 * i} {
				if _, err := r.ReadAt(p, int64(off)); err != nil || !bytes.Equal(p, content[off:off+100]) {
					t.Fatalf("at %d: %v", off, err)
				}
			}
		}
	})
}

func TestOpen_WhenTheBucketCutsItGoesOn(t *testing.T) {
	t.Parallel()
	s := newS3(t)
	d := open(t, s.address("paquetes"), "")
	path, sum, content := partial(t, 3<<20)
	if _, err := d.Save(t.Context(), sum, int64(len(content)), path); err != nil {
		t.Fatal(err)
	}
	f, _, err := d.Open(t.Context(), sum, int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // read only
	s.breaks.Store(2)
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if err := d.Delete(t.Context(), sum); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(f); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removed under the reader: %v", err)
	}
}

func TestOpen_WhenTheAddressIsNoGood(t *testing.T) {
	t.Parallel()
	s := newS3(t)
	for name, tc := range map[string]struct{ address, want string }{
		"another kind":        {"gs://paquetes", "file and s3"},
		"memory":              {"mem://", "file and s3"},
		"no such folder":      {"file://" + filepath.Join(t.TempDir(), "none"), "no such file"},
		"no such bucket":      {s.address("otros"), "otros cannot be reached"},
		"unknown parameter":   {"s3://paquetes?region=us-east-1&nope=1", "nope"},
		"nobody is there":     {"s3://paquetes?region=us-east-1&anonymous=true&use_path_style=true&endpoint=http://127.0.0.1:1", "cannot be reached"},
		"cannot be read":      {"s3://%zz", "cannot be read"},
		"a file for a folder": {"file://" + os.Args[0], "not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Open(t.Context(), tc.address, ""); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

// The SDK takes credentials from the environment; none of it comes back in an
// error, though the server repeats what it was sent.
func TestOpen_WhenCredentialsAreRefusedTheyAreNotShown(t *testing.T) {
	const id, secret = "AKIAPRUEBA0000000001", "canario-del-secreto"
	t.Setenv("AWS_ACCESS_KEY_ID", id)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	var authorization atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		authorization.Store(r.Header.Get("Authorization"))
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `<Error><Code>SignatureDoesNotMatch</Code><Message>%s %s</Message><AWSAccessKeyId>%s</AWSAccessKeyId></Error>`, id, r.Header.Get("Authorization"), id) //nolint:errcheck // the caller is gone
	}))
	defer server.Close()
	_, err := Open(context.Background(), "s3://paquetes?region=us-east-1&use_path_style=true&endpoint="+server.URL, "")
	if err == nil || !strings.Contains(err.Error(), "SignatureDoesNotMatch") {
		t.Fatalf("error %v", err)
	}
	if sent, ok := authorization.Load().(string); !ok || !strings.Contains(sent, id) {
		t.Errorf("the credentials of the environment are not used: %q", sent)
	}
	for _, canary := range []string{id, secret, "AWS4-HMAC-SHA256"} {
		if strings.Contains(err.Error(), canary) {
			t.Errorf("%q is shown: %v", canary, err)
		}
	}
}

// Whose the objects are, in a bucket as in a folder.
func TestMark_WhenItIsThereOrNot(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]*Depot{"folder": open(t, "", t.TempDir()), "bucket": open(t, newS3(t).address("paquetes"), "")} {
		if _, err := d.ReadMark(t.Context()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v before there is one", name, err)
		}
		for _, text := range []string{"uno", "dos"} {
			if err := d.SaveMark(t.Context(), []byte(text)); err != nil {
				t.Fatal(name, err)
			}
			if got, err := d.ReadMark(t.Context()); err != nil || string(got) != text {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
		// The mark is not an object.
		if empty, err := d.Empty(t.Context()); err != nil || !empty {
			t.Errorf("%s: empty %v, %v", name, empty, err)
		}
		if err := d.bucket.WriteAll(t.Context(), key(strings.Repeat("ab", 32)), []byte("x"), nil); err != nil {
			t.Fatal(err)
		}
		if empty, err := d.Empty(t.Context()); err != nil || empty {
			t.Errorf("%s: empty %v, %v", name, empty, err)
		}
		if d.Name() == "" || strings.Contains(d.Name(), "?") {
			t.Errorf("%s: its name is %q", name, d.Name())
		}
	}
}
