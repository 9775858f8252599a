package zipdir

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
)

// names reads every entry to its end.
func names(tb testing.TB, b []byte) (got []string) {
	tb.Helper()
	for e, err := range walkBytes(b) {
		if err != nil {
			tb.Fatal(err)
		}
		content, err := readEntry(e)
		if err != nil {
			tb.Fatalf("%s: %v", e.Name, err)
		}
		got = append(got, e.Name+" "+string(content))
	}
	return got
}

// with64 adds unneeded ZIP64 records to a ZIP, with extra bytes after the first, and
// marks the end record's own fields as overflowed.
func with64(whole []byte, extra int, saturate bool) []byte {
	end := len(whole) - lenEnd
	record := make([]byte, lenEnd64+extra)
	binary.LittleEndian.PutUint32(record, sigEnd64)
	binary.LittleEndian.PutUint64(record[4:], uint64(lenEnd64+extra-12))
	entries := uint64(binary.LittleEndian.Uint16(whole[end+10:]))
	binary.LittleEndian.PutUint64(record[24:], entries)
	binary.LittleEndian.PutUint64(record[32:], entries)
	binary.LittleEndian.PutUint64(record[40:], uint64(binary.LittleEndian.Uint32(whole[end+12:])))
	binary.LittleEndian.PutUint64(record[48:], uint64(binary.LittleEndian.Uint32(whole[end+16:])))
	locator := make([]byte, lenLocator64)
	binary.LittleEndian.PutUint32(locator, sigLocator64)
	binary.LittleEndian.PutUint64(locator[8:], uint64(end))
	last := bytes.Clone(whole[end:])
	if saturate {
		copy(last[8:], "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
	}
	return slices.Concat(whole[:end], record, locator, last)
}

// moved puts bytes before a ZIP and adjusts its offsets.
func moved(before string, whole []byte) []byte {
	b := append([]byte(before), whole...)
	end := len(b) - lenEnd
	add := func(at int) {
		binary.LittleEndian.PutUint32(b[at:], binary.LittleEndian.Uint32(b[at:])+uint32(len(before)))
	}
	add(end + 16)
	for at := int(binary.LittleEndian.Uint32(b[end+16:])); at < end; {
		add(at + 42)
		at += lenDirectory + int(binary.LittleEndian.Uint16(b[at+28:])) + int(binary.LittleEndian.Uint16(b[at+30:]))
	}
	return b
}

func TestWalk_WhenTheFrameIsOddAndTheDirectoryWholeReadsEveryEntry(t *testing.T) {
	t.Parallel()
	whole := makeZip(t, 3, "")
	want := names(t, whole)
	if len(want) != 3 {
		t.Fatal(want)
	}
	longComment, shortComment := bytes.Clone(whole), append(bytes.Clone(whole), "corto"...)
	binary.LittleEndian.PutUint16(longComment[len(whole)-2:], 500)
	binary.LittleEndian.PutUint16(shortComment[len(whole)-2:], 2)
	gap := slices.Concat(whole[:len(whole)-lenEnd], []byte("PK\x05\x05\x00\x00"), whole[len(whole)-lenEnd:])
	falseEnd := "PK\x05\x06" + string(make([]byte, lenEnd-4))
	for name, b := range map[string][]byte{
		"two bytes behind":                   append(bytes.Clone(whole), 0, 0),
		"a line break behind":                append(bytes.Clone(whole), '\r', '\n'),
		"as much behind as a comment":        append(bytes.Clone(whole), make([]byte, maxZipComment)...),
		"bytes behind a comment":             append(makeZip(t, 3, "un comentario"), "xx"...),
		"a comment that is cut":              makeZip(t, 3, "un comentario")[:len(whole)+5],
		"a comment said to be longer":        longComment,
		"a comment said to be shorter":       shortComment,
		"an empty end record as comment":     makeZip(t, 3, falseEnd),
		"an empty end record behind":         append(bytes.Clone(whole), falseEnd...),
		"half an end record behind":          append(bytes.Clone(whole), falseEnd[:9]...),
		"bytes before, not counted":          append([]byte("HTTP/1.1 200 OK\r\n\r\n"), whole...),
		"bytes before and behind":            slices.Concat([]byte{'x'}, whole, []byte{'x'}),
		"bytes before, counted":              moved("#!/bin/sh\n", whole),
		"bytes between directory and end":    gap,
		"ZIP64":                              with64(whole, 0, true),
		"ZIP64 that nothing needs":           with64(whole, 0, false),
		"ZIP64 with more in it":              with64(whole, 40, true),
		"ZIP64, bytes before, not counted":   append([]byte("xyz"), with64(whole, 0, true)...),
		"ZIP64, bytes behind":                append(with64(whole, 0, true), 0, 0),
		"ZIP64 that nothing needs, and both": slices.Concat([]byte("xyz"), with64(whole, 0, false), []byte("xyz")),
	} {
		if err := check(b); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := names(t, b); !slices.Equal(got, want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Writers without ZIP64, such as old Java, write only the low 16 bits of the count.
func TestWalk_WhenTheCountHasOnlySixteenBitsReadsAll(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1 << 16, 70_000} {
		whole := makeZip(t, n, "")
		end := len(whole) - lenEnd
		// Without ZIP64: its records are removed, and the end record has the low bits.
		at64 := end - lenLocator64 - lenEnd64
		record := whole[at64:end]
		last := bytes.Clone(whole[end:])
		binary.LittleEndian.PutUint16(last[8:], uint16(n))
		binary.LittleEndian.PutUint16(last[10:], uint16(n))
		binary.LittleEndian.PutUint32(last[12:], uint32(binary.LittleEndian.Uint64(record[40:])))
		binary.LittleEndian.PutUint32(last[16:], uint32(binary.LittleEndian.Uint64(record[48:])))
		b := append(bytes.Clone(whole[:at64]), last...)
		if err := check(b); err != nil {
			t.Fatalf("%d: %v", n, err)
		}
		var from Mark
		got := 0
		for e, err := range walkBytes(b) {
			if err != nil {
				t.Fatal(err)
			}
			got++
			if e.Mark.Entry == uint64(n)-2 {
				from = e.Mark
			}
		}
		if got != n {
			t.Errorf("%d entries of %d", got, n)
		}
		rest := 0
		for _, err := range WalkFrom(bytes.NewReader(b), int64(len(b)), from) {
			if err != nil {
				t.Fatal(err)
			}
			rest++
		}
		if rest != 2 {
			t.Errorf("%d entries from the last but one on", rest)
		}
	}
}

func TestCheck_WhenCutAnywhereRefuses(t *testing.T) {
	t.Parallel()
	for name, whole := range map[string][]byte{"plain": makeZip(t, 5, ""), "ZIP64": with64(makeZip(t, 5, ""), 8, true), "with bytes before": append([]byte("xx"), makeZip(t, 5, "")...)} {
		for n := range whole {
			if err := check(whole[:n]); !errors.Is(err, ErrZip) {
				t.Errorf("%s, %d bytes of %d: %v", name, n, len(whole), err)
			}
		}
	}
}

// A ZIP in another one's comment must not be taken for it: the last complete directory
// counts.
func TestWalk_WhenTwoZipsFollowEachOtherReadsTheLast(t *testing.T) {
	t.Parallel()
	one, two := write(t, file{"uno", 0, []byte("1")}), write(t, file{"dos", 0, []byte("2")})
	if got := names(t, append(one, two...)); fmt.Sprint(got) != "[dos 2]" {
		t.Errorf("%q", got)
	}
}
