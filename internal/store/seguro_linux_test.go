package store

import (
	"os"
	"syscall"
	"testing"
	"time"

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
