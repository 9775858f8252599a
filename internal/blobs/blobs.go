// Package blobs keeps whole files by the SHA-256 of their content, in a folder
// or in a bucket that speaks S3, through gocloud.dev/blob.
//
// It knows keys and bytes, and nothing of who refers to them: what may be
// removed is the ledger's to say (internal/store). It refuses any other kind of
// storage, and never takes a credential: those are the AWS SDK's to find.
package blobs

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
	// The usual Depot.question and Depot.quiet.
	questionUsual = 30 * time.Second
	quietUsual    = 2 * time.Minute
	// keyTrial is what Trial writes, beside the objects.
	keyTrial = "pasarela.prueba"
)

// Depot is an open folder or bucket.
type Depot struct {
	bucket *blob.Bucket
	// folder is the folder; empty where it is a bucket.
	folder string
	name   string
	// other says that it was named, and so may be another disk than the data directory's.
	other bool
	// question bounds a request without a body, the SDK's repeats included, and quiet
	// how long a bucket may take or give nothing.
	question, quiet time.Duration
}

// Open opens what address names: file:///folder, which must exist, or
// s3://bucket with the parameters of gocloud.dev's s3blob. Without an address it
// is folder, which is created. It asks a bucket for its list once, so that a
// wrong setting is known at the start; the error holds no credential.
func Open(ctx context.Context, address, folder string) (*Depot, error) {
	if address == "" {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, fmt.Errorf("blobs: %w", err)
		}
		return inFolder(folder)
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("blobs: the address cannot be read") // without it: it may hold anything
	}
	switch u.Scheme {
	case fileblob.Scheme:
		d, err := inFolder(filepath.FromSlash(u.Path))
		if err == nil {
			d.other = true
		}
		return d, err
	case s3blob.Scheme:
		return inBucket(ctx, u)
	}
	return nil, fmt.Errorf("blobs: %q is not a kind of storage; there are file and s3", u.Scheme)
}

func inFolder(dir string) (*Depot, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("blobs: %w", err)
	}
	bucket, err := fileblob.OpenBucket(dir, &fileblob.Options{Metadata: fileblob.MetadataDontWrite, DirFileMode: 0o700, NoTempDir: true})
	if err != nil {
		return nil, fmt.Errorf("blobs: %w", err)
	}
	return &Depot{bucket: bucket, folder: dir, name: dir, question: questionUsual, quiet: quietUsual}, nil
}

func inBucket(ctx context.Context, u *url.URL) (*Depot, error) {
	q := u.Query()
	if q.Get("endpoint") != "" && q.Get("request_checksum_calculation") == "" {
		// Others than AWS often refuse the checksums that the SDK adds by itself
		// (aws-sdk-go-v2 discussion 2960).
		q.Set("request_checksum_calculation", "when_required")
	}
	bucket, err := (&s3blob.URLOpener{}).OpenBucketURL(ctx, &url.URL{Scheme: u.Scheme, Host: u.Host, RawQuery: q.Encode()})
	if err != nil {
		return nil, fmt.Errorf("blobs: %w", err)
	}
	d := &Depot{bucket: bucket, name: "s3://" + u.Host, other: true, question: questionUsual, quiet: quietUsual}
	ctx, cancel := context.WithTimeout(ctx, d.question)
	defer cancel()
	ok, err := bucket.IsAccessible(ctx)
	if err == nil && !ok {
		err = errors.New("there is no such bucket")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("blobs: bucket %s cannot be reached: %w", u.Host, d.publish(err)), bucket.Close())
	}
	return d, nil
}

// Close closes it.
func (d *Depot) Close() error { return d.bucket.Close() }

// Other reports whether it may lie elsewhere than the files that come into it.
func (d *Depot) Other() bool { return d.other }

// Trial reports whether it takes so many bytes now, by writing as many zeros beside the
// objects, looking that they are there, and removing them.
func (d *Depot) Trial(ctx context.Context, bytes int64) error {
	if err := d.mounted(); err != nil {
		return err
	}
	if err := d.write(ctx, keyTrial, io.NewSectionReader(zeros{}, 0, bytes)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, d.question)
	defer cancel()
	attrs, err := d.bucket.Attributes(ctx, keyTrial)
	if err == nil && attrs.Size != bytes {
		err = fmt.Errorf("%s has %d bytes of %d", keyTrial, attrs.Size, bytes)
	}
	if err == nil {
		err = d.bucket.Delete(ctx, keyTrial)
	}
	if err != nil {
		return fmt.Errorf("blobs: %w", d.publish(err))
	}
	return nil
}

// zeros is zeros without an end.
type zeros struct{}

func (zeros) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

