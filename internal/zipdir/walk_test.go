package zipdir

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
)

const testLimit = 8 << 20

type file struct {
	name    string
	method  uint16
	content []byte
}

func write(tb testing.TB, entries ...file) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		f, err := w.CreateHeader(&zip.FileHeader{Name: e.name, Method: e.method})
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := f.Write(e.content); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{7})
	r.Read(b) //nolint:errcheck // never fails
	return b
}

func readEntry(e Entry) ([]byte, error) {
	c, err := e.Open(testLimit)
	if err != nil {
		return nil, err
	}
	defer c.Close() //nolint:errcheck // memory
	return io.ReadAll(c)
}

func walkBytes(b []byte) func(func(Entry, error) bool) {
	return Walk(bytes.NewReader(b), int64(len(b)))
}

func TestWalk_WhenWholeYieldsWhatWasWritten(t *testing.T) {
	t.Parallel()
	entries := []file{
		{"a.xml", zip.Deflate, []byte(strings.Repeat("<a/>", 1000))}, {"carpeta/b.xml", zip.Store, []byte("<b/>")},
		{"vacío.txt", zip.Deflate, nil}, {"nada.txt", zip.Store, nil}, {"ruido", zip.Deflate, noise(3 * block)}, {"ruido2", zip.Store, noise(block + 1)},
	}
	whole := write(t, entries...)
	n := 0
	for e, err := range walkBytes(whole) {
		if err != nil {
			t.Fatal(err)
		}
		got, err := readEntry(e)
		want := entries[n]
		if err != nil || e.Name != want.name || e.Method != want.method || !bytes.Equal(got, want.content) || e.UncompressedSize != uint64(len(want.content)) {
			t.Errorf("entry %d: %q method %d, %d bytes of %d, %v", n, e.Name, e.Method, len(got), len(want.content), err)
		}
		n++
	}
	if n != len(entries) {
		t.Errorf("%d entries of %d", n, len(entries))
	}
}

