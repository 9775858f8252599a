package cfdi

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/zipdir"
)

const (
	// maxText bounds a metadata text: a million rows are some 300 MB.
	maxText = 4 << 30
	// maxXML bounds a CFDI with its addenda.
	maxXML = 32 << 20
)

// Metadatos yields the rows of a metadata package from a position on, each with
// its third party. Positions before which rows lie in the same text cost their
// inflation again. An error is the last thing: zipdir.ErrZip, or zipdir.ErrRead
// with what r failed with.
func Metadatos(r io.ReaderAt, size int64, since Position) iter.Seq2[Read[Metadato], error] {
	return func(yield func(Read[Metadato], error) bool) {
		l := &metadatos{yield: yield, since: since, gathered: map[uint64]*joinedFallas{}}
		if err := l.gatherTerceros(r, size); err != nil {
			l.finish(err)
			return
		}
		for e, err := range zipdir.WalkFrom(r, size, since.mark()) {
			if err == nil {
				err = l.entry(e)
			}
			if err != nil {
				l.finish(err)
				return
			}
		}
	}
}

// metadatos is one reading of a package.
type metadatos struct {
	yield    func(Read[Metadato], error) bool
	since    Position
	terceros terceros
	gathered map[uint64]*joinedFallas // entries that are texts of third parties
	read     Read[Metadato]
}

// maxFallasJoined bounds how many faults of a text of third parties are told one by one.
const maxFallasJoined = 100

// joinedFallas wait until it is the turn of their entry, so that a position
// among them is like any other.
type joinedFallas struct {
	fallas []Falla
	more   int
}

func (f *joinedFallas) add(falla Falla) {
	if len(f.fallas) == maxFallasJoined {
		f.more++
		return
	}
	f.fallas = append(f.fallas, falla)
}

// errSuffice is that the caller wants no more.
var errSuffice = errors.New("cfdi: enough")

func (l *metadatos) finish(err error) {
	if !errors.Is(err, errSuffice) {
		l.yield(Read[Metadato]{}, err)
	}
}

func (l *metadatos) falla(entry string, row int, follow Position, detail string) error {
	return l.release(Falla{Entry: show(entry), Row: row, Detail: detail}, follow)
}

func (l *metadatos) release(f Falla, follow Position) error {
	l.read = Read[Metadato]{Falla: &f, Follow: follow}
	if !l.yield(l.read, nil) {
		return errSuffice
	}
	return nil
}

// foreign tells of an entry that no package of metadata has.
func (l *metadatos) foreign(e zipdir.Entry, detail string) error {
	return l.release(Falla{Entry: show(e.Name), Detail: detail, Foreign: true}, after(e.Next, 0))
}

// gatherTerceros reads the texts of third parties, which may come after the rows
// that they belong to.
func (l *metadatos) gatherTerceros(r io.ReaderAt, size int64) error {
	for e, err := range zipdir.Walk(r, size) {
		if err != nil {
			return err
		}
		if !inRoot(e.Name) || !withExtension(e.Name, ".txt") {
			continue
		}
		var joined *joinedFallas
		err = withText(e, func(t *readText, detail string) error {
			if detail != "" || !t.align.terceros() {
				return nil // told when its turn comes
			}
			joined = &joinedFallas{}
			return l.terceros.read(t, func(row int, detail string) {
				joined.add(Falla{Entry: show(e.Name), Row: row, Detail: detail})
			})
		})
		if errors.Is(err, zipdir.ErrRead) {
			return err
		}
		if joined == nil {
			continue
		}
		if err != nil {
			joined.add(Falla{Entry: show(e.Name), Detail: detailOf(err), Damaged: isDamage(err)})
		}
		if joined.more > 0 {
			joined.fallas = append(joined.fallas, Falla{Entry: show(e.Name), Detail: fmt.Sprintf("Tiene %d fallas más.", joined.more)})
		}
		l.gathered[e.Mark.Entry] = joined
	}
	l.terceros.sort()
	return nil
}

// joined yields the faults of a text of third parties.
func (l *metadatos) joined(e zipdir.Entry, since int) error {
	fallas := l.gathered[e.Mark.Entry].fallas
	for i := min(since, len(fallas)); i < len(fallas); i++ {
		if err := l.release(fallas[i], after(e.Mark, i+1)); err != nil {
			return err
		}
	}
	return nil
}

// withText opens an entry as a text. Errors are those of its content.
func withText(e zipdir.Entry, read func(t *readText, detail string) error) error {
	content, err := e.Open(maxText)
	if err != nil {
		return err
	}
	defer content.Close() //nolint:errcheck // read only
	t, detail, err := openText(e.Name, content)
	if err != nil {
		return err
	}
	return read(t, detail)
}

// entry yields the rows of one entry.
func (l *metadatos) entry(e zipdir.Entry) error {
	since := 0
	if e.Mark == l.since.mark() {
		since = l.since.Row
	}
	switch {
	case l.gathered[e.Mark.Entry] != nil:
		return l.joined(e, since)
	case isFolder(e):
		return nil
	case !inRoot(e.Name):
		return l.foreign(e, notInRoot)
	case !withExtension(e.Name, ".txt"):
		return l.foreign(e, isNot(e, ".txt"))
	}
	row := 0
	err := withText(e, func(t *readText, detail string) error {
		if detail == "" && !t.align.metadatos() {
			detail = "No es un texto de metadatos ni de terceros: el encabezado dice «" + show(t.align.raw) + "»."
		}
		if detail != "" {
			return l.falla(e.Name, 0, after(e.Next, 0), detail)
		}
		t.terceros = &l.terceros
		err := t.skip(since)
		if err == nil {
			err = l.rows(t, e.Mark)
		}
		row = t.row
		return err
	})
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return nil
	case errors.Is(err, errSuffice) || errors.Is(err, zipdir.ErrRead):
		return err
	}
	switch {
	case errors.Is(err, zipdir.ErrChecksum):
		row = 0 // all could be read, and any may be altered
	case row > 0:
		row++ // the one that could not be read any more
	}
	return l.release(Falla{Entry: show(e.Name), Row: row, Detail: detailOf(err), Damaged: isDamage(err)}, after(e.Next, 0))
}

// rows yields the rows of a text until its content ends or fails.
func (l *metadatos) rows(t *readText, mark zipdir.Mark) error {
	for {
		l.read.Falla = nil
		detail, err := t.next(&l.read.Value)
		switch {
		case err != nil:
			return err
		case detail != "":
			err = l.falla(t.entry, t.row, after(mark, t.row), detail)
		default:
			l.read.Follow = after(mark, t.row)
			if !l.yield(l.read, nil) {
				err = errSuffice
			}
		}
		if err != nil {
			return err
		}
	}
}

const notInRoot = "El archivo no está en la raíz del paquete: no se lee."

// isNot says of an entry that it is not of the kind that the package holds.
func isNot(e zipdir.Entry, extension string) string {
	if withExtension(e.Name, ".zip") {
		return "Es otro ZIP dentro del paquete: no se lee."
	}
	return "El nombre del archivo no termina en " + extension + ": no se lee."
}

// isFolder reports whether an entry is a folder, which has no content.
func isFolder(e zipdir.Entry) bool {
	return strings.HasSuffix(e.Name, "/") || strings.HasSuffix(e.Name, `\`) && e.UncompressedSize == 0
}

func inRoot(name string) bool { return !strings.ContainsAny(name, `/\`) }

func withExtension(name, extension string) bool {
	n := len(name) - len(extension)
	return n >= 0 && strings.EqualFold(name[n:], extension)
}
