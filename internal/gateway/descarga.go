package gateway

import (
	"errors"
	"fmt"
	"time"
)

// EstadoDescarga is how far a durable download is.
type EstadoDescarga string

// The states of a descarga. The last five are final.
const (
	// DescargaProgramada: a recurrent descarga, which has runs instead of solicitudes.
	DescargaProgramada EstadoDescarga = "programada"
	// DescargaEnCola: nothing has been presented to the SAT yet.
	DescargaEnCola EstadoDescarga = "en_cola"
	// DescargaSolicitada: the SAT has accepted a solicitud and is not working on any yet.
	DescargaSolicitada EstadoDescarga = "solicitada"
	// DescargaEnProceso: the SAT is working on at least one solicitud.
	DescargaEnProceso EstadoDescarga = "en_proceso"
	// DescargaDescargando: at least one package is ready to be fetched.
	DescargaDescargando EstadoDescarga = "descargando"
	// DescargaTerminada: everything that the SAT counted can be read in storage.
	DescargaTerminada EstadoDescarga = "terminada"
	// DescargaVacia: the SAT found nothing. That is a success.
	DescargaVacia EstadoDescarga = "vacia"
	// DescargaParcial: one part is in storage and the rest cannot be obtained.
	DescargaParcial EstadoDescarga = "parcial"
	// DescargaFallida: nothing is in storage and nothing can be obtained.
	DescargaFallida EstadoDescarga = "fallida"
	// DescargaCancelada: the caller cancelled it. What was already stored is kept.
	DescargaCancelada EstadoDescarga = "cancelada"
)

// EstadosDescarga lists the states in the order in which they are documented.
func EstadosDescarga() []EstadoDescarga {
	return []EstadoDescarga{DescargaProgramada, DescargaEnCola, DescargaSolicitada, DescargaEnProceso, DescargaDescargando,
		DescargaTerminada, DescargaVacia, DescargaParcial, DescargaFallida, DescargaCancelada}
}

// Final reports whether the state never changes again.
func (e EstadoDescarga) Final() bool {
	switch e {
	case DescargaTerminada, DescargaVacia, DescargaParcial, DescargaFallida, DescargaCancelada:
		return true
	}
	return false
}

// EstadoTramo is how far one solicitud of a descarga is.
type EstadoTramo string

// The states of a solicitud within a descarga. Pendiente, Submitted and Descargando are
// live. Partida and Sustituida have successors that cover the same range.
const (
	TramoPendiente   EstadoTramo = "pendiente"
	TramoPresentada  EstadoTramo = "presentada"
	TramoDescargando EstadoTramo = "descargando"
	TramoTerminada   EstadoTramo = "terminada"
	TramoVacia       EstadoTramo = "vacia"
	TramoPartida     EstadoTramo = "partida"
	TramoSustituida  EstadoTramo = "sustituida"
	TramoFallida     EstadoTramo = "fallida"
	TramoCancelada   EstadoTramo = "cancelada"
)

// Live reports whether the solicitud still needs work.
func (e EstadoTramo) Live() bool {
	return e == TramoPendiente || e == TramoPresentada || e == TramoDescargando
}

// EstadoPaquete is how far one package of a descarga is.
type EstadoPaquete string

// The states of a package within a descarga.
const (
	PaquetePendiente EstadoPaquete = "pendiente"
	PaqueteGuardado  EstadoPaquete = "guardado"
	// PaquetePerdido: the SAT no longer serves it and storage has no copy.
	PaquetePerdido EstadoPaquete = "perdido"
	// PaqueteBorrado: it was in storage and retention removed it.
	PaqueteBorrado EstadoPaquete = "borrado"
	// PaqueteDanado: it was stored, and storage now has other bytes or none. The ledger
	// does not keep this state: it is shown for a stored package until the bytes are
	// repaired.
	PaqueteDanado EstadoPaquete = "danado"
)

// PeticionDescarga asks for every comprobante of a range, in as many solicitudes as
// needed.
type PeticionDescarga struct {
	// Solicitud holds the criteria: TipoDescarga is Emitidos or Recibidos.
	Solicitud Solicitud `json:"solicitud"`
	// Deadline is how long the SAT may take in all; zero means NormalDeadline. It has a
	// column.
	Deadline time.Duration `json:"-"`
	// PlazoOmitido reports that the caller gave no deadline: the engine then polls
	// accepted solicitudes until NormalCeiling.
	PlazoOmitido bool `json:"plazoOmitido,omitempty"`
	// Programacion makes it recurrent; nil means that it runs once.
	Programacion *Programacion `json:"programacion,omitempty"`
	// Dueno is the ID of the API key that asks. Clave is that key's name at the time,
	// shown to people. Both are empty if the gateway has no keys.
	Dueno string `json:"dueno,omitempty"`
	Clave string `json:"clave,omitempty"`
	// NovedadesDe is the metadata run to which the result is restricted: only
	// comprobantes that are new in that run. Empty means no restriction.
	NovedadesDe string `json:"novedadesDe,omitempty"`
}

