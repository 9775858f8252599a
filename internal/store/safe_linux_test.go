package store

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/disk"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func TestSafe_WhenAPackageIsShortItsRoomIsGivenBack(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{Dir: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // nothing is written any more
	f, _, err := s.Folder.Safe(Gap{Seen: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // read only by now
	if _, err := f.WriteString("abc"); err != nil {
		t.Fatal(err)
	}
	name, err := s.Folder.MakeWhole(f, gateway.Paquete{Servicio: gateway.CFDI, RFCSolicitante: "PRU010101AB1", IDPaquete: "X_01"}, "00")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(s.Folder.Path(name))
	if err != nil {
		t.Fatal(err)
	}
	if sys, ok := info.Sys().(*syscall.Stat_t); !ok || info.Size() != 3 || sys.Blocks*512 > 64<<10 {
		t.Errorf("%d bytes take %+v", info.Size(), info.Sys())
	}
}

// TestTry_WhenTheAnswerWouldFindNoRoom nothing may be sent; what was sent before is
// known, and its answer is written.
func TestTry_WhenTheAnswerWouldFindNoRoom(t *testing.T) {
	t.Parallel()
	dir := tiny(t, "16m")
	s := open(t, Config{Dir: filepath.Join(dir, "datos"), Now: now})
	sent, ok, err := s.Attempts.Try(t.Context(), attempt("antes"))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	refused, ok, err := s.Attempts.Try(t.Context(), attempt("rechazado"))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	refused.Estado, refused.Falla = EstadoRechazado, "{}"
	if err := s.Attempts.Resolve(t.Context(), refused); err != nil {
		t.Fatal(err)
	}
	free, _, err := disk.Free(dir)
	if err != nil {
		t.Fatal(err)
	}
	padding := filepath.Join(dir, "relleno")
	if err := os.WriteFile(padding, make([]byte, free-128<<10), 0o600); err != nil { // half of what is kept
		t.Fatal(err)
	}
	for _, key := range []string{"despues", ""} {
		if _, ok, err := s.Attempts.Try(t.Context(), attempt(key)); ok || !errors.Is(err, ErrWithoutPlace) || !gateway.Passes(err) {
			t.Errorf("a new message: %v, %v", ok, err)
		}
	}
	if _, ok, err := s.Attempts.Retry(t.Context(), refused, "p"); ok || !errors.Is(err, ErrWithoutPlace) {
		t.Errorf("once more: %v, %v", ok, err)
	}
	sent.Estado, sent.Answer = EstadoAceptado, "{}"
	if err := s.Attempts.Resolve(t.Context(), sent); err != nil {
		t.Errorf("the answer: %v", err)
	}
	if row, ok, err := s.Attempts.Try(t.Context(), attempt("antes")); ok || err != nil || row.Estado != EstadoAceptado {
		t.Errorf("the same message: %+v, %v, %v", row, ok, err)
	}
	if err := os.Remove(padding); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := s.Attempts.Try(t.Context(), attempt("despues")); !ok || err != nil {
		t.Errorf("with room: %v, %v", ok, err)
	}
}
