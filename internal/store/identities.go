package store

import (
	"context"
	"time"
)

// Comprobantes are what packages were found to hold: the UUIDs of each solicitud, and what each
// run of a recurrent descarga has yielded.
type Comprobantes struct{ *core }

// Place is where the date of a comprobante lies, seen from its solicitud.
type Place string

const (
	// Own is in the range that the solicitud is for, or of no date.
	Own Place = ""
	// Ampliado is in the seconds by which the range was widened. The SAT counts it, and
	// another solicitud has it too.
	Ampliado Place = "ampliado"
	// Ajeno is outside of what the SAT was asked for.
	Ajeno Place = "ajeno"
)

// UUIDLength is the length of a UUID in bytes.
const UUIDLength = 16

// RecordIdentities keeps the UUIDs, one behind the other in uuids, as read in a
// package; those that the solicitud has already stay with the package that has them.
// Sorted ones cost less. Twice the same changes nothing.
func (s Comprobantes) RecordIdentities(ctx context.Context, p TramoPaquete, place Place, uuids []byte) error {
	if len(uuids) == 0 {
		return nil
	}
	// One parameter instead of one for each row; the two databases have no type in common for it.
	bytes := "BLOB"
	if s.pool != nil {
		bytes = "BYTEA"
	}
	_, err := s.write.exec(ctx, `INSERT INTO identidades (tramo, uuid, paquete, lugar)
		WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < CAST($5 AS INTEGER))
		SELECT CAST($1 AS BIGINT), substr(CAST($4 AS `+bytes+`), 16 * i + 1, 16), CAST($2 AS BIGINT), CAST($3 AS TEXT) FROM n WHERE i >= 0
		ON CONFLICT DO NOTHING`, p.IDTramo, p.ID, string(place), uuids, len(uuids)/UUIDLength)
	return err
}

// CountIdentities counts what a package was the first of its solicitud to bring.
func (s Comprobantes) CountIdentities(ctx context.Context, p TramoPaquete) (howMany int64, err error) {
	_, err = s.read.one(ctx, `SELECT COUNT(*) FROM identidades WHERE tramo = $1 AND paquete = $2`, []any{p.IDTramo, p.ID}, &howMany)
	return howMany, err
}

// RemoveIdentities takes back what a package has brought, as another copy of it
// takes its place.
func (s Comprobantes) RemoveIdentities(ctx context.Context, p TramoPaquete) error {
	_, err := s.write.exec(ctx, `DELETE FROM identidades WHERE tramo = $1 AND paquete = $2`, p.IDTramo, p.ID)
	return err
}

// ForgetIdentities removes the rows of descargas that ended before before: what
// they add up to is written down.
func (s Comprobantes) ForgetIdentities(ctx context.Context, before time.Time) error {
	for tramo := int64(0); ; {
		// The key is gone through in steps of one solicitud, whatever its rows.
		if _, err := s.read.one(ctx, `SELECT COALESCE(MIN(tramo), 0) FROM identidades WHERE tramo > $1`, []any{tramo}, &tramo); err != nil || tramo == 0 {
			return err
		}
		if _, err := s.write.exec(ctx, `DELETE FROM identidades WHERE tramo = $1 AND EXISTS (SELECT 1 FROM tramos t JOIN descargas d ON d.id = t.descarga
			WHERE t.id = $1 AND d.terminada <> '' AND d.terminada < $2)`, tramo, Instant(before)); err != nil {
			return err
		}
	}
}

// RecordRepeated writes down what the solicitudes of a descarga, none of which
// lives, have of each other: whose date is not in what the SAT was asked for, though
// another solicitud has it. What has no such date is seldom, and looked up alone.
func (c *Change) RecordRepeated() {
	c.exec(`UPDATE tramos SET repetidos = (SELECT COUNT(*) FROM identidades i WHERE i.tramo = tramos.id AND i.lugar = 'ajeno' AND EXISTS (
			SELECT 1 FROM tramos t JOIN identidades o ON o.tramo = t.id WHERE t.descarga = tramos.descarga AND t.id <> tramos.id
			AND t.estado NOT IN ('partida', 'sustituida') AND o.uuid = i.uuid AND (o.lugar = '' OR o.lugar = 'ajeno' AND t.id < tramos.id)))
		WHERE descarga = $1 AND estado NOT IN ('partida', 'sustituida')
		AND EXISTS (SELECT 1 FROM identidades i WHERE i.tramo = tramos.id AND i.lugar = 'ajeno')`, c.descarga.ID)
}
