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
	for text, want := range map[string]string{
		"":    "DA-39-A3-EE-5E-6B-4B-0D-32-55-BF-EF-95-60-18-90-AF-D8-07-09",
		"abc": "A9-99-3E-36-47-06-81-6A-BA-3E-25-71-78-50-C2-6C-9C-D0-D8-9D",
		"Contrato de adhesión — ñ Ñ € prueba": "E9-C6-D6-72-35-62-52-8B-BC-61-97-AA-47-AB-7F-EE-91-D6-46-DA",
		"linea 1\nlinea 2":                    "ED-22-CB-39-2C-4E-6B-B4-43-C5-90-83-28-56-00-33-09-51-D2-EE",
		"linea 1\r\nlinea 2":                  "65-D9-B7-0A-19-5B-DA-FB-1B-FE-E3-70-A1-B3-80-17-88-CC-5D-C0",
		"Jos\u00e9":                           "8F-72-D2-0B-63-70-AD-3D-02-B6-3B-BE-E5-2B-FA-7B-5D-75-AA-15",
		"Jose\u0301":                          "B8-EC-C4-D5-21-7D-AF-E7-D7-6A-18-2C-EC-08-84-8D-9C-AB-73-CE",
	} {
		if got := Hash(text); got != want || !hashForm.MatchString(got) {
			t.Errorf("Hash(%q) = %s, want %s", text, got, want)
		}
	}
}

func TestNew_WhenLinesEndOtherwise(t *testing.T) {
	for _, s := range []string{"linea 1\nlinea 2", "linea 1\r\nlinea 2", "linea 1\rlinea 2"} {
		c := New(fecha, s, nil)
		if c.Text != "linea 1\nlinea 2" || c.Hash != "ED-22-CB-39-2C-4E-6B-B4-43-C5-90-83-28-56-00-33-09-51-D2-EE" {
			t.Errorf("%q became %q with %s", s, c.Text, c.Hash)
		}
	}
	if c := New(fecha, " a \n", nil); c.Text != " a \n" {
		t.Errorf("trimmed to %q", c.Text)
	}
}

func TestBuild_WhenGolden(t *testing.T) {
	tests := []struct {
		op   gateway.FirmaOperation
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
			c := Contrato{Fecha: fecha, Hash: "H", Text: "a & b\n]]>\r <c> \"ñ", Firmas: []Firma{
				{Who: Cliente, RFC: "1", Name: "2", RepLegalRFC: "3", RepLegal: "4", CertificadoSerie: "6", Certificado: "7", Sello: "8"}}}
			if tt.op == gateway.FirmaAdhesion {
				c.Firmas = []Firma{{Who: Cliente, Name: "2", RepLegal: "4", Facultad: "5", CertificadoSerie: "6", Certificado: "7", Sello: "8",
					CalleNumero: "10", Colonia: "11", Ciudad: "12", Estado: "13", CodigoPostal: "14"}}
			} else {
				c.Firmas = append(c.Firmas, Firma{Who: `<ITG&">`, RFC: "1", Name: "2", RepLegalRFC: "3", RepLegal: "4", CertificadoSerie: "6", Certificado: "7", Sello: "8",
					Initials: "9", CalleNumero: "10", Colonia: "11", Ciudad: "12", Estado: "13", CodigoPostal: "14", NombreSoftware: "15"})
			}
			b, err := Build(c, tt.op)
			if diff := cmp.Diff(tt.want, string(b)); err != nil || diff != "" {
				t.Fatalf("%v %s", err, diff)
			}
			read, err := Read(b)
			if diff := cmp.Diff(c, read); err != nil || diff != "" {
				t.Errorf("read again: %v %s", err, diff)
			}
		})
	}
}

// libxml2 is what tells whether others read the same text and attributes: Go's
// decoder does not turn line breaks of attributes into spaces.
func TestBuild_WhenReadByLibxml(t *testing.T) {
	c := complete(t, gateway.FirmaContrato)
	file := filepath.Join(t.TempDir(), "contrato.xml")
	if err := os.WriteFile(file, built(t, gateway.FirmaContrato), 0o600); err != nil {
		t.Fatal(err)
	}
	for xpath, want := range map[string]string{
		"/Contrato/Texto": c.Text, "/Contrato/Hash": c.Hash, "//Firma[@Quien='Cliente']/@Certificado": c.Firmas[0].Certificado,
		"//Firma[2]/@Sello": c.Firmas[1].Sello, "//Firma[1]/@Nombre": c.Firmas[0].Name, "//Firma[2]/@URLInformacion": c.Firmas[1].URLInformacion,
	} {
		if got := program(t, "xmllint", "--xpath", "string("+xpath+")", file); strings.TrimSuffix(got, "\n") != want {
			t.Errorf("%s: libxml2 reads %q, want %q", xpath, got, want)
		}
	}
}

