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
	Entrada string // name of the entry, valid UTF-8
	Fila    int    // from 1, the header not counted; 0 is the whole entry
	Detalle string // in Spanish, for the API's user
}

func (f *Falla) Error() string {
	if f.Fila > 0 {
		return fmt.Sprintf("%s, fila %d: %s", f.Entrada, f.Fila, f.Detalle)
	}
	return f.Entrada + ": " + f.Detalle
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
	n := 0
	for i := 0; i < largoUUID; i++ {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if uuid[i] != '-' {
				return clave, false
			}
			continue
		}
		c := uuid[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return clave, false
		}
		clave[n/2] = clave[n/2]<<4 | c
		n++
	}
	return clave, true
}

// muestra makes foreign text fit for a detail: valid and short.
func muestra(texto string) string {
	texto = strings.ToValidUTF8(texto, "�")
	if utf8.RuneCountInString(texto) <= maxMostrado {
		return texto
	}
	return string([]rune(texto)[:maxMostrado]) + "…"
}
