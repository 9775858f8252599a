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
	curpMala  = "Validación RENAPO, CURP no válida en el nodo Profesionista: La CURP no se encuentra en la base de datos"
	nombreMal = "Validación RENAPO, nombre no válido en el nodo Profesionista: "
	bus       = "Error Bus criptografico: "
	certMalo  = bus + "El certificado de Emisor no ha sido registrado o es inválido"
	selloMalo = bus + "La Secuencia no ha sido autenticada"
)

// examina uploads a title by itself and returns its DESCRIPCION.
func (b *banco) examina(documento string) string {
	b.t.Helper()
	filas := b.resultado("t.xml", []byte(documento))
	if len(filas) != 1 || (filas[0][1] == "1") != (filas[0][2] == hecho) {
		b.t.Fatalf("%q", filas)
	}
	return filas[0][2]
}

func TestTitle_EachRuleHasItsText(t *testing.T) {
	b := arranca(t)
	if err := b.Perillas().Cambia(map[string]any{"sep_curps_desconocidas": "XAXX010101HNEXXXA4, AICA770112HDFRNL09"}); err != nil {
		t.Fatal(err)
	}
	for nombre, c := range map[string]struct {
		elemento, atributo, valor, want string
	}{
		"good":                        {"Profesionista", "segundoApellido", "", hecho},
		"CURP that RENAPO lacks":      {"Profesionista", "curp", "AICA770112HDFRNL09", curpMala},
		"CURP of another form":        {"Profesionista", "curp", "AICA771312HDFRNL01", curpMala},
		"name in small letters":       {"Profesionista", "nombre", "Antonio", nombreMal + "Antonio"},
		"name with two blanks":        {"Profesionista", "primerApellido", "DE  LEÓN", nombreMal + "DE  LEÓN"},
		"entidad of one digit":        {"Antecedente", "idEntidadFederativa", "9", "Identificador de entidad federativa no válido en el nodo Antecedente: 9"},
		"entidad of one digit, other": {"Expedicion", "idEntidadFederativa", "9", "Identificador de entidad federativa no válido en el nodo Expedicion: 9"},
		"entidad and another's name":  {"Expedicion", "entidadFederativa", "DISTRITO FEDERAL", "Nombre de entidad federativa no válido en el nodo Expedicion: DISTRITO FEDERAL"},
		"entidad without its name":    {"Antecedente", "entidadFederativa", "", hecho},
		"cargo":                       {"FirmaResponsable", "cargo", "RECTORA", "Nombre de cargo no válido en el nodo FirmaResponsables: RECTORA"},
		"cargo that is not there":     {"FirmaResponsable", "idCargo", "99", "Identificador de cargo no válido en el nodo FirmaResponsables: 99"},
		"autorización":                {"Carrera", "autorizacionReconocimiento", "OTRO", "Nombre de autorización de reconocimiento no válido en el nodo Carrera: OTRO"},
		"modalidad":                   {"Expedicion", "modalidadTitulacion", "TESIS", "Nombre de modalidad de titulación no válido en el nodo Expedicion: TESIS"},
		"fundamento":                  {"Expedicion", "fundamentoLegalServicioSocial", "ART. 55 LR ART. 5 CONST", "Nombre de fundamento legal de servicio social no válido en el nodo Expedicion: ART. 55 LR ART. 5 CONST"},
		"estudio":                     {"Antecedente", "tipoEstudioAntecedente", "PREPARATORIA", "Nombre de tipo de estudio no válido en el nodo Antecedente: PREPARATORIA"},
		"certificate that is none":    {"FirmaResponsable", "certificadoResponsable", "eHh4", certMalo},
		"another certificate number":  {"FirmaResponsable", "noCertificadoResponsable", "00001000000409388297", bus + "No existe información para los datos proporcionados"},
		"another signer":              {"FirmaResponsable", "curp", "AICA770112HDFRNL01", bus + "La Curp del AICA770112HDFRNL01 no es igual a: PEPJ800101MDFRRN03"},
	} {
		if got := b.examina(b.sellado(b.titulo(nombre).con(c.elemento, c.atributo, c.valor))); got != c.want {
			t.Errorf("%s: %s", nombre, got)
		}
	}
	roto := strings.Replace(b.sellado(b.titulo("roto")), "ANTONIO", "ANTONIA", 1)
	if got := b.examina(roto); got != selloMalo {
		t.Errorf("changed after it was sealed: %s", got)
	}
	if got := b.examina(b.titulo("x").con("FirmaResponsable", "sello", "eHh4").xml()); got != selloMalo {
		t.Errorf("seal that is none: %s", got)
	}
}

