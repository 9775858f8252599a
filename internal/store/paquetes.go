package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Paquete is one row of the packages' ledger.
type Paquete struct {
	// Descargas counts what the SAT has served, or may have.
	Descargas  int
	Completo   bool
	Bytes      int64
	SHA256     string // hexadecimal
	Completado time.Time
}

// Paquete returns the row of p; the zero value when there is none.
func (s *Store) Paquete(ctx context.Context, p gateway.Paquete) (Paquete, error) {
	var row Paquete
	var completado string
	_, err := s.one(ctx,
		`SELECT descargas, completo, bytes, sha256, completado FROM paquetes WHERE servicio = $1 AND rfc = $2 AND id_paquete = $3`,
		[]any{string(p.Servicio), p.RFCSolicitante, p.IDPaquete}, &row.Descargas, &row.Completo, &row.Bytes, &row.SHA256, &completado)
	if err != nil {
		return Paquete{}, err
	}
	if completado != "" {
		row.Completado, err = time.Parse(time.RFC3339Nano, completado)
	}
	return row, err
}

// CuentaDescarga adds n to the downloads of p, durably: 1 before one is asked
// for, -1 when the SAT surely did not serve it.
func (s *Store) CuentaDescarga(ctx context.Context, p gateway.Paquete, n int) error {
	_, err := s.exec(ctx,
		`INSERT INTO paquetes (servicio, rfc, id_paquete, descargas) VALUES ($1, $2, $3, $4)
		 ON CONFLICT (servicio, rfc, id_paquete) DO UPDATE
		 SET descargas = CASE WHEN paquetes.descargas + $5 > 0 THEN paquetes.descargas + $5 ELSE 0 END`,
		string(p.Servicio), p.RFCSolicitante, p.IDPaquete, max(n, 0), n)
	return err
}

// ReservaDescarga adds one to the downloads of p, durably, if they are fewer than
// limit; false when they are not. Of several gateways that ask at once no more
// than limit get one.
func (s *Store) ReservaDescarga(ctx context.Context, p gateway.Paquete, limit int) (bool, error) {
	if limit < 1 {
		return false, nil
	}
	n, err := s.exec(ctx,
		`INSERT INTO paquetes (servicio, rfc, id_paquete, descargas) VALUES ($1, $2, $3, 1)
		 ON CONFLICT (servicio, rfc, id_paquete) DO UPDATE SET descargas = paquetes.descargas + 1 WHERE paquetes.descargas < $4`,
		string(p.Servicio), p.RFCSolicitante, p.IDPaquete, limit)
	return n == 1, err
}

// Parcial creates the file that receives a package while it is not whole.
func (s *Store) Parcial() (*os.File, error) {
	f, err := os.CreateTemp(s.partial(), "paquete-*.zip")
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return f, nil
}

// Conserva makes the whole package in f the stored one: synced to disk, moved
// to its place and entered in the ledger, in this order, so that a file in its
// place is always whole.
func (s *Store) Conserva(ctx context.Context, p gateway.Paquete, f *os.File, bytes int64, sha256 string) error {
	path := s.path(p)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return err
	}
	return s.Completa(ctx, p, bytes, sha256)
}

// Completa enters a file that is in its place.
func (s *Store) Completa(ctx context.Context, p gateway.Paquete, bytes int64, sha256 string) error {
	_, err := s.exec(ctx,
		`INSERT INTO paquetes (servicio, rfc, id_paquete, descargas, completo, bytes, sha256, completado) VALUES ($1, $2, $3, 1, 1, $4, $5, $6)
		 ON CONFLICT (servicio, rfc, id_paquete) DO UPDATE SET completo = 1, bytes = $4, sha256 = $5, completado = $6`,
		string(p.Servicio), p.RFCSolicitante, p.IDPaquete, bytes, sha256, s.stamp())
	return err
}

// Abre opens the stored file of p, or fails with fs.ErrNotExist.
func (s *Store) Abre(p gateway.Paquete) (*os.File, error) { return os.Open(s.path(p)) }

// path is where a whole package lies. IDPaquete has passed the contract's
// pattern: letters, digits, hyphen and underscore.
func (s *Store) path(p gateway.Paquete) string {
	return filepath.Join(s.dir, "paquetes", string(p.Servicio), p.RFCSolicitante, filepath.Base(p.IDPaquete)+".zip")
}

func (s *Store) partial() string { return filepath.Join(s.dir, "paquetes", "parciales") }

// syncDir makes a rename durable.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // a directory of ours
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}
