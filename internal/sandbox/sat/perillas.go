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

// Perillas declares the knobs with their defaults: the documented values where the SAT publishes one
// and quick ones for what in the service takes hours.
func Perillas() []control.Perilla {
	return []control.Perilla{
		{Nombre: certificadosPrueba305, Defecto: false, Nota: "the SAT's public test e.firmas get a token and then 305, as in production"},
		{Nombre: firmaEstricta, Defecto: true, Nota: "digest and signature of the operations are verified; off, only their presence and shape"},
		{Nombre: retirarV11, Defecto: false, Nota: "SolicitaDescarga (v1.1) answers ActionNotSupported, as in production since 2025-05-30"},
		{Nombre: vidaToken, Defecto: 300 * time.Second, Nota: "life of a token, by the real clock"},
		{Nombre: toleranciaReloj, Defecto: 5 * time.Minute, Nota: "how far in the future Autentica's Created may lie, by the real clock"},
		{Nombre: solicitudesDePorVida, Defecto: int64(2), Nota: "accepted CFDI requests with the same criteria, then 5002; 0 is no limit"},
		{Nombre: dePorVidaMetadata, Defecto: false, Nota: "`solicitudes_de_por_vida` counts requests of metadata too: reports disagree"},
		{Nombre: maxCFDI, Defecto: int64(200_000), Max: maxIndice, Nota: "CFDI in a request, above it 5003"},
		{Nombre: maxMetadata, Defecto: int64(1_000_000), Max: maxIndice, Nota: "metadata rows in a request, above it 5003"},
		{Nombre: verificacionesPorDia, Defecto: int64(0), Nota: "calls of Verifica for a request in a day, then 5011; 0 is no limit"},
		{Nombre: demoraAceptada, Defecto: 2 * time.Second, Nota: "time in state 1 Aceptada, by the sandbox clock"},
		{Nombre: demoraProceso, Defecto: 3 * time.Second, Nota: "time in state 2 En proceso, by the sandbox clock"},
		{Nombre: cfdisPorPaquete, Defecto: int64(2000), Max: maxIndice, Nota: "XML in a package"},
		{Nombre: filasPorPaquete, Defecto: int64(1_000_000), Max: maxIndice, Nota: "metadata rows in a package"},
		{Nombre: vidaPaquete, Defecto: 72 * time.Hour, Nota: "life of a package, by the sandbox clock; then state 6 and 5007"},
		{Nombre: descargasPorPaquete, Defecto: int64(2), Nota: "times a package is served, then 5008; 0 is no limit"},
		{Nombre: trampas, Defecto: true, Nota: "line feeds, quotes and ~ inside some names of the metadata"},
		{Nombre: rellenoBytes, Defecto: int64(0), Max: 1 << 30, Nota: "filler in each XML's Addenda; entries are then stored, not deflated"},
		{Nombre: cfdisPorDia, Defecto: int64(40), Max: maxIndice, Nota: "comprobantes a day, in each direction, that each RFC has"},
		{Nombre: emitidosPorDia, Defecto: int64(0), Max: maxIndice, Nota: "issued comprobantes a day that each RFC has; 0 is `cfdis_por_dia`"},
		{Nombre: recibidosPorDia, Defecto: int64(0), Max: maxIndice, Nota: "received comprobantes a day that each RFC has; 0 is `cfdis_por_dia`"},
		{Nombre: atascadasCada, Defecto: int64(0), Nota: "one in so many registered requests is stuck for `atasco`; 0 is none"},
		{Nombre: atasco, Defecto: 48 * time.Hour, Nota: "how much longer a stuck request takes, by the sandbox clock"},
		{Nombre: atascoEn, Defecto: enAceptada, Valores: []string{enAceptada, enProceso}, Nota: "the state that it is stuck in: `aceptada` (1) or `en_proceso` (2)"},
		{Nombre: erroresCada, Defecto: int64(0), Nota: "one in so many registered requests ends in state 4 Error; 0 is none"},
		{Nombre: numeroDeMas, Defecto: int64(0), Max: maxIndice, Nota: "what NumeroCFDIs says beyond what the packages hold"},
		{Nombre: paquetesCada, Defecto: time.Duration(0), Nota: "time from a package to the next, by the sandbox clock: the list of Verifica grows; 0 is all at once"},
		{Nombre: trampasPaquete, Defecto: false, Nota: "what readers trip over inside packages; see The data"},
		{Nombre: antiguosPorCiento, Defecto: int64(0), Max: 100, Nota: "of a hundred XML, those in the versions before today's, whatever their date"},
	}
}
