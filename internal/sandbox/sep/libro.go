package sep

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"unicode/utf16"
)

// The records written here, [MS-XLS] 2.3.
const (
	regEOF         = 0x000A
	regFont        = 0x0031
	regContinue    = 0x003C
	regWindow1     = 0x003D
	regCodePage    = 0x0042
	regWriteAccess = 0x005C
	regBoundSheet  = 0x0085
	regXF          = 0x00E0
	regSST         = 0x00FC
	regLabelSST    = 0x00FD
	regDimensions  = 0x0200
	regNumber      = 0x0203
	regRow         = 0x0208
	regWindow2     = 0x023E
	regStyle       = 0x0293
	regBOF         = 0x0809

	maxRegistro = 8224
	maxTextoXLS = 32_767
	filasBloque = 32
	hoja        = "Resultado"
	// xfCelda is the format of every cell: the first after those of the styles.
	xfCelda = 15
)

// Libro is a BIFF8 workbook with one sheet: texts (string) in shared strings and numbers (float64). It is
// made after what the service's library writes, not by it.
func Libro(filas [][]any) []byte {
	t := &textos{lugar: make(map[string]uint32)}
	celdas := escribeHoja(filas, t)
	globales := registro1(regBOF, le16(0x0600), le16(5), make([]byte, 12))
	globales = append(globales, registro1(regWriteAccess, acceso())...)
	globales = append(globales, registro1(regCodePage, le16(1200))...)
	globales = append(globales, registro1(regWindow1, le16(0, 0, 0x4000, 0x2000, 0x38, 0, 0, 1, 600))...)
	for range 4 {
		globales = append(globales, registro1(regFont, le16(200, 0, 0x7FFF, 400, 0, 0, 0), []byte{5, 0}, []byte("Arial"))...)
	}
	for i := range xfCelda + 1 {
		tipoXF := uint16(0xFFF5)
		if i == xfCelda {
			tipoXF = 1
		}
		globales = append(globales, registro1(regXF, le16(0, 0, tipoXF, 0x20, 0, 0, 0, 0, 0, 0x20C0))...)
	}
	globales = append(globales, registro1(regStyle, le16(0x8000), []byte{0, 0xFF})...)
	fin := t.sst()
	fin = append(fin, registro1(regEOF)...)
	const largoBoundSheet = 4 + 4 + 2 + 2 + len(hoja)
	inicio := uint32(len(globales) + largoBoundSheet + len(fin)) //nolint:gosec // G115: far below four gigabytes
	globales = append(globales, registro1(regBoundSheet, le32(inicio), le16(0), []byte{byte(len(hoja)), 0}, []byte(hoja))...)
	return contenedor(slices.Concat(globales, fin, celdas))
}

// acceso is the name of the user who wrote the book, padded with blanks; the service's says weblogic.
func acceso() []byte {
	const usuario = "sandbox de Pasarela"
	b := append(le16(uint16(len(usuario))), 0)
	b = append(b, usuario...)
	return append(b, bytes.Repeat([]byte{' '}, 112-len(b))...)
}

// escribeHoja writes the rows in blocks: the heads of thirty-two, then their cells.
func escribeHoja(filas [][]any, t *textos) []byte {
	b := registro1(regBOF, le16(0x0600), le16(0x10), make([]byte, 12))
	columnas := 0
	for _, f := range filas {
		columnas = max(columnas, len(f))
	}
	b = append(b, registro1(regDimensions, le32(0), le32(uint32(len(filas))), le16(0, uint16(columnas), 0))...) //nolint:gosec // G115: a sheet has 65,536 rows
	for desde := 0; desde < len(filas); desde += filasBloque {
		bloque := filas[desde:min(desde+filasBloque, len(filas))]
		for i, f := range bloque {
			b = append(b, registro1(regRow, le16(uint16(desde+i), 0, uint16(len(f)), 255, 0, 0, 0x100, xfCelda))...) //nolint:gosec // G115: as above
		}
		for i, f := range bloque {
			for j, valor := range f {
				lugar := le16(uint16(desde+i), uint16(j), xfCelda)
				switch v := valor.(type) {
				case string:
					if v != "" {
						b = append(b, registro1(regLabelSST, lugar, le32(t.indice(v)))...)
					}
				case float64:
					b = append(b, registro1(regNumber, lugar, binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)))...)
				}
			}
		}
	}
	b = append(b, registro1(regWindow2, le16(0x06B6, 0, 0, 0x40, 0, 0, 0, 0, 0))...)
	return append(b, registro1(regEOF)...)
}

// textos are the shared strings.
type textos struct {
	lugar map[string]uint32
	todos []string
	usos  uint32
}

func (t *textos) indice(texto string) uint32 {
	t.usos++
	i, ya := t.lugar[texto]
	if !ya {
		i = uint32(len(t.todos)) //nolint:gosec // G115: bounded by the cells of a sheet
		t.lugar[texto] = i
		t.todos = append(t.todos, texto)
	}
	return i
}

// sst writes the shared strings over as many CONTINUEs as they need. A string that is broken off goes on
// after a byte of flags; its first character stays with its head.
func (t *textos) sst() []byte {
	e := &partido{tipo: regSST}
	e.agrega(le32(t.usos))
	e.agrega(le32(uint32(len(t.todos)))) //nolint:gosec // G115: as above
	for _, texto := range t.todos {
		e.texto(texto)
	}
	return append(e.hecho, registro1(e.tipo, e.cuerpo)...)
}

// partido is a record that goes on in others when it is full.
type partido struct {
	tipo   uint16
	cuerpo []byte
	hecho  []byte
}

func (e *partido) agrega(b []byte) { e.cuerpo = append(e.cuerpo, b...) }

func (e *partido) cierra() {
	e.hecho = append(e.hecho, registro1(e.tipo, e.cuerpo)...)
	e.tipo, e.cuerpo = regContinue, e.cuerpo[:0]
}

func (e *partido) texto(texto string) {
	unidades := utf16.Encode([]rune(texto))
	unidades = unidades[:min(len(unidades), maxTextoXLS)]
	ancho, marca := 1, byte(0)
	if slices.ContainsFunc(unidades, func(u uint16) bool { return u > 0xFF }) {
		ancho, marca = 2, 1
	}
	if len(e.cuerpo)+3+ancho > maxRegistro {
		e.cierra()
	}
	e.agrega(le16(uint16(len(unidades)))) //nolint:gosec // G115: cut above
	e.agrega([]byte{marca})
	for _, u := range unidades {
		if len(e.cuerpo)+ancho > maxRegistro {
			e.cierra()
			e.agrega([]byte{marca})
		}
		e.agrega(le16(u)[:ancho])
	}
}

func registro1(tipo uint16, partes ...[]byte) []byte {
	largo := 0
	for _, p := range partes {
		largo += len(p)
	}
	b := make([]byte, 0, 4+largo)
	b = binary.LittleEndian.AppendUint16(b, tipo)
	b = binary.LittleEndian.AppendUint16(b, uint16(largo))
	for _, p := range partes {
		b = append(b, p...)
	}
	return b
}

func le16(valores ...uint16) []byte {
	b := make([]byte, 0, 2*len(valores))
	for _, v := range valores {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	return b
}

func le32(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }
