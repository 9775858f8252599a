package sat

import "time"

// The values of the knob atasco_en.
const (
	enAceptada = "aceptada"
	enProceso  = "en_proceso"
)

// mishaps are the knobs of what goes wrong with a request by itself, as they were when it was made.
type mishaps struct {
	stuckEvery, errorsEvery int64 // one in so many of those registered; 0 is none
	jam                     time.Duration
	jamIn                   string
	extra                   int64         // what NumeroCFDIs says beyond what there is
	paquetesEvery           time.Duration // between a package and the next
}

func (s *Server) mishaps() mishaps {
	return mishaps{
		stuckEvery: s.Knobs.Whole(atascadasCada), errorsEvery: s.Knobs.Whole(erroresCada),
		jam: s.Knobs.Duration(atasco), jamIn: s.Knobs.Text(atascoEn),
		extra: s.Knobs.Whole(numeroDeMas), paquetesEvery: s.Knobs.Duration(paquetesCada),
	}
}

// suffer decides the misfortunes of the n-th request that was registered.
func (s *solicitud) suffer(n uint64) {
	d := &s.mishaps
	if touch(n, d.stuckEvery) {
		s.list = s.list.Add(d.jam)
		if d.jamIn == enAceptada {
			s.enProceso = s.enProceso.Add(d.jam)
		}
	}
	s.falla = touch(n, d.errorsEvery)
}

func touch(n uint64, every int64) bool { return every > 0 && n%uint64(every) == 0 }

// appear is when a package, counted from 1, is there.
func (s *solicitud) appear(paquete int) time.Time {
	return s.list.Add(time.Duration(paquete-1) * s.mishaps.paquetesEvery)
}

// expire is when a package is no longer served.
func (s *solicitud) expire(paquete int) time.Time { return s.appear(paquete).Add(s.life) }

// present tells how many packages there are at an instant; the request must have its result.
func (s *solicitud) present(now time.Time) int {
	n := len(s.result.starts)
	if every := s.mishaps.paquetesEvery; every > 0 {
		n = min(n, 1+int(now.Sub(s.list)/every))
	}
	return n
}
