package cfdi

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pasarela-mx/pasarela/internal/zipdir"
)

// Read is one thing that was read, or one that could not be.
type Read[T any] struct {
	Value T
	// Falla says what is broken there, instead of Value; nil otherwise.
	Falla *Falla
	// Follow is where reading goes on after this.
	Follow Position
}

// Position is a place in a package from which reading can go on; the zero value
// is the beginning. It is meant for cursors: any other value reads something
// else, or fails, and costs no more.
type Position struct {
	Entry     uint64 // entries before it
	Directory uint64 // bytes of the directory before it
	Row       int    // rows to pass over in the entry that follows
}

// String is the text that ReadPosition reads.
func (p Position) String() string { return fmt.Sprintf("%d.%d.%d", p.Entry, p.Directory, p.Row) }

var errPosition = errors.New("cfdi: not a position")

// ReadPosition reads what Position.String wrote.
func ReadPosition(text string) (Position, error) {
	var p Position
	if _, err := fmt.Sscanf(text, "%d.%d.%d", &p.Entry, &p.Directory, &p.Row); err != nil || p.Row < 0 || p.String() != text {
		return Position{}, errPosition
	}
	return p, nil
}

func (p Position) mark() zipdir.Mark { return zipdir.Mark{Entry: p.Entry, Offset: p.Directory} }

func after(m zipdir.Mark, row int) Position {
	return Position{Entry: m.Entry, Directory: m.Offset, Row: row}
}

// Falla is what could not be read of a package.
type Falla struct {
	Entry  string // name of the entry, valid UTF-8; empty where it is the package
	Row    int    // from 1, blank rows and the header not counted; 0 is the whole entry
	Detail string // in Spanish, for the API's user
	// Foreign is an entry that no package of the SAT has: it lies in a folder, or is of
	// another kind. Nothing that the SAT counted is missing for it.
	Foreign bool
	// Damaged says that the bytes of the entry are not those that were packed, or that
	// they cannot be unpacked here.
	Damaged bool
}

func (f *Falla) Error() string {
	if f.Row > 0 {
		return fmt.Sprintf("%s, fila %d: %s", f.Entry, f.Row, f.Detail)
	}
	if f.Entry == "" {
		return f.Detail
	}
	return f.Entry + ": " + f.Detail
}

// isDamage tells the failures of unpacking from those of what was packed.
func isDamage(err error) bool {
	return errors.Is(err, zipdir.ErrEntry) || errors.Is(err, zipdir.ErrLimit)
}

// ErrNotThere is a CFDI that the package does not have.
var ErrNotThere = errors.New("cfdi: the package has no such CFDI")

const (
	uUIDLength = 36
	maxShown   = 120
)

// Key is the UUID as a number, to compare UUIDs however they are written.
func Key(uuid string) (key [16]byte, ok bool) {
	if len(uuid) != uUIDLength {
		return key, false
	}
	if uuid[8] != '-' || uuid[13] != '-' || uuid[18] != '-' || uuid[23] != '-' {
		return key, false
	}
	bad := byte(0)
	for i := range key {
		at := places[i]
		height, low := hexa[uuid[at]], hexa[uuid[at+1]]
		bad |= height | low
		key[i] = height<<4 | low
	}
	return key, bad <= 0x0F
}

// places are where each byte of a UUID is in its text; hexa has what each
// character stands for, and 0xFF for those that stand for none.
const (
	places = "\x00\x02\x04\x06\x09\x0b\x0e\x10\x13\x15\x18\x1a\x1c\x1e\x20\x22"

	lettersHexa = "\x0a\x0b\x0c\x0d\x0e\x0f"
	nothing8    = "\xff\xff\xff\xff\xff\xff\xff\xff"
	nothing64   = nothing8 + nothing8 + nothing8 + nothing8 + nothing8 + nothing8 + nothing8 + nothing8
	hexa        = nothing8 + nothing8 + nothing8 + nothing8 + nothing8 + nothing8 +
		"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\xff\xff\xff\xff\xff\xff" +
		"\xff" + lettersHexa + "\xff" + nothing8 + nothing8 + nothing8 +
		"\xff" + lettersHexa + "\xff" + nothing8 + nothing8 + nothing8 +
		nothing64 + nothing64
)

// show makes foreign text fit for a detail: valid and short.
func show(text string) string {
	text = strings.ToValidUTF8(text, "�")
	if utf8.RuneCountInString(text) <= maxShown {
		return text
	}
	return string([]rune(text)[:maxShown]) + "…"
}