func TestBuild_WhenThereIsNoPlace(t *testing.T) {
	tests := []struct {
		name   string
		op     gateway.FirmaOperation
		change func(*Contrato)
		field  string
	}{
		{"RFC in an adhesion", gateway.FirmaAdhesion, func(c *Contrato) { c.Firmas[0].RFC = company }, "firmas/0/rfc"},
		{"address of a client", gateway.FirmaContrato, func(c *Contrato) { c.Firmas[0].Ciudad = "X" }, "firmas/0/ciudad"},
		{"power in firmar", gateway.FirmaManifiesto, func(c *Contrato) { c.Firmas[1].Facultad = "X" }, "firmas/1/facultad"},
		{"control character", gateway.FirmaContrato, func(c *Contrato) { c.Text += "\x01" }, "texto"},
		{"no UTF-8", gateway.FirmaContrato, func(c *Contrato) { c.Firmas[0].Name = "\xff" }, "firmas/0/nombre"},
		{"two lines of base64", gateway.FirmaContrato, func(c *Contrato) { c.Firmas[1].Sello = "AA\nAA" }, "firmas/1/sello"},
		{"unknown attribute of a bad name", gateway.FirmaContrato, func(c *Contrato) { c.Firmas[1].Other = []Attribute{{`a="1" b`, ""}} }, "firmas/1/otros"},
		{"unknown attribute that is known", gateway.FirmaContrato, func(c *Contrato) { c.Firmas[1].Other = []Attribute{{"Sello", ""}} }, "firmas/1/otros"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := complete(t, tt.op)
			tt.change(&c)
			_, err := Build(c, tt.op)
			var e *gateway.Error
			if !errors.As(err, &e) || e.Kind != gateway.KindInvalida || len(e.Fields) != 1 || e.Fields[0].Campo != tt.field || e.Fields[0].Detalle == "" {
				t.Errorf("err = %v, want one field, %s", err, tt.field)
			}
		})
	}
}

func TestRead_WhenRefused(t *testing.T) {
	var many strings.Builder
	for i := range 101 {
		fmt.Fprintf(&many, ` a%d=""`, i)
	}
	deep := "<Contrato>" + strings.Repeat("<a>", 20) + strings.Repeat("</a>", 20) + "</Contrato>"
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
		"deep":              {deep, "niveles"},
		"many Firmas":       {"<Contrato><Firmas>" + strings.Repeat("<Firma/>", 21) + "</Firmas></Contrato>", "demasiadas"},
		"Latin-1":           {`<?xml version="1.0" encoding="ISO-8859-1"?><Contrato/>`, "UTF-8"},
		"large":             {"<Contrato>" + strings.Repeat(" ", maxDocument) + "</Contrato>", "2 MiB"},
		"many attributes":   {"<Contrato" + many.String() + "/>", "más de 100 atributos"},
		"blank before":      {"\n<?xml version=\"1.0\"?><Contrato/>", "línea 2, columna 1"},
		"no blank between":  {`<Contrato><Firmas><Firma RFC="1"Sello="2"/></Firmas></Contrato>`, "bien formado"},
		"blanks around =":   {`<?xml version="1.0" encoding = 'ISO-8859-1'?><Contrato/>`, "UTF-8"},
		"Latin-1 bytes":     {"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Contrato><Texto>\xF1</Texto></Contrato>", "UTF-8"},
		"UTF-16":            {"\xFF\xFE<\x00a\x00/\x00>\x00", "UTF-8"},
		"prefix undeclared": {"<c:Contrato/>", "prefijo"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Read([]byte(tt.xml))
			if !gateway.IsKind(err, gateway.KindInvalida) || !strings.Contains(gateway.AsError(err).Detail, tt.detail) {
				t.Errorf("err = %v, want one with %q", err, tt.detail)
			}
			if diff := cmp.Diff(Contrato{}, c); diff != "" {
				t.Error("something came beside the error")
			}
		})
	}
}

