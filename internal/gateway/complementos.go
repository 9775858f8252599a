package gateway

// Complementos lists the complementos by which a solicitud of the family can be
// narrowed: the catalogue of the SAT's v1.5 document for CFDI, extended by the
// later versions that clients use, and that of Retenciones (sat.md §6).
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
