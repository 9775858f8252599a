package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/disk"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/sat/cfdi"
	"github.com/pasarela-mx/pasarela/internal/zipdir"
)

// maxXML bounds one document.
const maxXML = 32 << 20

// extract writes the packages' documents into dir, each under its folio fiscal, which is
// a safe name whatever the entry's name is. It skips documents outside the range: the
// gateway had to request a second more.
func extract(ctx context.Context, d rest.Descarga, zips []string, dir string, options Options) (XML, error) {
	e := &extraction{descarga: d, dir: dir, seen: map[[16]byte]bool{}}
	if err := os.MkdirAll(dir, folderPermissions); err != nil {
		return e.XML, err
	}
	for _, path := range zips {
		if err := e.paquete(ctx, path, options); err != nil {
			return e.XML, fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
	}
	// All at once, before the manifest counts them. A power cut before this may leave
	// wrong content, which the next run replaces.
	return e.XML, disk.Flush(dir)
}

type extraction struct {
	XML
	descarga rest.Descarga
	dir      string
	seen     map[[16]byte]bool
}

func (e *extraction) paquete(ctx context.Context, path string, options Options) error {
	f, err := os.Open(path) //nolint:gosec // a package that was just left there
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // read only
	info, err := f.Stat()
	if err != nil {
		return err
	}
	for entry, err := range zipdir.Walk(f, info.Size()) {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil && isDocument(entry.Name) {
			err = e.document(entry)
		}
		if err != nil {
			return err
		}
		options.Notify(FolderXML, int64(e.Comprobantes), 0)
	}
	return nil
}

func isDocument(name string) bool {
	return !strings.ContainsAny(name, `/\`) && strings.EqualFold(filepath.Ext(name), ".xml")
}

func (e *extraction) document(entry zipdir.Entry) error {
	text, err := readEntry(entry)
	if errors.Is(err, zipdir.ErrRead) {
		return err
	}
	summary, key, ok := read(text, err)
	if !ok {
		e.Ilegibles++
	}
	if !ok || e.seen[key] || !e.inRango(summary.Fecha) {
		return nil
	}
	e.seen[key] = true
	e.Comprobantes++
	path := filepath.Join(e.dir, summary.UUID+".xml")
	if before, err := os.ReadFile(path); err == nil && bytes.Equal(before, text) { //nolint:gosec // named by a UUID
		return nil
	}
	partial := path + partialSuffix
	if err := os.WriteFile(partial, text, filePermissions); err != nil {
		return err
	}
	return os.Rename(partial, path)
}

// read parses a document, or reports it as unreadable.
func read(text []byte, err error) (cfdi.Summary, [16]byte, bool) {
	if err != nil {
		return cfdi.Summary{}, [16]byte{}, false
	}
	summary, err := cfdi.ReadSummary(bytes.NewReader(text))
	key, ok := cfdi.Key(summary.UUID)
	return summary, key, ok && err == nil
}

func readEntry(entry zipdir.Entry) ([]byte, error) {
	content, err := entry.Open(maxXML)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(content)
	return text, errors.Join(err, content.Close())
}

// inRango compares the date of emission, like the gateway's own rows. A document without
// a usable date is kept.
func (e *extraction) inRango(fecha string) bool {
	if len(fecha) < len(gateway.FechaFormat) {
		return true
	}
	fecha = fecha[:len(gateway.FechaFormat)]
	return e.descarga.FechaInicial <= fecha && fecha <= e.descarga.FechaFinal
}
