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

// paqueteDe makes a package of one day of the universe.
func paqueteDe(porDia int64, tipo string, k perillasPaquete) *paquete {
	p := &pedido{
		ambito: ambito{CFDI, rfcPrueba, Emitidos, porDia}, desde: 20_000 * segundosDia, hasta: 20_001*segundosDia - 1,
		tipo: tipo, filtro: filtro{estado: estadoTodos, corte: 20_010 * segundosDia}, porPaquete: porDia, tope: maxIndice, perillasPaquete: k,
	}
	s := &solicitud{pedido: p, id: "3f30a4e1-af73-4085-8991-e4d97eef16bd"}
	s.resultado = resultado{total: porDia, inicios: []posicion{{dia: 20_000}}}
	return &paquete{solicitud: s, numero: 1}
}

// vigia measures the heap as bytes pass.
type vigia struct {
	bytes, pico, proxima uint64
}

func (v *vigia) Write(b []byte) (int, error) {
	if v.bytes += uint64(len(b)); v.bytes >= v.proxima {
		v.proxima = v.bytes + 8<<20
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		v.pico = max(v.pico, m.HeapAlloc)
	}
	return len(b), nil
}

func TestPaquete_OfHundredsOfMegabytesIsNeverHeld(t *testing.T) {
	u := NewUniverso(1)
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	v := &vigia{}
	c := nuevoCodificador(v)
	if err := u.escribeZip(c, paqueteDe(300, tipoCFDI, perillasPaquete{relleno: 1_000_000})); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if v.bytes < 400_000_000 {
		t.Errorf("%d bytes of base64", v.bytes)
	}
	if v.pico > m.HeapAlloc+20<<20 {
		t.Errorf("the heap grew by %d MiB", (v.pico-m.HeapAlloc)>>20)
	}
}

func TestPaquete_FillerIsStoredAndWhole(t *testing.T) {
	u := NewUniverso(1)
	var b bytes.Buffer
	if err := u.escribeZip(&b, paqueteDe(5, tipoCFDI, perillasPaquete{relleno: 1_000_003})); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var rellenos []string
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		xml, err := io.ReadAll(r) // which checks the CRC
		if err != nil {
			t.Fatal(err)
		}
		_, resto, _ := strings.Cut(string(xml), `<cfdi:Addenda><Relleno xmlns="urn:sandbox:relleno">`)
		relleno, _, ok := strings.Cut(resto, "</Relleno></cfdi:Addenda></cfdi:Comprobante>")
		if f.Method != zip.Store || f.Flags&0x8 != 0 || !ok || len(relleno) != 1_000_003 {
			t.Errorf("%s: method %d, flags %x, %d of filler", f.Name, f.Method, f.Flags, len(relleno))
		}
		rellenos = append(rellenos, relleno)
	}
	if len(rellenos) != 5 || rellenos[0] == rellenos[1] {
		t.Errorf("%d entries, or two alike", len(rellenos))
	}
}

func TestCodificador_IsBase64WhateverTheWrites(t *testing.T) {
	datos := []byte(hazRelleno(3*bloque + 1000))
	for _, paso := range []int{1, 7, bloque - 1, bloque, bloque + 1, len(datos)} {
		var b bytes.Buffer
		c := nuevoCodificador(&b)
		for resto := datos; len(resto) > 0; resto = resto[min(paso, len(resto)):] {
			if _, err := c.Write(resto[:min(paso, len(resto))]); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if b.String() != base64.StdEncoding.EncodeToString(datos) {
			t.Errorf("writes of %d: not the base64", paso)
		}
	}
}

func BenchmarkPaquete_Relleno(b *testing.B) {
	u := NewUniverso(1)
	p := paqueteDe(200, tipoCFDI, perillasPaquete{relleno: 1_000_000})
	for b.Loop() {
		c := nuevoCodificador(io.Discard)
		if err := u.escribeZip(c, p); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(200_000_000)
	}
}

func BenchmarkPaquete_Metadata(b *testing.B) {
	u := NewUniverso(1)
	p := paqueteDe(100_000, tipoMetadata, perillasPaquete{trampas: true})
	for b.Loop() {
		if err := u.escribeZip(io.Discard, p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPaquete_CFDI(b *testing.B) {
	u := NewUniverso(1)
	p := paqueteDe(10_000, tipoCFDI, perillasPaquete{})
	for b.Loop() {
		if err := u.escribeZip(io.Discard, p); err != nil {
			b.Fatal(err)
		}
	}
}
