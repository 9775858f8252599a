package sat

import "time"

// The values of the knob atasco_en.
const (
	enAceptada = "aceptada"
	enProceso  = "en_proceso"
)

// desgracias are the knobs of what goes wrong with a request by itself, as they were when it was made.
type desgracias struct {
	atascadasCada, erroresCada int64 // one in so many of those registered; 0 is none
	atasco                     time.Duration
	atascoEn                   string
	deMas                      int64         // what NumeroCFDIs says beyond what there is
	paquetesCada               time.Duration // between a package and the next
}

func (s *Servidor) desgracias() desgracias {
	return desgracias{
		atascadasCada: s.perillas.Entero(atascadasCada), erroresCada: s.perillas.Entero(erroresCada),
		atasco: s.perillas.Duracion(atasco), atascoEn: s.perillas.Texto(atascoEn),
		deMas: s.perillas.Entero(numeroDeMas), paquetesCada: s.perillas.Duracion(paquetesCada),
	}
}

// sufre decides the misfortunes of the n-th request that was registered.
func (s *solicitud) sufre(n uint64) {
	d := &s.desgracias
	if toca(n, d.atascadasCada) {
		s.lista = s.lista.Add(d.atasco)
		if d.atascoEn == enAceptada {
			s.enProceso = s.enProceso.Add(d.atasco)
		}
	}
	s.falla = toca(n, d.erroresCada)
}

func toca(n uint64, cada int64) bool { return cada > 0 && n%uint64(cada) == 0 }

// aparece is when a package, counted from 1, is there.
func (s *solicitud) aparece(paquete int) time.Time {
	return s.lista.Add(time.Duration(paquete-1) * s.desgracias.paquetesCada)
}

// vence is when a package is no longer served.
func (s *solicitud) vence(paquete int) time.Time { return s.aparece(paquete).Add(s.vida) }

// hay tells how many packages there are at an instant; the request must have its result.
func (s *solicitud) hay(ahora time.Time) int {
	n := len(s.resultado.inicios)
	if cada := s.desgracias.paquetesCada; cada > 0 {
		n = min(n, 1+int(ahora.Sub(s.lista)/cada))
	}
	return n
}