func TestTitle_OnlyCertificatesOfTheAuthorityAreRegistered(t *testing.T) {
	b := arranca(t)
	propia := b.Autoridad()
	ajena, err := autoridad.New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	peticion := autoridad.Peticion{RFC: "PEPJ800101AB5", CURP: "PEPJ800101MDFRRN03", Password: "x", Key: b.firma.Key}
	emite := func(a *autoridad.Autoridad, cambia func(*autoridad.Peticion)) *autoridad.Emitida {
		p := peticion
		cambia(&p)
		e, err := a.Emite(p)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	revocada := emite(propia, func(*autoridad.Peticion) {})
	propia.Revoca(autoridad.Serial(revocada.Certificate))
	for nombre, c := range map[string]struct {
		firma *autoridad.Emitida
		want  string
	}{
		"another of its own":  {emite(propia, func(*autoridad.Peticion) {}), hecho},
		"of a company":        {emite(propia, func(p *autoridad.Peticion) { p.RFC, p.RFCRepresentante = "PRU010101AB1", p.RFC }), hecho},
		"another authority's": {emite(ajena, func(*autoridad.Peticion) {}), certMalo},
		"revoked":             {revocada, certMalo},
		"expired": {emite(propia, func(p *autoridad.Peticion) {
			p.NotBefore, p.NotAfter = time.Now().AddDate(-5, 0, 0), time.Now().AddDate(-1, 0, 0)
		}), certMalo},
		"of a CSD":  {emite(propia, func(p *autoridad.Peticion) { p.Tipo = autoridad.CSD }), certMalo},
		"of nobody": {emite(propia, func(p *autoridad.Peticion) { p.CURP = "" }), bus + "La Curp del PEPJ800101MDFRRN03 no es igual a: "},
	} {
		b.firma = c.firma
		if got := b.examina(b.sellado(b.titulo(nombre))); got != c.want {
			t.Errorf("%s: %s", nombre, got)
		}
	}
}

func TestTitle_FormOfTheCadenaIsAKnob(t *testing.T) {
	b := arranca(t)
	// The name of the institution has quotes and an ampersand.
	formas := map[string]func(string) string{
		"plana":     func(s string) string { return s },
		"entidades": func(s string) string { return strings.ReplaceAll(html.EscapeString(s), "&#34;", "&quot;") },
	}
	for perilla, admite := range map[string][]string{"ambas": {"plana", "entidades"}, "plana": {"plana"}, "entidades": {"entidades"}} {
		if err := b.Perillas().Cambia(map[string]any{"sep_cadena": perilla}); err != nil {
			t.Fatal(err)
		}
		for forma, escapa := range formas {
			want := selloMalo
			if strings.Contains(strings.Join(admite, " "), forma) {
				want = hecho
			}
			if got := b.examina(b.sella(b.titulo(perilla+forma), escapa).xml()); got != want {
				t.Errorf("knob %s, sealed %s: %s", perilla, forma, got)
			}
		}
	}
	if err := b.Perillas().Cambia(map[string]any{"sep_cadena": "otra"}); err == nil || !strings.Contains(err.Error(), "ambas, plana, entidades") {
		t.Errorf("another form: %v", err)
	}
}

func TestTitle_StructureIsStrict(t *testing.T) {
	b := arranca(t)
	bueno := b.sellado(b.titulo("E"))
	cambia := func(de, a string) string {
		if !strings.Contains(bueno, de) {
			t.Fatalf("no %s", de)
		}
		return strings.Replace(bueno, de, a, 1)
	}
	for nombre, documento := range map[string]string{
		"not XML":               "hola",
		"cut":                   bueno[:len(bueno)-5],
		"DOCTYPE":               strings.Replace(bueno, "?>", "?><!DOCTYPE x>", 1),
		"no namespace":          cambia(`xmlns="https://www.siged.sep.gob.mx/titulos/"`, ""),
		"another namespace":     cambia(`mx/titulos/"`, `mx/titulos"`),
		"another root":          strings.ReplaceAll(bueno, "TituloElectronico", "Titulo"),
		"version":               cambia(`version="1.0" `, `version="1.1" `),
		"unknown attribute":     cambia("<Institucion ", `<Institucion otro="1" `),
		"attribute of another":  cambia("<Institucion ", `<Institucion xmlns:o="urn:o" o:x="1" `),
		"attribute missing":     cambia(`correoElectronico="a@b.mx"`, ""),
		"empty date":            cambia("<Carrera ", `<Carrera fechaInicio="" `),
		"date that is none":     cambia("2003-08-12", "2003-02-30"),
		"integer that is none":  cambia(`cumplioServicioSocial="1"`, `cumplioServicioSocial="SI"`),
		"sello not base64":      cambia(`sello="`, `sello="*`),
		"two roots":             bueno + "<x/>",
		"text":                  cambia("<Institucion", "x<Institucion"),
		"no signers":            strings.ReplaceAll(strings.ReplaceAll(bueno, "<FirmaResponsables>", ""), "</FirmaResponsables>", ""),
		"no signer":             bueno[:strings.Index(bueno, "<FirmaResponsable ")] + bueno[strings.Index(bueno, "</FirmaResponsables>"):],
		"element twice":         cambia("<Carrera ", `<Institucion cveInstitucion="1" nombreInstitucion="X"/><Carrera `),
		"element too many":      cambia("</TituloElectronico>", "<Autenticacion/></TituloElectronico>"),
		"element missing":       bueno[:strings.Index(bueno, "<Antecedente")] + "</TituloElectronico>",
		"nested without end":    "<a xmlns='https://www.siged.sep.gob.mx/titulos/'>" + strings.Repeat("<a>", 100_000),
		"declared as latin one": strings.Replace(bueno, "UTF-8", "ISO-8859-1", 1),
	} {
		if got := b.examina(documento); !strings.HasPrefix(got, "Estructura del archivo XML no válida: ") {
			t.Errorf("%s: %s", nombre, got)
		}
	}
	if got := b.examina(strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(bueno, "</", "</t:"), "<", "<t:"), "<t:/t:", "</t:"), "<t:?", "<?")); !strings.HasPrefix(got, "Estructura") {
		t.Errorf("a prefix that is not declared: %s", got)
	}
	if got := b.examina("\xEF\xBB\xBF" + bueno); got != hecho {
		t.Errorf("byte order mark: %s", got)
	}
	uno := b.sellado(b.titulo("dos"))
	firmante := uno[strings.Index(uno, "<FirmaResponsable "):strings.Index(uno, "</FirmaResponsables>")]
	if got := b.examina(strings.Replace(uno, firmante, firmante+firmante, 1)); got != hecho {
		t.Errorf("two signers: %s", got)
	}
}

