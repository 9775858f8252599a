package cfdi

import (
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
	f := &Falla{Entrada: muestra(e.Name), Detalle: detalleDe(err)}
	var d defecto
	if errors.As(err, &d) {
		f.Detalle = string(d)
	}
	return f
}

// Busca returns the XML of the CFDI with a UUID, byte for byte, of at most 32 MiB.
// It goes by the names of the entries, as the SAT gives them; only entries whose
// name is no UUID are looked into. Errors are ErrNoEsta, a *Falla when it is there
// and cannot be read, zipdir.ErrZip and zipdir.ErrRead.
func Busca(r io.ReaderAt, size int64, uuid string) ([]byte, error) {
	clave, ok := Clave(uuid)
	if !ok {
		return nil, ErrNoEsta
	}
	sinUUID := 0
	for e, err := range zipdir.Walk(r, size) {
		if err != nil {
			return nil, err
		}
		if !esDocumento(e) {
			continue
		}
		suya, conUUID := Clave(sinExtension(e.Name))
		if conUUID && suya == clave {
			return entero(e)
		}
		if !conUUID {
			sinUUID++
		}
	}
	if sinUUID == 0 {
		return nil, ErrNoEsta
	}
	return buscaDentro(r, size, clave)
}

func buscaDentro(r io.ReaderAt, size int64, clave [16]byte) ([]byte, error) {
	var l lectorResumen
	for e, err := range zipdir.Walk(r, size) {
		if err != nil {
			return nil, err
		}
		if !esDocumento(e) {
			continue
		}
		if _, conUUID := Clave(sinExtension(e.Name)); conUUID {
			continue
		}
		s, err := resume(&l, e)
		if errors.Is(err, zipdir.ErrRead) {
			return nil, err
		}
		if suya, ok := Clave(s.UUID); err == nil && ok && suya == clave {
			return entero(e)
		}
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
