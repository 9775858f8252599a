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

// Descarga is one row of the durable downloads.
type Descarga struct {
	gateway.Descarga
	// Clave is the caller's idempotency key, scoped to the caller; empty for none.
	Clave string
	// Huella identifies the criteria: one descarga of each lives at a time.
	Huella string
	// SigueXML says that the XML of what it finds is to be fetched once it has ended.
	SigueXML bool
}

const columnasDescarga = `id, COALESCE(clave, ''), huella, peticion, estado, motivo, motivo_codigo, programacion, creada, actualizada, limite, tope, siguiente, terminada`

// fila is a row to scan, of one or of many.
type fila interface{ Scan(...any) error }

func leeDescarga(f fila) (Descarga, error) {
	var d Descarga
	var peticion, creada, actualizada, limite, tope, siguiente, terminada string
	err := f.Scan(&d.ID, &d.Clave, &d.Huella, &peticion, &d.Estado, &d.Motivo, &d.MotivoCodigo, &d.IDProgramacion, &creada, &actualizada, &limite, &tope, &siguiente, &terminada)
	if errors.Is(err, sql.ErrNoRows) {
		return d, ErrNotFound
	}
	if err == nil {
		d.Peticion, err = leePeticion(peticion)
	}
	var corre time.Time
	for _, p := range []struct {
		to   *time.Time
		text string
	}{{&d.Creada, creada}, {&d.Actualizada, actualizada}, {&d.Limite, limite}, {&d.Tope, tope}, {&corre, siguiente}, {&d.Terminada, terminada}} {
		if err == nil {
			*p.to, err = leeInstante(p.text)
		}
	}
	if d.Peticion.Programacion != nil {
		d.Peticion.Programacion.Siguiente = corre
	}
	if err != nil {
		return d, fmt.Errorf("store: a descarga: %w", err)
	}
	return d, nil
}

// Descarga returns one row, or ErrNotFound.
func (s *Store) Descarga(ctx context.Context, id string) (Descarga, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	return leeDescarga(s.lecturas.QueryRowContext(ctx, `SELECT `+columnasDescarga+` FROM descargas WHERE id = $1`, id))
}

// DescargaDeClave returns the row that an idempotency key made, or ErrNotFound.
func (s *Store) DescargaDeClave(ctx context.Context, clave string) (Descarga, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	return leeDescarga(s.lecturas.QueryRowContext(ctx, `SELECT `+columnasDescarga+` FROM descargas WHERE clave = $1`, clave))
}

// DescargaViva returns the row with these criteria that has not ended, or ErrNotFound.
func (s *Store) DescargaViva(ctx context.Context, huella string) (Descarga, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	return leeDescarga(s.lecturas.QueryRowContext(ctx, `SELECT `+columnasDescarga+` FROM descargas WHERE huella = $1 AND terminada = ''`, huella))
}

