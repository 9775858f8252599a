package sandbox_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
)

func TestTrampas_OfThePackageAreOffUntilAsked(t *testing.T) {
	t.Parallel()
	b := arranca(t).rapido(t, nil)
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	viejo := c.emitidos("FechaInicial", "2021-06-01T00:00:00", "FechaFinal", "2021-06-01T23:59:59")
	for nombre, cuerpo := range abreZip(t, c.descarga(c.paquetes(opEmitidos, viejo).paquetes[0]).zip) {
		if strings.Contains(nombre, "/") || !strings.Contains(string(cuerpo), `Version="4.0"`) {
			t.Errorf("%s: %.200s", nombre, cuerpo)
		}
	}
}

func TestTrampas_OfXMLPackages(t *testing.T) {
	t.Parallel()
	b := arranca(t).rapido(t, map[string]any{"cfdis_por_dia": 200, "trampas_paquete": true})
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	v := c.paquetes(opEmitidos, c.emitidos())
	var dobles, rotos, marcas, raros, comentarios, carpetas, sueltos, raiz int
	for nombre, cuerpo := range abreZip(t, c.descarga(v.paquetes[0]).zip) {
		if strings.HasPrefix(nombre, "copia/") {
			carpetas++
			continue
		}
		if !strings.HasSuffix(nombre, ".xml") {
			sueltos++
			continue
		}
		raiz++
		cuenta := func(n *int, si bool) {
			if si {
				*n++
			}
		}
		cuenta(&dobles, strings.HasSuffix(nombre, ".xml.xml"))
		cuenta(&marcas, bytes.HasPrefix(cuerpo, []byte("\xef\xbb\xbf")))
		cuenta(&raros, !utf8.Valid(cuerpo))
		cuenta(&comentarios, bytes.Contains(cuerpo, []byte("<!--")))
		cuenta(&rotos, utf8.Valid(cuerpo) && !leeBien(cuerpo))
	}
	if got := fmt.Sprint(dobles, rotos, marcas, raros, comentarios); got != "2 2 2 2 2" {
		t.Errorf("double names, broken, marked, odd, with comments: %s", got)
	}
	if fmt.Sprint(raiz) != v.attr["NumeroCFDIs"] || carpetas != 2 || sueltos != 1 {
		t.Errorf("%d XML at the root of %s, %d in a folder, %d others", raiz, v.attr["NumeroCFDIs"], carpetas, sueltos)
	}
}

func leeBien(cuerpo []byte) bool {
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(cuerpo, []byte("\xef\xbb\xbf"))))
	for {
		if _, err := d.Token(); err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}

func TestTrampas_OfMetadata(t *testing.T) {
	t.Parallel()
	b := arranca(t).rapido(t, map[string]any{"cfdis_por_dia": 2000, "trampas_paquete": true, "trampas": false})
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	v := c.paquetes(opEmitidos, c.emitidos("TipoSolicitud", "Metadata", "EstadoComprobante", "Todos"))
	archivos := abreZip(t, c.descarga(v.paquetes[0]).zip)
	filas := strings.Split(strings.TrimSuffix(string(archivos[v.paquetes[0]+".txt"]), "\r\n"), "\r\n")
	if !strings.Contains(filas[0], "~PacCertifico~") || strings.Contains(filas[0], "RfcPac") {
		t.Errorf("header %s", filas[0])
	}
	campos := map[int]int{}
	for _, f := range filas[1:] {
		campos[strings.Count(f, "~")+1]++
	}
	if len(campos) != 3 || campos[11] == 0 || campos[14] == 0 || campos[11]+campos[12]+campos[14] != 2000 {
		t.Errorf("rows by fields %v", campos)
	}
	var otros []string
	for nombre := range archivos {
		if nombre != v.paquetes[0]+".txt" {
			otros = append(otros, strings.Replace(nombre, strings.TrimSuffix(v.paquetes[0], "_01"), "ID", 1))
		}
	}
	slices.Sort(otros)
	if d := cmp.Diff([]string{"ID_tercero.txt", "LEEME.txt", "copia/", "copia/ID_01.txt"}, otros); d != "" {
		t.Error(d)
	}
}

