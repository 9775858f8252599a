package titulo

import (
	"fmt"
	"strings"
)

// catalogos checks that id and text are one entry. Our copies of the SEP's
// lists may be older than the SEP's own, so an entry that they lack, id and
// text, is an aviso.
func (l *lista) catalogos(t *Titulo) {
	for _, p := range l.criterio.pares(t) {
		id, ruta := *p.id, p.nodo+"/"+p.nombreID
		e, conocida := p.catalogo.Entrada(id)
		canonico := p.catalogo.canonico(id)
		bien, haypar := p.catalogo.Entrada(canonico)
		duena, ajeno := p.catalogo.ID(*p.texto)
		switch {
		case strings.TrimSpace(id) == "":
			l.fuera(ruta, CodigoRequerido, p.catalogo, p.catalogo.IDs(), "Falta %s, que es obligatorio.", p.nombreID)
		case conocida && e.Evidencia == EvidenciaEscasa:
			l.aviso(ruta, CodigoCatalogoSinConfirmar, "Pocas copias del catálogo %s tienen «%s %s»; pruébelo en el ambiente de pruebas de la SEP.", p.catalogo.Nombre, e.ID, e.Texto)
		case conocida:
		case haypar && p.catalogo.Nombre == entidadesCatalogo:
			l.fuera(ruta, CodigoEntidadDosDigitos, p.catalogo, p.catalogo.IDs(), "La entidad se escribe con dos dígitos: «%s», no «%s».", canonico, recorta(id))
			e, conocida = bien, true
		case haypar:
			l.fuera(ruta, CodigoCatalogoID, p.catalogo, p.catalogo.IDs(), "El id se escribe sin ceros a la izquierda: «%s», no «%s».", canonico, recorta(id))
			e, conocida = bien, true
		case !p.catalogo.forma(id):
			l.fuera(ruta, CodigoCatalogoID, p.catalogo, p.catalogo.IDs(), "«%s» no está en el catálogo %s ni se escribe como sus id.", recorta(id), p.catalogo.Nombre)
		case ajeno && *p.texto != "":
			l.fuera(ruta, CodigoCatalogoID, p.catalogo, p.catalogo.IDs(), "A «%s» le corresponde el id «%s», no «%s».", recorta(*p.texto), duena, recorta(id))
		default:
			l.aviso(ruta, CodigoCatalogoID, "«%s» no está en nuestra copia del catálogo %s; va como viene, con su texto. Si la SEP lo publica, agréguelo en GATEWAY_SEP_CATALOGOS_DIR.", recorta(id), p.catalogo.Nombre)
		}
		l.texto(p, e, conocida)
	}
}

func (l *lista) texto(p par, e Entrada, conocida bool) {
	ruta, texto := p.nodo+"/"+p.nombreTexto, *p.texto
	_, deOtra := p.catalogo.ID(texto)
	switch {
	case strings.TrimSpace(texto) == "" && p.textoEsOpcional:
		l.aviso(ruta, CodigoRequerido, "Falta %s: el esquema no lo exige, la norma sí, y va en la cadena original.", p.nombreTexto)
	case strings.TrimSpace(texto) == "" && p.catalogo.forma(*p.id) && !conocida:
		l.error(ruta, CodigoRequerido, "Falta %s: «%s» no está en nuestra copia del catálogo %s, así que escriba también su texto, como la SEP lo publica.", p.nombreTexto, recorta(*p.id), p.catalogo.Nombre)
	case strings.TrimSpace(texto) == "":
		l.fuera(ruta, CodigoRequerido, p.catalogo, p.catalogo.Textos(), "Falta %s, que es obligatorio.", p.nombreTexto)
	case conocida && texto == e.Texto:
	case conocida && colapsa(texto) == colapsa(e.Texto):
		l.aviso(ruta, CodigoCatalogoTexto, "«%s» y el texto de nuestra copia del catálogo, «%s», difieren en los espacios. Hay copias con un espacio al final, y no consta cuál espera la SEP.", recorta(texto), e.Texto)
	case conocida:
		l.pon(Problema{
			Ruta: ruta, Codigo: CodigoCatalogoTexto, Nivel: NivelError, ValoresValidos: []string{e.Texto},
			Detalle: fmt.Sprintf("A %s «%s» le corresponde exactamente «%s», no «%s».", p.nombreID, recorta(*p.id), e.Texto, recorta(texto)),
		})
	case !deOtra && !p.catalogo.forma(*p.id):
		l.fuera(ruta, CodigoCatalogoTexto, p.catalogo, p.catalogo.Textos(), "«%s» no está en el catálogo %s.", recorta(texto), p.catalogo.Nombre)
	}
}

func (l *lista) fuera(ruta string, c Codigo, de Catalogo, valores []string, format string, args ...any) {
	p := fallo(ruta, c, format, args...)
	p.Detalle += " Valores válidos: " + de.frase() + "."
	p.ValoresValidos = valores
	l.pon(p)
}
