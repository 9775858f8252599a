package sat

import (
	"errors"
	"fmt"
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