func TestUpload_WhatIsNoTitle(t *testing.T) {
	b := arranca(t)
	t.Setenv("TMPDIR", t.TempDir())
	bueno := b.sellado(b.titulo("Z"))
	for nombre, c := range map[string]struct {
		archivo string
		want    string
	}{
		"lote.rar":   {bueno, tipoMalo},
		"lote.zip":   {bueno, tipoMalo},
		"doble.zip":  {b64(empaca(t, entrada{"a.xml", bueno})), tipoMalo},
		"grande.xml": {bueno + strings.Repeat(" ", 1<<20), tipoMalo},
	} {
		if filas := b.resultado(nombre, []byte(c.archivo)); len(filas) != 1 || filas[0][0] != nombre || filas[0][1] != "2" || filas[0][2] != c.want {
			t.Errorf("%s: %q", nombre, filas)
		}
	}
	if filas := b.resultado("vacio.zip", empaca(t)); len(filas) != 0 {
		t.Errorf("empty: %q", filas)
	}
	if filas := b.resultado("mezcla.zip", empaca(t, entrada{"g.xml", strings.Repeat(" ", 1<<21)}, entrada{"z.xml", bueno})); len(filas) != 2 || filas[0][2] != tipoMalo || filas[1][2] != hecho {
		t.Errorf("mixed: %q", filas)
	}
	sobran, err := os.ReadDir(os.TempDir())
	if err != nil || len(sobran) > 0 {
		t.Errorf("left behind: %v %v", sobran, err)
	}
}
