package pade

import (
	"encoding/base64"
	"slices"
)

// The operations, named as the contracts and the faults name them.
const (
	opAddenda    = "procesarAddenda"
	opAttach     = "procesarAdjuntarAddenda"
	opFirmar     = "firmar"
	opManifiesto = "firmarManifiesto"
	opAdhesion   = "firmarContratoAdhesion"
)

// The parameters.
const (
	parContrato   = "contrato"
	parUsuario    = "usuario"
	parPasswd     = "passwd"
	parDatos      = "datos"
	parXMLCFDI    = "xmlcfdi"
	xmlPair       = "xml"
	parModoPrueba = "modoPrueba"
)

// operation is one operation of a contract.
type operation struct {
	name, path string
	params     []string
	attend     func(*Server, *call) result
	// form writes the document that travels as text in the answer.
	form func(*Server, *call, result) string
}

// result is what an operation came to. document and fecha are there on success alone.
type result struct {
	codigo, mensaje string
	document        []byte
	fecha           string
}

func operations() []*operation {
	return []*operation{
		{opAddenda, pathAddendas, []string{parContrato, parUsuario, parPasswd, parDatos}, (*Server).processAddenda, (*Server).addendasForm},
		{opAttach, pathAddendas, []string{parContrato, parUsuario, parPasswd, parDatos, parXMLCFDI}, (*Server).processAddenda, (*Server).addendasForm},
		{opFirmar, pathSigned, []string{parContrato, parUsuario, parPasswd, xmlPair, parModoPrueba}, (*Server).firma, (*Server).signedForm},
		{opManifiesto, pathSigned, []string{xmlPair, parModoPrueba}, (*Server).firma, (*Server).signedForm},
		{opAdhesion, pathSigned, []string{xmlPair, parModoPrueba}, (*Server).firma, (*Server).signedForm},
	}
}

func operationNames() []string {
	var names []string
	for _, o := range operations() {
		names = append(names, o.name)
	}
	return names
}

func byName(p point, name string) *operation {
	all := operations()
	i := slices.IndexFunc(all, func(o *operation) bool { return o.path == p.path && o.name == name })
	if i < 0 {
		return nil
	}
	return all[i]
}

func (s *Server) addendasForm(ll *call, r result) string {
	return "<servicioAddendas>" + element("id", s.ids.next()) + element("contrato", ll.datum(parContrato)) +
		element("codigo", r.codigo) + element("mensaje", r.mensaje) + ll.inBase64(r) + "</servicioAddendas>"
}

func (s *Server) signedForm(ll *call, r result) string {
	ok, fecha := "false", ""
	if r.codigo == codDone {
		ok = "true"
	}
	if r.fecha != "" {
		fecha = element("fechaFirma", r.fecha)
	}
	return "<padeFirmado>" + element("firmaOk", ok) + element("codigoResultado", r.codigo) +
		element("mensajeResultado", r.mensaje) + fecha + ll.inBase64(r) + "</padeFirmado>"
}

func (ll *call) inBase64(r result) string {
	if r.document == nil {
		return ""
	}
	document := spoilDocument(r.document, ll.falla)
	if slices.Contains(ll.falla.Defectos, defSinBase64) {
		return element("xmlBase64", string(document))
	}
	return element("xmlBase64", ll.falla.SpoilBase64(base64.StdEncoding.EncodeToString(document)))
}

func element(name, text string) string {
	if text == "" {
		return "<" + name + "/>"
	}
	return "<" + name + ">" + escapeText(text) + "</" + name + ">"
}
