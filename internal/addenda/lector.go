package addenda

import (
	"cmp"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// maxProfundidad is far beyond any CFDI with its complementos and addenda.
	maxProfundidad = 64
	// maxAtributos bounds the work of comparing those of one element.
	maxAtributos = 1000
	espacioXML   = "http://www.w3.org/XML/1998/namespace"
	blancos      = " \t\r\n"
)

type clase int

const (
	abre clase = iota
	cierra
	texto
	instruccion
)

// evento is one item of a document's information set, without what the
// canonical form leaves out: comments, the declaration, prefixes.
type evento struct {
	clase clase
	// nombre has the namespace resolved; of an instruccion, its target.
	nombre xml.Name
	// atributos are resolved and sorted; declarations of namespaces are not among them.
	atributos []xml.Attr
	texto     string
}

// lector reads a document strictly. encoding/xml parses it; what that lets pass
// though XML 1.0 or its namespaces forbid it is refused here: DTDs, repeated
// attributes, undeclared prefixes, several roots, text around the root, a
// declaration that is not at the beginning.
type lector struct {
	fuente   string
	d        *xml.Decoder
	pila     []abierto
	espacios map[string][]string // by prefix, the innermost last
	raiz     bool
	sueltos  bool // undeclared prefixes pass
	// normaliza is what XML 1.0 §3.3.3 does to literal white space in attributes;
	// between them it makes no difference.
	normaliza *strings.Replacer
}

type abierto struct {
	crudo, nombre xml.Name
	prefijos      []string // declared there
}

func nuevoLector(fuente string) *lector {
	return &lector{
		fuente: fuente, d: xml.NewDecoder(strings.NewReader(fuente)),
		espacios:  map[string][]string{"xml": {espacioXML}},
		normaliza: strings.NewReplacer("\r\n", " ", "\r", " ", "\n", " ", "\t", " "),
	}
}

// siguiente returns io.EOF after a whole document. Every other error is a *defecto.
func (l *lector) siguiente() (evento, error) {
	for {
		inicio := int(l.d.InputOffset())
		token, err := l.d.RawToken()
		if err != nil {
			return evento{}, l.fin(err)
		}
		crudo := l.fuente[inicio:l.d.InputOffset()]
		switch token := token.(type) {
		case xml.StartElement:
			return l.abre(token, crudo, inicio)
		case xml.EndElement:
			return l.cierra(token, inicio)
		case xml.CharData:
			if len(l.pila) > 0 {
				e := evento{clase: texto, texto: string(token)}
				return e, l.referencias(crudo, inicio, e.texto)
			}
			if strings.Trim(crudo, blancos) != "" {
				return evento{}, defectoEn(l.fuente, inicio, "Hay texto fuera del elemento raíz")
			}
		case xml.ProcInst:
			if !strings.EqualFold(token.Target, "xml") {
				return evento{clase: instruccion, nombre: xml.Name{Local: token.Target}, texto: string(token.Inst)}, nil
			}
			if inicio != 0 || !declaracion.MatchString(crudo) {
				return evento{}, defectoEn(l.fuente, inicio, "La declaración XML está mal escrita o no está al principio")
			}
		case xml.Directive:
			return evento{}, defectoEn(l.fuente, inicio, "El documento lleva un DTD: quítelo")
		}
	}
}

func (l *lector) fin(err error) error {
	donde := int(l.d.InputOffset())
	switch {
	case !errors.Is(err, io.EOF):
		return defectoEn(l.fuente, donde, "No es XML bien formado")
	case len(l.pila) > 0:
		return defectoEn(l.fuente, donde, "El documento está incompleto: falta cerrar %s", nombreCrudo(l.pila[len(l.pila)-1].crudo))
	case !l.raiz:
		return defectoEn(l.fuente, donde, "El documento no tiene elemento raíz")
	}
	return io.EOF
}

func (l *lector) abre(token xml.StartElement, crudo string, inicio int) (evento, error) {
	falla := func(format string, args ...any) (evento, error) {
		return evento{}, defectoEn(l.fuente, inicio, format, args...)
	}
	switch {
	case len(l.pila) == 0 && l.raiz:
		return falla("Hay otro elemento después del elemento raíz")
	case len(l.pila) == maxProfundidad:
		return falla("El documento tiene más de %d niveles", maxProfundidad)
	case len(token.Attr) > maxAtributos:
		return falla("Un elemento tiene más de %d atributos", maxAtributos)
	}
	literales, separados := revisaEtiqueta(crudo)
	if !separados {
		return falla("Falta un espacio entre dos atributos")
	}
	for _, a := range token.Attr {
		if err := l.referencias(crudo, inicio, a.Value); err != nil {
			return evento{}, err
		}
	}
	if literales {
		// Checked to be one tag already; only white space changes.
		otro, err := xml.NewDecoder(strings.NewReader(l.normaliza.Replace(crudo))).RawToken()
		if reescrito, ok := otro.(xml.StartElement); err == nil && ok {
			token = reescrito
		}
	}
	a := abierto{crudo: token.Name}
	for _, atributo := range token.Attr {
		prefijo, ok := declara(atributo.Name)
		if !ok {
			continue
		}
		if !declarable(prefijo, atributo.Value) || slices.Contains(a.prefijos, prefijo) {
			return falla("Un espacio de nombres está mal declarado o repetido (%s)", nombreCrudo(atributo.Name))
		}
		a.prefijos = append(a.prefijos, prefijo)
		l.espacios[prefijo] = append(l.espacios[prefijo], atributo.Value)
	}
	atributos, problema := l.atributos(token.Attr)
	if problema != "" {
		return falla("%s", problema)
	}
	var ok bool
	if a.nombre, ok = l.resuelve(token.Name, l.espacio("")); !ok {
		return falla("El prefijo de %s no está declarado", nombreCrudo(token.Name))
	}
	l.raiz, l.pila = true, append(l.pila, a)
	return evento{clase: abre, nombre: a.nombre, atributos: atributos}, nil
}

