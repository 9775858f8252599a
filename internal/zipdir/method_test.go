package zipdir

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"testing"
)

// raw makes a ZIP of one entry with data that another program compressed.
func raw(tb testing.TB, method uint16, flags byte, content, data []byte) []byte {
	tb.Helper()
	whole := write(tb, file{"a.xml", 0, data}, file{"crc", 0, content})
	end := len(whole) - lenEnd
	dir := int(binary.LittleEndian.Uint32(whole[end+16:]))
	second := dir + lenDirectory + len("a.xml")
	binary.LittleEndian.PutUint16(whole[dir+10:], method)
	whole[dir+8] = flags
	copy(whole[dir+16:dir+20], whole[second+16:second+20])
	binary.LittleEndian.PutUint32(whole[dir+24:], uint32(len(content)))
	return whole
}

// 41 letters x by bzip2 1.0.8.
const bzip2OfX = "QlpoOTFBWSZTWdz54p4AAAIQgAIAAEAgACEAggsXckU4UJDc+eKe"

func TestOpen_WhenCompressedByBzip2ReadsIt(t *testing.T) {
	t.Parallel()
	data, err := base64.StdEncoding.DecodeString(bzip2OfX)
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("x"), 41)
	b := raw(t, bzipped, 0, want, data)
	for e, err := range walkBytes(b) {
		if err != nil {
			t.Fatal(err)
		}
		got, err := readEntry(e)
		if e.Name == "a.xml" && (err != nil || !bytes.Equal(got, want)) {
			t.Errorf("%q, %v", got, err)
		}
	}
}

func TestOpen_WhenTheMethodIsNotReadNamesIt(t *testing.T) {
	t.Parallel()
	for method, want := range map[uint16]string{1: "Shrink", 6: "Implode", 9: "Deflate64", 14: "LZMA", 93: "Zstandard", 95: "XZ", 98: "PPMd", 99: "AES", 1234: "método 1234"} {
		for e, err := range walkBytes(raw(t, method, 0, []byte("<a/>"), []byte("....."))) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Name != "a.xml" {
				continue
			}
			_, err := e.Open(testLimit)
			var method *MethodError
			if !errors.Is(err, ErrEntry) || !errors.As(err, &method) || method.Name() != want || method.Encrypted != (want == "AES") {
				t.Errorf("%v, want %s", err, want)
			}
		}
	}
	for e, err := range walkBytes(raw(t, 8, 1, []byte("<a/>"), []byte("....."))) {
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.Open(testLimit)
		if method := (*MethodError)(nil); e.Name == "a.xml" && (!errors.As(err, &method) || !method.Encrypted) {
			t.Errorf("encrypted: %v", err)
		}
	}
}
