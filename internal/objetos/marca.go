package objetos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// claveMarca is beside the objects: whose they are.
const claveMarca = "pasarela.libro"

// Nombre is the folder's or the bucket's, as it may be shown.
func (d *Deposito) Nombre() string { return d.nombre }

// LeeMarca returns what GuardaMarca has written; fs.ErrNotExist before.
func (d *Deposito) LeeMarca(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, d.pregunta)
	defer cancel()
	texto, err := d.bucket.ReadAll(ctx, claveMarca)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, fmt.Errorf("objetos: %s: %w", claveMarca, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("objetos: %w", d.publica(err))
	}
	return texto, nil
}

// GuardaMarca writes whose objects these are, in place of what was written before.
func (d *Deposito) GuardaMarca(ctx context.Context, texto []byte) error {
	if err := d.montada(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, d.pregunta)
	defer cancel()
	if err := d.bucket.WriteAll(ctx, claveMarca, texto, &blob.WriterOptions{ContentType: "application/json"}); err != nil {
		return fmt.Errorf("objetos: %w", d.publica(err))
	}
	return nil
}

// Vacio reports whether there are no objects.
func (d *Deposito) Vacio(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, d.pregunta)
	defer cancel()
	_, err := d.bucket.List(&blob.ListOptions{Prefix: "sha256/"}).Next(ctx)
	if errors.Is(err, io.EOF) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("objetos: %w", d.publica(err))
	}
	return false, nil
}
