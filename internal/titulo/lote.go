package titulo

import (
	"archive/zip"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
)

// EscribeZip writes titles, given as folioControl and document, as a zip that
// the SEP takes: no folders, entries named after the folio. It writes as they
// come and keeps only their folios. The archive depends on nothing but the
// titles.
//
// A folio that comes twice, and a batch with no title at all, are refused with
// a Problema; what was written by then is no zip. Documents are written as they
// are, unread.
func EscribeZip(w io.Writer, titulos iter.Seq2[string, []byte]) error {
	return escribeZip(w, titulos, maxEntradas)
}

func escribeZip(w io.Writer, titulos iter.Seq2[string, []byte], maximo int) error {
	z := zip.NewWriter(w)
	folios, nombres := map[string]bool{}, map[string]bool{}
	for folio, documento := range titulos {
		if folios[folio] {
			return fallo("folioControl", CodigoFolioDuplicado, "El folio de control «%s» está dos veces en el lote.", recorta(folio))
		}
		if len(folios) == maximo {
			return fallo("", CodigoZipEntradas, "Un lote lleva hasta %d títulos.", maximo)
		}
		folios[folio] = true
		entrada, err := z.Create(nombreEntrada(folio, nombres))
		if err != nil {
			return fmt.Errorf("titulo: writing the zip: %w", err)
		}
		if _, err := entrada.Write(documento); err != nil {
			return fmt.Errorf("titulo: writing the zip: %w", err)
		}
	}
	if len(folios) == 0 {
		return fallo("", CodigoZipVacio, "El lote no tiene títulos.")
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("titulo: writing the zip: %w", err)
	}
	return nil
}

// largoEntrada keeps an entry's name, extension included, within the 100
// characters that the SEP gives to the names of files.
const largoEntrada = 90

// NombreArchivo is the name under which a title goes, by its folio.
func NombreArchivo(folio string) string { return nombreEntrada(folio, map[string]bool{}) }

// nombreEntrada makes a folio the name of a file anywhere, and not that of
// another one: usados has those given, in lower case.
func nombreEntrada(folio string, usados map[string]bool) string {
	raiz := strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', r == '-', r == '_', r == '.':
			return r
		}
		return '_'
	}, folio)
	raiz = strings.TrimLeft(raiz[:min(len(raiz), largoEntrada)], ".")
	if raiz == "" {
		raiz = "titulo"
	}
	nombre := raiz
	for n := 2; usados[strings.ToLower(nombre)]; n++ {
		nombre = raiz + "-" + strconv.Itoa(n)
	}
	usados[strings.ToLower(nombre)] = true
	return nombre + ".xml"
}
