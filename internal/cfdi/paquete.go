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
	// maxTexto bounds a metadata text: a million rows are some 300 MB.
	maxTexto = 4 << 30
	// maxXML bounds a CFDI with its addenda.
	maxXML = 32 << 20
)

// Metadatos yields the rows of a metadata package from a position on, each with
// its third party. Positions before which rows lie in the same text cost their
// inflation again. An error is the last thing: zipdir.ErrZip, or zipdir.ErrRead
// with what r failed with.
func Metadatos(r io.ReaderAt, size int64, desde Posicion) iter.Seq2[Leido[Metadato], error] {
	return func(yield func(Leido[Metadato], error) bool) {
		l := &metadatos{yield: yield, desde: desde, juntados: map[uint64]*fallasJuntas{}}
		if err := l.juntaTerceros(r, size); err != nil {
			l.termina(err)
			return
		}
		for e, err := range zipdir.WalkFrom(r, size, desde.mark()) {
			if err == nil {
				err = l.entrada(e)
			}
			if err != nil {
				l.termina(err)
				return
			}
		}
	}
}

// metadatos is one reading of a package.
type metadatos struct {
	yield    func(Leido[Metadato], error) bool
	desde    Posicion
	terceros terceros
	juntados map[uint64]*fallasJuntas // entries that are texts of third parties
	leido    Leido[Metadato]
}

// maxFallasJuntas bounds how many faults of a text of third parties are told one by one.
const maxFallasJuntas = 100

// fallasJuntas wait until it is the turn of their entry, so that a position
// among them is like any other.
type fallasJuntas struct {
	fallas []Falla
	mas    int
}

func (f *fallasJuntas) agrega(falla Falla) {
	if len(f.fallas) == maxFallasJuntas {
		f.mas++
		return
	}
	f.fallas = append(f.fallas, falla)
}

// errBasta is that the caller wants no more.
var errBasta = errors.New("cfdi: enough")

func (l *metadatos) termina(err error) {
	if !errors.Is(err, errBasta) {
		l.yield(Leido[Metadato]{}, err)
	}
}

func (l *metadatos) falla(entrada string, fila int, sigue Posicion, detalle string) error {
	return l.suelta(Falla{Entrada: muestra(entrada), Fila: fila, Detalle: detalle}, sigue)
}

func (l *metadatos) suelta(f Falla, sigue Posicion) error {
	l.leido = Leido[Metadato]{Falla: &f, Sigue: sigue}
	if !l.yield(l.leido, nil) {
		return errBasta
	}
	return nil
}

// ajena tells of an entry that no package of metadata has.
func (l *metadatos) ajena(e zipdir.Entry, detalle string) error {
	return l.suelta(Falla{Entrada: muestra(e.Name), Detalle: detalle, Ajena: true}, tras(e.Next, 0))
}

// juntaTerceros reads the texts of third parties, which may come after the rows
// that they belong to.
func (l *metadatos) juntaTerceros(r io.ReaderAt, size int64) error {
	for e, err := range zipdir.Walk(r, size) {
		if err != nil {
			return err
		}
		if !enRaiz(e.Name) || !conExtension(e.Name, ".txt") {
			continue
		}
		var juntas *fallasJuntas
		err = conTexto(e, func(t *textoLeido, detalle string) error {
			if detalle != "" || !t.alinea.terceros() {
				return nil // told when its turn comes
			}
			juntas = &fallasJuntas{}
			return l.terceros.lee(t, func(fila int, detalle string) {
				juntas.agrega(Falla{Entrada: muestra(e.Name), Fila: fila, Detalle: detalle})
			})
		})
		if errors.Is(err, zipdir.ErrRead) {
			return err
		}
		if juntas == nil {
			continue
		}
		if err != nil {
			juntas.agrega(Falla{Entrada: muestra(e.Name), Detalle: detalleDe(err), Danada: danada(err)})
		}
		if juntas.mas > 0 {
			juntas.fallas = append(juntas.fallas, Falla{Entrada: muestra(e.Name), Detalle: fmt.Sprintf("Tiene %d fallas más.", juntas.mas)})
		}
		l.juntados[e.Mark.Entry] = juntas
	}
	l.terceros.ordena()
	return nil
}

