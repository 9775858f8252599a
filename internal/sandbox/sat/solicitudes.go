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
	estAceptada  = 1
	estEnProceso = 2
	estTerminada = 3
	estError     = 4
	estRechazada = 5
	estVencida   = 6
)

// filtro is which comprobantes of an ambito a request wants.
type filtro struct {
	estado, tipo, complemento, tercero string
	contrapartes                       []string
	// corte is when the request was made, wall clock: what was cancelled later was in force.
	corte int64
}

// pedido is a request with the knobs of the moment it was made, so that its packages are the same
// bytes each time.
type pedido struct {
	ambito       ambito
	desde, hasta int64  // wall clock, both included
	folio        *UUID  // instead of a range
	tipo         string // CFDI or Metadata
	filtro       filtro

	creada, enProceso, lista time.Time     // sandbox clock
	vida                     time.Duration // of a package
	porPaquete, tope         int64
	perillasPaquete          perillasPaquete
	desgracias               desgracias

	operacion, criterios     string // as the log has them
	claveIgual, clavePorVida string
}

// perillasPaquete are the knobs that change the bytes of a package.
type perillasPaquete struct {
	trampas  bool // in the names of the metadata
	relleno  int64
	dentro   bool  // the traps of trampas.go
	antiguos int64 // of a hundred
}

// clave sets the two keys under which requests repeat: every criterion, and those that the lifetime
// quota counts.
func (p *pedido) clave(partes ...string) {
	p.clavePorVida = strings.Join(append([]string{p.ambito.servicio, p.ambito.rfc}, partes...), "|")
	p.claveIgual = p.clavePorVida
}

func (s *Servidor) nuevoPedido(servicio, rfc string) *pedido {
	ahora := s.reloj.Now()
	p := &pedido{
		ambito: ambito{servicio: servicio, rfc: rfc},
		filtro: filtro{corte: pared(ahora)},
		creada: ahora,
		perillasPaquete: perillasPaquete{
			trampas: s.perillas.Bool(trampas), relleno: s.perillas.Entero(rellenoBytes),
			dentro: s.perillas.Bool(trampasPaquete), antiguos: s.perillas.Entero(antiguosPorCiento),
		},
	}
	p.enProceso = ahora.Add(s.perillas.Duracion(demoraAceptada))
	p.lista = p.enProceso.Add(s.perillas.Duracion(demoraProceso))
	p.vida = s.perillas.Duracion(vidaPaquete)
	p.desgracias = s.desgracias()
	return p
}

// mide sets the sizes that depend on the type and the direction of the request.
func (s *Servidor) mide(p *pedido) {
	p.ambito.porDia = s.porDia(p.ambito.sentido)
	porPaquete, tope := cfdisPorPaquete, maxCFDI
	if p.tipo == tipoMetadata {
		porPaquete, tope = filasPorPaquete, maxMetadata
	}
	p.porPaquete, p.tope = max(1, s.perillas.Entero(porPaquete)), s.perillas.Entero(tope)
}

func (s *Servidor) porDia(d Sentido) int64 {
	propia := emitidosPorDia
	if d == Recibidos {
		propia = recibidosPorDia
	}
	if n := s.perillas.Entero(propia); n > 0 {
		return n
	}
	return s.perillas.Entero(cfdisPorDia)
}

// solicitud is a registered request.
type solicitud struct {
	*pedido
	id string

	cuenta    sync.Once
	resultado resultado

	// Guarded by solicitudes.mu.
	falla     bool // it ends in state 4
	descargas map[int]int64
	dia       int64
	verificas int64
}

// resultado is what processing found: how many, and where each package begins.
type resultado struct {
	total   int64
	inicios []posicion
	excede  bool
}

// solicitudes is the store of requests and quotas.
type solicitudes struct {
	universo *Universo

	mu       sync.Mutex
	ultima   uint64
	orden    []*solicitud
	porID    map[string]*solicitud
	porIgual map[string]*solicitud
	porVida  map[string]int64
}

func nuevasSolicitudes(u *Universo) *solicitudes {
	s := &solicitudes{universo: u}
	s.reinicia()
	return s
}

func (t *solicitudes) reinicia() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ultima, t.orden = 0, nil
	t.porID, t.porIgual, t.porVida = map[string]*solicitud{}, map[string]*solicitud{}, map[string]int64{}
}

