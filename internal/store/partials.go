package store

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"github.com/pasarela-mx/pasarela/internal/disk"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Folder is the part of the data directory where packages and uploads arrive.
type Folder struct{ *core }

const (
	dirParciales = "parciales"
	// whole begins the name of a partial file to which nothing is added any more.
	whole = "entero,"
)

// Partial creates a file for bytes that are not kept yet: a package on its way,
// or an upload. Its name is unique among all processes that share the ledger, so
// that a row which names it means this file and no other.
func (s Folder) Partial() (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(s.partial(), "paquete-"+uuid.NewString()+".zip"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return f, nil
}

// MakeWhole renames f, which Partial has made and which holds all bytes of p, so that
// a kill before its row is written does not lose it: its name says what it should
// hold. It returns how a row names it. Nothing is durable yet.
func (s Folder) MakeWhole(f *os.File, p gateway.Paquete, sha256 string) (string, error) {
	name := path.Join(dirParciales, whole+strings.Join([]string{sha256, string(p.Servicio), p.RFCSolicitante, p.IDPaquete}, ",")+".zip")
	err := giveBack(f)
	if err == nil {
		err = os.Rename(f.Name(), s.Path(name))
	}
	if err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	return name, nil
}

// Wholes lists the files of MakeWhole that no row names. Whether they hold what
// their names say is to be seen: after a power cut they may not.
func (s Folder) Wholes(ctx context.Context) ([]Pending, error) {
	entries, err := os.ReadDir(s.partial())
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	var out []Pending
	for _, e := range entries {
		rest, ok := strings.CutPrefix(strings.TrimSuffix(e.Name(), ".zip"), whole)
		parts := strings.Split(rest, ",")
		if !ok || len(parts) != 4 {
			continue
		}
		p := Pending{Paquete: gateway.Paquete{Servicio: gateway.Servicio(parts[1]), RFCSolicitante: parts[2], IDPaquete: parts[3]},
			SHA256: parts[0], Partial: path.Join(dirParciales, e.Name())}
		row, err := Paquetes(s).Get(ctx, p.Paquete)
		if err != nil {
			return nil, err
		}
		if row.Partial != p.Partial {
			out = append(out, p)
		}
	}
	return out, nil
}

// Path is where the file lies that a row's Partial names, if it is one of
// this data directory's.
func (s Folder) Path(name string) string {
	return filepath.Join(s.paquetes(), filepath.FromSlash(path.Clean("/"+name)))
}

// Sync makes the names of new partial files durable.
func (s Folder) Sync() error {
	if err := disk.SyncDir(s.partial()); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// clear removes what an earlier process left in the middle. The files that a
// row names are whole packages: they stay, to be put into storage; and so do
// those of MakeWhole, to be looked at.
func (s Folder) clear(ctx context.Context) error {
	entries, err := os.ReadDir(s.partial())
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if len(entries) == 0 {
		return nil
	}
	pending, err := Paquetes(s).Pending(ctx)
	if err != nil {
		return err
	}
	wholes := make(map[string]bool, len(pending))
	for _, p := range pending {
		wholes[p.Partial] = true
	}
	for _, e := range entries {
		if !wholes[path.Join(dirParciales, e.Name())] && !strings.HasPrefix(e.Name(), whole) {
			if err := os.RemoveAll(filepath.Join(s.partial(), e.Name())); err != nil {
				return fmt.Errorf("store: %w", err)
			}
		}
	}
	return nil
}

func (s Folder) paquetes() string { return filepath.Join(s.dir, "paquetes") }

func (s Folder) partial() string { return filepath.Join(s.paquetes(), dirParciales) }
