package sat

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"io"
	"runtime"
	"strings"
	"testing"
)

// paqueteOf makes a package of one day of the universe.
func paqueteOf(perDay int64, tipo string, k paqueteKnobs) *paquete {
	p := &requested{
		scope: scope{CFDI, rfcTrial, Emitidos, perDay}, since: 20_000 * secondsDay, until: 20_001*secondsDay - 1,
		tipo: tipo, filter: filter{estado: estadoTodos, cut: 20_010 * secondsDay}, byPaquete: perDay, ceiling: maxIndex, paqueteKnobs: k,
	}
	s := &solicitud{requested: p, id: "3f30a4e1-af73-4085-8991-e4d97eef16bd"}
	s.result = result{total: perDay, starts: []position{{day: 20_000}}}
	return &paquete{solicitud: s, number: 1}
}

// watcher measures the heap as bytes pass.
type watcher struct {
	bytes, peak, next uint64
}

func (v *watcher) Write(b []byte) (int, error) {
	if v.bytes += uint64(len(b)); v.bytes >= v.next {
		v.next = v.bytes + 8<<20
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		v.peak = max(v.peak, m.HeapAlloc)
	}
	return len(b), nil
}

func TestPaquete_OfHundredsOfMegabytesIsNeverHeld(t *testing.T) {
	u := NewUniverse(1)
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	v := &watcher{}
	c := newEncoder(v)
	if err := u.writeZip(c, paqueteOf(300, tipoCFDI, paqueteKnobs{padding: 1_000_000})); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if v.bytes < 400_000_000 {
		t.Errorf("%d bytes of base64", v.bytes)
	}
	if v.peak > m.HeapAlloc+20<<20 {
		t.Errorf("the heap grew by %d MiB", (v.peak-m.HeapAlloc)>>20)
	}
}

func TestPaquete_FillerIsStoredAndWhole(t *testing.T) {
	u := NewUniverse(1)
	var b bytes.Buffer
	if err := u.writeZip(&b, paqueteOf(5, tipoCFDI, paqueteKnobs{padding: 1_000_003})); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var padding []string
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		xml, err := io.ReadAll(r) // which checks the CRC
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(xml), `<cfdi:Addenda><Relleno xmlns="urn:sandbox:relleno">`)
		relleno, _, ok := strings.Cut(rest, "</Relleno></cfdi:Addenda></cfdi:Comprobante>")
		if f.Method != zip.Store || f.Flags&0x8 != 0 || !ok || len(relleno) != 1_000_003 {
			t.Errorf("%s: method %d, flags %x, %d of filler", f.Name, f.Method, f.Flags, len(relleno))
		}
		padding = append(padding, relleno)
	}
	if len(padding) != 5 || padding[0] == padding[1] {
		t.Errorf("%d entries, or two alike", len(padding))
	}
}

func TestEncoder_IsBase64WhateverTheWrites(t *testing.T) {
	data := []byte(makePadding(3*block + 1000))
	for _, step := range []int{1, 7, block - 1, block, block + 1, len(data)} {
		var b bytes.Buffer
		c := newEncoder(&b)
		for rest := data; len(rest) > 0; rest = rest[min(step, len(rest)):] {
			if _, err := c.Write(rest[:min(step, len(rest))]); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if b.String() != base64.StdEncoding.EncodeToString(data) {
			t.Errorf("writes of %d: not the base64", step)
		}
	}
}

func BenchmarkPaquete_Relleno(b *testing.B) {
	u := NewUniverse(1)
	p := paqueteOf(200, tipoCFDI, paqueteKnobs{padding: 1_000_000})
	for b.Loop() {
		c := newEncoder(io.Discard)
		if err := u.writeZip(c, p); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(200_000_000)
	}
}

func BenchmarkPaquete_Metadata(b *testing.B) {
	u := NewUniverse(1)
	p := paqueteOf(100_000, tipoMetadata, paqueteKnobs{traps: true})
	for b.Loop() {
		if err := u.writeZip(io.Discard, p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPaquete_CFDI(b *testing.B) {
	u := NewUniverse(1)
	p := paqueteOf(10_000, tipoCFDI, paqueteKnobs{})
	for b.Loop() {
		if err := u.writeZip(io.Discard, p); err != nil {
			b.Fatal(err)
		}
	}
}
