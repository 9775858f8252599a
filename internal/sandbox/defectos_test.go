package sandbox_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
	"github.com/pasarela-mx/pasarela/internal/sandbox/pade"
	"github.com/pasarela-mx/pasarela/internal/sandbox/sat"
)

// entry is a file of a package as its directory has it, and what can be read of it.
type entry struct {
	*zip.File
	body []byte
	err  error
}

func readEntries(t testing.TB, b []byte) []entry {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var all []entry
	for _, f := range z.File {
		e := entry{File: f}
		var r io.ReadCloser
		if r, e.err = f.Open(); e.err == nil {
			e.body, e.err = io.ReadAll(r)
		}
		all = append(all, e)
	}
	return all
}

// withDefects downloads a package with the defects, and checks that the next delivery is sound again.
func (c *client) withDefects(b *bench, id string, entries int, which ...string) []byte {
	c.t.Helper()
	sound := c.descarga(id).zip
	b.falla(c.t, sandbox.Falla{Tipo: control.ConDefectos, Defectos: which, Entradas: entries, Veces: 1})
	broken := c.descarga(id)
	c.wait(broken, "CodEstatus", "5000")
	if bytes.Equal(broken.zip, sound) {
		c.t.Errorf("%v: the package is the sound one", which)
	}
	if !bytes.Equal(c.descarga(id).zip, sound) {
		c.t.Errorf("%v: the delivery after it is not the sound one", which)
	}
	return broken.zip
}

func TestDefects_OfXMLPackages(t *testing.T) {
	t.Parallel()
	b := start(t).fast(t, map[string]any{"descargas_por_paquete": 0, "cfdis_por_dia": 4})
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	id := c.paquetes(opEmitidos, c.emitidos()).paquetes[0]
	sound := readEntries(t, c.descarga(id).zip)
	uuid := func(e entry) string { return between(string(e.body), ` UUID="`, `"`) }
	for _, tc := range []struct {
		which   []string
		entries int
		well    func(e []entry) bool
	}{
		{[]string{"crc"}, 2, func(e []entry) bool {
			return e[0].err != nil && e[1].err != nil && e[2].err == nil && bytes.Equal(e[0].body, sound[0].body)
		}},
		{[]string{"deflate64"}, 0, func(e []entry) bool { return e[0].Method == 9 && e[1].Method == 8 }},
		{[]string{"bzip2"}, 0, func(e []entry) bool { return e[0].Method == 12 && e[1].Method == 8 }},
		{[]string{"cifrada"}, 0, func(e []entry) bool { return e[0].Flags&1 == 1 && e[1].Flags&1 == 0 }},
		{[]string{"faltante"}, 3, func(e []entry) bool { return len(e) == len(sound)-3 && e[0].Name == sound[3].Name }},
		{[]string{"repetida"}, 2, func(e []entry) bool {
			return len(e) == len(sound)+2 && e[0].Name == e[1].Name && bytes.Equal(e[0].body, e[1].body) && e[2].Name == e[3].Name && e[4].Name == sound[2].Name
		}},
		{[]string{"repetida", "copia_doble"}, 0, func(e []entry) bool {
			return e[1].Name == e[0].Name+".xml" && bytes.Equal(e[0].body, e[1].body) && e[2].Name == sound[1].Name
		}},
		{[]string{"en_lugar"}, 2, func(e []entry) bool {
			return len(e) == len(sound) && e[1].Name == e[0].Name && e[2].Name == e[0].Name && e[3].Name == sound[3].Name
		}},
		{[]string{"otro_nombre"}, 0, func(e []entry) bool {
			return e[0].Name != sound[0].Name && len(e[0].Name) == 40 && bytes.Equal(e[0].body, sound[0].body) && e[1].Name == sound[1].Name
		}},
		{[]string{"windows1252"}, 0, func(e []entry) bool {
			isSound := strings.Replace(string(sound[0].body), "UTF-8", "windows-1252", 1)
			return string(e[0].body) == latin1(isSound) && len(e[0].body) < len(isSound)
		}},
		{[]string{"utf16"}, 0, func(e []entry) bool {
			return bytes.HasPrefix(e[0].body, []byte("\xff\xfe<\x00?\x00x\x00")) && bytes.Contains(e[0].body, []byte("T\x00F\x00-\x001\x006\x00"))
		}},
		{[]string{"marca"}, 0, func(e []entry) bool {
			return bytes.Equal(e[0].body, append([]byte("\xef\xbb\xbf"), sound[0].body...))
		}},
		{[]string{"antes_del_xml", "despues_del_xml"}, 0, func(e []entry) bool {
			return bytes.HasPrefix(e[0].body, []byte("\nCFDI de prueba\n<?xml")) && bytes.HasSuffix(e[0].body, []byte("</cfdi:Comprobante>\nfin del archivo\x00"))
		}},
		{[]string{"addenda_amp"}, 0, func(e []entry) bool {
			return bytes.HasSuffix(e[0].body, []byte("<cfdi:Addenda><Nota>Cobro & entrega&nbsp;de José</Nota></cfdi:Addenda></cfdi:Comprobante>"))
		}},
		{[]string{"addenda_latin1"}, 0, func(e []entry) bool {
			return bytes.Contains(e[0].body, []byte("del a\xf1o</Nota></cfdi:Addenda></cfdi:Comprobante>")) && uuid(e[0]) == uuid(sound[0])
		}},
		{[]string{"xml_cortado"}, 0, func(e []entry) bool {
			return bytes.HasPrefix(sound[0].body, e[0].body) && len(e[0].body) < len(sound[0].body)
		}},
		{[]string{"sin_entradas"}, 0, func(e []entry) bool { return len(e) == 0 }},
	} {
		t.Run(fmt.Sprint(tc.which), func(t *testing.T) {
			c := c.en(t)
			if e := readEntries(t, c.withDefects(b, id, tc.entries, tc.which...)); !tc.well(e) {
				t.Errorf("%d entries; the first: %s, %v, %.600s", len(e), e[0].Name, e[0].err, e[0].body)
			}
		})
	}
}

