package sat

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// The public test certificates are not of our authority; another authority stands for the SAT's here,
// since the real ones expire.
func TestCertificados_ThePublicOnesFollowTheirKnob(t *testing.T) {
	ahora := time.Now()
	nueva := func() *autoridad.Autoridad {
		a, err := autoridad.New(ahora)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	propia, delSAT := nueva(), nueva()
	publica, err := delSAT.Emite(autoridad.Peticion{RFC: "EKU9003173C9", Password: "x"})
	if err != nil {
		t.Fatal(err)
	}
	reloj := control.NewReloj(time.Now)
	s, err := New(Opciones{
		Autoridad: propia, Reloj: reloj, Perillas: control.NewPerillas(Perillas()...),
		Fallas: control.NewFallas(CatalogoFallas(), reloj), Contadores: control.NewContadores(), Bitacora: control.NewBitacora(), Log: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.juzga(publica.Certificate, ahora); got != codCertificado {
		t.Errorf("before it is known: %q", got)
	}
	suma := sha256.Sum256(publica.CerDER)
	s.publicos[hex.EncodeToString(suma[:])] = "EKU9003173C9"
	if a, o := s.juzga(publica.Certificate, ahora), s.juzgaOperacion(publica.Certificate, ahora); a != "" || o != "" {
		t.Errorf("with the knob off: %q and %q", a, o)
	}
	if err := s.perillas.Cambia(map[string]any{certificadosPrueba305: true}); err != nil {
		t.Fatal(err)
	}
	if a, o := s.juzga(publica.Certificate, ahora), s.juzgaOperacion(publica.Certificate, ahora); a != "" || o != codCertificado {
		t.Errorf("with the knob on: %q and %q", a, o)
	}
	if got := s.juzga(publica.Certificate, ahora.AddDate(5, 0, 0)); got != codCaduco {
		t.Errorf("expired: %q", got)
	}
}
