package store

import (
	"context"
	"strconv"
	"strings"
)

// Novedad is a comprobante as one run of a recurrent descarga found it.
type Novedad struct {
	UUID    string // lower case
	Estatus string // the SAT's: 1 vigente, 0 cancelado
	Fecha   string // of emission
}

// porInsercion is how many rows one statement inserts: SQLite and PostgreSQL
// take over 30,000 parameters.
const porInsercion = 500

// AnotaNovedades keeps those that no earlier run of the recurrent descarga has
// yielded as the run's. Twice the same changes nothing.
func (s *Store) AnotaNovedades(ctx context.Context, programacion, corrida string, novedades []Novedad) error {
	for len(novedades) > 0 {
		parte := novedades[:min(len(novedades), porInsercion)]
		novedades = novedades[len(parte):]
		var b strings.Builder
		args := []any{programacion, corrida}
		for i, n := range parte {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString("($1, $2")
			for _, v := range []string{n.UUID, n.Estatus, n.Fecha} {
				args = append(args, v)
				b.WriteString(", $" + strconv.Itoa(len(args)))
			}
			b.WriteByte(')')
		}
		if _, err := s.exec(ctx, `INSERT INTO novedades (programacion, descarga, uuid, estatus, fecha) VALUES `+b.String()+` ON CONFLICT DO NOTHING`, args...); err != nil {
			return err
		}
	}
	return nil
}

// Novedades returns which of the UUIDs a run yields, each with the SAT's status.
func (s *Store) Novedades(ctx context.Context, corrida string, uuids []string) (map[string]string, error) {
	out := make(map[string]string, len(uuids))
	for len(uuids) > 0 {
		parte := uuids[:min(len(uuids), porInsercion)]
		uuids = uuids[len(parte):]
		q := &consulta{}
		q.y("descarga = ?", corrida)
		q.en("uuid", parte)
		halladas, err := todas(ctx, s.db, func(f fila) (n Novedad, err error) {
			err = f.Scan(&n.UUID, &n.Estatus)
			return n, err
		}, q.sql(`SELECT uuid, estatus FROM novedades`, ``), q.args...)
		if err != nil {
			return nil, err
		}
		for _, n := range halladas {
			out[n.UUID] = n.Estatus
		}
	}
	return out, nil
}

// RangoDeNovedades returns the first and the last date of emission of what a run
// yields with a status, and how many there are.
func (s *Store) RangoDeNovedades(ctx context.Context, corrida, estatus string) (desde, hasta string, cuantas int64, err error) {
	_, err = s.one(ctx, `SELECT COALESCE(MIN(fecha), ''), COALESCE(MAX(fecha), ''), COUNT(*) FROM novedades WHERE descarga = $1 AND estatus = $2`,
		[]any{corrida, estatus}, &desde, &hasta, &cuantas)
	return desde, hasta, cuantas, err
}
