package sep

import (
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
	fat := slices.Concat(chain(chain(chain(nil, nData), nMini), 1),
		slices.Repeat([]uint32{sectorFAT}, nFAT), slices.Repeat([]uint32{sectorDIFAT}, nDIFAT))
	fat = append(fat, slices.Repeat([]uint32{sectorFree}, nFAT*bySector-len(fat))...)
	directory := nData + nMini
	firstFAT := directory + 1
	return slices.Concat(header(directory, firstFAT, nFAT, nDIFAT, nData, nMini), data, miniFAT, entries(len(libro), nData, mini),
		le(fat), difat(firstFAT, nFAT, nDIFAT))
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

// chain appends so many sectors, each with the number of the next.
func chain(fat []uint32, n int) []uint32 {
	for i := range n {
		fat = append(fat, u32(len(fat)+1))
		if i == n-1 {
			fat[len(fat)-1] = endCadena
		}
	}
	return fat
}

func miniTable(n int) []byte {
	return le(chain(nil, n), slices.Repeat([]uint32{sectorFree}, bySector-n))
}

func header(directory, firstFAT, nFAT, nDIFAT, nData, nMini int) []byte {
	firstMini, firstDIFAT := uint32(endCadena), uint32(endCadena)
	if nMini > 0 {
		firstMini = u32(nData)
	}
	if nDIFAT > 0 {
		firstDIFAT = u32(firstFAT + nFAT)
	}
	return le([]byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), make([]byte, 16), words{0x3E, 3, 0xFFFE, 9, 6, 0, 0, 0},
		[]uint32{0, u32(nFAT), u32(directory), 0, cutMini, firstMini, u32(nMini), firstDIFAT, u32(nDIFAT)},
		fatNumbers(firstFAT, nFAT, 0, fatHeader))
}

// fatNumbers are the sectors of the table from one on, and free ones where there are no more.
func fatNumbers(first, n, since, howMany int) []uint32 {
	numbers := slices.Repeat([]uint32{sectorFree}, howMany)
	for i := since; i < min(n, since+howMany); i++ {
		numbers[i-since] = u32(first + i)
	}
	return numbers
}

// difat lists the sectors of the table beyond those of the header; the last number of each sector is the
// next one.
func difat(firstFAT, nFAT, nDIFAT int) []byte {
	var b []byte
	for s := range nDIFAT {
		next := uint32(endCadena)
		if s < nDIFAT-1 {
			next = u32(firstFAT + nFAT + s + 1)
		}
		b = append(b, le(fatNumbers(firstFAT, nFAT, fatHeader+s*(bySector-1), bySector-1), next)...)
	}
	return b
}

// entries is the directory: the root, the stream, and two that are free.
func entries(length, nData int, mini bool) []byte {
	rootStart, rootLength := uint32(endCadena), uint32(0)
	if mini {
		rootStart, rootLength = 0, u32(nData*sectorCFB)
	}
	free := entry("", 0, none, 0, 0)
	return slices.Concat(entry("Root Entry", 5, 1, rootStart, rootLength), entry("Workbook", 2, none, 0, u32(length)), free, free)
}

func entry(name string, tipo byte, child, start, length uint32) []byte {
	written := utf16.Encode([]rune(name))
	nameLength := 2*len(written) + 2
	if name == "" {
		nameLength = 0
	}
	return le(written, make([]byte, 64-2*len(written)), u16(nameLength), tipo, byte(1), []uint32{none, none, child},
		make([]byte, 36), []uint32{start, length, 0})
}

func padding(b []byte, multiple int) []byte {
	if surplus := len(b) % multiple; surplus > 0 {
		return slices.Concat(b, make([]byte, multiple-surplus))
	}
	return b
}
