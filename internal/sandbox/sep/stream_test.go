package sep_test

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
)

const (
	done        = "Título electrónico registrado exitosamente"
	tipoBad     = "Tipo de Archivo Inválido"
	repeated    = "Folio de control previamente registrado: "
	withoutLote = "No se encontraron registros para el número de lote "
	badUser     = "Usuario Inválido"
)

func TestFlow_FromUploadToCancellation(t *testing.T) {
	b := start(t)
	lote := b.upload("lote.zip", pack(t,
		entry{"a.xml", b.sealed(b.titulo("0001"))},
		entry{"carpeta/", ""},
		entry{"carpeta/b.XML", b.sealed(b.titulo("0002"))},
		entry{"c.xml", b.sealed(b.titulo("0001"))},
		entry{"nota.txt", "x"},
	))
	r := b.call("consultaProcesoTituloElectronico", "numeroLote", lote)
	if r.field("estatusLote") != "0" || r.field("numeroLote") != lote || !strings.Contains(r.field("mensaje"), "ESPERA") {
		t.Errorf("before its time: %s", r.body)
	}
	r = b.call("descargaTituloElectronico", "numeroLote", lote)
	if !strings.Contains(r.field("mensaje"), "ESPERA") || strings.Contains(r.body, "titulosBase64") {
		t.Errorf("before its time: %s", r.body)
	}
	if r := b.call("cancelaTituloElectronico", "folioControl", "0001", "motCancelacion", "R3"); r.field("codigo") != "1" {
		t.Errorf("a title was cancelled before it was registered: %s", r.body)
	}
	b.Clock().BringForward(2 * time.Second)
	r = b.call("consultaProcesoTituloElectronico", "numeroLote", lote)
	if r.field("estatusLote") != "1" || r.field("mensaje") != "El número de lote "+lote+" se encuentra PROCESADO." {
		t.Errorf("processed: %s", r.body)
	}
	r = b.call("descargaTituloElectronico", "numeroLote", lote)
	if r.field("mensaje") != "El número de lote "+lote+" finalizó el proceso, se descarga archivo con la relación correspondiente" || r.field("numeroLote") != lote {
		t.Errorf("result: %.300s", r.body)
	}
	want := [][]string{
		{"a.xml", "1", done, "0001"}, {"carpeta/b.XML", "1", done, "0002"},
		{"c.xml", "2", repeated + "0001", "0001"}, {"nota.txt", "2", tipoBad, ""},
	}
	if d := cmp.Diff(want, b.rows(lote)); d != "" {
		t.Error(d)
	}
	for _, c := range []struct{ folio, motivo, codigo, mensaje string }{
		{"0001", "X9", "1", "Motivo de cancelación no válido: X9"},
		{"0009", "R1", "1", "No se encontró título para el folio 0009"},
		{"0001", "C1", "0", "El folio 0001 fue cancelado exitosamente."},
		{"0001", "C1", "1", "No se encontró título para el folio 0001"},
	} {
		r := b.call("cancelaTituloElectronico", "folioControl", c.folio, "motCancelacion", c.motivo)
		if r.estado != 200 || r.field("codigo") != c.codigo || r.field("mensaje") != c.mensaje {
			t.Errorf("%v: %s", c, r.body)
		}
	}
	if rows := b.result("otra.Xml", []byte(b.sealed(b.titulo("0001")))); rows[0][2] != repeated+"0001" {
		t.Errorf("a cancelled folio is free again: %q", rows)
	}
}

func TestFlow_NumbersFollowTheSeedAndOneAnother(t *testing.T) {
	b := start(t)
	one := b.upload("a.xml", []byte("x"))
	two := b.upload("a.xml", []byte("x"))
	b.Reset()
	other := b.upload("a.xml", []byte("x"))
	n, _ := strconv.Atoi(one)
	if two != strconv.Itoa(n+1) || other != one || one != "100007" {
		t.Errorf("%s %s, after a reset %s", one, two, other)
	}
	c := start(t, func(c *sandbox.Config) { c.Seed = 8 })
	if three := c.upload("a.xml", []byte("x")); three != two {
		t.Errorf("another seed gives %s", three)
	}
	if l := b.Estado().Lotes; len(l) != 1 || l[0].Procesado || l[0].Titulos != 1 || l[0].Registrados != 0 {
		t.Errorf("%+v", l)
	}
}

func TestFlow_CancelsByInstitutionWithoutAnAnswer(t *testing.T) {
	b := start(t)
	b.result("a.xml", []byte(b.sealed(b.titulo("F"))))
	for _, c := range []struct{ key, after string }{{"999999", "0"}, {"010033", "1"}} {
		b := start(t)
		b.result("a.xml", []byte(b.sealed(b.titulo("F"))))
		r := b.call("cancelarTituloInstitucion", "folioControl", "F", "cveInstitucion", c.key, "motCancelacion", "R1")
		if r.estado != http.StatusAccepted || r.body != "" {
			t.Errorf("%d %s", r.estado, r.body)
		}
		if r := b.call("cancelaTituloElectronico", "folioControl", "F", "motCancelacion", "R1"); r.field("codigo") != c.after {
			t.Errorf("after the institution %s cancelled: %s", c.key, r.body)
		}
	}
}

