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

func TestFlujo_WholeWithEachFamilyOfSignature(t *testing.T) {
	familias := map[string]func(*cliente, string, string, string, string) string{
		"A, empty URI": firmaA, "A, no URI": firmaConURI(""), "A, dangling URI": firmaConURI(` URI="#_0"`), "A, prefix added late": firmaConPrefijoTardio, "B": firmaB, "D": firmaD, "D, SignedInfo apart": firmaDAparte,
	}
	for nombre, firma := range familias {
		for _, rfc := range []string{sandbox.RFCEmpresa, sandbox.RFCEspecial, sandbox.RFCPersona} {
			t.Run(nombre+" "+rfc, func(t *testing.T) {
				b := arranca(t).rapido(t, nil)
				c := b.entra(t, "cfdi", rfc)
				c.firma = firma
				v := c.paquetes(opEmitidos, c.emitidos())
				c.espera(v, "CodEstatus", "5000", "CodigoEstadoSolicitud", "5000", "Mensaje", "Solicitud Aceptada")
				if len(v.paquetes) != 1 {
					t.Fatalf("packages %q", v.paquetes)
				}
				d := c.descarga(v.paquetes[0])
				c.espera(d, "CodEstatus", "5000")
				archivos := abreZip(t, d.zip)
				if len(archivos) == 0 || len(archivos) > 40 {
					t.Errorf("%d files", len(archivos))
				}
				for nombre, cuerpo := range archivos {
					if !strings.Contains(string(cuerpo), `UUID="`+strings.TrimSuffix(nombre, ".xml")+`"`) {
						t.Errorf("%s does not hold its UUID", nombre)
					}
				}
			})
		}
	}
}

func TestFlujo_MetadataAndXMLOfARangeAgree(t *testing.T) {
	for _, caso := range []struct{ servicio, op, raiz string }{
		{"cfdi", opEmitidos, "Comprobante"}, {"cfdi", opRecibidos, "Comprobante"}, {"retenciones", opEmitidos, "Retenciones"},
	} {
		t.Run(caso.servicio+" "+caso.op, func(t *testing.T) {
			b := arranca(t).rapido(t, map[string]any{"trampas": false, "cfdis_por_dia": 300})
			c := b.entra(t, caso.servicio, sandbox.RFCEmpresa)
			atributos := c.emitidos
			if caso.op == opRecibidos {
				atributos = c.recibidos
			}
			xmls := abreZip(t, c.descarga(c.paquetes(caso.op, atributos()).paquetes[0]).zip)
			meta := abreZip(t, c.descarga(c.paquetes(caso.op, atributos("TipoSolicitud", "Metadata", "EstadoComprobante", "Vigente")).paquetes[0]).zip)
			filas := filasDe(t, meta)
			if len(filas) != len(xmls) {
				t.Errorf("%d rows for %d files", len(filas), len(xmls))
			}
			for _, f := range filas {
				cuerpo := xmls[strings.ToLower(f["Uuid"])+".xml"]
				if cuerpo == nil {
					t.Fatalf("%s is in the metadata alone", f["Uuid"])
				}
				if raiz := bienFormado(t, cuerpo); raiz != caso.raiz {
					t.Errorf("root %s", raiz)
				}
				total := f["Monto"]
				if total == "0.00" {
					total = "0" // in XXX, which has no cents
				}
				textos := []string{strings.ReplaceAll(f["FechaEmision"], " ", "T"), `"` + total + `"`, escapado(f["RfcEmisor"]), escapado(f["RfcReceptor"]), escapado(f["NombreEmisor"]), escapado(f["NombreReceptor"])}
				for _, texto := range textos {
					if !strings.Contains(string(cuerpo), texto) {
						t.Errorf("%s: no %s in the XML", f["Uuid"], texto)
					}
				}
			}
		})
	}
}

