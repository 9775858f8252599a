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

func TestTraps_OfThePackageAreOffUntilAsked(t *testing.T) {
	t.Parallel()
	b := start(t).fast(t, nil)
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	old := c.emitidos("FechaInicial", "2021-06-01T00:00:00", "FechaFinal", "2021-06-01T23:59:59")
	for name, body := range openZip(t, c.descarga(c.paquetes(opEmitidos, old).paquetes[0]).zip) {
		if strings.Contains(name, "/") || !strings.Contains(string(body), `Version="4.0"`) {
			t.Errorf("%s: %.200s", name, body)
		}
	}
}

func TestTraps_OfXMLPackages(t *testing.T) {
	t.Parallel()
	b := start(t).fast(t, map[string]any{"cfdis_por_dia": 200, "trampas_paquete": true})
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	v := c.paquetes(opEmitidos, c.emitidos())
	var double, broken, marks, odd, comments, folders, loose, root int
	for name, body := range openZip(t, c.descarga(v.paquetes[0]).zip) {
		if strings.HasPrefix(name, "copia/") {
			folders++
			continue
		}
		if !strings.HasSuffix(name, ".xml") {
			loose++
			continue
		}
		root++
		cuenta := func(n *int, si bool) {
			if si {
				*n++
			}
		}
		cuenta(&double, strings.HasSuffix(name, ".xml.xml"))
		cuenta(&marks, bytes.HasPrefix(body, []byte("\xef\xbb\xbf")))
		cuenta(&odd, !utf8.Valid(body))
		cuenta(&comments, bytes.Contains(body, []byte("<!--")))
		cuenta(&broken, utf8.Valid(body) && !readWell(body))
	}
	if got := fmt.Sprint(double, broken, marks, odd, comments); got != "2 2 2 2 2" {
		t.Errorf("double names, broken, marked, odd, with comments: %s", got)
	}
	if fmt.Sprint(root) != v.attr["NumeroCFDIs"] || folders != 2 || loose != 1 {
		t.Errorf("%d XML at the root of %s, %d in a folder, %d others", root, v.attr["NumeroCFDIs"], folders, loose)
	}
}

func readWell(body []byte) bool {
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))))
	for {
		if _, err := d.Token(); err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}

func TestTraps_OfMetadata(t *testing.T) {
	t.Parallel()
	b := start(t).fast(t, map[string]any{"cfdis_por_dia": 2000, "trampas_paquete": true, "trampas": false})
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	v := c.paquetes(opEmitidos, c.emitidos("TipoSolicitud", "Metadata", "EstadoComprobante", "Todos"))
	files := openZip(t, c.descarga(v.paquetes[0]).zip)
	rows := strings.Split(strings.TrimSuffix(string(files[v.paquetes[0]+".txt"]), "\r\n"), "\r\n")
	if !strings.Contains(rows[0], "~PacCertifico~") || strings.Contains(rows[0], "RfcPac") {
		t.Errorf("header %s", rows[0])
	}
	fields := map[int]int{}
	for _, f := range rows[1:] {
		fields[strings.Count(f, "~")+1]++
	}
	if len(fields) != 3 || fields[11] == 0 || fields[14] == 0 || fields[11]+fields[12]+fields[14] != 2000 {
		t.Errorf("rows by fields %v", fields)
	}
	var other []string
	for name := range files {
		if name != v.paquetes[0]+".txt" {
			other = append(other, strings.Replace(name, strings.TrimSuffix(v.paquetes[0], "_01"), "ID", 1))
		}
	}
	slices.Sort(other)
	if d := cmp.Diff([]string{"ID_tercero.txt", "LEEME.txt", "copia/", "copia/ID_01.txt"}, other); d != "" {
		t.Error(d)
	}
}

// rootsOf counts the XML of a day by namespace of the root and version; each is well formed, has its
// UUID and agrees with what the name says.
func rootsOf(t *testing.T, c *client, year int) map[string]int {
	t.Helper()
	day := fmt.Sprintf("%d-03-10", year)
	v := c.paquetes(opEmitidos, c.emitidos("FechaInicial", day+"T00:00:00", "FechaFinal", day+"T23:59:59"))
	cuenta := map[string]int{}
	for name, body := range openZip(t, c.descarga(v.paquetes[0]).zip) {
		var x struct {
			XMLName xml.Name
			Attrs   []xml.Attr `xml:",any,attr"`
		}
		uuid := strings.TrimSuffix(strings.TrimSuffix(name, ".xml"), ".xml")
		body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
		if strings.Contains(name, "/") || !strings.HasSuffix(name, ".xml") || !readWell(body) {
			continue
		}
		if err := xml.Unmarshal(body, &x); err != nil || !strings.Contains(string(body), `UUID="`+uuid+`"`) {
			t.Errorf("%s: %v", name, err)
		}
		for _, a := range x.Attrs {
			if strings.EqualFold(a.Name.Local, "version") && a.Name.Space == "" {
				cuenta[x.XMLName.Space[strings.LastIndexByte(x.XMLName.Space, '/')+1:]+" "+a.Name.Local+"="+a.Value]++
			}
		}
	}
	return cuenta
}

func TestVersions_ByDate(t *testing.T) {
	t.Parallel()
	real := time.Now()
	b := start(t).fast(t, map[string]any{"cfdis_por_dia": 60, "trampas_paquete": true})
	b.Clock().Fix(time.Date(2022, 12, 1, 0, 0, 0, 0, time.UTC).Sub(real))
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	r := b.enter(t, "retenciones", sandbox.RFCCompany)
	for _, tc := range []struct {
		c    *client
		year int
		has  []string
	}{
		{c, 2017, []string{"3 version=3.2", "3 Version=3.3"}}, // 3.3 for payments and payroll
		{c, 2021, []string{"3 Version=3.3"}},
		{c, 2022, []string{"4 Version=4.0"}},
		{r, 2021, []string{"1 Version=1.0"}},
		{r, 2022, []string{"2 Version=2.0"}},
	} {
		got := rootsOf(t, tc.c, tc.year)
		if len(got) != len(tc.has) {
			t.Errorf("%s %d: %v", tc.c.servicio, tc.year, got)
		}
		for _, que := range tc.has {
			if got[que] < 5 {
				t.Errorf("%s %d: %v, want %s", tc.c.servicio, tc.year, got, que)
			}
		}
	}
}

func TestVersions_ByShare(t *testing.T) {
	t.Parallel()
	b := start(t).fast(t, map[string]any{"cfdis_por_dia": 1000, "antiguos_por_ciento": 40})
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	got := rootsOf(t, c, 2026)
	old := got["3 version=3.2"] + got["3 Version=3.3"]
	if all := old + got["4 Version=4.0"]; old < all*35/100 || old > all*45/100 || got["3 version=3.2"] < all/10 || len(got) != 3 {
		t.Errorf("%v", got)
	}
	r := b.enter(t, "retenciones", sandbox.RFCCompany)
	b.knobs(t, map[string]any{"antiguos_por_ciento": 100})
	if got := rootsOf(t, r, 2026); got["1 Version=1.0"] < 900 || len(got) != 1 {
		t.Errorf("%v", got)
	}
}
