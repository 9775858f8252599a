package sat

import (
	"encoding/binary"
	"strings"
	"sync"
	"time"
)

// maxSolicitudes bounds the memory of the service: the oldest are forgotten, quotas included.
const maxSolicitudes = 50_000

// The states of a request (EstadoSolicitud).
const (
	estAccepted  = 1
	estInProcess = 2
	estFinished  = 3
	estError     = 4
	estRefused   = 5
	estExpired   = 6
)

// filter is which comprobantes of an scope a request wants.
type filter struct {
	estado, tipo, complemento, tercero string
	contrapartes                       []string
	// cut is when the request was made, wall clock: what was cancelled later was in force.
	cut int64
}

// requested is a request with the knobs of the moment it was made, so that its packages are the same
// bytes each time.
type requested struct {
	scope        scope
	since, until int64  // wall clock, both included
	folio        *UUID  // instead of a range
	tipo         string // CFDI or Metadata
	filter       filter

	created, enProceso, list time.Time     // sandbox clock
	life                     time.Duration // of a package
	byPaquete, ceiling       int64
	paqueteKnobs             paqueteKnobs
	mishaps                  mishaps

	operation, criterios string // as the log has them
	keySame, keyForLife  string
}

// paqueteKnobs are the knobs that change the bytes of a package.
type paqueteKnobs struct {
	traps   bool // in the names of the metadata
	padding int64
	within  bool  // the traps of traps.go
	old     int64 // of a hundred
}

// key sets the two keys under which requests repeat: every criterion, and those that the lifetime
// quota counts.
func (p *requested) key(parts ...string) {
	p.keyForLife = strings.Join(append([]string{p.scope.servicio, p.scope.rfc}, parts...), "|")
	p.keySame = p.keyForLife
}

func (s *Server) newRequested(servicio, rfc string) *requested {
	now := s.Clock.Now()
	p := &requested{
		scope:   scope{servicio: servicio, rfc: rfc},
		filter:  filter{cut: wall(now)},
		created: now,
		paqueteKnobs: paqueteKnobs{
			traps: s.Knobs.Bool(trampas), padding: s.Knobs.Whole(rellenoBytes),
			within: s.Knobs.Bool(trampasPaquete), old: s.Knobs.Whole(antiguosPorCiento),
		},
	}
	p.enProceso = now.Add(s.Knobs.Duration(demoraAceptada))
	p.list = p.enProceso.Add(s.Knobs.Duration(demoraProceso))
	p.life = s.Knobs.Duration(vidaPaquete)
	p.mishaps = s.mishaps()
	return p
}

// measure sets the sizes that depend on the type and the direction of the request.
func (s *Server) measure(p *requested) {
	p.scope.perDay = s.perDay(p.scope.direction)
	byPaquete, ceiling := cfdisPorPaquete, maxCFDI
	if p.tipo == tipoMetadata {
		byPaquete, ceiling = filasPorPaquete, maxMetadata
	}
	p.byPaquete, p.ceiling = max(1, s.Knobs.Whole(byPaquete)), s.Knobs.Whole(ceiling)
}

func (s *Server) perDay(d Direction) int64 {
	own := emitidosPorDia
	if d == Recibidos {
		own = recibidosPorDia
	}
	if n := s.Knobs.Whole(own); n > 0 {
		return n
	}
	return s.Knobs.Whole(cfdisPorDia)
}

// solicitud is a registered request.
type solicitud struct {
	*requested
	id string

	cuenta sync.Once
	result result

	// Guarded by solicitudes.mu.
	falla     bool // it ends in state 4
	descargas map[int]int64
	day       int64
	verify    int64
}

// result is what processing found: how many, and where each package begins.
type result struct {
	total  int64
	starts []position
	exceed bool
}

// solicitudes is the store of requests and quotas.
type solicitudes struct {
	universe *Universe

	mu      sync.Mutex
	last    uint64
	order   []*solicitud
	byID    map[string]*solicitud
	bySame  map[string]*solicitud
	forLife map[string]int64
}

func newSolicitudes(u *Universe) *solicitudes {
	s := &solicitudes{universe: u}
	s.reset()
	return s
}

