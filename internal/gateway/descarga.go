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
	// DescargaProgramada: a recurrent one, which has runs instead of solicitudes.
	DescargaProgramada EstadoDescarga = "programada"
	// DescargaEnCola: nothing has been presented to the SAT yet.
	DescargaEnCola EstadoDescarga = "en_cola"
	// DescargaSolicitada: the SAT has at least one solicitud and works on none.
	DescargaSolicitada EstadoDescarga = "solicitada"
	// DescargaEnProceso: the SAT works on at least one solicitud.
	DescargaEnProceso EstadoDescarga = "en_proceso"
	// DescargaDescargando: at least one package is there to be fetched.
	DescargaDescargando EstadoDescarga = "descargando"
	// DescargaTerminada: everything that the SAT counted can be read in storage.
	DescargaTerminada EstadoDescarga = "terminada"
	// DescargaVacia: the SAT found nothing, which is a good answer.
	DescargaVacia EstadoDescarga = "vacia"
	// DescargaParcial: a part is in storage and the rest will not come.
	DescargaParcial EstadoDescarga = "parcial"
	// DescargaFallida: nothing is in storage and nothing will come.
	DescargaFallida EstadoDescarga = "fallida"
	// DescargaCancelada: the caller cancelled it; what had come is kept.
	DescargaCancelada EstadoDescarga = "cancelada"
)

// EstadosDescarga lists the states in the order in which they are documented.
func EstadosDescarga() []EstadoDescarga {
	return []EstadoDescarga{DescargaProgramada, DescargaEnCola, DescargaSolicitada, DescargaEnProceso, DescargaDescargando,
		DescargaTerminada, DescargaVacia, DescargaParcial, DescargaFallida, DescargaCancelada}
}

// Final tells whether the state never changes again.
func (e EstadoDescarga) Final() bool {
	switch e {
	case DescargaTerminada, DescargaVacia, DescargaParcial, DescargaFallida, DescargaCancelada:
		return true
	}
	return false
}

// EstadoTramo is how far one solicitud of a descarga is.
type EstadoTramo string

// The states of a solicitud within a descarga. Pendiente, Submitted and
// Descargando are alive; Partida and Sustituida have successors that cover the
// same range.
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

// Live tells whether the solicitud still has to be worked on.
func (e EstadoTramo) Live() bool {
	return e == TramoPendiente || e == TramoPresentada || e == TramoDescargando
}

// EstadoPaquete is how far one package of a descarga is.
type EstadoPaquete string

// The states of a package within a descarga.
const (
	PaquetePendiente EstadoPaquete = "pendiente"
	PaqueteGuardado  EstadoPaquete = "guardado"
	// PaquetePerdido: the SAT serves it no more and no copy is in storage.
	PaquetePerdido EstadoPaquete = "perdido"
	// PaqueteBorrado: it was in storage until retention removed it.
	PaqueteBorrado EstadoPaquete = "borrado"
	// PaqueteDanado: it was stored, and the storage has other bytes now, or none. It is
	// told of a stored one and not kept in the ledger: what is mended is stored again.
	PaqueteDanado EstadoPaquete = "danado"
)

// PeticionDescarga asks for everything of a range, however many solicitudes that
// takes.
type PeticionDescarga struct {
	// Solicitud holds the criteria: TipoDescarga is Emitidos or Recibidos.
	Solicitud Solicitud `json:"solicitud"`
	// Deadline is how long the SAT may take in all; zero for NormalDeadline. The store writes it.
	Deadline time.Duration `json:"-"`
	// PlazoOmitido says that nobody asked for that deadline: what the SAT has accepted
	// by then is asked about until NormalCeiling.
	PlazoOmitido bool `json:"plazoOmitido,omitempty"`
	// Programacion makes it recurrent; nil for once.
	Programacion *Programacion `json:"programacion,omitempty"`
	// Dueno is the ID of the API key that asks, and Clave the name that it has by then,
	// for people; empty without keys.
	Dueno string `json:"dueno,omitempty"`
	Clave string `json:"clave,omitempty"`
	// NovedadesDe is the run of metadata whose new comprobantes alone it yields;
	// empty for all.
	NovedadesDe string `json:"novedadesDe,omitempty"`
}

// Programacion says when a recurrent descarga runs and how far back each run
// looks again.
type Programacion struct {
	// Hora of the day of central Mexico, as "04:00".
	Hora string `json:"hora"`
	// Overlap is how many days before the last run are asked for again: stamping
	// and cancelling show days later (sat.md §10).
	Overlap int `json:"traslapeDias"`
	// Next is when it runs next; zero once it has been cancelled. It has a column.
	Next time.Time `json:"-"`
}

const (
	// NormalDeadline is the deadline of a descarga that names none: the SAT has taken 105
	// hours (sat.md §10), others have seen six days.
	NormalDeadline = 240 * time.Hour
	// MaxDeadline bounds a deadline.
	MaxDeadline = 30 * 24 * time.Hour
	// NormalCeiling is how long what the SAT has accepted is asked about at most where no
	// deadline was given. Nobody has reported an answer after more than nine days; a
	// package lives three, and a solicitud that is gone is answered with 5004.
	NormalCeiling = 60 * 24 * time.Hour
	// MaxOverlap bounds how far back a recurrent descarga looks again, in days.
	MaxOverlap = 60
)

// Normalize fills what is implied: beside what a solicitud implies, metadata are
// of every state unless one is said, because they are how cancellations are
// learnt (sat.md §10).
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

// Expire returns when a descarga of p that begins at since presents nothing more to
// the SAT, and when it gives up what the SAT has accepted.
func (p PeticionDescarga) Expire(since time.Time) (limit, ceiling time.Time) {
	limit = since.Add(p.Deadline)
	if p.PlazoOmitido {
		return limit, since.Add(NormalCeiling)
	}
	return limit, limit
}

