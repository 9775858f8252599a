package cfdi

import (
	"errors"
	"io"

	"github.com/pasarela-mx/pasarela/internal/zipdir"
)

// Conteo is how much a package holds, to compare with the SAT's NumeroCFDIs.
type Conteo struct {
	Metadatos int // rows, whether or not Metadatos can read them
	CFDI      int // XML entries, whether or not Resumenes can read them
}

// Cuenta counts without reading what it counts: texts are inflated and cut into
// rows, XML only listed. Errors are zipdir.ErrZip and zipdir.ErrRead; a text that
// is damaged counts up to there.
func Cuenta(r io.ReaderAt, size int64) (Conteo, error) {
	var c Conteo
	for e, err := range zipdir.Walk(r, size) {
		if err != nil {
			return Conteo{}, err
		}
		switch {
		case esDocumento(e):
			c.CFDI++
		case enRaiz(e.Name) && conExtension(e.Name, ".txt"):
			err = conTexto(e, func(t *textoLeido, detalle string) error {
				if detalle != "" || !t.alinea.metadatos() {
					return nil
				}
				n, err := t.filas.cuenta()
				c.Metadatos += n
				return err
			})
			if errors.Is(err, zipdir.ErrRead) {
				return Conteo{}, err
			}
		}
	}
	return c, nil
}