// juntas yields the faults of a text of third parties.
func (l *metadatos) juntas(e zipdir.Entry, desde int) error {
	fallas := l.juntados[e.Mark.Entry].fallas
	for i := min(desde, len(fallas)); i < len(fallas); i++ {
		if err := l.suelta(fallas[i], tras(e.Mark, i+1)); err != nil {
			return err
		}
	}
	return nil
}

// conTexto opens an entry as a text. Errors are those of its content.
func conTexto(e zipdir.Entry, lee func(t *textoLeido, detalle string) error) error {
	contenido, err := e.Open(maxTexto)
	if err != nil {
		return err
	}
	defer contenido.Close() //nolint:errcheck // read only
	t, detalle, err := abreTexto(e.Name, contenido)
	if err != nil {
		return err
	}
	return lee(t, detalle)
}

// entrada yields the rows of one entry.
func (l *metadatos) entrada(e zipdir.Entry) error {
	desde := 0
	if e.Mark == l.desde.mark() {
		desde = l.desde.Fila
	}
	switch {
	case l.juntados[e.Mark.Entry] != nil:
		return l.juntas(e, desde)
	case esCarpeta(e):
		return nil
	case !enRaiz(e.Name):
		return l.ajena(e, noEnRaiz)
	case !conExtension(e.Name, ".txt"):
		return l.ajena(e, noEs(e, ".txt"))
	}
	fila := 0
	err := conTexto(e, func(t *textoLeido, detalle string) error {
		if detalle == "" && !t.alinea.metadatos() {
			detalle = "No es un texto de metadatos ni de terceros: el encabezado dice «" + muestra(t.alinea.crudo) + "»."
		}
		if detalle != "" {
			return l.falla(e.Name, 0, tras(e.Next, 0), detalle)
		}
		t.terceros = &l.terceros
		err := t.salta(desde)
		if err == nil {
			err = l.filas(t, e.Mark)
		}
		fila = t.fila
		return err
	})
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return nil
	case errors.Is(err, errBasta) || errors.Is(err, zipdir.ErrRead):
		return err
	}
	switch {
	case errors.Is(err, zipdir.ErrChecksum):
		fila = 0 // all could be read, and any may be altered
	case fila > 0:
		fila++ // the one that could not be read any more
	}
	return l.suelta(Falla{Entrada: muestra(e.Name), Fila: fila, Detalle: detalleDe(err), Danada: danada(err)}, tras(e.Next, 0))
}

// filas yields the rows of a text until its content ends or fails.
func (l *metadatos) filas(t *textoLeido, mark zipdir.Mark) error {
	for {
		l.leido.Falla = nil
		detalle, err := t.siguiente(&l.leido.Valor)
		switch {
		case err != nil:
			return err
		case detalle != "":
			err = l.falla(t.entrada, t.fila, tras(mark, t.fila), detalle)
		default:
			l.leido.Sigue = tras(mark, t.fila)
			if !l.yield(l.leido, nil) {
				err = errBasta
			}
		}
		if err != nil {
			return err
		}
	}
}

const noEnRaiz = "El archivo no está en la raíz del paquete: no se lee."

// noEs says of an entry that it is not of the kind that the package holds.
func noEs(e zipdir.Entry, extension string) string {
	if conExtension(e.Name, ".zip") {
		return "Es otro ZIP dentro del paquete: no se lee."
	}
	return "El nombre del archivo no termina en " + extension + ": no se lee."
}

// esCarpeta reports whether an entry is a folder, which has no content.
func esCarpeta(e zipdir.Entry) bool {
	return strings.HasSuffix(e.Name, "/") || strings.HasSuffix(e.Name, `\`) && e.UncompressedSize == 0
}

func enRaiz(nombre string) bool { return !strings.ContainsAny(nombre, `/\`) }

func conExtension(nombre, extension string) bool {
	n := len(nombre) - len(extension)
	return n >= 0 && strings.EqualFold(nombre[n:], extension)
}
