// Package blobs stores whole files by the SHA-256 of their content, in a folder or an S3
// bucket, through gocloud.dev/blob.
//
// It knows keys and bytes, and not who refers to them: internal/store decides what may be
// removed. It supports no other kind of storage and takes no credentials: the AWS SDK
// finds them.
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
	// The defaults of Depot.question and Depot.quiet.
	questionUsual = 30 * time.Second
	quietUsual    = 2 * time.Minute
	// keyTrial is the object that Trial writes, beside the stored ones.
	keyTrial = "pasarela.prueba"
)

// Depot is an open folder or bucket.
type Depot struct {
	bucket *blob.Bucket
	// folder is empty for a bucket.
	folder string
	name   string
	// other reports that it was configured, so it may be on another disk than the data
	// directory.
	other bool
	// question bounds a request without a body, including the SDK's repeats. quiet bounds
	// each pause of a bucket within a body.
	question, quiet time.Duration
}

// Open opens the storage at address: file:///folder, which must exist, or s3://bucket
// with the parameters of gocloud.dev's s3blob. Without an address it uses folder and
// creates it. It lists a bucket once, so that a wrong setting shows at the start. The
// error holds no credential.
func Open(ctx context.Context, address, folder string) (*Depot, error) {
	if address == "" {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, fmt.Errorf("blobs: %w", err)
		}
		return inFolder(folder)
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("blobs: the address cannot be read") // without it: it may hold a secret
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
		// S3 servers other than AWS often refuse the checksums that the SDK adds
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

// Other reports whether it may be on another disk than the files that come into it.
func (d *Depot) Other() bool { return d.other }

// Trial returns nil if the storage accepts so many bytes now. It writes that many zeros
// beside the objects, checks them, and removes them.
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

// zeros is an endless reader of zeros.
type zeros struct{}

func (zeros) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

// Save stores the synced file at path durably as the object of sha256, and checks that
// all its bytes are there. A folder moves the file; a bucket copies it. A repeated call
// does not repeat what is done, so call it until it succeeds. written reports that the
// storage accepted a write now. The caller ensures that nobody removes the object
// meanwhile.
func (d *Depot) Save(ctx context.Context, sha256 string, bytes int64, path string) (written bool, err error) {
	if d.folder == "" {
		if ok, err := d.Exist(ctx, sha256, bytes); err != nil || ok {
			return false, err
		}
	}
	return d.Restore(ctx, sha256, bytes, path)
}

// Restore is Save for a damaged object, which the file replaces.
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

// Exist reports whether the object of sha256 is there with all its bytes.
func (d *Depot) Exist(ctx context.Context, sha256 string, bytes int64) (bool, error) {
	_, err := d.Mark(ctx, sha256, bytes)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Mark returns the storage's own mark of the last change of the object of sha256. While
// it stays the same nobody has written there; it does not prove the bytes. The error is
// fs.ErrNotExist if the object is missing or incomplete.
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

// Open opens the object of sha256 for sending: an *os.File from a folder, or a reader
// that asks the bucket for ranges until ctx ends. It also returns the object's Mark. The
// error is fs.ErrNotExist if the object is missing or incomplete.
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

// ReaderAtCloser is an object with random access.
type ReaderAtCloser interface {
	io.ReaderAt
	io.Closer
}

// Read is Open for random access, as ZIP readers need it: a bucket's object is read in
// blocks, of which a few stay in memory.
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

// Delete removes the object of sha256; a missing one is not an error.
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

// falla is a bucket's error in a form that may be shown.
type falla struct {
	text string
	err  error
}

func (f *falla) Error() string { return f.text }
func (f *falla) Unwrap() error { return f.err }

// Temporary reports that a bucket that refuses may serve later.
func (f *falla) Temporary() bool { return true }

// publish keeps the texts of S3 servers out of logs: a refusal may repeat the key's id
// and the signature. The error code is enough.
func (d *Depot) publish(err error) error {
	var api smithy.APIError
	if err != nil && d.bucket.ErrorAs(err, &api) {
		return &falla{text: "the storage answered " + api.ErrorCode(), err: err}
	}
	return err
}
