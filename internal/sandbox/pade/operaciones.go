package pade

import (
	"encoding/base64"
	"slices"
)

// The operations, named as the contracts and the faults name them.
const (
	opAddenda    = "procesarAddenda"
	opAdjuntar   = "procesarAdjuntarAddenda"
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
	parXML        = "xml"
	parModoPrueba = "modoPrueba"
)

// operacion is one operation of a contract.
type operacion struct {
	nombre, ruta string
	parametros   []string
	atiende      func(*Servidor, *llamada) resultado
	// forma writes the document that travels as text in the answer.
	forma func(*Servidor, *llamada, resultado) string
}

// resultado is what an operation came to. documento and fecha are there on success alone.
type resultado struct {
	codigo, mensaje string
	documento       []byte
	fecha           string
}

func operaciones() []*operacion {
	return []*operacion{
		{opAddenda, rutaAddendas, []string{parContrato, parUsuario, parPasswd, parDatos}, (*Servidor).procesaAddenda, (*Servidor).formaAddendas},
		{opAdjuntar, rutaAddendas, []string{parContrato, parUsuario, parPasswd, parDatos, parXMLCFDI}, (*Servidor).procesaAddenda, (*Servidor).formaAddendas},
		{opFirmar, rutaFirmado, []string{parContrato, parUsuario, parPasswd, parXML, parModoPrueba}, (*Servidor).firma, (*Servidor).formaFirmado},
		{opManifiesto, rutaFirmado, []string{parXML, parModoPrueba}, (*Servidor).firma, (*Servidor).formaFirmado},
		{opAdhesion, rutaFirmado, []string{parXML, parModoPrueba}, (*Servidor).firma, (*Servidor).formaFirmado},
	}
}

func nombresOperaciones() []string {
	var nombres []string
	for _, o := range operaciones() {
		nombres = append(nombres, o.nombre)
	}
	return nombres
}

func porNombre(p punto, nombre string) *operacion {
	todas := operaciones()
	i := slices.IndexFunc(todas, func(o *operacion) bool { return o.ruta == p.ruta && o.nombre == nombre })
	if i < 0 {
		return nil
	}
	return todas[i]
}

func (s *Servidor) formaAddendas(ll *llamada, r resultado) string {
	return "<servicioAddendas>" + elemento("id", s.ids.siguiente()) + elemento("contrato", ll.dato(parContrato)) +
		elemento("codigo", r.codigo) + elemento("mensaje", r.mensaje) + ll.enBase64(r) + "</servicioAddendas>"
}

func (s *Servidor) formaFirmado(ll *llamada, r resultado) string {
	ok, fecha := "false", ""
	if r.codigo == codHecho {
		ok = "true"
	}
	if r.fecha != "" {
		fecha = elemento("fechaFirma", r.fecha)
	}
	return "<padeFirmado>" + elemento("firmaOk", ok) + elemento("codigoResultado", r.codigo) +
		elemento("mensajeResultado", r.mensaje) + fecha + ll.enBase64(r) + "</padeFirmado>"
}

func (ll *llamada) enBase64(r resultado) string {
	if r.documento == nil {
		return ""
	}
	documento := estropeaDocumento(r.documento, ll.falla)
	if slices.Contains(ll.falla.Defectos, defSinBase64) {
		return elemento("xmlBase64", string(documento))
	}
	return elemento("xmlBase64", estropeaBase64(base64.StdEncoding.EncodeToString(documento), ll.falla))
}

func elemento(nombre, texto string) string {
	if texto == "" {
		return "<" + nombre + "/>"
	}
	return "<" + nombre + ">" + escapaTexto(texto) + "</" + nombre + ">"
}
