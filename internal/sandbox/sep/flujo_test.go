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
	hecho      = "Título electrónico registrado exitosamente"
	tipoMalo   = "Tipo de Archivo Inválido"
	repetido   = "Folio de control previamente registrado: "
	sinLote    = "No se encontraron registros para el número de lote "
	usuarioMal = "Usuario Inválido"
)

func TestFlow_FromUploadToCancellation(t *testing.T) {
	b := arranca(t)
	lote := b.sube("lote.zip", empaca(t,
		entrada{"a.xml", b.sellado(b.titulo("0001"))},
		entrada{"carpeta/", ""},
		entrada{"carpeta/b.XML", b.sellado(b.titulo("0002"))},
		entrada{"c.xml", b.sellado(b.titulo("0001"))},
		entrada{"nota.txt", "x"},
	))
	r := b.llama("consultaProcesoTituloElectronico", "numeroLote", lote)
	if r.campo("estatusLote") != "0" || r.campo("numeroLote") != lote || !strings.Contains(r.campo("mensaje"), "ESPERA") {
		t.Errorf("before its time: %s", r.cuerpo)
	}
	r = b.llama("descargaTituloElectronico", "numeroLote", lote)
	if !strings.Contains(r.campo("mensaje"), "ESPERA") || strings.Contains(r.cuerpo, "titulosBase64") {
		t.Errorf("before its time: %s", r.cuerpo)
	}
	if r := b.llama("cancelaTituloElectronico", "folioControl", "0001", "motCancelacion", "R3"); r.campo("codigo") != "1" {
		t.Errorf("a title was cancelled before it was registered: %s", r.cuerpo)
	}
	b.Reloj().Adelanta(2 * time.Second)
	r = b.llama("consultaProcesoTituloElectronico", "numeroLote", lote)
	if r.campo("estatusLote") != "1" || r.campo("mensaje") != "El número de lote "+lote+" se encuentra PROCESADO." {
		t.Errorf("processed: %s", r.cuerpo)
	}
	r = b.llama("descargaTituloElectronico", "numeroLote", lote)
	if r.campo("mensaje") != "El número de lote "+lote+" finalizó el proceso, se descarga archivo con la relación correspondiente" || r.campo("numeroLote") != lote {
		t.Errorf("result: %.300s", r.cuerpo)
	}
	want := [][]string{
		{"a.xml", "1", hecho, "0001"}, {"carpeta/b.XML", "1", hecho, "0002"},
		{"c.xml", "2", repetido + "0001", "0001"}, {"nota.txt", "2", tipoMalo, ""},
	}
	if d := cmp.Diff(want, b.filas(lote)); d != "" {
		t.Error(d)
	}
	for _, c := range []struct{ folio, motivo, codigo, mensaje string }{
		{"0001", "X9", "1", "Motivo de cancelación no válido: X9"},
		{"0009", "R1", "1", "No se encontró título para el folio 0009"},
		{"0001", "C1", "0", "El folio 0001 fue cancelado exitosamente."},
		{"0001", "C1", "1", "No se encontró título para el folio 0001"},
	} {
		r := b.llama("cancelaTituloElectronico", "folioControl", c.folio, "motCancelacion", c.motivo)
		if r.estado != 200 || r.campo("codigo") != c.codigo || r.campo("mensaje") != c.mensaje {
			t.Errorf("%v: %s", c, r.cuerpo)
		}
	}
	if filas := b.resultado("otra.Xml", []byte(b.sellado(b.titulo("0001")))); filas[0][2] != repetido+"0001" {
		t.Errorf("a cancelled folio is free again: %q", filas)
	}
}

func TestFlow_NumbersFollowTheSeedAndOneAnother(t *testing.T) {
	b := arranca(t)
	uno := b.sube("a.xml", []byte("x"))
	dos := b.sube("a.xml", []byte("x"))
	b.Reinicia()
	otra := b.sube("a.xml", []byte("x"))
	n, _ := strconv.Atoi(uno)
	if dos != strconv.Itoa(n+1) || otra != uno || uno != "100007" {
		t.Errorf("%s %s, after a reset %s", uno, dos, otra)
	}
	c := arranca(t, func(c *sandbox.Config) { c.Seed = 8 })
	if tres := c.sube("a.xml", []byte("x")); tres != dos {
		t.Errorf("another seed gives %s", tres)
	}
	if l := b.Estado().Lotes; len(l) != 1 || l[0].Procesado || l[0].Titulos != 1 || l[0].Registrados != 0 {
		t.Errorf("%+v", l)
	}
}

func TestFlow_CancelsByInstitutionWithoutAnAnswer(t *testing.T) {
	b := arranca(t)
	b.resultado("a.xml", []byte(b.sellado(b.titulo("F"))))
	for _, c := range []struct{ clave, despues string }{{"999999", "0"}, {"010033", "1"}} {
		b := arranca(t)
		b.resultado("a.xml", []byte(b.sellado(b.titulo("F"))))
		r := b.llama("cancelarTituloInstitucion", "folioControl", "F", "cveInstitucion", c.clave, "motCancelacion", "R1")
		if r.estado != http.StatusAccepted || r.cuerpo != "" {
			t.Errorf("%d %s", r.estado, r.cuerpo)
		}
		if r := b.llama("cancelaTituloElectronico", "folioControl", "F", "motCancelacion", "R1"); r.campo("codigo") != c.despues {
			t.Errorf("after the institution %s cancelled: %s", c.clave, r.cuerpo)
		}
	}
}

