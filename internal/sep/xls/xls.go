// Package xls reads the workbooks that the SEP answers for a lote: the sheets of a BIFF8 file (Excel 97 to
// 2003) or of an .xlsx (Office Open XML), alone or in the ZIP that they come in.
//
// It gives text and nothing else: no formats, no dates, and of a formula the value that was saved with it. It
// refuses other versions and encrypted books, and bounds what a file may make it hold: the file comes from
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
	if !bytes.HasPrefix(b.content, []byte(signature)) {
		return nil, malformed("%w", b.disguise())
	}
	stream, err := workbookStream(bytes.NewReader(b.content), int64(len(b.content)))
	if err != nil {
		return nil, err
	}
	return readBIFF(stream)
}

// Disguise is an error that says, in Spanish, what a file is that is called .xls and is none.
type Disguise string

func (d Disguise) Error() string { return "is called .xls and is " + string(d) }

// disguise tells what people save as .xls, or have a program write for Excel to open.
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
