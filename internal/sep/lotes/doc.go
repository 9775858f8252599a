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
	"github.com/pasarela-mx/pasarela/internal/sep/titulo"
)

// Servicio is the titles' business over the SEP's port.
type Servicio struct {
	sep    gateway.Titulos
	ledger *ledger.Ledger
	keys   Keyring
	// criterio is what titles are completed from and held against.
	criterio *titulo.Criterio
	disk     Disk
}

// Disk is where files lie while they pass.
type Disk interface {
	// Partial makes a file that is nobody else's; whoever asked removes it.
	Partial() (*os.File, error)
	// Remain fails where n bytes more would leave less free than what is kept.
	Remain(n int64) error
}

// Keyring gives the e.firma of an RFC, or an *efirma.Error.
type Keyring interface {
	Get(rfc string) (*efirma.Credential, error)
}

// New returns the service. Uploads and results pass through disk.
func New(sep gateway.Titulos, l *ledger.Ledger, keys Keyring, criterio *titulo.Criterio, disk Disk) *Servicio {
	return &Servicio{sep: sep, ledger: l, keys: keys, criterio: criterio, disk: disk}
}

// Catalogos lists the catalogues that titles are held against.
func (s *Servicio) Catalogos() []titulo.Catalogo { return s.criterio.Catalogos() }

// Catalogo returns the one of that name.
func (s *Servicio) Catalogo(name string) (titulo.Catalogo, bool) {
	return s.criterio.Catalogo(name)
}

// MaxFile bounds an upload. The SEP publishes no limit; the largest lotes
// known to have been sent are of some megabytes (sep.md §7).
const MaxFile = 100 << 20

// File is a file on its way to the SEP, on disk. Close removes it.
type File struct {
	Name string
	file *os.File
	size int64
}

// Receive takes an upload to disk, as far as MaxFile.
func (s *Servicio) Receive(name string, r io.Reader) (*File, error) {
	return s.Write(name, func(w io.Writer) error {
		_, err := io.Copy(w, r)
		var known *gateway.Error
		var tooLarge *http.MaxBytesError
		switch {
		case err == nil, errors.As(err, &known): // ours: the bound, or the disk
			return err
		case errors.As(err, &tooLarge):
			return tooMany
		}
		return &gateway.Error{Kind: gateway.KindMalformada, Own: gateway.OwnCuerpoCortado, Unsent: true, Err: err, Detail: "El cuerpo se cortó o no se puede leer."}
	})
}

// Write makes a file of what write writes, as far as MaxFile.
func (s *Servicio) Write(name string, write func(io.Writer) error) (*File, error) {
	if err := s.remain(0); err != nil {
		return nil, err
	}
	f, err := s.disk.Partial()
	if err != nil {
		return nil, internal(err)
	}
	a := &File{Name: name, file: f}
	bounded := &boundedWriter{w: f, left: MaxFile, remain: s.remain}
	if err := write(bounded); err != nil {
		a.Close()
		return nil, err
	}
	a.size = MaxFile - bounded.left
	return a, nil
}

// Section reads the file.
func (a *File) Section() *io.SectionReader { return io.NewSectionReader(a.file, 0, a.size) }

// InferName gives a file that came without a name one that says what it holds.
func (a *File) InferName() {
	if a.Name != "" {
		return
	}
	var head [2]byte
	a.Name = "titulo.xml"
	if n, err := a.file.ReadAt(head[:], 0); err == nil && n == len(head) && string(head[:]) == "PK" {
		a.Name = "lote.zip"
	}
}

// Close removes the file.
func (a *File) Close() {
	a.file.Close()           //nolint:errcheck // it goes away
	os.Remove(a.file.Name()) //nolint:errcheck // the next start removes it
}

var tooMany = &gateway.Error{Kind: gateway.KindDemasiadoGrande, Own: gateway.OwnArchivoGrande, Unsent: true, Detail: "El archivo rebasa el límite de 100 MB. Divida el lote."}

// placeWait is how long it takes until somebody has made room.
const placeWait = time.Minute

// boundedWriter refuses what is over the bound of an upload, or has no room.
type boundedWriter struct {
	w      io.Writer
	left   int64
	remain func(n int64) error
}

func (b *boundedWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > b.left {
		return 0, tooMany
	}
	if err := b.remain(int64(len(p))); err != nil {
		return 0, err
	}
	n, err := b.w.Write(p)
	b.left -= int64(n)
	if err != nil {
		err = internal(err)
	}
	return n, err
}

// remain is the disk's, as callers are told of it.
func (s *Servicio) remain(n int64) error {
	err := s.disk.Remain(n)
	if err == nil {
		return nil
	}
	return &gateway.Error{Kind: gateway.KindSinServicio, Own: gateway.OwnDiscoLleno, Retryable: true, Unsent: true, RetryAfter: placeWait, Err: err,
		Detail: "El disco de GATEWAY_DATA_DIR está tan lleno que la pasarela no recibe archivos: lo que queda libre es para su registro (GATEWAY_DISCO_LIBRE). No se envió nada. Haga lugar, y repita más tarde."}
}

func internal(err error) error {
	return gateway.OwnFailure(err, "La pasarela no pudo leer o escribir sus datos. Revise el espacio y los permisos de GATEWAY_DATA_DIR.")
}

// Query asks how far a lote of q is.
func (s *Servicio) Query(ctx context.Context, cuenta gateway.CuentaSEP, q Who, numeroLote string) (gateway.EstadoLote, error) {
	if err := s.its(ctx, q, numeroLote); err != nil {
		return gateway.EstadoLote{}, err
	}
	return s.sep.Query(ctx, cuenta, numeroLote)
}
