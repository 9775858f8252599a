package efirma

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

// The corpus is made anew in each run: the repository keeps no key.

const (
	company  = "PRU010101AB1"
	persona  = "PEPJ800101AB5"
	odd      = "Ñ&P010101AB3"
	password = "secreto-de-prueba-ñ"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type corpus struct {
	ca           *autoridad.Autoridad
	one, other   *rsa.PrivateKey
	weak         *rsa.PrivateKey
	emitidoInOne *autoridad.Emitido // of company, with one
}

var corpusOnce = sync.OnceValues(func() (*corpus, error) {
	c := &corpus{}
	var errs [4]error
	var wg sync.WaitGroup
	wg.Go(func() { c.ca, errs[0] = autoridad.New(now) })
	wg.Go(func() { c.one, errs[1] = rsa.GenerateKey(rand.Reader, 2048) })
	wg.Go(func() { c.other, errs[2] = rsa.GenerateKey(rand.Reader, 2048) })
	wg.Go(func() { c.weak, errs[3] = rsa.GenerateKey(rand.Reader, 1024) })
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	var err error
	c.emitidoInOne, err = c.ca.Issue(autoridad.Request{
		RFC: company, Name: "PRUEBAS Y MÁS SA DE CV", CURP: "PEPJ800101HDFRRN09",
		RFCRepresentante: persona, Password: password, Key: c.one,
	})
	return c, err
})

func treasure(t testing.TB) *corpus {
	t.Helper()
	c, err := corpusOnce()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func issue(t testing.TB, p autoridad.Request) *autoridad.Emitido {
	t.Helper()
	c := treasure(t)
	if p.Key == nil {
		p.Key = c.one
	}
	if p.RFC == "" {
		p.RFC = company
	}
	if p.Password == "" {
		p.Password = password
	}
	e, err := c.ca.Issue(p)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// reject checks that err is the refusal want, and that neither it nor its log text
// reveals the password.
func reject(t testing.TB, err error, want Problem) {
	t.Helper()
	var problem *Error
	if !errors.As(err, &problem) {
		t.Fatalf("error = %v (%[1]T), want an *Error", err)
	}
	if problem.Problem != want {
		t.Fatalf("refused as %q, want %q: %v", problem.Problem, want, err)
	}
	if problem.Detail == "" {
		t.Error("nothing to show to the user")
	}
	if strings.Contains(err.Error(), password) {
		t.Error("the error tells the password")
	}
}

// place writes files into dir/folder, making it.
func place(t testing.TB, dir, folder string, files map[string][]byte) {
	t.Helper()
	path := filepath.Join(dir, folder)
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(path, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func remove(t testing.TB, parts ...string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(parts...)); err != nil {
		t.Fatal(err)
	}
}