func (t *solicitudes) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last, t.order = 0, nil
	t.byID, t.bySame, t.forLife = map[string]*solicitud{}, map[string]*solicitud{}, map[string]int64{}
}

// register admits a request and returns its id, or refuses it: 5005 when an equal one is alive, 5002
// when its criteria were asked too often (0 is no limit).
func (t *solicitudes) register(p *requested, forLife int64) (string, error) {
	// Whether an equal one is alive may take a walk over a million comprobantes, which nobody else waits for.
	for {
		same := t.same(p)
		if same != nil && t.estado(same, p.created) <= estFinished {
			return "", reject(codDuplicate)
		}
		if id, other, err := t.add(p, same, forLife); !other {
			return id, err
		}
	}
}

func (t *solicitudes) same(p *requested) *solicitud {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.bySame[p.keySame]
}

// add admits a request when same is still the last equal one; otherwise it must be looked at again.
func (t *solicitudes) add(p *requested, same *solicitud, forLife int64) (id string, other bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bySame[p.keySame] != same {
		return "", true, nil
	}
	if forLife > 0 && t.forLife[p.keyForLife] >= forLife {
		return "", false, reject(codForLife)
	}
	t.last++
	s := &solicitud{requested: p, id: t.id(t.last), descargas: map[int]int64{}}
	s.suffer(t.last)
	t.order = append(t.order, s)
	t.byID[s.id], t.bySame[p.keySame] = s, s
	t.forLife[p.keyForLife]++
	if len(t.order) > maxSolicitudes {
		t.forget(t.order[0])
		t.order[0], t.order = nil, t.order[1:]
	}
	return s.id, false, nil
}

func (t *solicitudes) forget(s *solicitud) {
	delete(t.byID, s.id)
	if t.bySame[s.keySame] == s {
		delete(t.bySame, s.keySame)
	}
	if t.forLife[s.keyForLife]--; t.forLife[s.keyForLife] <= 0 {
		delete(t.forLife, s.keyForLife)
	}
}

// id makes the n-th identifier of this seed: a UUID in lower case.
func (t *solicitudes) id(n uint64) string {
	var u UUID
	binary.BigEndian.PutUint64(u[:], mix(t.universe.seed^mix(n)))
	binary.BigEndian.PutUint64(u[8:], mix(t.universe.seed+n<<1|1))
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return u.String()
}

// find returns the request of that id when it is the applicant's; ids are compared without case.
func (t *solicitudes) find(servicio, rfc, id string) *solicitud {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.byID[strings.ToLower(id)]
	if s == nil || s.scope.rfc != rfc || s.scope.servicio != servicio {
		return nil
	}
	return s
}

// verified counts a call of Verifica in a day of the wall clock and reports whether it is within
// the limit (0 is none).
func (t *solicitudes) verified(s *solicitud, now time.Time, limit int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if day := wall(now) / secondsDay; day != s.day {
		s.day, s.verify = day, 0
	}
	s.verify++
	return limit == 0 || s.verify <= limit
}

// served counts a download of a package and reports whether it is within the limit (0 is none).
func (t *solicitudes) served(s *solicitud, paquete int, limit int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if limit > 0 && s.descargas[paquete] >= limit {
		return false
	}
	s.descargas[paquete]++
	return true
}

// estado returns EstadoSolicitud at an instant of the sandbox clock.
func (t *solicitudes) estado(s *solicitud, now time.Time) int {
	switch {
	case now.Before(s.enProceso):
		return estAccepted
	case now.Before(s.list):
		return estInProcess
	case s.falla:
		return estError
	}
	r := t.result(s)
	switch {
	case r.exceed || r.total == 0:
		return estRefused
	case now.Before(s.expire(len(r.starts))):
		return estFinished
	}
	return estExpired
}

// result processes the request, once: a walk over its universe, which takes a second for a
// million.
func (t *solicitudes) result(s *solicitud) *result {
	s.cuenta.Do(func() {
		r := &s.result
		for pos := range t.universe.chosen(s.requested, nil) {
			if r.total%s.byPaquete == 0 {
				r.starts = append(r.starts, pos)
			}
			if r.total++; r.total > s.ceiling {
				*r = result{exceed: true}
				return
			}
		}
	})
	return &s.result
}
