package store

import (
	"context"
	"errors"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// ErrTurn says that somebody else has taken over what was being changed.
var ErrTurn = errors.New("store: another turn has begun")

// Change is a change of one descarga that is written in one piece. Its row is
// locked, so that changes of the same descarga come one after the other and
// each sees what the others made of it.
type Change struct {
	ctx      context.Context //nolint:containedctx // a change is one call
	tx       conn
	now      time.Time
	descarga Descarga
	eventos  []gateway.EventoDescarga
	err      error
}

// Change runs change on the descarga and commits what it did, unless it fails.
func (s Descargas) Change(ctx context.Context, descarga string, change func(*Change) error) error {
	return s.inTx(ctx, func(tx conn) (err error) {
		c := &Change{ctx: ctx, tx: tx, now: s.now()}
		// The write comes first: it locks the row.
		if _, err := tx.exec(ctx, `UPDATE descargas SET actualizada = $1 WHERE id = $2`, Instant(c.now), descarga); err != nil {
			return err
		}
		if c.descarga, err = first(ctx, tx, readDescarga, `SELECT `+columnsDescarga+` FROM descargas WHERE id = $1`, descarga); err != nil {
			return err
		}
		if err := change(c); err != nil {
			return err
		}
		return c.write()
	})
}

// write writes the descarga's row and its events.
func (c *Change) write() error {
	var number int64
	d := &c.descarga
	var run time.Time
	if d.Request.Programacion != nil {
		run = d.Request.Programacion.Next
	}
	c.one(`UPDATE descargas SET estado = $1, motivo = $2, motivo_codigo = $3, terminada = $4, siguiente = $5, limite = $6, eventos = eventos + $7
		WHERE id = $8 RETURNING eventos`, []any{string(d.Estado), d.Motivo, d.MotivoCodigo, Instant(d.Finished), Instant(run), Instant(d.Limit),
		len(c.eventos), d.ID}, &number)
	number -= int64(len(c.eventos))
	for _, e := range c.eventos {
		number++
		c.exec(`INSERT INTO eventos (descarga, numero, cuando, tipo, detalle, tramo, codigo, mensaje, estado) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			d.ID, number, Instant(c.now), e.Tipo, e.Detalle, e.Tramo, e.Codigo, e.Mensaje, string(d.Estado))
	}
	return c.err
}

// Descarga is the row as it stands; what is changed in it is written at the end.
func (c *Change) Descarga() *Descarga { return &c.descarga }

// Now is the instant of the change.
func (c *Change) Now() time.Time { return c.now }

// Evento adds a line to the descarga's ledger.
func (c *Change) Evento(e gateway.EventoDescarga) { c.eventos = append(c.eventos, e) }

// exec runs a statement unless one has failed, and returns how many rows it changed.
func (c *Change) exec(query string, args ...any) (n int64) {
	if c.err == nil {
		n, c.err = c.tx.exec(c.ctx, query, args...)
	}
	return n
}

// one scans the row of a query, if there is one and nothing has failed.
func (c *Change) one(query string, args []any, into ...any) {
	if c.err == nil {
		_, c.err = c.tx.one(c.ctx, query, args, into...)
	}
}

// NewTramo inserts t and gives it its ID and its number.
func (c *Change) NewTramo(t *Tramo) {
	t.Descarga = c.descarga.ID
	c.one(`INSERT INTO tramos (descarga, numero, origen, causa, sustituciones, desde, hasta, pide_desde, pide_hasta, estado, siguiente, decision, id_solicitud, espera_desde)
		VALUES ($1, (SELECT COALESCE(MAX(t.numero), 0) + 1 FROM tramos t WHERE t.descarga = $1), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		RETURNING id, numero`, []any{t.Descarga, t.Origin, t.Cause, t.Sustituciones, t.Since, t.Until, t.PideDesde, t.PideHasta, string(t.Estado),
		Instant(t.SiguienteIntento), t.Decision, t.IDSolicitud, Instant(c.now)}, &t.ID, &t.Number)
}

// SaveTramo writes t and frees it. It fails with ErrTurn when t's turn is over.
func (c *Change) SaveTramo(t Tramo) {
	n := c.exec(
		`UPDATE tramos SET pide_desde = $1, pide_hasta = $2, estado = $3, id_solicitud = $4, cod_estatus = $5, estado_solicitud = $6, codigo_estado = $7,
		 mensaje = $8, numero_cfdis = $9, presentaciones = $10, consultas = $11, fallos = $12, presentada = $13, siguiente = $14, decision = $15, ocupante = '',
		 rechazo = $16, rechazos = $17, espera_desde = $20, motivo_codigo = $21 WHERE id = $18 AND turno = $19`,
		t.PideDesde, t.PideHasta, string(t.Estado), t.IDSolicitud, t.CodEstatus, t.EstadoSolicitud, t.CodigoEstadoSolicitud,
		t.Mensaje, t.NumeroCFDIs, t.Presentations, t.Queries, t.Failures, Instant(t.Submitted), Instant(t.SiguienteIntento), t.Decision,
		t.Serie.Condition, t.Serie.Times, t.ID, t.Turn, Instant(c.now), t.MotivoCodigo)
	if n == 0 && c.err == nil {
		c.err = ErrTurn
	}
}

// CancelTramos ends every live solicitud, whoever is at work on it.
func (c *Change) CancelTramos(estado gateway.EstadoTramo, decision, motivo string) {
	c.exec(`UPDATE tramos SET estado = $1, decision = $2, motivo_codigo = $3, siguiente = '', ocupante = '', turno = turno + 1
		WHERE descarga = $4 AND estado IN ('pendiente', 'presentada', 'descargando')`, string(estado), decision, motivo, c.descarga.ID)
	c.exec(`UPDATE tramos_paquetes SET siguiente = '', ocupante = '', turno = turno + 1, estado = 'perdido', detalle = $1, motivo_codigo = $2
		WHERE descarga = $3 AND estado = 'pendiente'`, decision, motivo, c.descarga.ID)
}

// LiveTramos returns the descarga's solicitudes that live and replace others.
func (c *Change) LiveTramos() []Tramo {
	return readIn(c, `SELECT `+columnsTramo+` FROM tramos WHERE descarga = $1 AND sustituciones > 0 AND estado IN ('pendiente', 'presentada', 'descargando') ORDER BY numero`, readTramo, c.descarga.ID)
}

// Tramo returns one of the descarga's solicitudes, by its number, as it stands.
func (c *Change) Tramo(number int64) (t Tramo) {
	if c.err == nil {
		t, c.err = first(c.ctx, c.tx, readTramo, `SELECT `+columnsTramo+` FROM tramos WHERE descarga = $1 AND numero = $2`, c.descarga.ID, number)
	}
	return t
}

// Standing is how far the solicitudes of a descarga that lives are: which states
// some of them are in.
type Standing struct {
	Live, Downloading, EnProceso, Finished, Submitted, EmptyOrFailed bool
}

// Standing looks into an index only: it costs the same however many there are.
func (c *Change) Standing() Standing {
	var n [6]int
	const has = `CASE WHEN EXISTS (SELECT 1 FROM tramos WHERE descarga = $1 AND `
	c.one(`SELECT `+
		has+`estado IN ('pendiente', 'presentada', 'descargando')) THEN 1 ELSE 0 END, `+
		has+`estado = 'descargando') THEN 1 ELSE 0 END, `+
		has+`estado = 'presentada' AND estado_solicitud = '2') THEN 1 ELSE 0 END, `+
		has+`estado = 'terminada') THEN 1 ELSE 0 END, `+
		has+`estado = 'presentada') THEN 1 ELSE 0 END, `+
		has+`estado IN ('vacia', 'fallida')) THEN 1 ELSE 0 END`, []any{c.descarga.ID}, &n[0], &n[1], &n[2], &n[3], &n[4], &n[5])
	return Standing{Live: n[0] > 0, Downloading: n[1] > 0, EnProceso: n[2] > 0, Finished: n[3] > 0, Submitted: n[4] > 0, EmptyOrFailed: n[5] > 0}
}

// Recount is what the solicitudes of a descarga have come to.
type Recount struct {
	Finished, Empty, Failed int
	// Counted is what the SAT says that the finished ones hold, and Missing what of it
	// cannot be read, solicitud by solicitud: what one has too many of is not what
	// another lacks.
	Counted, Missing int64
	// Found, Repeated, Fallas, DamagedEntries, Foreign and Bytes are of the stored
	// packages, but for those of solicitudes that others have replaced.
	Found, Repeated, Fallas, DamagedEntries, Foreign, Bytes int64
	// Falla is the first thing that cannot be read, in words, FirstForeign the first that is not.
	Falla, FirstForeign string
	// FirstFailed is the first that failed; its Number is 0 when none did.
	FirstFailed Tramo
}

// Recount counts the solicitudes of a descarga none of which lives.
func (c *Change) Recount() (r Recount) {
	id := []any{c.descarga.ID}
	c.one(`SELECT COALESCE(SUM(CASE estado WHEN 'terminada' THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE estado WHEN 'vacia' THEN 1 ELSE 0 END), 0),
		COALESCE(SUM(CASE estado WHEN 'fallida' THEN 1 ELSE 0 END), 0),
		CAST(COALESCE(SUM(CASE estado WHEN 'terminada' THEN cuenta ELSE 0 END), 0) AS BIGINT),
		CAST(COALESCE(SUM(CASE WHEN estado = 'terminada' AND cuenta > hay THEN cuenta - hay ELSE 0 END), 0) AS BIGINT),
		CAST(COALESCE(SUM(CASE WHEN `+its+` THEN t.repetidos ELSE 0 END), 0) AS BIGINT)
		FROM (SELECT t.estado, t.repetidos, t.numero_cfdis AS cuenta,
			COALESCE((SELECT SUM(p.comprobantes) FROM tramos_paquetes p WHERE p.tramo = t.id AND p.estado = 'guardado'), 0) - t.repetidos AS hay
			FROM tramos t WHERE t.descarga = $1) t`, id, &r.Finished, &r.Empty, &r.Failed, &r.Counted, &r.Missing, &r.Repeated)
	var found, repeated int64
	c.one(`SELECT CAST(COALESCE(SUM(p.comprobantes), 0) AS BIGINT), CAST(COALESCE(SUM(p.repetidos), 0) AS BIGINT),
		CAST(COALESCE(SUM(p.fallas), 0) AS BIGINT), CAST(COALESCE(SUM(p.danadas), 0) AS BIGINT),
		CAST(COALESCE(SUM(p.ajenas), 0) AS BIGINT), CAST(COALESCE(SUM(g.bytes), 0) AS BIGINT)
		FROM tramos_paquetes p JOIN tramos t ON t.id = p.tramo JOIN descargas d ON d.id = p.descarga
		LEFT JOIN paquetes g ON g.id_paquete = upper(p.id_paquete) AND g.rfc = d.rfc AND g.servicio = d.servicio
		WHERE p.descarga = $1 AND p.estado = 'guardado' AND `+its, id, &found, &repeated, &r.Fallas, &r.DamagedEntries, &r.Foreign, &r.Bytes)
	r.Found, r.Repeated = found-r.Repeated, repeated+r.Repeated
	const detail = `SELECT p.detalle FROM tramos_paquetes p JOIN tramos t ON t.id = p.tramo WHERE p.descarga = $1 AND p.estado = 'guardado' AND ` + its
	if r.Fallas > 0 {
		c.one(detail+` AND p.fallas > 0 ORDER BY p.numero LIMIT 1`, id, &r.Falla)
	} else if r.Foreign > 0 {
		c.one(detail+` AND p.ajenas > 0 ORDER BY p.numero LIMIT 1`, id, &r.FirstForeign)
	}
	if r.Failed > 0 && c.err == nil {
		r.FirstFailed, c.err = first(c.ctx, c.tx, readTramo,
			`SELECT `+columnsTramo+` FROM tramos WHERE descarga = $1 AND estado = 'fallida' ORDER BY numero LIMIT 1`, id...)
	}
	return r
}

// DecisionOf is what was decided last about the first solicitud of a state that
// was made for a cause; empty for none.
func (c *Change) DecisionOf(estado gateway.EstadoTramo, cause string) (decision string) {
	c.one(`SELECT decision FROM tramos WHERE descarga = $1 AND estado = $2 AND causa = $3 ORDER BY numero LIMIT 1`,
		[]any{c.descarga.ID, string(estado), cause}, &decision)
	return decision
}

// ComprobantesWithin counts what packages held that came, or were here, for
// solicitudes of the same taxpayer whose ranges, as they were asked for, lie within
// [since, until], and whose petitions valid lets pass.
func (c *Change) ComprobantesWithin(since, until string, valid func(gateway.PeticionDescarga) bool) (total int64) {
	readIn(c, `SELECT d.peticion, CAST(SUM(p.comprobantes) AS BIGINT) FROM descargas d JOIN tramos t ON t.descarga = d.id JOIN tramos_paquetes p ON p.tramo = t.id
		WHERE d.servicio = $1 AND d.rfc = $2 AND t.pide_desde >= $3 AND t.pide_hasta <= $4 AND p.comprobantes > 0 AND p.estado IN ('guardado', 'borrado')
		GROUP BY d.id, d.peticion`, func(f scanner) (struct{}, error) {
		var request string
		var comprobantes int64
		if err := f.Scan(&request, &comprobantes); err != nil {
			return struct{}{}, err
		}
		p, err := readRequest(request)
		if err == nil && valid(p) {
			total += comprobantes
		}
		return struct{}{}, err
	}, string(c.descarga.Request.Solicitud.Servicio), c.descarga.Request.Solicitud.RFCSolicitante, since, until)
	return total
}

// Current counts the comprobantes in force that a run of metadata has yielded.
func (c *Change) Current(corrida string) (total int64) {
	c.one(`SELECT COUNT(*) FROM novedades WHERE descarga = $1 AND estatus = '1'`, []any{corrida}, &total)
	return total
}

// PaquetesSum is how far the packages of one solicitud are.
type PaquetesSum struct {
	Pending, Saved, Lost int
	// Comprobantes, Repeated and Fallas are those of the stored ones.
	Comprobantes, Repeated, Fallas int64
	// Falla is the first thing that cannot be read, in words, and Motivo the code of why
	// the first of the lost ones was.
	Falla, Motivo string
}

// SumPaquetes counts the packages of a solicitud as they stand.
func (c *Change) SumPaquetes(tramo int64) (u PaquetesSum) {
	id := []any{tramo}
	c.one(`SELECT COALESCE(SUM(CASE estado WHEN 'pendiente' THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE estado WHEN 'guardado' THEN 1 ELSE 0 END), 0),
		COALESCE(SUM(CASE estado WHEN 'perdido' THEN 1 ELSE 0 END), 0),
		CAST(COALESCE(SUM(CASE estado WHEN 'guardado' THEN comprobantes ELSE 0 END), 0) AS BIGINT),
		CAST(COALESCE(SUM(CASE estado WHEN 'guardado' THEN repetidos ELSE 0 END), 0) AS BIGINT),
		CAST(COALESCE(SUM(CASE estado WHEN 'guardado' THEN fallas ELSE 0 END), 0) AS BIGINT)
		FROM tramos_paquetes WHERE tramo = $1`, id, &u.Pending, &u.Saved, &u.Lost, &u.Comprobantes, &u.Repeated, &u.Fallas)
	if u.Fallas > 0 {
		c.one(`SELECT detalle FROM tramos_paquetes WHERE tramo = $1 AND estado = 'guardado' AND fallas > 0 ORDER BY numero LIMIT 1`, id, &u.Falla)
	}
	if u.Lost > 0 {
		c.one(`SELECT motivo_codigo FROM tramos_paquetes WHERE tramo = $1 AND estado = 'perdido' ORDER BY numero LIMIT 1`, id, &u.Motivo)
	}
	return u
}

// LostOurs counts the packages of a solicitud that this machine has lost
// (Paquete.Missed).
func (c *Change) LostOurs(tramo int64) int {
	return c.lost(tramo, `(g.nuestras > 0 OR g.vuela <> '')`)
}

// LostBroken counts the packages of a solicitud that the SAT delivered, and that
// were lost because no delivery was a whole ZIP.
func (c *Change) LostBroken(tramo int64) int {
	return c.lost(tramo, `g.rotas > 0 AND g.nuestras = 0 AND g.vuela = ''`)
}

// LostEqual counts those of which two deliveries were the same bytes.
func (c *Change) LostEqual(tramo int64) int {
	return c.lost(tramo, `g.rotas > 0 AND g.iguales = 1 AND g.nuestras = 0 AND g.vuela = ''`)
}

// lost counts lost packages; where is a constant of this file.
func (c *Change) lost(tramo int64, where string) (howMany int) {
	c.one(`SELECT COUNT(*) FROM tramos_paquetes p JOIN descargas d ON d.id = p.descarga
		JOIN paquetes g ON g.id_paquete = upper(p.id_paquete) AND g.rfc = d.rfc AND g.servicio = d.servicio
		WHERE p.tramo = $1 AND p.estado = 'perdido' AND `+where, []any{tramo}, &howMany)
	return howMany
}

// ArrivesLate keeps a package that came when its descarga had been cancelled.
func (c *Change) ArrivesLate(p TramoPaquete) {
	c.exec(`UPDATE tramos_paquetes SET estado = 'guardado', comprobantes = $1, repetidos = $2, fallas = $3, danadas = $4, ajenas = $5, detalle = $6, motivo_codigo = $8 WHERE id = $7 AND estado = 'perdido'`,
		p.Comprobantes, p.Repeated, p.Fallas, p.DamagedEntries, p.Foreign, p.Detalle, p.ID, p.MotivoCodigo)
}

func readIn[T any](c *Change, query string, one func(scanner) (T, error), args ...any) []T {
	if c.err != nil {
		return nil
	}
	everything, err := all(c.ctx, c.tx, one, query, args...)
	c.err = err
	return everything
}

// NewPaquete inserts a package of a solicitud, unless it is there in any spelling,
// and returns its id; 0 when it was there.
func (c *Change) NewPaquete(tramo int64, idPaquete string, next time.Time) (id int64) {
	// The row of the descarga is locked: nobody else inserts.
	c.one(`INSERT INTO tramos_paquetes (descarga, numero, tramo, id_paquete, estado, siguiente, espera_desde)
		SELECT $1, (SELECT COALESCE(MAX(p.numero), 0) + 1 FROM tramos_paquetes p WHERE p.descarga = $1), CAST($2 AS BIGINT), CAST($3 AS TEXT), 'pendiente', $4, $5
		WHERE NOT EXISTS (SELECT 1 FROM tramos_paquetes p WHERE p.tramo = CAST($2 AS BIGINT) AND upper(p.id_paquete) = upper(CAST($3 AS TEXT)))
		RETURNING id`, []any{c.descarga.ID, tramo, idPaquete, Instant(next), Instant(c.now)}, &id)
	return id
}

// SavePaquete writes p and frees it. It fails with ErrTurn when p's turn is over.
func (c *Change) SavePaquete(p TramoPaquete) {
	n := c.exec(`UPDATE tramos_paquetes SET estado = $1, comprobantes = $2, repetidos = $3, fallas = $4, danadas = $5, ajenas = $6, intentos = $7, siguiente = $8, detalle = $9,
		ocupante = '', rechazo = $10, rechazos = $11, espera_desde = $14, motivo_codigo = $15 WHERE id = $12 AND turno = $13`, string(p.Estado), p.Comprobantes, p.Repeated, p.Fallas, p.DamagedEntries, p.Foreign, p.Attempts,
		Instant(p.Next), p.Detalle, p.Serie.Condition, p.Serie.Times, p.ID, p.Turn, Instant(c.now), p.MotivoCodigo)
	if n == 0 && c.err == nil {
		c.err = ErrTurn
	}
}

// Err is the first failure so far.
func (c *Change) Err() error { return c.err }
