package sat

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestSolicitudes_ForgetTheOldest(t *testing.T) {
	s := nuevasSolicitudes(NewUniverso(1))
	ahora := time.Now()
	pide := func(i int) (string, error) {
		p := &pedido{ambito: ambito{CFDI, rfcPrueba, Emitidos, 1}, tipo: tipoCFDI, porPaquete: 1, creada: ahora, enProceso: ahora.Add(time.Hour)}
		p.clave(fmt.Sprint(i))
		return s.registra(p, 1)
	}
	primera, err := pide(0)
	if err != nil {
		t.Fatal(err)
	}
	var no *rechazo
	if _, err := pide(0); !errors.As(err, &no) || no.codigo != codDuplicada {
		t.Fatalf("an equal one: %v", err)
	}
	for i := range maxSolicitudes + 9 {
		if _, err := pide(i + 1); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.orden) != maxSolicitudes || len(s.porID) != maxSolicitudes || len(s.porIgual) != maxSolicitudes || len(s.porVida) != maxSolicitudes {
		t.Errorf("%d, %d, %d and %d held", len(s.orden), len(s.porID), len(s.porIgual), len(s.porVida))
	}
	if s.busca(CFDI, rfcPrueba, primera) != nil {
		t.Error("the oldest is still there")
	}
	if _, err := pide(0); err != nil {
		t.Errorf("its quota is still there: %v", err)
	}
}

// Whether an equal one is alive is looked up outside the lock: of many at once one must still win.
func TestSolicitudes_OfEqualOnesAtOnceOneIsRegistered(t *testing.T) {
	t.Parallel()
	s := nuevasSolicitudes(NewUniverso(1))
	ahora := time.Now()
	var aceptadas, duplicadas atomic.Int64
	var g sync.WaitGroup
	for i := range 400 {
		g.Go(func() {
			// What is compared is over at once, so that its state is a walk.
			p := &pedido{ambito: ambito{CFDI, rfcPrueba, Emitidos, 50}, desde: 20_000 * segundosDia, hasta: 20_020 * segundosDia, tipo: tipoCFDI,
				filtro: filtro{corte: 20_100 * segundosDia}, porPaquete: 10, tope: maxIndice, creada: ahora, enProceso: ahora, lista: ahora, vida: time.Hour}
			p.clave(fmt.Sprint(i % 20))
			_, err := s.registra(p, 2)
			var no *rechazo
			switch {
			case err == nil:
				aceptadas.Add(1)
			case errors.As(err, &no) && no.codigo == codDuplicada:
				duplicadas.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	g.Wait()
	if aceptadas.Load() != 20 || duplicadas.Load() != 380 || len(s.orden) != 20 {
		t.Errorf("%d registered and %d refused", aceptadas.Load(), duplicadas.Load())
	}
}

func BenchmarkSolicitudes_AtTheLimit(b *testing.B) {
	s := nuevasSolicitudes(NewUniverso(1))
	ahora := time.Now()
	ids := make([]string, 0, maxSolicitudes)
	pide := func(i int) string {
		p := &pedido{ambito: ambito{CFDI, rfcPrueba, Emitidos, 1}, tipo: tipoCFDI, porPaquete: 1, creada: ahora, enProceso: ahora.Add(time.Hour)}
		p.clave(fmt.Sprint(i))
		id, err := s.registra(p, 1)
		if err != nil {
			b.Fatal(err)
		}
		return id
	}
	for i := range maxSolicitudes {
		ids = append(ids, pide(i))
	}
	i := maxSolicitudes
	for b.Loop() {
		pide(i)
		s.busca(CFDI, rfcPrueba, ids[i%maxSolicitudes])
		i++
	}
}
