package cliente

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
	"github.com/pasarela-mx/pasarela/internal/cfdi"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/zipdir"
)

// maxXML bounds one document.
const maxXML = 32 << 20

// extrae takes the documents of the packages out into dir, each under its folio
// fiscal, which is what makes a name safe whatever the entry was called. What lies
// outside the range stays in the packages: the gateway had to ask for a second more.
func extrae(ctx context.Context, d rest.Descarga, zips []string, dir string, opciones Opciones) (XML, error) {
	e := &extraccion{descarga: d, dir: dir, vistos: map[[16]byte]bool{}}
	if err := os.MkdirAll(dir, permisosDeCarpeta); err != nil {
		return e.XML, err
	}
	for _, path := range zips {
		if err := e.paquete(ctx, path, opciones); err != nil {
			return e.XML, fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
	}
	return e.XML, nil
}

type extraccion struct {
	XML
	descarga rest.Descarga
	dir      string
	vistos   map[[16]byte]bool
}

func (e *extraccion) paquete(ctx context.Context, path string, opciones Opciones) error {
	f, err := os.Open(path) //nolint:gosec // a package that was just left there
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // read only
	info, err := f.Stat()
	if err != nil {
		return err
	}
	for entrada, err := range zipdir.Walk(f, info.Size()) {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil && esDocumento(entrada.Name) {
			err = e.documento(entrada)
		}
		if err != nil {
			return err
		}
		opciones.Avisa(CarpetaXML, int64(e.Comprobantes), 0)
	}
	return nil
}

func esDocumento(nombre string) bool {
	return !strings.ContainsAny(nombre, `/\`) && strings.EqualFold(filepath.Ext(nombre), ".xml")
}

func (e *extraccion) documento(entrada zipdir.Entry) error {
	texto, err := leeEntrada(entrada)
	if errors.Is(err, zipdir.ErrRead) {
		return err
	}
	resumen, clave, ok := lee(texto, err)
	if !ok {
		e.Ilegibles++
	}
	if !ok || e.vistos[clave] || !e.enRango(resumen.Fecha) {
		return nil
	}
	e.vistos[clave] = true
	e.Comprobantes++
	path := filepath.Join(e.dir, resumen.UUID+".xml")
	if antes, err := os.ReadFile(path); err == nil && bytes.Equal(antes, texto) { //nolint:gosec // named by a UUID
		return nil
	}
	parcial := path + sufijoParcial
	if err := os.WriteFile(parcial, texto, permisosDeArchivo); err != nil {
		return err
	}
	return os.Rename(parcial, path)
}

// lee makes sense of a document, or says that nobody can.
func lee(texto []byte, err error) (cfdi.Resumen, [16]byte, bool) {
	if err != nil {
		return cfdi.Resumen{}, [16]byte{}, false
	}
	resumen, err := cfdi.LeeResumen(bytes.NewReader(texto))
	clave, ok := cfdi.Clave(resumen.UUID)
	return resumen, clave, ok && err == nil
}

func leeEntrada(entrada zipdir.Entry) ([]byte, error) {
	contenido, err := entrada.Open(maxXML)
	if err != nil {
		return nil, err
	}
	texto, err := io.ReadAll(contenido)
	return texto, errors.Join(err, contenido.Close())
}

// enRango goes by the date of emission, as the gateway's own rows do; a document
// without one that can be compared is kept.
func (e *extraccion) enRango(fecha string) bool {
	if len(fecha) < len(gateway.FormatoFecha) {
		return true
	}
	fecha = fecha[:len(gateway.FormatoFecha)]
	return e.descarga.FechaInicial <= fecha && fecha <= e.descarga.FechaFinal
}
