package contrato

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func TestHash_WhenKnown(t *testing.T) {
	for texto, want := range map[string]string{
		"":    "DA-39-A3-EE-5E-6B-4B-0D-32-55-BF-EF-95-60-18-90-AF-D8-07-09",
		"abc": "A9-99-3E-36-47-06-81-6A-BA-3E-25-71-78-50-C2-6C-9C-D0-D8-9D",
		"Contrato de adhesión — ñ Ñ € prueba": "E9-C6-D6-72-35-62-52-8B-BC-61-97-AA-47-AB-7F-EE-91-D6-46-DA",
		"linea 1\nlinea 2":                    "ED-22-CB-39-2C-4E-6B-B4-43-C5-90-83-28-56-00-33-09-51-D2-EE",
		"linea 1\r\nlinea 2":                  "65-D9-B7-0A-19-5B-DA-FB-1B-FE-E3-70-A1-B3-80-17-88-CC-5D-C0",
		"Jos\u00e9":                           "8F-72-D2-0B-63-70-AD-3D-02-B6-3B-BE-E5-2B-FA-7B-5D-75-AA-15",
		"Jose\u0301":                          "B8-EC-C4-D5-21-7D-AF-E7-D7-6A-18-2C-EC-08-84-8D-9C-AB-73-CE",
	} {
		if got := Hash(texto); got != want || !formaHash.MatchString(got) {
			t.Errorf("Hash(%q) = %s, want %s", texto, got, want)
		}
	}
}

func TestNuevo_WhenLinesEndOtherwise(t *testing.T) {
	for _, s := range []string{"linea 1\nlinea 2", "linea 1\r\nlinea 2", "linea 1\rlinea 2"} {
		c := Nuevo(fecha, s, nil)
		if c.Texto != "linea 1\nlinea 2" || c.Hash != "ED-22-CB-39-2C-4E-6B-B4-43-C5-90-83-28-56-00-33-09-51-D2-EE" {
			t.Errorf("%q became %q with %s", s, c.Texto, c.Hash)
		}
	}
	if c := Nuevo(fecha, " a \n", nil); c.Texto != " a \n" {
		t.Errorf("trimmed to %q", c.Texto)
	}
}

func TestConstruye_WhenGolden(t *testing.T) {
	tests := []struct {
		op   gateway.OperacionFirma
		want string
	}{
		{gateway.FirmaContrato, `<?xml version="1.0" encoding="UTF-8"?>
<Contrato>
  <Fecha>2026-03-01T12:00:00</Fecha>
  <Hash>H</Hash>
  <Texto>a &amp; b
]]&gt;&#13; &lt;c&gt; &quot;ñ</Texto>
  <Firmas>
    <Firma Quien="Cliente" RFC="1" Nombre="2" RepLegalRFC="3" RepLegal="4" CertificadoSerie="6" Certificado="7" Sello="8"/>
    <Firma Quien="&lt;ITG&amp;&quot;&gt;" RFC="1" Nombre="2" RepLegalRFC="3" RepLegal="4" CertificadoSerie="6" Certificado="7" Sello="8" Siglas="9" CalleNumero="10" Colonia="11" Ciudad="12" Estado="13" CodigoPostal="14" NombreSoftware="15" URLInformacion=""/>
  </Firmas>
</Contrato>
`},
		{gateway.FirmaAdhesion, `<?xml version="1.0" encoding="UTF-8"?>
<Contrato>
  <Fecha>2026-03-01T12:00:00</Fecha>
  <Hash>H</Hash>
  <Texto>a &amp; b
]]&gt;&#13; &lt;c&gt; &quot;ñ</Texto>
  <Firmas>
    <Firma Quien="Cliente" Sello="8" CertificadoSerie="6" Certificado="7" Nombre="2" RepLegal="4" Facultad="5" CalleNumero="10" Colonia="11" Ciudad="12" Estado="13" CodigoPostal="14"/>
  </Firmas>
</Contrato>
`},
	}
	for _, tt := range tests {
		t.Run(string(tt.op), func(t *testing.T) {
			c := Contrato{Fecha: fecha, Hash: "H", Texto: "a & b\n]]>\r <c> \"ñ", Firmas: []Firma{
				{Quien: Cliente, RFC: "1", Nombre: "2", RepLegalRFC: "3", RepLegal: "4", CertificadoSerie: "6", Certificado: "7", Sello: "8"}}}
			if tt.op == gateway.FirmaAdhesion {
				c.Firmas = []Firma{{Quien: Cliente, Nombre: "2", RepLegal: "4", Facultad: "5", CertificadoSerie: "6", Certificado: "7", Sello: "8",
					CalleNumero: "10", Colonia: "11", Ciudad: "12", Estado: "13", CodigoPostal: "14"}}
			} else {
				c.Firmas = append(c.Firmas, Firma{Quien: `<ITG&">`, RFC: "1", Nombre: "2", RepLegalRFC: "3", RepLegal: "4", CertificadoSerie: "6", Certificado: "7", Sello: "8",
					Siglas: "9", CalleNumero: "10", Colonia: "11", Ciudad: "12", Estado: "13", CodigoPostal: "14", NombreSoftware: "15"})
			}
			b, err := Construye(c, tt.op)
			if diff := cmp.Diff(tt.want, string(b)); err != nil || diff != "" {
				t.Fatalf("%v %s", err, diff)
			}
			leido, err := Lee(b)
			if diff := cmp.Diff(c, leido); err != nil || diff != "" {
				t.Errorf("read again: %v %s", err, diff)
			}
		})
	}
}

