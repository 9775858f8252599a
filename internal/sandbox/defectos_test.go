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

// entrada is a file of a package as its directory has it, and what can be read of it.
type entrada struct {
	*zip.File
	cuerpo []byte
	err    error
}

func leeEntradas(t testing.TB, b []byte) []entrada {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var todas []entrada
	for _, f := range z.File {
		e := entrada{File: f}
		var r io.ReadCloser
		if r, e.err = f.Open(); e.err == nil {
			e.cuerpo, e.err = io.ReadAll(r)
		}
		todas = append(todas, e)
	}
	return todas
}

// conDefectos downloads a package with the defects, and checks that the next delivery is sound again.
func (c *cliente) conDefectos(b *banco, id string, entradas int, cuales ...string) []byte {
	c.t.Helper()
	sano := c.descarga(id).zip
	b.falla(c.t, sandbox.Falla{Tipo: control.ConDefectos, Defectos: cuales, Entradas: entradas, Veces: 1})
	roto := c.descarga(id)
	c.espera(roto, "CodEstatus", "5000")
	if bytes.Equal(roto.zip, sano) {
		c.t.Errorf("%v: the package is the sound one", cuales)
	}
	if !bytes.Equal(c.descarga(id).zip, sano) {
		c.t.Errorf("%v: the delivery after it is not the sound one", cuales)
	}
	return roto.zip
}

func TestDefectos_OfXMLPackages(t *testing.T) {
	t.Parallel()
	b := arranca(t).rapido(t, map[string]any{"descargas_por_paquete": 0, "cfdis_por_dia": 4})
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	id := c.paquetes(opEmitidos, c.emitidos()).paquetes[0]
	sanas := leeEntradas(t, c.descarga(id).zip)
	uuid := func(e entrada) string { return entre(string(e.cuerpo), ` UUID="`, `"`) }
	for _, caso := range []struct {
		cuales   []string
		entradas int
		bien     func(e []entrada) bool
	}{
		{[]string{"crc"}, 2, func(e []entrada) bool {
			return e[0].err != nil && e[1].err != nil && e[2].err == nil && bytes.Equal(e[0].cuerpo, sanas[0].cuerpo)
		}},
		{[]string{"deflate64"}, 0, func(e []entrada) bool { return e[0].Method == 9 && e[1].Method == 8 }},
		{[]string{"bzip2"}, 0, func(e []entrada) bool { return e[0].Method == 12 && e[1].Method == 8 }},
		{[]string{"cifrada"}, 0, func(e []entrada) bool { return e[0].Flags&1 == 1 && e[1].Flags&1 == 0 }},
		{[]string{"faltante"}, 3, func(e []entrada) bool { return len(e) == len(sanas)-3 && e[0].Name == sanas[3].Name }},
		{[]string{"repetida"}, 2, func(e []entrada) bool {
			return len(e) == len(sanas)+2 && e[0].Name == e[1].Name && bytes.Equal(e[0].cuerpo, e[1].cuerpo) && e[2].Name == e[3].Name && e[4].Name == sanas[2].Name
		}},
		{[]string{"repetida", "copia_doble"}, 0, func(e []entrada) bool {
			return e[1].Name == e[0].Name+".xml" && bytes.Equal(e[0].cuerpo, e[1].cuerpo) && e[2].Name == sanas[1].Name
		}},
		{[]string{"en_lugar"}, 2, func(e []entrada) bool {
			return len(e) == len(sanas) && e[1].Name == e[0].Name && e[2].Name == e[0].Name && e[3].Name == sanas[3].Name
		}},
		{[]string{"otro_nombre"}, 0, func(e []entrada) bool {
			return e[0].Name != sanas[0].Name && len(e[0].Name) == 40 && bytes.Equal(e[0].cuerpo, sanas[0].cuerpo) && e[1].Name == sanas[1].Name
		}},
		{[]string{"windows1252"}, 0, func(e []entrada) bool {
			sano := strings.Replace(string(sanas[0].cuerpo), "UTF-8", "windows-1252", 1)
			return string(e[0].cuerpo) == latin1(sano) && len(e[0].cuerpo) < len(sano)
		}},
		{[]string{"utf16"}, 0, func(e []entrada) bool {
			return bytes.HasPrefix(e[0].cuerpo, []byte("\xff\xfe<\x00?\x00x\x00")) && bytes.Contains(e[0].cuerpo, []byte("T\x00F\x00-\x001\x006\x00"))
		}},
		{[]string{"marca"}, 0, func(e []entrada) bool {
			return bytes.Equal(e[0].cuerpo, append([]byte("\xef\xbb\xbf"), sanas[0].cuerpo...))
		}},
		{[]string{"antes_del_xml", "despues_del_xml"}, 0, func(e []entrada) bool {
			return bytes.HasPrefix(e[0].cuerpo, []byte("\nCFDI de prueba\n<?xml")) && bytes.HasSuffix(e[0].cuerpo, []byte("</cfdi:Comprobante>\nfin del archivo\x00"))
		}},
		{[]string{"addenda_amp"}, 0, func(e []entrada) bool {
			return bytes.HasSuffix(e[0].cuerpo, []byte("<cfdi:Addenda><Nota>Cobro & entrega&nbsp;de José</Nota></cfdi:Addenda></cfdi:Comprobante>"))
		}},
		{[]string{"addenda_latin1"}, 0, func(e []entrada) bool {
			return bytes.Contains(e[0].cuerpo, []byte("del a\xf1o</Nota></cfdi:Addenda></cfdi:Comprobante>")) && uuid(e[0]) == uuid(sanas[0])
		}},
		{[]string{"xml_cortado"}, 0, func(e []entrada) bool {
			return bytes.HasPrefix(sanas[0].cuerpo, e[0].cuerpo) && len(e[0].cuerpo) < len(sanas[0].cuerpo)
		}},
		{[]string{"sin_entradas"}, 0, func(e []entrada) bool { return len(e) == 0 }},
	} {
		t.Run(fmt.Sprint(caso.cuales), func(t *testing.T) {
			c := c.en(t)
			if e := leeEntradas(t, c.conDefectos(b, id, caso.entradas, caso.cuales...)); !caso.bien(e) {
				t.Errorf("%d entries; the first: %s, %v, %.600s", len(e), e[0].Name, e[0].err, e[0].cuerpo)
			}
		})
	}
}

