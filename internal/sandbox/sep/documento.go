package sep

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox/wellformed"
)

const (
	nsTitulo = "https://www.siged.sep.gob.mx/titulos/"
	nsXSI    = "http://www.w3.org/2001/XMLSchema-instance"

	maxProfundidad = 8
)

// nodo is an element of a title: attributes and elements, no text.
type nodo struct {
	nombre    string
	atributos map[string]string
	hijos     []*nodo
}

// hijo returns the first child of that name; the structure was found to be good before.
func (n *nodo) hijo(nombre string) *nodo {
	for _, h := range n.hijos {
		if h.nombre == nombre {
			return h
		}
	}
	return &nodo{}
}

// leeDocumento reads a title and holds it against the structure of TituloElectronico 1.0. With an error the
// root comes along when it could be read.
func leeDocumento(b []byte) (*nodo, error) {
	doc, malo := wellformed.Read(strings.TrimPrefix(string(b), "\xEF\xBB\xBF"))
	a := &arbol{}
	for _, t := range doc.Tokens {
		if err := a.toma(t); err != nil {
			return a.raiz, err
		}
	}
	switch {
	case errors.Is(malo, wellformed.ErrDTD):
		return a.raiz, errors.New("no se admite DOCTYPE")
	case malo != nil, doc.Encoding != "" && !strings.EqualFold(doc.Encoding, "utf-8"):
		return a.raiz, errors.New("el documento no está bien formado")
	}
	return a.raiz, estructura().revisa(a.raiz)
}

// arbol grows from the tokens of a document.
type arbol struct {
	raiz     *nodo
	abiertos []*nodo
}

func (a *arbol) toma(t xml.Token) error {
	switch t := t.(type) {
	case xml.CharData:
		if strings.TrimSpace(string(t)) != "" {
			return errors.New("no se admite texto entre los elementos")
		}
	case xml.StartElement:
		n, err := nodoDe(t)
		if a.raiz == nil {
			a.raiz = n
		}
		if err != nil {
			return err
		}
		if len(a.abiertos) == maxProfundidad {
			return errors.New("demasiados elementos anidados")
		}
		if len(a.abiertos) > 0 {
			padre := a.abiertos[len(a.abiertos)-1]
			padre.hijos = append(padre.hijos, n)
		}
		a.abiertos = append(a.abiertos, n)
	case xml.EndElement:
		a.abiertos = a.abiertos[:len(a.abiertos)-1]
	}
	return nil
}

// nodoDe takes an element of the namespace of titles.
func nodoDe(e xml.StartElement) (*nodo, error) {
	n := &nodo{nombre: e.Name.Local, atributos: make(map[string]string, len(e.Attr))}
	for _, a := range e.Attr {
		switch {
		case a.Name.Space == nsXSI:
			continue
		case a.Name.Space != "":
			return n, fmt.Errorf("el atributo '%s' no está permitido en el elemento '%s'", a.Name.Local, n.nombre)
		}
		n.atributos[a.Name.Local] = a.Value
	}
	if e.Name.Space != nsTitulo {
		return n, fmt.Errorf("el elemento '%s' no es del espacio de nombres %s", n.nombre, nsTitulo)
	}
	return n, nil
}

// tipo is the type of an attribute; the standard gives no lengths, patterns or enumerations.
type tipo int

const (
	cadena tipo = iota
	entero
	fecha
	enBase64
	version // only "1.0"
)

type atributo struct {
	nombre   string
	opcional bool
	tipo     tipo
}

// elemento is an element of the structure, its children in order.
type elemento struct {
	nombre    string
	varios    bool
	atributos []atributo
	hijos     []elemento
}

// req and opt are attributes without a type of their own.
func req(nombres ...string) []atributo { return deTipo(cadena, false, nombres) }

func deTipo(t tipo, opcional bool, nombres []string) []atributo {
	todos := make([]atributo, 0, len(nombres))
	for _, n := range nombres {
		todos = append(todos, atributo{n, opcional, t})
	}
	return todos
}

// lista joins attributes; their order does not matter in a document.
func lista(requeridos []atributo, otros ...atributo) []atributo { return append(requeridos, otros...) }

