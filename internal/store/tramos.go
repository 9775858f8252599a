package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Tramo is one solicitud of a descarga.
type Tramo struct {
	gateway.Tramo
	// ID is its row's, and nobody else's business.
	ID       int64
	Descarga string
	// Causa is why it was made: empty for the first.
	Causa string
	// Sustituciones counts the replacements between the first and this one.
	Sustituciones int
	// Fallos counts the failures since the last answer, Serie the last of them that
	// were alike.
	Fallos int
	Serie  Serie
	// Turno goes up whenever the row is taken or freed for others: what is written in an
	// earlier one is refused.
	Turno int64
	// Ocupante is the process at work on it; empty for none.
	Ocupante string
	// EsperaDesde is when the wait for SiguienteIntento was begun.
	EsperaDesde time.Time
}

// Serie is how often the same refusal has been heard in a row.
type Serie struct {
	// Condicion names it; empty for none.
	Condicion string
	Veces     int
}

// Sigue is the series after one more of condicion.
func (s Serie) Sigue(condicion string) Serie {
	if s.Condicion != condicion {
		s = Serie{Condicion: condicion}
	}
	s.Veces++
	return s
}

const columnasTramo = `id, descarga, numero, origen, causa, sustituciones, desde, hasta, pide_desde, pide_hasta, estado, id_solicitud,
	cod_estatus, estado_solicitud, codigo_estado, mensaje, numero_cfdis, presentaciones, consultas, fallos, presentada, siguiente, decision, turno, ocupante, rechazo, rechazos, espera_desde, motivo_codigo`

func leeTramo(f fila) (Tramo, error) {
	var t Tramo
	var presentada, siguiente, desde string
	err := f.Scan(&t.ID, &t.Descarga, &t.Numero, &t.Origen, &t.Causa, &t.Sustituciones, &t.Desde, &t.Hasta, &t.PideDesde, &t.PideHasta, &t.Estado, &t.IDSolicitud,
		&t.CodEstatus, &t.EstadoSolicitud, &t.CodigoEstadoSolicitud, &t.Mensaje, &t.NumeroCFDIs, &t.Presentaciones, &t.Consultas, &t.Fallos,
		&presentada, &siguiente, &t.Decision, &t.Turno, &t.Ocupante, &t.Serie.Condicion, &t.Serie.Veces, &desde, &t.MotivoCodigo)
	if errors.Is(err, sql.ErrNoRows) {
		return t, ErrNotFound
	}
	if err == nil {
		t.Presentada, err = leeInstante(presentada)
	}
	if err == nil {
		t.SiguienteIntento, err = leeInstante(siguiente)
	}
	if err == nil {
		t.EsperaDesde, err = leeInstante(desde)
	}
	if err != nil {
		return t, fmt.Errorf("store: a tramo: %w", err)
	}
	return t, nil
}

// Tramo returns one row, or ErrNotFound.
func (s *Store) Tramo(ctx context.Context, id int64) (Tramo, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	return leeTramo(s.lecturas.QueryRowContext(ctx, `SELECT `+columnasTramo+` FROM tramos WHERE id = $1`, id))
}

// Tramos returns the solicitudes of a descarga in the order in which they were made.
func (s *Store) Tramos(ctx context.Context, descarga string) ([]Tramo, error) {
	return s.tramos(ctx, `descarga = $1 ORDER BY numero`, descarga)
}

// TramosDeSolicitud returns those that have the SAT's id, of any descarga.
func (s *Store) TramosDeSolicitud(ctx context.Context, idSolicitud string) ([]Tramo, error) {
	return s.tramos(ctx, `upper(id_solicitud) = $1 AND id_solicitud <> '' ORDER BY id`, strings.ToUpper(idSolicitud))
}

// DueTramos lists the first live ones that nobody has in hand, by when they are due.
func (s *Store) DueTramos(ctx context.Context, limit int) ([]Due[int64], error) {
	return due[int64](ctx, s, `SELECT id, turno, siguiente FROM tramos WHERE estado IN ('pendiente', 'presentada') AND ocupante = '' ORDER BY siguiente LIMIT $1`, limit)
}

// TramosOcupados returns up to limite that are due by ahora and in a process's hands.
func (s *Store) TramosOcupados(ctx context.Context, ahora time.Time, limite int) ([]Tramo, error) {
	return s.tramos(ctx, `estado IN ('pendiente', 'presentada') AND siguiente <= $1 AND ocupante <> '' ORDER BY siguiente LIMIT `+strconv.Itoa(limite), Instante(ahora))
}