// registra admits a request and returns its id, or refuses it: 5005 when an equal one is alive, 5002
// when its criteria were asked too often (0 is no limit).
func (t *solicitudes) registra(p *pedido, porVida int64) (string, error) {
	// Whether an equal one is alive may take a walk over a million comprobantes, which nobody else waits for.
	for {
		igual := t.igual(p)
		if igual != nil && t.estado(igual, p.creada) <= estTerminada {
			return "", rechaza(codDuplicada)
		}
		if id, otra, err := t.agrega(p, igual, porVida); !otra {
			return id, err
		}
	}
}

func (t *solicitudes) igual(p *pedido) *solicitud {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.porIgual[p.claveIgual]
}

// agrega admits a request when igual is still the last equal one; otherwise it must be looked at again.
func (t *solicitudes) agrega(p *pedido, igual *solicitud, porVida int64) (id string, otra bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.porIgual[p.claveIgual] != igual {
		return "", true, nil
	}
	if porVida > 0 && t.porVida[p.clavePorVida] >= porVida {
		return "", false, rechaza(codDePorVida)
	}
	t.ultima++
	s := &solicitud{pedido: p, id: t.id(t.ultima), descargas: map[int]int64{}}
	s.sufre(t.ultima)
	t.orden = append(t.orden, s)
	t.porID[s.id], t.porIgual[p.claveIgual] = s, s
	t.porVida[p.clavePorVida]++
	if len(t.orden) > maxSolicitudes {
		t.olvida(t.orden[0])
		t.orden[0], t.orden = nil, t.orden[1:]
	}
	return s.id, false, nil
}

func (t *solicitudes) olvida(s *solicitud) {
	delete(t.porID, s.id)
	if t.porIgual[s.claveIgual] == s {
		delete(t.porIgual, s.claveIgual)
	}
	if t.porVida[s.clavePorVida]--; t.porVida[s.clavePorVida] <= 0 {
		delete(t.porVida, s.clavePorVida)
	}
}

// id makes the n-th identifier of this seed: a UUID in lower case.
func (t *solicitudes) id(n uint64) string {
	var u UUID
	binary.BigEndian.PutUint64(u[:], mezcla(t.universo.semilla^mezcla(n)))
	binary.BigEndian.PutUint64(u[8:], mezcla(t.universo.semilla+n<<1|1))
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return u.String()
}

// busca returns the request of that id when it is the applicant's; ids are compared without case.
func (t *solicitudes) busca(servicio, rfc, id string) *solicitud {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.porID[strings.ToLower(id)]
	if s == nil || s.ambito.rfc != rfc || s.ambito.servicio != servicio {
		return nil
	}
	return s
}

// verificada counts a call of Verifica in a day of the wall clock and tells whether it is within
// the limit (0 is none).
func (t *solicitudes) verificada(s *solicitud, ahora time.Time, limite int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if dia := pared(ahora) / segundosDia; dia != s.dia {
		s.dia, s.verificas = dia, 0
	}
	s.verificas++
	return limite == 0 || s.verificas <= limite
}

// servida counts a download of a package and tells whether it is within the limit (0 is none).
func (t *solicitudes) servida(s *solicitud, paquete int, limite int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if limite > 0 && s.descargas[paquete] >= limite {
		return false
	}
	s.descargas[paquete]++
	return true
}

// estado returns EstadoSolicitud at an instant of the sandbox clock.
func (t *solicitudes) estado(s *solicitud, ahora time.Time) int {
	switch {
	case ahora.Before(s.enProceso):
		return estAceptada
	case ahora.Before(s.lista):
		return estEnProceso
	case s.falla:
		return estError
	}
	r := t.resultado(s)
	switch {
	case r.excede || r.total == 0:
		return estRechazada
	case ahora.Before(s.vence(len(r.inicios))):
		return estTerminada
	}
	return estVencida
}

// resultado processes the request, once: a walk over its universe, which takes a second for a
// million.
func (t *solicitudes) resultado(s *solicitud) *resultado {
	s.cuenta.Do(func() {
		r := &s.resultado
		for pos := range t.universo.elegidos(s.pedido, nil) {
			if r.total%s.porPaquete == 0 {
				r.inicios = append(r.inicios, pos)
			}
			if r.total++; r.total > s.tope {
				*r = resultado{excede: true}
				return
			}
		}
	})
	return &s.resultado
}