// libxml2 is what tells whether others read the same text and attributes: Go's
// decoder does not turn line breaks of attributes into spaces.
func TestConstruye_WhenReadByLibxml(t *testing.T) {
	c := completo(t, gateway.FirmaContrato)
	file := filepath.Join(t.TempDir(), "contrato.xml")
	if err := os.WriteFile(file, construido(t, gateway.FirmaContrato), 0o600); err != nil {
		t.Fatal(err)
	}
	for xpath, want := range map[string]string{
		"/Contrato/Texto": c.Texto, "/Contrato/Hash": c.Hash, "//Firma[@Quien='Cliente']/@Certificado": c.Firmas[0].Certificado,
		"//Firma[2]/@Sello": c.Firmas[1].Sello, "//Firma[1]/@Nombre": c.Firmas[0].Nombre, "//Firma[2]/@URLInformacion": c.Firmas[1].URLInformacion,
	} {
		if got := programa(t, "xmllint", "--xpath", "string("+xpath+")", file); strings.TrimSuffix(got, "\n") != want {
			t.Errorf("%s: libxml2 reads %q, want %q", xpath, got, want)
		}
	}
}

func TestConstruye_WhenThereIsNoPlace(t *testing.T) {
	tests := []struct {
		name   string
		op     gateway.OperacionFirma
		cambia func(*Contrato)
		campo  string
	}{
		{"RFC in an adhesion", gateway.FirmaAdhesion, func(c *Contrato) { c.Firmas[0].RFC = empresa }, "firmas/0/rfc"},
		{"address of a client", gateway.FirmaContrato, func(c *Contrato) { c.Firmas[0].Ciudad = "X" }, "firmas/0/ciudad"},
		{"power in firmar", gateway.FirmaManifiesto, func(c *Contrato) { c.Firmas[1].Facultad = "X" }, "firmas/1/facultad"},
		{"control character", gateway.FirmaContrato, func(c *Contrato) { c.Texto += "\x01" }, "texto"},
		{"no UTF-8", gateway.FirmaContrato, func(c *Contrato) { c.Firmas[0].Nombre = "\xff" }, "firmas/0/nombre"},
		{"two lines of base64", gateway.FirmaContrato, func(c *Contrato) { c.Firmas[1].Sello = "AA\nAA" }, "firmas/1/sello"},
		{"unknown attribute of a bad name", gateway.FirmaContrato, func(c *Contrato) { c.Firmas[1].Otros = []Atributo{{`a="1" b`, ""}} }, "firmas/1/otros"},
		{"unknown attribute that is known", gateway.FirmaContrato, func(c *Contrato) { c.Firmas[1].Otros = []Atributo{{"Sello", ""}} }, "firmas/1/otros"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := completo(t, tt.op)
			tt.cambia(&c)
			_, err := Construye(c, tt.op)
			var e *gateway.Error
			if !errors.As(err, &e) || e.Kind != gateway.KindInvalida || len(e.Campos) != 1 || e.Campos[0].Campo != tt.campo || e.Campos[0].Detalle == "" {
				t.Errorf("err = %v, want one field, %s", err, tt.campo)
			}
		})
	}
}