// tramos reads rows; where is a constant of this file, never input.
func (s *Store) tramos(ctx context.Context, where string, args ...any) ([]Tramo, error) {
	return todas(ctx, s.lecturas, leeTramo, `SELECT `+columnasTramo+` FROM tramos WHERE `+where, args...)
}

// TomaTramo makes the work on a solicitud the process's own, if it is that turn,
// due at ahora and in nobody's hand. It returns the solicitud in its new turn, with
// what a question to the SAT needs of its descarga: ID, Limite, Tope, and of the
// petition Servicio and RFCSolicitante. It is one statement because the engine does
// little else.
func (s *Store) TomaTramo(ctx context.Context, id, turno int64, ahora time.Time, proceso string) (t Tramo, d Descarga, tomada bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	var limite, tope string
	row := s.ligera.QueryRowContext(ctx, `UPDATE tramos SET ocupante = $1, turno = turno + 1
		WHERE id = $2 AND turno = $3 AND ocupante = '' AND estado IN ('pendiente', 'presentada') AND siguiente <= $4
		RETURNING `+columnasTramo+deSuDescarga, proceso, id, turno, Instante(ahora))
	t, err = leeTramo(conResto{row, []any{&d.Peticion.Solicitud.Servicio, &d.Peticion.Solicitud.RFCSolicitante, &limite, &tope}})
	if errors.Is(err, ErrNotFound) {
		return t, d, false, nil
	}
	if err != nil {
		return t, d, false, err
	}
	d.ID = t.Descarga
	return t, d, true, errors.Join(leeInstanteEn(limite, &d.Limite), leeInstanteEn(tope, &d.Tope))
}

// deSuDescarga are columns of a solicitud's descarga.
const deSuDescarga = `, (SELECT servicio FROM descargas d WHERE d.id = tramos.descarga), (SELECT rfc FROM descargas d WHERE d.id = tramos.descarga),
	(SELECT limite FROM descargas d WHERE d.id = tramos.descarga), (SELECT tope FROM descargas d WHERE d.id = tramos.descarga)`

// conResto scans more columns than its reader knows of.
type conResto struct {
	fila
	resto []any
}

// Scan implements fila.
func (f conResto) Scan(into ...any) error { return f.fila.Scan(append(into, f.resto...)...) }

// AplazaTramo writes at ahora what a question to the SAT changes in t when nothing
// else has changed, and frees it. It returns false when t's turn is over, or its descarga
// has ended. A power cut may undo it: the SAT is then asked again.
func (s *Store) AplazaTramo(ctx context.Context, t Tramo, ahora time.Time) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	return s.changes(ctx, s.ligera, `UPDATE tramos SET cod_estatus = $1, codigo_estado = $2, mensaje = $3, numero_cfdis = $4, consultas = $5, fallos = $6,
		siguiente = $7, decision = $8, ocupante = '', espera_desde = $11 WHERE id = $9 AND turno = $10
		AND EXISTS (SELECT 1 FROM descargas WHERE descargas.id = tramos.descarga AND descargas.terminada = '')`,
		t.CodEstatus, t.CodigoEstadoSolicitud, t.Mensaje, t.NumeroCFDIs, t.Consultas, t.Fallos, Instante(t.SiguienteIntento), t.Decision, t.ID, t.Turno, Instante(ahora))
}

// RelevaTramo begins a new turn of t, which nobody has in hand and which is due at
// siguiente, if it is still as it was read.
func (s *Store) RelevaTramo(ctx context.Context, t Tramo, siguiente, ahora time.Time) error {
	_, err := s.changes(ctx, s.db, `UPDATE tramos SET turno = turno + 1, ocupante = '', siguiente = $1, espera_desde = $6 WHERE id = $2 AND turno = $3 AND ocupante = $4 AND siguiente = $5`,
		Instante(siguiente), t.ID, t.Turno, t.Ocupante, Instante(t.SiguienteIntento), Instante(ahora))
	return err
}

// SueltaTramo frees t, if it is still its occupant's.
func (s *Store) SueltaTramo(ctx context.Context, t Tramo) error {
	_, err := s.changes(ctx, s.db, `UPDATE tramos SET ocupante = '' WHERE id = $1 AND turno = $2 AND ocupante = $3`, t.ID, t.Turno, t.Ocupante)
	return err
}

// AnotaSolicitud keeps the SAT's id of t, and how often t was sent, though t's
// turn is over.
func (s *Store) AnotaSolicitud(ctx context.Context, t Tramo) error {
	_, err := s.changes(ctx, s.db, `UPDATE tramos SET id_solicitud = CASE id_solicitud WHEN '' THEN $1 ELSE id_solicitud END,
		presentada = CASE presentada WHEN '' THEN $2 ELSE presentada END,
		presentaciones = CASE WHEN presentaciones < $3 THEN $3 ELSE presentaciones END WHERE id = $4`,
		t.IDSolicitud, Instante(t.Presentada), t.Presentaciones, t.ID)
	return err
}

// PaqueteDeTramo is one package of a descarga, with what the packages' own row
// says of it.
type PaqueteDeTramo struct {
	gateway.PaqueteDescarga
	// ID is its row's, and IDTramo that of its solicitud.
	ID, IDTramo int64
	Descarga    string
	// Danadas are those of Fallas whose bytes are not what was packed. Ajenas are entries
	// that no package of the SAT has, and not among Fallas.
	Danadas, Ajenas int64
	// Intentos counts the failures so far, Serie the last of them that were alike.
	Intentos  int
	Serie     Serie
	Siguiente time.Time
	// EsperaDesde is when the wait for Siguiente was begun.
	EsperaDesde time.Time
	Turno       int64
	Ocupante    string
}

const selectPaquete = `SELECT p.id, p.descarga, p.numero, p.tramo, t.numero, p.motivo_codigo, p.id_paquete, p.estado, p.comprobantes, p.repetidos, p.fallas, p.danadas, p.ajenas, p.intentos, p.siguiente, p.detalle, p.turno, p.ocupante, p.rechazo, p.rechazos, p.espera_desde,
	COALESCE(g.descargas, 0), COALESCE(g.bytes, 0), COALESCE(g.sha256, ''), COALESCE(g.completado, ''), COALESCE(g.dudoso, ''), COALESCE(g.roto, 0), COALESCE(o.dano, ''), d.servicio, d.rfc
	FROM tramos_paquetes p JOIN descargas d ON d.id = p.descarga JOIN tramos t ON t.id = p.tramo
	LEFT JOIN paquetes g ON g.id_paquete = upper(p.id_paquete) AND g.rfc = d.rfc AND g.servicio = d.servicio
	LEFT JOIN objetos o ON o.sha256 = g.sha256 AND g.completo = 1 WHERE `

// PaqueteDeTramo returns one row, or ErrNotFound.
func (s *Store) PaqueteDeTramo(ctx context.Context, id int64) (PaqueteDeTramo, error) {
	todos, err := s.dePaquetes(ctx, `p.id = $1`, id)
	if err == nil && len(todos) == 0 {
		return PaqueteDeTramo{}, ErrNotFound
	}
	if err != nil {
		return PaqueteDeTramo{}, err
	}
	return todos[0], nil
}

// PaquetesDeDescarga returns up to limite packages behind the number despues, in order.
func (s *Store) PaquetesDeDescarga(ctx context.Context, descarga string, despues int64, limite int) ([]PaqueteDeTramo, error) {
	return s.dePaquetes(ctx, `p.descarga = $1 AND p.numero > $2 ORDER BY p.numero LIMIT `+strconv.Itoa(limite), descarga, despues)
}

// PaquetesDeTramo returns the packages of one solicitud, in order.
func (s *Store) PaquetesDeTramo(ctx context.Context, tramo int64) ([]PaqueteDeTramo, error) {
	return s.dePaquetes(ctx, `p.tramo = $1 ORDER BY p.numero`, tramo)
}

// EscrituraDelSAT is the id of p as the SAT has written it for a descarga; as p has it
// where none knows.
func (s *Store) EscrituraDelSAT(ctx context.Context, p gateway.Paquete) (string, error) {
	id := p.IDPaquete
	_, err := s.one(ctx, `SELECT p.id_paquete FROM tramos_paquetes p JOIN descargas d ON d.id = p.descarga
		WHERE upper(p.id_paquete) = $1 AND d.rfc = $2 AND d.servicio = $3 ORDER BY p.id DESC LIMIT 1`, []any{p.Clave(), p.RFCSolicitante, string(p.Servicio)}, &id)
	return id, err
}

// DuePaquetes is DueTramos for packages.
func (s *Store) DuePaquetes(ctx context.Context, limit int) ([]Due[int64], error) {
	return due[int64](ctx, s, `SELECT id, turno, siguiente FROM tramos_paquetes WHERE estado = 'pendiente' AND ocupante = '' ORDER BY siguiente LIMIT $1`, limit)
}

