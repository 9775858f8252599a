package conform

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// contract uses every supported keyword.
const contract = `
openapi: 3.0.3
info: {title: t, version: "1"}
paths: {}
components:
  schemas:
    Rfc: {type: string, pattern: '^[A-Z&Ñ]{3,4}[0-9]{6}[A-Z0-9]{3}$', x-forma: un RFC, example: PRU010101AB1}
    Cosa:
      type: object
      additionalProperties: false
      required: [rfc]
      properties:
        rfc: {description: d, allOf: [{$ref: '#/components/schemas/Rfc'}]}
        clase: {type: string, enum: [una, otra]}
        nombre: {type: string, minLength: 2, maxLength: 4}
        algo: {type: string, minLength: 1}
        cuando: {type: string, format: date-time}
        fecha: {type: string, pattern: '^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$', x-forma: una fecha con hora, example: '2026-01-31T23:59:59'}
        n: {type: integer, minimum: 1, maximum: 10}
        real: {type: boolean}
        rfcs: {type: array, maxItems: 2, minItems: 1, uniqueItems: true, items: {$ref: '#/components/schemas/Rfc'}}
        cosas: {type: array, maxItems: 200, items: {$ref: '#/components/schemas/Cosa'}}
        mas: {type: array, maxItems: 3, minItems: 2, items: {type: integer}}
`

func compile(t *testing.T, yaml, name string) (*Schema, error) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData([]byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return NewCompiler(nil).Compile(doc.Components.Schemas[name])
}

