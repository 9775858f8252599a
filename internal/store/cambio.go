package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// ErrTurno says that somebody else has taken over what was being changed.
var ErrTurno = errors.New("store: another turn has begun")

// Cambio is a change of one descarga that is written in one piece. Its row is
// locked, so that changes of the same descarga come one after the other and
// each sees what the others made of it.
type Cambio struct {
	ctx      context.Context //nolint:containedctx // a change is one call
	tx       *sql.Tx
	ahora    time.Time
	descarga Descarga
	eventos  []gateway.EventoDescarga
	err      error
}

// Cambia runs cambio on the descarga and commits what it did, unless it fails.
func (s *Store) Cambia(ctx context.Context, descarga string, cambio func(*Cambio) error) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	c := &Cambio{ctx: ctx, tx: tx, ahora: s.now()}
	// The write comes first: it locks the row.
	if _, err := tx.ExecContext(ctx, `UPDATE descargas SET actualizada = $1 WHERE id = $2`, Instante(c.ahora), descarga); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	c.descarga, err = leeDescarga(tx.QueryRowContext(ctx, `SELECT `+columnasDescarga+` FROM descargas WHERE id = $1`, descarga))
	if err != nil {
		return err
	}
	if err := cambio(c); err != nil {
		return err
	}
	if err := c.escribe(); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// escribe writes the descarga's row and its events.
