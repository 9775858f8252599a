package sep

import (
	"encoding/binary"
	"slices"
	"unicode/utf16"
)

// The compound file, [MS-CFB], version 3.
const (
	sectorCFB   = 512
	miniSector  = 64
	corteMini   = 4096
	porSector   = sectorCFB / 4
	fatCabecera = 109

	finCadena   = 0xFFFFFFFE
	sectorFAT   = 0xFFFFFFFD
	sectorDIFAT = 0xFFFFFFFC
	sectorLibre = 0xFFFFFFFF
	ninguno     = 0xFFFFFFFF
)

// contenedor puts a stream called Workbook into a compound file. One of less than 4,096 bytes goes, as it
// must, among the small streams: pieces of 64 bytes in a stream of the root with a table of their own.
//
// The sectors are: the stream, the table of the small ones, the directory, the table, the table of tables.
func contenedor(libro []byte) []byte {
	mini := len(libro) < corteMini
	datos := relleno(libro, sectorCFB)
	var miniFAT []byte
	if mini {
		datos = relleno(relleno(libro, miniSector), sectorCFB)
		miniFAT = tablaMini(len(relleno(libro, miniSector)) / miniSector)
	}
	nDatos, nMini := len(datos)/sectorCFB, len(miniFAT)/sectorCFB
	nFAT, nDIFAT := tablas(nDatos + nMini + 1)
	fat := make([]uint32, 0, nFAT*porSector)
	fat = encadena(fat, nDatos)
	fat = encadena(fat, nMini)
	fat = encadena(fat, 1)
	fat = append(fat, slices.Repeat([]uint32{sectorFAT}, nFAT)...)
	fat = append(fat, slices.Repeat([]uint32{sectorDIFAT}, nDIFAT)...)
	fat = append(fat, slices.Repeat([]uint32{sectorLibre}, nFAT*porSector-len(fat))...)
	directorio := nDatos + nMini
	primeraFAT := directorio + 1
	out := cabecera(directorio, primeraFAT, nFAT, nDIFAT, nDatos, nMini)
	out = append(out, datos...)
	out = append(out, miniFAT...)
	out = append(out, entradas(len(libro), nDatos, mini)...)
	out = aBytes(out, fat)
	return append(out, difat(primeraFAT, nFAT, nDIFAT)...)
}

// tablas tells how many sectors the table takes for what it describes, itself included, and how many the
// table of tables when the header has no room for all.
func tablas(otros int) (nFAT, nDIFAT int) {
	for {
		total := otros + nFAT + nDIFAT
		fat := (total + porSector - 1) / porSector
		dif := max(0, (fat-fatCabecera+porSector-2)/(porSector-1))
		if fat == nFAT && dif == nDIFAT {
			return nFAT, nDIFAT
		}
		nFAT, nDIFAT = fat, dif
	}
}

func encadena(fat []uint32, n int) []uint32 {
	for i := range n {
		siguiente := uint32(len(fat) + 1) //nolint:gosec // G115: sectors of a file of megabytes
		if i == n-1 {
			siguiente = finCadena
		}
		fat = append(fat, siguiente)
	}
	return fat
}

func tablaMini(n int) []byte {
	tabla := encadena(nil, n)
	tabla = append(tabla, slices.Repeat([]uint32{sectorLibre}, porSector-n)...)
	return aBytes(nil, tabla)
}

func cabecera(directorio, primeraFAT, nFAT, nDIFAT, nDatos, nMini int) []byte {
	b := append([]byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), make([]byte, 16)...)
	b = append(b, le16(0x3E, 3, 0xFFFE, 9, 6, 0, 0, 0)...)
	primeraMini, primeraDIFAT := uint32(finCadena), uint32(finCadena)
	if nMini > 0 {
		primeraMini = uint32(nDatos) //nolint:gosec // G115: as above
	}
	if nDIFAT > 0 {
		primeraDIFAT = uint32(primeraFAT + nFAT) //nolint:gosec // G115: as above
	}
	//nolint:gosec // G115: as above
	b = aBytes(b, []uint32{0, uint32(nFAT), uint32(directorio), 0, corteMini, primeraMini, uint32(nMini), primeraDIFAT, uint32(nDIFAT)})
	for i := range fatCabecera {
		b = append(b, le32(numeroFAT(primeraFAT, nFAT, i))...)
	}
	return b
}

func numeroFAT(primera, n, i int) uint32 {
	if i >= n {
		return sectorLibre
	}
	return uint32(primera + i) //nolint:gosec // G115: as above
}

// difat lists the sectors of the table beyond those of the header; the last number of each sector is the
// next one.
func difat(primeraFAT, nFAT, nDIFAT int) []byte {
	var b []byte
	for s := range nDIFAT {
		for j := range porSector - 1 {
			b = append(b, le32(numeroFAT(primeraFAT, nFAT, fatCabecera+s*(porSector-1)+j))...)
		}
		siguiente := uint32(finCadena)
		if s < nDIFAT-1 {
			siguiente = uint32(primeraFAT + nFAT + s + 1) //nolint:gosec // G115: as above
		}
		b = append(b, le32(siguiente)...)
	}
	return b
}

// entradas is the directory: the root, the stream, and two that are free.
func entradas(largo, nDatos int, mini bool) []byte {
	inicioRaiz, largoRaiz := uint32(finCadena), uint32(0)
	if mini {
		inicioRaiz, largoRaiz = 0, uint32(nDatos*sectorCFB) //nolint:gosec // G115: as above
	}
	b := entrada("Root Entry", 5, 1, inicioRaiz, largoRaiz)
	b = append(b, entrada("Workbook", 2, ninguno, 0, uint32(largo))...) //nolint:gosec // G115: as above
	for range 2 {
		b = append(b, entrada("", 0, ninguno, 0, 0)...)
	}
	return b
}

func entrada(nombre string, tipo byte, hijo, inicio, largo uint32) []byte {
	b := le16(utf16.Encode([]rune(nombre))...)
	largoNombre := len(b) + 2
	if nombre == "" {
		largoNombre = 0
	}
	b = append(b, make([]byte, 64-len(b))...)
	b = append(b, le16(uint16(largoNombre))...)
	b = append(b, tipo, 1)
	b = aBytes(b, []uint32{ninguno, ninguno, hijo})
	b = append(b, make([]byte, 36)...)
	return aBytes(b, []uint32{inicio, largo, 0})
}

func relleno(b []byte, multiplo int) []byte {
	if sobra := len(b) % multiplo; sobra > 0 {
		return slices.Concat(b, make([]byte, multiplo-sobra))
	}
	return b
}

func aBytes(b []byte, valores []uint32) []byte {
	for _, v := range valores {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}
