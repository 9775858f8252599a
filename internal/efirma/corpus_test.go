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

// The corpus is made anew in each run: no key is kept in the repository.

const (
	empresa  = "PRU010101AB1"
	persona  = "PEPJ800101AB5"
	rara     = "Ñ&P010101AB3"
	password = "secreto-de-prueba-ñ"
)

var ahora = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type corpus struct {
	ca           *autoridad.Autoridad
	una, otra    *rsa.PrivateKey
	debil        *rsa.PrivateKey
	emitidaEnUna *autoridad.Emitida // of empresa, with una
}

var elCorpus = sync.OnceValues(func() (*corpus, error) {
	c := &corpus{}
	var errs [4]error
	var wg sync.WaitGroup
	wg.Go(func() { c.ca, errs[0] = autoridad.New(ahora) })
	wg.Go(func() { c.una, errs[1] = rsa.GenerateKey(rand.Reader, 2048) })
	wg.Go(func() { c.otra, errs[2] = rsa.GenerateKey(rand.Reader, 2048) })
	wg.Go(func() { c.debil, errs[3] = rsa.GenerateKey(rand.Reader, 1024) })
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	var err error
	c.emitidaEnUna, err = c.ca.Emite(autoridad.Peticion{
		RFC: empresa, Nombre: "PRUEBAS Y MÁS SA DE CV", CURP: "PEPJ800101HDFRRN09",
		RFCRepresentante: persona, Password: password, Key: c.una,
	})
	return c, err
})

func elTesoro(t testing.TB) *corpus {
	t.Helper()
	c, err := elCorpus()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func emite(t testing.TB, p autoridad.Peticion) *autoridad.Emitida {
	t.Helper()
	c := elTesoro(t)
	if p.Key == nil {
		p.Key = c.una
	}
	if p.RFC == "" {
		p.RFC = empresa
	}
	if p.Password == "" {
		p.Password = password
	}
	e, err := c.ca.Emite(p)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// rechaza checks that err is the refusal want, and that neither it nor what it
// would log tells the password.
func rechaza(t testing.TB, err error, want Problem) {
	t.Helper()
	var problema *Error
	if !errors.As(err, &problema) {
		t.Fatalf("error = %v (%[1]T), want an *Error", err)
	}
	if problema.Problem != want {
		t.Fatalf("refused as %q, want %q: %v", problema.Problem, want, err)
	}
	if problema.Detail == "" {
		t.Error("nothing to show to the user")
	}
	if strings.Contains(err.Error(), password) {
		t.Error("the error tells the password")
	}
}

// coloca writes files into dir/folder, making it.
func coloca(t testing.TB, dir, folder string, files map[string][]byte) {
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

func quita(t testing.TB, parts ...string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(parts...)); err != nil {
		t.Fatal(err)
	}
}
