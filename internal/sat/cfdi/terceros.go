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
	// maxTextTerceros bounds the texts of different third parties, in bytes.
	maxTextTerceros = 16 << 20
	// textCost is what a different third party costs over its text.
	textCost = 64
)

// terceros joins third parties to the rows of the metadata: keys in order, and
// each different text once. It never holds more than some 60 MB, whatever the
// package; what is over that is told, not joined.
type terceros struct {
	rows   []tercero
	texts  []string // RFC, ~, name, and behind noDoubt what is doubtful about them
	number map[string]uint32
	bytes  int
	full   bool
}

type tercero struct {
	key         [16]byte
	text, order uint32
}

// noDoubt stands between a third party and the notice of its row.
const noDoubt = "\x00"

func (t *terceros) add(key [16]byte, m *Metadato) {
	if t.full {
		return
	}
	text := m.RFCACuentaTerceros + string(separator) + strings.ReplaceAll(m.NombreACuentaTerceros, noDoubt, "")
	if m.Aviso != "" {
		text += noDoubt + m.Aviso
	}
	n, ok := t.number[text]
	if !ok {
		t.bytes += len(text) + textCost
		if t.bytes > maxTextTerceros {
			t.full = true
			return
		}
		n = uint32(len(t.texts)) //nolint:gosec // bounded above
		text = strings.Clone(text)
		t.texts = append(t.texts, text)
		if t.number == nil {
			t.number = map[string]uint32{}
		}
		t.number[text] = n
	}
	if len(t.rows) == maxTerceros {
		t.full = true
		return
	}
	t.rows = append(t.rows, tercero{key, n, uint32(len(t.rows))}) //nolint:gosec // bounded above
}

// read reads a text of third parties to its end; falla is called for what is
// broken, err is the reader's.
func (t *terceros) read(text *readText, falla func(row int, detail string)) error {
	var m Metadato
	for {
		detail, err := text.next(&m)
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if detail == "" && m.RFCACuentaTerceros == "" && m.NombreACuentaTerceros == "" {
			detail = "La fila no tiene tercero."
		}
		if detail != "" {
			falla(text.row, detail)
			continue
		}
		key, _ := Key(m.UUID) // checked by the row
		ya := t.full
		t.add(key, &m)
		if t.full && !ya {
			falla(text.row, fmt.Sprintf("Hay demasiados terceros: los metadatos llevan los de las primeras %d filas de este archivo, y no los de esta ni las siguientes.", len(t.rows)))
		}
	}
}

// sort makes it ready for une.
func (t *terceros) sort() {
	t.number = nil
	slices.SortFunc(t.rows, func(a, b tercero) int {
		if c := bytes.Compare(a.key[:], b.key[:]); c != 0 {
			return c
		}
		return int(a.order) - int(b.order)
	})
}

// unite puts the third parties of a row into it.
func (t *terceros) unite(key [16]byte, m *Metadato) {
	i, ok := slices.BinarySearchFunc(t.rows, key, func(f tercero, key [16]byte) int { return bytes.Compare(f.key[:], key[:]) })
	if !ok {
		return
	}
	seen := map[uint32]bool(nil)
	for n := 1; i < len(t.rows) && t.rows[i].key == key; i++ {
		f := t.rows[i]
		if seen[f.text] {
			continue
		}
		text, aviso, _ := strings.Cut(t.texts[f.text], noDoubt)
		rfc, name, _ := strings.Cut(text, string(separator))
		if aviso != "" {
			m.Aviso = gather(m.Aviso, "De su tercero: "+aviso)
		}
		if n == 1 {
			m.RFCACuentaTerceros, m.NombreACuentaTerceros = rfc, name
			seen = map[uint32]bool{f.text: true}
		} else {
			seen[f.text] = true
			m.Extras = append(m.Extras, Field{fmt.Sprintf("RfcACuentaTerceros-%02d", n), rfc}, Field{fmt.Sprintf("NombreACuentaTerceros-%02d", n), name})
		}
		n++
	}
}