func TestDefects_OfMetadata(t *testing.T) {
	t.Parallel()
	b := start(t).fast(t, map[string]any{"descargas_por_paquete": 0, "trampas": false, "cfdis_por_dia": 200})
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	id := c.paquetes(opEmitidos, c.emitidos("TipoSolicitud", "Metadata", "EstadoComprobante", "Todos")).paquetes[0]
	soundOnes := readEntries(t, c.descarga(id).zip)
	sound, tercero := string(soundOnes[0].body), string(soundOnes[1].body)
	rows := strings.SplitAfter(sound, "\r\n")
	name := strings.Split(rows[1], "~")[4]
	for _, tc := range []struct {
		which   []string
		entries int
		wants   string // the first text
	}{
		{[]string{"solo_lf"}, 0, strings.ReplaceAll(sound, "\r\n", "\n")},
		{[]string{"nombre_lf"}, 0, strings.Replace(sound, name, name+"\nSUCURSAL", 1)},
		{[]string{"nombre_cr"}, 0, strings.Replace(sound, name, name+"\rSUCURSAL", 1)},
		{[]string{"nombre_crlf"}, 0, strings.Replace(sound, name, name+"\r\nSUCURSAL", 1)},
		{[]string{"solo_lf", "nombre_lf"}, 0, strings.ReplaceAll(strings.Replace(sound, name, name+"\nSUCURSAL", 1), "\r\n", "\n")},
		{[]string{"renglones_vacios"}, 0, "\r\n\r\n" + rows[0] + "\r\n" + strings.Join(rows[1:], "")},
		{[]string{"windows1252"}, 0, latin1(sound)},
		{[]string{"marca"}, 0, "\xef\xbb\xbf" + sound},
		{[]string{"fin_sin_salto"}, 0, strings.TrimSuffix(sound, "\r\n")},
		{[]string{"faltante"}, 2, rows[0] + strings.Join(rows[3:], "")},
		{[]string{"repetida"}, 0, rows[0] + rows[1] + strings.Join(rows[1:], "")},
		{[]string{"en_lugar"}, 0, rows[0] + rows[1] + rows[1] + strings.Join(rows[3:], "")},
	} {
		t.Run(fmt.Sprint(tc.which), func(t *testing.T) {
			c := c.en(t)
			e := readEntries(t, c.withDefects(b, id, tc.entries, tc.which...))
			if len(e) != 2 || e[0].err != nil || e[1].err != nil || string(e[0].body) != tc.wants {
				t.Errorf("%v %.900q", e[0].err, e[0].body)
			}
			if slices.Contains(tc.which, "solo_lf") && string(e[1].body) != strings.ReplaceAll(tercero, "\r\n", "\n") {
				t.Errorf("third parties %.300q", e[1].body)
			}
		})
	}
	e := readEntries(t, c.withDefects(b, id, 1, "crc"))
	if e[0].err == nil || e[1].err != nil || string(e[0].body) != sound {
		t.Errorf("crc: %v, %v", e[0].err, e[1].err)
	}
	if e := readEntries(t, c.withDefects(b, id, 2, "crc", "cifrada")); e[1].err == nil || e[1].Flags&1 != 1 {
		t.Errorf("crc and cifrada of both: %v", e[1].err)
	}
}