// Programacion is the schedule of a recurrent descarga.
type Programacion struct {
	// Hora is the time of day in central Mexico, as "04:00".
	Hora string `json:"hora"`
	// Overlap is how many days before the last run each run asks for again: stamps and
	// cancellations appear at the SAT days later (sat.md §10).
	Overlap int `json:"traslapeDias"`
	// Next is the instant of the next run; zero once cancelled. It has a column.
	Next time.Time `json:"-"`
}

const (
	// NormalDeadline applies if a descarga names no deadline. The longest waits seen are
	// 105 hours (sat.md §10) and, by other people, six days.
	NormalDeadline = 240 * time.Hour
	// MaxDeadline is the longest deadline that a caller may give.
	MaxDeadline = 30 * 24 * time.Hour
	// NormalCeiling is how long accepted solicitudes are polled if the caller gave no
	// deadline. No answer after more than nine days is known. A package lives three days,
	// and the SAT answers 5004 for a solicitud that it no longer has.
	NormalCeiling = 60 * 24 * time.Hour
	// MaxOverlap is the largest Overlap, in days.
	MaxOverlap = 60
)

// Normalize fills in the defaults: those of a solicitud and, for metadata, every state,
// because metadata is how cancellations are learnt (sat.md §10).
func (p PeticionDescarga) Normalize() PeticionDescarga {
	if p.Solicitud.TipoSolicitud == TipoMetadata && p.Solicitud.EstadoComprobante == "" {
		p.Solicitud.EstadoComprobante = EstadoTodos
	}
	p.Solicitud = p.Solicitud.Normalize()
	if p.Deadline == 0 {
		p.Deadline, p.PlazoOmitido = NormalDeadline, true
	}
	return p
}

// SameDeadline reports whether two normalized petitions ask for the same deadline.
func (p PeticionDescarga) SameDeadline(other PeticionDescarga) bool {
	return p.Deadline == other.Deadline && p.PlazoOmitido == other.PlazoOmitido
}

// Expire returns two instants for a descarga of p that begins at since: limit, after
// which it presents nothing more to the SAT, and ceiling, after which it stops waiting
// for accepted solicitudes.
func (p PeticionDescarga) Expire(since time.Time) (limit, ceiling time.Time) {
	limit = since.Add(p.Deadline)
	if p.PlazoOmitido {
		return limit, since.Add(NormalCeiling)
	}
	return limit, limit
}

// Validate checks a normalized petition. It returns an *Error of KindInvalida that lists
// every field at fault.
func (p PeticionDescarga) Validate(now time.Time) error {
	v := &validator{}
	s := p.Solicitud
	if p.Programacion != nil {
		v.programacion(*p.Programacion, s, now)
		// A recurrent descarga has no end of its own: each run gets one.
		if s.FechaFinal == "" {
			s.FechaFinal = InMexico(now).Format(FechaFormat)
		}
	}
	if s.TipoDescarga == Folio || s.Version == Version11 {
		v.add("tipoDescarga", "Una descarga es de un rango de fechas.", Emitidos, Recibidos)
	} else if err := s.Validate(now); err != nil {
		v.fields = append(v.fields, AsError(err).Fields...)
	}
	if p.Deadline < time.Hour || p.Deadline > MaxDeadline {
		v.add("plazoHoras", fmt.Sprintf("Debe estar entre 1 y %d horas.", int(MaxDeadline/time.Hour)))
	}
	return v.err()
}

func (v *validator) programacion(p Programacion, s Solicitud, now time.Time) {
	if _, err := time.Parse("15:04", p.Hora); err != nil {
		v.add("programacion/hora", "No es una hora con la forma hh:mm, de 00:00 a 23:59, del centro de México.")
	}
	if p.Overlap < 0 || p.Overlap > MaxOverlap {
		v.add("programacion/traslapeDias", fmt.Sprintf("Debe estar entre 0 y %d días.", MaxOverlap))
	}
	v.absent("fechaFinal", s.FechaFinal != "", "con programacion: cada corrida llega hasta el fin del día anterior")
	if initial, ok := v.fecha("fechaInicial", s.FechaInicial); ok && !initial.Before(InMexico(now).Add(-time.Second)) {
		v.add("fechaInicial", "Debe estar en el pasado.")
	}
}

