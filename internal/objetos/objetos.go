// Package objetos keeps whole files by the SHA-256 of their content, in a folder
// or in a bucket that speaks S3, through gocloud.dev/blob.
//
// It knows keys and bytes, and nothing of who refers to them: what may be
// removed is the ledger's to say (internal/store). It refuses any other kind of
// storage, and never takes a credential: those are the AWS SDK's to find.
package objetos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/aws/smithy-go"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/s3blob"
	"gocloud.dev/gcerrors"
)

const (
	tipo = "application/zip"
	// The usual Deposito.pregunta and Deposito.quieto.
	preguntaUsual = 30 * time.Second
	quietoUsual   = 2 * time.Minute
	// clavePrueba is what Prueba writes, beside the objects.
	clavePrueba = "pasarela.prueba"
)

// Deposito is an open folder or bucket.
type Deposito struct {
	bucket *blob.Bucket
	// carpeta is the folder; empty where it is a bucket.
	carpeta string
	nombre  string
	// otro says that it was named, and so may be another disk than the data directory's.
	otro bool
	// pregunta bounds a request without a body, the SDK's repeats included, and quieto
	// how long a bucket may take or give nothing.
	pregunta, quieto time.Duration
}

// Open opens what address names: file:///folder, which must exist, or
// s3://bucket with the parameters of gocloud.dev's s3blob. Without an address it
// is carpeta, which is created. It asks a bucket for its list once, so that a
// wrong setting is known at the start; the error holds no credential.
func Open(ctx context.Context, address, carpeta string) (*Deposito, error) {
	if address == "" {
		if err := os.MkdirAll(carpeta, 0o700); err != nil {
			return nil, fmt.Errorf("objetos: %w", err)
		}
		return enCarpeta(carpeta)
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("objetos: the address cannot be read") // without it: it may hold anything
	}
	switch u.Scheme {
	case fileblob.Scheme:
		d, err := enCarpeta(filepath.FromSlash(u.Path))
		if err == nil {
			d.otro = true
		}
		return d, err
	case s3blob.Scheme:
		return enBucket(ctx, u)
	}
	return nil, fmt.Errorf("objetos: %q is not a kind of storage; there are file and s3", u.Scheme)
}

func enCarpeta(dir string) (*Deposito, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("objetos: %w", err)
	}
	bucket, err := fileblob.OpenBucket(dir, &fileblob.Options{Metadata: fileblob.MetadataDontWrite, DirFileMode: 0o700, NoTempDir: true})
	if err != nil {
		return nil, fmt.Errorf("objetos: %w", err)
	}
	return &Deposito{bucket: bucket, carpeta: dir, nombre: dir, pregunta: preguntaUsual, quieto: quietoUsual}, nil
}

func enBucket(ctx context.Context, u *url.URL) (*Deposito, error) {
	q := u.Query()
	if q.Get("endpoint") != "" && q.Get("request_checksum_calculation") == "" {
		// Others than AWS often refuse the checksums that the SDK adds by itself
		// (aws-sdk-go-v2 discussion 2960).
		q.Set("request_checksum_calculation", "when_required")
	}
	bucket, err := (&s3blob.URLOpener{}).OpenBucketURL(ctx, &url.URL{Scheme: u.Scheme, Host: u.Host, RawQuery: q.Encode()})
	if err != nil {
		return nil, fmt.Errorf("objetos: %w", err)
	}
	d := &Deposito{bucket: bucket, nombre: "s3://" + u.Host, otro: true, pregunta: preguntaUsual, quieto: quietoUsual}
	ctx, cancel := context.WithTimeout(ctx, d.pregunta)
	defer cancel()
	ok, err := bucket.IsAccessible(ctx)
	if err == nil && !ok {
		err = errors.New("there is no such bucket")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("objetos: bucket %s cannot be reached: %w", u.Host, d.publica(err)), bucket.Close())
	}
	return d, nil
}

// Close closes it.
func (d *Deposito) Close() error { return d.bucket.Close() }

// Otro reports whether it may lie elsewhere than the files that come into it.
func (d *Deposito) Otro() bool { return d.otro }

// Prueba reports whether it takes so many bytes now, by writing as many zeros beside the
// objects, looking that they are there, and removing them.
func (d *Deposito) Prueba(ctx context.Context, bytes int64) error {
	if err := d.montada(); err != nil {
		return err
	}
	if err := d.escribe(ctx, clavePrueba, io.NewSectionReader(ceros{}, 0, bytes)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, d.pregunta)
	defer cancel()
	attrs, err := d.bucket.Attributes(ctx, clavePrueba)
	if err == nil && attrs.Size != bytes {
		err = fmt.Errorf("%s has %d bytes of %d", clavePrueba, attrs.Size, bytes)
	}
	if err == nil {
		err = d.bucket.Delete(ctx, clavePrueba)
	}
	if err != nil {
		return fmt.Errorf("objetos: %w", d.publica(err))
	}
	return nil
}

// ceros is zeros without an end.
type ceros struct{}

func (ceros) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

