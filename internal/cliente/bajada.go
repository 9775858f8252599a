package cliente

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/pasarela-mx/pasarela/internal/disk"
)

// quieta is how long a body may bring nothing before it is given up and asked for again.
const quieta = 2 * time.Minute

// bajada is a file on its way. It grows under a name of its own and gets the right
// one when it is whole.
type bajada struct {
	cliente  *Cliente
	peticion peticion
	path     string
	// sha256 is what the content must have, and bytes its length; empty and zero where
	// nobody says.
	sha256 string
	bytes  int64
	// etag lets what came before a cut be kept; empty where the answer has none.
	etag  string
	avisa func(hecho int64)
}

var errOtroContenido = errors.New("lo que llegó no es lo que la pasarela dijo que tiene")

// trae fetches the file, and goes on where a cut left it when that can be done.
func (b bajada) trae(ctx context.Context) (Archivo, error) {
	if err := os.MkdirAll(filepath.Dir(b.path), permisosDeCarpeta); err != nil {
		return Archivo{}, err
	}
	parcial := b.path + sufijoParcial
	for intento := 1; ; intento++ {
		a, err := b.intenta(ctx, parcial)
		if err == nil {
			return a, os.Rename(parcial, b.path)
		}
		var problema *Problema
		var deDisco *os.PathError
		switch {
		case ctx.Err() != nil:
			// The part stays, for the next run.
			return Archivo{}, ctx.Err()
		case errors.Is(err, errOtroContenido), errors.As(err, &problema) && problema.Status == http.StatusRequestedRangeNotSatisfiable:
			// What is there is no beginning of what is to come.
			err = errors.Join(err, os.Remove(parcial))
		case errors.As(err, &problema), errors.As(err, &deDisco), errors.Is(err, ErrAjena), errors.Is(err, ErrDiscoLleno):
			return Archivo{}, err
		}
		if intento == intentosDeArchivo {
			return Archivo{}, err
		}
		if err := duerme(ctx, b.cliente.pausa); err != nil {
			return Archivo{}, err
		}
	}
}

func (b bajada) intenta(ctx context.Context, parcial string) (a Archivo, err error) {
	f, err := os.OpenFile(parcial, os.O_RDWR|os.O_CREATE, permisosDeArchivo) //nolint:gosec // named by us
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	suma := sha256.New()
	desde, err := b.continua(f, suma)
	if err != nil {
		return a, err
	}
	if a = (Archivo{Bytes: desde, SHA256: hex.EncodeToString(suma.Sum(nil))}); desde > 0 && a.SHA256 == b.sha256 {
		// It was whole, and only its name was missing.
		return a, f.Sync()
	}
	ctx, corta := context.WithCancelCause(ctx)
	defer corta(nil)
	resp, err := b.cliente.abre(ctx, b.con(desde))
	if err != nil {
		return a, err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	if desde > 0 && resp.StatusCode != http.StatusPartialContent {
		if desde, err = 0, vacia(f); err != nil {
			return a, err
		}
		suma.Reset()
	}
	n, err := io.Copy(io.MultiWriter(&acotada{f: f, queda: b.bytes - desde, sinFin: b.sha256 == ""}, suma), &vigilada{r: resp.Body, corta: corta, hecho: desde, avisa: b.avisa})
	if causa := context.Cause(ctx); err != nil && causa != nil {
		err = causa
	}
	if err != nil {
		return a, err
	}
	a = Archivo{Bytes: desde + n, SHA256: hex.EncodeToString(suma.Sum(nil))}
	if b.sha256 != "" && a.SHA256 != b.sha256 {
		return a, errOtroContenido
	}
	return a, f.Sync()
}

// continua leaves f behind what came before, if the rest can be asked for.
func (b bajada) continua(f *os.File, suma hash.Hash) (int64, error) {
	if b.etag == "" {
		return 0, vacia(f)
	}
	return io.Copy(suma, f)
}

func vacia(f *os.File) error {
	_, err := f.Seek(0, io.SeekStart)
	return errors.Join(err, f.Truncate(0))
}

// con is the call for what is missing.
func (b bajada) con(desde int64) peticion {
	if desde == 0 {
		return b.peticion
	}
	p := b.peticion
	p.encabezados = map[string]string{encabezadoRango: "bytes=" + strconv.FormatInt(desde, 10) + "-", encabezadoSiEsIgal: b.etag}
	for nombre, valor := range b.peticion.encabezados {
		p.encabezados[nombre] = valor
	}
	return p
}

// vigilada reads a body and gives it up when it stands still.
type vigilada struct {
	r     io.Reader
	corta context.CancelCauseFunc
	hecho int64
	avisa func(hecho int64)
}

func (v *vigilada) Read(p []byte) (int, error) {
	alarma := time.AfterFunc(quieta, func() { v.corta(fmt.Errorf("no llegó nada en %s", quieta)) })
	n, err := v.r.Read(p)
	alarma.Stop()
	v.hecho += int64(n)
	v.avisa(v.hecho)
	return n, err
}

const (
	// cadaCuanto is how much is written before the disk is looked at again.
	cadaCuanto = 8 << 20
	// libreUsual stays free on the disk, whatever a gateway sends, and libreParte is that
	// part of a small one.
	libreUsual, libreParte = 256 << 20, 16
)

// ErrDiscoLleno is that what comes would leave too little of the disk.
var ErrDiscoLleno = errors.New("el disco se llena")

// acotada writes a file that is no longer than its gateway has said, and leaves some of the
// disk to others: whoever answers in the gateway's stead may send without end.
type acotada struct {
	f      *os.File
	queda  int64
	sinFin bool
	// visto is what may be written before the disk is looked at.
	visto int64
}

func (a *acotada) Write(p []byte) (int, error) {
	if a.queda -= int64(len(p)); a.queda < 0 && !a.sinFin {
		return 0, errOtroContenido
	}
	if a.visto -= int64(len(p)); a.visto < 0 {
		a.visto = cadaCuanto
		dir := filepath.Dir(a.f.Name())
		libre, total, err := disk.Free(dir)
		if err != nil {
			return 0, err
		}
		if piso := min(libreUsual, total/libreParte); libre < piso+cadaCuanto {
			return 0, fmt.Errorf("%w: en el de %s quedan %d MB, y %d quedan libres siempre; haga lugar y repita la orden", ErrDiscoLleno, dir, libre>>20, piso>>20)
		}
	}
	return a.f.Write(p)
}

// huella is the SHA-256 and the size of a file.
func huella(path string) (string, int64, error) {
	f, err := os.Open(path) //nolint:gosec // named by us
	if err != nil {
		return "", 0, err
	}
	suma := sha256.New()
	n, err := io.Copy(suma, f)
	return hex.EncodeToString(suma.Sum(nil)), n, errors.Join(err, f.Close())
}

// escribeEntero puts a file in its place whole.
func escribeEntero(path string, texto []byte) error {
	parcial := path + sufijoParcial
	f, err := os.OpenFile(parcial, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, permisosDeArchivo) //nolint:gosec // named by us
	if err != nil {
		return err
	}
	_, err = f.Write(texto)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(parcial, path)
}

func leeAcotado(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // named by us
	if err != nil {
		return nil, err
	}
	texto, err := io.ReadAll(io.LimitReader(f, maxManifiesto))
	return texto, errors.Join(err, f.Close())
}
