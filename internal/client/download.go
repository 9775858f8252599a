package client

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

// quiet is how long a body may bring nothing before it is requested again.
const quiet = 2 * time.Minute

// download is a file in progress. It has a temporary name until it is complete.
type download struct {
	client  *Client
	request request
	path    string
	// sha256 and bytes are the expected content and length; empty and zero if unknown.
	sha256 string
	bytes  int64
	// etag allows a download to resume after a cut; empty if the answer has none.
	etag   string
	notify func(done int64)
}

var errOtherContent = errors.New("lo que llegó no es lo que la pasarela dijo que tiene")

// fetch fetches the file, and resumes after a cut if possible.
func (b download) fetch(ctx context.Context) (File, error) {
	if err := os.MkdirAll(filepath.Dir(b.path), folderPermissions); err != nil {
		return File{}, err
	}
	partial := b.path + partialSuffix
	for attempt := 1; ; attempt++ {
		a, err := b.try(ctx, partial)
		if err == nil {
			return a, disk.Settle(partial, b.path)
		}
		var problem *Problem
		var ofDisk *os.PathError
		switch {
		case ctx.Err() != nil:
			// The partial file stays, for the next run.
			return File{}, ctx.Err()
		case errors.Is(err, errOtherContent), errors.As(err, &problem) && problem.Status == http.StatusRequestedRangeNotSatisfiable:
			// The partial file is not a prefix of the new content.
			err = errors.Join(err, os.Remove(partial))
		case errors.As(err, &problem), errors.As(err, &ofDisk), errors.Is(err, ErrForeign), errors.Is(err, ErrFullDisk):
			return File{}, err
		}
		if attempt == fileAttempts {
			return File{}, err
		}
		if err := sleep(ctx, b.client.pause); err != nil {
			return File{}, err
		}
	}
}

func (b download) try(ctx context.Context, partial string) (a File, err error) {
	f, err := os.OpenFile(partial, os.O_RDWR|os.O_CREATE, filePermissions) //nolint:gosec // named by us
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha256.New()
	since, err := b.carryOn(f, sum)
	if err != nil {
		return a, err
	}
	if a = (File{Bytes: since, SHA256: hex.EncodeToString(sum.Sum(nil))}); since > 0 && a.SHA256 == b.sha256 {
		// It was complete, and was only not renamed.
		return a, nil
	}
	ctx, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	resp, err := b.client.open(ctx, b.with(since))
	if err != nil {
		return a, err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	if since > 0 && resp.StatusCode != http.StatusPartialContent {
		if since, err = 0, empty(f); err != nil {
			return a, err
		}
		sum.Reset()
	}
	n, err := io.Copy(io.MultiWriter(&bounded{f: f, remain: b.bytes - since, endless: b.sha256 == ""}, sum), &watched{r: resp.Body, cut: cut, done: since, notify: b.notify})
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	if err != nil {
		return a, err
	}
	a = File{Bytes: since + n, SHA256: hex.EncodeToString(sum.Sum(nil))}
	if b.sha256 != "" && a.SHA256 != b.sha256 {
		return a, errOtherContent
	}
	return a, nil
}

// carryOn appends to f, if the rest can be requested.
func (b download) carryOn(f *os.File, sum hash.Hash) (int64, error) {
	if b.etag == "" {
		return 0, empty(f)
	}
	return io.Copy(sum, f)
}

func empty(f *os.File) error {
	_, err := f.Seek(0, io.SeekStart)
	return errors.Join(err, f.Truncate(0))
}

// with returns the call for the missing part.
func (b download) with(since int64) request {
	if since == 0 {
		return b.request
	}
	p := b.request
	p.headers = map[string]string{headerRango: "bytes=" + strconv.FormatInt(since, 10) + "-", headerIfIsEqual: b.etag}
	for name, value := range b.request.headers {
		p.headers[name] = value
	}
	return p
}

// watched reads a body and gives it up if it stalls.
type watched struct {
	r      io.Reader
	cut    context.CancelCauseFunc
	done   int64
	notify func(done int64)
}

func (v *watched) Read(p []byte) (int, error) {
	alarm := time.AfterFunc(quiet, func() { v.cut(fmt.Errorf("no llegó nada en %s", quiet)) })
	n, err := v.r.Read(p)
	alarm.Stop()
	v.done += int64(n)
	v.notify(v.done)
	return n, err
}

const (
	// everyHowMuch is how much is written between two checks of the disk.
	everyHowMuch = 8 << 20
	// freeUsual stays free on the disk, whatever a gateway sends; freePart is that share
	// of a small disk.
	freeUsual, freePart = 256 << 20, 16
)

// ErrFullDisk means that the download would leave too little free space.
var ErrFullDisk = errors.New("el disco se llena")

// bounded writes a file of at most the announced length and leaves free space for others:
// a server in the gateway's place may send without end.
type bounded struct {
	f       *os.File
	remain  int64
	endless bool
	// seen is how much may be written before the disk is checked again.
	seen int64
}

func (a *bounded) Write(p []byte) (int, error) {
	if a.remain -= int64(len(p)); a.remain < 0 && !a.endless {
		return 0, errOtherContent
	}
	if a.seen -= int64(len(p)); a.seen < 0 {
		a.seen = everyHowMuch
		dir := filepath.Dir(a.f.Name())
		free, total, err := disk.Free(dir)
		if err != nil {
			return 0, err
		}
		if floor := min(freeUsual, total/freePart); free < floor+everyHowMuch {
			return 0, fmt.Errorf("%w: en el de %s quedan %d MB, y %d quedan libres siempre; haga lugar y repita la orden", ErrFullDisk, dir, free>>20, floor>>20)
		}
	}
	return a.f.Write(p)
}

// digest is the SHA-256 and the size of a file.
func digest(path string) (string, int64, error) {
	f, err := os.Open(path) //nolint:gosec // named by us
	if err != nil {
		return "", 0, err
	}
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	return hex.EncodeToString(sum.Sum(nil)), n, errors.Join(err, f.Close())
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // named by us
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxManifiesto))
	return text, errors.Join(err, f.Close())
}
