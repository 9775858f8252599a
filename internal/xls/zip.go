package xls

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"path"
	"strings"
)

// Book takes the only .xls out of a ZIP, by its central directory: the SEP's leaves sizes and checksum of
// the local header empty. The name is without folders. A book that comes without a ZIP has no name.
func Book(r io.ReaderAt, size int64) (name string, book *bytes.Reader, err error) {
	if size > MaxBytes {
		return "", nil, tooLarge("%d bytes, the bound is %d", size, MaxBytes)
	}
	var magic [8]byte
	if n, err := r.ReadAt(magic[:], 0); n == len(magic) && string(magic[:]) == signature {
		whole, err := readAll(io.NewSectionReader(r, 0, size), size)
		return "", bytes.NewReader(whole), err
	} else if err != nil && !errors.Is(err, io.EOF) {
		return "", nil, malformed("%w", err)
	}
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return "", nil, malformed("%w", err)
	}
	file, err := onlyBook(archive.File)
	if err != nil {
		return "", nil, err
	}
	if file.UncompressedSize64 > MaxBytes {
		return "", nil, tooLarge("%d bytes in the ZIP, the bound is %d", file.UncompressedSize64, MaxBytes)
	}
	open, err := file.Open()
	if err != nil {
		return "", nil, malformed("%w", err)
	}
	defer func() { _ = open.Close() }()
	whole, err := readAll(open, int64(file.UncompressedSize64))
	if err != nil {
		return "", nil, err
	}
	return path.Base(strings.ReplaceAll(file.Name, `\`, "/")), bytes.NewReader(whole), nil
}

func onlyBook(files []*zip.File) (*zip.File, error) {
	if len(files) > MaxZipFiles {
		return nil, tooLarge("%d files in the ZIP, the bound is %d", len(files), MaxZipFiles)
	}
	var found *zip.File
	for _, f := range files {
		if !strings.EqualFold(path.Ext(f.Name), ".xls") {
			continue
		}
		if found != nil {
			return nil, malformed("more than one .xls in the ZIP")
		}
		found = f
	}
	if found == nil {
		return nil, malformed("no .xls in the ZIP")
	}
	return found, nil
}

// readAll reads what should be size bytes: no more is held when the file says less than it has, and no
// memory is taken on the word of a file that says more.
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