func TestDefectos_OfMetadata(t *testing.T) {
	t.Parallel()
	b := arranca(t).rapido(t, map[string]any{"descargas_por_paquete": 0, "trampas": false, "cfdis_por_dia": 200})
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	id := c.paquetes(opEmitidos, c.emitidos("TipoSolicitud", "Metadata", "EstadoComprobante", "Todos")).paquetes[0]
	sanas := leeEntradas(t, c.descarga(id).zip)
	sano, tercero := string(sanas[0].cuerpo), string(sanas[1].cuerpo)
	filas := strings.SplitAfter(sano, "\r\n")
	nombre := strings.Split(filas[1], "~")[4]
	for _, caso := range []struct {
		cuales   []string
		entradas int
		quiere   string // the first text
	}{
		{[]string{"solo_lf"}, 0, strings.ReplaceAll(sano, "\r\n", "\n")},
		{[]string{"nombre_lf"}, 0, strings.Replace(sano, nombre, nombre+"\nSUCURSAL", 1)},
		{[]string{"nombre_cr"}, 0, strings.Replace(sano, nombre, nombre+"\rSUCURSAL", 1)},
		{[]string{"nombre_crlf"}, 0, strings.Replace(sano, nombre, nombre+"\r\nSUCURSAL", 1)},
		{[]string{"solo_lf", "nombre_lf"}, 0, strings.ReplaceAll(strings.Replace(sano, nombre, nombre+"\nSUCURSAL", 1), "\r\n", "\n")},
		{[]string{"renglones_vacios"}, 0, "\r\n\r\n" + filas[0] + "\r\n" + strings.Join(filas[1:], "")},
		{[]string{"windows1252"}, 0, latin1(sano)},
		{[]string{"marca"}, 0, "\xef\xbb\xbf" + sano},
		{[]string{"fin_sin_salto"}, 0, strings.TrimSuffix(sano, "\r\n")},
		{[]string{"faltante"}, 2, filas[0] + strings.Join(filas[3:], "")},
		{[]string{"repetida"}, 0, filas[0] + filas[1] + strings.Join(filas[1:], "")},
		{[]string{"en_lugar"}, 0, filas[0] + filas[1] + filas[1] + strings.Join(filas[3:], "")},
	} {
		t.Run(fmt.Sprint(caso.cuales), func(t *testing.T) {
			c := c.en(t)
			e := leeEntradas(t, c.conDefectos(b, id, caso.entradas, caso.cuales...))
			if len(e) != 2 || e[0].err != nil || e[1].err != nil || string(e[0].cuerpo) != caso.quiere {
				t.Errorf("%v %.900q", e[0].err, e[0].cuerpo)
			}
			if slices.Contains(caso.cuales, "solo_lf") && string(e[1].cuerpo) != strings.ReplaceAll(tercero, "\r\n", "\n") {
				t.Errorf("third parties %.300q", e[1].cuerpo)
			}
		})
	}
	e := leeEntradas(t, c.conDefectos(b, id, 1, "crc"))
	if e[0].err == nil || e[1].err != nil || string(e[0].cuerpo) != sano {
		t.Errorf("crc: %v, %v", e[0].err, e[1].err)
	}
	if e := leeEntradas(t, c.conDefectos(b, id, 2, "crc", "cifrada")); e[1].err == nil || e[1].Flags&1 != 1 {
		t.Errorf("crc and cifrada of both: %v", e[1].err)
	}
}