func latin1(text string) string {
	var b strings.Builder
	for _, r := range text {
		b.WriteByte(byte(r))
	}
	return b.String()
}

func TestDefects_BytesBehindTheZIPAndNothingAtAll(t *testing.T) {
	t.Parallel()
	b := start(t).fast(t, map[string]any{"descargas_por_paquete": 0})
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	id := c.paquetes(opEmitidos, c.emitidos()).paquetes[0]
	sound := c.descarga(id).zip
	if z := c.withDefects(b, id, 0, "cola"); !bytes.Equal(z, append(sound, 0, 0)) {
		t.Errorf("cola: %d bytes of %d", len(z), len(sound))
	}
	b.falla(t, sandbox.Falla{Tipo: control.Truncado, Veces: 1})
	if r := c.descarga(id); r.attr["CodEstatus"] != "5000" || !strings.Contains(r.body, "<Paquete></Paquete>") {
		t.Errorf("truncado at 0: %.300s", r.body)
	}
	b.falla(t, sandbox.Falla{Tipo: control.Truncado, Bytes: 4000, Veces: 1})
	z, err := base64.StdEncoding.DecodeString(between(c.descarga(id).body, "<Paquete>", "</Paquete>"))
	if err != nil || !bytes.HasPrefix(sound, z) || len(z) != 3000 {
		t.Errorf("truncado at 4000: %v, %d bytes", err, len(z))
	}
	// For as long as it is there, every delivery is the same broken one.
	b.falla(t, sandbox.Falla{Tipo: control.ConDefectos, Defectos: []string{"crc"}})
	one, other := c.descarga(id).zip, c.descarga(id).zip
	if !bytes.Equal(one, other) || bytes.Equal(one, sound) {
		t.Error("two deliveries with the same defect differ, or are sound")
	}
}

func TestDefects_Refused(t *testing.T) {
	t.Parallel()
	b := start(t)
	for name, f := range map[string]sandbox.Falla{
		"none":              {Tipo: control.ConDefectos},
		"unknown":           {Tipo: control.ConDefectos, Defectos: []string{"crc", "raro"}},
		"of another type":   {Tipo: control.Vacio, Defectos: []string{"crc"}},
		"entries of none":   {Tipo: control.Vacio, Entradas: 2},
		"where none are":    {Tipo: control.ConDefectos, Defectos: []string{"crc"}, Operacion: "Autentica"},
		"of another system": {Tipo: control.ConDefectos, Defectos: []string{"crc"}, Operacion: "descargaTituloElectronico"},
		"negative":          {Tipo: control.ConDefectos, Defectos: []string{"crc"}, Entradas: -1},
	} {
		if _, err := b.Fallas().Add(f); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestDocs_TableOfDefectsIsTheCodes(t *testing.T) {
	_, table, _ := strings.Cut(section(t, "Faults"), "| defect |")
	table, _, _ = strings.Cut(table, "\n\n")
	var names []string
	for _, row := range tableRows(table) {
		names = append(names, between(row, "| `", "`"))
	}
	if wants := sat.CatalogoFallas().Defects; !slices.Equal(names, wants) {
		t.Errorf("the page has %v, the code %v", names, wants)
	}
	_, table, _ = strings.Cut(section(t, "Faults"), "| PADE's | of |")
	table, _, _ = strings.Cut(table, "\n\n")
	names = nil
	for _, row := range tableRows(table) {
		names = append(names, between(row, "| `", "`"))
	}
	if wants := pade.CatalogoFallas().Defects; !slices.Equal(names, wants) {
		t.Errorf("of PADE's the page has %v, the code %v", names, wants)
	}
}