func TestLee_WhenRefused(t *testing.T) {
	var muchos strings.Builder
	for i := range 101 {
		fmt.Fprintf(&muchos, ` a%d=""`, i)
	}
	profundo := "<Contrato>" + strings.Repeat("<a>", 20) + strings.Repeat("</a>", 20) + "</Contrato>"
	for name, tt := range map[string]struct{ xml, detail string }{
		"empty":             {"", "bien formado"},
		"not XML":           {"hola", "fuera"},
		"cut":               {"<Contrato><Texto>", "bien formado"},
		"DTD":               {"<!DOCTYPE a [<!ENTITY b 'c'>]><Contrato/>", "DTD"},
		"other root":        {"<padeFirmado/>", "raíz"},
		"two roots":         {"<Contrato/><Contrato/>", "raíz"},
		"text around":       {"<Contrato/>x", "fuera"},
		"Texto twice":       {"<Contrato><Texto>a</Texto><Texto>b</Texto></Contrato>", "repetido"},
		"Firmas twice":      {"<Contrato><Firmas/><Firmas/></Contrato>", "repetido"},
		"elements in Texto": {"<Contrato><Texto>a<b/></Texto></Contrato>", "solo lleva texto"},
		"attribute twice":   {`<Contrato><Firmas><Firma RFC="1" RFC="2"/></Firmas></Contrato>`, "repetido"},
		"deep":              {profundo, "niveles"},
		"many Firmas":       {"<Contrato><Firmas>" + strings.Repeat("<Firma/>", 21) + "</Firmas></Contrato>", "demasiadas"},
		"Latin-1":           {`<?xml version="1.0" encoding="ISO-8859-1"?><Contrato/>`, "UTF-8"},
		"large":             {"<Contrato>" + strings.Repeat(" ", maxDocumento) + "</Contrato>", "2 MiB"},
		"many attributes":   {"<Contrato" + muchos.String() + "/>", "más de 100 atributos"},
		"blank before":      {"\n<?xml version=\"1.0\"?><Contrato/>", "línea 2, columna 1"},
		"no blank between":  {`<Contrato><Firmas><Firma RFC="1"Sello="2"/></Firmas></Contrato>`, "bien formado"},
		"blanks around =":   {`<?xml version="1.0" encoding = 'ISO-8859-1'?><Contrato/>`, "UTF-8"},
		"Latin-1 bytes":     {"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Contrato><Texto>\xF1</Texto></Contrato>", "UTF-8"},
		"UTF-16":            {"\xFF\xFE<\x00a\x00/\x00>\x00", "UTF-8"},
		"prefix undeclared": {"<c:Contrato/>", "prefijo"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Lee([]byte(tt.xml))
			if !gateway.IsKind(err, gateway.KindInvalida) || !strings.Contains(gateway.AsError(err).Detail, tt.detail) {
				t.Errorf("err = %v, want one with %q", err, tt.detail)
			}
			if diff := cmp.Diff(Contrato{}, c); diff != "" {
				t.Error("something came beside the error")
			}
		})
	}
}

