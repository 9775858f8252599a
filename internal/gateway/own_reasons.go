package gateway

import "cmp"

// Code returns the code that a program decides by: the backend's, or else the gateway's
// own.
func (e *Error) Code() string { return cmp.Or(e.Codigo, string(e.Own)) }

// The reasons for the state of a descarga, solicitud or package that no refusal's code
// covers. They share one vocabulary with those codes.
const (
	OwnSinComprobantes        OwnCode = "sin_comprobantes"
	OwnVaciaDudosa            OwnCode = "vacia_dudosa"
	OwnFaltanComprobantes     OwnCode = "faltan_comprobantes"
	OwnSobranComprobantes     OwnCode = "sobran_comprobantes"
	OwnComprobantesRepetidos  OwnCode = "comprobantes_repetidos"
	OwnEntradasIlegibles      OwnCode = "entradas_ilegibles"
	OwnEntradasDanadas        OwnCode = "entradas_danadas"
	OwnEntradasAjenas         OwnCode = "entradas_ajenas"
	OwnPaqueteSinComprobantes OwnCode = "paquete_sin_comprobantes"
	OwnPlazoVencido           OwnCode = "plazo_vencido"
	OwnCriteriosUsados        OwnCode = "criterios_usados"
	OwnRangoAntiguo           OwnCode = "rango_antiguo"
	OwnSinPaquetes            OwnCode = "sin_paquetes"
	OwnErrorDelSAT            OwnCode = "error_del_sat"
	OwnVencidaEnElSAT         OwnCode = "vencida_en_el_sat"
	OwnRechazadaSinMotivo     OwnCode = "rechazada_sin_motivo"
	OwnCanceladaPorCliente    OwnCode = "cancelada_por_cliente"
)

// OwnReason is one OwnCode that is not a refusal, and its meaning.
type OwnReason struct {
	Code OwnCode
	// Means says what happened, in Spanish Markdown.
	Means string
}

// OwnReasons returns the table of reasons. Tests compare it with docs/errores.md and the
// contract.
func OwnReasons() []OwnReason {
	return []OwnReason{
		{OwnSinComprobantes, "el SAT no encontró comprobantes en el rango"},
		{OwnVaciaDudosa, "el SAT dice que no hay comprobantes en un rango del que antes entregó algunos"},
		{OwnFaltanComprobantes, "el SAT contó más comprobantes de los que entregó"},
		{OwnSobranComprobantes, "el SAT entregó más comprobantes de los que contó"},
		{OwnComprobantesRepetidos, "están todos, y algunos vienen más de una vez"},
		{OwnEntradasIlegibles, "hay entradas o filas que no se pueden leer en los paquetes"},
		{OwnEntradasDanadas, "hay entradas cuyos bytes no son los que el SAT empacó"},
		{OwnEntradasAjenas, "el paquete trae archivos que no son comprobantes ni metadatos"},
		{OwnPaqueteSinComprobantes, "el paquete no trae ninguno de los comprobantes que contó el SAT"},
		{OwnPlazoVencido, "venció el plazo de la descarga"},
		{OwnCriteriosUsados, "el rango ya se pidió con todos los criterios que quedaban y no se gasta otra solicitud"},
		{OwnRangoAntiguo, "el rango quedó más atrás de los seis años que el SAT entrega"},
		{OwnSinPaquetes, "el SAT dice haber terminado y no nombra paquetes"},
		{OwnErrorDelSAT, "el SAT no pudo procesar la solicitud (estado 4)"},
		{OwnVencidaEnElSAT, "los paquetes vencieron en el SAT antes de descargarse (estado 6)"},
		{OwnRechazadaSinMotivo, "el SAT rechazó la solicitud (estado 5) y no dijo por qué"},
		{OwnCanceladaPorCliente, "se canceló a petición del cliente"},
	}
}