func TestMetadata_TrapsTercerosAndCancelled(t *testing.T) {
	b := arranca(t).rapido(t, map[string]any{"cfdis_por_dia": 3000})
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	v := c.paquetes(opEmitidos, c.emitidos("TipoSolicitud", "Metadata", "EstadoComprobante", "Todos"))
	c.espera(v, "NumeroCFDIs", "3000")
	archivos := abreZip(t, c.descarga(v.paquetes[0]).zip)
	id := strings.TrimSuffix(v.paquetes[0], "_01")
	texto, terceros := string(archivos[id+"_01.txt"]), string(archivos[id+"_tercero.txt"])
	filas := strings.Split(strings.TrimSuffix(texto, "\r\n"), "\r\n")
	if len(filas) != 3001 {
		t.Errorf("%d rows end in CRLF, want 3001 with the header", len(filas))
	}
	var saltos, tildes, comillas, cancelados int
	for _, f := range filas {
		if strings.Contains(f, "\n") {
			saltos++
		}
		if strings.Count(f, "~") > 11 {
			tildes++
		}
		if strings.Contains(f, `~"`) {
			comillas++
		}
		if strings.Contains(f, "~0~20") {
			cancelados++
		}
	}
	if saltos == 0 || tildes == 0 || comillas == 0 || cancelados == 0 {
		t.Errorf("LF in %d rows, ~ in %d, quotes in %d, cancelled %d: want some of each", saltos, tildes, comillas, cancelados)
	}
	if strings.Contains(texto, "|") {
		t.Error("a pipe, which the service never writes")
	}
	if lineas := strings.Split(terceros, "\r\n"); lineas[0] != "Uuid~RfcACuentaTerceros~NombreACuentaTerceros" || len(lineas) < 10 {
		t.Errorf("third parties: %.200s", terceros)
	}
	primero := strings.Split(strings.Split(terceros, "\r\n")[1], "~")
	if !strings.Contains(strings.ToLower(texto), primero[0]) {
		t.Error("a third party's UUID is not in the metadata")
	}
}

func TestFlujo_FiltersSelect(t *testing.T) {
	b := arranca(t).rapido(t, map[string]any{"cfdis_por_dia": 400, "trampas": false})
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	meta := func(pares ...string) []map[string]string {
		pares = append([]string{"TipoSolicitud", "Metadata", "EstadoComprobante", "Todos"}, pares...)
		return filasDe(t, abreZip(t, c.descarga(c.paquetes(opEmitidos, c.emitidos(pares...)).paquetes[0]).zip))
	}
	todas := meta()
	if len(todas) != 400 {
		t.Fatalf("%d rows, want 400", len(todas))
	}
	otro := todas[0]["RfcReceptor"]
	casos := map[string]struct {
		filas []map[string]string
		pasa  func(map[string]string) bool
	}{
		"cancelled":  {meta("EstadoComprobante", "Cancelado"), func(f map[string]string) bool { return f["Estatus"] == "0" }},
		"in force":   {meta("EstadoComprobante", ""), func(f map[string]string) bool { return f["Estatus"] == "1" }},
		"type":       {meta("TipoComprobante", "N"), func(f map[string]string) bool { return f["EfectoComprobante"] == "N" }},
		"complement": {meta("Complemento", "pagos20"), func(f map[string]string) bool { return f["EfectoComprobante"] == "P" }},
		"half day":   {meta("FechaFinal", "2026-01-10T12:00:00"), func(f map[string]string) bool { return f["FechaEmision"] <= "2026-01-10 12:00:00" }},
		"receiver": {filasDe(t, abreZip(t, c.descarga(c.paquetes(opEmitidos, c.emitidos("TipoSolicitud", "Metadata", "EstadoComprobante", "Todos"), otro).paquetes[0]).zip)),
			func(f map[string]string) bool { return f["RfcReceptor"] == otro }},
	}
	for nombre, caso := range casos {
		t.Run(nombre, func(t *testing.T) {
			quiere := 0
			for _, f := range todas {
				if caso.pasa(f) {
					quiere++
				}
			}
			if len(caso.filas) != quiere || quiere == 0 || quiere == len(todas) {
				t.Errorf("%d rows, want %d of %d", len(caso.filas), quiere, len(todas))
			}
			for _, f := range caso.filas {
				if !caso.pasa(f) {
					t.Errorf("row %v should not be here", f)
				}
			}
		})
	}
}