func TestLee_WhenWrittenByOthers(t *testing.T) {
	const xml = "\ufeff<?xml version='1.0' encoding='utf-8' standalone=\"yes\"?>\r\n" +
		"<c:Contrato xmlns:c='urn:x'><id>7</id><Firmas><Nota/><Firma Otro='1' xmlns='urn:y' c:Quien='no' Quien='PCCFDI'><X>y</X></Firma></Firmas>" +
		"<Texto>a\r\n<![CDATA[<b>]]><!-- no -->&#13;c</Texto><Hash> H </Hash></c:Contrato>"
	got, err := Lee([]byte(xml))
	want := Contrato{Texto: "a\n<b>\rc", Hash: " H ", Firmas: []Firma{{Quien: PCCFDI, Otros: []Atributo{{"Otro", "1"}}}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

// The PAC's answer may be in any encoding; what it has signed is the same.
func TestLeeRecibido_WhenInAnotherEncodingReadsIt(t *testing.T) {
	const dentro = "<Contrato><Fecha>2026</Fecha><Texto>a\r\nñ €&#10;</Texto><Firmas><Firma Quien='PCCFDI' Nombre='Ñ&#10;'/></Firmas></Contrato>"
	want := Contrato{Fecha: "2026", Texto: "a\nñ €\n", Firmas: []Firma{{Quien: PCCFDI, Nombre: "Ñ\n"}}}
	latino := strings.NewReplacer("ñ", "\xF1", "Ñ", "\xD1", "€", "\x80").Replace
	dos := func(texto string, orden binary.AppendByteOrder) string {
		var b []byte
		for _, u := range utf16.Encode([]rune("\ufeff" + texto)) {
			b = orden.AppendUint16(b, u)
		}
		return string(b)
	}
	for nombre, documento := range map[string]string{
		"UTF-8":            dentro,
		"windows-1252":     `<?xml version="1.0" encoding="windows-1252"?>` + latino(dentro),
		"ISO-8859-1":       `<?xml version='1.0' encoding = 'ISO-8859-1' standalone='yes'?>` + strings.NewReplacer("ñ", "\xF1", "Ñ", "\xD1", "€", "&#8364;").Replace(dentro),
		"UTF-16, big":      dos(`<?xml version="1.0" encoding="UTF-16"?>`+dentro, binary.BigEndian),
		"UTF-16, little":   dos(dentro, binary.LittleEndian),
		"UTF-16 in letter": `<?xml version="1.0" encoding="utf-16"?>` + dentro,
	} {
		got, err := LeeRecibido([]byte(documento))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", nombre, err, diff)
		}
		if _, err := Lee([]byte(documento)); nombre != "UTF-8" && !gateway.IsKind(err, gateway.KindInvalida) {
			t.Errorf("%s: taken from a caller: %v", nombre, err)
		}
	}
	if _, err := LeeRecibido([]byte("<Contrato><Texto>\xF1</Texto></Contrato>")); err == nil {
		t.Error("Latin-1 that says nothing was read")
	}
}

func TestContramada_WhenCompared(t *testing.T) {
	antes := completo(t, gateway.FirmaContrato)
	pccfdi := Firma{Quien: PCCFDI, Sello: "AA==", Otros: []Atributo{{"Fecha", "x"}}}
	tests := []struct {
		name   string
		cambia func(*Contrato)
		want   string // part of the error; empty for none
	}{
		{"signed", func(c *Contrato) { c.Firmas = append(c.Firmas, pccfdi) }, ""},
		{"signed, in another order", func(c *Contrato) { c.Firmas = []Firma{pccfdi, c.Firmas[1], c.Firmas[0]} }, ""},
		{"nothing added", func(*Contrato) {}, "No trae la firma de Prodigia"},
		{"a Firma replaced", func(c *Contrato) { c.Firmas[1] = pccfdi }, "firma 2"},
		{"a Firma doubled, the other lost", func(c *Contrato) { c.Firmas = []Firma{c.Firmas[0], c.Firmas[0], c.Firmas[0]} }, "firma 2"},
		{"a Sello changed", func(c *Contrato) { c.Firmas[0].Sello = "AA=="; c.Firmas = append(c.Firmas, pccfdi) }, "firma 1"},
		{"an attribute added", func(c *Contrato) {
			c.Firmas[0].Otros = []Atributo{{"X", "y"}}
			c.Firmas = append(c.Firmas, pccfdi)
		}, "firma 1"},
		{"Texto changed", func(c *Contrato) { c.Texto += " "; c.Firmas = append(c.Firmas, pccfdi) }, "Texto"},
		{"Hash changed", func(c *Contrato) { c.Hash = Hash("x"); c.Firmas = append(c.Firmas, pccfdi) }, "Hash"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			despues := antes
			despues.Firmas = slices.Clone(antes.Firmas)
			tt.cambia(&despues)
			err := Contramada(antes, despues)
			if tt.want == "" && err != nil || tt.want != "" && (!errors.As(err, new(Diferencia)) || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("err = %v, want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), empresa) {
				t.Error("the error tells values")
			}
		})
	}
}

func TestIdentidad_WhenSomethingChanges(t *testing.T) {
	base := completo(t, gateway.FirmaContrato)
	id := Identidad(base, gateway.FirmaContrato, true)
	if len(id) != 64 || strings.Contains(id, empresa) {
		t.Errorf("identity = %q", id)
	}
	distintas := map[string]bool{id: true}
	for name, got := range map[string]string{
		"real":         Identidad(base, gateway.FirmaContrato, false),
		"manifiesto":   Identidad(base, gateway.FirmaManifiesto, true),
		"other text":   Identidad(Nuevo(fecha, "otro", base.Firmas), gateway.FirmaContrato, true),
		"other serial": Identidad(con(base, func(f *Firma) { f.CertificadoSerie = "00001000000500000000" }), gateway.FirmaContrato, true),
		"other RFC":    Identidad(con(base, func(f *Firma) { f.RFC = "XAXX010101000" }), gateway.FirmaContrato, true),
		"one Firma":    Identidad(Nuevo(fecha, base.Texto, base.Firmas[:1]), gateway.FirmaContrato, true),
	} {
		if distintas[got] {
			t.Errorf("%s: has the identity of another", name)
		}
		distintas[got] = true
	}
	for name, got := range map[string]string{
		"other date":        Identidad(Nuevo("2027-01-01T00:00:00", base.Texto, base.Firmas), gateway.FirmaContrato, true),
		"other order":       Identidad(Nuevo(fecha, base.Texto, []Firma{base.Firmas[1], base.Firmas[0]}), gateway.FirmaContrato, true),
		"other Sello":       Identidad(con(base, func(f *Firma) { f.Sello = "AA==" }), gateway.FirmaContrato, true),
		"lines ended by CR": Identidad(Nuevo(fecha, strings.ReplaceAll(base.Texto, "\n", "\r\n"), base.Firmas), gateway.FirmaContrato, true),
	} {
		if got != id {
			t.Errorf("%s: another identity", name)
		}
	}
	// Parts must not run into each other.
	a := Contrato{Firmas: []Firma{{RFC: `A" "B`, CertificadoSerie: "C"}}}
	b := Contrato{Firmas: []Firma{{RFC: "A", CertificadoSerie: `B" "C`}}}
	if Identidad(a, "x", true) == Identidad(b, "x", true) {
		t.Error("two contracts with one identity")
	}
}

// con is a copy of c with its first Firma changed.
func con(c Contrato, cambia func(*Firma)) Contrato {
	c.Firmas = slices.Clone(c.Firmas)
	cambia(&c.Firmas[0])
	return c
}

func FuzzLee(f *testing.F) {
	for _, op := range operaciones() {
		f.Add(construido(f, op))
	}
	f.Add([]byte("<Contrato><Texto>a\r\n<![CDATA[b]]>&#13;</Texto><Firmas><Firma Quien='Cliente' X='y'/></Firmas></Contrato>"))
	f.Add([]byte("<!DOCTYPE a><Contrato/>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Lee(b)
		if err != nil {
			if !gateway.IsKind(err, gateway.KindInvalida) || gateway.AsError(err).Detail == "" {
				t.Fatalf("refused with %T %[1]v", err)
			}
			return
		}
		for _, op := range operaciones() {
			Valida(c, op)
			otra, err := Construye(c, op)
			if err != nil {
				continue // no place for what it has, or not for these characters
			}
			vuelto, err := Lee(otra)
			if diff := cmp.Diff(c, vuelto); err != nil || diff != "" {
				t.Errorf("written and read again: %v %s", err, diff)
			}
		}
		if Contramada(c, c) == nil {
			t.Error("a contract countersigns itself")
		}
		for _, firma := range c.Firmas {
			Comprueba(firma, c.Texto)
		}
	})
}

// By another identity a contract that was signed would not be known, and presented again.
func TestIdentidad_IsTheOneThatRowsHave(t *testing.T) {
	t.Parallel()
	c := Nuevo("2026-01-01T00:00:00", "El texto.", []Firma{{RFC: "PRU010101AB1", CertificadoSerie: "2"}, {RFC: "EMI010101AB1", CertificadoSerie: "1"}})
	if got, want := Identidad(c, gateway.FirmaContrato, false), "18b30059700037b26111481b397b67ee0505cb332a49fcae0d065a960817a51a"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
