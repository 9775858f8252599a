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
	maxRows  = 2_000_000 // of all lotes
	// maxRowsLote is what a worksheet of the result has room for under its heading.
	maxRowsLote = 65_535

	firstLote  = 100_000
	rangoLotes = 800_000
)

// row is a title of a lote as the result tells it.
type row struct {
	file        string
	estatus     int
	description string
	folio       string
}

// The values of ESTATUS.
const (
	registered = 1
	refused    = 2
)

type lote struct {
	number int64
	open   time.Time
	ready  time.Time
	rows   []row
}

// titulo is a title that was examined, before its folio was compared with those registered: failure is what
// speaks against it, and later what does after the folio was found to be new.
type titulo struct {
	file           string
	folio          string
	institucion    string
	failure, later string
}

// record is a title that was registered. Cancelled or not, its folio is taken for ever.
type record struct {
	since       time.Time
	institucion string
	cancelled   bool
}

// lotes is what was uploaded, and the titles that it registered.
type lotes struct {
	seed uint64

	mu     sync.Mutex
	all    []*lote
	rows   int
	folios map[string]*record
}

func newLotes(seed uint64) *lotes {
	l := &lotes{seed: seed}
	l.reset()
	return l
}

func (l *lotes) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all, l.rows, l.folios = nil, 0, make(map[string]*record)
}

// open decides on each title, in order, and opens a lote with the outcome; numbers follow one another.
func (l *lotes) open(now, ready time.Time, titulos []titulo) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) >= maxLotes || l.rows+len(titulos) > maxRows {
		return 0, errors.New("the sandbox is full: reset it")
	}
	fresh := &lote{
		number: firstLote + int64(l.seed%rangoLotes) + int64(len(l.all)),
		open:   now, ready: ready, rows: make([]row, 0, len(titulos)),
	}
	for _, t := range titulos {
		f := row{file: t.file, folio: t.folio, estatus: refused, description: t.failure}
		switch {
		case t.failure != "":
		case l.folios[t.folio] != nil:
			f.description = "Folio de control previamente registrado: " + t.folio
		case t.later != "":
			f.description = t.later
		default:
			f.estatus, f.description = registered, "Título electrónico registrado exitosamente"
			l.folios[t.folio] = &record{since: ready, institucion: t.institucion}
		}
		fresh.rows = append(fresh.rows, f)
	}
	l.all = append(l.all, fresh)
	l.rows += len(fresh.rows)
	return fresh.number, nil
}

// find returns the lote with this number, or nil, and whether it is processed.
func (l *lotes) find(text string, now time.Time) (*lote, bool) {
	number, err := strconv.ParseInt(strings.TrimPrefix(text, "+"), 10, 64)
	if err != nil {
		return nil, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.all, func(x *lote) bool { return x.number == number })
	if i < 0 {
		return nil, false
	}
	return l.all[i], !now.Before(l.all[i].ready)
}

// cancel reports whether there was a title to cancel.
func (l *lotes) cancel(folio string, now time.Time, matches func(institucion string) bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.folios[folio]
	if r == nil || r.cancelled || now.Before(r.since) || !matches(r.institucion) {
		return false
	}
	r.cancelled = true
	return true
}

// Summary is a lote as the admin port shows it.
type Summary struct {
	NumeroLote  int64     `json:"numeroLote"`
	Abierto     time.Time `json:"abierto"`
	Procesado   bool      `json:"procesado"`
	Titulos     int       `json:"titulos"`
	Registrados int       `json:"registrados"`
}

func (l *lotes) summary(now time.Time) []Summary {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]Summary, 0, len(l.all))
	for _, x := range l.all {
		r := Summary{NumeroLote: x.number, Abierto: x.open.UTC(), Procesado: !now.Before(x.ready), Titulos: len(x.rows)}
		for _, f := range x.rows {
			if f.estatus == registered {
				r.Registrados++
			}
		}
		all = append(all, r)
	}
	return all
}

func (x *lote) name() string { return fmt.Sprintf("ResultadoCargaTitulos%d.xls", x.number) }
