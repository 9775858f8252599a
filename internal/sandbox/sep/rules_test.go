package sep_test

import (
	"html"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

const (
	curpBad  = "Validación RENAPO, CURP no válida en el nodo Profesionista: La CURP no se encuentra en la base de datos"
	badName  = "Validación RENAPO, nombre no válido en el nodo Profesionista: "
	bus      = "Error Bus criptografico: "
	certBad  = bus + "El certificado de Emisor no ha sido registrado o es inválido"
	selloBad = bus + "La Secuencia no ha sido autenticada"
)

// examine uploads a title by itself and returns its DESCRIPCION.
func (b *bench) examine(document string) string {
	b.t.Helper()
	rows := b.result("t.xml", []byte(document))
	if len(rows) != 1 || (rows[0][1] == "1") != (rows[0][2] == done) {
		b.t.Fatalf("%q", rows)
	}
	return rows[0][2]
}

func TestTitle_EachRuleHasItsText(t *testing.T) {
	b := start(t)
	if err := b.Knobs().Change(map[string]any{"sep_curps_desconocidas": "XAXX010101HNEXXXA4, AICA770112HDFRNL09"}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		element, attribute, value, want string
	}{
		"good":                        {"Profesionista", "segundoApellido", "", done},
		"CURP that RENAPO lacks":      {"Profesionista", "curp", "AICA770112HDFRNL09", curpBad},
		"CURP of another form":        {"Profesionista", "curp", "AICA771312HDFRNL01", curpBad},
		"name in small letters":       {"Profesionista", "nombre", "Antonio", badName + "Antonio"},
		"name with two blanks":        {"Profesionista", "primerApellido", "DE  LEÓN", badName + "DE  LEÓN"},
		"entidad of one digit":        {"Antecedente", "idEntidadFederativa", "9", "Identificador de entidad federativa no válido en el nodo Antecedente: 9"},
		"entidad of one digit, other": {"Expedicion", "idEntidadFederativa", "9", "Identificador de entidad federativa no válido en el nodo Expedicion: 9"},
		"entidad and another's name":  {"Expedicion", "entidadFederativa", "DISTRITO FEDERAL", "Nombre de entidad federativa no válido en el nodo Expedicion: DISTRITO FEDERAL"},
		"entidad without its name":    {"Antecedente", "entidadFederativa", "", done},
		"cargo":                       {"FirmaResponsable", "cargo", "RECTORA", "Nombre de cargo no válido en el nodo FirmaResponsables: RECTORA"},
		"cargo that is not there":     {"FirmaResponsable", "idCargo", "99", "Identificador de cargo no válido en el nodo FirmaResponsables: 99"},
		"autorización":                {"Carrera", "autorizacionReconocimiento", "OTRO", "Nombre de autorización de reconocimiento no válido en el nodo Carrera: OTRO"},
		"modalidad":                   {"Expedicion", "modalidadTitulacion", "TESIS", "Nombre de modalidad de titulación no válido en el nodo Expedicion: TESIS"},
		"fundamento":                  {"Expedicion", "fundamentoLegalServicioSocial", "ART. 55 LR ART. 5 CONST", "Nombre de fundamento legal de servicio social no válido en el nodo Expedicion: ART. 55 LR ART. 5 CONST"},
		"estudio":                     {"Antecedente", "tipoEstudioAntecedente", "PREPARATORIA", "Nombre de tipo de estudio no válido en el nodo Antecedente: PREPARATORIA"},
		"certificate that is none":    {"FirmaResponsable", "certificadoResponsable", "eHh4", certBad},
		"another certificate number":  {"FirmaResponsable", "noCertificadoResponsable", "00001000000409388297", bus + "No existe información para los datos proporcionados"},
		"another signer":              {"FirmaResponsable", "curp", "AICA770112HDFRNL01", bus + "La Curp del AICA770112HDFRNL01 no es igual a: PEPJ800101MDFRRN03"},
	} {
		if got := b.examine(b.sealed(b.titulo(name).with(c.element, c.attribute, c.value))); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
	}
	broken := strings.Replace(b.sealed(b.titulo("roto")), "ANTONIO", "ANTONIA", 1)
	if got := b.examine(broken); got != selloBad {
		t.Errorf("changed after it was sealed: %s", got)
	}
	if got := b.examine(b.titulo("x").with("FirmaResponsable", "sello", "eHh4").xml()); got != selloBad {
		t.Errorf("seal that is none: %s", got)
	}
}

func TestTitle_OnlyCertificatesOfTheAuthorityAreRegistered(t *testing.T) {
	b := start(t)
	own := b.Autoridad()
	foreign, err := autoridad.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	request := autoridad.Request{RFC: "PEPJ800101AB5", CURP: "PEPJ800101MDFRRN03", Password: "x", Key: b.firma.Key}
	issue := func(a *autoridad.Autoridad, change func(*autoridad.Request)) *autoridad.Emitido {
		p := request
		change(&p)
		e, err := a.Issue(p)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	revoked := issue(own, func(*autoridad.Request) {})
	own.Revoke(autoridad.Serial(revoked.Certificate))
	for name, c := range map[string]struct {
		firma *autoridad.Emitido
		want  string
	}{
		"another of its own":  {issue(own, func(*autoridad.Request) {}), done},
		"of a company":        {issue(own, func(p *autoridad.Request) { p.RFC, p.RFCRepresentante = "PRU010101AB1", p.RFC }), done},
		"another authority's": {issue(foreign, func(*autoridad.Request) {}), certBad},
		"revoked":             {revoked, certBad},
		"expired": {issue(own, func(p *autoridad.Request) {
			p.NotBefore, p.NotAfter = time.Now().AddDate(-5, 0, 0), time.Now().AddDate(-1, 0, 0)
		}), certBad},
		"of a CSD":  {issue(own, func(p *autoridad.Request) { p.Tipo = autoridad.CSD }), certBad},
		"of nobody": {issue(own, func(p *autoridad.Request) { p.CURP = "" }), bus + "La Curp del PEPJ800101MDFRRN03 no es igual a: "},
	} {
		b.firma = c.firma
		if got := b.examine(b.sealed(b.titulo(name))); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestTitle_FormOfTheCadenaIsAKnob(t *testing.T) {
	b := start(t)
	// The name of the institution has quotes and an ampersand.
	forms := map[string]func(string) string{
		"plana":     func(s string) string { return s },
		"entidades": func(s string) string { return strings.ReplaceAll(html.EscapeString(s), "&#34;", "&quot;") },
	}
	for knob, admit := range map[string][]string{"ambas": {"plana", "entidades"}, "plana": {"plana"}, "entidades": {"entidades"}} {
		if err := b.Knobs().Change(map[string]any{"sep_cadena": knob}); err != nil {
			t.Fatal(err)
		}
		for form, escape := range forms {
			want := selloBad
			if strings.Contains(strings.Join(admit, " "), form) {
				want = done
			}
			if got := b.examine(b.seal(b.titulo(knob+form), escape).xml()); got != want {
				t.Errorf("knob %s, sealed %s: %s", knob, form, got)
			}
		}
	}
	if err := b.Knobs().Change(map[string]any{"sep_cadena": "otra"}); err == nil || !strings.Contains(err.Error(), "ambas, plana, entidades") {
		t.Errorf("another form: %v", err)
	}
}

func TestTitle_StructureIsStrict(t *testing.T) {
	b := start(t)
	good := b.sealed(b.titulo("E"))
	change := func(de, a string) string {
		if !strings.Contains(good, de) {
			t.Fatalf("no %s", de)
		}
		return strings.Replace(good, de, a, 1)
	}
	for name, document := range map[string]string{
		"not XML":               "hola",
		"cut":                   good[:len(good)-5],
		"DOCTYPE":               strings.Replace(good, "?>", "?><!DOCTYPE x>", 1),
		"no namespace":          change(`xmlns="https://www.siged.sep.gob.mx/titulos/"`, ""),
		"another namespace":     change(`mx/titulos/"`, `mx/titulos"`),
		"another root":          strings.ReplaceAll(good, "TituloElectronico", "Titulo"),
		"version":               change(`version="1.0" `, `version="1.1" `),
		"unknown attribute":     change("<Institucion ", `<Institucion otro="1" `),
		"attribute of another":  change("<Institucion ", `<Institucion xmlns:o="urn:o" o:x="1" `),
		"attribute missing":     change(`correoElectronico="a@b.mx"`, ""),
		"empty date":            change("<Carrera ", `<Carrera fechaInicio="" `),
		"date that is none":     change("2003-08-12", "2003-02-30"),
		"integer that is none":  change(`cumplioServicioSocial="1"`, `cumplioServicioSocial="SI"`),
		"sello not base64":      change(`sello="`, `sello="*`),
		"two roots":             good + "<x/>",
		"text":                  change("<Institucion", "x<Institucion"),
		"no signers":            strings.ReplaceAll(strings.ReplaceAll(good, "<FirmaResponsables>", ""), "</FirmaResponsables>", ""),
		"no signer":             good[:strings.Index(good, "<FirmaResponsable ")] + good[strings.Index(good, "</FirmaResponsables>"):],
		"element twice":         change("<Carrera ", `<Institucion cveInstitucion="1" nombreInstitucion="X"/><Carrera `),
		"element too many":      change("</TituloElectronico>", "<Autenticacion/></TituloElectronico>"),
		"element missing":       good[:strings.Index(good, "<Antecedente")] + "</TituloElectronico>",
		"nested without end":    "<a xmlns='https://www.siged.sep.gob.mx/titulos/'>" + strings.Repeat("<a>", 100_000),
		"declared as latin one": strings.Replace(good, "UTF-8", "ISO-8859-1", 1),
	} {
		if got := b.examine(document); !strings.HasPrefix(got, "Estructura del archivo XML no válida: ") {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := b.examine(strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(good, "</", "</t:"), "<", "<t:"), "<t:/t:", "</t:"), "<t:?", "<?")); !strings.HasPrefix(got, "Estructura") {
		t.Errorf("a prefix that is not declared: %s", got)
	}
	if got := b.examine("\xEF\xBB\xBF" + good); got != done {
		t.Errorf("byte order mark: %s", got)
	}
	one := b.sealed(b.titulo("dos"))
	firmante := one[strings.Index(one, "<FirmaResponsable "):strings.Index(one, "</FirmaResponsables>")]
	if got := b.examine(strings.Replace(one, firmante, firmante+firmante, 1)); got != done {
		t.Errorf("two signers: %s", got)
	}
}

func TestUpload_WhatIsNoTitle(t *testing.T) {
	b := start(t)
	t.Setenv("TMPDIR", t.TempDir())
	good := b.sealed(b.titulo("Z"))
	for name, c := range map[string]struct {
		file string
		want string
	}{
		"lote.rar":   {good, tipoBad},
		"lote.zip":   {good, tipoBad},
		"doble.zip":  {b64(pack(t, entry{"a.xml", good})), tipoBad},
		"grande.xml": {good + strings.Repeat(" ", 1<<20), tipoBad},
	} {
		if rows := b.result(name, []byte(c.file)); len(rows) != 1 || rows[0][0] != name || rows[0][1] != "2" || rows[0][2] != c.want {
			t.Errorf("%s: %q", name, rows)
		}
	}
	if rows := b.result("vacio.zip", pack(t)); len(rows) != 0 {
		t.Errorf("empty: %q", rows)
	}
	if rows := b.result("mezcla.zip", pack(t, entry{"g.xml", strings.Repeat(" ", 1<<21)}, entry{"z.xml", good})); len(rows) != 2 || rows[0][2] != tipoBad || rows[1][2] != done {
		t.Errorf("mixed: %q", rows)
	}
	surplus, err := os.ReadDir(os.TempDir())
	if err != nil || len(surplus) > 0 {
		t.Errorf("left behind: %v %v", surplus, err)
	}
}
