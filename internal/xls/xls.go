// Package xls reads the workbooks that the SEP answers for a lote: the sheets of a BIFF8 file (Excel 97 to
// 2003) or of an .xlsx (Office Open XML), alone or in the ZIP that they come in.
//
// It gives text and nothing else: no formats, no dates. It refuses other versions, encrypted books and
// cells that it would have to guess at, and bounds what a file may make it hold: the file comes from
// outside, through a service that anyone may stand in for. That bound is why both readers are our own: the
// library in public use opens every part of a book, and hands what looks encrypted to a reader of compound
// files that a file of a few megabytes makes take all memory.
package xls

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
)

// What a book may measure. The format itself ends at 65,536 rows and 256 columns; ten thousand rows of the
// SEP are about one megabyte.
const (
	MaxBytes    = 64 << 20 // of the book, and of the ZIP around it
	MaxRows     = 65_536
	MaxColumns  = 64
	MaxCells    = 1 << 20 // of all sheets
	MaxSheets   = 16
	MaxZipFiles = 16
)

// Both are wrapped by what the readers return.
var (
	// ErrFormat is a file that is not a whole book or ZIP of the kinds read here.
	ErrFormat = errors.New("xls: not a readable workbook")
	// ErrLimit is a file beyond one of the bounds of this package.
	ErrLimit = errors.New("xls: workbook too large")
)

// Sheet is one worksheet that has something in it.
type Sheet struct {
	Name string
	// Rows are its rows, the first one first, each with as many texts as the sheet has columns: what is blank
	// is "", and so is every cell of a row without any. Whole numbers have no decimals. A row is the caller's.
	Rows iter.Seq[[]string]
}

// Sheets reads a book of either kind, hidden sheets included. Whatever is wrong is told here, before any row.
//
// Sources: [MS-CFB] for the container of an .xls and [MS-XLS] for its records, ECMA-376 for an .xlsx.
func (b Book) Sheets() ([]Sheet, error) {
	if b.Kind == XLSX {
		return readXLSX(b.content)
	}
	stream, err := workbookStream(bytes.NewReader(b.content), int64(len(b.content)))
	if err != nil {
		return nil, err
	}
	return readBIFF(stream)
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrFormat}, args...)...)
}

func tooLarge(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrLimit}, args...)...)
}