// CreaDescarga writes d with its first solicitudes and events, in one piece. It
// returns false when its key or its criteria are taken.
func (s *Store) CreaDescarga(ctx context.Context, d Descarga, tramos []Tramo, eventos ...gateway.EventoDescarga) (bool, error) {
	peticion, err := escribePeticion(d.Peticion)
	if err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	if err := s.enSuLugar(); err != nil {
		return false, err
	}
	var siguiente time.Time
	if d.Peticion.Programacion != nil {
		siguiente = d.Peticion.Programacion.Siguiente
	}
	sigue := ""
	if d.SigueXML {
		sigue = "xml"
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it does nothing
	ahora := Instante(s.now())
	suya, err := s.changes(ctx, tx,
		`INSERT INTO descargas (id, clave, huella, servicio, rfc, peticion, estado, programacion, creada, actualizada, limite, siguiente, hasta, sigue, tope)
		 SELECT $1, NULLIF($2, ''), $3, $4, $5, $6, $7, $8, $9, $9, $10, $11, $12, $13, $14 WHERE `+esEste("$15", "$16")+` ON CONFLICT DO NOTHING`,
		append([]any{d.ID, d.Clave, d.Huella, string(d.Peticion.Solicitud.Servicio), d.Peticion.Solicitud.RFCSolicitante, peticion, string(d.Estado), d.IDProgramacion,
			ahora, Instante(d.Limite), Instante(siguiente), d.Peticion.Solicitud.FechaFinal, sigue, Instante(d.Tope)}, s.este()...)...)
	if err != nil {
		return false, err
	}
	if !suya {
		return false, errors.Join(tx.Rollback(), s.sigue(ctx, false))
	}
	c := &Cambio{ctx: ctx, tx: tx, ahora: s.now(), descarga: d}
	for i := range tramos {
		c.NuevoTramo(&tramos[i])
	}
	for _, e := range eventos {
		c.Evento(e)
	}
	if err := c.escribe(); err != nil {
		return false, err
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("store: %w", err)
	}
	s.mueve()
	return true, nil
}

// ErrCursor says that a cursor is none that a page gave.
var ErrCursor = errors.New("store: not a cursor")

// ListaDescargas returns the rows that f lets pass, the newest first, and the
// cursor of the page behind; empty at the end. It fails with ErrCursor.
func (s *Store) ListaDescargas(ctx context.Context, f gateway.FiltroDescargas) ([]Descarga, string, error) {
	q := filtra(f)
	if len(f.Estados) > 0 {
		estados := make([]string, len(f.Estados))
		for i, e := range f.Estados {
			estados[i] = string(e)
		}
		q.en("estado", estados)
	}
	if f.Cursor != "" {
		creada, id, ok := strings.Cut(f.Cursor, "~")
		if _, err := leeInstante(creada); !ok || err != nil {
			return nil, "", ErrCursor
		}
		q.y("(creada < ? OR creada = ? AND id < ?)", creada, creada, id)
	}
	pagina, err := todas(ctx, s.lecturas, leeDescarga, q.sql(`SELECT `+columnasDescarga+` FROM descargas`, ` ORDER BY creada DESC, id DESC LIMIT `+strconv.Itoa(f.Limite+1)), q.args...)
	if err != nil || len(pagina) <= f.Limite {
		return pagina, "", err
	}
	ultima := pagina[f.Limite-1]
	return pagina[:f.Limite], Instante(ultima.Creada) + "~" + ultima.ID, nil
}

// filtra makes conditions of f's fields but for Estados and Cursor.
func filtra(f gateway.FiltroDescargas) *consulta {
	q := &consulta{}
	if f.RFCs != nil {
		q.en("rfc", f.RFCs)
	}
	if f.RFC != "" {
		q.y("rfc = ?", f.RFC)
	}
	if f.IDProgramacion != "" {
		q.y("programacion = ?", f.IDProgramacion)
	}
	if !f.CreadaDesde.IsZero() {
		q.y("creada >= ?", Instante(f.CreadaDesde))
	}
	if !f.CreadaHasta.IsZero() {
		q.y("creada < ?", Instante(f.CreadaHasta))
	}
	return q
}

// CuentaDescargas counts by state the rows that f lets pass, whatever its Estados,
// Cursor and Limite.
func (s *Store) CuentaDescargas(ctx context.Context, f gateway.FiltroDescargas) (map[gateway.EstadoDescarga]int, error) {
	q := filtra(f)
	out := make(map[gateway.EstadoDescarga]int)
	return out, s.cada(ctx, func(f fila) error {
		var estado gateway.EstadoDescarga
		var cuantas int
		err := f.Scan(&estado, &cuantas)
		out[estado] = cuantas
		return err
	}, q.sql(`SELECT estado, COUNT(*) FROM descargas`, ` GROUP BY estado`), q.args...)
}

// consulta gathers conditions; their texts are constants of this package.
type consulta struct {
	partes []string
	args   []any
}

// y adds a condition whose question marks take args in turn.
func (q *consulta) y(condicion string, args ...any) {
	for _, a := range args {
		q.args = append(q.args, a)
		condicion = strings.Replace(condicion, "?", "$"+strconv.Itoa(len(q.args)), 1)
	}
	q.partes = append(q.partes, condicion)
}

func (q *consulta) en(columna string, valores []string) {
	if len(valores) == 0 {
		q.partes = append(q.partes, "1 = 0")
		return
	}
	args := make([]any, len(valores))
	for i, v := range valores {
		args[i] = v
	}
	q.y(columna+" IN (?"+strings.Repeat(", ?", len(valores)-1)+")", args...)
}

// sql is the whole statement: its two parts are constants of this package.
func (q *consulta) sql(selecciona, resto string) string {
	var b strings.Builder
	b.WriteString(selecciona)
	for i, parte := range q.partes {
		if i == 0 {
			b.WriteString(" WHERE ")
		} else {
			b.WriteString(" AND ")
		}
		b.WriteString(parte)
	}
	b.WriteString(resto)
	return b.String()
}

// todas runs a query, whose text is made of constants of this package, and reads
// every row.
func todas[T any](ctx context.Context, db consultable, una func(fila) (T, error), query string, args ...any) ([]T, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	defer rows.Close() //nolint:errcheck // read only
	var out []T
	for rows.Next() {
		v, err := una(rows)
		if err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return out, nil
}

// consultable is a database or a transaction.
type consultable interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Eventos returns up to limite events of a descarga behind the number despues.
func (s *Store) Eventos(ctx context.Context, descarga string, despues int64, limite int) ([]gateway.EventoDescarga, error) {
	return todas(ctx, s.lecturas, func(f fila) (gateway.EventoDescarga, error) {
		var e gateway.EventoDescarga
		var cuando string
		err := f.Scan(&e.Numero, &cuando, &e.Tipo, &e.Detalle, &e.Tramo, &e.Codigo, &e.Mensaje, &e.Estado)
		if err == nil {
			e.Cuando, err = leeInstante(cuando)
		}
		return e, err
	}, `SELECT numero, cuando, tipo, detalle, tramo, codigo, mensaje, estado FROM eventos
		 WHERE descarga = $1 AND numero > $2 ORDER BY numero LIMIT `+strconv.Itoa(limite), descarga, despues)
}

// UltimoEvento returns the number of a descarga's last event and whether the
// descarga has ended.
func (s *Store) UltimoEvento(ctx context.Context, descarga string) (int64, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	var numero int64
	var terminada string
	err := s.lecturas.QueryRowContext(ctx, `SELECT eventos, terminada FROM descargas WHERE id = $1`, descarga).Scan(&numero, &terminada)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, ErrNotFound
	}
	if err != nil {
		return 0, false, fmt.Errorf("store: %w", err)
	}
	return numero, terminada != "", nil
}

// Programadas returns up to limite recurrent descargas whose run is due.
func (s *Store) Programadas(ctx context.Context, ahora time.Time, limite int) ([]Descarga, error) {
	return s.descargas(ctx, `estado = 'programada' AND siguiente <> '' AND siguiente <= $1 ORDER BY siguiente LIMIT `+strconv.Itoa(limite), Instante(ahora))
}

// CorridasSinXML returns up to limite runs of metadata that have ended and whose
// XML nobody has asked for yet.
func (s *Store) CorridasSinXML(ctx context.Context, limite int) ([]Descarga, error) {
	return s.descargas(ctx, `sigue = 'xml' AND terminada <> '' ORDER BY terminada LIMIT `+strconv.Itoa(limite))
}

// MarcaXML says that the XML of a run has been asked for, or is not needed.
func (s *Store) MarcaXML(ctx context.Context, corrida string) error {
	_, err := s.exec(ctx, `UPDATE descargas SET sigue = '' WHERE id = $1`, corrida)
	return err
}

// Corridas returns up to limite runs of metadata of a recurrent descarga, those
// that reach furthest first, without the ones that have left a part of their
// range out.
func (s *Store) Corridas(ctx context.Context, programacion string, limite int) ([]Descarga, error) {
	return s.descargas(ctx, `programacion = $1 AND clave NOT LIKE '%/xml' AND estado NOT IN ('fallida', 'cancelada')
		AND NOT EXISTS (SELECT 1 FROM tramos WHERE tramos.descarga = descargas.id AND tramos.estado = 'fallida') ORDER BY hasta DESC LIMIT `+strconv.Itoa(limite), programacion)
}

// PorPublicar returns up to limite descargas whose end nobody has been told of.
func (s *Store) PorPublicar(ctx context.Context, limite int) ([]Descarga, error) {
	return s.descargas(ctx, `terminada <> '' AND publicada = '' ORDER BY terminada LIMIT `+strconv.Itoa(limite))
}

// MarcaPublicada says that subscribers have been told.
func (s *Store) MarcaPublicada(ctx context.Context, descarga string) error {
	_, err := s.exec(ctx, `UPDATE descargas SET publicada = $1 WHERE id = $2`, Instante(s.now()), descarga)
	return err
}

// PorRetirar returns up to limite descargas that ended before antes and whose
// packages retention has not removed.
func (s *Store) PorRetirar(ctx context.Context, antes time.Time, limite int) ([]Descarga, error) {
	return s.descargas(ctx, `terminada <> '' AND terminada < $1 AND retirada = '' ORDER BY terminada LIMIT `+strconv.Itoa(limite), Instante(antes))
}

// Retira says that retention has removed a descarga's packages.
func (c *Cambio) Retira() {
	c.exec(`UPDATE descargas SET retirada = $1 WHERE id = $2`, Instante(c.ahora), c.descarga.ID)
	c.exec(`UPDATE tramos_paquetes SET estado = 'borrado' WHERE descarga = $1 AND estado = 'guardado'`, c.descarga.ID)
}

// descargas reads rows; where is a constant of this file, never input.
func (s *Store) descargas(ctx context.Context, where string, args ...any) ([]Descarga, error) {
	return todas(ctx, s.lecturas, leeDescarga, `SELECT `+columnasDescarga+` FROM descargas WHERE `+where, args...)
}
