// Package xls reads the workbook that the SEP answers for a lote: the rows of the first worksheet of a
// BIFF8 file (Excel 97 to 2003), alone or in the ZIP that it comes in.
//
// It gives text and nothing else: no formats, no dates, no formulas. It refuses other versions, encrypted
// books and cells that it would have to guess at, and bounds what a file may make it hold: the file comes
// from outside, through a service that anyone may stand in for.
package xls

import (
	"errors"
	"fmt"
	"io"
	"iter"
)

// What a book may measure. The format itself ends at 65,536 rows and 256 columns; ten thousand rows of the
// SEP are about one megabyte.
const (
	MaxBytes    = 64 << 20 // of the book, and of the ZIP around it
	MaxRows     = 65_536
	MaxColumns  = 64
	MaxCells    = 1 << 20
	MaxZipFiles = 16
)

// Both are wrapped by what the readers return.
var (
	// ErrFormat is a file that is not a whole book or ZIP of the kinds read here.
	ErrFormat = errors.New("xls: not a readable workbook")
	// ErrLimit is a file beyond one of the bounds of this package.
	ErrLimit = errors.New("xls: workbook too large")
)

// Rows yields the rows of the first worksheet, the first row first, each with as many texts as the sheet
// has columns: what is blank is "", and so is every cell of a row without any. Whole numbers have no
// decimals. A row is the caller's to keep. An error comes once, as the last pair, before any row.
//
// Source: [MS-CFB] for the container, [MS-XLS] for the records.
func Rows(r io.ReaderAt, size int64) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		book, err := workbookStream(r, size)
		if err != nil {
			yield(nil, err)
			return
		}
		s, err := readSheet(book)
		if err != nil {
			yield(nil, err)
			return
		}
		s.each(yield)
	}
}

// ResultadoZip is Rows of the book in the ZIP that the SEP answers. A book that comes without a ZIP is
// read as well.
func ResultadoZip(r io.ReaderAt, size int64) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		_, book, err := Book(r, size)
		if err != nil {
			yield(nil, err)
			return
		}
		Rows(book, book.Size())(yield)
	}
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrFormat}, args...)...)
}

func tooLarge(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrLimit}, args...)...)
}
