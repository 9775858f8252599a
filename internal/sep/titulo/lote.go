package titulo

import (
	"archive/zip"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
)

// WriteZip writes titles, given as folioControl and document, as a zip that the SEP
// accepts: no folders, entries named after the folio. It streams and remembers only the
// folios. The bytes depend on the titles alone.
//
// It refuses a repeated folio and an empty batch with a Problem; the bytes already
// written are then not a zip. It does not parse the documents.
func WriteZip(w io.Writer, titulos iter.Seq2[string, []byte]) error {
	return writeZip(w, titulos, maxEntries)
}

func writeZip(w io.Writer, titulos iter.Seq2[string, []byte], highest int) error {
	z := zip.NewWriter(w)
	folios, names := map[string]bool{}, map[string]bool{}
	for folio, document := range titulos {
		if folios[folio] {
			return failure("folioControl", CodigoFolioDuplicado, "El folio de control «%s» está dos veces en el lote.", trim(folio))
		}
		if len(folios) == highest {
			return failure("", CodigoZipEntries, "Un lote lleva hasta %d títulos.", highest)
		}
		folios[folio] = true
		entry, err := z.Create(entryName(folio, names))
		if err != nil {
			return fmt.Errorf("titulo: writing the zip: %w", err)
		}
		if _, err := entry.Write(document); err != nil {
			return fmt.Errorf("titulo: writing the zip: %w", err)
		}
	}
	if len(folios) == 0 {
		return failure("", CodigoZipVacio, "El lote no tiene títulos.")
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("titulo: writing the zip: %w", err)
	}
	return nil
}

// entryLength keeps an entry's name, with its extension, within the SEP's 100 characters.
const entryLength = 90

// FileName returns the file name of a title, from its folio.
func FileName(folio string) string { return entryName(folio, map[string]bool{}) }

// entryName turns a folio into a portable, unique file name: used has the names given so
// far, in lower case.
func entryName(folio string, used map[string]bool) string {
	root := strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', r == '-', r == '_', r == '.':
			return r
		}
		return '_'
	}, folio)
	root = strings.TrimLeft(root[:min(len(root), entryLength)], ".")
	if root == "" {
		root = "titulo"
	}
	name := root
	for n := 2; used[strings.ToLower(name)]; n++ {
		name = root + "-" + strconv.Itoa(n)
	}
	used[strings.ToLower(name)] = true
	return name + ".xml"
}