func (l *lector) atributos(crudos []xml.Attr) ([]xml.Attr, string) {
	var atributos []xml.Attr
	for _, c := range crudos {
		if _, ok := declara(c.Name); ok {
			continue
		}
		nombre, ok := l.resuelve(c.Name, "") // the default namespace is not for attributes
		if !ok {
			return nil, "El prefijo de " + nombreCrudo(c.Name) + " no está declarado"
		}
		atributos = append(atributos, xml.Attr{Name: nombre, Value: c.Value})
	}
	slices.SortFunc(atributos, func(a, b xml.Attr) int {
		return cmp.Or(cmp.Compare(a.Name.Space, b.Name.Space), cmp.Compare(a.Name.Local, b.Name.Local))
	})
	for i := 1; i < len(atributos); i++ {
		if atributos[i].Name == atributos[i-1].Name {
			return nil, "El atributo " + recorta(atributos[i].Name.Local) + " está repetido"
		}
	}
	return atributos, ""
}

func (l *lector) cierra(token xml.EndElement, inicio int) (evento, error) {
	if len(l.pila) == 0 || l.pila[len(l.pila)-1].crudo != token.Name {
		return evento{}, defectoEn(l.fuente, inicio, "Se cierra %s, que no es el último elemento abierto", nombreCrudo(token.Name))
	}
	a := l.pila[len(l.pila)-1]
	l.pila = l.pila[:len(l.pila)-1]
	for _, prefijo := range a.prefijos {
		l.espacios[prefijo] = l.espacios[prefijo][:len(l.espacios[prefijo])-1]
	}
	return evento{clase: cierra, nombre: a.nombre}, nil
}

func (l *lector) espacio(prefijo string) string {
	if abiertos := l.espacios[prefijo]; len(abiertos) > 0 {
		return abiertos[len(abiertos)-1]
	}
	return ""
}

// resuelve gives a name its namespace; omision is that of a name without prefix.
func (l *lector) resuelve(n xml.Name, omision string) (xml.Name, bool) {
	switch {
	case strings.Contains(n.Local, ":"):
		return n, false
	case n.Space == "":
		return xml.Name{Space: omision, Local: n.Local}, true
	}
	espacio := l.espacio(n.Space)
	if espacio == "" && l.sueltos && n.Space != "xmlns" {
		return n, true
	}
	return xml.Name{Space: espacio, Local: n.Local}, espacio != ""
}

// declara tells whether an attribute declares a namespace, and its prefix.
func declara(n xml.Name) (string, bool) {
	if n.Space == "xmlns" {
		return n.Local, true
	}
	return "", n.Space == "" && n.Local == "xmlns"
}

// declarable is what Namespaces in XML 1.0 §2.2 and §3 allow.
func declarable(prefijo, uri string) bool {
	switch prefijo {
	case "":
		return uri != espacioXML
	case "xml":
		return uri == espacioXML
	}
	return prefijo != "xmlns" && uri != "" && uri != espacioXML && !strings.Contains(prefijo, ":")
}

func nombreCrudo(n xml.Name) string {
	if n.Space == "" {
		return recorta(n.Local)
	}
	return recorta(n.Space + ":" + n.Local)
}

// recorta keeps what is quoted to the caller short.
func recorta(s string) string {
	const largo = 60
	if utf8.RuneCountInString(s) <= largo {
		return s
	}
	return string([]rune(s)[:largo]) + "…"
}

// revisaEtiqueta tells two things that the decoder does not: whether an
// attribute has a literal tab or line break, and whether all are separated.
func revisaEtiqueta(crudo string) (literales, separados bool) {
	var comilla byte
	for i := 0; i < len(crudo); i++ {
		c := crudo[i]
		switch {
		case comilla == 0 && (c == '"' || c == '\''):
			comilla = c
		case comilla != 0 && c == comilla:
			comilla = 0
			if i+1 < len(crudo) && !strings.ContainsRune(blancos+"/>", rune(crudo[i+1])) {
				return literales, false
			}
		case comilla != 0 && (c == '\t' || c == '\n' || c == '\r'):
			literales = true
		}
	}
	return literales, true
}

var referencia = regexp.MustCompile(`&#(?:x([0-9A-Fa-f]+)|([0-9]+));`)

// referencias refuses references to halves of characters, for which the decoder
// puts U+FFFD into the value.
func (l *lector) referencias(crudo string, inicio int, valor string) error {
	if !strings.ContainsRune(valor, utf8.RuneError) || strings.HasPrefix(crudo, "<![CDATA[") {
		return nil
	}
	for _, m := range referencia.FindAllStringSubmatchIndex(crudo, -1) {
		base, i := 10, 4
		if m[2] >= 0 {
			base, i = 16, 2
		}
		n, err := strconv.ParseUint(crudo[m[i]:m[i+1]], base, 32)
		if err != nil || !caracterXML(rune(n)) { //nolint:gosec // 32 bits at most
			return defectoEn(l.fuente, inicio+m[0], "La referencia %s no es un carácter de XML", recorta(crudo[m[0]:m[1]]))
		}
	}
	return nil
}