func TestWalkFrom_WhenMarkedGoesOnThere(t *testing.T) {
	t.Parallel()
	whole := makeZip(t, 70_000, "")
	var at Mark
	for e, err := range walkBytes(whole) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Mark.Entry == 69_000 {
			at = e.Next
			break
		}
	}
	n := 69_001
	for e, err := range WalkFrom(bytes.NewReader(whole), int64(len(whole)), at) {
		if err != nil {
			t.Fatal(err)
		}
		got, err := readEntry(e)
		if want := fmt.Sprintf("<a>%d</a>", n); err != nil || string(got) != want || e.Mark.Entry != uint64(n) {
			t.Fatalf("%q, %v at %+v, want %q", got, err, e.Mark, want)
		}
		n++
	}
	if n != 70_000 {
		t.Errorf("ended at %d", n)
	}
	for name, mark := range map[string]Mark{"behind the end": {Offset: 1 << 40}, "more entries than there are": {Entry: 70_001}, "no header": {Entry: 5, Offset: 7}} {
		for _, err := range WalkFrom(bytes.NewReader(whole), int64(len(whole)), mark) {
			if !errors.Is(err, ErrZip) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestOpen_WhenAnEntryIsWrongSaysSoAndTheNextIsRead(t *testing.T) {
	t.Parallel()
	big := bytes.Repeat([]byte("x"), 4<<20)
	whole := write(t, file{"uno", zip.Deflate, []byte(strings.Repeat("uno dos tres ", 50))}, file{"dos", zip.Store, []byte("dos")})
	end := len(whole) - lenEnd
	dir := int(binary.LittleEndian.Uint32(whole[end+16:]))
	put := func(at int, v byte) func([]byte) { return func(b []byte) { b[at] = v } }
	for name, tc := range map[string]struct {
		edit func([]byte)
		want error
	}{
		"encrypted":           {put(dir+8, 1), ErrEntry},
		"another method":      {put(dir+10, 12), ErrEntry},
		"another checksum":    {put(dir+16, whole[dir+16]+1), ErrEntry},
		"longer than it says": {put(dir+24, whole[dir+24]-1), ErrEntry},
		"shorter":             {put(dir+24, whole[dir+24]+1), ErrEntry},
		"data cut":            {put(dir+20, whole[dir+20]-5), ErrEntry},
		"broken data":         {func(b []byte) { copy(b[40:], "\xff\xff\xff\xff\xff\xff") }, ErrEntry},
		"no local header":     {put(0, 'X'), ErrEntry},
		"over the limit":      {func(b []byte) { binary.LittleEndian.PutUint32(b[dir+24:], testLimit+1) }, ErrLimit},
		"far over its data":   {func(b []byte) { binary.LittleEndian.PutUint32(b[dir+24:], testLimit-1) }, ErrLimit},
		"data outside":        {func(b []byte) { binary.LittleEndian.PutUint32(b[dir+20:], uint32(dir)) }, ErrEntry},
	} {
		b := bytes.Clone(whole)
		tc.edit(b)
		n := 0
		for e, err := range walkBytes(b) {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got, err := readEntry(e)
			if n == 0 && (!errors.Is(err, tc.want) || errors.Is(err, ErrRead)) {
				t.Errorf("%s: %v, want %v", name, err, tc.want)
			}
			if n == 1 && (err != nil || string(got) != "dos") {
				t.Errorf("%s: the next entry is %q, %v", name, got, err)
			}
			n++
		}
		if n != 2 {
			t.Errorf("%s: %d entries", name, n)
		}
	}
	for e, err := range walkBytes(write(t, file{"bomba", zip.Deflate, big})) {
		if err == nil {
			_, err = readEntry(e)
		}
		if !errors.Is(err, ErrLimit) {
			t.Errorf("4 MiB of one letter: %v", err)
		}
	}
}

// Every directory entry points to the same data: as many contents as entries.
func TestOpen_WhenEntriesLieOverEachOtherStops(t *testing.T) {
	t.Parallel()
	const n = 50
	var entries []file
	for i := range n {
		entries = append(entries, file{fmt.Sprintf("%02d", i), zip.Store, noise(1000)})
	}
	b := write(t, entries...)
	read, refused := 0, 0
	for e, err := range walkBytes(b) {
		if err != nil {
			t.Fatal(err)
		}
		e.offset = 0
		for range 2 {
			got, err := readEntry(e)
			read += len(got)
			if errors.Is(err, ErrLimit) {
				refused++
			} else if refused > 0 {
				t.Errorf("entry %d was read after %d were refused: %v", e.Mark.Entry, refused, err)
			}
		}
	}
	if refused == 0 || read == 0 || read > len(b) {
		t.Errorf("%d bytes were read of a file of %d, %d refused", read, len(b), refused)
	}
}

func TestWalk_WhenTheReaderFailsSaysItWasTheReader(t *testing.T) {
	t.Parallel()
	whole := write(t, file{"uno", zip.Store, noise(2 * block)}, file{strings.Repeat("dos", 2000), zip.Deflate, noise(2 * block)})
	broken := errors.New("the network")
	failed := 0
	for from := int64(0); from < int64(len(whole)); from += 5_000 {
		r := readerAt(func(p []byte, at int64) (int, error) {
			if at+int64(len(p)) > from && at < from+10 {
				return 0, broken
			}
			return bytes.NewReader(whole).ReadAt(p, at)
		})
		for e, err := range Walk(r, int64(len(whole))) {
			if err == nil {
				_, err = readEntry(e)
			}
			if err == nil {
				continue
			}
			failed++
			if !errors.Is(err, ErrRead) || !errors.Is(err, broken) || errors.Is(err, ErrEntry) || errors.Is(err, ErrZip) {
				t.Errorf("at %d: %v", from, err)
			}
		}
	}
	if failed == 0 {
		t.Error("nothing failed")
	}
}

type readerAt func([]byte, int64) (int, error)

func (r readerAt) ReadAt(p []byte, at int64) (int, error) { return r(p, at) }

// Object storage charges per request: blocks, forwards, each byte once.
func TestWalk_WhenReadToTheEndReadsForwardsInBlocks(t *testing.T) {
	t.Parallel()
	var entries []file
	for i := range 3000 {
		entries = append(entries, file{fmt.Sprintf("%036d.xml", i), zip.Deflate, noise(2000 + i%700)})
	}
	whole := write(t, entries...)
	var requests, bytesRead int
	r := readerAt(func(p []byte, at int64) (int, error) {
		requests++
		bytesRead += len(p)
		return bytes.NewReader(whole).ReadAt(p, at)
	})
	for e, err := range Walk(r, int64(len(whole))) {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readEntry(e); err != nil {
			t.Fatal(err)
		}
	}
	if most := len(whole)/block + len(whole)/(directoryBuffer*10) + 10; requests > most || bytesRead > len(whole)+2*block {
		t.Errorf("%d requests (at most %d) for %d bytes of %d", requests, most, bytesRead, len(whole))
	}
	// Reading one entry among many costs only its own size.
	requests, bytesRead = 0, 0
	for e, err := range Walk(r, int64(len(whole))) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Mark.Entry == 2500 {
			before := bytesRead
			if _, err := readEntry(e); err != nil {
				t.Fatal(err)
			}
			if bytesRead-before > 8<<10 {
				t.Errorf("one entry of 2 KB cost %d bytes", bytesRead-before)
			}
			break
		}
	}
}

func TestWalk_WhenEntriesAreManyStaysFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("450,000 entries")
	}
	whole := makeZip(t, 450_000, "")
	var before, after runtime.MemStats
	var most uint64
	runtime.GC()
	runtime.ReadMemStats(&before)
	n := 0
	for e, err := range walkBytes(whole) {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readEntry(e); err != nil {
			t.Fatal(err)
		}
		if n++; n%50_000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&after)
			most = max(most, after.HeapAlloc)
		}
	}
	if n != 450_000 || most > before.HeapAlloc+(2<<20) {
		t.Errorf("%d entries, %d KiB held over the ZIP itself", n, (int64(most)-int64(before.HeapAlloc))>>10)
	}
}