// Guarda puts the file at ruta, which is synced, in place as the object of
// sha256, durably, and looks that it is there with all its bytes. A folder takes
// the file away; a bucket leaves it. What an earlier call has done is not done
// again, so that it may be called until it succeeds; escrito says that the storage has
// taken a write now. The caller sees to it that nobody removes the object meanwhile.
func (d *Deposito) Guarda(ctx context.Context, sha256 string, bytes int64, ruta string) (escrito bool, err error) {
	if d.carpeta == "" {
		if ok, err := d.Existe(ctx, sha256, bytes); err != nil || ok {
			return false, err
		}
	}
	return d.Repone(ctx, sha256, bytes, ruta)
}

// Repone is Guarda for an object that is damaged: the file takes its place.
func (d *Deposito) Repone(ctx context.Context, sha256 string, bytes int64, ruta string) (escrito bool, err error) {
	if d.carpeta != "" {
		err := d.mueve(sha256, bytes, ruta)
		return err == nil, err
	}
	if err := d.sube(ctx, sha256, ruta); err != nil {
		return false, err
	}
	ok, err := d.Existe(ctx, sha256, bytes)
	if err == nil && !ok {
		err = fmt.Errorf("objetos: %s is not there after it was written", sha256)
	}
	return err == nil, err
}

// Existe tells whether the object of sha256 is there with all its bytes.
func (d *Deposito) Existe(ctx context.Context, sha256 string, bytes int64) (bool, error) {
	_, err := d.Marca(ctx, sha256, bytes)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Marca is what the storage says of the last change of the object of sha256: as long
// as it is the same, nobody has written there. It is no proof of the bytes. The error
// is fs.ErrNotExist when the object is not there with all of them.
func (d *Deposito) Marca(ctx context.Context, sha256 string, bytes int64) (string, error) {
	if d.carpeta != "" {
		return d.marcaDe(sha256, bytes)
	}
	ctx, cancel := context.WithTimeout(ctx, d.pregunta)
	defer cancel()
	attrs, err := d.bucket.Attributes(ctx, clave(sha256))
	switch {
	case gcerrors.Code(err) == gcerrors.NotFound:
		return "", fmt.Errorf("objetos: %s: %w", sha256, fs.ErrNotExist)
	case err != nil:
		return "", fmt.Errorf("objetos: %w", d.publica(err))
	case attrs.Size != bytes:
		return "", fmt.Errorf("objetos: %s has %d bytes of %d: %w", sha256, attrs.Size, bytes, fs.ErrNotExist)
	}
	return attrs.ETag + " " + attrs.ModTime.UTC().Format(time.RFC3339Nano), nil
}

// Abre opens the object of sha256 to be sent: an *os.File out of a folder, or
// what asks the bucket for ranges as it is read, until ctx ends. It tells the object's
// Marca too. The error is fs.ErrNotExist when it is not there with all its bytes.
func (d *Deposito) Abre(ctx context.Context, sha256 string, bytes int64) (io.ReadSeekCloser, string, error) {
	if d.carpeta != "" {
		return conMarca(d.archivo(sha256, bytes))
	}
	marca, err := d.Marca(ctx, sha256, bytes)
	if err != nil {
		return nil, "", err
	}
	return &corriente{ctx: ctx, d: d, clave: clave(sha256), size: bytes}, marca, nil
}

// ReaderAtCloser is an object that is read here and there.
type ReaderAtCloser interface {
	io.ReaderAt
	io.Closer
}

// Lee is Abre for readers that jump, as those of a ZIP do: a bucket's object is
// read in blocks, of which a few stay in memory.
func (d *Deposito) Lee(ctx context.Context, sha256 string, bytes int64) (ReaderAtCloser, string, error) {
	if d.carpeta != "" {
		return conMarca(d.archivo(sha256, bytes))
	}
	marca, err := d.Marca(ctx, sha256, bytes)
	if err != nil {
		return nil, "", err
	}
	return &bloques{ctx: ctx, d: d, clave: clave(sha256), size: bytes}, marca, nil
}

// Borra removes the object of sha256; one that is not there is no error.
func (d *Deposito) Borra(ctx context.Context, sha256 string) error {
	ctx, cancel := context.WithTimeout(ctx, d.pregunta)
	defer cancel()
	if err := d.bucket.Delete(ctx, clave(sha256)); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return fmt.Errorf("objetos: %w", d.publica(err))
	}
	return nil
}

// clave has no character that a driver would escape.
func clave(sha256 string) string { return path.Join("sha256", sha256[:2], sha256+".zip") }

// falla is an error of the bucket as it may be shown.
type falla struct {
	texto string
	err   error
}

func (f *falla) Error() string { return f.texto }
func (f *falla) Unwrap() error { return f.err }

// Temporary reports that a bucket that refuses may serve later.
func (f *falla) Temporary() bool { return true }

// publica keeps the texts of S3 servers out of logs: a refusal may repeat the
// key's id and the signature. Its code says enough.
func (d *Deposito) publica(err error) error {
	var api smithy.APIError
	if err != nil && d.bucket.ErrorAs(err, &api) {
		return &falla{texto: "the storage answered " + api.ErrorCode(), err: err}
	}
	return err
}
