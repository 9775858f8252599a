package sandbox_test

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
)

func TestStream_WholeWithEachFamilyOfSignature(t *testing.T) {
	families := map[string]func(*client, string, string, string, string) string{
		"A, empty URI": firmaA, "A, no URI": signWithURI(""), "A, dangling URI": signWithURI(` URI="#_0"`), "A, prefix added late": signWithLatePrefix, "B": firmaB, "D": firmaD, "D, SignedInfo apart": signApart,
	}
	for name, firma := range families {
		for _, rfc := range []string{sandbox.RFCCompany, sandbox.RFCSpecial, sandbox.RFCPersona} {
			t.Run(name+" "+rfc, func(t *testing.T) {
				b := start(t).fast(t, nil)
				c := b.enter(t, "cfdi", rfc)
				c.firma = firma
				v := c.paquetes(opEmitidos, c.emitidos())
				c.wait(v, "CodEstatus", "5000", "CodigoEstadoSolicitud", "5000", "Mensaje", "Solicitud Aceptada")
				if len(v.paquetes) != 1 {
					t.Fatalf("packages %q", v.paquetes)
				}
				d := c.descarga(v.paquetes[0])
				c.wait(d, "CodEstatus", "5000")
				files := openZip(t, d.zip)
				if len(files) == 0 || len(files) > 40 {
					t.Errorf("%d files", len(files))
				}
				for name, body := range files {
					if !strings.Contains(string(body), `UUID="`+strings.TrimSuffix(name, ".xml")+`"`) {
						t.Errorf("%s does not hold its UUID", name)
					}
				}
			})
		}
	}
}

func TestStream_MetadataAndXMLOfARangeAgree(t *testing.T) {
	for _, tc := range []struct{ servicio, op, root string }{
		{"cfdi", opEmitidos, "Comprobante"}, {"cfdi", opRecibidos, "Comprobante"}, {"retenciones", opEmitidos, "Retenciones"},
	} {
		t.Run(tc.servicio+" "+tc.op, func(t *testing.T) {
			b := start(t).fast(t, map[string]any{"trampas": false, "cfdis_por_dia": 300})
			c := b.enter(t, tc.servicio, sandbox.RFCCompany)
			attributes := c.emitidos
			if tc.op == opRecibidos {
				attributes = c.recibidos
			}
			xmls := openZip(t, c.descarga(c.paquetes(tc.op, attributes()).paquetes[0]).zip)
			meta := openZip(t, c.descarga(c.paquetes(tc.op, attributes("TipoSolicitud", "Metadata", "EstadoComprobante", "Vigente")).paquetes[0]).zip)
			rows := rowsOf(t, meta)
			if len(rows) != len(xmls) {
				t.Errorf("%d rows for %d files", len(rows), len(xmls))
			}
			for _, f := range rows {
				body := xmls[strings.ToLower(f["Uuid"])+".xml"]
				if body == nil {
					t.Fatalf("%s is in the metadata alone", f["Uuid"])
				}
				if root := wellFormed(t, body); root != tc.root {
					t.Errorf("root %s", root)
				}
				total := f["Monto"]
				if total == "0.00" {
					total = "0" // in XXX, which has no cents
				}
				texts := []string{strings.ReplaceAll(f["FechaEmision"], " ", "T"), `"` + total + `"`, escaped(f["RfcEmisor"]), escaped(f["RfcReceptor"]), escaped(f["NombreEmisor"]), escaped(f["NombreReceptor"])}
				for _, text := range texts {
					if !strings.Contains(string(body), text) {
						t.Errorf("%s: no %s in the XML", f["Uuid"], text)
					}
				}
			}
		})
	}
}

