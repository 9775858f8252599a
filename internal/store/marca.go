package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// archivoMarca is the mark in the data directory.
const archivoMarca = "pasarela.libro"

// maxMarca bounds what is read of a mark.
const maxMarca = 4 << 10

// Marca is what is kept of a ledger outside of its database, so that one that was
// lost is not taken for one that never was. It may be behind the database and
// never ahead of it: it is written after what it says was committed.
type Marca struct {
	ID         string `json:"libro"`
	Generacion int64  `json:"generacion"`
}

// Fuera is where packages are kept, when that is not the data directory, as a
// second place for the mark.
type Fuera interface {
	// LeeMarca returns what GuardaMarca has written; fs.ErrNotExist before.
	LeeMarca(ctx context.Context) ([]byte, error)
	GuardaMarca(ctx context.Context, texto []byte) error
	// Vacio reports whether it holds no packages.
	Vacio(ctx context.Context) (bool, error)
	// Nombre is the place's as it may be shown.
	Nombre() string
}

// hallada is a mark with the words for where it is.
type hallada struct {
	Marca
	donde string
}

// restos are what is left outside of the database of a ledger.
type restos struct {
	marcas []hallada
	// otros name what only a ledger that was in use leaves.
	otros []string
}

// busca looks for what is left of a ledger.
func (s *Store) busca(ctx context.Context, c Config) (r restos, err error) {
	texto, err := os.ReadFile(filepath.Join(s.dir, archivoMarca))
	if err := r.agrega(texto, err, "la marca "+archivoMarca+" de "+s.dir); err != nil {
		return r, err
	}
	if r.otros, err = s.huellas(r.otros); err != nil || c.Fuera == nil {
		return r, err
	}
	texto, err = c.Fuera.LeeMarca(ctx)
	if err := r.agrega(texto, err, "la marca "+archivoMarca+" de "+c.Fuera.Nombre()); err != nil {
		return r, err
	}
	vacio, err := c.Fuera.Vacio(ctx)
	if err != nil {
		return r, fmt.Errorf("store: %w", err)
	}
	if !vacio {
		r.otros = append(r.otros, "paquetes en "+c.Fuera.Nombre())
	}
	return r, nil
}

// agrega enters a mark as it was read. One that cannot be understood, which a power
// cut may leave, proves that there was a ledger and not which.
func (r *restos) agrega(texto []byte, err error, donde string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store: %s: %w", donde, err)
	}
	var m Marca
	if len(texto) <= maxMarca {
		err = json.Unmarshal(texto, &m)
	}
	if err != nil || m.ID == "" {
		r.otros = append(r.otros, donde+", que no se entiende")
		return nil //nolint:nilerr // it is told with what was found
	}
	r.marcas = append(r.marcas, hallada{m, donde})
	return nil
}

// huellas adds to what was found the files of the data directory that only a
// gateway that was in use leaves.
func (s *Store) huellas(found []string) ([]string, error) {
	n, err := s.paquetesAqui()
	if err != nil {
		return nil, err
	}
	if n == 1 {
		found = append(found, "1 paquete en "+filepath.Join(s.dir, "paquetes"))
	} else if n > 1 {
		found = append(found, strconv.Itoa(n)+" paquetes en "+filepath.Join(s.dir, "paquetes"))
	}
	names := []string{"secretos.key", "proceso", "pasarela-version-*.db"}
	if s.file == "" {
		// SQLite's ledger, where PostgreSQL's is new.
		names = append(names, "pasarela.db")
	}
	for _, name := range names {
		matches, err := filepath.Glob(filepath.Join(s.dir, name))
		if err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		found = append(found, matches...)
	}
	return append(found, s.walSuelto...), nil
}

// paquetesAqui counts the packages in the data directory, those on their way too.
func (s *Store) paquetesAqui() (n int, err error) {
	err = filepath.WalkDir(filepath.Join(s.dir, "paquetes"), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			n++
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("store: %w", err)
	}
	return n, nil
}

