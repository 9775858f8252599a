package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

const (
	dirParciales = "parciales"
	// entero begins the name of a partial file to which nothing is added any more.
	entero = "entero,"
)

// Parcial creates a file for bytes that are not kept yet: a package on its way,
// or an upload. Its name is unique among all processes that share the ledger, so
// that a row which names it means this file and no other.
func (s *Store) Parcial() (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(s.partial(), "paquete-"+uuid.NewString()+".zip"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return f, nil
}

// Entero renames f, which Parcial has made and which holds all bytes of p, so that
// a kill before its row is written does not lose it: its name says what it should
// hold. It returns how a row names it. Nothing is durable yet.
func (s *Store) Entero(f *os.File, p gateway.Paquete, sha256 string) (string, error) {
	nombre := path.Join(dirParciales, entero+strings.Join([]string{sha256, string(p.Servicio), p.RFCSolicitante, p.IDPaquete}, ",")+".zip")
	err := devuelve(f)
	if err == nil {
		err = os.Rename(f.Name(), s.RutaParcial(nombre))
	}
	if err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	return nombre, nil
}

// Enteros lists the files of Entero that no row names. Whether they hold what
// their names say is to be seen: after a power cut they may not.
func (s *Store) Enteros(ctx context.Context) ([]Pendiente, error) {
	entries, err := os.ReadDir(s.partial())
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	var out []Pendiente
	for _, e := range entries {
		rest, ok := strings.CutPrefix(strings.TrimSuffix(e.Name(), ".zip"), entero)
		parts := strings.Split(rest, ",")
		if !ok || len(parts) != 4 {
			continue
		}
		p := Pendiente{Paquete: gateway.Paquete{Servicio: gateway.Servicio(parts[1]), RFCSolicitante: parts[2], IDPaquete: parts[3]},
			SHA256: parts[0], Parcial: path.Join(dirParciales, e.Name())}
		row, err := s.Paquete(ctx, p.Paquete)
		if err != nil {
			return nil, err
		}
		if row.Parcial != p.Parcial {
			out = append(out, p)
		}
	}
	return out, nil
}

// RutaParcial is where the file lies that a row's Parcial names, if it is one of
// this data directory's.
func (s *Store) RutaParcial(nombre string) string {
	return filepath.Join(s.paquetes(), filepath.FromSlash(path.Clean("/"+nombre)))
}

// SincronizaParciales makes the names of new partial files durable.
func (s *Store) SincronizaParciales() error {
	return syncDir(s.partial())
}

// limpia removes what an earlier process left in the middle. The files that a
// row names are whole packages: they stay, to be put into storage; and so do
// those of Entero, to be looked at.
func (s *Store) limpia(ctx context.Context) error {
	entries, err := os.ReadDir(s.partial())
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if len(entries) == 0 {
		return nil
	}
	pendientes, err := s.Pendientes(ctx)
	if err != nil {
		return err
	}
	enteros := make(map[string]bool, len(pendientes))
	for _, p := range pendientes {
		enteros[p.Parcial] = true
	}
	for _, e := range entries {
		if !enteros[path.Join(dirParciales, e.Name())] && !strings.HasPrefix(e.Name(), entero) {
			if err := os.RemoveAll(filepath.Join(s.partial(), e.Name())); err != nil {
				return fmt.Errorf("store: %w", err)
			}
		}
	}
	return nil
}

func (s *Store) paquetes() string { return filepath.Join(s.dir, "paquetes") }

func (s *Store) partial() string { return filepath.Join(s.paquetes(), dirParciales) }

// syncDir makes what was created or renamed in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // a directory of ours
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}
