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

	"github.com/pasarela-mx/pasarela/internal/blobs"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// An address made of a digest says what the bytes were when they were kept. Disks and
// people change them. So whoever sends a package whole hashes what is sent (Judge), and
// whoever takes a part rests on a reading of all of it (Confirm): the last one, as
// long as it is recent and the storage knows of no change since. Damage is entered in
// the ledger, where the next good reading takes it back.
const (
	// vigencia is how long a reading counts.
	vigencia = 7 * 24 * time.Hour
	// lead is how far the clock of another gateway may be ahead.
	lead = time.Hour
)

// keptBytes is the bytes of a package that is kept: an object, or a file of this machine
// on its way into storage.
type keptBytes struct {
	a       *Vault
	paquete gateway.Paquete
	sha256  string
	bytes   int64
	// path is that file; empty for an object.
	path string
	// mark is what the storage said of the last change when it was opened.
	mark   string
	before store.Verification
}

// copy looks up what is known of the bytes that row names.
func (a *Vault) copy(ctx context.Context, p gateway.Paquete, row store.Paquete) (keptBytes, error) {
	v, err := a.store.Blobs.Verification(ctx, row.SHA256)
	if err != nil {
		return keptBytes{}, internal(err)
	}
	return keptBytes{a: a, paquete: p, sha256: row.SHA256, bytes: row.Bytes, before: v}, nil
}

// ofFile makes c one of a file of this machine.
func (c *keptBytes) ofFile(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return internal(err)
	}
	c.path, c.mark = f.Name(), blobs.Mark(info)
	return nil
}

// Damaged tells whether the last reading has found damage.
func (c *keptBytes) Damaged() bool { return c.before.Damage != "" }

func (c *keptBytes) recorded() bool {
	return c.before.Done && !c.Damaged() && c.before.Mark == c.mark && c.before.Make < vigencia && c.before.Make > -lead
}

// Confirm sees to it that the bytes are those that were kept: by the last reading of
// all of them, or by one now. The error is a *gateway.Error, of
// gateway.ErrDamagedPaquete when they are not.
func (c *keptBytes) Confirm(ctx context.Context) error {
	if c.recorded() {
		return nil
	}
	// Those who ask at once share one reading, which outlives whoever began it.
	again := *c
	read := c.a.readings.DoChan(c.sha256+" "+c.mark, func() (any, error) {
		d, err := again.measure(again.a.ctx, nil)
		if err != nil {
			return nil, internal(err)
		}
		return nil, again.record(again.a.ctx, d)
	})
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case r := <-read:
		if r.Err == nil {
			c.before = store.Verification{Done: true, Mark: c.mark}
		}
		return r.Err
	}
}

// Judge tells whether sum, in hexadecimal, of bytes that were read just now is theirs.
// Errors are those of Confirm.
func (c *keptBytes) Judge(ctx context.Context, sum string) error {
	if sum != c.sha256 {
		return c.record(context.WithoutCancel(ctx), store.DanoAlterado)
	}
	if c.recorded() {
		return nil
	}
	return c.record(context.WithoutCancel(ctx), "")
}

// record enters what a reading has come to, and returns it as an error.
func (c *keptBytes) record(ctx context.Context, d store.Damage) error {
	if err := c.a.store.Blobs.RecordVerification(ctx, c.sha256, c.mark, d); err != nil {
		// Whoever asks next reads it again; this one has been read.
		c.a.log.Warn().Err(err).Str("sha256", c.sha256).Msg("what a stored package was found to be could not be entered in the ledger")
	}
	if d != "" {
		c.a.log.Error().Str("idPaquete", c.paquete.IDPaquete).Str("sha256", c.sha256).Str("dano", string(d)).Msg("a stored package is damaged")
	} else if c.Damaged() {
		c.a.log.Info().Str("sha256", c.sha256).Msg("a damaged package is whole again")
	}
	return c.falla(d)
}

func (c *keptBytes) falla(d store.Damage) error {
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
	return &gateway.Error{Kind: gateway.KindInterno, Own: gateway.OwnPaqueteDanado, Err: fmt.Errorf("%w: %s, object %s", gateway.ErrDamagedPaquete, d, c.sha256),
		Detail: detail + " Restaure el archivo de un respaldo, o pida el mismo rango en una descarga nueva."}
}

// Unreadable is what became of a package whose row says that it is in storage, where
// opening or reading it fails. It is not downloaded again by itself: a wrong
// GATEWAY_BLOB_URL would spend what the SAT still owes of every package.
func (c *keptBytes) Unreadable(ctx context.Context, err error) error {
	if d := damage(err); d != "" {
		return c.record(context.WithoutCancel(ctx), d)
	}
	return internal(err)
}

// damage tells the failures of reading that no waiting mends; empty for the others.
func damage(err error) store.Damage {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return store.DanoAusente
	case errors.Is(err, syscall.EIO):
		return store.DanoIlegible
	}
	return ""
}

// measure reads all of c and says what is wrong with it; an error when that cannot be
// told now. pace, unless nil, is called with each block's length.
func (c *keptBytes) measure(ctx context.Context, pace func(n int) error) (store.Damage, error) {
	r, err := c.open(ctx)
	if err == nil {
		defer r.Close() //nolint:errcheck // read only
		var sum string
		if sum, err = digestPaced(r, pace); err == nil {
			if sum != c.sha256 {
				return store.DanoAlterado, nil
			}
			return "", nil
		}
	}
	if d := damage(err); d != "" {
		return d, nil
	}
	return "", err
}

// open opens c anew; its mark is that of what was opened.
func (c *keptBytes) open(ctx context.Context) (io.ReadCloser, error) {
	if c.path == "" {
		r, mark, err := c.a.depot.Open(ctx, c.sha256, c.bytes)
		if err == nil {
			c.mark = mark
		}
		return r, err
	}
	f, err := os.Open(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		// It has moved into storage meanwhile.
		c.path = ""
		return c.open(ctx)
	}
	return f, err
}

func digestPaced(r io.Reader, pace func(n int) error) (string, error) {
	hash := sha256.New()
	buf := make([]byte, hashBlock)
	for {
		n, err := io.ReadFull(r, buf)
		hash.Write(buf[:n])
		if err == nil && pace != nil {
			err = pace(n)
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
