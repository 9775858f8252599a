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

// ruido are the avisos that the example always has: made-up CURPs, and
// certificates younger than the title.
func ruido() []Codigo { return []Codigo{CodigoCURPDigito, CodigoCertificadoVigencia} }

func TestVerifica_WhenAllIsWell(t *testing.T) {
	for _, lineas := range []string{"\n", "\r\n"} {
		xml := strings.ReplaceAll(string(documento(t, firmado(t, EscapePlano, nil))), "\n", lineas)
		if got := sin(Verifica([]byte("\xEF\xBB\xBF"+xml)), ruido()...); len(got) != 0 {
			t.Errorf("problems: %v", got)
		}
	}
}

func TestVerifica_WhenStructureIsWrong(t *testing.T) {
	for _, a := range alteraciones() {
		t.Run(a.name, func(t *testing.T) {
			got := resumen(sin(Verifica(a.aplica(t)), append(ruido(), CodigoSello)...))
			if diff := cmp.Diff([]string{a.want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestVerifica_WhenOrderIsWrongOrNodesAreMissing(t *testing.T) {
	xml := string(documento(t, firmado(t, EscapePlano, nil)))
	i, j := strings.Index(xml, "  <Institucion"), strings.Index(xml, "  <Carrera")
	institucion := xml[i:j]
	desordenado := strings.Replace(xml[:i]+xml[j:], "</TituloElectronico>", institucion+"</TituloElectronico>", 1)
	if diff := cmp.Diff([]string{"error institucion orden_de_elementos"}, resumen(sin(Verifica([]byte(desordenado)), ruido()...))); diff != "" {
		t.Error(diff)
	}
	want := []string{
		"error firmaResponsables/0/sello sello", "error institucion elemento_faltante",
		"error institucion/cveInstitucion requerido", "error institucion/nombreInstitucion requerido",
	}
	if diff := cmp.Diff(want, resumen(sin(Verifica([]byte(xml[:i]+xml[j:])), ruido()...))); diff != "" {
		t.Error(diff)
	}
}

func TestVerifica_WhenSelloOrCertificateIsWrong(t *testing.T) {
	linea := func(s string) string { return s[:40] + " " + s[40:] }
	otra := credencial(t, curpOtra)
	csd := emitida(t, autoridad.Peticion{CURP: curpRectora, Tipo: autoridad.CSD})
	anonima := emitida(t, autoridad.Peticion{})
	tests := []struct {
		name   string
		cambia func(*Titulo, *FirmaResponsable)
		want   []string
	}{
		{"title changed after it", func(e *Titulo, _ *FirmaResponsable) { e.Profesionista.Nombre = "ANTONIA" }, []string{"error firmaResponsables/0/sello sello"}},
		{"name of the signer changed, which nobody signs", func(_ *Titulo, f *FirmaResponsable) { f.Nombre = "ALMA" }, nil},
		{"sello of another key", func(_ *Titulo, f *FirmaResponsable) { f.Sello = base64.StdEncoding.EncodeToString(make([]byte, 256)) }, []string{"error firmaResponsables/0/sello sello"}},
		{"sello no base64", func(_ *Titulo, f *FirmaResponsable) { f.Sello = "¡" }, []string{"error firmaResponsables/0/sello base64"}},
		{"in lines", func(_ *Titulo, f *FirmaResponsable) {
			f.Sello, f.CertificadoResponsable = linea(f.Sello), linea(f.CertificadoResponsable)
		},
			[]string{"aviso firmaResponsables/0/certificadoResponsable base64_en_varias_lineas", "aviso firmaResponsables/0/sello base64_en_varias_lineas"}},
		{"not sealed", func(_ *Titulo, f *FirmaResponsable) {
			f.Sello, f.CertificadoResponsable, f.NoCertificadoResponsable = "", "", ""
		},
			[]string{"error firmaResponsables/0/certificadoResponsable requerido", "error firmaResponsables/0/noCertificadoResponsable requerido", "error firmaResponsables/0/sello requerido"}},
		{"number of another certificate", func(_ *Titulo, f *FirmaResponsable) { f.NoCertificadoResponsable = otra.Serial }, []string{"error firmaResponsables/0/noCertificadoResponsable certificado_numero"}},
		{"another's certificate", func(_ *Titulo, f *FirmaResponsable) {
			f.CertificadoResponsable, f.NoCertificadoResponsable = otra.CertificateBase64, otra.Serial
		}, []string{"error firmaResponsables/0/curp certificado_curp"}},
		{"certificate without a CURP", func(_ *Titulo, f *FirmaResponsable) { usa(f, anonima) }, []string{"error firmaResponsables/0/certificadoResponsable certificado_sin_curp"}},
		{"CSD", func(_ *Titulo, f *FirmaResponsable) { usa(f, csd) }, []string{"aviso firmaResponsables/0/certificadoResponsable certificado_no_es_efirma"}},
		{"certificate in PEM", func(_ *Titulo, f *FirmaResponsable) {
			f.CertificadoResponsable = base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: csd.CerDER}))
		}, []string{"error firmaResponsables/0/certificadoResponsable certificado_ilegible"}},
		{"certificate of nothing", func(_ *Titulo, f *FirmaResponsable) { f.CertificadoResponsable = "QUJD" }, []string{"error firmaResponsables/0/certificadoResponsable certificado_ilegible"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			titulo := firmado(t, EscapePlano, nil)
			tt.cambia(&titulo, &titulo.FirmaResponsables[0])
			if diff := cmp.Diff(tt.want, resumen(sin(Verifica(documento(t, titulo)), ruido()...))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// usa puts a certificate of the same key in the place of the signer's, so that
// the sello still verifies.
func usa(f *FirmaResponsable, e *autoridad.Emitida) {
	f.CertificadoResponsable, f.NoCertificadoResponsable = base64.StdEncoding.EncodeToString(e.CerDER), autoridad.Serial(e.Certificate)
}

func TestVerifica_WhenTwoSignAndOneIsWrong(t *testing.T) {
	titulo := completo(t)
	titulo.Autenticacion = nil
	titulo.FirmaResponsables[1].AbrTitulo = "DRA."
	want := []string{"aviso firmaResponsables/0/sello sello_plano", "error firmaResponsables/1/sello sello"}
	if diff := cmp.Diff(want, resumen(sin(Verifica(documento(t, titulo)), ruido()...))); diff != "" {
		t.Error(diff)
	}
}

func TestVerifica_WhenEscapedEitherWay(t *testing.T) {
	for escape, want := range map[Escape]string{
		EscapePlano:     "aviso firmaResponsables/0/sello sello_plano",
		EscapeEntidades: "aviso firmaResponsables/0/sello sello_entidades",
	} {
		titulo := firmado(t, escape, func(e *Titulo) { e.Antecedente.InstitucionProcedencia = "A & B" })
		if diff := cmp.Diff([]string{want}, resumen(sin(Verifica(documento(t, titulo)), ruido()...))); diff != "" {
			t.Error(diff)
		}
	}
}

func TestVerifica_WhenCertificateIsOutOfItsDates(t *testing.T) {
	for dia, want := range map[string]bool{
		"2025-05-31": true, "2025-06-01": false, "2029-06-01": false, "2029-06-02": true,
	} {
		e := emitida(t, autoridad.Peticion{
			CURP: curpRectora, NotBefore: time.Date(2025, 6, 1, 18, 0, 0, 0, time.UTC), NotAfter: time.Date(2029, 6, 1, 6, 0, 0, 0, time.UTC),
		})
		titulo := ejemplo()
		titulo.Expedicion.FechaExpedicion = dia
		usa(&titulo.FirmaResponsables[0], e)
		got := slices.Contains(resumen(Verifica(documento(t, titulo))), "aviso firmaResponsables/0/certificadoResponsable certificado_fuera_de_vigencia")
		if got != want {
			t.Errorf("issued on %s: aviso %v, want %v", dia, got, want)
		}
	}
}

func TestVerifica_WhenAuthenticated(t *testing.T) {
	xml := documento(t, firmado(t, EscapePlano, func(e *Titulo) { e.Autenticacion = &Autenticacion{Version: "1.0"} }))
	if diff := cmp.Diff([]string{"aviso autenticacion autenticacion"}, resumen(sin(Verifica(xml), ruido()...))); diff != "" {
		t.Error(diff)
	}
}

func TestVerifica_WhenSchemaLocationIsOneToken(t *testing.T) {
	xml := strings.Replace(string(documento(t, firmado(t, EscapePlano, nil))), Namespace+" schema", Namespace+"schema", 1)
	if diff := cmp.Diff([]string{"aviso  schema_location"}, resumen(sin(Verifica([]byte(xml)), ruido()...))); diff != "" {
		t.Error(diff)
	}
}

func TestParse_WhenLenient(t *testing.T) {
	want := firmado(t, EscapePlano, nil)
	xml := string(documento(t, want))
	quita := strings.NewReplacer(` xmlns="`+Namespace+`"`, "")
	for name, variante := range map[string]string{
		"no namespace":        quita.Replace(xml),
		"a prefix":            strings.NewReplacer(` xmlns="`, ` xmlns:t="`, "<Ti", "<t:Ti", "</Ti", "</t:Ti", "<Fi", "<t:Fi", "</Fi", "</t:Fi", "<Ins", "<t:Ins", "<Ca", "<t:Ca", "<Pr", "<t:Pr", "<Ex", "<t:Ex", "<An", "<t:An").Replace(xml),
		"empty Autenticacion": strings.Replace(xml, "</Titulo", "<Autenticacion />\n</Titulo", 1),
		"empty date":          strings.Replace(xml, `cumplioServicioSocial`, `fechaExencionExamenProfesional="" cumplioServicioSocial`, 1),
		"no declaration":      xml[strings.Index(xml, "<Titulo"):],
		"comments":            strings.Replace(xml, "<Carrera", "<!-- a --><?b c?><Carrera", 1) + "<!-- d -->",
		"line in a value":     strings.Replace(xml, "DE AGUAS", "DE\nAGUAS", 1),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse([]byte(variante))
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
func TestVerifica_WhenALineBreakIsAReferenceTheSelloIsOverIt(t *testing.T) {
	// Neither Sella nor Marshal takes such values, so both are done by hand.
	titulo := firmado(t, EscapePlano, nil)
	sellada := titulo
	sellada.Institucion.NombreInstitucion = "UNIVERSIDAD\nTECNOLÓGICA\r\nDE AGUASCALIENTES"
	digest := sha256.Sum256(CadenaOriginal(sellada, 0, EscapePlano))
	sello, err := credencial(t, curpRectora).Signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	titulo.FirmaResponsables[0].Sello = base64.StdEncoding.EncodeToString(sello)
	xml := string(documento(t, titulo))
	const escrito = "UNIVERSIDAD TECNOLÓGICA DE AGUASCALIENTES"
	for como, want := range map[string]string{
		"UNIVERSIDAD&#10;TECNOLÓGICA&#xD;&#xA;DE AGUASCALIENTES": "aviso institucion/nombreInstitucion espacios",
		"UNIVERSIDAD\nTECNOLÓGICA\r\nDE AGUASCALIENTES":          "error firmaResponsables/0/sello sello",
	} {
		got := resumen(sin(Verifica([]byte(strings.Replace(xml, escrito, como, 1))), ruido()...))
		if diff := cmp.Diff([]string{want}, got); diff != "" || !strings.Contains(xml, escrito) {
			t.Errorf("%q:\n%s", como, diff)
		}
	}
}

func TestParse_WhenRefused(t *testing.T) {
	xml := string(documento(t, ejemplo()))
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
			var p Problema
			if !errors.As(err, &p) || p.Codigo != tt.want || p.Detalle == "" {
				t.Fatalf("error = %v, want %s", err, tt.want)
			}
			if got := Verifica([]byte(tt.xml)); len(got) == 0 || cmp.Diff(p, got[len(got)-1]) != "" {
				t.Errorf("Verifica says %v", got)
			}
		})
	}
}

func TestParse_WhenUnknownNodesAreNotTooDeep(t *testing.T) {
	hondo := strings.Repeat("<a>", maxProfundidad-1) + strings.Repeat("</a>", maxProfundidad-1)
	xml := strings.Replace(string(documento(t, ejemplo())), "<Carrera", hondo+"<Carrera", 1)
	if got, err := Parse([]byte(xml)); err != nil || cmp.Diff(ejemplo(), got) != "" {
		t.Error(got, err)
	}
	if _, err := Parse([]byte(strings.Replace(xml, "<a></a>", "<a><a></a></a>", 1))); err == nil {
		t.Error("one level more was read")
	}
}

func TestVerifica_WhenThereIsNoEndOfProblems(t *testing.T) {
	xml := strings.Replace(string(documento(t, ejemplo())), "<Carrera", strings.Repeat("<X/>", 5000)+"<Carrera", 1)
	got := Verifica([]byte(xml))
	got = slices.DeleteFunc(got, func(p Problema) bool { return p.Nivel == NivelAviso })
	if len(got) != maxProblemas+1 || got[maxProblemas].Codigo != CodigoDemasiadosProblemas {
		t.Errorf("%d errors, the last %v", len(got), got[len(got)-1])
	}
}