// estructura is TituloElectronico 1.0 as institutions send it. Autenticacion is the authority's to add.
func estructura() elemento {
	opt := func(nombre string) atributo { return atributo{nombre, true, cadena} }
	num := func(nombre string) atributo { return atributo{nombre, false, entero} }
	dia := func(nombre string) atributo { return atributo{nombre, false, fecha} }
	optDia := func(nombre string) atributo { return atributo{nombre, true, fecha} }
	b64 := func(nombre string) atributo { return atributo{nombre, false, enBase64} }
	return elemento{nombre: "TituloElectronico", atributos: lista(req("folioControl"), atributo{"version", false, version}), hijos: []elemento{
		{nombre: "FirmaResponsables", hijos: []elemento{{nombre: "FirmaResponsable", varios: true, atributos: lista(
			req("nombre", "primerApellido", "curp", "cargo", "noCertificadoResponsable"),
			opt("segundoApellido"), opt("abrTitulo"), num("idCargo"), b64("sello"), b64("certificadoResponsable"))}}},
		{nombre: "Institucion", atributos: req("cveInstitucion", "nombreInstitucion")},
		{nombre: "Carrera", atributos: lista(req("cveCarrera", "nombreCarrera", "autorizacionReconocimiento"),
			optDia("fechaInicio"), dia("fechaTerminacion"), num("idAutorizacionReconocimiento"), opt("numeroRvoe"))},
		{nombre: "Profesionista", atributos: lista(req("curp", "nombre", "primerApellido", "correoElectronico"), opt("segundoApellido"))},
		{nombre: "Expedicion", atributos: lista(req("modalidadTitulacion", "fundamentoLegalServicioSocial", "idEntidadFederativa", "entidadFederativa"),
			dia("fechaExpedicion"), num("idModalidadTitulacion"), optDia("fechaExamenProfesional"), optDia("fechaExencionExamenProfesional"),
			num("cumplioServicioSocial"), num("idFundamentoLegalServicioSocial"))},
		{nombre: "Antecedente", atributos: lista(req("institucionProcedencia", "tipoEstudioAntecedente", "idEntidadFederativa"),
			opt("entidadFederativa"), num("idTipoEstudioAntecedente"), optDia("fechaInicio"), dia("fechaTerminacion"), opt("noCedula"))},
	}}
}

// revisa holds an element and those below it against the structure.
func (e elemento) revisa(n *nodo) error {
	if n.nombre != e.nombre {
		return fmt.Errorf("se esperaba el elemento '%s' y se encontró '%s'", e.nombre, n.nombre)
	}
	if err := e.revisaAtributos(n); err != nil {
		return err
	}
	resto := n.hijos
	for _, h := range e.hijos {
		for i := 0; i == 0 || (h.varios && len(resto) > 0 && resto[0].nombre == h.nombre); i++ {
			if len(resto) == 0 {
				return fmt.Errorf("el contenido del elemento '%s' no está completo: falta '%s'", e.nombre, h.nombre)
			}
			if err := h.revisa(resto[0]); err != nil {
				return err
			}
			resto = resto[1:]
		}
	}
	if len(resto) > 0 {
		return fmt.Errorf("no se esperaba el elemento '%s' en '%s'", resto[0].nombre, e.nombre)
	}
	return nil
}

func (e elemento) revisaAtributos(n *nodo) error {
	conocidos := 0
	for _, a := range e.atributos {
		valor, esta := n.atributos[a.nombre]
		if !esta && !a.opcional {
			return fmt.Errorf("el atributo '%s' debe aparecer en el elemento '%s'", a.nombre, e.nombre)
		}
		if !esta {
			continue
		}
		if conocidos++; !a.tipo.admite(valor) {
			return fmt.Errorf("el valor '%s' del atributo '%s' del elemento '%s' no es válido", recorta(valor), a.nombre, e.nombre)
		}
	}
	if conocidos < len(n.atributos) {
		return fmt.Errorf("hay atributos que no están permitidos en el elemento '%s'", e.nombre)
	}
	return nil
}

func (t tipo) admite(valor string) bool {
	junto := strings.TrimSpace(valor)
	switch t {
	case entero:
		return reEntero.MatchString(junto)
	case fecha:
		_, err := time.Parse(time.DateOnly, junto)
		return err == nil
	case enBase64:
		_, err := base64.StdEncoding.DecodeString(sinBlancos(valor))
		return err == nil
	case version:
		return valor == "1.0"
	}
	return true
}

func sinBlancos(texto string) string { return strings.Join(strings.Fields(texto), "") }

func recorta(texto string) string {
	const tope = 60
	if r := []rune(texto); len(r) > tope {
		return string(r[:tope]) + "…"
	}
	return texto
}