func (c *Cambio) escribe() error {
	if c.err != nil {
		return c.err
	}
	var numero int64
	d := &c.descarga
	var corre time.Time
	if d.Peticion.Programacion != nil {
		corre = d.Peticion.Programacion.Siguiente
	}
	err := c.tx.QueryRowContext(c.ctx,
		`UPDATE descargas SET estado = $1, motivo = $2, motivo_codigo = $3, terminada = $4, siguiente = $5, limite = $6, eventos = eventos + $7 WHERE id = $8 RETURNING eventos`,
		string(d.Estado), d.Motivo, d.MotivoCodigo, Instante(d.Terminada), Instante(corre), Instante(d.Limite), len(c.eventos), d.ID).Scan(&numero)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	numero -= int64(len(c.eventos))
	for _, e := range c.eventos {
		numero++
		if _, err := c.tx.ExecContext(c.ctx,
			`INSERT INTO eventos (descarga, numero, cuando, tipo, detalle, tramo, codigo, mensaje, estado) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			d.ID, numero, Instante(c.ahora), e.Tipo, e.Detalle, e.Tramo, e.Codigo, e.Mensaje, string(d.Estado)); err != nil {
			return fmt.Errorf("store: %w", err)
		}
	}
	return nil
}

// Descarga is the row as it stands; what is changed in it is written at the end.
func (c *Cambio) Descarga() *Descarga { return &c.descarga }

// Ahora is the instant of the change.
func (c *Cambio) Ahora() time.Time { return c.ahora }

// Evento adds a line to the descarga's ledger.
func (c *Cambio) Evento(e gateway.EventoDescarga) { c.eventos = append(c.eventos, e) }

// exec remembers the first failure.
func (c *Cambio) exec(query string, args ...any) int64 {
	if c.err != nil {
		return 0
	}
	result, err := c.tx.ExecContext(c.ctx, query, args...)
	if err != nil {
		c.err = fmt.Errorf("store: %w", err)
		return 0
	}
	n, err := result.RowsAffected()
	c.err = err
	return n
}

// NuevoTramo inserts t and gives it its ID and its number.
func (c *Cambio) NuevoTramo(t *Tramo) {
	if c.err != nil {
		return
	}
	t.Descarga = c.descarga.ID
	err := c.tx.QueryRowContext(c.ctx,
		`INSERT INTO tramos (descarga, numero, origen, causa, sustituciones, desde, hasta, pide_desde, pide_hasta, estado, siguiente, decision, id_solicitud, espera_desde)
		 VALUES ($1, (SELECT COALESCE(MAX(t.numero), 0) + 1 FROM tramos t WHERE t.descarga = $1), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id, numero`,
		t.Descarga, t.Origen, t.Causa, t.Sustituciones, t.Desde, t.Hasta, t.PideDesde, t.PideHasta, string(t.Estado), Instante(t.SiguienteIntento), t.Decision, t.IDSolicitud, Instante(c.ahora)).Scan(&t.ID, &t.Numero)
	if err != nil {
		c.err = fmt.Errorf("store: %w", err)
	}
}

// GuardaTramo writes t and frees it. It fails with ErrTurno when t's turn is over.
func (c *Cambio) GuardaTramo(t Tramo) {
	n := c.exec(
		`UPDATE tramos SET pide_desde = $1, pide_hasta = $2, estado = $3, id_solicitud = $4, cod_estatus = $5, estado_solicitud = $6, codigo_estado = $7,
		 mensaje = $8, numero_cfdis = $9, presentaciones = $10, consultas = $11, fallos = $12, presentada = $13, siguiente = $14, decision = $15, ocupante = '',
		 rechazo = $16, rechazos = $17, espera_desde = $20, motivo_codigo = $21 WHERE id = $18 AND turno = $19`,
		t.PideDesde, t.PideHasta, string(t.Estado), t.IDSolicitud, t.CodEstatus, t.EstadoSolicitud, t.CodigoEstadoSolicitud,
		t.Mensaje, t.NumeroCFDIs, t.Presentaciones, t.Consultas, t.Fallos, Instante(t.Presentada), Instante(t.SiguienteIntento), t.Decision,
		t.Serie.Condicion, t.Serie.Veces, t.ID, t.Turno, Instante(c.ahora), t.MotivoCodigo)
	if n == 0 && c.err == nil {
		c.err = ErrTurno
	}
}

// CancelaTramos ends every live solicitud, whoever is at work on it.
func (c *Cambio) CancelaTramos(estado gateway.EstadoTramo, decision, motivo string) {
	c.exec(`UPDATE tramos SET estado = $1, decision = $2, motivo_codigo = $3, siguiente = '', ocupante = '', turno = turno + 1
		WHERE descarga = $4 AND estado IN ('pendiente', 'presentada', 'descargando')`, string(estado), decision, motivo, c.descarga.ID)
	c.exec(`UPDATE tramos_paquetes SET siguiente = '', ocupante = '', turno = turno + 1, estado = 'perdido', detalle = $1, motivo_codigo = $2
		WHERE descarga = $3 AND estado = 'pendiente'`, decision, motivo, c.descarga.ID)
}

// TramosVivos returns the descarga's solicitudes that live and replace others.
func (c *Cambio) TramosVivos() []Tramo {
	return leeEn(c, `SELECT `+columnasTramo+` FROM tramos WHERE descarga = $1 AND sustituciones > 0 AND estado IN ('pendiente', 'presentada', 'descargando') ORDER BY numero`, leeTramo, c.descarga.ID)
}

// Tramo returns one of the descarga's solicitudes, by its number, as it stands.
func (c *Cambio) Tramo(numero int64) Tramo {
	if c.err != nil {
		return Tramo{}
	}
	t, err := leeTramo(c.tx.QueryRowContext(c.ctx, `SELECT `+columnasTramo+` FROM tramos WHERE descarga = $1 AND numero = $2`, c.descarga.ID, numero))
	c.err = err
	return t
}

// Marcha is how far the solicitudes of a descarga that lives are: which states
// some of them are in.
type Marcha struct {
	Vivos, Descargando, EnProceso, Terminadas, Presentadas, Acabadas bool
}

// Marcha looks into an index only: it costs the same however many there are.
func (c *Cambio) Marcha() Marcha {
	var m Marcha
	if c.err != nil {
		return m
	}
	var n [6]int
	const hay = `CASE WHEN EXISTS (SELECT 1 FROM tramos WHERE descarga = $1 AND `
	err := c.tx.QueryRowContext(c.ctx, `SELECT `+
		hay+`estado IN ('pendiente', 'presentada', 'descargando')) THEN 1 ELSE 0 END, `+
		hay+`estado = 'descargando') THEN 1 ELSE 0 END, `+
		hay+`estado = 'presentada' AND estado_solicitud = '2') THEN 1 ELSE 0 END, `+
		hay+`estado = 'terminada') THEN 1 ELSE 0 END, `+
		hay+`estado = 'presentada') THEN 1 ELSE 0 END, `+
		hay+`estado IN ('vacia', 'fallida')) THEN 1 ELSE 0 END`, c.descarga.ID).Scan(&n[0], &n[1], &n[2], &n[3], &n[4], &n[5])
	if err != nil {
		c.err = fmt.Errorf("store: %w", err)
	}
	return Marcha{Vivos: n[0] > 0, Descargando: n[1] > 0, EnProceso: n[2] > 0, Terminadas: n[3] > 0, Presentadas: n[4] > 0, Acabadas: n[5] > 0}
}

// Recuento is what the solicitudes of a descarga have come to.
type Recuento struct {
	Terminadas, Vacias, Fallidas int
	// Contados is what the SAT says that the finished ones hold, and Faltan what of it
	// cannot be read, solicitud by solicitud: what one has too many of is not what
	// another lacks.
	Contados, Faltan int64
	// Encontrados, Repetidos, Fallas, Danadas, Ajenas and Bytes are of the stored
	// packages, but for those of solicitudes that others have replaced.
	Encontrados, Repetidos, Fallas, Danadas, Ajenas, Bytes int64
	// Falla is the first thing that cannot be read, in words, Ajena the first that is not.
	Falla, Ajena string
	// Fallida is the first that failed; its Numero is 0 when none did.
	Fallida Tramo
}

// Recuento counts the solicitudes of a descarga none of which lives.
func (c *Cambio) Recuento() Recuento {
	var r Recuento
	if c.err != nil {
		return r
	}
	err := c.tx.QueryRowContext(c.ctx, `SELECT COALESCE(SUM(CASE estado WHEN 'terminada' THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE estado WHEN 'vacia' THEN 1 ELSE 0 END), 0),
		COALESCE(SUM(CASE estado WHEN 'fallida' THEN 1 ELSE 0 END), 0), CAST(COALESCE(SUM(CASE estado WHEN 'terminada' THEN cuenta ELSE 0 END), 0) AS BIGINT),
		CAST(COALESCE(SUM(CASE WHEN estado = 'terminada' AND cuenta > hay THEN cuenta - hay ELSE 0 END), 0) AS BIGINT),
		CAST(COALESCE(SUM(CASE WHEN `+suyas+` THEN t.repetidos ELSE 0 END), 0) AS BIGINT)
		FROM (SELECT t.estado, t.repetidos, t.numero_cfdis AS cuenta, COALESCE((SELECT SUM(p.comprobantes) FROM tramos_paquetes p WHERE p.tramo = t.id AND p.estado = 'guardado'), 0) - t.repetidos AS hay
			FROM tramos t WHERE t.descarga = $1) t`, c.descarga.ID).Scan(&r.Terminadas, &r.Vacias, &r.Fallidas, &r.Contados, &r.Faltan, &r.Repetidos)
	var encontrados, repetidos int64
	if err == nil {
		err = c.tx.QueryRowContext(c.ctx, `SELECT CAST(COALESCE(SUM(p.comprobantes), 0) AS BIGINT), CAST(COALESCE(SUM(p.repetidos), 0) AS BIGINT),
			CAST(COALESCE(SUM(p.fallas), 0) AS BIGINT), CAST(COALESCE(SUM(p.danadas), 0) AS BIGINT), CAST(COALESCE(SUM(p.ajenas), 0) AS BIGINT), CAST(COALESCE(SUM(g.bytes), 0) AS BIGINT)
			FROM tramos_paquetes p JOIN tramos t ON t.id = p.tramo JOIN descargas d ON d.id = p.descarga
			LEFT JOIN paquetes g ON g.id_paquete = upper(p.id_paquete) AND g.rfc = d.rfc AND g.servicio = d.servicio
			WHERE p.descarga = $1 AND p.estado = 'guardado' AND `+suyas, c.descarga.ID).Scan(&encontrados, &repetidos, &r.Fallas, &r.Danadas, &r.Ajenas, &r.Bytes)
	}
	r.Encontrados, r.Repetidos = encontrados-r.Repetidos, repetidos+r.Repetidos
	const primera = `SELECT p.detalle FROM tramos_paquetes p JOIN tramos t ON t.id = p.tramo WHERE p.descarga = $1 AND p.estado = 'guardado' AND ` + suyas
	if err == nil && r.Fallas > 0 {
		err = c.tx.QueryRowContext(c.ctx, primera+` AND p.fallas > 0 ORDER BY p.numero LIMIT 1`, c.descarga.ID).Scan(&r.Falla)
	}
	if err == nil && r.Ajenas > 0 && r.Fallas == 0 {
		err = c.tx.QueryRowContext(c.ctx, primera+` AND p.ajenas > 0 ORDER BY p.numero LIMIT 1`, c.descarga.ID).Scan(&r.Ajena)
	}
	if err == nil && r.Fallidas > 0 {
		r.Fallida, err = leeTramo(c.tx.QueryRowContext(c.ctx, `SELECT `+columnasTramo+` FROM tramos WHERE descarga = $1 AND estado = 'fallida' ORDER BY numero LIMIT 1`, c.descarga.ID))
	}
	if err != nil {
		c.err = fmt.Errorf("store: %w", err)
	}
	return r
}

// DecisionDe is what was decided last about the first solicitud of a state that
// was made for a cause; empty for none.
func (c *Cambio) DecisionDe(estado gateway.EstadoTramo, causa string) string {
	todas := leeEn(c, `SELECT decision FROM tramos WHERE descarga = $1 AND estado = $2 AND causa = $3 ORDER BY numero LIMIT 1`, func(f fila) (d string, err error) {
		err = f.Scan(&d)
		return d, err
	}, c.descarga.ID, string(estado), causa)
	return strings.Join(todas, " ")
}

// ComprobantesDentro counts what packages held that came, or were here, for
// solicitudes of the same taxpayer whose ranges, as they were asked for, lie within
// [desde, hasta], and whose petitions vale lets pass.
func (c *Cambio) ComprobantesDentro(desde, hasta string, vale func(gateway.PeticionDescarga) bool) (total int64) {
	leeEn(c, `SELECT d.peticion, CAST(SUM(p.comprobantes) AS BIGINT) FROM descargas d JOIN tramos t ON t.descarga = d.id JOIN tramos_paquetes p ON p.tramo = t.id
		WHERE d.servicio = $1 AND d.rfc = $2 AND t.pide_desde >= $3 AND t.pide_hasta <= $4 AND p.comprobantes > 0 AND p.estado IN ('guardado', 'borrado')
		GROUP BY d.id, d.peticion`, func(f fila) (struct{}, error) {
		var peticion string
		var comprobantes int64
		if err := f.Scan(&peticion, &comprobantes); err != nil {
			return struct{}{}, err
		}
		p, err := leePeticion(peticion)
		if err == nil && vale(p) {
			total += comprobantes
		}
		return struct{}{}, err
	}, string(c.descarga.Peticion.Solicitud.Servicio), c.descarga.Peticion.Solicitud.RFCSolicitante, desde, hasta)
	return total
}

// Vigentes counts the comprobantes in force that a run of metadata has yielded.
func (c *Cambio) Vigentes(corrida string) (total int64) {
	for _, n := range leeEn(c, `SELECT COUNT(*) FROM novedades WHERE descarga = $1 AND estatus = '1'`, func(f fila) (n int64, err error) {
		err = f.Scan(&n)
		return n, err
	}, corrida) {
		total += n
	}
	return total
}

// SumaPaquetes is how far the packages of one solicitud are.
type SumaPaquetes struct {
	Pendientes, Guardados, Perdidos int
	// Comprobantes, Repetidos and Fallas are those of the stored ones.
	Comprobantes, Repetidos, Fallas int64
	// Falla is the first thing that cannot be read, in words, and Motivo the code of why
	// the first of the lost ones was.
	Falla, Motivo string
}

// SumaPaquetes counts the packages of a solicitud as they stand.
func (c *Cambio) SumaPaquetes(tramo int64) SumaPaquetes {
	var u SumaPaquetes
	if c.err != nil {
		return u
	}
	err := c.tx.QueryRowContext(c.ctx, `SELECT COALESCE(SUM(CASE estado WHEN 'pendiente' THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE estado WHEN 'guardado' THEN 1 ELSE 0 END), 0),
		COALESCE(SUM(CASE estado WHEN 'perdido' THEN 1 ELSE 0 END), 0), CAST(COALESCE(SUM(CASE estado WHEN 'guardado' THEN comprobantes ELSE 0 END), 0) AS BIGINT),
		CAST(COALESCE(SUM(CASE estado WHEN 'guardado' THEN repetidos ELSE 0 END), 0) AS BIGINT), CAST(COALESCE(SUM(CASE estado WHEN 'guardado' THEN fallas ELSE 0 END), 0) AS BIGINT)
		FROM tramos_paquetes WHERE tramo = $1`, tramo).Scan(&u.Pendientes, &u.Guardados, &u.Perdidos, &u.Comprobantes, &u.Repetidos, &u.Fallas)
	if err == nil && u.Fallas > 0 {
		err = c.tx.QueryRowContext(c.ctx, `SELECT detalle FROM tramos_paquetes WHERE tramo = $1 AND estado = 'guardado' AND fallas > 0 ORDER BY numero LIMIT 1`, tramo).Scan(&u.Falla)
	}
	if err == nil && u.Perdidos > 0 {
		err = c.tx.QueryRowContext(c.ctx, `SELECT motivo_codigo FROM tramos_paquetes WHERE tramo = $1 AND estado = 'perdido' ORDER BY numero LIMIT 1`, tramo).Scan(&u.Motivo)
	}
	if err != nil {
		c.err = fmt.Errorf("store: %w", err)
	}
	return u
}

// PerdidosNuestros counts the packages of a solicitud that this machine has lost
// (Paquete.Falto).
func (c *Cambio) PerdidosNuestros(tramo int64) int {
	return c.perdidos(tramo, `(g.nuestras > 0 OR g.vuela <> '')`)
}

// PerdidosRotos counts the packages of a solicitud that the SAT delivered, and that
// were lost because no delivery was a whole ZIP.
func (c *Cambio) PerdidosRotos(tramo int64) int {
	return c.perdidos(tramo, `g.rotas > 0 AND g.nuestras = 0 AND g.vuela = ''`)
}

// PerdidosIguales counts those of which two deliveries were the same bytes.
func (c *Cambio) PerdidosIguales(tramo int64) int {
	return c.perdidos(tramo, `g.rotas > 0 AND g.iguales = 1 AND g.nuestras = 0 AND g.vuela = ''`)
}

// perdidos counts lost packages; where is a constant of this file.
func (c *Cambio) perdidos(tramo int64, where string) (cuantos int) {
	if c.err != nil {
		return 0
	}
	err := c.tx.QueryRowContext(c.ctx, `SELECT COUNT(*) FROM tramos_paquetes p JOIN descargas d ON d.id = p.descarga
		JOIN paquetes g ON g.id_paquete = upper(p.id_paquete) AND g.rfc = d.rfc AND g.servicio = d.servicio
		WHERE p.tramo = $1 AND p.estado = 'perdido' AND `+where, tramo).Scan(&cuantos)
	if err != nil {
		c.err = fmt.Errorf("store: %w", err)
	}
	return cuantos
}

// LlegaTarde keeps a package that came when its descarga had been cancelled.
func (c *Cambio) LlegaTarde(p PaqueteDeTramo) {
	c.exec(`UPDATE tramos_paquetes SET estado = 'guardado', comprobantes = $1, repetidos = $2, fallas = $3, danadas = $4, ajenas = $5, detalle = $6, motivo_codigo = $8 WHERE id = $7 AND estado = 'perdido'`,
		p.Comprobantes, p.Repetidos, p.Fallas, p.Danadas, p.Ajenas, p.Detalle, p.ID, p.MotivoCodigo)
}

func leeEn[T any](c *Cambio, query string, una func(fila) (T, error), args ...any) []T {
	if c.err != nil {
		return nil
	}
	todos, err := todas(c.ctx, c.tx, una, query, args...)
	c.err = err
	return todos
}

// NuevoPaquete inserts a package of a solicitud, unless it is there in any spelling,
// and returns its id; 0 when it was there.
func (c *Cambio) NuevoPaquete(tramo int64, idPaquete string, siguiente time.Time) int64 {
	if c.err != nil {
		return 0
	}
	var id int64
	err := c.tx.QueryRowContext(c.ctx,
		// The row of the descarga is locked: nobody else inserts.
		`INSERT INTO tramos_paquetes (descarga, numero, tramo, id_paquete, estado, siguiente, espera_desde)
		 SELECT $1, (SELECT COALESCE(MAX(p.numero), 0) + 1 FROM tramos_paquetes p WHERE p.descarga = $1), CAST($2 AS BIGINT), CAST($3 AS TEXT), 'pendiente', $4, $5
		 WHERE NOT EXISTS (SELECT 1 FROM tramos_paquetes p WHERE p.tramo = CAST($2 AS BIGINT) AND upper(p.id_paquete) = upper(CAST($3 AS TEXT))) RETURNING id`, c.descarga.ID, tramo, idPaquete, Instante(siguiente), Instante(c.ahora)).Scan(&id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		c.err = fmt.Errorf("store: %w", err)
	}
	return id
}

// GuardaPaquete writes p and frees it. It fails with ErrTurno when p's turn is over.
func (c *Cambio) GuardaPaquete(p PaqueteDeTramo) {
	n := c.exec(`UPDATE tramos_paquetes SET estado = $1, comprobantes = $2, repetidos = $3, fallas = $4, danadas = $5, ajenas = $6, intentos = $7, siguiente = $8, detalle = $9,
		ocupante = '', rechazo = $10, rechazos = $11, espera_desde = $14, motivo_codigo = $15 WHERE id = $12 AND turno = $13`, string(p.Estado), p.Comprobantes, p.Repetidos, p.Fallas, p.Danadas, p.Ajenas, p.Intentos,
		Instante(p.Siguiente), p.Detalle, p.Serie.Condicion, p.Serie.Veces, p.ID, p.Turno, Instante(c.ahora), p.MotivoCodigo)
	if n == 0 && c.err == nil {
		c.err = ErrTurno
	}
}

// Err is the first failure so far.
func (c *Cambio) Err() error { return c.err }
