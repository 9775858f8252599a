// Package lotes uploads titles to the SEP and reads their results. It checks a file
// before it is sent, records the intent, sends the file once, and reads the result
// workbook into rows whose rejections have stable codes.
//
// It does not send what the SEP would reject for its form. A processed lote does not
// count as registered: each title's row decides.
package lotes

import (
	"context"
	"crypto/sha256"
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

// Servicio handles titles through the SEP's port.
type Servicio struct {
	sep    gateway.Titulos
	ledger *ledger.Ledger
	keys   Keyring
	// criterio is what titles are completed from and checked against.
	criterio *titulo.Criterio
	disk     Disk
}

// Disk holds files in transit.
type Disk interface {
	// Partial creates a unique file, which the caller removes.
	Partial() (*os.File, error)
	// Remain returns an error if n more bytes would leave too little free space.
	Remain(n int64) error
}

// Keyring returns the e.firma of an RFC, or an *efirma.Error.
type Keyring interface {
	Get(rfc string) (*efirma.Credential, error)
}

// New returns the service. Uploads and results are stored on disk meanwhile.
func New(sep gateway.Titulos, l *ledger.Ledger, keys Keyring, criterio *titulo.Criterio, disk Disk) *Servicio {
	return &Servicio{sep: sep, ledger: l, keys: keys, criterio: criterio, disk: disk}
}

// Catalogos returns the catalogues that titles are checked against.
func (s *Servicio) Catalogos() []titulo.Catalogo { return s.criterio.Catalogos() }

// Catalogo returns the catalogue of a name.
func (s *Servicio) Catalogo(name string) (titulo.Catalogo, bool) {
	return s.criterio.Catalogo(name)
}

// MaxFile bounds an upload. The SEP publishes no limit; the largest known lotes have a
// few megabytes (sep.md §7).
const MaxFile = 100 << 20

// File is a file on disk on its way to the SEP. Close removes it.
type File struct {
	Name string
	file *os.File
	size int64
	sum  []byte // its SHA-256
}

// Receive stores an upload on disk, up to MaxFile.
func (s *Servicio) Receive(name string, r io.Reader) (*File, error) {
	return s.Write(name, func(w io.Writer) error {
		_, err := io.Copy(w, r)
		var known *gateway.Error
		var tooLarge *http.MaxBytesError
		switch {
		case err == nil, errors.As(err, &known): // our own: the bound, or the disk
			return err
		case errors.As(err, &tooLarge):
			return tooMany
		}
		return &gateway.Error{Kind: gateway.KindMalformada, Own: gateway.OwnCuerpoCortado, Unsent: true, Err: err, Detail: "El cuerpo se cortó o no se puede leer."}
	})
}

// Write makes a file with the output of write, up to MaxFile.
func (s *Servicio) Write(name string, write func(io.Writer) error) (*File, error) {
	if err := s.remain(0); err != nil {
		return nil, err
	}
	f, err := s.disk.Partial()
	if err != nil {
		return nil, internal(err)
	}
	a := &File{Name: name, file: f}
	hash := sha256.New()
	bounded := &boundedWriter{w: io.MultiWriter(f, hash), left: MaxFile, remain: s.remain}
	if err := write(bounded); err != nil {
		a.Close()
		return nil, err
	}
	a.size, a.sum = MaxFile-bounded.left, hash.Sum(nil)
	return a, nil
}

// Section returns a reader of the file.
func (a *File) Section() *io.SectionReader { return io.NewSectionReader(a.file, 0, a.size) }

// InferName names a file without a name after its content.
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

// placeWait is the Retry-After for a full disk.
const placeWait = time.Minute

// boundedWriter refuses bytes beyond the bound of an upload, or without room on disk.
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

// remain is the disk's Remain, with an error for callers.
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

// Query returns the state of a lote of q.
func (s *Servicio) Query(ctx context.Context, cuenta gateway.CuentaSEP, q Who, numeroLote string) (gateway.EstadoLote, error) {
	if err := s.its(ctx, q, numeroLote); err != nil {
		return gateway.EstadoLote{}, err
	}
	return s.sep.Query(ctx, cuenta, numeroLote)
}
