// Package lotes takes titles to the SEP and brings back what became of each: a
// file is checked before it is sent, sent once with the intent on record, and
// its result workbook is read to rows whose rejections have a stable code.
//
// It refuses to send what the SEP would reject for its form, and to call a lote
// registered because it was processed.
package lotes

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/pasarela-mx/pasarela/internal/efirma"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/ledger"
	"github.com/pasarela-mx/pasarela/internal/titulo"
)

// Servicio is the titles' business over the SEP's port.
type Servicio struct {
	sep    gateway.Titulos
	ledger *ledger.Ledger
	keys   Keyring
	// criterio is what titles are completed from and held against.
	criterio *titulo.Criterio
	disco    Disco
}

// Disco is where files lie while they pass.
type Disco interface {
	// Parcial makes a file that is nobody else's; whoever asked removes it.
	Parcial() (*os.File, error)
	// Queda fails where n bytes more would leave less free than what is kept.
	Queda(n int64) error
}

// Keyring gives the e.firma of an RFC, or an *efirma.Error.
type Keyring interface {
	Get(rfc string) (*efirma.Credential, error)
}

// New returns the service. Uploads and results pass through disco.
func New(sep gateway.Titulos, l *ledger.Ledger, keys Keyring, criterio *titulo.Criterio, disco Disco) *Servicio {
	return &Servicio{sep: sep, ledger: l, keys: keys, criterio: criterio, disco: disco}
}

// Catalogos lists the catalogues that titles are held against.
func (s *Servicio) Catalogos() []titulo.Catalogo { return s.criterio.Catalogos() }

// Catalogo returns the one of that name.
func (s *Servicio) Catalogo(nombre string) (titulo.Catalogo, bool) {
	return s.criterio.Catalogo(nombre)
}

// MaxArchivo bounds an upload. The SEP publishes no limit; the largest lotes
// known to have been sent are of some megabytes (sep.md §7).
const MaxArchivo = 100 << 20

// Archivo is a file on its way to the SEP, on disk. Close removes it.
type Archivo struct {
	Nombre string
	file   *os.File
	size   int64
}

// Recibe takes an upload to disk, as far as MaxArchivo.
func (s *Servicio) Recibe(nombre string, r io.Reader) (*Archivo, error) {
	return s.Escribe(nombre, func(w io.Writer) error {
		_, err := io.Copy(w, r)
		var known *gateway.Error
		var tooLarge *http.MaxBytesError
		switch {
		case err == nil, errors.As(err, &known): // ours: the bound, or the disk
			return err
		case errors.As(err, &tooLarge):
			return demasiado
		}
		return &gateway.Error{Kind: gateway.KindMalformada, Own: gateway.OwnCuerpoCortado, NoEnviada: true, Err: err, Detail: "El cuerpo se cortó o no se puede leer."}
	})
}

// Escribe makes a file of what write writes, as far as MaxArchivo.
func (s *Servicio) Escribe(nombre string, write func(io.Writer) error) (*Archivo, error) {
	if err := s.queda(0); err != nil {
		return nil, err
	}
	f, err := s.disco.Parcial()
	if err != nil {
		return nil, interno(err)
	}
	a := &Archivo{Nombre: nombre, file: f}
	bounded := &boundedWriter{w: f, left: MaxArchivo, queda: s.queda}
	if err := write(bounded); err != nil {
		a.Close()
		return nil, err
	}
	a.size = MaxArchivo - bounded.left
	return a, nil
}

// Section reads the file.
func (a *Archivo) Section() *io.SectionReader { return io.NewSectionReader(a.file, 0, a.size) }

// Nombra gives a file that came without a name one that says what it holds.
func (a *Archivo) Nombra() {
	if a.Nombre != "" {
		return
	}
	var head [2]byte
	a.Nombre = "titulo.xml"
	if n, err := a.file.ReadAt(head[:], 0); err == nil && n == len(head) && string(head[:]) == "PK" {
		a.Nombre = "lote.zip"
	}
}

// Close removes the file.
func (a *Archivo) Close() {
	a.file.Close()           //nolint:errcheck // it goes away
	os.Remove(a.file.Name()) //nolint:errcheck // the next start removes it
}

var demasiado = &gateway.Error{Kind: gateway.KindDemasiadoGrande, Own: gateway.OwnArchivoGrande, NoEnviada: true, Detail: "El archivo rebasa el límite de 100 MB. Divida el lote."}

// esperaLugar is how long it takes until somebody has made room.
const esperaLugar = time.Minute

// boundedWriter refuses what is over the bound of an upload, or has no room.
type boundedWriter struct {
	w     io.Writer
	left  int64
	queda func(n int64) error
}

func (b *boundedWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > b.left {
		return 0, demasiado
	}
	if err := b.queda(int64(len(p))); err != nil {
		return 0, err
	}
	n, err := b.w.Write(p)
	b.left -= int64(n)
	if err != nil {
		err = interno(err)
	}
	return n, err
}

// queda is the disk's, as callers are told of it.
func (s *Servicio) queda(n int64) error {
	err := s.disco.Queda(n)
	if err == nil {
		return nil
	}
	return &gateway.Error{Kind: gateway.KindSinServicio, Own: gateway.OwnDiscoLleno, Reintentable: true, NoEnviada: true, RetryAfter: esperaLugar, Err: err,
		Detail: "El disco de GATEWAY_DATA_DIR está tan lleno que la pasarela no recibe archivos: lo que queda libre es para su registro (GATEWAY_DISCO_LIBRE). No se envió nada. Haga lugar, y repita más tarde."}
}

func interno(err error) error {
	return gateway.OwnFailure(err, "La pasarela no pudo leer o escribir sus datos. Revise el espacio y los permisos de GATEWAY_DATA_DIR.")
}

// Consulta asks how far a lote of q is.
func (s *Servicio) Consulta(ctx context.Context, cuenta gateway.CuentaSEP, q Quien, numeroLote string) (gateway.EstadoLote, error) {
	if err := s.suyo(ctx, q, numeroLote); err != nil {
		return gateway.EstadoLote{}, err
	}
	return s.sep.Consulta(ctx, cuenta, numeroLote)
}