// FuzzWalk: no input causes a panic, endless reading, or content that differs from
// archive/zip's.
func FuzzWalk(f *testing.F) {
	f.Add(write(f, file{"a.xml", zip.Deflate, []byte(strings.Repeat("<a/>", 100))}, file{"b", zip.Store, []byte("b")}))
	f.Add(makeZip(f, 3, "c"))
	f.Add(makeZip(f, 0, ""))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<20 {
			return
		}
		var ours []Entry
		var contents [][]byte
		for e, err := range walkBytes(b) {
			if err != nil {
				if !errors.Is(err, ErrZip) {
					t.Fatal(err)
				}
				return
			}
			got, err := readEntry(e)
			if err != nil && !errors.Is(err, ErrEntry) && !errors.Is(err, ErrLimit) {
				t.Fatal(err)
			}
			if err != nil {
				got = nil
			}
			if ours, contents = append(ours, e), append(contents, got); len(ours) > 1000 {
				return
			}
		}
		theirs, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil || len(theirs.File) != len(ours) {
			return // it reads more, or before the beginning
		}
		for i, e := range theirs.File {
			if contents[i] == nil || ours[i].Name != e.Name || ours[i].offset == 0 && i > 0 {
				continue
			}
			r, err := e.Open()
			if err != nil {
				continue
			}
			want, err := io.ReadAll(io.LimitReader(r, testLimit))
			if err == nil && !bytes.Equal(want, contents[i]) {
				t.Fatalf("entry %d: %q, archive/zip has %q", i, contents[i], want)
			}
		}
	})
}
