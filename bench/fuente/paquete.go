package fuente

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"errors"
	"hash/crc32"
	"io"
	"iter"
	"math/rand/v2"
)

const (
	// block is the part of the content that repeats; a multiple of three, so
	// that its base64 repeats as well.
	block = 3 << 20
	// entry is the name of the only entry: with the 30 bytes of the local
	// header before it, the content starts at a multiple of three.
	entry = "relleno1.bin"
	seed  = 1
)

var errAlign = errors.New("fuente: the content does not start at a multiple of three")

// paquete is the base64 of a whole ZIP with one stored entry, in three parts:
// memory does not grow with the size.
type paquete struct {
	head, body, tail []byte
	repeat           int
}

// newPaquete makes a ZIP whose content has size bytes.
func newPaquete(size int64) (*paquete, error) {
	content := make([]byte, block)
	random := rand.NewChaCha8([32]byte{seed})
	random.Read(content) //nolint:errcheck // never fails
	repeat, rest := int(size/block), content[:size%block]

	sum := uint32(0)
	for range repeat {
		sum = crc32.Update(sum, crc32.IEEETable, content)
	}
	rec := &recorder{}
	w := zip.NewWriter(rec)
	into, err := w.CreateRaw(&zip.FileHeader{Name: entry, Method: zip.Store, CRC32: crc32.Update(sum, crc32.IEEETable, rest),
		CompressedSize64: uint64(size), UncompressedSize64: uint64(size)})
	if err != nil {
		return nil, err
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	head := rec.take()
	if len(head)%3 != 0 {
		return nil, errAlign
	}
	rec.skip = true
	for range repeat {
		if _, err := into.Write(content); err != nil {
			return nil, err
		}
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	rec.skip = false
	if _, err := into.Write(rest); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return &paquete{head: encode(head), body: encode(content), tail: encode(rec.take()), repeat: repeat}, nil
}

// parts yields the envelope.
func (p *paquete) parts() iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		n := 0
		each := func(part []byte) bool { n++; return yield(n, part) }
		if !each([]byte(paqueteStart)) || !each(p.head) {
			return
		}
		for range p.repeat {
			if !each(p.body) {
				return
			}
		}
		if each(p.tail) {
			each([]byte(paqueteEnd))
		}
	}
}

func encode(b []byte) []byte { return base64.StdEncoding.AppendEncode(nil, b) }

// recorder keeps what the ZIP writer writes, but for the repeated content.
type recorder struct {
	kept bytes.Buffer
	skip bool
}

var _ io.Writer = (*recorder)(nil)

func (r *recorder) Write(p []byte) (int, error) {
	if r.skip {
		return len(p), nil
	}
	return r.kept.Write(p)
}

func (r *recorder) take() []byte {
	out := bytes.Clone(r.kept.Bytes())
	r.kept.Reset()
	return out
}
