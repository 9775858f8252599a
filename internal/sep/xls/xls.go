// Package xls reads the workbooks that the SEP answers for a lote: the sheets of a BIFF8
// file (Excel 97 to 2003) or an .xlsx (Office Open XML), alone or in their ZIP.
//
// It returns only text: no formats, no dates, and the saved value of a formula. It
// refuses other versions and encrypted books. It bounds memory and work, because the file
// comes from outside, through a service that others may impersonate. That bound is why
// both readers are our own: the public library opens every part of a book, and passes
// what looks encrypted to a compound-file reader that a file of a few megabytes drives
// out of memory.
package xls

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
)

// The bounds of a book. The format itself ends at 65,536 rows and 256 columns; ten
// thousand rows of the SEP have about one megabyte.
const (
	MaxBytes    = 64 << 20 // of the book, and of the ZIP around it
	MaxRows     = 65_536
	MaxColumns  = 64
	MaxCells    = 1 << 20 // of all sheets
	MaxSheets   = 16
	MaxZipFiles = 16
)

// The errors that the readers wrap.
var (
	// ErrFormat is a file that is not a complete book or ZIP of the supported kinds.
	ErrFormat = errors.New("xls: not a readable workbook")
	// ErrLimit is a file beyond one of this package's bounds.
	ErrLimit = errors.New("xls: workbook too large")
)

// Sheet is one worksheet that has cells.
type Sheet struct {
	Name string
	// Rows are the rows in order, each with as many texts as the sheet has columns. A
	// blank cell is "", and so is every cell of a row without any. Whole numbers have no
	// decimals. The caller may keep and change a row.
	Rows iter.Seq[[]string]
}

// Sheets reads a book of either kind, including hidden sheets. It reports every fault
// before the first row.
//
// Sources: [MS-CFB] for the container of an .xls and [MS-XLS] for its records, ECMA-376
// for an .xlsx.
func (b Book) Sheets() ([]Sheet, error) {
	if b.Kind == XLSX {
		return readXLSX(b.content)
	}
	if !bytes.HasPrefix(b.content, []byte(signature)) {
		return nil, malformed("%w", b.disguise())
	}
	stream, err := workbookStream(bytes.NewReader(b.content), int64(len(b.content)))
	if err != nil {
		return nil, err
	}
	return readBIFF(stream)
}

// Disguise is an error that says, in Spanish, what a file is that is called .xls and is
// not one.
type Disguise string

func (d Disguise) Error() string { return "is called .xls and is " + string(d) }

// disguise recognizes what people save as .xls, or programs write for Excel to open.
func (b Book) disguise() Disguise {
	head := bytes.ToLower(bytes.TrimSpace(bytes.TrimPrefix(b.content[:min(len(b.content), 1024)], []byte("\xEF\xBB\xBF"))))
	switch {
	case len(head) == 0:
		return "un archivo vacío"
	case bytes.Contains(head, []byte("<table")), bytes.HasPrefix(head, []byte("<html")), bytes.HasPrefix(head, []byte("<!doctype html")):
		return "una página HTML"
	case bytes.HasPrefix(head, []byte("<")):
		return "XML"
	case bytes.HasPrefix(b.content, []byte("\xFF\xFE")), !bytes.ContainsFunc(head, func(r rune) bool { return r < ' ' && r != '\t' && r != '\r' && r != '\n' }):
		return "texto"
	}
	return "otra cosa"
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrFormat}, args...)...)
}

func tooLarge(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrLimit}, args...)...)
}