func TestFlow_WhatIsMissingOnErrors(t *testing.T) {
	b := arranca(t)
	if r := b.llama("consultaProcesoTituloElectronico", "numeroLote", "179"); r.campo("estatusLote") != "0" || r.campo("mensaje") != sinLote+"179" {
		t.Error(r.cuerpo)
	}
	if r := b.llama("descargaTituloElectronico", "numeroLote", "179"); r.campo("mensaje") != sinLote+"179" || strings.Contains(r.cuerpo, "titulosBase64") {
		t.Error(r.cuerpo)
	}
	if r := b.llama("cargaTituloElectronico", "nombreArchivo", "a.zip", "archivoBase64", ""); r.campo("mensaje") == "" || strings.Contains(r.cuerpo, "numeroLote") {
		t.Error(r.cuerpo)
	}
	if err := b.Perillas().Cambia(map[string]any{"sep_password": "otra"}); err != nil {
		t.Fatal(err)
	}
	for operacion, elementos := range map[string][]string{
		"cargaTituloElectronico":           {"nombreArchivo", "a.xml", "archivoBase64", "eA=="},
		"consultaProcesoTituloElectronico": {"numeroLote", "1"},
		"descargaTituloElectronico":        {"numeroLote", "1"},
		"cancelaTituloElectronico":         {"folioControl", "1", "motCancelacion", "R1"},
	} {
		r := b.llama(operacion, elementos...)
		want := usuarioMal
		if operacion == "cancelaTituloElectronico" {
			want = "Usuario Invalido"
		}
		if r.estado != 200 || r.campo("mensaje") != want || strings.Contains(r.cuerpo, "numeroLote") || strings.Contains(r.cuerpo, "titulosBase64") {
			t.Errorf("%s: %s", operacion, r.cuerpo)
		}
	}
	if r := b.llama("cancelarTituloInstitucion", "folioControl", "F", "cveInstitucion", "1", "motCancelacion", "R1"); r.estado != http.StatusAccepted {
		t.Errorf("one way: %d", r.estado)
	}
	if r := b.llama("cancelaTituloElectronico", "folioControl", "F", "motCancelacion", "R1"); r.campo("codigo") != "1" {
		t.Errorf("cancela: %s", r.cuerpo)
	}
	if len(b.Estado().Lotes) > 0 {
		t.Error("a lote was opened")
	}
}

func TestResult_IsAsTheServiceMakesIt(t *testing.T) {
	b := arranca(t)
	lote := b.sube("a.xml", []byte("x"))
	b.Reloj().Adelanta(time.Hour)
	r := b.llama("descargaTituloElectronico", "numeroLote", lote)
	z, err := base64.StdEncoding.DecodeString(r.campo("titulosBase64"))
	if err != nil {
		t.Fatal(err)
	}
	if banderas := binary.LittleEndian.Uint16(z[6:]); banderas != 0x0808 {
		t.Errorf("flags of the local header %#04x", banderas)
	}
	if sumas := z[14:26]; strings.Trim(string(sumas), "\x00") != "" {
		t.Errorf("checksum and sizes of the local header %x", sumas)
	}
	if nombre := string(z[30 : 30+binary.LittleEndian.Uint16(z[26:])]); nombre != "ResultadoCargaTitulos"+lote+".xls" {
		t.Error(nombre)
	}
	if otra := b.llama("descargaTituloElectronico", "numeroLote", lote); otra.cuerpo != r.cuerpo {
		t.Error("a second download differs")
	}
	libro := libroDe(t, z)
	if len(libro) > 8192 || binary.LittleEndian.Uint32(libro[60:]) >= 0xFFFFFFFA || binary.LittleEndian.Uint32(libro[64:]) != 1 {
		t.Errorf("a small book of %d bytes is not among the small streams", len(libro))
	}
	if r.largo != -1 || !strings.HasPrefix(r.cuerpo, "<env:Envelope ") || r.header.Get("Content-Type") != "text/xml; charset=utf-8" || r.header.Get("X-Sandbox") == "" {
		t.Errorf("%d %v %.100s", r.largo, r.header, r.cuerpo)
	}
}

func TestUpload_ThousandTitles(t *testing.T) {
	b := arranca(t)
	var entradas []entrada
	for i := range 1000 {
		entradas = append(entradas, entrada{fmt.Sprintf("%d.xml", i), b.sellado(b.titulo(fmt.Sprintf("F%05d", i)))})
	}
	lote := b.sube("lote.zip", empaca(t, entradas...))
	if l := b.Estado().Lotes[0]; l.Registrados != 1000 || strconv.FormatInt(l.NumeroLote, 10) != lote {
		t.Errorf("%+v", l)
	}
}