// Descarga is the present state of a durable download.
type Descarga struct {
	ID      string
	Request PeticionDescarga
	Estado  EstadoDescarga
	// Created, Updated, Limit, Ceiling and Finished are instants. Finished is zero until
	// the state is final. See PeticionDescarga.Expire for Limit and Ceiling.
	Created, Updated, Limit, Ceiling, Finished time.Time
	// Motivo explains the final state in Spanish, if it needs an explanation.
	// MotivoCodigo is the same reason for programs: the SAT's code or an OwnCode.
	Motivo, MotivoCodigo string
	// IDProgramacion is the recurrent descarga that started this run; empty for none.
	IDProgramacion string
	Progreso       Progreso
	Cuota          Cuota
	// SiguienteIntento is when the next step is due; zero for none.
	SiguienteIntento time.Time
	// Solicitudes is filled when one descarga is read, and left nil in lists.
	Solicitudes []Tramo
}

// Progreso counts the work that a descarga has done.
type Progreso struct {
	// Solicitudes counts the solicitudes that were neither split nor replaced.
	Solicitudes, SolicitudesTerminadas int
	Paquetes, PaquetesGuardados        int
	Bytes                              int64
	// NumeroCFDIs is the SAT's own count. Found counts the comprobantes that can be read
	// in the stored packages, each once. Repeated counts their further copies, and Fallas
	// the entries that cannot be read.
	NumeroCFDIs, Found, Repeated, Fallas int64
	// Percentage of the work that is done, 0 to 100. A finished solicitud counts in full;
	// one with packages counts by how many are stored.
	Percentage int
}

// Cuota counts what a descarga has used of the SAT's quotas.
type Cuota struct {
	// Solicitudes that were presented, or may have been presented.
	Solicitudes int
	// Descargas of packages that the SAT served, or may have served.
	Descargas int
}

// Tramo is one solicitud of a descarga.
type Tramo struct {
	// Number counts from 1 within the descarga, in the order of creation. Origin is the
	// number of the solicitud that this one replaces or is a half of; 0 for none.
	Number, Origin int64
	// Since and Until are the range to obtain, both inclusive. PideDesde and PideHasta
	// are the range in the SAT's request: it may be wider by seconds, which makes the
	// criteria new. All are in FechaFormat.
	Since, Until, PideDesde, PideHasta string
	Estado                             EstadoTramo
	IDSolicitud                        string
	// The SAT's codes, unchanged; empty if it sent none.
	CodEstatus, EstadoSolicitud, CodigoEstadoSolicitud, Mensaje string
	NumeroCFDIs                                                 int64
	// Presentations counts the times that it was sent, or may have been sent. Queries
	// counts the polls of its state.
	Presentations, Queries int
	Submitted              time.Time
	SiguienteIntento       time.Time
	// Decision says in Spanish what was decided last, and why. MotivoCodigo is the code
	// of that reason: the SAT's or an OwnCode. It is empty while all goes well.
	Decision, MotivoCodigo string
}

// PaqueteDescarga is one package of a descarga.
type PaqueteDescarga struct {
	Paquete Paquete
	// Number counts from 1 within the descarga, in the SAT's order. Tramo is the number
	// of the solicitud that the package belongs to.
	Number, Tramo int64
	Estado        EstadoPaquete
	Bytes         int64
	SHA256        string // hexadecimal; empty until it is stored
	// Comprobantes counts those that can be read in the package and are new within its
	// solicitud. Repeated counts those that came before, or twice. Fallas counts the
	// entries that cannot be read. All are -1 until counted.
	Comprobantes, Fallas, Repeated int64
	// Descargas counts the times that the SAT served it, or may have served it.
	Descargas int
	Saved     time.Time
	// Detalle explains its state in Spanish, if needed. MotivoCodigo is the same for
	// programs.
	Detalle, MotivoCodigo string
	// Dubious says what is wrong with the stored delivery; empty for nothing. Broken
	// reports that it is not a complete ZIP: it is served only to callers that ask for it
	// by name.
	Dubious string
	Broken  bool
	// Damaged reports that the bytes in storage are missing or not those that were
	// stored.
	Damaged bool
}

// ErrDamagedPaquete is the error of a package whose bytes in storage are missing or not
// those that were stored.
var ErrDamagedPaquete = errors.New("a stored package is damaged")

// EventoDescarga is one line of a descarga's ledger.
type EventoDescarga struct {
	// Number counts from 1 within the descarga, without gaps.
	Number  int64
	When    time.Time
	Tipo    string
	Detalle string
	// Tramo is the number of its solicitud; 0 if the event is about the descarga itself.
	Tramo int64
	// Codigo and Mensaje are the SAT's, unchanged; empty for none.
	Codigo, Mensaje string
	// Estado is the descarga's state after the event.
	Estado EstadoDescarga
}

// DescargasFilter restricts a list of descargas. An empty field restricts nothing.
type DescargasFilter struct {
	// RFCs that the caller may see; nil for all.
	RFCs           []string
	RFC            string
	Estados        []EstadoDescarga
	IDProgramacion string
	// CreadaDesde (inclusive) and CreadaHasta (exclusive) are instants.
	CreadaDesde, CreadaHasta time.Time
	// Cursor is the start of the page, as the previous page gave it; empty for the first.
	Cursor string
	Limit  int
}