// raicesDe counts the XML of a day by namespace of the root and version; each is well formed, has its
// UUID and agrees with what the name says.
func raicesDe(t *testing.T, c *cliente, anio int) map[string]int {
	t.Helper()
	dia := fmt.Sprintf("%d-03-10", anio)
	v := c.paquetes(opEmitidos, c.emitidos("FechaInicial", dia+"T00:00:00", "FechaFinal", dia+"T23:59:59"))
	cuenta := map[string]int{}
	for nombre, cuerpo := range abreZip(t, c.descarga(v.paquetes[0]).zip) {
		var x struct {
			XMLName xml.Name
			Attrs   []xml.Attr `xml:",any,attr"`
		}
		uuid := strings.TrimSuffix(strings.TrimSuffix(nombre, ".xml"), ".xml")
		cuerpo = bytes.TrimPrefix(cuerpo, []byte("\xef\xbb\xbf"))
		if strings.Contains(nombre, "/") || !strings.HasSuffix(nombre, ".xml") || !leeBien(cuerpo) {
			continue
		}
		if err := xml.Unmarshal(cuerpo, &x); err != nil || !strings.Contains(string(cuerpo), `UUID="`+uuid+`"`) {
			t.Errorf("%s: %v", nombre, err)
		}
		for _, a := range x.Attrs {
			if strings.EqualFold(a.Name.Local, "version") && a.Name.Space == "" {
				cuenta[x.XMLName.Space[strings.LastIndexByte(x.XMLName.Space, '/')+1:]+" "+a.Name.Local+"="+a.Value]++
			}
		}
	}
	return cuenta
}

func TestVersiones_ByDate(t *testing.T) {
	t.Parallel()
	real := time.Now()
	b := arranca(t).rapido(t, map[string]any{"cfdis_por_dia": 60, "trampas_paquete": true})
	b.Reloj().Fija(time.Date(2022, 12, 1, 0, 0, 0, 0, time.UTC).Sub(real))
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	r := b.entra(t, "retenciones", sandbox.RFCEmpresa)
	for _, caso := range []struct {
		c     *cliente
		anio  int
		tiene []string
	}{
		{c, 2017, []string{"3 version=3.2", "3 Version=3.3"}}, // 3.3 for payments and payroll
		{c, 2021, []string{"3 Version=3.3"}},
		{c, 2022, []string{"4 Version=4.0"}},
		{r, 2021, []string{"1 Version=1.0"}},
		{r, 2022, []string{"2 Version=2.0"}},
	} {
		got := raicesDe(t, caso.c, caso.anio)
		if len(got) != len(caso.tiene) {
			t.Errorf("%s %d: %v", caso.c.servicio, caso.anio, got)
		}
		for _, que := range caso.tiene {
			if got[que] < 5 {
				t.Errorf("%s %d: %v, want %s", caso.c.servicio, caso.anio, got, que)
			}
		}
	}
}

func TestVersiones_ByShare(t *testing.T) {
	t.Parallel()
	b := arranca(t).rapido(t, map[string]any{"cfdis_por_dia": 1000, "antiguos_por_ciento": 40})
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	got := raicesDe(t, c, 2026)
	viejos := got["3 version=3.2"] + got["3 Version=3.3"]
	if todos := viejos + got["4 Version=4.0"]; viejos < todos*35/100 || viejos > todos*45/100 || got["3 version=3.2"] < todos/10 || len(got) != 3 {
		t.Errorf("%v", got)
	}
	r := b.entra(t, "retenciones", sandbox.RFCEmpresa)
	b.perillas(t, map[string]any{"antiguos_por_ciento": 100})
	if got := raicesDe(t, r, 2026); got["1 Version=1.0"] < 900 || len(got) != 1 {
		t.Errorf("%v", got)
	}
}
