package xls

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
)

// Kind is the kind of a book.
type Kind string

// The kinds, by file extension.
const (
	XLS  Kind = ".xls"
	XLSX Kind = ".xlsx"
)

// Book is a workbook, unparsed.
type Book struct {
	Name    string // without folders; empty without a ZIP
	Kind    Kind
	content []byte
}

// Reader returns a reader of the book's bytes.
func (b Book) Reader() *bytes.Reader { return bytes.NewReader(b.content) }

// partOfXLSX is in the ZIP of every .xlsx, and in no other.
const partOfXLSX = "[Content_Types].xml"

// Books returns the books of a ZIP, in order and unparsed. It uses the central directory:
// the SEP's local headers have no sizes and checksum. A book may come without a ZIP.
// There is always at least one book.
func Books(r io.ReaderAt, size int64) ([]Book, error) {
	if size > MaxBytes {
		return nil, tooLarge("%d bytes, the bound is %d", size, MaxBytes)
	}
	var magic [8]byte
	if n, err := r.ReadAt(magic[:], 0); n == len(magic) && string(magic[:]) == signature {
		return alone(XLS, r, size)
	} else if err != nil && !errors.Is(err, io.EOF) {
		return nil, malformed("%w", err)
	}
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, malformed("%w", err)
	}
	if slices.ContainsFunc(archive.File, func(f *zip.File) bool { return f.Name == partOfXLSX }) {
		return alone(XLSX, r, size)
	}
	if len(archive.File) > MaxZipFiles {
		return nil, tooLarge("%d files in the ZIP, the bound is %d", len(archive.File), MaxZipFiles)
	}
	var books []Book
	left := int64(MaxBytes)
	for _, f := range archive.File {
		name := path.Base(strings.ReplaceAll(f.Name, `\`, "/"))
		kind := Kind(strings.ToLower(path.Ext(name)))
		// A Mac adds files with the names of the files that they describe.
		if kind != XLS && kind != XLSX || strings.HasPrefix(name, ".") || strings.HasPrefix(f.Name, "__MACOSX") {
			continue
		}
		content, err := open(f, left)
		if err != nil {
			return nil, err
		}
		left -= int64(len(content))
		books = append(books, Book{Name: name, Kind: kindOf(content, kind), content: content})
	}
	if books == nil {
		return nil, malformed("no .xls or .xlsx in the ZIP")
	}
	return books, nil
}

func alone(kind Kind, r io.ReaderAt, size int64) ([]Book, error) {
	whole, err := readAll(io.NewSectionReader(r, 0, size), size)
	return []Book{{Kind: kind, content: whole}}, err
}

// kindOf trusts a book's first bytes more than its name.
func kindOf(content []byte, called Kind) Kind {
	switch {
	case bytes.HasPrefix(content, []byte(signature)):
		return XLS
	case bytes.HasPrefix(content, []byte("PK\x03\x04")):
		return XLSX
	}
	return called
}

// open reads a file of a ZIP, if the ZIP's bound allows it.
func open(f *zip.File, left int64) ([]byte, error) {
	if f.UncompressedSize64 > uint64(max(left, 0)) {
		return nil, tooLarge("%d bytes in the ZIP, the bound is %d for all", f.UncompressedSize64, MaxBytes)
	}
	r, err := f.Open()
	if err != nil {
		return nil, malformed("%w", err)
	}
	defer func() { _ = r.Close() }()
	return readAll(r, int64(f.UncompressedSize64)) //nolint:gosec // G115: bounded above
}

// readAll reads size bytes: no more if the file has more, and without allocating what a
// file only declares.
func readAll(r io.Reader, size int64) ([]byte, error) {
	var b bytes.Buffer
	n, err := b.ReadFrom(io.LimitReader(r, size+1))
	if err != nil {
		return nil, malformed("%w", err)
	}
	if n != size {
		return nil, malformed("%d bytes where %d were announced", n, size)
	}
	return b.Bytes(), nil
}
