package sat

import (
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// The knobs of the SAT's part.
const (
	certificadosPrueba305 = "certificados_prueba_305"
	firmaEstricta         = "firma_estricta"
	retirarV11            = "retirar_v11"
	vidaToken             = "vida_token"
	toleranciaReloj       = "tolerancia_reloj"
	solicitudesDePorVida  = "solicitudes_de_por_vida"
	dePorVidaMetadata     = "de_por_vida_metadata"
	maxCFDI               = "max_cfdi"
	maxMetadata           = "max_metadata"
	verificacionesPorDia  = "verificaciones_por_dia"
	demoraAceptada        = "demora_aceptada"
	demoraProceso         = "demora_proceso"
	cfdisPorPaquete       = "cfdis_por_paquete"
	filasPorPaquete       = "filas_por_paquete"
	vidaPaquete           = "vida_paquete"
	descargasPorPaquete   = "descargas_por_paquete"
	trampas               = "trampas"
	rellenoBytes          = "relleno_bytes"
	cfdisPorDia           = "cfdis_por_dia"
	emitidosPorDia        = "emitidos_por_dia"
	recibidosPorDia       = "recibidos_por_dia"
	atascadasCada         = "atascadas_cada"
	atasco                = "atasco"
	atascoEn              = "atasco_en"
	erroresCada           = "errores_cada"
	numeroDeMas           = "numero_de_mas"
	paquetesCada          = "paquetes_cada"
	trampasPaquete        = "trampas_paquete"
	antiguosPorCiento     = "antiguos_por_ciento"
)

// Knobs declares the knobs with their defaults: the documented values where the SAT publishes one
// and quick ones for what in the service takes hours.
func Knobs() []control.Knob {
	return []control.Knob{
		{Name: certificadosPrueba305, Defect: false, Note: "the SAT's public test e.firmas get a token and then 305, as in production"},
		{Name: firmaEstricta, Defect: true, Note: "digest and signature of the operations are verified; off, only their presence and shape"},
		{Name: retirarV11, Defect: false, Note: "SolicitaDescarga (v1.1) answers ActionNotSupported, as in production since 2025-05-30"},
		{Name: vidaToken, Defect: 300 * time.Second, Note: "life of a token, by the real clock"},
		{Name: toleranciaReloj, Defect: 5 * time.Minute, Note: "how far in the future Autentica's Created may lie, by the real clock"},
		{Name: solicitudesDePorVida, Defect: int64(2), Note: "accepted CFDI requests with the same criteria, then 5002; 0 is no limit"},
		{Name: dePorVidaMetadata, Defect: false, Note: "`solicitudes_de_por_vida` counts requests of metadata too: reports disagree"},
		{Name: maxCFDI, Defect: int64(200_000), Max: maxIndex, Note: "CFDI in a request, above it 5003"},
		{Name: maxMetadata, Defect: int64(1_000_000), Max: maxIndex, Note: "metadata rows in a request, above it 5003"},
		{Name: verificacionesPorDia, Defect: int64(0), Note: "calls of Verifica for a request in a day, then 5011; 0 is no limit"},
		{Name: demoraAceptada, Defect: 2 * time.Second, Note: "time in state 1 Aceptada, by the sandbox clock"},
		{Name: demoraProceso, Defect: 3 * time.Second, Note: "time in state 2 En proceso, by the sandbox clock"},
		{Name: cfdisPorPaquete, Defect: int64(2000), Max: maxIndex, Note: "XML in a package"},
		{Name: filasPorPaquete, Defect: int64(1_000_000), Max: maxIndex, Note: "metadata rows in a package"},
		{Name: vidaPaquete, Defect: 72 * time.Hour, Note: "life of a package, by the sandbox clock; then state 6 and 5007"},
		{Name: descargasPorPaquete, Defect: int64(2), Note: "times a package is served, then 5008; 0 is no limit"},
		{Name: trampas, Defect: true, Note: "line feeds, quotes and ~ inside some names of the metadata"},
		{Name: rellenoBytes, Defect: int64(0), Max: 1 << 30, Note: "filler in each XML's Addenda; entries are then stored, not deflated"},
		{Name: cfdisPorDia, Defect: int64(40), Max: maxIndex, Note: "comprobantes a day, in each direction, that each RFC has"},
		{Name: emitidosPorDia, Defect: int64(0), Max: maxIndex, Note: "issued comprobantes a day that each RFC has; 0 is `cfdis_por_dia`"},
		{Name: recibidosPorDia, Defect: int64(0), Max: maxIndex, Note: "received comprobantes a day that each RFC has; 0 is `cfdis_por_dia`"},
		{Name: atascadasCada, Defect: int64(0), Note: "one in so many registered requests is stuck for `atasco`; 0 is none"},
		{Name: atasco, Defect: 48 * time.Hour, Note: "how much longer a stuck request takes, by the sandbox clock"},
		{Name: atascoEn, Defect: enAceptada, Values: []string{enAceptada, enProceso}, Note: "the state that it is stuck in: `aceptada` (1) or `en_proceso` (2)"},
		{Name: erroresCada, Defect: int64(0), Note: "one in so many registered requests ends in state 4 Error; 0 is none"},
		{Name: numeroDeMas, Defect: int64(0), Max: maxIndex, Note: "what NumeroCFDIs says beyond what the packages hold"},
		{Name: paquetesCada, Defect: time.Duration(0), Note: "time from a package to the next, by the sandbox clock: the list of Verifica grows; 0 is all at once"},
		{Name: trampasPaquete, Defect: false, Note: "what readers trip over inside packages; see The data"},
		{Name: antiguosPorCiento, Defect: int64(0), Max: 100, Note: "of a hundred XML, those in the versions before today's, whatever their date"},
	}
}
