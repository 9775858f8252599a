package titulo

import (
	"fmt"
	"strings"
)

// catalogos checks that id and text are one entry.
func (l *lista) catalogos(t *Titulo) {
	entidades := Entidades().Nombre
	for _, p := range t.pares() {
		id, texto := *p.id, *p.texto
		rutaID, rutaTexto := p.nodo+"/"+p.nombreID, p.nodo+"/"+p.nombreTexto
		esperado, existe := p.catalogo.Texto(id)
		switch dos := "0" + id; {
		case strings.TrimSpace(id) == "":
			l.fuera(rutaID, CodigoRequerido, p.catalogo, p.catalogo.IDs(), "Falta %s, que es obligatorio.", p.nombreID)
		case !existe && p.catalogo.Nombre == entidades && len(id) == 1 && id >= "1" && id <= "9":
			l.fuera(rutaID, CodigoEntidadDosDigitos, p.catalogo, p.catalogo.IDs(), "La entidad se escribe con dos dígitos: «%s», no «%s».", dos, id)
			esperado, existe = p.catalogo.Texto(dos)
		case !existe:
			l.fuera(rutaID, CodigoCatalogoID, p.catalogo, p.catalogo.IDs(), "«%s» no está en el catálogo %s.", recorta(id), p.catalogo.Nombre)
		}
		l.texto(p, rutaTexto, texto, esperado, existe)
	}
}

func (l *lista) texto(p par, ruta, texto, esperado string, existe bool) {
	switch _, conocido := p.catalogo.ID(texto); {
	case strings.TrimSpace(texto) == "" && p.textoEsOpcional:
		l.aviso(ruta, CodigoRequerido, "Falta %s: el esquema no lo exige, la norma sí, y va en la cadena original.", p.nombreTexto)
	case strings.TrimSpace(texto) == "":
		l.fuera(ruta, CodigoRequerido, p.catalogo, p.catalogo.Textos(), "Falta %s, que es obligatorio.", p.nombreTexto)
	case existe && texto != esperado:
		l.pon(Problema{
			Ruta: ruta, Codigo: CodigoCatalogoTexto, Nivel: NivelError, ValoresValidos: []string{esperado},
			Detalle: fmt.Sprintf("A %s «%s» le corresponde exactamente «%s», no «%s».", p.nombreID, recorta(*p.id), esperado, recorta(texto)),
		})
	case !existe && !conocido:
		l.fuera(ruta, CodigoCatalogoTexto, p.catalogo, p.catalogo.Textos(), "«%s» no está en el catálogo %s.", recorta(texto), p.catalogo.Nombre)
	}
}

func (l *lista) fuera(ruta string, c Codigo, de Catalogo, valores []string, format string, args ...any) {
	p := fallo(ruta, c, format, args...)
	p.Detalle += " Valores válidos: " + de.frase() + "."
	p.ValoresValidos = valores
	l.pon(p)
}
