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

	"github.com/pasarela-mx/pasarela/internal/disk"
)

// markFile is the mark in the data directory.
const markFile = "pasarela.libro"

// maxMark bounds what is read of a mark.
const maxMark = 4 << 10

// Mark is what is kept of a ledger outside of its database, so that one that was
// lost is not taken for one that never was. It may be behind the database and
// never ahead of it: it is written after what it says was committed.
type Mark struct {
	ID         string `json:"libro"`
	Generacion int64  `json:"generacion"`
}

// Outside is where packages are kept, when that is not the data directory, as a
// second place for the mark.
type Outside interface {
	// ReadMark returns what SaveMark has written; fs.ErrNotExist before.
	ReadMark(ctx context.Context) ([]byte, error)
	SaveMark(ctx context.Context, text []byte) error
	// Empty reports whether it holds no packages.
	Empty(ctx context.Context) (bool, error)
	// Name is the place's as it may be shown.
	Name() string
}

// found is a mark with the words for where it is.
type found struct {
	Mark
	where string
}

// rests are what is left outside of the database of a ledger.
type rests struct {
	marks []found
	// other name what only a ledger that was in use leaves.
	other []string
}

// find looks for what is left of a ledger.
func (s *Store) find(ctx context.Context, c Config) (r rests, err error) {
	text, err := os.ReadFile(filepath.Join(s.dir, markFile))
	if err := r.add(text, err, "la marca "+markFile+" de "+s.dir); err != nil {
		return r, err
	}
	if r.other, err = s.digests(r.other); err != nil || c.Outside == nil {
		return r, err
	}
	text, err = c.Outside.ReadMark(ctx)
	if err := r.add(text, err, "la marca "+markFile+" de "+c.Outside.Name()); err != nil {
		return r, err
	}
	empty, err := c.Outside.Empty(ctx)
	if err != nil {
		return r, fmt.Errorf("store: %w", err)
	}
	if !empty {
		r.other = append(r.other, "paquetes en "+c.Outside.Name())
	}
	return r, nil
}

// add enters a mark as it was read. One that cannot be understood, which a power
// cut may leave, proves that there was a ledger and not which.
func (r *rests) add(text []byte, err error, where string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store: %s: %w", where, err)
	}
	var m Mark
	if len(text) <= maxMark {
		err = json.Unmarshal(text, &m)
	}
	if err != nil || m.ID == "" {
		r.other = append(r.other, where+", que no se entiende")
		return nil //nolint:nilerr // it is told with what was found
	}
	r.marks = append(r.marks, found{m, where})
	return nil
}

// digests adds to what was found the files of the data directory that only a
// gateway that was in use leaves.
func (s *Store) digests(found []string) ([]string, error) {
	n, err := s.paquetesHere()
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
	return append(found, s.walLoose...), nil
}

// paquetesHere counts the packages in the data directory, those on their way too.
func (s *Store) paquetesHere() (n int, err error) {
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

// emptyEnvelope refuses a database in which there is nothing where there was a ledger.
func (r rests) emptyEnvelope() error {
	var found []string
	for _, h := range r.marks {
		found = append(found, h.where+" (libro "+h.ID+", generación "+strconv.FormatInt(h.Generacion, 10)+")")
	}
	if found = append(found, r.other...); len(found) == 0 {
		return nil
	}
	return fmt.Errorf("%w: la base de datos está vacía, y aquí ya hubo una pasarela. Se encontró: %s.\n%s\n"+
		"- Si de verdad empieza sin memoria de lo pedido: «gateway migrate %s»", ErrLibro, strings.Join(found, "; "), outputs, DeNuevo)
}

// release notes a WAL without its database. SQLite removes it when it makes the
// database anew, and it may hold what was written last, so it is looked for before.
func (s *Store) release() (empty bool, err error) {
	info, err := os.Stat(s.file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("store: %w", err)
	}
	if err == nil && info.Size() > 0 {
		return false, nil
	}
	if wal, err := os.Stat(s.file + "-wal"); err == nil && wal.Size() > 0 {
		s.walLoose = []string{s.file + "-wal"}
	}
	return true, nil
}

// Mark writes the mark of the ledger as it is now into the data directory.
func (s *Store) Mark() error {
	return s.Replace(markFile, s.markText())
}

// Replace writes a file of the data directory in one step, durably.
func (s *Store) Replace(name string, text []byte) error {
	if err := disk.Replace(filepath.Join(s.dir, name), text, 0o600); err != nil {
		return fmt.Errorf("store: %s could not be written: %w", name, err)
	}
	return nil
}

// MarkOutside writes it into the place of packages, if that is another.
func (s *Store) MarkOutside(ctx context.Context) error {
	if s.outside == nil {
		return nil
	}
	if err := s.outside.SaveMark(ctx, s.markText()); err != nil {
		return fmt.Errorf("store: the mark of the ledger could not be written into %s: %w", s.outside.Name(), err)
	}
	return nil
}

func (s *Store) markText() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, _ := json.Marshal(s.mark) //nolint:errchkjson // a text and a number
	return append(text, '\n')
}

// How often the marks are written while a gateway runs: that a copy lacks what was
// written since its mark is noticed.
const (
	everyMark    = 5 * time.Second
	everyOutside = 10 * time.Minute
	// joined is how long after something was asked for, or taken on, its mark is
	// written, with what else there was in that time.
	joined = 200 * time.Millisecond
)

// move has Run bring the mark up to what was just written.
func (s *core) move() {
	select {
	case s.moved <- struct{}{}:
	default:
	}
}

// Run keeps the marks behind the ledger by little until ctx ends, and brings them
// up to it then. A mark that cannot be written is told once, and breaks nothing.
func (s *Store) Run(ctx context.Context, notify func(error)) {
	here, outside := time.NewTicker(everyMark), time.NewTicker(everyOutside)
	defer here.Stop()
	defer outside.Stop()
	told := false
	tell := func(err error) {
		if err != nil && !told {
			notify(err)
		}
		told = err != nil
	}
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), everyMark)
			defer cancel()
			var err error
			select {
			case <-s.moved:
				err = s.grow(last)
			default:
			}
			tell(errors.Join(err, s.Mark(), s.MarkOutside(last)))
			return
		case <-s.moved:
			select {
			case <-time.After(joined):
				// Not ctx: a stop in the middle must not lose that something moved.
				tell(errors.Join(s.grow(context.WithoutCancel(ctx)), s.Mark()))
			case <-ctx.Done():
				s.move() // the end brings it up
			}
		case <-here.C:
			tell(s.Mark())
		case <-outside.C:
			tell(s.MarkOutside(ctx))
		}
	}
}
