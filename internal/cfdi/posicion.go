package cfdi

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pasarela-mx/pasarela/internal/zipdir"
)

// Leido is one thing that was read, or one that could not be.
type Leido[T any] struct {
	Valor T
	// Falla says what is broken there, instead of Valor; nil otherwise.
	Falla *Falla
	// Sigue is where reading goes on after this.
	Sigue Posicion
}

// Posicion is a place in a package from which reading can go on; the zero value
// is the beginning. It is meant for cursors: any other value reads something
// else, or fails, and costs no more.
type Posicion struct {
	Entrada    uint64 // entries before it
	Directorio uint64 // bytes of the directory before it
	Fila       int    // rows to pass over in the entry that follows
}

// String is the text that LeePosicion reads.
func (p Posicion) String() string { return fmt.Sprintf("%d.%d.%d", p.Entrada, p.Directorio, p.Fila) }

var errPosicion = errors.New("cfdi: not a position")

// LeePosicion reads what Posicion.String wrote.
func LeePosicion(texto string) (Posicion, error) {
	var p Posicion
	if _, err := fmt.Sscanf(texto, "%d.%d.%d", &p.Entrada, &p.Directorio, &p.Fila); err != nil || p.Fila < 0 || p.String() != texto {
		return Posicion{}, errPosicion
	}
	return p, nil
}

func (p Posicion) mark() zipdir.Mark { return zipdir.Mark{Entry: p.Entrada, Offset: p.Directorio} }

func tras(m zipdir.Mark, fila int) Posicion {
	return Posicion{Entrada: m.Entry, Directorio: m.Offset, Fila: fila}
}

// Falla is what could not be read of a package.
type Falla struct {
	Entrada string // name of the entry, valid UTF-8; empty where it is the package
	Fila    int    // from 1, blank rows and the header not counted; 0 is the whole entry
	Detalle string // in Spanish, for the API's user
	// Ajena is an entry that no package of the SAT has: it lies in a folder, or is of
	// another kind. Nothing that the SAT counted is missing for it.
	Ajena bool
	// Danada says that the bytes of the entry are not those that were packed, or that
	// they cannot be unpacked here.
	Danada bool
}

func (f *Falla) Error() string {
	if f.Fila > 0 {
		return fmt.Sprintf("%s, fila %d: %s", f.Entrada, f.Fila, f.Detalle)
	}
	if f.Entrada == "" {
		return f.Detalle
	}
	return f.Entrada + ": " + f.Detalle
}

// danada tells the failures of unpacking from those of what was packed.
func danada(err error) bool {
	return errors.Is(err, zipdir.ErrEntry) || errors.Is(err, zipdir.ErrLimit)
}

// ErrNoEsta is a CFDI that the package does not have.
var ErrNoEsta = errors.New("cfdi: the package has no such CFDI")

const (
	largoUUID   = 36
	maxMostrado = 120
)

// Clave is the UUID as a number, to compare UUIDs however they are written.
func Clave(uuid string) (clave [16]byte, ok bool) {
	if len(uuid) != largoUUID {
		return clave, false
	}
	if uuid[8] != '-' || uuid[13] != '-' || uuid[18] != '-' || uuid[23] != '-' {
		return clave, false
	}
	malos := byte(0)
	for i := range clave {
		at := lugares[i]
		alto, bajo := hexa[uuid[at]], hexa[uuid[at+1]]
		malos |= alto | bajo
		clave[i] = alto<<4 | bajo
	}
	return clave, malos <= 0x0F
}

// lugares are where each byte of a UUID is in its text; hexa has what each
// character stands for, and 0xFF for those that stand for none.
const (
	lugares = "\x00\x02\x04\x06\x09\x0b\x0e\x10\x13\x15\x18\x1a\x1c\x1e\x20\x22"

	letrasHexa = "\x0a\x0b\x0c\x0d\x0e\x0f"
	nada8      = "\xff\xff\xff\xff\xff\xff\xff\xff"
	nada64     = nada8 + nada8 + nada8 + nada8 + nada8 + nada8 + nada8 + nada8
	hexa       = nada8 + nada8 + nada8 + nada8 + nada8 + nada8 +
		"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\xff\xff\xff\xff\xff\xff" +
		"\xff" + letrasHexa + "\xff" + nada8 + nada8 + nada8 +
		"\xff" + letrasHexa + "\xff" + nada8 + nada8 + nada8 +
		nada64 + nada64
)

// muestra makes foreign text fit for a detail: valid and short.
func muestra(texto string) string {
	texto = strings.ToValidUTF8(texto, "�")
	if utf8.RuneCountInString(texto) <= maxMostrado {
		return texto
	}
	return string([]rune(texto)[:maxMostrado]) + "…"
}
