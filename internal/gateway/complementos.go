package gateway

import (
	"fmt"
	"regexp"
	"slices"
)

// complementoForm matches the names that a complemento may have.
var complementoForm = regexp.MustCompile(`^[a-z0-9]{1,60}$`)

// Avisos returns Spanish warnings about a valid solicitud that may still be a mistake. An
// unknown complemento is only a warning: the SAT accepts more than its own list names.
func (s Solicitud) Avisos() []string {
	other := Retenciones
	if s.Servicio == Retenciones {
		other = CFDI
	}
	switch {
	case s.Complemento == "" || slices.Contains(Complementos(s.Servicio), s.Complemento):
		return nil
	case slices.Contains(Complementos(other), s.Complemento):
		return []string{fmt.Sprintf("El complemento «%s» es del servicio %s; se envía al SAT tal cual, y quizá no encuentre nada.", s.Complemento, other)}
	}
	return []string{fmt.Sprintf("La pasarela no conoce el complemento «%s»; se envía al SAT tal cual. Si está mal escrito, el SAT lo rechaza o no encuentra nada.", s.Complemento)}
}

func (v *validator) complemento(value string, s Servicio) {
	if value != "" && !complementoForm.MatchString(value) {
		v.add("complemento", "No tiene la forma de un complemento: letras minúsculas sin acento y dígitos, 60 como máximo.", Complementos(s)...)
	}
}

// Complementos lists the known complementos: the CFDI catalogue of the SAT's v1.5
// document with the later versions that clients use, or the catalogue of Retenciones
// (sat.md §6). Other names are accepted too.
func Complementos(s Servicio) []string {
	if s == Retenciones {
		return []string{
			"arrendamientoenfideicomiso", "dividendos", "enajenaciondeacciones", "fideicomisonoempresarial",
			"intereses", "intereseshipotecarios", "operacionesconderivados", "pagosaextranjeros",
			"planesderetiro", "planesderetiro11", "premios", "sectorfinanciero",
			"serviciosplataformastecnologicas10",
		}
	}
	return []string{
		"acreditamientoieps10", "aerolineas", "cartaporte10", "cartaporte20", "certificadodedestruccion",
		"cfdiregistrofiscal", "comercioexterior10", "comercioexterior11", "comprobante",
		"consumodecombustibles", "consumodecombustibles11", "detallista", "divisas", "donat11", "ecc11",
		"ecc12", "gastoshidrocarburos10", "iedu", "implocal", "ine11", "ingresoshidrocarburos",
		"leyendasfisc", "nomina11", "nomina12", "notariospublicos", "obrasarteantiguedades",
		"pagoenespecie", "pagos10", "pagos20", "pfic", "renovacionysustitucionvehiculos",
		"servicioparcialconstruccion", "spei", "terceros11", "turistapasajeroextranjero",
		"valesdedespensa", "vehiculousado", "ventavehiculos11",
	}
}
