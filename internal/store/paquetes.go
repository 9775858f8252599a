package store

import (
	"context"
	"errors"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Paquetes are the SAT's packages, by the id that the SAT has given them.
type Paquetes struct{ *core }

// Paquete is one row of the packages' ledger.
type Paquete struct {
	// Descargas counts what the SAT has served, or may have.
	Descargas int
	// Complete says that the object SHA256 is in storage.
	Complete bool
	Bytes    int64
	SHA256   string // hexadecimal
	// Completed is when it was received whole; zero when it was not.
	Completed time.Time
	// Fly is the process that downloads or stores it; it may be dead.
	Fly string
	// Partial names the file, in the data directory of the process Fly, that
	// holds the package whole until it is in storage; empty when there is none.
	Partial string
	// Deleted is when its content was removed for good; zero when it was not.
	Deleted time.Time
	// Doubt says what is wrong with the delivery that is kept.
	Doubt
	// BrokenDeliveries counts the deliveries that came to their end and were no whole ZIP.
	BrokenDeliveries int
	// Equal says that two deliveries were the same bytes.
	Equal bool
	// Ours counts the downloads that a failure of this machine lost, Arrived the
	// most bytes that one of them had brought.
	Ours    int
	Arrived int64
}

// Missed reports whether this machine has lost a download of p: a process that died, or
// could not say how its flight ended, has lost it too.
func (p Paquete) Missed() bool { return p.Ours > 0 || p.Fly != "" }

// Has tells whether a delivery is kept, in storage or on its way there.
func (p Paquete) Has() bool { return p.Deleted.IsZero() && (p.Complete || p.Partial != "") }

// Doubt is what is wrong with a delivery; the zero value is nothing.
type Doubt struct {
	// Dubious says it, in Spanish.
	Dubious string
	// Broken says that it is no whole ZIP, so that nothing is read of it.
	Broken bool
}

// Pending is a package received whole and not in storage yet.
type Pending struct {
	gateway.Paquete
	SHA256  string
	Bytes   int64
	Partial string
	Fly     string
	Doubt
	// BrokenDelivery says that it came to its end all the same.
	BrokenDelivery bool
	// Mark is what the file's last change was when its bytes were hashed; empty where
	// this process has not hashed them. The ledger does not keep it.
	Mark string
}

// Get returns the row of p; the zero value when there is none.
func (s Paquetes) Get(ctx context.Context, p gateway.Paquete) (Paquete, error) {
	var row Paquete
	var completed, deleted string
	_, err := s.read.one(ctx, `SELECT descargas, completo, bytes, sha256, completado, vuela, parcial, borrado, dudoso, roto, rotas, iguales, nuestras, llegaron
		FROM paquetes WHERE servicio = $1 AND rfc = $2 AND id_paquete = $3`, []any{string(p.Servicio), p.RFCSolicitante, p.Clave()},
		&row.Descargas, &row.Complete, &row.Bytes, &row.SHA256, &completed, &row.Fly, &row.Partial, &deleted,
		&row.Dubious, &row.Broken, &row.BrokenDeliveries, &row.Equal, &row.Ours, &row.Arrived)
	return row, errors.Join(err, readInstantIn(completed, &row.Completed), readInstantIn(deleted, &row.Deleted))
}

// Reserve counts one more download of p and makes process the one that flies it,
// durably and in one step. It returns false, and changes nothing, when the count
// has reached highest, when the package is there beyond doubt or was deleted, or when
// it is flown by another process than dead, which the caller knows to be dead. A
// flight that is taken over has no end on record, and counts as one that a failure of
// ours has lost.
func (s Paquetes) Reserve(ctx context.Context, p gateway.Paquete, process, dead string, highest int) (bool, error) {
	if err := s.inItsPlace(); err != nil {
		return false, err
	}
	defer s.move()
	mine, err := s.write.changes(ctx,
		`INSERT INTO paquetes (servicio, rfc, id_paquete, descargas, vuela) SELECT $1, $2, $3, 1, $4 WHERE `+isThis("$7", "$8")+`
		 ON CONFLICT (servicio, rfc, id_paquete) DO UPDATE SET descargas = paquetes.descargas + 1, vuela = $4,
		        nuestras = paquetes.nuestras + CASE WHEN paquetes.vuela <> '' THEN 1 ELSE 0 END
		 WHERE paquetes.descargas < $5 AND (paquetes.completo = 0 OR paquetes.dudoso <> '') AND paquetes.borrado = '' AND (paquetes.vuela = '' OR paquetes.vuela = $6)`,
		append([]any{string(p.Servicio), p.RFCSolicitante, p.Clave(), process, highest, dead}, s.this()...)...)
	if err == nil {
		err = s.follow(ctx, mine)
	}
	return mine, err
}

// Fail ends the flight of process without a package; returned are the
// downloads that the SAT surely did not serve, broken those that came to their end and
// were no whole ZIP. One that was taken over has an end after all, and is lost no more.
func (s Paquetes) Fail(ctx context.Context, p gateway.Paquete, process string, returned, broken int) error {
	_, err := s.write.changes(ctx,
		`UPDATE paquetes SET descargas = CASE WHEN descargas > $4 THEN descargas - $4 ELSE 0 END,
		        nuestras = CASE WHEN vuela <> $5 AND nuestras > 0 THEN nuestras - 1 ELSE nuestras END,
		        vuela = CASE WHEN vuela = $5 THEN '' ELSE vuela END, rotas = rotas + $6
		 WHERE servicio = $1 AND rfc = $2 AND id_paquete = $3`,
		string(p.Servicio), p.RFCSolicitante, p.Clave(), returned, process, broken)
	return err
}

// RecordOurs enters that a failure of this machine lost a download of p that had
// brought arrived bytes.
func (s Paquetes) RecordOurs(ctx context.Context, p gateway.Paquete, arrived int64) error {
	_, err := s.write.changes(ctx,
		`UPDATE paquetes SET nuestras = nuestras + 1, llegaron = CASE WHEN llegaron < $4 THEN $4 ELSE llegaron END WHERE servicio = $1 AND rfc = $2 AND id_paquete = $3`,
		string(p.Servicio), p.RFCSolicitante, p.Clave(), arrived)
	return err
}

// Greater is the longest package that the ledger knows of. What was cut as it was longer
// than highest says nothing of how long packages are.
func (s Paquetes) Greater(ctx context.Context, highest int64) (int64, error) {
	var bytes, arrived int64
	_, err := s.read.one(ctx, `SELECT CAST(COALESCE(MAX(bytes), 0) AS BIGINT),
		CAST(COALESCE(MAX(CASE WHEN llegaron <= $1 THEN llegaron ELSE 0 END), 0) AS BIGINT) FROM paquetes`, []any{highest}, &bytes, &arrived)
	return max(bytes, arrived), err
}

// RecordDoubt enters what is wrong with the delivery sha256 of p, if that is kept.
func (s Paquetes) RecordDoubt(ctx context.Context, p gateway.Paquete, sha256 string, d Doubt) error {
	_, err := s.write.changes(ctx, `UPDATE paquetes SET dudoso = $4, roto = $5 WHERE servicio = $1 AND rfc = $2 AND id_paquete = $3 AND sha256 = $6`,
		string(p.Servicio), p.RFCSolicitante, p.Clave(), d.Dubious, number(d.Broken), sha256)
	return err
}

// RecordEqual enters that another delivery of p was the same bytes as the kept one.
func (s Paquetes) RecordEqual(ctx context.Context, p gateway.Paquete) error {
	_, err := s.write.changes(ctx, `UPDATE paquetes SET iguales = 1 WHERE servicio = $1 AND rfc = $2 AND id_paquete = $3`,
		string(p.Servicio), p.RFCSolicitante, p.Clave())
	return err
}

// Receive enters that the process p.Fly holds a delivery of the package in its file
// p.Partial, whole but for what p.Doubt says. It takes the place of a doubtful one.
// What is no whole ZIP is nobody's to fly from then on: the second download may begin
// while its file moves. From then on the object counts as referred to. It returns false
// when the package is no longer this process's to fly, and an *BusyError
// while another process removes the object; dead names one that has died.
func (s Paquetes) Receive(ctx context.Context, p Pending, dead string) (bool, error) {
	return s.receive(ctx, p, dead, `UPDATE paquetes SET completo = 0, parcial = $4, bytes = $5, sha256 = $6, completado = $7, dudoso = $9, roto = $10, rotas = rotas + $11, iguales = 0,
			vuela = CASE WHEN $10 = 1 THEN '' ELSE vuela END
		 WHERE servicio = $1 AND rfc = $2 AND id_paquete = $3 AND vuela = $8 AND (completo = 0 OR dudoso <> '')`)
}

// Adopt is Receive for a whole file of an earlier process, of which no row says that it
// was received.
func (s Paquetes) Adopt(ctx context.Context, p Pending, dead string) (bool, error) {
	return s.receive(ctx, p, dead, `INSERT INTO paquetes (servicio, rfc, id_paquete, descargas, parcial, bytes, sha256, completado, vuela, dudoso, roto, rotas)
		 VALUES ($1, $2, $3, 1, $4, $5, $6, $7, CASE WHEN $10 = 1 THEN '' ELSE $8 END, $9, $10, $11)
		 ON CONFLICT (servicio, rfc, id_paquete) DO UPDATE SET completo = 0, parcial = $4, bytes = $5, sha256 = $6, completado = $7, vuela = CASE WHEN $10 = 1 THEN '' ELSE $8 END,
			dudoso = $9, roto = $10, rotas = paquetes.rotas + $11, iguales = 0
		 WHERE paquetes.borrado = '' AND paquetes.parcial = ''`)
}

func (s Paquetes) receive(ctx context.Context, p Pending, dead, query string) (bool, error) {
	mine := false
	err := s.inTx(ctx, func(tx conn) error {
		free, err := tx.changes(ctx,
			`INSERT INTO objetos (sha256) VALUES ($1) ON CONFLICT (sha256) DO UPDATE SET borra = '' WHERE objetos.borra = '' OR objetos.borra = $2`,
			p.SHA256, dead)
		if err != nil {
			return err
		}
		if !free {
			return busy(ctx, tx, p.SHA256)
		}
		mine, err = tx.changes(ctx, query,
			string(p.Servicio), p.RFCSolicitante, p.Clave(), p.Partial, p.Bytes, p.SHA256, s.stamp(), p.Fly,
			p.Dubious, number(p.Broken), number(p.BrokenDelivery))
		return err
	})
	return mine, err
}

// Complete enters that the object of a package received whole is in storage. It
// returns false when the row no longer speaks of the file partial.
func (s Paquetes) Complete(ctx context.Context, p gateway.Paquete, partial string) (bool, error) {
	return s.write.changes(ctx,
		`UPDATE paquetes SET completo = 1, parcial = '', vuela = CASE WHEN roto = 1 THEN vuela ELSE '' END WHERE servicio = $1 AND rfc = $2 AND id_paquete = $3 AND parcial = $4 AND parcial <> ''`,
		string(p.Servicio), p.RFCSolicitante, p.Clave(), partial)
}

// Take makes process the one that stores a package whose file another process,
// now dead, has received whole. It returns false when somebody else flies it.
func (s Paquetes) Take(ctx context.Context, p Pending, process string) (bool, error) {
	return s.write.changes(ctx,
		`UPDATE paquetes SET vuela = $4 WHERE servicio = $1 AND rfc = $2 AND id_paquete = $3 AND parcial = $5 AND vuela = $6`,
		string(p.Servicio), p.RFCSolicitante, p.Clave(), process, p.Partial, p.Fly)
}

// Pending lists the packages that were received whole and are not in storage.
func (s Paquetes) Pending(ctx context.Context) ([]Pending, error) {
	return all(ctx, s.read, func(f scanner) (p Pending, err error) {
		err = f.Scan(&p.Servicio, &p.RFCSolicitante, &p.IDPaquete, &p.SHA256, &p.Bytes, &p.Partial, &p.Fly)
		return p, err
	}, `SELECT servicio, rfc, id_paquete, sha256, bytes, parcial, vuela FROM paquetes WHERE parcial <> '' ORDER BY completado`)
}

// Delete enters that the content of p is gone for good; its count of downloads
// stays. It returns false, and changes nothing, when p is not in storage. The
// object goes afterwards, when nothing refers to it: see Blobs.Claim.
func (s Paquetes) Delete(ctx context.Context, p gateway.Paquete) (bool, error) {
	return s.write.changes(ctx,
		`UPDATE paquetes SET completo = 0, borrado = $4 WHERE servicio = $1 AND rfc = $2 AND id_paquete = $3 AND completo = 1`,
		string(p.Servicio), p.RFCSolicitante, p.Clave(), s.stamp())
}

// SATWrite is the id of p as the SAT has written it for a descarga; as p has it
// where none knows.
func (s Paquetes) SATWrite(ctx context.Context, p gateway.Paquete) (string, error) {
	id := p.IDPaquete
	_, err := s.read.one(ctx, `SELECT p.id_paquete FROM tramos_paquetes p JOIN descargas d ON d.id = p.descarga
		WHERE upper(p.id_paquete) = $1 AND d.rfc = $2 AND d.servicio = $3 ORDER BY p.id DESC LIMIT 1`, []any{p.Clave(), p.RFCSolicitante, string(p.Servicio)}, &id)
	return id, err
}