// sobreVacia refuses a database in which there is nothing where there was a ledger.
func (r restos) sobreVacia() error {
	var found []string
	for _, h := range r.marcas {
		found = append(found, h.donde+" (libro "+h.ID+", generación "+strconv.FormatInt(h.Generacion, 10)+")")
	}
	if found = append(found, r.otros...); len(found) == 0 {
		return nil
	}
	return fmt.Errorf("%w: la base de datos está vacía, y aquí ya hubo una pasarela. Se encontró: %s.\n%s\n"+
		"- Si de verdad empieza sin memoria de lo pedido: «gateway migrate %s»", ErrLibro, strings.Join(found, "; "), salidas, DeNuevo)
}

// suelta notes a WAL without its database. SQLite removes it when it makes the
// database anew, and it may hold what was written last, so it is looked for before.
func (s *Store) suelta() (vacia bool, err error) {
	info, err := os.Stat(s.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("store: %w", err)
	}
	if err == nil && info.Size() > 0 {
		return false, nil
	}
	if wal, err := os.Stat(s.file + "-wal"); err == nil && wal.Size() > 0 {
		s.walSuelto = []string{s.file + "-wal"}
	}
	return true, nil
}

// Marca writes the mark of the ledger as it is now into the data directory.
func (s *Store) Marca() error {
	return s.Reemplaza(archivoMarca, s.textoMarca())
}

// Reemplaza writes a file of the data directory in one step, durably. The name on
// the way is always the same, so that kills leave nothing behind.
func (s *Store) Reemplaza(nombre string, texto []byte) error {
	final := filepath.Join(s.dir, nombre)
	f, err := os.OpenFile(final+".nuevo", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // a file of ours
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if _, err = f.Write(texto); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(final+".nuevo", final)
	}
	if err == nil {
		err = syncDir(s.dir)
	}
	if err != nil {
		return fmt.Errorf("store: %s could not be written: %w", nombre, err)
	}
	return nil
}

// MarcaFuera writes it into the place of packages, if that is another.
func (s *Store) MarcaFuera(ctx context.Context) error {
	if s.fuera == nil {
		return nil
	}
	if err := s.fuera.GuardaMarca(ctx, s.textoMarca()); err != nil {
		return fmt.Errorf("store: the mark of the ledger could not be written into %s: %w", s.fuera.Nombre(), err)
	}
	return nil
}

func (s *Store) textoMarca() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	texto, _ := json.Marshal(s.marca) //nolint:errchkjson // a text and a number
	return append(texto, '\n')
}

// How often the marks are written while a gateway runs: that a copy lacks what was
// written since its mark is noticed.
const (
	cadaMarca = 5 * time.Second
	cadaFuera = 10 * time.Minute
	// juntos is how long after something was asked for, or taken on, its mark is
	// written, with what else there was in that time.
	juntos = 200 * time.Millisecond
)

// mueve has Corre bring the mark up to what was just written.
func (s *Store) mueve() {
	select {
	case s.movido <- struct{}{}:
	default:
	}
}

// Corre keeps the marks behind the ledger by little until ctx ends, and brings them
// up to it then. A mark that cannot be written is told once, and breaks nothing.
func (s *Store) Corre(ctx context.Context, avisa func(error)) {
	aqui, fuera := time.NewTicker(cadaMarca), time.NewTicker(cadaFuera)
	defer aqui.Stop()
	defer fuera.Stop()
	told := false
	tell := func(err error) {
		if err != nil && !told {
			avisa(err)
		}
		told = err != nil
	}
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), cadaMarca)
			defer cancel()
			tell(errors.Join(s.Marca(), s.MarcaFuera(last)))
			return
		case <-s.movido:
			select {
			case <-time.After(juntos):
			case <-ctx.Done():
			}
			tell(errors.Join(s.crece(ctx), s.Marca()))
		case <-aqui.C:
			tell(s.Marca())
		case <-fuera.C:
			tell(s.MarcaFuera(ctx))
		}
	}
}
