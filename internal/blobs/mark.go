package blobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// keyMark is beside the objects: whose they are.
const keyMark = "pasarela.libro"

// Name is the folder's or the bucket's, as it may be shown.
func (d *Depot) Name() string { return d.name }

// ReadMark returns what SaveMark has written; fs.ErrNotExist before.
func (d *Depot) ReadMark(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, d.question)
	defer cancel()
	text, err := d.bucket.ReadAll(ctx, keyMark)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, fmt.Errorf("blobs: %s: %w", keyMark, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("blobs: %w", d.publish(err))
	}
	return text, nil
}

// SaveMark writes whose objects these are, in place of what was written before.
func (d *Depot) SaveMark(ctx context.Context, text []byte) error {
	if err := d.mounted(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, d.question)
	defer cancel()
	if err := d.bucket.WriteAll(ctx, keyMark, text, &blob.WriterOptions{ContentType: "application/json"}); err != nil {
		return fmt.Errorf("blobs: %w", d.publish(err))
	}
	return nil
}

// Empty reports whether there are no objects.
func (d *Depot) Empty(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, d.question)
	defer cancel()
	_, err := d.bucket.List(&blob.ListOptions{Prefix: "sha256/"}).Next(ctx)
	if errors.Is(err, io.EOF) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("blobs: %w", d.publish(err))
	}
	return false, nil
}
