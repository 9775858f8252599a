package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Avance is what is counted of a descarga.
type Avance struct {
	Progreso  gateway.Progreso
	Cuota     gateway.Cuota
	Siguiente time.Time
}

// Avances counts what the solicitudes and packages of descargas have come to. The
// database adds up: a descarga may have thousands.
func (s *Store) Avances(ctx context.Context, descargas []string) (map[string]Avance, error) {
	out := make(map[string]Avance, len(descargas))
	if len(descargas) == 0 {
		return out, nil
	}
	hechos := make(map[string]float64)
	for _, suma := range []func(context.Context, []string, map[string]Avance, map[string]float64) error{s.avancesDeTramos, s.avancesDePaquetes, s.avancesAMedias} {
		if err := suma(ctx, descargas, out, hechos); err != nil {
			return nil, err
		}
	}
	for id, hecho := range hechos {
		a := out[id]
		a.Progreso.Porcentaje = int(100 * hecho / float64(max(a.Progreso.Solicitudes, 1)))
		out[id] = a
	}
	return out, nil
}

// suyas is the condition that picks the solicitudes that are to bring something.
const suyas = `t.estado NOT IN ('partida', 'sustituida')`

func (s *Store) avancesDeTramos(ctx context.Context, descargas []string, out map[string]Avance, hechos map[string]float64) error {
	q := &consulta{}
	q.en("t.descarga", descargas)
	return s.porDescarga(ctx, q, `SELECT t.descarga, SUM(CASE WHEN `+suyas+` THEN 1 ELSE 0 END),
		SUM(CASE WHEN `+suyas+` AND t.estado NOT IN ('pendiente', 'presentada', 'descargando') THEN 1 ELSE 0 END),
		CAST(SUM(CASE WHEN `+suyas+` THEN t.numero_cfdis ELSE 0 END) AS BIGINT), CAST(SUM(CASE WHEN `+suyas+` THEN t.repetidos ELSE 0 END) AS BIGINT), SUM(t.presentaciones), MIN(CASE WHEN t.siguiente <> '' THEN t.siguiente END)
		FROM tramos t`, ` GROUP BY t.descarga`, func(f fila) error {
		var descarga string
		var a Avance
		var siguiente sql.NullString
		if err := f.Scan(&descarga, &a.Progreso.Solicitudes, &a.Progreso.SolicitudesTerminadas, &a.Progreso.NumeroCFDIs, &a.Progreso.Repetidos, &a.Cuota.Solicitudes, &siguiente); err != nil {
			return err
		}
		hechos[descarga] = float64(a.Progreso.SolicitudesTerminadas)
		cuando, err := leeInstante(siguiente.String)
		a.antes(cuando)
		out[descarga] = a
		return err
	})
}

// antes makes cuando the next instant, if it comes first.
func (a *Avance) antes(cuando time.Time) {
	if !cuando.IsZero() && (a.Siguiente.IsZero() || cuando.Before(a.Siguiente)) {
		a.Siguiente = cuando
	}
}

func (s *Store) avancesDePaquetes(ctx context.Context, descargas []string, out map[string]Avance, _ map[string]float64) error {
	q := &consulta{}
	q.en("p.descarga", descargas)
	return s.porDescarga(ctx, q, `SELECT p.descarga, SUM(CASE WHEN `+suyas+` THEN 1 ELSE 0 END),
		SUM(CASE WHEN `+suyas+` AND p.estado IN ('guardado', 'borrado') THEN 1 ELSE 0 END),
		CAST(SUM(CASE WHEN `+suyas+` AND p.estado = 'guardado' THEN COALESCE(g.bytes, 0) ELSE 0 END) AS BIGINT),
		CAST(SUM(CASE WHEN `+suyas+` AND p.comprobantes > 0 THEN p.comprobantes ELSE 0 END) AS BIGINT),
		CAST(SUM(CASE WHEN `+suyas+` THEN p.repetidos ELSE 0 END) AS BIGINT),
		CAST(SUM(CASE WHEN `+suyas+` AND p.fallas > 0 THEN p.fallas ELSE 0 END) AS BIGINT),
		SUM(COALESCE(g.descargas, 0)), MIN(CASE WHEN p.siguiente <> '' THEN p.siguiente END)
		FROM tramos_paquetes p JOIN tramos t ON t.id = p.tramo JOIN descargas d ON d.id = p.descarga
		LEFT JOIN paquetes g ON g.id_paquete = upper(p.id_paquete) AND g.rfc = d.rfc AND g.servicio = d.servicio`, ` GROUP BY p.descarga`, func(f fila) error {
		var descarga string
		var u gateway.Progreso
		var bajadas int
		var siguiente sql.NullString
		if err := f.Scan(&descarga, &u.Paquetes, &u.PaquetesGuardados, &u.Bytes, &u.Encontrados, &u.Repetidos, &u.Fallas, &bajadas, &siguiente); err != nil {
			return err
		}
		a := out[descarga]
		p := &a.Progreso
		// Of what its packages bring, other solicitudes have some in their own range.
		entre := p.Repetidos
		p.Paquetes, p.PaquetesGuardados, p.Bytes, p.Fallas = u.Paquetes, u.PaquetesGuardados, u.Bytes, u.Fallas
		p.Encontrados, p.Repetidos = u.Encontrados-entre, u.Repetidos+entre
		a.Cuota.Descargas += bajadas
		cuando, err := leeInstante(siguiente.String)
		a.antes(cuando)
		out[descarga] = a
		return err
	})
}

// avancesAMedias adds the solicitudes that live by the share of their packages
// that are stored.
func (s *Store) avancesAMedias(ctx context.Context, descargas []string, _ map[string]Avance, hechos map[string]float64) error {
	q := &consulta{}
	q.en("t.descarga", descargas)
	q.y("t.estado IN ('presentada', 'descargando')")
	return s.porDescarga(ctx, q, `SELECT t.descarga, COUNT(*), SUM(CASE WHEN p.estado IN ('guardado', 'borrado') THEN 1 ELSE 0 END)
		FROM tramos t JOIN tramos_paquetes p ON p.tramo = t.id`, ` GROUP BY t.descarga, t.id`, func(f fila) error {
		var descarga string
		var todos, guardados int
		err := f.Scan(&descarga, &todos, &guardados)
		if err == nil {
			hechos[descarga] += float64(guardados) / float64(todos)
		}
		return err
	})
}

// porDescarga calls una for each row of a query; its texts are constants of this file.
func (s *Store) porDescarga(ctx context.Context, q *consulta, selecciona, resto string, una func(fila) error) error {
	return s.cada(ctx, una, q.sql(selecciona, resto), q.args...)
}

// cada runs a query, whose text is made of constants of this package, and calls
// una for each row.
func (s *Store) cada(ctx context.Context, una func(fila) error, query string, args ...any) error {
	_, err := todas(ctx, s.lecturas, func(f fila) (struct{}, error) { return struct{}{}, una(f) }, query, args...)
	return err
}