func TestFolio_FindsItsComprobante(t *testing.T) {
	b := arranca(t).rapido(t, map[string]any{"cfdis_por_dia": 400, "trampas": false})
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	filas := filasDe(t, abreZip(t, c.descarga(c.paquetes(opEmitidos, c.emitidos("TipoSolicitud", "Metadata", "EstadoComprobante", "Todos")).paquetes[0]).zip))
	var vigente, cancelado string
	for _, f := range filas {
		if f["Estatus"] == "1" {
			vigente = f["Uuid"]
		} else {
			cancelado = f["Uuid"]
		}
	}
	folio := func(uuid string) map[string]string { return map[string]string{"Folio": uuid, "RfcSolicitante": c.rfc} }
	v := c.paquetes(opFolio, folio(vigente))
	c.espera(v, "NumeroCFDIs", "1")
	if archivos := abreZip(t, c.descarga(v.paquetes[0]).zip); archivos[strings.ToLower(vigente)+".xml"] == nil || len(archivos) != 1 {
		t.Errorf("%d files, without %s", len(archivos), vigente)
	}
	c.espera(c.solicita(opFolio, folio(cancelado)), "CodEstatus", "5012", "Mensaje", "No se permite la descarga de xml que se encuentren cancelados")
	c.espera(c.solicita(opFolio, folio("no-es-uuid")), "CodEstatus", "301")
	r := c.solicita(opFolio, folio("11111111-2222-4333-8444-555555555555"))
	c.espera(r, "CodEstatus", "5000")
	c.espera(c.verifica(r.attr["IdSolicitud"]), "EstadoSolicitud", "5", "CodigoEstadoSolicitud", "5004")
}

func TestDeterminismo_SameSeedSameBytes(t *testing.T) {
	baja := func(semilla uint64) (string, []byte) {
		b := arranca(t, func(c *sandbox.Config) { c.Seed = semilla }).rapido(t, nil)
		c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
		v := c.paquetes(opEmitidos, c.emitidos())
		una, otra := c.descarga(v.paquetes[0]), c.descarga(v.paquetes[0])
		if !bytes.Equal(una.zip, otra.zip) {
			t.Error("the same package gave other bytes the second time")
		}
		return v.paquetes[0], una.zip
	}
	id1, zip1 := baja(3)
	id2, zip2 := baja(3)
	if id1 != id2 || len(zip1) == 0 || !bytes.Equal(zip1, zip2) {
		t.Errorf("seed 3 gave %s and %s, or other bytes", id1, id2)
	}
	if id3, zip3 := baja(4); id3 == id1 || bytes.Equal(zip1, zip3) {
		t.Error("another seed gave the same")
	}
}

func TestPaquetes_AreSplitBySize(t *testing.T) {
	b := arranca(t).rapido(t, map[string]any{"cfdis_por_paquete": 10})
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	v := c.paquetes(opEmitidos, c.emitidos("EstadoComprobante", "Todos"))
	c.espera(v, "NumeroCFDIs", "40")
	vistos := map[string]bool{}
	for _, id := range v.paquetes {
		archivos := abreZip(t, c.descarga(id).zip)
		if len(archivos) != 10 {
			t.Errorf("%s has %d files", id, len(archivos))
		}
		for nombre := range archivos {
			vistos[nombre] = true
		}
	}
	if len(v.paquetes) != 4 || len(vistos) != 40 {
		t.Errorf("%d packages with %d files in all", len(v.paquetes), len(vistos))
	}
	if id := v.paquetes[3]; id != strings.ToUpper(id) || !strings.HasSuffix(id, "_04") {
		t.Errorf("id %s", id)
	}
}

// filasDe reads the metadata of a package without traps.
func filasDe(t testing.TB, archivos map[string][]byte) []map[string]string {
	t.Helper()
	for nombre, cuerpo := range archivos {
		if strings.HasSuffix(nombre, "_tercero.txt") {
			continue
		}
		r := csv.NewReader(bytes.NewReader(cuerpo))
		r.Comma, r.LazyQuotes = '~', true
		filas, err := r.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		var todas []map[string]string
		for _, f := range filas[1:] {
			m := map[string]string{}
			for i, columna := range filas[0] {
				m[columna] = f[i]
			}
			todas = append(todas, m)
		}
		return todas
	}
	t.Fatal("no metadata")
	return nil
}

func bienFormado(t testing.TB, b []byte) (raiz string) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(b))
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return raiz
		}
		if err != nil {
			t.Fatalf("%v in %.300s", err, b)
		}
		if e, ok := tok.(xml.StartElement); ok && raiz == "" {
			raiz = e.Name.Local
		}
	}
}

func escapado(s string) string {
	return strings.NewReplacer("&", "&amp;", `"`, "&quot;").Replace(s)
}