func TestMetadata_TrapsTercerosAndCancelled(t *testing.T) {
	b := start(t).fast(t, map[string]any{"cfdis_por_dia": 3000})
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	v := c.paquetes(opEmitidos, c.emitidos("TipoSolicitud", "Metadata", "EstadoComprobante", "Todos"))
	c.wait(v, "NumeroCFDIs", "3000")
	files := openZip(t, c.descarga(v.paquetes[0]).zip)
	id := strings.TrimSuffix(v.paquetes[0], "_01")
	text, terceros := string(files[id+"_01.txt"]), string(files[id+"_tercero.txt"])
	rows := strings.Split(strings.TrimSuffix(text, "\r\n"), "\r\n")
	if len(rows) != 3001 {
		t.Errorf("%d rows end in CRLF, want 3001 with the header", len(rows))
	}
	var jumps, accents, quotes, cancelled int
	for _, f := range rows {
		if strings.Contains(f, "\n") {
			jumps++
		}
		if strings.Count(f, "~") > 11 {
			accents++
		}
		if strings.Contains(f, `~"`) {
			quotes++
		}
		if strings.Contains(f, "~0~20") {
			cancelled++
		}
	}
	if jumps == 0 || accents == 0 || quotes == 0 || cancelled == 0 {
		t.Errorf("LF in %d rows, ~ in %d, quotes in %d, cancelled %d: want some of each", jumps, accents, quotes, cancelled)
	}
	if strings.Contains(text, "|") {
		t.Error("a pipe, which the service never writes")
	}
	if lines := strings.Split(terceros, "\r\n"); lines[0] != "Uuid~RfcACuentaTerceros~NombreACuentaTerceros" || len(lines) < 10 {
		t.Errorf("third parties: %.200s", terceros)
	}
	first := strings.Split(strings.Split(terceros, "\r\n")[1], "~")
	if !strings.Contains(strings.ToLower(text), first[0]) {
		t.Error("a third party's UUID is not in the metadata")
	}
}

func TestStream_FiltersSelect(t *testing.T) {
	b := start(t).fast(t, map[string]any{"cfdis_por_dia": 400, "trampas": false})
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	meta := func(pairs ...string) []map[string]string {
		pairs = append([]string{"TipoSolicitud", "Metadata", "EstadoComprobante", "Todos"}, pairs...)
		return rowsOf(t, openZip(t, c.descarga(c.paquetes(opEmitidos, c.emitidos(pairs...)).paquetes[0]).zip))
	}
	all := meta()
	if len(all) != 400 {
		t.Fatalf("%d rows, want 400", len(all))
	}
	other := all[0]["RfcReceptor"]
	cases := map[string]struct {
		rows []map[string]string
		pass func(map[string]string) bool
	}{
		"cancelled":  {meta("EstadoComprobante", "Cancelado"), func(f map[string]string) bool { return f["Estatus"] == "0" }},
		"in force":   {meta("EstadoComprobante", ""), func(f map[string]string) bool { return f["Estatus"] == "1" }},
		"type":       {meta("TipoComprobante", "N"), func(f map[string]string) bool { return f["EfectoComprobante"] == "N" }},
		"complement": {meta("Complemento", "pagos20"), func(f map[string]string) bool { return f["EfectoComprobante"] == "P" }},
		"half day":   {meta("FechaFinal", "2026-01-10T12:00:00"), func(f map[string]string) bool { return f["FechaEmision"] <= "2026-01-10 12:00:00" }},
		"receiver": {rowsOf(t, openZip(t, c.descarga(c.paquetes(opEmitidos, c.emitidos("TipoSolicitud", "Metadata", "EstadoComprobante", "Todos"), other).paquetes[0]).zip)),
			func(f map[string]string) bool { return f["RfcReceptor"] == other }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			wants := 0
			for _, f := range all {
				if tc.pass(f) {
					wants++
				}
			}
			if len(tc.rows) != wants || wants == 0 || wants == len(all) {
				t.Errorf("%d rows, want %d of %d", len(tc.rows), wants, len(all))
			}
			for _, f := range tc.rows {
				if !tc.pass(f) {
					t.Errorf("row %v should not be here", f)
				}
			}
		})
	}
}