func latin1(texto string) string {
	var b strings.Builder
	for _, r := range texto {
		b.WriteByte(byte(r))
	}
	return b.String()
}

func TestDefectos_BytesBehindTheZIPAndNothingAtAll(t *testing.T) {
	t.Parallel()
	b := arranca(t).rapido(t, map[string]any{"descargas_por_paquete": 0})
	c := b.entra(t, "cfdi", sandbox.RFCEmpresa)
	id := c.paquetes(opEmitidos, c.emitidos()).paquetes[0]
	sano := c.descarga(id).zip
	if z := c.conDefectos(b, id, 0, "cola"); !bytes.Equal(z, append(sano, 0, 0)) {
		t.Errorf("cola: %d bytes of %d", len(z), len(sano))
	}
	b.falla(t, sandbox.Falla{Tipo: control.Truncado, Veces: 1})
	if r := c.descarga(id); r.attr["CodEstatus"] != "5000" || !strings.Contains(r.cuerpo, "<Paquete></Paquete>") {
		t.Errorf("truncado at 0: %.300s", r.cuerpo)
	}
	b.falla(t, sandbox.Falla{Tipo: control.Truncado, Bytes: 4000, Veces: 1})
	z, err := base64.StdEncoding.DecodeString(entre(c.descarga(id).cuerpo, "<Paquete>", "</Paquete>"))
	if err != nil || !bytes.HasPrefix(sano, z) || len(z) != 3000 {
		t.Errorf("truncado at 4000: %v, %d bytes", err, len(z))
	}
	// For as long as it is there, every delivery is the same broken one.
	b.falla(t, sandbox.Falla{Tipo: control.ConDefectos, Defectos: []string{"crc"}})
	uno, otro := c.descarga(id).zip, c.descarga(id).zip
	if !bytes.Equal(uno, otro) || bytes.Equal(uno, sano) {
		t.Error("two deliveries with the same defect differ, or are sound")
	}
}

func TestDefectos_Refused(t *testing.T) {
	t.Parallel()
	b := arranca(t)
	for nombre, f := range map[string]sandbox.Falla{
		"none":              {Tipo: control.ConDefectos},
		"unknown":           {Tipo: control.ConDefectos, Defectos: []string{"crc", "raro"}},
		"of another type":   {Tipo: control.Vacio, Defectos: []string{"crc"}},
		"entries of none":   {Tipo: control.Vacio, Entradas: 2},
		"where none are":    {Tipo: control.ConDefectos, Defectos: []string{"crc"}, Operacion: "Autentica"},
		"of another system": {Tipo: control.ConDefectos, Defectos: []string{"crc"}, Operacion: "descargaTituloElectronico"},
		"negative":          {Tipo: control.ConDefectos, Defectos: []string{"crc"}, Entradas: -1},
	} {
		if _, err := b.Fallas().Agrega(f); err == nil {
			t.Errorf("%s: taken", nombre)
		}
	}
}

func TestDocs_TableOfDefectsIsTheCodes(t *testing.T) {
	_, tabla, _ := strings.Cut(seccion(t, "Faults"), "| defect |")
	tabla, _, _ = strings.Cut(tabla, "\n\n")
	var nombres []string
	for _, fila := range filasDeTabla(tabla) {
		nombres = append(nombres, entre(fila, "| `", "`"))
	}
	if quiere := sat.CatalogoFallas().Defectos; !slices.Equal(nombres, quiere) {
		t.Errorf("the page has %v, the code %v", nombres, quiere)
	}
	_, tabla, _ = strings.Cut(seccion(t, "Faults"), "| PADE's | of |")
	tabla, _, _ = strings.Cut(tabla, "\n\n")
	nombres = nil
	for _, fila := range filasDeTabla(tabla) {
		nombres = append(nombres, entre(fila, "| `", "`"))
	}
	if quiere := pade.CatalogoFallas().Defectos; !slices.Equal(nombres, quiere) {
		t.Errorf("of PADE's the page has %v, the code %v", nombres, quiere)
	}
}