// Validate checks a normalized petition by the rules of a solicitud and its own.
// The error is an *Error of KindInvalida that lists every field at fault.
func (p PeticionDescarga) Validate(now time.Time) error {
	v := &validator{}
	s := p.Solicitud
	if p.Programacion != nil {
		v.programacion(*p.Programacion, s, now)
		// A recurrent one has no end of its own: each run has.
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

// Descarga is a durable download as it stands.
type Descarga struct {
	ID      string
	Request PeticionDescarga
	Estado  EstadoDescarga
	// Created, Updated, Limit, Ceiling and Finished are instants; the last is zero
	// while it lives. See PeticionDescarga.Expire.
	Created, Updated, Limit, Ceiling, Finished time.Time
	// Motivo says in Spanish why it ended as it did, where that needs saying, and
	// MotivoCodigo to programs: the SAT's code, or an OwnCode.
	Motivo, MotivoCodigo string
	// IDProgramacion is the recurrent descarga that this is a run of; empty for none.
	IDProgramacion string
	Progreso       Progreso
	Cuota          Cuota
	// SiguienteIntento is when something is due next; zero when nothing is.
	SiguienteIntento time.Time
	// Solicitudes are filled when one descarga is asked for, not in lists.
	Solicitudes []Tramo
}

// Progreso counts what has been done of a descarga.
type Progreso struct {
	// Solicitudes counts those that are to bring something: neither split nor replaced.
	Solicitudes, SolicitudesTerminadas int
	Paquetes, PaquetesGuardados        int
	Bytes                              int64
	// NumeroCFDIs is what the SAT said it found, Found what can be read of the
	// stored packages, each once; Repeated what can be read there once more, and Fallas
	// what cannot be read.
	NumeroCFDIs, Found, Repeated, Fallas int64
	// Percentage of the work that is done, 0 to 100: a finished solicitud counts
	// whole, one with packages by those that are stored.
	Percentage int
}

// Cuota counts what a descarga has spent at the SAT.
type Cuota struct {
	// Solicitudes that were presented, or may have been.
	Solicitudes int
	// Descargas of packages that the SAT has served, or may have.
	Descargas int
}

// Tramo is one solicitud of a descarga.
type Tramo struct {
	// Number counts from 1 within the descarga, in the order of their making. Origin is
	// that of the solicitud that this one replaces or is a half of; 0 for none.
	Number, Origin int64
	// Since and Until bound what it is to bring, both inclusive; PideDesde and
	// PideHasta are what the SAT was asked, wider by the seconds that make the
	// criteria new. All as FechaFormat.
	Since, Until, PideDesde, PideHasta string
	Estado                             EstadoTramo
	IDSolicitud                        string
	// The SAT's codes as they came; empty where it has sent none.
	CodEstatus, EstadoSolicitud, CodigoEstadoSolicitud, Mensaje string
	NumeroCFDIs                                                 int64
	// Presentations counts the times that it was sent, or may have been; Queries
	// those that the SAT was asked how far it is.
	Presentations, Queries int
	Submitted              time.Time
	SiguienteIntento       time.Time
	// Decision says in Spanish what was decided last, and why. MotivoCodigo is the code of
	// that why: the SAT's, or an OwnCode; empty where all goes well.
	Decision, MotivoCodigo string
}

// PaqueteDescarga is one package of a descarga.
type PaqueteDescarga struct {
	Paquete Paquete
	// Number counts from 1 within the descarga, in the order in which the SAT named them.
	// Tramo is the number of the solicitud that brought it.
	Number, Tramo int64
	Estado        EstadoPaquete
	Bytes         int64
	SHA256        string // hexadecimal; empty until it is stored
	// Comprobantes are those that can be read in it and that no package of its solicitud
	// had brought before, Fallas what in it cannot be read; -1 until counted. Repeated
	// are those that were brought before, or twice.
	Comprobantes, Fallas, Repeated int64
	// Descargas that the SAT has served, or may have.
	Descargas int
	Saved     time.Time
	// Detalle says what became of it, where that needs saying, MotivoCodigo to programs.
	Detalle, MotivoCodigo string
	// Dubious says what is wrong with the delivery that is kept; empty for nothing.
	// Broken says that it is no whole ZIP, and only to be had by those who ask for it so.
	Dubious string
	Broken  bool
	// Damaged says that its bytes in storage are not those that were kept, or not there.
	Damaged bool
}

// ErrDamagedPaquete is a package whose bytes in storage are not those that were kept, or
// not there.
var ErrDamagedPaquete = errors.New("a stored package is damaged")

// EventoDescarga is one line of a descarga's ledger.
type EventoDescarga struct {
	// Number counts from 1 within the descarga, without gaps.
	Number  int64
	When    time.Time
	Tipo    string
	Detalle string
	// Tramo is the number of the solicitud that it is about; 0 for the descarga itself.
	Tramo int64
	// Codigo and Mensaje are the SAT's own, untouched; empty for none.
	Codigo, Mensaje string
	// Estado is the descarga's after the event.
	Estado EstadoDescarga
}

// DescargasFilter narrows a list of descargas; empty fields do not.
type DescargasFilter struct {
	// RFCs that the caller may see; nil for all.
	RFCs           []string
	RFC            string
	Estados        []EstadoDescarga
	IDProgramacion string
	// CreadaDesde (inclusive) and CreadaHasta (exclusive) are instants.
	CreadaDesde, CreadaHasta time.Time
	// Cursor is where the page begins, as the page before said; empty for the first.
	Cursor string
	Limit  int
}
