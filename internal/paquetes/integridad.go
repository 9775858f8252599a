package paquetes

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/objetos"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// An address made of a digest says what the bytes were when they were kept. Disks and
// people change them. So whoever sends a package whole hashes what is sent (Juzga), and
// whoever takes a part rests on a reading of all of it (Comprueba): the last one, as
// long as it is recent and the storage knows of no change since. Damage is entered in
// the ledger, where the next good reading takes it back.
const (
	// vigencia is how long a reading counts.
	vigencia = 7 * 24 * time.Hour
	// adelanto is how far the clock of another gateway may be ahead.
	adelanto = time.Hour
)

// copia is the bytes of a package that is kept: an object, or a file of this machine
// on its way into storage.
type copia struct {
	a       *Almacen
	paquete gateway.Paquete
	sha256  string
	bytes   int64
	// ruta is that file; empty for an object.
	ruta string
	// marca is what the storage said of the last change when it was opened.
	marca string
	antes store.Verificacion
}

// copia looks up what is known of the bytes that row names.
func (a *Almacen) copia(ctx context.Context, p gateway.Paquete, row store.Paquete) (copia, error) {
	v, err := a.store.Verificacion(ctx, row.SHA256)
	if err != nil {
		return copia{}, interno(err)
	}
	return copia{a: a, paquete: p, sha256: row.SHA256, bytes: row.Bytes, antes: v}, nil
}

// deArchivo makes c one of a file of this machine.
func (c *copia) deArchivo(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return interno(err)
	}
	c.ruta, c.marca = f.Name(), objetos.Marca(info)
	return nil
}

// Danado tells whether the last reading has found damage.
func (c *copia) Danado() bool { return c.antes.Dano != "" }

func (c *copia) consta() bool {
	return c.antes.Hecha && !c.Danado() && c.antes.Marca == c.marca && c.antes.Hace < vigencia && c.antes.Hace > -adelanto
}

// Comprueba sees to it that the bytes are those that were kept: by the last reading of
// all of them, or by one now. The error is a *gateway.Error, of
// gateway.ErrPaqueteDanado when they are not.
func (c *copia) Comprueba(ctx context.Context) error {
	if c.consta() {
		return nil
	}
	// Those who ask at once share one reading, which outlives whoever began it.
	again := *c
	read := c.a.lecturas.DoChan(c.sha256+" "+c.marca, func() (any, error) {
		d, err := again.mide(again.a.ctx, nil)
		if err != nil {
			return nil, interno(err)
		}
		return nil, again.anota(again.a.ctx, d)
	})
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case r := <-read:
		if r.Err == nil {
			c.antes = store.Verificacion{Hecha: true, Marca: c.marca}
		}
		return r.Err
	}
}

// Juzga tells whether suma, in hexadecimal, of bytes that were read just now is theirs.
// Errors are those of Comprueba.
func (c *copia) Juzga(ctx context.Context, suma string) error {
	if suma != c.sha256 {
		return c.anota(context.WithoutCancel(ctx), store.DanoAlterado)
	}
	if c.consta() {
		return nil
	}
	return c.anota(context.WithoutCancel(ctx), "")
}

// anota enters what a reading has come to, and returns it as an error.
func (c *copia) anota(ctx context.Context, d store.Dano) error {
	if err := c.a.store.AnotaVerificacion(ctx, c.sha256, c.marca, d); err != nil {
		// Whoever asks next reads it again; this one has been read.
		c.a.log.Warn().Err(err).Str("sha256", c.sha256).Msg("what a stored package was found to be could not be entered in the ledger")
	}
	if d != "" {
		c.a.log.Error().Str("idPaquete", c.paquete.IDPaquete).Str("sha256", c.sha256).Str("dano", string(d)).Msg("a stored package is damaged")
	} else if c.Danado() {
		c.a.log.Info().Str("sha256", c.sha256).Msg("a damaged package is whole again")
	}
	return c.falla(d)
}

func (c *copia) falla(d store.Dano) error {
	detail := "El paquete " + c.paquete.IDPaquete + " está dañado en el almacén: "
	switch d {
	case "":
		return nil
	case store.DanoAusente:
		detail += "está registrado como guardado y su archivo no está o no está completo. Revise que GATEWAY_DATA_DIR y GATEWAY_BLOB_URL sean los de siempre."
	case store.DanoIlegible:
		detail += "el disco no puede leer su archivo."
	default:
		detail += "sus bytes ya no son los que llegaron del SAT."
	}
	return &gateway.Error{Kind: gateway.KindInterno, Own: gateway.OwnPaqueteDanado, Err: fmt.Errorf("%w: %s, object %s", gateway.ErrPaqueteDanado, d, c.sha256),
		Detail: detail + " Restaure el archivo de un respaldo, o pida el mismo rango en una descarga nueva."}
}

// NoSeLee is what became of a package whose row says that it is in storage, where
// opening or reading it fails. It is not downloaded again by itself: a wrong
// GATEWAY_BLOB_URL would spend what the SAT still owes of every package.
func (c *copia) NoSeLee(ctx context.Context, err error) error {
	if d := dano(err); d != "" {
		return c.anota(context.WithoutCancel(ctx), d)
	}
	return interno(err)
}

// dano tells the failures of reading that no waiting mends; empty for the others.
func dano(err error) store.Dano {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return store.DanoAusente
	case errors.Is(err, syscall.EIO):
		return store.DanoIlegible
	}
	return ""
}

// mide reads all of c and says what is wrong with it; an error when that cannot be
// told now. ritmo, unless nil, is called with each block's length.
func (c *copia) mide(ctx context.Context, ritmo func(n int) error) (store.Dano, error) {
	r, err := c.abre(ctx)
	if err == nil {
		defer r.Close() //nolint:errcheck // read only
		var suma string
		if suma, err = digiere(r, ritmo); err == nil {
			if suma != c.sha256 {
				return store.DanoAlterado, nil
			}
			return "", nil
		}
	}
	if d := dano(err); d != "" {
		return d, nil
	}
	return "", err
}

// abre opens c anew; its marca is that of what was opened.
func (c *copia) abre(ctx context.Context) (io.ReadCloser, error) {
	if c.ruta == "" {
		r, marca, err := c.a.deposito.Abre(ctx, c.sha256, c.bytes)
		if err == nil {
			c.marca = marca
		}
		return r, err
	}
	f, err := os.Open(c.ruta)
	if errors.Is(err, fs.ErrNotExist) {
		// It has moved into storage meanwhile.
		c.ruta = ""
		return c.abre(ctx)
	}
	return f, err
}

func digiere(r io.Reader, ritmo func(n int) error) (string, error) {
	hash := sha256.New()
	buf := make([]byte, hashBlock)
	for {
		n, err := io.ReadFull(r, buf)
		hash.Write(buf[:n])
		if err == nil && ritmo != nil {
			err = ritmo(n)
		}
		// By identity: a failure may wrap an end.
		if err == io.EOF || err == io.ErrUnexpectedEOF { //nolint:errorlint // see above
			return hex.EncodeToString(hash.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
	}
}
