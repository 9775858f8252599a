package sep

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxLotes = 10_000
	maxFilas = 2_000_000 // of all lotes
	// maxFilasLote is what a worksheet of the result has room for under its heading.
	maxFilasLote = 65_535

	primerLote = 100_000
	rangoLotes = 800_000
)

// fila is a title of a lote as the result tells it.
type fila struct {
	archivo     string
	estatus     int
	descripcion string
	folio       string
}

// The values of ESTATUS.
const (
	registrado = 1
	rechazado  = 2
)

type lote struct {
	numero  int64
	abierto time.Time
	listo   time.Time
	filas   []fila
}

// titulo is a title that was examined, before its folio was compared with those registered: fallo is what
// speaks against it, and luego what does after the folio was found to be new.
type titulo struct {
	archivo      string
	folio        string
	institucion  string
	fallo, luego string
}

// registro is a title that was registered. Cancelled or not, its folio is taken for ever.
type registro struct {
	desde       time.Time
	institucion string
	cancelado   bool
}

// lotes is what was uploaded, and the titles that it registered.
type lotes struct {
	semilla uint64

	mu     sync.Mutex
	todos  []*lote
	filas  int
	folios map[string]*registro
}

func nuevosLotes(semilla uint64) *lotes {
	l := &lotes{semilla: semilla}
	l.reinicia()
	return l
}

func (l *lotes) reinicia() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.todos, l.filas, l.folios = nil, 0, make(map[string]*registro)
}

// abre decides on each title, in order, and opens a lote with the outcome; numbers follow one another.
func (l *lotes) abre(ahora, listo time.Time, titulos []titulo) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.todos) >= maxLotes || l.filas+len(titulos) > maxFilas {
		return 0, errors.New("the sandbox is full: reset it")
	}
	nuevo := &lote{
		numero:  primerLote + int64(l.semilla%rangoLotes) + int64(len(l.todos)),
		abierto: ahora, listo: listo, filas: make([]fila, 0, len(titulos)),
	}
	for _, t := range titulos {
		f := fila{archivo: t.archivo, folio: t.folio, estatus: rechazado, descripcion: t.fallo}
		switch {
		case t.fallo != "":
		case l.folios[t.folio] != nil:
			f.descripcion = "Folio de control previamente registrado: " + t.folio
		case t.luego != "":
			f.descripcion = t.luego
		default:
			f.estatus, f.descripcion = registrado, "Título electrónico registrado exitosamente"
			l.folios[t.folio] = &registro{desde: listo, institucion: t.institucion}
		}
		nuevo.filas = append(nuevo.filas, f)
	}
	l.todos = append(l.todos, nuevo)
	l.filas += len(nuevo.filas)
	return nuevo.numero, nil
}

// busca returns the lote with this number, or nil, and whether it is processed.
func (l *lotes) busca(texto string, ahora time.Time) (*lote, bool) {
	numero, err := strconv.ParseInt(strings.TrimPrefix(texto, "+"), 10, 64)
	if err != nil {
		return nil, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.todos, func(x *lote) bool { return x.numero == numero })
	if i < 0 {
		return nil, false
	}
	return l.todos[i], !ahora.Before(l.todos[i].listo)
}

// cancela tells whether there was a title to cancel.
func (l *lotes) cancela(folio string, ahora time.Time, es func(institucion string) bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.folios[folio]
	if r == nil || r.cancelado || ahora.Before(r.desde) || !es(r.institucion) {
		return false
	}
	r.cancelado = true
	return true
}

// Resumen is a lote as the admin port shows it.
type Resumen struct {
	NumeroLote  int64     `json:"numeroLote"`
	Abierto     time.Time `json:"abierto"`
	Procesado   bool      `json:"procesado"`
	Titulos     int       `json:"titulos"`
	Registrados int       `json:"registrados"`
}

func (l *lotes) resumen(ahora time.Time) []Resumen {
	l.mu.Lock()
	defer l.mu.Unlock()
	todos := make([]Resumen, 0, len(l.todos))
	for _, x := range l.todos {
		r := Resumen{NumeroLote: x.numero, Abierto: x.abierto.UTC(), Procesado: !ahora.Before(x.listo), Titulos: len(x.filas)}
		for _, f := range x.filas {
			if f.estatus == registrado {
				r.Registrados++
			}
		}
		todos = append(todos, r)
	}
	return todos
}

func (x *lote) nombre() string { return fmt.Sprintf("ResultadoCargaTitulos%d.xls", x.numero) }
