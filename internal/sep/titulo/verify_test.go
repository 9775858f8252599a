package titulo

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

// noise are the avisos that the example always has: made-up CURPs, and
// certificates younger than the title.
func noise() []Codigo { return []Codigo{CodigoCURPDigito, CodigoCertificadoVigencia} }

func TestVerify_WhenAllIsWell(t *testing.T) {
	for _, lines := range []string{"\n", "\r\n"} {
		xml := strings.ReplaceAll(string(document(t, signed(t, EscapeFlat, nil))), "\n", lines)
		if got := without(Verify([]byte("\xEF\xBB\xBF"+xml)), noise()...); len(got) != 0 {
			t.Errorf("problems: %v", got)
		}
	}
}

func TestVerify_WhenStructureIsWrong(t *testing.T) {
	for _, a := range alterations() {
		t.Run(a.name, func(t *testing.T) {
			got := summary(without(Verify(a.apply(t)), append(noise(), CodigoSello)...))
			if diff := cmp.Diff([]string{a.want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestVerify_WhenOrderIsWrongOrNodesAreMissing(t *testing.T) {
	xml := string(document(t, signed(t, EscapeFlat, nil)))
	i, j := strings.Index(xml, "  <Institucion"), strings.Index(xml, "  <Carrera")
	institucion := xml[i:j]
	unordered := strings.Replace(xml[:i]+xml[j:], "</TituloElectronico>", institucion+"</TituloElectronico>", 1)
	if diff := cmp.Diff([]string{"error institucion orden_de_elementos"}, summary(without(Verify([]byte(unordered)), noise()...))); diff != "" {
		t.Error(diff)
	}
	want := []string{
		"error firmaResponsables/0/sello sello", "error institucion elemento_faltante",
		"error institucion/cveInstitucion requerido", "error institucion/nombreInstitucion requerido",
	}
	if diff := cmp.Diff(want, summary(without(Verify([]byte(xml[:i]+xml[j:])), noise()...))); diff != "" {
		t.Error(diff)
	}
}

func TestVerify_WhenSelloOrCertificateIsWrong(t *testing.T) {
	line := func(s string) string { return s[:40] + " " + s[40:] }
	other := credential(t, curpOther)
	csd := emitido(t, autoridad.Request{CURP: curpRectora, Tipo: autoridad.CSD})
	anonymous := emitido(t, autoridad.Request{})
	tests := []struct {
		name   string
		change func(*Titulo, *FirmaResponsable)
		want   []string
	}{
		{"title changed after it", func(e *Titulo, _ *FirmaResponsable) { e.Profesionista.Nombre = "ANTONIA" }, []string{"error firmaResponsables/0/sello sello"}},
		{"name of the signer changed, which nobody signs", func(_ *Titulo, f *FirmaResponsable) { f.Nombre = "ALMA" }, nil},
		{"sello of another key", func(_ *Titulo, f *FirmaResponsable) { f.Sello = base64.StdEncoding.EncodeToString(make([]byte, 256)) }, []string{"error firmaResponsables/0/sello sello"}},
		{"sello no base64", func(_ *Titulo, f *FirmaResponsable) { f.Sello = "¡" }, []string{"error firmaResponsables/0/sello base64"}},
		{"in lines", func(_ *Titulo, f *FirmaResponsable) {
			f.Sello, f.CertificadoResponsable = line(f.Sello), line(f.CertificadoResponsable)
		},
			[]string{"aviso firmaResponsables/0/certificadoResponsable base64_en_varias_lineas", "aviso firmaResponsables/0/sello base64_en_varias_lineas"}},
		{"not sealed", func(_ *Titulo, f *FirmaResponsable) {
			f.Sello, f.CertificadoResponsable, f.NoCertificadoResponsable = "", "", ""
		},
			[]string{"error firmaResponsables/0/certificadoResponsable requerido", "error firmaResponsables/0/noCertificadoResponsable requerido", "error firmaResponsables/0/sello requerido"}},
		{"number of another certificate", func(_ *Titulo, f *FirmaResponsable) { f.NoCertificadoResponsable = other.Serial }, []string{"error firmaResponsables/0/noCertificadoResponsable certificado_numero"}},
		{"another's certificate", func(_ *Titulo, f *FirmaResponsable) {
			f.CertificadoResponsable, f.NoCertificadoResponsable = other.CertificateBase64, other.Serial
		}, []string{"error firmaResponsables/0/curp certificado_curp"}},
		{"certificate without a CURP", func(_ *Titulo, f *FirmaResponsable) { use(f, anonymous) }, []string{"error firmaResponsables/0/certificadoResponsable certificado_sin_curp"}},
		{"CSD", func(_ *Titulo, f *FirmaResponsable) { use(f, csd) }, []string{"aviso firmaResponsables/0/certificadoResponsable certificado_no_es_efirma"}},
		{"certificate in PEM", func(_ *Titulo, f *FirmaResponsable) {
			f.CertificadoResponsable = base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: csd.CerDER}))
		}, []string{"error firmaResponsables/0/certificadoResponsable certificado_ilegible"}},
		{"certificate of nothing", func(_ *Titulo, f *FirmaResponsable) { f.CertificadoResponsable = "QUJD" }, []string{"error firmaResponsables/0/certificadoResponsable certificado_ilegible"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			titulo := signed(t, EscapeFlat, nil)
			tt.change(&titulo, &titulo.FirmaResponsables[0])
			if diff := cmp.Diff(tt.want, summary(without(Verify(document(t, titulo)), noise()...))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// use puts a certificate of the same key in the place of the signer's, so that
// the sello still verifies.
func use(f *FirmaResponsable, e *autoridad.Emitido) {
	f.CertificadoResponsable, f.NoCertificadoResponsable = base64.StdEncoding.EncodeToString(e.CerDER), autoridad.Serial(e.Certificate)
}

func TestVerify_WhenTwoSignAndOneIsWrong(t *testing.T) {
	titulo := complete(t)
	titulo.Autenticacion = nil
	titulo.FirmaResponsables[1].AbrTitulo = "DRA."
	want := []string{"aviso firmaResponsables/0/sello sello_plano", "error firmaResponsables/1/sello sello"}
	if diff := cmp.Diff(want, summary(without(Verify(document(t, titulo)), noise()...))); diff != "" {
		t.Error(diff)
	}
}

func TestVerify_WhenEscapedEitherWay(t *testing.T) {
	for escape, want := range map[Escape]string{
		EscapeFlat:      "aviso firmaResponsables/0/sello sello_plano",
		EscapeEntidades: "aviso firmaResponsables/0/sello sello_entidades",
	} {
		titulo := signed(t, escape, func(e *Titulo) { e.Antecedente.InstitucionProcedencia = "A & B" })
		if diff := cmp.Diff([]string{want}, summary(without(Verify(document(t, titulo)), noise()...))); diff != "" {
			t.Error(diff)
		}
	}
}

func TestVerify_WhenCertificateIsOutOfItsDates(t *testing.T) {
	for day, want := range map[string]bool{
		"2025-05-31": true, "2025-06-01": false, "2029-06-01": false, "2029-06-02": true,
	} {
		e := emitido(t, autoridad.Request{
			CURP: curpRectora, NotBefore: time.Date(2025, 6, 1, 18, 0, 0, 0, time.UTC), NotAfter: time.Date(2029, 6, 1, 6, 0, 0, 0, time.UTC),
		})
		titulo := example()
		titulo.Expedicion.FechaExpedicion = day
		use(&titulo.FirmaResponsables[0], e)
		got := slices.Contains(summary(Verify(document(t, titulo))), "aviso firmaResponsables/0/certificadoResponsable certificado_fuera_de_vigencia")
		if got != want {
			t.Errorf("issued on %s: aviso %v, want %v", day, got, want)
		}
	}
}

func TestVerify_WhenAuthenticated(t *testing.T) {
	xml := document(t, signed(t, EscapeFlat, func(e *Titulo) { e.Autenticacion = &Autenticacion{Version: "1.0"} }))
	if diff := cmp.Diff([]string{"aviso autenticacion autenticacion"}, summary(without(Verify(xml), noise()...))); diff != "" {
		t.Error(diff)
	}
}

func TestVerify_WhenSchemaLocationIsOneToken(t *testing.T) {
	xml := strings.Replace(string(document(t, signed(t, EscapeFlat, nil))), Namespace+" schema", Namespace+"schema", 1)
	if diff := cmp.Diff([]string{"aviso  schema_location"}, summary(without(Verify([]byte(xml)), noise()...))); diff != "" {
		t.Error(diff)
	}
}

func TestParse_WhenLenient(t *testing.T) {
	want := signed(t, EscapeFlat, nil)
	xml := string(document(t, want))
	remove := strings.NewReplacer(` xmlns="`+Namespace+`"`, "")
	for name, variant := range map[string]string{
		"no namespace":        remove.Replace(xml),
		"a prefix":            strings.NewReplacer(` xmlns="`, ` xmlns:t="`, "<Ti", "<t:Ti", "</Ti", "</t:Ti", "<Fi", "<t:Fi", "</Fi", "</t:Fi", "<Ins", "<t:Ins", "<Ca", "<t:Ca", "<Pr", "<t:Pr", "<Ex", "<t:Ex", "<An", "<t:An").Replace(xml),
		"empty Autenticacion": strings.Replace(xml, "</Titulo", "<Autenticacion />\n</Titulo", 1),
		"empty date":          strings.Replace(xml, `cumplioServicioSocial`, `fechaExencionExamenProfesional="" cumplioServicioSocial`, 1),
		"no declaration":      xml[strings.Index(xml, "<Titulo"):],
		"comments":            strings.Replace(xml, "<Carrera", "<!-- a --><?b c?><Carrera", 1) + "<!-- d -->",
		"line in a value":     strings.Replace(xml, "DE AGUAS", "DE\nAGUAS", 1),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse([]byte(variant))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A reference to a line break stays one, and literal ones become blanks: the
// sello is over what a parser sees (XML 1.0 §3.3.3).
func TestVerify_WhenALineBreakIsAReferenceTheSelloIsOverIt(t *testing.T) {
	// Neither Seal nor Marshal takes such values, so both are done by hand.
	titulo := signed(t, EscapeFlat, nil)
	sealed := titulo
	sealed.Institucion.NombreInstitucion = "UNIVERSIDAD\nTECNOLÓGICA\r\nDE AGUASCALIENTES"
	digest := sha256.Sum256(CadenaOriginal(sealed, 0, EscapeFlat))
	sello, err := credential(t, curpRectora).Signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	titulo.FirmaResponsables[0].Sello = base64.StdEncoding.EncodeToString(sello)
	xml := string(document(t, titulo))
	const written = "UNIVERSIDAD TECNOLÓGICA DE AGUASCALIENTES"
	for how, want := range map[string]string{
		"UNIVERSIDAD&#10;TECNOLÓGICA&#xD;&#xA;DE AGUASCALIENTES": "aviso institucion/nombreInstitucion espacios",
		"UNIVERSIDAD\nTECNOLÓGICA\r\nDE AGUASCALIENTES":          "error firmaResponsables/0/sello sello",
	} {
		got := summary(without(Verify([]byte(strings.Replace(xml, written, how, 1))), noise()...))
		if diff := cmp.Diff([]string{want}, got); diff != "" || !strings.Contains(xml, written) {
			t.Errorf("%q:\n%s", how, diff)
		}
	}
}

func TestParse_WhenRefused(t *testing.T) {
	xml := string(document(t, example()))
	firmante := `<FirmaResponsable nombre="X"/>`
	for name, tt := range map[string]struct {
		xml  string
		want Codigo
	}{
		"empty":               {"", CodigoXMLIlegible},
		"no XML":              {"hola", CodigoXMLIlegible},
		"cut":                 {xml[:len(xml)-9], CodigoXMLIlegible},
		"cut before":          {`<?xml version="1.0"?>`, CodigoXMLIlegible},
		"two roots":           {xml + "<a/>", CodigoXMLIlegible},
		"text after":          {xml + "a", CodigoXMLIlegible},
		"attribute twice":     {strings.Replace(xml, "folioControl", `folioControl="1" folioControl`, 1), CodigoXMLIlegible},
		"bare ampersand":      {strings.Replace(xml, "RECTOR", "A & B", 1), CodigoXMLIlegible},
		"DTD":                 {`<!DOCTYPE a [<!ENTITY b "c">]>` + xml[strings.Index(xml, "<Titulo"):], CodigoDTD},
		"Latin-1":             {strings.Replace(xml, "UTF-8", "ISO-8859-1", 1), CodigoCodificacion},
		"UTF-16":              {"\xFF\xFE<\x00", CodigoCodificacion},
		"another root":        {"<cfdi/>", CodigoNoEsTitulo},
		"blank before":        {"\n" + xml, CodigoXMLIlegible},
		"mark and blank":      {"\xEF\xBB\xBF\n" + xml, CodigoXMLIlegible},
		"two declarations":    {`<?xml version="1.0" encoding="UTF-8"?>` + xml, CodigoXMLIlegible},
		"declaration behind":  {xml[strings.Index(xml, "<Titulo"):] + `<?xml version="1.0" encoding="UTF-8"?>`, CodigoXMLIlegible},
		"no version":          {strings.Replace(xml, `version="1.0" `, "", 1), CodigoXMLIlegible},
		"utf - 8":             {strings.Replace(xml, `"UTF-8"`, `"utf - 8"`, 1), CodigoXMLIlegible},
		"no blank between":    {strings.Replace(xml, `" abrTitulo`, `"abrTitulo`, 1), CodigoXMLIlegible},
		"prefix undeclared":   {strings.Replace(xml, "<Institucion ", `<Institucion p:a="" `, 1), CodigoXMLIlegible},
		"blanks around =":     {strings.Replace(xml, `encoding="UTF-8"`, `encoding = 'ISO-8859-1'`, 1), CodigoCodificacion},
		"Latin-1 under UTF-8": {strings.Replace(xml, "Í", "\xCD", 1), CodigoCodificacion},
		"UTF-16, no mark":     {"<\x00?\x00x\x00m\x00l\x00", CodigoCodificacion},
		"attributes":          {strings.Replace(xml, "<Institucion ", "<Institucion "+strings.Repeat("a", 2000)+`="" `, 1), CodigoDemasiadoGrande},
		"much too deep":       {"<TituloElectronico>" + strings.Repeat("<a>", 100_000), CodigoProfundidad},
		"too large":           {xml + strings.Repeat(" ", maxTitulo), CodigoDemasiadoGrande},
		"too many signers":    {strings.Replace(xml, "<FirmaResponsable ", strings.Repeat(firmante, 50)+"<FirmaResponsable ", 1), CodigoDemasiadosFirmantes},
		"signers twice over":  {strings.Replace(xml, "<Institucion", "<FirmaResponsables/><Institucion", 1), CodigoElementoRepetido},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(tt.xml))
			var p Problem
			if !errors.As(err, &p) || p.Codigo != tt.want || p.Detalle == "" {
				t.Fatalf("error = %v, want %s", err, tt.want)
			}
			if got := Verify([]byte(tt.xml)); len(got) == 0 || cmp.Diff(p, got[len(got)-1]) != "" {
				t.Errorf("Verifica says %v", got)
			}
		})
	}
}

func TestParse_WhenUnknownNodesAreNotTooDeep(t *testing.T) {
	deep := strings.Repeat("<a>", maxDepth-1) + strings.Repeat("</a>", maxDepth-1)
	xml := strings.Replace(string(document(t, example())), "<Carrera", deep+"<Carrera", 1)
	if got, err := Parse([]byte(xml)); err != nil || cmp.Diff(example(), got) != "" {
		t.Error(got, err)
	}
	if _, err := Parse([]byte(strings.Replace(xml, "<a></a>", "<a><a></a></a>", 1))); err == nil {
		t.Error("one level more was read")
	}
}

func TestVerify_WhenThereIsNoEndOfProblems(t *testing.T) {
	xml := strings.Replace(string(document(t, example())), "<Carrera", strings.Repeat("<X/>", 5000)+"<Carrera", 1)
	got := Verify([]byte(xml))
	got = slices.DeleteFunc(got, func(p Problem) bool { return p.Nivel == NivelAviso })
	if len(got) != maxProblems+1 || got[maxProblems].Codigo != CodigoDemasiadosProblemas {
		t.Errorf("%d errors, the last %v", len(got), got[len(got)-1])
	}
}
