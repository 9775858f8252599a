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

// Avances counts what the solicitudes and packages of descargas have come to.
func (s *Store) Avances(ctx context.Context, descargas []string) (map[string]Avance, error) {
	out := make(map[string]Avance, len(descargas))
	if len(descargas) == 0 {
		return out, nil
	}
	porTramo, err := s.avancesDePaquetes(ctx, descargas, out)
	if err != nil {
		return nil, err
	}
	q := &consulta{}
	q.en("descarga", descargas)
	hechos := make(map[string]float64)
	err = s.cada(ctx, func(f fila) error {
		var id, numero int64
		var presentaciones int
		var descarga, siguiente string
		var estado gateway.EstadoTramo
		if err := f.Scan(&id, &descarga, &estado, &numero, &presentaciones, &siguiente); err != nil {
			return err
		}
		a := out[descarga]
		a.Cuota.Solicitudes += presentaciones
		cuando, err := leeInstante(siguiente)
		if err != nil {
			return err
		}
		a.antes(cuando)
		if estado != gateway.TramoPartida && estado != gateway.TramoSustituida {
			a.Progreso.Solicitudes++
			paquetes := porTramo[id]
			switch {
			case !estado.Vivo():
				a.Progreso.SolicitudesTerminadas++
				hechos[descarga]++
			case paquetes.todos > 0:
				hechos[descarga] += float64(paquetes.guardados) / float64(paquetes.todos)
			}
			a.Progreso.NumeroCFDIs += numero
			a.Progreso.Paquetes += paquetes.todos
			a.Progreso.PaquetesGuardados += paquetes.guardados
			a.Progreso.Bytes += paquetes.bytes
			a.Progreso.Encontrados += paquetes.comprobantes
			a.Progreso.Fallas += paquetes.fallas
		}
		out[descarga] = a
		return nil
	}, q.sql(`SELECT id, descarga, estado, numero_cfdis, presentaciones, siguiente FROM tramos`, ``), q.args...)
	for id, hecho := range hechos {
		a := out[id]
		a.Progreso.Porcentaje = int(100 * hecho / float64(a.Progreso.Solicitudes))
		out[id] = a
	}
	return out, err
}

// antes makes cuando the next instant, if it comes first.
func (a *Avance) antes(cuando time.Time) {
	if !cuando.IsZero() && (a.Siguiente.IsZero() || cuando.Before(a.Siguiente)) {
		a.Siguiente = cuando
	}
}

// sumas are those of one solicitud's packages.
type sumas struct {
	todos, guardados            int
	bytes, comprobantes, fallas int64
}

// avancesDePaquetes counts the packages of each solicitud, and adds to out what
// concerns the descarga as a whole.
func (s *Store) avancesDePaquetes(ctx context.Context, descargas []string, out map[string]Avance) (map[int64]sumas, error) {
	q := &consulta{}
	q.en("p.descarga", descargas)
	porTramo := make(map[int64]sumas)
	err := s.cada(ctx, func(f fila) error {
		var descarga string
		var tramo int64
		var u sumas
		var bajadas int
		var siguiente sql.NullString
		if err := f.Scan(&descarga, &tramo, &u.todos, &u.guardados, &u.bytes, &u.comprobantes, &u.fallas, &bajadas, &siguiente); err != nil {
			return err
		}
		porTramo[tramo] = u
		a := out[descarga]
		a.Cuota.Descargas += bajadas
		cuando, err := leeInstante(siguiente.String)
		if err != nil {
			return err
		}
		a.antes(cuando)
		out[descarga] = a
		return nil
	}, q.sql(`SELECT p.descarga, p.tramo, COUNT(*), SUM(CASE WHEN p.estado IN ('guardado', 'borrado') THEN 1 ELSE 0 END),
		SUM(CASE WHEN p.estado = 'guardado' THEN COALESCE(g.bytes, 0) ELSE 0 END), SUM(CASE WHEN p.comprobantes > 0 THEN p.comprobantes ELSE 0 END),
		SUM(CASE WHEN p.fallas > 0 THEN p.fallas ELSE 0 END), SUM(COALESCE(g.descargas, 0)), MIN(CASE WHEN p.siguiente <> '' THEN p.siguiente END)
		FROM tramos_paquetes p JOIN descargas d ON d.id = p.descarga
		LEFT JOIN paquetes g ON g.id_paquete = p.id_paquete AND g.rfc = d.rfc AND g.servicio = d.servicio`, ` GROUP BY p.descarga, p.tramo`), q.args...)
	return porTramo, err
}

// cada runs a query, whose text is made of constants of this package, and calls
// una for each row.
func (s *Store) cada(ctx context.Context, una func(fila) error, query string, args ...any) error {
	_, err := todas(ctx, s.db, func(f fila) (struct{}, error) { return struct{}{}, una(f) }, query, args...)
	return err
}

// Vivas counts the descargas that have not ended, by state, and the solicitudes
// and packages of theirs that were due before antes.
func (s *Store) Vivas(ctx context.Context, antes time.Time) (porEstado map[string]int64, atrasados int64, err error) {
	porEstado = make(map[string]int64)
	err = s.cada(ctx, func(f fila) error {
		var estado string
		var n int64
		err := f.Scan(&estado, &n)
		porEstado[estado] = n
		return err
	}, `SELECT estado, COUNT(*) FROM descargas WHERE terminada = '' GROUP BY estado`)
	if err != nil {
		return nil, 0, err
	}
	_, err = s.one(ctx, `SELECT (SELECT COUNT(*) FROM tramos WHERE estado IN ('pendiente', 'presentada') AND siguiente < $1) +
		(SELECT COUNT(*) FROM tramos_paquetes WHERE estado = 'pendiente' AND siguiente < $1)`, []any{Instante(antes)}, &atrasados)
	return porEstado, atrasados, err
}
