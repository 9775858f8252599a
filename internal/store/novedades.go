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
	Fecha   string // of emission, as gateway.FechaFormat
}

// byInsertion is how many rows one statement inserts: SQLite and PostgreSQL
// take over 30,000 parameters.
const byInsertion = 500

// RecordNovedades keeps those that no earlier run of the recurrent descarga has
// yielded as the run's. Twice the same changes nothing.
func (s Comprobantes) RecordNovedades(ctx context.Context, programacion, corrida string, novedades []Novedad) error {
	for len(novedades) > 0 {
		part := novedades[:min(len(novedades), byInsertion)]
		novedades = novedades[len(part):]
		var b strings.Builder
		args := []any{programacion, corrida}
		for i, n := range part {
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
		if _, err := s.write.exec(ctx, `INSERT INTO novedades (programacion, descarga, uuid, estatus, fecha) VALUES `+b.String()+` ON CONFLICT DO NOTHING`, args...); err != nil {
			return err
		}
	}
	return nil
}

// Novedades returns what a run yields of the UUIDs, without dates: one may come
// with both of the SAT's statuses.
func (s Comprobantes) Novedades(ctx context.Context, corrida string, uuids []string) (map[Novedad]bool, error) {
	out := make(map[Novedad]bool, len(uuids))
	for len(uuids) > 0 {
		part := uuids[:min(len(uuids), byInsertion)]
		uuids = uuids[len(part):]
		q := &query{}
		q.y("descarga = ?", corrida)
		q.en("uuid", part)
		err := s.read.each(ctx, func(f scanner) error {
			var n Novedad
			err := f.Scan(&n.UUID, &n.Estatus)
			out[n] = true
			return err
		}, q.sql(`SELECT uuid, estatus FROM novedades`, ``), q.args...)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// NovedadesRango returns the first and the last date of emission of what a run
// yields with a status, and how many there are.
func (s Comprobantes) NovedadesRango(ctx context.Context, corrida, estatus string) (since, until string, howMany int64, err error) {
	_, err = s.read.one(ctx, `SELECT COALESCE(MIN(fecha), ''), COALESCE(MAX(fecha), ''), COUNT(*) FROM novedades WHERE descarga = $1 AND estatus = $2`,
		[]any{corrida, estatus}, &since, &until, &howMany)
	return since, until, howMany, err
}
