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

func TestSeguro_WhenAPackageIsShortItsRoomIsGivenBack(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{Dir: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // nothing is written any more
	f, _, err := s.Seguro(Hueco{Visto: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // read only by now
	if _, err := f.WriteString("abc"); err != nil {
		t.Fatal(err)
	}
	nombre, err := s.Entero(f, gateway.Paquete{Servicio: gateway.CFDI, RFCSolicitante: "PRU010101AB1", IDPaquete: "X_01"}, "00")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(s.RutaParcial(nombre))
	if err != nil {
		t.Fatal(err)
	}
	if sys, ok := info.Sys().(*syscall.Stat_t); !ok || info.Size() != 3 || sys.Blocks*512 > 64<<10 {
		t.Errorf("%d bytes take %+v", info.Size(), info.Sys())
	}
}

// TestIntenta_WhenTheAnswerWouldFindNoRoom nothing may be sent; what was sent before is
// known, and its answer is written.
func TestIntenta_WhenTheAnswerWouldFindNoRoom(t *testing.T) {
	t.Parallel()
	dir := tiny(t, "16m")
	s := open(t, Config{Dir: filepath.Join(dir, "datos"), Now: now})
	enviado, ok, err := s.Intenta(t.Context(), intento("antes"))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	rechazado, ok, err := s.Intenta(t.Context(), intento("rechazado"))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	rechazado.Estado, rechazado.Falla = EstadoRechazado, "{}"
	if err := s.Resuelve(t.Context(), rechazado); err != nil {
		t.Fatal(err)
	}
	libre, _, err := disk.Free(dir)
	if err != nil {
		t.Fatal(err)
	}
	relleno := filepath.Join(dir, "relleno")
	if err := os.WriteFile(relleno, make([]byte, libre-128<<10), 0o600); err != nil { // half of what is kept
		t.Fatal(err)
	}
	for _, clave := range []string{"despues", ""} {
		if _, ok, err := s.Intenta(t.Context(), intento(clave)); ok || !errors.Is(err, ErrSinLugar) || !gateway.Passes(err) {
			t.Errorf("a new message: %v, %v", ok, err)
		}
	}
	if _, ok, err := s.Reintenta(t.Context(), rechazado, "p"); ok || !errors.Is(err, ErrSinLugar) {
		t.Errorf("once more: %v, %v", ok, err)
	}
	enviado.Estado, enviado.Respuesta = EstadoAceptado, "{}"
	if err := s.Resuelve(t.Context(), enviado); err != nil {
		t.Errorf("the answer: %v", err)
	}
	if row, ok, err := s.Intenta(t.Context(), intento("antes")); ok || err != nil || row.Estado != EstadoAceptado {
		t.Errorf("the same message: %+v, %v, %v", row, ok, err)
	}
	if err := os.Remove(relleno); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := s.Intenta(t.Context(), intento("despues")); !ok || err != nil {
		t.Errorf("with room: %v, %v", ok, err)
	}
}