func TestFolio_FindsItsComprobante(t *testing.T) {
	b := start(t).fast(t, map[string]any{"cfdis_por_dia": 400, "trampas": false})
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	rows := rowsOf(t, openZip(t, c.descarga(c.paquetes(opEmitidos, c.emitidos("TipoSolicitud", "Metadata", "EstadoComprobante", "Todos")).paquetes[0]).zip))
	var current, cancelled string
	for _, f := range rows {
		if f["Estatus"] == "1" {
			current = f["Uuid"]
		} else {
			cancelled = f["Uuid"]
		}
	}
	folio := func(uuid string) map[string]string { return map[string]string{"Folio": uuid, "RfcSolicitante": c.rfc} }
	v := c.paquetes(opFolio, folio(current))
	c.wait(v, "NumeroCFDIs", "1")
	if files := openZip(t, c.descarga(v.paquetes[0]).zip); files[strings.ToLower(current)+".xml"] == nil || len(files) != 1 {
		t.Errorf("%d files, without %s", len(files), current)
	}
	c.wait(c.request(opFolio, folio(cancelled)), "CodEstatus", "5012", "Mensaje", "No se permite la descarga de xml que se encuentren cancelados")
	c.wait(c.request(opFolio, folio("no-es-uuid")), "CodEstatus", "301")
	r := c.request(opFolio, folio("11111111-2222-4333-8444-555555555555"))
	c.wait(r, "CodEstatus", "5000")
	c.wait(c.verify(r.attr["IdSolicitud"]), "EstadoSolicitud", "5", "CodigoEstadoSolicitud", "5004")
}

func TestDeterminism_SameSeedSameBytes(t *testing.T) {
	low := func(seed uint64) (string, []byte) {
		b := start(t, func(c *sandbox.Config) { c.Seed = seed }).fast(t, nil)
		c := b.enter(t, "cfdi", sandbox.RFCCompany)
		v := c.paquetes(opEmitidos, c.emitidos())
		one, other := c.descarga(v.paquetes[0]), c.descarga(v.paquetes[0])
		if !bytes.Equal(one.zip, other.zip) {
			t.Error("the same package gave other bytes the second time")
		}
		return v.paquetes[0], one.zip
	}
	id1, zip1 := low(3)
	id2, zip2 := low(3)
	if id1 != id2 || len(zip1) == 0 || !bytes.Equal(zip1, zip2) {
		t.Errorf("seed 3 gave %s and %s, or other bytes", id1, id2)
	}
	if id3, zip3 := low(4); id3 == id1 || bytes.Equal(zip1, zip3) {
		t.Error("another seed gave the same")
	}
}

func TestPaquetes_AreSplitBySize(t *testing.T) {
	b := start(t).fast(t, map[string]any{"cfdis_por_paquete": 10})
	c := b.enter(t, "cfdi", sandbox.RFCCompany)
	v := c.paquetes(opEmitidos, c.emitidos("EstadoComprobante", "Todos"))
	c.wait(v, "NumeroCFDIs", "40")
	seen := map[string]bool{}
	for _, id := range v.paquetes {
		files := openZip(t, c.descarga(id).zip)
		if len(files) != 10 {
			t.Errorf("%s has %d files", id, len(files))
		}
		for name := range files {
			seen[name] = true
		}
	}
	if len(v.paquetes) != 4 || len(seen) != 40 {
		t.Errorf("%d packages with %d files in all", len(v.paquetes), len(seen))
	}
	if id := v.paquetes[3]; id != strings.ToUpper(id) || !strings.HasSuffix(id, "_04") {
		t.Errorf("id %s", id)
	}
}

// rowsOf reads the metadata of a package without traps.
func rowsOf(t testing.TB, files map[string][]byte) []map[string]string {
	t.Helper()
	for name, body := range files {
		if strings.HasSuffix(name, "_tercero.txt") {
			continue
		}
		r := csv.NewReader(bytes.NewReader(body))
		r.Comma, r.LazyQuotes = '~', true
		rows, err := r.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		var all []map[string]string
		for _, f := range rows[1:] {
			m := map[string]string{}
			for i, column := range rows[0] {
				m[column] = f[i]
			}
			all = append(all, m)
		}
		return all
	}
	t.Fatal("no metadata")
	return nil
}

func wellFormed(t testing.TB, b []byte) (root string) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(b))
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return root
		}
		if err != nil {
			t.Fatalf("%v in %.300s", err, b)
		}
		if e, ok := tok.(xml.StartElement); ok && root == "" {
			root = e.Name.Local
		}
	}
}

func escaped(s string) string {
	return strings.NewReplacer("&", "&amp;", `"`, "&quot;").Replace(s)
}