func TestRead_WhenWrittenByOthers(t *testing.T) {
	const xml = "\ufeff<?xml version='1.0' encoding='utf-8' standalone=\"yes\"?>\r\n" +
		"<c:Contrato xmlns:c='urn:x'><id>7</id><Firmas><Nota/><Firma Otro='1' xmlns='urn:y' c:Quien='no' Quien='PCCFDI'><X>y</X></Firma></Firmas>" +
		"<Texto>a\r\n<![CDATA[<b>]]><!-- no -->&#13;c</Texto><Hash> H </Hash></c:Contrato>"
	got, err := Read([]byte(xml))
	want := Contrato{Text: "a\n<b>\rc", Hash: " H ", Firmas: []Firma{{Who: PCCFDI, Other: []Attribute{{"Otro", "1"}}}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

// The PAC's answer may be in any encoding; what it has signed is the same.
func TestReadReceived_WhenInAnotherEncodingReadsIt(t *testing.T) {
	const within = "<Contrato><Fecha>2026</Fecha><Texto>a\r\nñ €&#10;</Texto><Firmas><Firma Quien='PCCFDI' Nombre='Ñ&#10;'/></Firmas></Contrato>"
	want := Contrato{Fecha: "2026", Text: "a\nñ €\n", Firmas: []Firma{{Who: PCCFDI, Name: "Ñ\n"}}}
	latin := strings.NewReplacer("ñ", "\xF1", "Ñ", "\xD1", "€", "\x80").Replace
	two := func(text string, order binary.AppendByteOrder) string {
		var b []byte
		for _, u := range utf16.Encode([]rune("\ufeff" + text)) {
			b = order.AppendUint16(b, u)
		}
		return string(b)
	}
	for name, document := range map[string]string{
		"UTF-8":            within,
		"windows-1252":     `<?xml version="1.0" encoding="windows-1252"?>` + latin(within),
		"ISO-8859-1":       `<?xml version='1.0' encoding = 'ISO-8859-1' standalone='yes'?>` + strings.NewReplacer("ñ", "\xF1", "Ñ", "\xD1", "€", "&#8364;").Replace(within),
		"UTF-16, big":      two(`<?xml version="1.0" encoding="UTF-16"?>`+within, binary.BigEndian),
		"UTF-16, little":   two(within, binary.LittleEndian),
		"UTF-16 in letter": `<?xml version="1.0" encoding="utf-16"?>` + within,
	} {
		got, err := ReadReceived([]byte(document))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
		if _, err := Read([]byte(document)); name != "UTF-8" && !gateway.IsKind(err, gateway.KindInvalida) {
			t.Errorf("%s: taken from a caller: %v", name, err)
		}
	}
	if _, err := ReadReceived([]byte("<Contrato><Texto>\xF1</Texto></Contrato>")); err == nil {
		t.Error("Latin-1 that says nothing was read")
	}
}

func TestContramada_WhenCompared(t *testing.T) {
	before := complete(t, gateway.FirmaContrato)
	pccfdi := Firma{Who: PCCFDI, Sello: "AA==", Other: []Attribute{{"Fecha", "x"}}}
	tests := []struct {
		name   string
		change func(*Contrato)
		want   string // part of the error; empty for none
	}{
		{"signed", func(c *Contrato) { c.Firmas = append(c.Firmas, pccfdi) }, ""},
		{"signed, in another order", func(c *Contrato) { c.Firmas = []Firma{pccfdi, c.Firmas[1], c.Firmas[0]} }, ""},
		{"nothing added", func(*Contrato) {}, "No trae la firma de Prodigia"},
		{"a Firma replaced", func(c *Contrato) { c.Firmas[1] = pccfdi }, "firma 2"},
		{"a Firma doubled, the other lost", func(c *Contrato) { c.Firmas = []Firma{c.Firmas[0], c.Firmas[0], c.Firmas[0]} }, "firma 2"},
		{"a Sello changed", func(c *Contrato) { c.Firmas[0].Sello = "AA=="; c.Firmas = append(c.Firmas, pccfdi) }, "firma 1"},
		{"an attribute added", func(c *Contrato) {
			c.Firmas[0].Other = []Attribute{{"X", "y"}}
			c.Firmas = append(c.Firmas, pccfdi)
		}, "firma 1"},
		{"Texto changed", func(c *Contrato) { c.Text += " "; c.Firmas = append(c.Firmas, pccfdi) }, "Texto"},
		{"Hash changed", func(c *Contrato) { c.Hash = Hash("x"); c.Firmas = append(c.Firmas, pccfdi) }, "Hash"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			after := before
			after.Firmas = slices.Clone(before.Firmas)
			tt.change(&after)
			err := Contramada(before, after)
			if tt.want == "" && err != nil || tt.want != "" && (!errors.As(err, new(Difference)) || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("err = %v, want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), company) {
				t.Error("the error tells values")
			}
		})
	}
}

func TestIdentity_WhenSomethingChanges(t *testing.T) {
	base := complete(t, gateway.FirmaContrato)
	id := Identity(base, gateway.FirmaContrato, true)
	if len(id) != 64 || strings.Contains(id, company) {
		t.Errorf("identity = %q", id)
	}
	different := map[string]bool{id: true}
	for name, got := range map[string]string{
		"real":         Identity(base, gateway.FirmaContrato, false),
		"manifiesto":   Identity(base, gateway.FirmaManifiesto, true),
		"other text":   Identity(New(fecha, "otro", base.Firmas), gateway.FirmaContrato, true),
		"other serial": Identity(with(base, func(f *Firma) { f.CertificadoSerie = "00001000000500000000" }), gateway.FirmaContrato, true),
		"other RFC":    Identity(with(base, func(f *Firma) { f.RFC = "XAXX010101000" }), gateway.FirmaContrato, true),
		"one Firma":    Identity(New(fecha, base.Text, base.Firmas[:1]), gateway.FirmaContrato, true),
	} {
		if different[got] {
			t.Errorf("%s: has the identity of another", name)
		}
		different[got] = true
	}
	for name, got := range map[string]string{
		"other date":        Identity(New("2027-01-01T00:00:00", base.Text, base.Firmas), gateway.FirmaContrato, true),
		"other order":       Identity(New(fecha, base.Text, []Firma{base.Firmas[1], base.Firmas[0]}), gateway.FirmaContrato, true),
		"other Sello":       Identity(with(base, func(f *Firma) { f.Sello = "AA==" }), gateway.FirmaContrato, true),
		"lines ended by CR": Identity(New(fecha, strings.ReplaceAll(base.Text, "\n", "\r\n"), base.Firmas), gateway.FirmaContrato, true),
	} {
		if got != id {
			t.Errorf("%s: another identity", name)
		}
	}
	// Parts must not run into each other.
	a := Contrato{Firmas: []Firma{{RFC: `A" "B`, CertificadoSerie: "C"}}}
	b := Contrato{Firmas: []Firma{{RFC: "A", CertificadoSerie: `B" "C`}}}
	if Identity(a, "x", true) == Identity(b, "x", true) {
		t.Error("two contracts with one identity")
	}
}

// with is a copy of c with its first Firma changed.
func with(c Contrato, change func(*Firma)) Contrato {
	c.Firmas = slices.Clone(c.Firmas)
	change(&c.Firmas[0])
	return c
}

func FuzzRead(f *testing.F) {
	for _, op := range operations() {
		f.Add(built(f, op))
	}
	f.Add([]byte("<Contrato><Texto>a\r\n<![CDATA[b]]>&#13;</Texto><Firmas><Firma Quien='Cliente' X='y'/></Firmas></Contrato>"))
	f.Add([]byte("<!DOCTYPE a><Contrato/>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Read(b)
		if err != nil {
			if !gateway.IsKind(err, gateway.KindInvalida) || gateway.AsError(err).Detail == "" {
				t.Fatalf("refused with %T %[1]v", err)
			}
			return
		}
		for _, op := range operations() {
			Validate(c, op)
			other, err := Build(c, op)
			if err != nil {
				continue // no place for what it has, or not for these characters
			}
			turned, err := Read(other)
			if diff := cmp.Diff(c, turned); err != nil || diff != "" {
				t.Errorf("written and read again: %v %s", err, diff)
			}
		}
		if Contramada(c, c) == nil {
			t.Error("a contract countersigns itself")
		}
		for _, firma := range c.Firmas {
			Confirm(firma, c.Text)
		}
	})
}

// By another identity a contract that was signed would not be known, and presented again.
func TestIdentity_IsTheOneThatRowsHave(t *testing.T) {
	t.Parallel()
	c := New("2026-01-01T00:00:00", "El texto.", []Firma{{RFC: "PRU010101AB1", CertificadoSerie: "2"}, {RFC: "EMI010101AB1", CertificadoSerie: "1"}})
	if got, want := Identity(c, gateway.FirmaContrato, false), "18b30059700037b26111481b397b67ee0505cb332a49fcae0d065a960817a51a"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
