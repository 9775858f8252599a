package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

const dirParciales = "parciales"

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

// NombreParcial is how a row names f, which Parcial has made.
func NombreParcial(f *os.File) string { return path.Join(dirParciales, filepath.Base(f.Name())) }

// RutaParcial is where the file lies that a row's Parcial names, if it is one of
// this data directory's.
func (s *Store) RutaParcial(nombre string) string {
	return filepath.Join(s.paquetes(), filepath.FromSlash(path.Clean("/"+nombre)))
}

// SincronizaParciales makes the names of new partial files durable.
func (s *Store) SincronizaParciales() error {
	d, err := os.Open(s.partial())
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// limpia removes what an earlier process left in the middle. The files that a
// row names are whole packages: they stay, to be put into storage.
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
		if !enteros[path.Join(dirParciales, e.Name())] {
			if err := os.RemoveAll(filepath.Join(s.partial(), e.Name())); err != nil {
				return fmt.Errorf("store: %w", err)
			}
		}
	}
	return nil
}

// Anterior returns the name, as a row's Parcial, of the file in which versions
// that stored packages by their id have left p; empty when there is none.
func (s *Store) Anterior(p gateway.Paquete) (string, error) {
	// IDPaquete has passed the contract's pattern: letters, digits, hyphen and underscore.
	nombre := path.Join(string(p.Servicio), p.RFCSolicitante, path.Base(p.IDPaquete)+".zip")
	_, err := os.Stat(s.RutaParcial(nombre))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	return nombre, nil
}

// Anteriores lists the packages that such versions have left.
func (s *Store) Anteriores() ([]gateway.Paquete, error) {
	var out []gateway.Paquete
	for _, servicio := range gateway.Servicios() {
		files, err := filepath.Glob(filepath.Join(s.paquetes(), string(servicio), "*", "*.zip"))
		if err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		for _, f := range files {
			out = append(out, gateway.Paquete{Servicio: servicio, RFCSolicitante: filepath.Base(filepath.Dir(f)),
				IDPaquete: strings.TrimSuffix(filepath.Base(f), ".zip")})
		}
	}
	return out, nil
}

func (s *Store) paquetes() string { return filepath.Join(s.dir, "paquetes") }

func (s *Store) partial() string { return filepath.Join(s.paquetes(), dirParciales) }
