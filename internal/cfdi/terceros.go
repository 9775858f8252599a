package cfdi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

const (
	// maxTerceros is the SAT's own bound of rows in a metadata request. One costs
	// 24 bytes here.
	maxTerceros = 1_000_000
	// maxTextoTerceros bounds the texts of different third parties, in bytes.
	maxTextoTerceros = 16 << 20
	// costoTexto is what a different third party costs over its text.
	costoTexto = 64
)

// terceros joins third parties to the rows of the metadata: keys in order, and
// each different text once. It never holds more than some 60 MB, whatever the
// package; what is over that is told, not joined.
type terceros struct {
	filas  []tercero
	textos []string // RFC, ~, name, and behind sinDuda what is doubtful about them
	numero map[string]uint32
	bytes  int
	lleno  bool
}

type tercero struct {
	clave        [16]byte
	texto, orden uint32
}

// sinDuda stands between a third party and the notice of its row.
const sinDuda = "\x00"

func (t *terceros) agrega(clave [16]byte, m *Metadato) {
	if t.lleno {
		return
	}
	texto := m.RFCACuentaTerceros + string(separador) + strings.ReplaceAll(m.NombreACuentaTerceros, sinDuda, "")
	if m.Aviso != "" {
		texto += sinDuda + m.Aviso
	}
	n, ok := t.numero[texto]
	if !ok {
		t.bytes += len(texto) + costoTexto
		if t.bytes > maxTextoTerceros {
			t.lleno = true
			return
		}
		n = uint32(len(t.textos)) //nolint:gosec // bounded above
		texto = strings.Clone(texto)
		t.textos = append(t.textos, texto)
		if t.numero == nil {
			t.numero = map[string]uint32{}
		}
		t.numero[texto] = n
	}
	if len(t.filas) == maxTerceros {
		t.lleno = true
		return
	}
	t.filas = append(t.filas, tercero{clave, n, uint32(len(t.filas))}) //nolint:gosec // bounded above
}

// lee reads a text of third parties to its end; falla is called for what is
// broken, err is the reader's.
func (t *terceros) lee(texto *textoLeido, falla func(fila int, detalle string)) error {
	var m Metadato
	for {
		detalle, err := texto.siguiente(&m)
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if detalle == "" && m.RFCACuentaTerceros == "" && m.NombreACuentaTerceros == "" {
			detalle = "La fila no tiene tercero."
		}
		if detalle != "" {
			falla(texto.fila, detalle)
			continue
		}
		clave, _ := Clave(m.UUID) // checked by the row
		ya := t.lleno
		t.agrega(clave, &m)
		if t.lleno && !ya {
			falla(texto.fila, fmt.Sprintf("Hay demasiados terceros: los metadatos llevan los de las primeras %d filas de este archivo, y no los de esta ni las siguientes.", len(t.filas)))
		}
	}
}

// ordena makes it ready for une.
func (t *terceros) ordena() {
	t.numero = nil
	slices.SortFunc(t.filas, func(a, b tercero) int {
		if c := bytes.Compare(a.clave[:], b.clave[:]); c != 0 {
			return c
		}
		return int(a.orden) - int(b.orden)
	})
}

// une puts the third parties of a row into it.
func (t *terceros) une(clave [16]byte, m *Metadato) {
	i, ok := slices.BinarySearchFunc(t.filas, clave, func(f tercero, clave [16]byte) int { return bytes.Compare(f.clave[:], clave[:]) })
	if !ok {
		return
	}
	vistos := map[uint32]bool(nil)
	for n := 1; i < len(t.filas) && t.filas[i].clave == clave; i++ {
		f := t.filas[i]
		if vistos[f.texto] {
			continue
		}
		texto, aviso, _ := strings.Cut(t.textos[f.texto], sinDuda)
		rfc, nombre, _ := strings.Cut(texto, string(separador))
		if aviso != "" {
			m.Aviso = junta(m.Aviso, "De su tercero: "+aviso)
		}
		if n == 1 {
			m.RFCACuentaTerceros, m.NombreACuentaTerceros = rfc, nombre
			vistos = map[uint32]bool{f.texto: true}
		} else {
			vistos[f.texto] = true
			m.Extras = append(m.Extras, Campo{fmt.Sprintf("RfcACuentaTerceros-%02d", n), rfc}, Campo{fmt.Sprintf("NombreACuentaTerceros-%02d", n), nombre})
		}
		n++
	}
}