func TestFlow_WhatIsMissingOnErrors(t *testing.T) {
	b := start(t)
	if r := b.call("consultaProcesoTituloElectronico", "numeroLote", "179"); r.field("estatusLote") != "0" || r.field("mensaje") != withoutLote+"179" {
		t.Error(r.body)
	}
	if r := b.call("descargaTituloElectronico", "numeroLote", "179"); r.field("mensaje") != withoutLote+"179" || strings.Contains(r.body, "titulosBase64") {
		t.Error(r.body)
	}
	if r := b.call("cargaTituloElectronico", "nombreArchivo", "a.zip", "archivoBase64", ""); r.field("mensaje") == "" || strings.Contains(r.body, "numeroLote") {
		t.Error(r.body)
	}
	if err := b.Knobs().Change(map[string]any{"sep_password": "otra"}); err != nil {
		t.Fatal(err)
	}
	for operation, elements := range map[string][]string{
		"cargaTituloElectronico":           {"nombreArchivo", "a.xml", "archivoBase64", "eA=="},
		"consultaProcesoTituloElectronico": {"numeroLote", "1"},
		"descargaTituloElectronico":        {"numeroLote", "1"},
		"cancelaTituloElectronico":         {"folioControl", "1", "motCancelacion", "R1"},
	} {
		r := b.call(operation, elements...)
		want := badUser
		if operation == "cancelaTituloElectronico" {
			want = "Usuario Invalido"
		}
		if r.estado != 200 || r.field("mensaje") != want || strings.Contains(r.body, "numeroLote") || strings.Contains(r.body, "titulosBase64") {
			t.Errorf("%s: %s", operation, r.body)
		}
	}
	if r := b.call("cancelarTituloInstitucion", "folioControl", "F", "cveInstitucion", "1", "motCancelacion", "R1"); r.estado != http.StatusAccepted {
		t.Errorf("one way: %d", r.estado)
	}
	if r := b.call("cancelaTituloElectronico", "folioControl", "F", "motCancelacion", "R1"); r.field("codigo") != "1" {
		t.Errorf("cancela: %s", r.body)
	}
	if len(b.Estado().Lotes) > 0 {
		t.Error("a lote was opened")
	}
}

func TestResult_IsAsTheServiceMakesIt(t *testing.T) {
	b := start(t)
	lote := b.upload("a.xml", []byte("x"))
	b.Clock().BringForward(time.Hour)
	r := b.call("descargaTituloElectronico", "numeroLote", lote)
	z, err := base64.StdEncoding.DecodeString(r.field("titulosBase64"))
	if err != nil {
		t.Fatal(err)
	}
	if flags := binary.LittleEndian.Uint16(z[6:]); flags != 0x0808 {
		t.Errorf("flags of the local header %#04x", flags)
	}
	if sums := z[14:26]; strings.Trim(string(sums), "\x00") != "" {
		t.Errorf("checksum and sizes of the local header %x", sums)
	}
	if name := string(z[30 : 30+binary.LittleEndian.Uint16(z[26:])]); name != "ResultadoCargaTitulos"+lote+".xls" {
		t.Error(name)
	}
	if other := b.call("descargaTituloElectronico", "numeroLote", lote); other.body != r.body {
		t.Error("a second download differs")
	}
	libro := libroOf(t, z)
	if len(libro) > 8192 || binary.LittleEndian.Uint32(libro[60:]) >= 0xFFFFFFFA || binary.LittleEndian.Uint32(libro[64:]) != 1 {
		t.Errorf("a small book of %d bytes is not among the small streams", len(libro))
	}
	if r.length != -1 || !strings.HasPrefix(r.body, "<env:Envelope ") || r.header.Get("Content-Type") != "text/xml; charset=utf-8" || r.header.Get("X-Sandbox") == "" {
		t.Errorf("%d %v %.100s", r.length, r.header, r.body)
	}
}

func TestUpload_ThousandTitles(t *testing.T) {
	b := start(t)
	var entries []entry
	for i := range 1000 {
		entries = append(entries, entry{fmt.Sprintf("%d.xml", i), b.sealed(b.titulo(fmt.Sprintf("F%05d", i)))})
	}
	lote := b.upload("lote.zip", pack(t, entries...))
	if l := b.Estado().Lotes[0]; l.Registrados != 1000 || strconv.FormatInt(l.NumeroLote, 10) != lote {
		t.Errorf("%+v", l)
	}
}
