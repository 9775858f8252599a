package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Progress is what is counted of a descarga.
type Progress struct {
	Progreso gateway.Progreso
	Cuota    gateway.Cuota
	Next     time.Time
}

// Progresses counts what the solicitudes and packages of descargas have come to. The
// database adds up: a descarga may have thousands.
func (s Descargas) Progresses(ctx context.Context, descargas []string) (map[string]Progress, error) {
	out := make(map[string]Progress, len(descargas))
	if len(descargas) == 0 {
		return out, nil
	}
	done := make(map[string]float64)
	for _, sum := range []func(context.Context, []string, map[string]Progress, map[string]float64) error{s.tramosProgresses, s.paquetesProgresses, s.halfwayAdvances} {
		if err := sum(ctx, descargas, out, done); err != nil {
			return nil, err
		}
	}
	for id, finished := range done {
		a := out[id]
		a.Progreso.Percentage = int(100 * finished / float64(max(a.Progreso.Solicitudes, 1)))
		out[id] = a
	}
	return out, nil
}

// its is the condition that picks the solicitudes that are to bring something.
const its = `t.estado NOT IN ('partida', 'sustituida')`

func (s Descargas) tramosProgresses(ctx context.Context, descargas []string, out map[string]Progress, done map[string]float64) error {
	q := &query{}
	q.en("t.descarga", descargas)
	return s.byDescarga(ctx, q, `SELECT t.descarga, SUM(CASE WHEN `+its+` THEN 1 ELSE 0 END),
		SUM(CASE WHEN `+its+` AND t.estado NOT IN ('pendiente', 'presentada', 'descargando') THEN 1 ELSE 0 END),
		CAST(SUM(CASE WHEN `+its+` THEN t.numero_cfdis ELSE 0 END) AS BIGINT), CAST(SUM(CASE WHEN `+its+` THEN t.repetidos ELSE 0 END) AS BIGINT), SUM(t.presentaciones), MIN(CASE WHEN t.siguiente <> '' THEN t.siguiente END)
		FROM tramos t`, ` GROUP BY t.descarga`, func(f scanner) error {
		var descarga string
		var a Progress
		var next sql.NullString
		if err := f.Scan(&descarga, &a.Progreso.Solicitudes, &a.Progreso.SolicitudesTerminadas, &a.Progreso.NumeroCFDIs, &a.Progreso.Repeated, &a.Cuota.Solicitudes, &next); err != nil {
			return err
		}
		done[descarga] = float64(a.Progreso.SolicitudesTerminadas)
		when, err := readInstant(next.String)
		a.before(when)
		out[descarga] = a
		return err
	})
}

// before makes when the next instant, if it comes first.
func (a *Progress) before(when time.Time) {
	if !when.IsZero() && (a.Next.IsZero() || when.Before(a.Next)) {
		a.Next = when
	}
}

func (s Descargas) paquetesProgresses(ctx context.Context, descargas []string, out map[string]Progress, _ map[string]float64) error {
	q := &query{}
	q.en("p.descarga", descargas)
	return s.byDescarga(ctx, q, `SELECT p.descarga, SUM(CASE WHEN `+its+` THEN 1 ELSE 0 END),
		SUM(CASE WHEN `+its+` AND p.estado IN ('guardado', 'borrado') THEN 1 ELSE 0 END),
		CAST(SUM(CASE WHEN `+its+` AND p.estado = 'guardado' THEN COALESCE(g.bytes, 0) ELSE 0 END) AS BIGINT),
		CAST(SUM(CASE WHEN `+its+` AND p.comprobantes > 0 THEN p.comprobantes ELSE 0 END) AS BIGINT),
		CAST(SUM(CASE WHEN `+its+` THEN p.repetidos ELSE 0 END) AS BIGINT),
		CAST(SUM(CASE WHEN `+its+` AND p.fallas > 0 THEN p.fallas ELSE 0 END) AS BIGINT),
		SUM(COALESCE(g.descargas, 0)), MIN(CASE WHEN p.siguiente <> '' THEN p.siguiente END)
		FROM tramos_paquetes p JOIN tramos t ON t.id = p.tramo JOIN descargas d ON d.id = p.descarga
		LEFT JOIN paquetes g ON g.id_paquete = upper(p.id_paquete) AND g.rfc = d.rfc AND g.servicio = d.servicio`, ` GROUP BY p.descarga`, func(f scanner) error {
		var descarga string
		var u gateway.Progreso
		var downloads int
		var next sql.NullString
		if err := f.Scan(&descarga, &u.Paquetes, &u.PaquetesGuardados, &u.Bytes, &u.Found, &u.Repeated, &u.Fallas, &downloads, &next); err != nil {
			return err
		}
		a := out[descarga]
		p := &a.Progreso
		// Of what its packages bring, other solicitudes have some in their own range.
		between := p.Repeated
		p.Paquetes, p.PaquetesGuardados, p.Bytes, p.Fallas = u.Paquetes, u.PaquetesGuardados, u.Bytes, u.Fallas
		p.Found, p.Repeated = u.Found-between, u.Repeated+between
		a.Cuota.Descargas += downloads
		when, err := readInstant(next.String)
		a.before(when)
		out[descarga] = a
		return err
	})
}

// halfwayAdvances adds the solicitudes that live by the share of their packages
// that are stored.
func (s Descargas) halfwayAdvances(ctx context.Context, descargas []string, _ map[string]Progress, done map[string]float64) error {
	q := &query{}
	q.en("t.descarga", descargas)
	q.y("t.estado IN ('presentada', 'descargando')")
	return s.byDescarga(ctx, q, `SELECT t.descarga, COUNT(*), SUM(CASE WHEN p.estado IN ('guardado', 'borrado') THEN 1 ELSE 0 END)
		FROM tramos t JOIN tramos_paquetes p ON p.tramo = t.id`, ` GROUP BY t.descarga, t.id`, func(f scanner) error {
		var descarga string
		var all, saved int
		err := f.Scan(&descarga, &all, &saved)
		if err == nil {
			done[descarga] += float64(saved) / float64(all)
		}
		return err
	})
}

// byDescarga calls one for each row of a query; its texts are constants of this file.
func (s Descargas) byDescarga(ctx context.Context, q *query, pick, rest string, one func(scanner) error) error {
	return s.read.each(ctx, one, q.sql(pick, rest), q.args...)
}
