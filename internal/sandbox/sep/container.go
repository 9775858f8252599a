package sep

import (
	"encoding/binary"
	"slices"
	"unicode/utf16"
)

// The compound file, [MS-CFB], version 3.
const (
	sectorCFB  = 512
	miniSector = 64
	cutMini    = 4096
	bySector   = sectorCFB / 4
	fatHeader  = 109

	endCadena   = 0xFFFFFFFE
	sectorFAT   = 0xFFFFFFFD
	sectorDIFAT = 0xFFFFFFFC
	sectorFree  = 0xFFFFFFFF
	none        = 0xFFFFFFFF
)

// container puts a stream called Workbook into a compound file. One of less than 4,096 bytes goes, as it
// must, among the small streams: pieces of 64 bytes in a stream of the root with a table of their own.
//
// The sectors are: the stream, the table of the small ones, the directory, the table, the table of tables.
func container(libro []byte) []byte {
	mini := len(libro) < cutMini
	data := padding(libro, sectorCFB)
	var miniFAT []byte
	if mini {
		data = padding(padding(libro, miniSector), sectorCFB)
		miniFAT = miniTable(len(padding(libro, miniSector)) / miniSector)
	}
	nData, nMini := len(data)/sectorCFB, len(miniFAT)/sectorCFB
	nFAT, nDIFAT := tables(nData + nMini + 1)
	fat := make([]uint32, 0, nFAT*bySector)
	fat = chain(fat, nData)
	fat = chain(fat, nMini)
	fat = chain(fat, 1)
	fat = append(fat, slices.Repeat([]uint32{sectorFAT}, nFAT)...)
	fat = append(fat, slices.Repeat([]uint32{sectorDIFAT}, nDIFAT)...)
	fat = append(fat, slices.Repeat([]uint32{sectorFree}, nFAT*bySector-len(fat))...)
	directory := nData + nMini
	firstFAT := directory + 1
	out := header(directory, firstFAT, nFAT, nDIFAT, nData, nMini)
	out = append(out, data...)
	out = append(out, miniFAT...)
	out = append(out, entries(len(libro), nData, mini)...)
	out = aBytes(out, fat)
	return append(out, difat(firstFAT, nFAT, nDIFAT)...)
}

// tables tells how many sectors the table takes for what it describes, itself included, and how many the
// table of tables when the header has no room for all.
func tables(other int) (nFAT, nDIFAT int) {
	for {
		total := other + nFAT + nDIFAT
		fat := (total + bySector - 1) / bySector
		dif := max(0, (fat-fatHeader+bySector-2)/(bySector-1))
		if fat == nFAT && dif == nDIFAT {
			return nFAT, nDIFAT
		}
		nFAT, nDIFAT = fat, dif
	}
}

func chain(fat []uint32, n int) []uint32 {
	for i := range n {
		next := uint32(len(fat) + 1) //nolint:gosec // G115: sectors of a file of megabytes
		if i == n-1 {
			next = endCadena
		}
		fat = append(fat, next)
	}
	return fat
}

func miniTable(n int) []byte {
	table := chain(nil, n)
	table = append(table, slices.Repeat([]uint32{sectorFree}, bySector-n)...)
	return aBytes(nil, table)
}

func header(directory, firstFAT, nFAT, nDIFAT, nData, nMini int) []byte {
	b := append([]byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), make([]byte, 16)...)
	b = append(b, le16(0x3E, 3, 0xFFFE, 9, 6, 0, 0, 0)...)
	firstMini, firstDIFAT := uint32(endCadena), uint32(endCadena)
	if nMini > 0 {
		firstMini = uint32(nData) //nolint:gosec // G115: as above
	}
	if nDIFAT > 0 {
		firstDIFAT = uint32(firstFAT + nFAT) //nolint:gosec // G115: as above
	}
	//nolint:gosec // G115: as above
	b = aBytes(b, []uint32{0, uint32(nFAT), uint32(directory), 0, cutMini, firstMini, uint32(nMini), firstDIFAT, uint32(nDIFAT)})
	for i := range fatHeader {
		b = append(b, le32(fatNumber(firstFAT, nFAT, i))...)
	}
	return b
}

func fatNumber(first, n, i int) uint32 {
	if i >= n {
		return sectorFree
	}
	return uint32(first + i) //nolint:gosec // G115: as above
}

// difat lists the sectors of the table beyond those of the header; the last number of each sector is the
// next one.
func difat(firstFAT, nFAT, nDIFAT int) []byte {
	var b []byte
	for s := range nDIFAT {
		for j := range bySector - 1 {
			b = append(b, le32(fatNumber(firstFAT, nFAT, fatHeader+s*(bySector-1)+j))...)
		}
		next := uint32(endCadena)
		if s < nDIFAT-1 {
			next = uint32(firstFAT + nFAT + s + 1) //nolint:gosec // G115: as above
		}
		b = append(b, le32(next)...)
	}
	return b
}

// entries is the directory: the root, the stream, and two that are free.
func entries(length, nData int, mini bool) []byte {
	rootStart, rootLength := uint32(endCadena), uint32(0)
	if mini {
		rootStart, rootLength = 0, uint32(nData*sectorCFB) //nolint:gosec // G115: as above
	}
	b := entry("Root Entry", 5, 1, rootStart, rootLength)
	b = append(b, entry("Workbook", 2, none, 0, uint32(length))...) //nolint:gosec // G115: as above
	for range 2 {
		b = append(b, entry("", 0, none, 0, 0)...)
	}
	return b
}

func entry(name string, tipo byte, child, start, length uint32) []byte {
	b := le16(utf16.Encode([]rune(name))...)
	nameLength := len(b) + 2
	if name == "" {
		nameLength = 0
	}
	b = append(b, make([]byte, 64-len(b))...)
	b = append(b, le16(uint16(nameLength))...)
	b = append(b, tipo, 1)
	b = aBytes(b, []uint32{none, none, child})
	b = append(b, make([]byte, 36)...)
	return aBytes(b, []uint32{start, length, 0})
}

func padding(b []byte, multiple int) []byte {
	if surplus := len(b) % multiple; surplus > 0 {
		return slices.Concat(b, make([]byte, multiple-surplus))
	}
	return b
}

func aBytes(b []byte, values []uint32) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}
