package titulo

import (
	"fmt"
	"strings"
)

// catalogos checks that id and text are of one entry. Our copies of the SEP's lists may
// be outdated, so an unknown id and text are an aviso.
func (l *list) catalogos(t *Titulo) {
	for _, p := range l.criterio.pairs(t) {
		id, path := *p.id, p.node+"/"+p.idName
		e, known := p.catalogo.Entry(id)
		canonical := p.catalogo.canonical(id)
		well, hasPair := p.catalogo.Entry(canonical)
		owner, foreign := p.catalogo.ID(*p.text)
		switch {
		case strings.TrimSpace(id) == "":
			l.outside(path, CodigoRequerido, p.catalogo, p.catalogo.IDs(), "Falta %s, que es obligatorio.", p.idName)
		case known && e.Evidencia == EvidenciaEscasa:
			l.aviso(path, CodigoCatalogoSinConfirmar, "Pocas copias del catálogo %s tienen «%s %s»; pruébelo en el ambiente de pruebas de la SEP.", p.catalogo.Nombre, e.ID, e.Texto)
		case known:
		case hasPair && p.catalogo.Nombre == entidadesCatalogo:
			l.outside(path, CodigoEntidadDosDigitos, p.catalogo, p.catalogo.IDs(), "La entidad se escribe con dos dígitos: «%s», no «%s».", canonical, trim(id))
			e, known = well, true
		case hasPair:
			l.outside(path, CodigoCatalogoID, p.catalogo, p.catalogo.IDs(), "El id se escribe sin ceros a la izquierda: «%s», no «%s».", canonical, trim(id))
			e, known = well, true
		case !p.catalogo.form(id):
			l.outside(path, CodigoCatalogoID, p.catalogo, p.catalogo.IDs(), "«%s» no está en el catálogo %s ni se escribe como sus id.", trim(id), p.catalogo.Nombre)
		case foreign && *p.text != "":
			l.outside(path, CodigoCatalogoID, p.catalogo, p.catalogo.IDs(), "A «%s» le corresponde el id «%s», no «%s».", trim(*p.text), owner, trim(id))
		default:
			l.aviso(path, CodigoCatalogoID, "«%s» no está en nuestra copia del catálogo %s; va como viene, con su texto. Si la SEP lo publica, agréguelo en GATEWAY_SEP_CATALOGOS_DIR.", trim(id), p.catalogo.Nombre)
		}
		l.text(p, e, known)
	}
}

func (l *list) text(p pair, e Entry, known bool) {
	path, text := p.node+"/"+p.textName, *p.text
	_, ofOther := p.catalogo.ID(text)
	switch {
	case strings.TrimSpace(text) == "" && p.isOptionalText:
		l.aviso(path, CodigoRequerido, "Falta %s: el esquema no lo exige, la norma sí, y va en la cadena original.", p.textName)
	case strings.TrimSpace(text) == "" && p.catalogo.form(*p.id) && !known:
		l.error(path, CodigoRequerido, "Falta %s: «%s» no está en nuestra copia del catálogo %s, así que escriba también su texto, como la SEP lo publica.", p.textName, trim(*p.id), p.catalogo.Nombre)
	case strings.TrimSpace(text) == "":
		l.outside(path, CodigoRequerido, p.catalogo, p.catalogo.Texts(), "Falta %s, que es obligatorio.", p.textName)
	case known && text == e.Texto:
	case known && collapse(text) == collapse(e.Texto):
		l.aviso(path, CodigoCatalogoTexto, "«%s» y el texto de nuestra copia del catálogo, «%s», difieren en los espacios. Hay copias con un espacio al final, y no consta cuál espera la SEP.", trim(text), e.Texto)
	case known:
		l.set(Problem{
			Ruta: path, Codigo: CodigoCatalogoTexto, Nivel: NivelError, ValoresValidos: []string{e.Texto},
			Detalle: fmt.Sprintf("A %s «%s» le corresponde exactamente «%s», no «%s».", p.idName, trim(*p.id), e.Texto, trim(text)),
		})
	case !ofOther && !p.catalogo.form(*p.id):
		l.outside(path, CodigoCatalogoTexto, p.catalogo, p.catalogo.Texts(), "«%s» no está en el catálogo %s.", trim(text), p.catalogo.Nombre)
	}
}

func (l *list) outside(path string, c Codigo, de Catalogo, values []string, format string, args ...any) {
	p := failure(path, c, format, args...)
	p.Detalle += " Valores válidos: " + de.phrase() + "."
	p.ValoresValidos = values
	l.set(p)
}
