package cfdi

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/zipdir"
)

// Resumenes yields a summary of each CFDI of a package from a position on. An
// error is the last thing: zipdir.ErrZip, or zipdir.ErrRead with what r failed with.
func Resumenes(r io.ReaderAt, size int64, desde Posicion) iter.Seq2[Leido[Resumen], error] {
	return func(yield func(Leido[Resumen], error) bool) {
		var l lectorResumen
		for e, err := range zipdir.WalkFrom(r, size, desde.mark()) {
			leido := Leido[Resumen]{Sigue: tras(e.Next, 0)}
			switch {
			case err != nil:
			case esCarpeta(e):
				continue
			case !enRaiz(e.Name):
				leido.Falla = &Falla{Entrada: muestra(e.Name), Detalle: noEnRaiz, Ajena: true}
			case !conExtension(e.Name, ".xml"):
				leido.Falla = &Falla{Entrada: muestra(e.Name), Detalle: noEs(e, ".xml"), Ajena: true}
			default:
				leido.Valor, err = resume(&l, e)
				if err != nil && !errors.Is(err, zipdir.ErrRead) {
					leido.Valor, leido.Falla, err = Resumen{}, fallaDe(e, err), nil
				}
			}
			if err != nil {
				yield(Leido[Resumen]{}, err)
				return
			}
			if !yield(leido, nil) {
				return
			}
		}
	}
}

// resume reads an entry to its end, so that its checksum is looked at too.
func resume(l *lectorResumen, e zipdir.Entry) (Resumen, error) {
	contenido, err := e.Open(maxXML)
	if err != nil {
		return Resumen{}, err
	}
	defer contenido.Close() //nolint:errcheck // read only
	var s Resumen
	err = l.lee(contenido, &s)
	return s, err
}

func fallaDe(e zipdir.Entry, err error) *Falla {
	f := &Falla{Entrada: muestra(e.Name), Detalle: detalleDe(err), Danada: danada(err)}
	var d defecto
	if errors.As(err, &d) {
		f.Detalle = string(d)
	}
	return f
}

// Busca returns the XML of the CFDI with a UUID, byte for byte, of at most 32 MiB. It
// looks into the entries that are called so, and into no other: Lugares has those. cierto
// is that its timbre has the UUID; without it, that no other is known to be there, as the
// XML cannot be read. Errors are ErrNoEsta, a *Falla when only a damaged entry has that
// name, zipdir.ErrZip and zipdir.ErrRead.
func Busca(r io.ReaderAt, size int64, uuid string) (xml []byte, cierto bool, err error) {
	clave, ok := Clave(uuid)
	if !ok {
		return nil, false, ErrNoEsta
	}
	var dudoso []byte
	falla := ErrNoEsta
	for e, err := range zipdir.Walk(r, size) {
		if err != nil {
			return nil, false, err
		}
		if nombre, conUUID := claveDelNombre(e); !conUUID || nombre != clave {
			continue
		}
		texto, err := entero(e)
		if errors.Is(err, zipdir.ErrRead) {
			return nil, false, err
		}
		if err != nil {
			falla = err
			continue
		}
		switch s, err := LeeResumen(bytes.NewReader(texto)); {
		case err != nil && dudoso == nil:
			dudoso = texto
		case err == nil && esDe(s, clave):
			return texto, true, nil
		}
	}
	if dudoso != nil {
		return dudoso, false, nil
	}
	return nil, false, falla
}

func esDe(s Resumen, clave [16]byte) bool {
	suya, ok := Clave(s.UUID)
	return ok && suya == clave
}

// claveDelNombre is the UUID that an entry is called by.
func claveDelNombre(e zipdir.Entry) (clave [16]byte, ok bool) {
	if !esDocumento(e) {
		return clave, false
	}
	return Clave(sinExtension(e.Name))
}

// Lugar is where a CFDI is that its entry is not called by.
type Lugar struct {
	Clave    [16]byte // of its timbre
	Posicion Posicion
}

// Lugares yields the place of each CFDI whose entry has another UUID for a name, or none.
// What cannot be read is passed over. An error is the last thing: zipdir.ErrZip or
// zipdir.ErrRead.
func Lugares(r io.ReaderAt, size int64) iter.Seq2[Lugar, error] {
	return func(yield func(Lugar, error) bool) {
		var l lectorResumen
		for e, err := range zipdir.Walk(r, size) {
			if err == nil && !esDocumento(e) {
				continue
			}
			var s Resumen
			if err == nil {
				s, err = resume(&l, e)
			}
			if errors.Is(err, zipdir.ErrRead) || errors.Is(err, zipdir.ErrZip) {
				yield(Lugar{}, err)
				return
			}
			nombre, conUUID := claveDelNombre(e)
			clave, ok := Clave(s.UUID)
			if err != nil || !ok || conUUID && nombre == clave {
				continue
			}
			if !yield(Lugar{Clave: clave, Posicion: tras(e.Mark, 0)}, nil) {
				return
			}
		}
	}
}

// Documento returns the XML at a place that Lugares gave, with the errors of Busca.
func Documento(r io.ReaderAt, size int64, en Posicion) ([]byte, error) {
	for e, err := range zipdir.WalkFrom(r, size, en.mark()) {
		if err != nil {
			return nil, err
		}
		return entero(e)
	}
	return nil, ErrNoEsta
}

func entero(e zipdir.Entry) ([]byte, error) {
	contenido, err := e.Open(maxXML)
	if err != nil {
		return nil, legible(e, err)
	}
	defer contenido.Close() //nolint:errcheck // read only
	b, err := io.ReadAll(contenido)
	if err != nil {
		return nil, legible(e, err)
	}
	return b, nil
}

func legible(e zipdir.Entry, err error) error {
	if errors.Is(err, zipdir.ErrRead) {
		return err
	}
	return fallaDe(e, err)
}

func esDocumento(e zipdir.Entry) bool { return enRaiz(e.Name) && conExtension(e.Name, ".xml") }

// sinExtension is a name without .xml, however often: the SAT has written it twice.
func sinExtension(nombre string) string {
	for conExtension(nombre, ".xml") {
		nombre = nombre[:len(nombre)-len(".xml")]
	}
	return strings.TrimSpace(nombre)
}