func thing(t *testing.T) *Schema {
	t.Helper()
	s, err := compile(t, contract, "Cosa")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// judge returns the error's detail or the faults of a body.
func judge(s *Schema, body string) (detail string, fields map[string]string, kind gateway.Kind) {
	faults := &Faults{}
	err := s.Body([]byte(body), faults)
	if err == nil {
		err = faults.Err()
	}
	if err == nil {
		return "", nil, ""
	}
	e := gateway.AsError(err)
	fields = make(map[string]string)
	for _, c := range e.Fields {
		fields[c.Campo] += c.Detalle
	}
	return e.Detail, fields, e.Kind
}

// with is a Cosa with one more field.
func with(field string) string { return `{"rfc":"PRU010101AB1",` + field + `}` }

func TestBody_WhenAValueBreaksItsRuleItSaysWhatIsRight(t *testing.T) {
	t.Parallel()
	s := thing(t)
	for body, want := range map[string][2]string{
		`{}`:                                {"rfc", "Es obligatorio."},
		`{"rfc":""}`:                        {"rfc", "No puede ir vacío. Debe ser un RFC, como PRU010101AB1."},
		`{"rfc":null}`:                      {"rfc", "No puede ser nulo"},
		`{"rfc":7}`:                         {"rfc", "Debe ser un texto, entre comillas; es un número."},
		`{"rfc":["PRU010101AB1"]}`:          {"rfc", "es una lista"},
		with(`"otro":1`):                    {"otro", "No es un campo de esta petición."},
		with(`"":{}`):                       {`""`, "No es un campo de esta petición."},
		with(`"RFC":{"a":[1]}`):             {"RFC", "No es un campo de esta petición."},
		with(`"clase":"UNA"`):               {"clase", "No es uno de los valores válidos"},
		with(`"nombre":"ñ"`):                {"nombre", "Requiere 2 caracteres como mínimo."},
		with(`"nombre":"ñandú"`):            {"nombre", "Rebasa los 4 caracteres."},
		with(`"nombre":"ñan\u00fa!"`):       {"nombre", "Rebasa los 4 caracteres."},
		with(`"algo":""`):                   {"algo", "No puede ir vacío."},
		with(`"cuando":"2026-01-01"`):       {"cuando", "RFC 3339"},
		with(`"n":0`):                       {"n", "Debe ser 1 como mínimo."},
		with(`"n":11`):                      {"n", "Debe ser 10 como máximo."},
		with(`"n":1.5`):                     {"n", "Debe ser un entero, en dígitos"},
		with(`"n":1e2`):                     {"n", "Debe ser un entero, en dígitos"},
		with(`"n":"3"`):                     {"n", "Debe ser un entero, sin comillas; es un texto."},
		with(`"n":true`):                    {"n", "es un booleano"},
		with(`"n":99999999999999999999999`): {"n", "demasiado grande"},
		with(`"real":"true"`):               {"real", "Debe ser true o false, sin comillas"},
		with(`"real":1`):                    {"real", "Debe ser true o false; es un número"},
		with(`"rfcs":[]`):                   {"rfcs", "La lista no puede ir vacía: requiere al menos un elemento."},
		with(`"mas":[1]`):                   {"mas", "La lista requiere 2 elementos como mínimo."},
		with(`"rfcs":"PRU010101AB1"`):       {"rfcs", "Debe ser una lista, entre [ y ], aunque lleve un solo elemento; es un texto."},
		with(`"rfcs":["PRU010101AB1","x"]`): {"rfcs/1", "Debe ser un RFC"},
		with(`"rfcs":["PRU010101AB1","PRU010101AB\u0031"]`):                   {"rfcs", "Tiene valores repetidos."},
		with(`"rfcs":["PRU010101AB1","PRU010101AB2","PRU010101AB3",{},[[]]]`): {"rfcs", "Admite 2 elementos como máximo, y trae más."},
		with(`"cosas":{}`): {"cosas", "es un objeto"},
		with(`"cosas":[{"rfc":"PRU010101AB1","cosas":[{"rfc":"PRU010101AB1"},{}]}]`): {"cosas/0/cosas/1/rfc", "Es obligatorio."},
	} {
		_, fields, kind := judge(s, body)
		if said, ok := fields[want[0]]; !ok || len(fields) != 1 || !strings.Contains(said, want[1]) || kind != gateway.KindInvalida || strings.Contains(said, "^") {
			t.Errorf("%s: %v (kind %s)", body, fields, kind)
		}
	}
	for _, body := range []string{
		`{"rfc":"PRU010101AB1"}`, "\n\t {\r\n\"rfc\" : \"PRU010101AB1\" } \n", with(`"nombre":"ñu","algo":" ","n":10,"real":false,"clase":"otra","cuando":"2026-01-01T00:00:00Z","mas":[1,1,-5]`),
		with(`"cosas":[],"rfcs":["PRU010101AB1","PRU010101AB2"],"fecha":"2026-01-01T00:00:00"`), `{"\u0072fc":"PRU010101AB\u0031"}`,
	} {
		if detail, fields, _ := judge(s, body); detail != "" {
			t.Errorf("%s: %s %v", body, detail, fields)
		}
	}
}

func TestBody_WhenSeveralThingsAreWrongItListsThemInOrder(t *testing.T) {
	t.Parallel()
	faults := &Faults{}
	if err := thing(t).Body([]byte(`{"n":0,"rfcs":["a","b","c"],"x":{"y":[]},"real":1}`), faults); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range gateway.AsError(faults.Err()).Fields {
		got = append(got, c.Campo)
	}
	if diff := cmp.Diff([]string{"n", "rfcs/0", "rfcs/1", "rfcs", "x", "real", "rfc"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestBody_WhenAUsualSlipExplainsItItSaysWhatToChange(t *testing.T) {
	t.Parallel()
	s := thing(t)
	for field, want := range map[string]string{
		`"fecha":"2026-01-01T00:00:00Z"`:      "Quite la Z",
		`"fecha":"2026-01-01T00:00:00-06:00"`: "Quite la Z o el desfase",
		`"fecha":"2026-01-01"`:                "Agregue la hora. Quedaría 2026-01-01T00:00:00, o con T23:59:59 si es el fin de un rango.",
		`"fecha":"2026-01-01 10:20:30"`:       "Entre la fecha y la hora va una T. Quedaría 2026-01-01T10:20:30.",
		`"fecha":"2026-01-01T10:20"`:          "Agregue los segundos. Quedaría 2026-01-01T10:20:00.",
		`"fecha":"2026-01-01T10:20:30.123Z"`:  "Quite la Z o el desfase del final: es hora de México, sin zona; si la hora está en otra, conviértala. Quite las fracciones de segundo. Quedaría 2026-01-01T10:20:30.",
		`"fecha":"31/12/2026"`:                "El año va primero",
		`"fecha":" 2026-01-01T00:00:00"`:      "Quite los espacios del principio y del final.",
		`"rfcs":["pru010101ab1"]`:             "Va en mayúsculas.",
		`"rfcs":["PRU-010101-AB1"]`:           "Quite los guiones.",
		`"rfcs":["PRU 010101 AB1"]`:           "Quite los espacios.",
		`"rfcs":["Pru-010101-Ab1"]`:           "Va en mayúsculas. Quite los guiones.",
		`"rfcs":["PÉU010101AB1"]`:             "Quite los acentos.",
		`"rfcs":["PRU010101AB1\u200b"]`:       "Quite los signos que no se ven.",
		`"rfcs":["MUN\u0303010101AB1"]`:       "La Ñ va como un solo carácter",
		`"rfcs":["nada"]`:                     "Debe ser un RFC, como PRU010101AB1.",
	} {
		_, fields, _ := judge(s, with(field))
		for _, said := range fields {
			if !strings.HasPrefix(said, want) || !strings.Contains(said, "Debe ser") {
				t.Errorf("%s: %q, want %q", field, said, want)
			}
		}
		if len(fields) != 1 {
			t.Errorf("%s: %v", field, fields)
		}
	}
}

func TestBody_WhenItIsNoJSONItSaysWhereAndWhatWasExpected(t *testing.T) {
	t.Parallel()
	s := thing(t)
	for body, want := range map[string]string{
		"{\n  \"rfc\": \"x\",\n}":               "línea 2, columna 13: sobra la coma antes de }",
		`{"mas":[1,]}`:                          "columna 10: sobra la coma antes de ]",
		`{"n":1,,"real":true}`:                  "columna 8",
		`{,"n":1}`:                              "columna 2: sobra una coma",
		`{"n":1 "real":true}`:                   "columna 8: se esperaba una coma (,) o el fin del objeto (}); hay otro texto: quizá falta una coma",
		`{'rfc':"x"}`:                           "columna 2: se esperaba el nombre de un campo, entre comillas dobles (\"); las comillas son dobles",
		`{rfc:"x"}`:                             "se esperaba el nombre de un campo",
		`{"rfc":'x'}`:                           "columna 8: se esperaba un valor; las comillas son dobles",
		`{"rfc" "x"}`:                           "columna 8: se esperaban dos puntos",
		`{"real":True}`:                         "columna 9: se esperaba un valor; true, false y null van en minúsculas",
		`{"n":NaN}`:                             "true, false y null",
		`{"real":tru}`:                          "columna 12: un número, true, false o null está mal escrito",
		`{"n":.5}`:                              "un número empieza con un dígito",
		`{"n":-}`:                               "está mal escrito",
		`{"n":01}`:                              "columna 7",
		`{"n":1 // uno` + "\n}":                 "JSON no admite comentarios",
		`// c`:                                  "línea 1, columna 1: JSON no admite comentarios",
		`{"n":1`:                                "columna 7: aquí termina, y está incompleto: falta cerrar el objeto con }",
		`{"n":`:                                 "falta el valor del último campo",
		`{"mas":[1`:                             "falta cerrar la lista con ]",
		`{"rfc":"PRU`:                           "falta cerrar el texto con \"",
		`{"rfc":"C:\Users"}`:                    `columna 11: detrás de una diagonal inversa`,
		"{\"rfc\":\"a\nb\"}":                    `columna 10: dentro de un texto, el salto de línea se escribe \n`,
		"{\"rfc\":\"a\tb\"}":                    `el tabulador se escribe \t`,
		"{\"rfc\":\"a\x01b\"}":                  `\u0001`,
		`{"rfc":"\ud83d"}`:                      "medio par sustituto",
		`{"rfc":"\ud83dx\ude00"}`:               "medio par sustituto",
		`{"rfc":"\ude00"}`:                      "medio par sustituto",
		`{"rfc":"\u12"}`:                        "cuatro dígitos",
		`{"n":1} {}`:                            "columna 9: hay algo más después del objeto",
		`{"n":1}}`:                              "hay algo más después del objeto",
		`{"n":1} x`:                             "hay algo más después del objeto",
		"{\"rfc\":\"ÑÑ\",\n\"é\" 1}":            "línea 2, columna 5: se esperaban dos puntos",
		"rfc=PRU010101AB1":                      "se esperaba un objeto JSON, que empieza con {",
		"<xml/>":                                "se esperaba un objeto JSON, que empieza con {; hay «<»",
		"":                                      "El cuerpo está vacío.",
		" \r\n":                                 "El cuerpo está vacío.",
		"[]":                                    "El cuerpo debe ser un objeto JSON, entre { y }, y es una lista.",
		`"x"`:                                   "es un texto",
		" -1":                                   "es un número",
		"true":                                  "es un booleano",
		"null":                                  "es null",
		"\xff\xfe{\x00}\x00":                    "Está en UTF-16. Guárdelo",
		"\xfe\xff\x00{\x00}":                    "Está en UTF-16.",
		"{\x00}\x00":                            "Está en UTF-16.",
		"\x00{\x00}":                            "Está en UTF-16.",
		"\xff\xfe\x00\x00{\x00\x00\x00":         "Está en UTF-32.",
		"\x00\x00\xfe\xff\x00\x00\x00{":         "Está en UTF-32.",
		"{\x00\x00\x00":                         "Está en UTF-32.",
		"\x00\x00\x00{":                         "Está en UTF-32.",
		"\ufeff{}":                              "sin BOM",
		"{\"rfc\":\"MU\xd1OZ\"}":                "El byte 11 (línea 1, columna 11) no es de UTF-8; quizá el texto está en Latin-1",
		"{\"rfc\":\"\xd1":                       "El byte 9",
		"{\xd1:1}":                              "El byte 2",
		"{\"rfc\":\"\xed\xa0\x80\"}":            "El byte 9",
		"{\"rfc\":\"\xc0\xaf\"}":                "El byte 9",
		strings.Repeat(`{"x":`, maxLevels+1):    "más de 1000 niveles",
		`{"x":{` + manyKeys(maxKeys+1) + `}}`:   "más de 1000 claves",
		`{"x":[{` + manyKeys(maxKeys+1) + `}]}`: "más de 1000 claves",
	} {
		detail, fields, kind := judge(s, body)
		if !strings.Contains(detail, want) || kind != gateway.KindMalformada || len(fields) > 0 {
			t.Errorf("%.60q: %s %v (kind %s), want %q", body, detail, fields, kind, want)
		}
	}
	if detail, _, kind := judge(s, "\x1f\x8b\x08\x00"); kind != gateway.KindTipoContenido || !strings.Contains(detail, "gzip") {
		t.Errorf("gzip: %s, kind %s", detail, kind)
	}
	if detail, _, _ := judge(s, with(`"nombre":"\ud83d\ude00\ud83d\ude00"`)); detail != "" {
		t.Errorf("whole pairs: %s", detail)
	}
	if detail, _, _ := judge(s, with(`"nombre":"\\ud8"`)); detail != "" {
		t.Errorf("an escape that is none: %s", detail)
	}
}

func manyKeys(n int) string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf(`"k%d":1`, i)
	}
	return strings.Join(keys, ",")
}

// A repeated key is an error whatever the other faults, because readers differ about it.
func TestBody_WhenAKeyComesTwiceItIsNoJSON(t *testing.T) {
	t.Parallel()
	s := thing(t)
	for body, path := range map[string]string{
		`{"real":true,"real":false}`:                         "real",
		`{"real":true,"rea\u006c":true}`:                     "real",
		`{"n":"x","cosas":[{},{"rfcs":[],"rfcs":[]}]}`:       "cosas/1/rfcs",
		`{"otro":{"a":[{"b":1},{"b":1, "b" :2}]}}`:           "otro/a/1/b",
		`{"mas":[1,2,3,4,{"a":1,"a":2}]}`:                    "mas/4/a",
		`{"a/b":1,"a/b":2}`:                                  "a/b",
		`{"` + strings.Repeat("k", 300) + `":{"a":1,"a":2}}`: strings.Repeat("k", maxName) + "…",
		`{"":1,"":2}`: `""`,
	} {
		_, fields, kind := judge(s, body)
		if said := fields[path]; kind != gateway.KindMalformada || len(fields) != 1 || said != "Está dos veces en el mismo objeto." {
			t.Errorf("%.80s: %v (kind %s)", body, fields, kind)
		}
	}
	if _, fields, kind := judge(s, with(`"RFC":"a","cosas":[{"rfc":"PRU010101AB1"},{"rfc":"PRU010101AB1"}]`)); kind != gateway.KindInvalida || len(fields) != 1 {
		t.Errorf("of another case, and in other objects: %v", fields)
	}
}

func TestFaults_AreCountedWhileTheyAreMade(t *testing.T) {
	t.Parallel()
	detail, fields, _ := judge(thing(t), with(`"cosas":[`+strings.Repeat(`{},`, 150)+`{}]`))
	if len(fields) != maxFaults || !strings.Contains(detail, "Son las primeras 100 faltas.") {
		t.Errorf("%d, %s", len(fields), detail)
	}
	detail, fields, _ = judge(thing(t), `{`+manyKeys(500)+`}`)
	if len(fields) != maxFaults || !strings.Contains(detail, "Son las primeras") {
		t.Errorf("%d, %s", len(fields), detail)
	}
}

// Corrections are only looked for a few times, because they cost more than the check.
func TestFaults_WhenThereAreManyTheLaterOnesGetTheFormAlone(t *testing.T) {
	t.Parallel()
	_, fields, _ := judge(thing(t), with(`"cosas":[`+strings.Repeat(`{"rfc":"pru010101ab1"},`, 90)+`{"rfc":"PRU010101AB1"}]`))
	if early, beat := fields["cosas/19/rfc"], fields["cosas/20/rfc"]; !strings.HasPrefix(early, "Va en mayúsculas. Debe ser") || !strings.HasPrefix(beat, "Debe ser") {
		t.Errorf("%q, %q", early, beat)
	}
}

func TestTake_ReadsOneValueAndSaysWhereItFails(t *testing.T) {
	t.Parallel()
	at := Place{}.Beyond([]byte("{\n\"titulos\":"))
	for _, pieces := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.HalfReader} {
		value, beyond, err := Take("titulos", pieces(strings.NewReader(` [{"a":"}"}] , "x":1}`)), at)
		if err != nil || string(value) != ` [{"a":"}"}]` || !strings.HasPrefix(` , "x":1}`, string(beyond)) {
			t.Errorf("%q, beyond %q: %v", value, beyond, err)
		}
		for text, want := range map[string]string{
			"[{\"a\":1,}]":             "línea 2, columna 18: sobra la coma antes de }",
			"[{\"a\":\n\"MU\xd1OZ\"}]": "El byte 23 (línea 3, columna 4) no es de UTF-8",
			"[":                        "línea 2, columna 12: aquí termina",
			"":                         "falta el valor",
			strings.Repeat("[", 2000):  "niveles",
			`{` + manyKeys(1001) + `}`: "claves",
		} {
			if _, _, err := Take("titulos", pieces(strings.NewReader(text)), at); err == nil || !strings.Contains(gateway.AsError(err).Detail, want) {
				t.Errorf("%.20q: %v, want %q", text, err, want)
			}
		}
		_, _, err = Take("titulos", pieces(strings.NewReader(`[{"a":1,"a":2}]`)), at)
		if e := gateway.AsError(err); err == nil || len(e.Fields) != 1 || e.Fields[0].Campo != "titulos/0/a" {
			t.Errorf("%+v", err)
		}
	}
}

// An unsupported keyword must not be ignored.
func TestCompile_WhenAKeywordIsNotHeldToRefuses(t *testing.T) {
	t.Parallel()
	for _, schema := range []string{
		`{type: string, pattern: '^a$'}`, `{type: number}`, `{type: string, format: email}`, `{type: array, items: {type: string}}`,
		`{type: array, maxItems: 2, uniqueItems: true, items: {type: integer}}`, `{type: object, properties: {}}`, `{type: object, additionalProperties: true}`,
		`{type: string, nullable: true}`, `{type: integer, multipleOf: 2}`, `{type: integer, enum: [1]}`, `{oneOf: [{type: string}]}`, `{anyOf: [{type: string}]}`,
		`{not: {type: string}}`, `{allOf: [{type: string}, {type: string}]}`, `{type: string, allOf: [{type: string}]}`, `{type: integer, exclusiveMinimum: true, minimum: 1}`,
		`{type: object, additionalProperties: false, minProperties: 1}`, `{type: string, minItems: 1}`, `{description: d}`,
		`{type: object, additionalProperties: false, properties: {a: {type: array, maxItems: 1, items: {type: number}}}}`,
	} {
		if _, err := compile(t, "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths: {}\ncomponents: {schemas: {X: "+schema+"}}", "X"); err == nil {
			t.Errorf("%s is compiled", schema)
		}
	}
}

// FuzzBody compares our reading of JSON with encoding/json's. No text may cause a panic
// or show a pattern.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{`{"rfc":"PRU010101AB1"}`, `{"a":1,}`, `{"a":[1,{"b":"\ud83d"}]}`, `{'a'`, `{"fecha":"2026-01-01"}`, "{\"\xd1", `{"n":1e`, `[`, `{"a"::`, `{"mas":[1,,`} {
		f.Add([]byte(seed))
	}
	doc, err := openapi3.NewLoader().LoadFromData([]byte(contract))
	if err != nil {
		f.Fatal(err)
	}
	s, err := NewCompiler(nil).Compile(doc.Components.Schemas["Cosa"])
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		faults := &Faults{}
		err := s.Body(body, faults)
		if err == nil && !faults.full() && !json.Valid(body) {
			t.Fatalf("%q is no JSON", body)
		}
		if err == nil && faults.Err() == nil && !strings.Contains(string(body), "PRU010101AB1") && !strings.Contains(string(body), `\u`) && len(body) < 14 {
			t.Fatalf("%q conforms", body)
		}
		if e := gateway.AsError(err); err != nil && (e.Kind == gateway.KindInterno || !utf8.ValidString(e.Detail)) {
			t.Fatalf("%q: %v", body, err)
		}
		value, _, err := Take("x", strings.NewReader(string(body)), Place{})
		if err == nil && !json.Valid(value) {
			t.Fatalf("%q is no value", value)
		}
	})
}
