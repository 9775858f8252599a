package cfdi

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/zipdir"
)

// Summaries yields a summary of each CFDI of a package from a position on. An
// error is the last thing: zipdir.ErrZip, or zipdir.ErrRead with what r failed with.
func Summaries(r io.ReaderAt, size int64, since Position) iter.Seq2[Read[Summary], error] {
	return func(yield func(Read[Summary], error) bool) {
		var l summaryReader
		for e, err := range zipdir.WalkFrom(r, size, since.mark()) {
			read := Read[Summary]{Follow: after(e.Next, 0)}
			switch {
			case err != nil:
			case isFolder(e):
				continue
			case !inRoot(e.Name):
				read.Falla = &Falla{Entry: show(e.Name), Detail: notInRoot, Foreign: true}
			case !withExtension(e.Name, ".xml"):
				read.Falla = &Falla{Entry: show(e.Name), Detail: isNot(e, ".xml"), Foreign: true}
			default:
				read.Value, err = resume(&l, e)
				if err != nil && !errors.Is(err, zipdir.ErrRead) {
					read.Value, read.Falla, err = Summary{}, fallaOf(e, err), nil
				}
			}
			if err != nil {
				yield(Read[Summary]{}, err)
				return
			}
			if !yield(read, nil) {
				return
			}
		}
	}
}

// resume reads an entry to its end, so that its checksum is looked at too.
func resume(l *summaryReader, e zipdir.Entry) (Summary, error) {
	content, err := e.Open(maxXML)
	if err != nil {
		return Summary{}, err
	}
	defer content.Close() //nolint:errcheck // read only
	var s Summary
	err = l.read(content, &s)
	return s, err
}

func fallaOf(e zipdir.Entry, err error) *Falla {
	f := &Falla{Entry: show(e.Name), Detail: detailOf(err), Damaged: isDamage(err)}
	var d defect
	if errors.As(err, &d) {
		f.Detail = string(d)
	}
	return f
}

// Find returns the XML of the CFDI with a UUID, byte for byte, of at most 32 MiB. It
// looks into the entries that are called so, and into no other: Places has those. isTrue
// is that its timbre has the UUID; without it, that no other is known to be there, as the
// XML cannot be read. Errors are ErrNotThere, a *Falla when only a damaged entry has that
// name, zipdir.ErrZip and zipdir.ErrRead.
func Find(r io.ReaderAt, size int64, uuid string) (xml []byte, isTrue bool, err error) {
	key, ok := Key(uuid)
	if !ok {
		return nil, false, ErrNotThere
	}
	var dubious []byte
	falla := ErrNotThere
	for e, err := range zipdir.Walk(r, size) {
		if err != nil {
			return nil, false, err
		}
		if name, withUUID := nameKey(e); !withUUID || name != key {
			continue
		}
		text, err := whole(e)
		if errors.Is(err, zipdir.ErrRead) {
			return nil, false, err
		}
		if err != nil {
			falla = err
			continue
		}
		switch s, err := ReadSummary(bytes.NewReader(text)); {
		case err != nil && dubious == nil:
			dubious = text
		case err == nil && isOf(s, key):
			return text, true, nil
		}
	}
	if dubious != nil {
		return dubious, false, nil
	}
	return nil, false, falla
}

func isOf(s Summary, key [16]byte) bool {
	its, ok := Key(s.UUID)
	return ok && its == key
}

// nameKey is the UUID that an entry is called by.
func nameKey(e zipdir.Entry) (key [16]byte, ok bool) {
	if !isDocument(e) {
		return key, false
	}
	return Key(withoutExtension(e.Name))
}

// Place is where a CFDI is that its entry is not called by.
type Place struct {
	Key      [16]byte // of its timbre
	Position Position
}

// Places yields the place of each CFDI whose entry has another UUID for a name, or none.
// What cannot be read is passed over. An error is the last thing: zipdir.ErrZip or
// zipdir.ErrRead.
func Places(r io.ReaderAt, size int64) iter.Seq2[Place, error] {
	return func(yield func(Place, error) bool) {
		var l summaryReader
		for e, err := range zipdir.Walk(r, size) {
			if err == nil && !isDocument(e) {
				continue
			}
			var s Summary
			if err == nil {
				s, err = resume(&l, e)
			}
			if errors.Is(err, zipdir.ErrRead) || errors.Is(err, zipdir.ErrZip) {
				yield(Place{}, err)
				return
			}
			name, withUUID := nameKey(e)
			key, ok := Key(s.UUID)
			if err != nil || !ok || withUUID && name == key {
				continue
			}
			if !yield(Place{Key: key, Position: after(e.Mark, 0)}, nil) {
				return
			}
		}
	}
}

// Document returns the XML at a place that Places gave, with the errors of Find.
func Document(r io.ReaderAt, size int64, en Position) ([]byte, error) {
	for e, err := range zipdir.WalkFrom(r, size, en.mark()) {
		if err != nil {
			return nil, err
		}
		return whole(e)
	}
	return nil, ErrNotThere
}

func whole(e zipdir.Entry) ([]byte, error) {
	content, err := e.Open(maxXML)
	if err != nil {
		return nil, readable(e, err)
	}
	defer content.Close() //nolint:errcheck // read only
	b, err := io.ReadAll(content)
	if err != nil {
		return nil, readable(e, err)
	}
	return b, nil
}

func readable(e zipdir.Entry, err error) error {
	if errors.Is(err, zipdir.ErrRead) {
		return err
	}
	return fallaOf(e, err)
}

func isDocument(e zipdir.Entry) bool { return inRoot(e.Name) && withExtension(e.Name, ".xml") }

// withoutExtension is a name without .xml, however often: the SAT has written it twice.
func withoutExtension(name string) string {
	for withExtension(name, ".xml") {
		name = name[:len(name)-len(".xml")]
	}
	return strings.TrimSpace(name)
}
