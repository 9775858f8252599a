package zipdir

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"syscall"
	"testing"
)

// makeZip writes n small entries, with a comment.
func makeZip(tb testing.TB, n int, comment string) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range n {
		f, err := w.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("%d.xml", i), Method: zip.Store})
		if err != nil {
			tb.Fatal(err)
		}
		fmt.Fprintf(f, "<a>%d</a>", i) //nolint:errcheck // memory
	}
	if err := w.SetComment(comment); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func check(b []byte) error { return Check(bytes.NewReader(b), int64(len(b))) }

// bad fails from its nth read on, as a bad disk does.
type bad struct {
	io.ReaderAt
	n int
}

func (m *bad) ReadAt(p []byte, at int64) (int, error) {
	if m.n--; m.n < 0 {
		return 0, syscall.EIO
	}
	return m.ReaderAt.ReadAt(p, at)
}

// A failing disk says nothing about the ZIP, wherever it fails.
func TestCheck_WhenTheDiskFailsItSaysNothingOfTheZIP(t *testing.T) {
	t.Parallel()
	for name, b := range map[string][]byte{"small": makeZip(t, 3, ""), "ZIP64": makeZip(t, 70_000, "")} {
		n := 0
		for ; n < 1000; n++ {
			err := Check(&bad{bytes.NewReader(b), n}, int64(len(b)))
			if err == nil {
				break
			}
			if errors.Is(err, ErrZip) || !errors.Is(err, syscall.EIO) {
				t.Errorf("%s, after %d readings: %v", name, n, err)
			}
		}
		if n < 2 || n == 1000 {
			t.Errorf("%s: %d readings", name, n)
		}
	}
}

func TestCheck_WhenWhole(t *testing.T) {
	t.Parallel()
	for name, b := range map[string][]byte{
		"empty":                       makeZip(t, 0, ""),
		"one":                         makeZip(t, 1, ""),
		"comment":                     makeZip(t, 3, "a comment with PK\x05\x06 in it, long enough to hold an end record"),
		"ZIP64, over 65535 entries":   makeZip(t, 70_000, ""),
		"more than the tail's length": makeZip(t, 5_000, ""),
	} {
		if err := check(b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheck_WhenNotWhole(t *testing.T) {
	t.Parallel()
	whole := makeZip(t, 100, "")
	end := len(whole) - lenEnd
	edit := func(at int, v uint32) []byte {
		b := bytes.Clone(whole)
		binary.LittleEndian.PutUint32(b[at:], v)
		return b
	}
	directory := binary.LittleEndian.Uint32(whole[end+16:])
	for name, b := range map[string][]byte{
		"nothing":                nil,
		"no ZIP":                 bytes.Repeat([]byte("x"), 100_000),
		"its last byte missing":  whole[:len(whole)-1],
		"cut in the directory":   whole[:directory+100],
		"cut in the content":     whole[:len(whole)/3],
		"64 KiB behind":          append(bytes.Clone(whole), make([]byte, maxZipComment+lenLocator64+1)...),
		"a hole in the middle":   append(bytes.Clone(whole[:200]), whole[300:]...),
		"more entries promised":  edit(end+8, 101<<16|101),
		"fewer entries promised": edit(end+8, 99<<16|99),
		"directory elsewhere":    edit(end+16, directory+1),
		"directory too large":    edit(end+12, 1<<31),
		"a broken header":        edit(int(directory)+46+5, 0),
		"an entry outside":       edit(int(directory)+42, directory),
		"ZIP64 without its end":  edit(end+16, unknown32),
	} {
		if err := check(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// FuzzCheck: no input causes a panic or excessive reading, and the output of
// archive/zip's writer is accepted only if complete.
func FuzzCheck(f *testing.F) {
	f.Add(makeZip(f, 3, "c"))
	f.Add(makeZip(f, 0, ""))
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if check(b) != nil {
			return
		}
		r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Skip("archive/zip looks at more than the directory's frame")
		}
		if err := check(b[:len(b)-1]); err == nil && len(r.File) > 0 && bytes.LastIndex(b, []byte("PK\x05\x06"))+lenEnd == len(b) {
			t.Errorf("accepted without the last byte of its end record")
		}
	})
}