// PaquetesOcupados is TramosOcupados for packages.
func (s *Store) PaquetesOcupados(ctx context.Context, ahora time.Time, limite int) ([]PaqueteDeTramo, error) {
	return s.dePaquetes(ctx, `p.estado = 'pendiente' AND p.siguiente <= $1 AND p.ocupante <> '' ORDER BY p.siguiente LIMIT `+strconv.Itoa(limite), Instante(ahora))
}

// TomaPaquete makes the work on a package the process's own, if it is that turn, due
// at ahora and in nobody's hand, and returns its new turn.
func (s *Store) TomaPaquete(ctx context.Context, id, turno int64, ahora time.Time, proceso string) (nuevo int64, tomado bool, err error) {
	tomado, err = s.one(ctx, `UPDATE tramos_paquetes SET ocupante = $1, turno = turno + 1
		WHERE id = $2 AND turno = $3 AND ocupante = '' AND estado = 'pendiente' AND siguiente <= $4 RETURNING turno`, []any{proceso, id, turno, Instante(ahora)}, &nuevo)
	return nuevo, tomado, err
}

// RelevaPaquete is RelevaTramo for a package.
func (s *Store) RelevaPaquete(ctx context.Context, p PaqueteDeTramo, siguiente, ahora time.Time) error {
	_, err := s.changes(ctx, s.db, `UPDATE tramos_paquetes SET turno = turno + 1, ocupante = '', siguiente = $1, espera_desde = $6 WHERE id = $2 AND turno = $3 AND ocupante = $4 AND siguiente = $5`,
		Instante(siguiente), p.ID, p.Turno, p.Ocupante, Instante(p.Siguiente), Instante(ahora))
	return err
}

// SueltaPaquete frees p, if it is still its occupant's.
func (s *Store) SueltaPaquete(ctx context.Context, p PaqueteDeTramo) error {
	_, err := s.changes(ctx, s.db, `UPDATE tramos_paquetes SET ocupante = '' WHERE id = $1 AND turno = $2 AND ocupante = $3`, p.ID, p.Turno, p.Ocupante)
	return err
}

// PaqueteEnUso tells whether another descarga that has not ended before antes
// has the package too.
func (s *Store) PaqueteEnUso(ctx context.Context, p PaqueteDeTramo, antes time.Time) (bool, error) {
	var otros int64
	_, err := s.one(ctx, `SELECT COUNT(*) FROM tramos_paquetes p JOIN descargas d ON d.id = p.descarga
		WHERE upper(p.id_paquete) = $1 AND d.rfc = $2 AND d.servicio = $3 AND p.descarga <> $4 AND (d.terminada = '' OR d.terminada >= $5)`,
		[]any{p.Paquete.Clave(), p.Paquete.RFCSolicitante, string(p.Paquete.Servicio), p.Descarga, Instante(antes)}, &otros)
	return otros > 0, err
}

// dePaquetes reads rows; where is a constant of this file, never input.
func (s *Store) dePaquetes(ctx context.Context, where string, args ...any) ([]PaqueteDeTramo, error) {
	return todas(ctx, s.lecturas, leePaquete, selectPaquete+where, args...)
}

func leePaquete(f fila) (PaqueteDeTramo, error) {
	var p PaqueteDeTramo
	var siguiente, guardado, dano, desde string
	err := f.Scan(&p.ID, &p.Descarga, &p.Numero, &p.IDTramo, &p.Tramo, &p.MotivoCodigo, &p.Paquete.IDPaquete, &p.Estado, &p.Comprobantes, &p.Repetidos, &p.Fallas, &p.Danadas, &p.Ajenas, &p.Intentos, &siguiente, &p.Detalle, &p.Turno, &p.Ocupante, &p.Serie.Condicion, &p.Serie.Veces, &desde,
		&p.Descargas, &p.Bytes, &p.SHA256, &guardado, &p.Dudoso, &p.Roto, &dano, &p.Paquete.Servicio, &p.Paquete.RFCSolicitante)
	p.Danado = dano != ""
	if err == nil {
		p.Siguiente, err = leeInstante(siguiente)
	}
	if err == nil {
		p.EsperaDesde, err = leeInstante(desde)
	}
	if err == nil {
		p.Guardado, err = leeInstante(guardado)
	}
	if err != nil {
		return p, fmt.Errorf("store: a package of a descarga: %w", err)
	}
	return p, nil
}
