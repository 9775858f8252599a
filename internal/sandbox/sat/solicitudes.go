package sat

import (
	"encoding/binary"
	"slices"
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

	creada, enProceso, lista, vence time.Time // sandbox clock
	porPaquete, tope                int64
	perillasPaquete                 perillasPaquete

	claveIgual, clavePorVida string
}

// perillasPaquete are the knobs that change the bytes of a package.
type perillasPaquete struct {
	trampas bool
	relleno int64
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
		ambito: ambito{servicio: servicio, rfc: rfc, porDia: s.perillas.Entero(cfdisPorDia)},
		filtro: filtro{corte: pared(ahora)},
		creada: ahora,
		perillasPaquete: perillasPaquete{
			trampas: s.perillas.Bool(trampas), relleno: s.perillas.Entero(rellenoBytes),
		},
	}
	p.enProceso = ahora.Add(s.perillas.Duracion(demoraAceptada))
	p.lista = p.enProceso.Add(s.perillas.Duracion(demoraProceso))
	p.vence = p.lista.Add(s.perillas.Duracion(vidaPaquete))
	return p
}

// mide sets the sizes that depend on the type of the request.
func (s *Servidor) mide(p *pedido) {
	porPaquete, tope := cfdisPorPaquete, maxCFDI
	if p.tipo == tipoMetadata {
		porPaquete, tope = filasPorPaquete, maxMetadata
	}
	p.porPaquete, p.tope = max(1, s.perillas.Entero(porPaquete)), s.perillas.Entero(tope)
}

// solicitud is a registered request.
type solicitud struct {
	*pedido
	id string

	cuenta    sync.Once
	resultado resultado

	// Guarded by solicitudes.mu.
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

	registro sync.Mutex // one registration at a time: quotas are read and spent together

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
// when its criteria were asked too often (of CFDI alone, 0 is no limit).
func (t *solicitudes) registra(p *pedido, porVida int64) (string, error) {
	t.registro.Lock()
	defer t.registro.Unlock()
	t.mu.Lock()
	igual := t.porIgual[p.claveIgual]
	t.mu.Unlock()
	if igual != nil {
		if e := t.estado(igual, p.creada); e <= estTerminada {
			return "", rechaza(codDuplicada)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if p.tipo == tipoCFDI && porVida > 0 && t.porVida[p.clavePorVida] >= porVida {
		return "", rechaza(codDePorVida)
	}
	t.ultima++
	s := &solicitud{pedido: p, id: t.id(t.ultima), descargas: map[int]int64{}}
	t.orden = append(t.orden, s)
	t.porID[s.id], t.porIgual[p.claveIgual] = s, s
	if p.tipo == tipoCFDI {
		t.porVida[p.clavePorVida]++
	}
	if len(t.orden) > maxSolicitudes {
		t.olvida(t.orden[0])
		t.orden = slices.Delete(t.orden, 0, 1)
	}
	return s.id, nil
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
	}
	if r := t.resultado(s); r.excede || r.total == 0 {
		return estRechazada
	}
	if ahora.Before(s.vence) {
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

// Resumen is a request as the admin port lists it.
type Resumen struct {
	ID         string    `json:"idSolicitud"`
	Servicio   string    `json:"servicio"`
	RFC        string    `json:"rfcSolicitante"`
	Tipo       string    `json:"tipoSolicitud"`
	Creada     time.Time `json:"creada"`
	Estado     int       `json:"estadoSolicitud"`
	Total      int64     `json:"numeroCFDIs"`
	Paquetes   int       `json:"paquetes"`
	Descargas  int64     `json:"descargas"`
	Verificada int64     `json:"verificacionesDelDia"`
}

// Solicitudes lists every request, oldest first.
func (s *Servidor) Solicitudes() []Resumen {
	t := s.solicitudes
	t.mu.Lock()
	orden := slices.Clone(t.orden)
	t.mu.Unlock()
	ahora := s.reloj.Now()
	lista := make([]Resumen, 0, len(orden))
	for _, x := range orden {
		r := Resumen{ID: x.id, Servicio: x.ambito.servicio, RFC: x.ambito.rfc, Tipo: x.tipo, Creada: x.creada.UTC(), Estado: t.estado(x, ahora)}
		if r.Estado >= estTerminada {
			r.Total, r.Paquetes = x.resultado.total, len(x.resultado.inicios)
		}
		t.mu.Lock()
		r.Verificada = x.verificas
		for _, n := range x.descargas {
			r.Descargas += n
		}
		t.mu.Unlock()
		lista = append(lista, r)
	}
	return lista
}