// Save puts the file at path, which is synced, in place as the object of
// sha256, durably, and looks that it is there with all its bytes. A folder takes
// the file away; a bucket leaves it. What an earlier call has done is not done
// again, so that it may be called until it succeeds; written says that the storage has
// taken a write now. The caller sees to it that nobody removes the object meanwhile.
func (d *Depot) Save(ctx context.Context, sha256 string, bytes int64, path string) (written bool, err error) {
	if d.folder == "" {
		if ok, err := d.Exist(ctx, sha256, bytes); err != nil || ok {
			return false, err
		}
	}
	return d.Restore(ctx, sha256, bytes, path)
}

// Restore is Save for an object that is damaged: the file takes its place.
func (d *Depot) Restore(ctx context.Context, sha256 string, bytes int64, path string) (written bool, err error) {
	if d.folder != "" {
		err := d.move(sha256, bytes, path)
		return err == nil, err
	}
	if err := d.upload(ctx, sha256, path); err != nil {
		return false, err
	}
	ok, err := d.Exist(ctx, sha256, bytes)
	if err == nil && !ok {
		err = fmt.Errorf("blobs: %s is not there after it was written", sha256)
	}
	return err == nil, err
}

// Exist tells whether the object of sha256 is there with all its bytes.
func (d *Depot) Exist(ctx context.Context, sha256 string, bytes int64) (bool, error) {
	_, err := d.Mark(ctx, sha256, bytes)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Mark is what the storage says of the last change of the object of sha256: as long
// as it is the same, nobody has written there. It is no proof of the bytes. The error
// is fs.ErrNotExist when the object is not there with all of them.
func (d *Depot) Mark(ctx context.Context, sha256 string, bytes int64) (string, error) {
	if d.folder != "" {
		return d.markOf(sha256, bytes)
	}
	ctx, cancel := context.WithTimeout(ctx, d.question)
	defer cancel()
	attrs, err := d.bucket.Attributes(ctx, key(sha256))
	switch {
	case gcerrors.Code(err) == gcerrors.NotFound:
		return "", fmt.Errorf("blobs: %s: %w", sha256, fs.ErrNotExist)
	case err != nil:
		return "", fmt.Errorf("blobs: %w", d.publish(err))
	case attrs.Size != bytes:
		return "", fmt.Errorf("blobs: %s has %d bytes of %d: %w", sha256, attrs.Size, bytes, fs.ErrNotExist)
	}
	return attrs.ETag + " " + attrs.ModTime.UTC().Format(time.RFC3339Nano), nil
}

// Open opens the object of sha256 to be sent: an *os.File out of a folder, or
// what asks the bucket for ranges as it is read, until ctx ends. It tells the object's
// Mark too. The error is fs.ErrNotExist when it is not there with all its bytes.
func (d *Depot) Open(ctx context.Context, sha256 string, bytes int64) (io.ReadSeekCloser, string, error) {
	if d.folder != "" {
		return withMark(d.file(sha256, bytes))
	}
	mark, err := d.Mark(ctx, sha256, bytes)
	if err != nil {
		return nil, "", err
	}
	return &running{ctx: ctx, d: d, key: key(sha256), size: bytes}, mark, nil
}

// ReaderAtCloser is an object that is read here and there.
type ReaderAtCloser interface {
	io.ReaderAt
	io.Closer
}

// Read is Open for readers that jump, as those of a ZIP do: a bucket's object is
// read in blocks, of which a few stay in memory.
func (d *Depot) Read(ctx context.Context, sha256 string, bytes int64) (ReaderAtCloser, string, error) {
	if d.folder != "" {
		return withMark(d.file(sha256, bytes))
	}
	mark, err := d.Mark(ctx, sha256, bytes)
	if err != nil {
		return nil, "", err
	}
	return &blocks{ctx: ctx, d: d, key: key(sha256), size: bytes}, mark, nil
}

// Delete removes the object of sha256; one that is not there is no error.
func (d *Depot) Delete(ctx context.Context, sha256 string) error {
	ctx, cancel := context.WithTimeout(ctx, d.question)
	defer cancel()
	if err := d.bucket.Delete(ctx, key(sha256)); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return fmt.Errorf("blobs: %w", d.publish(err))
	}
	return nil
}

// key has no character that a driver would escape.
func key(sha256 string) string { return path.Join("sha256", sha256[:2], sha256+".zip") }

// falla is an error of the bucket as it may be shown.
type falla struct {
	text string
	err  error
}

func (f *falla) Error() string { return f.text }
func (f *falla) Unwrap() error { return f.err }

// Temporary reports that a bucket that refuses may serve later.
func (f *falla) Temporary() bool { return true }

// publish keeps the texts of S3 servers out of logs: a refusal may repeat the
// key's id and the signature. Its code says enough.
func (d *Depot) publish(err error) error {
	var api smithy.APIError
	if err != nil && d.bucket.ErrorAs(err, &api) {
		return &falla{text: "the storage answered " + api.ErrorCode(), err: err}
	}
	return err
}
