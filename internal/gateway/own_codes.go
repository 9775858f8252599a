package gateway

// OwnCode distinguishes the gateway's own refusals of one Kind, as a backend's code does
// for the backend's. It is always a word, which a backend's code never is.
type OwnCode string

// The gateway's own codes. Each is used in one place of the code; test/arch checks that.
const (
	OwnFallaPasajera           OwnCode = "falla_pasajera"
	OwnFallaPropia             OwnCode = "falla_propia"
	OwnDefecto                 OwnCode = "defecto"
	OwnSolicitudRechazable     OwnCode = "solicitud_rechazable"
	OwnCancelacionRechazable   OwnCode = "cancelacion_rechazable"
	OwnFiltroIlegible          OwnCode = "filtro_ilegible"
	OwnContratoRechazable      OwnCode = "contrato_rechazable"
	OwnContratoImposible       OwnCode = "contrato_imposible"
	OwnFirmaRealCerrada        OwnCode = "firma_real_cerrada"
	OwnEventoInexistente       OwnCode = "evento_inexistente"
	OwnCuerpoSobrante          OwnCode = "cuerpo_sobrante"
	OwnRutaInexistente         OwnCode = "ruta_inexistente"
	OwnClienteAusente          OwnCode = "cliente_ausente"
	OwnMetodoNoPermitido       OwnCode = "metodo_no_permitido"
	OwnNombreAjeno             OwnCode = "nombre_ajeno"
	OwnOrigenAjeno             OwnCode = "origen_ajeno"
	OwnClaveInvalida           OwnCode = "clave_invalida"
	OwnClaveVencida            OwnCode = "clave_vencida"
	OwnRedAjena                OwnCode = "red_ajena"
	OwnClavesIlegibles         OwnCode = "claves_ilegibles"
	OwnEncabezadoRepetido      OwnCode = "encabezado_repetido"
	OwnSinAlcance              OwnCode = "sin_alcance"
	OwnRFCAjeno                OwnCode = "rfc_ajeno"
	OwnEfirmaInexistente       OwnCode = "efirma_inexistente"
	OwnFormatoNoOfrecido       OwnCode = "formato_no_ofrecido"
	OwnSinCuentaPADE           OwnCode = "sin_cuenta_pade"
	OwnAddendaRechazable       OwnCode = "addenda_rechazable"
	OwnAddendaNoPuesta         OwnCode = "addenda_no_puesta"
	OwnCFDINoDevuelto          OwnCode = "cfdi_no_devuelto"
	OwnCFDIAlterado            OwnCode = "cfdi_alterado"
	OwnRangoImposible          OwnCode = "rango_imposible"
	OwnTipoNoAdmitido          OwnCode = "tipo_no_admitido"
	OwnCharsetNoAdmitido       OwnCode = "charset_no_admitido"
	OwnDescargaParcial         OwnCode = "descarga_parcial"
	OwnDescargaEnCurso         OwnCode = "descarga_en_curso"
	OwnDescargaRecurrente      OwnCode = "descarga_recurrente"
	OwnDescargaSinMetadatos    OwnCode = "descarga_sin_metadatos"
	OwnDescargaSinCFDI         OwnCode = "descarga_sin_cfdi"
	OwnCFDIInexistente         OwnCode = "cfdi_inexistente"
	OwnPaquetesDanados         OwnCode = "paquetes_danados"
	OwnDescargaInexistente     OwnCode = "descarga_inexistente"
	OwnDescargaRecienTerminada OwnCode = "descarga_recien_terminada"
	OwnDescargaDuplicada       OwnCode = "descarga_duplicada"
	OwnCursorAjeno             OwnCode = "cursor_ajeno"
	OwnCFDIIlegible            OwnCode = "cfdi_ilegible"
	OwnSinCuentaSEP            OwnCode = "sin_cuenta_sep"
	OwnCatalogoInexistente     OwnCode = "catalogo_inexistente"
	OwnDireccionIlegible       OwnCode = "direccion_ilegible"
	OwnServicioInexistente     OwnCode = "servicio_inexistente"
	OwnParametroIlegible       OwnCode = "parametro_ilegible"
	OwnCuerpoGrande            OwnCode = "cuerpo_grande"
	OwnCuerpoLento             OwnCode = "cuerpo_lento"
	OwnCuerpoIlegible          OwnCode = "cuerpo_ilegible"
	OwnCampoDeCarga            OwnCode = "campo_de_carga"
	OwnCampoGrande             OwnCode = "campo_grande"
	OwnCuerpoCortado           OwnCode = "cuerpo_cortado"
	OwnArchivoGrande           OwnCode = "archivo_grande"
	OwnLoteRechazable          OwnCode = "lote_rechazable"
	OwnTitulosRechazables      OwnCode = "titulos_rechazables"
	OwnResultadoGrande         OwnCode = "resultado_grande"
	OwnResultadoIlegible       OwnCode = "resultado_ilegible"
	OwnResultadoSinArchivo     OwnCode = "resultado_sin_archivo"
	OwnPaqueteEnOtra           OwnCode = "paquete_en_otra"
	OwnPaqueteDanado           OwnCode = "paquete_danado"
	OwnSinLugar                OwnCode = "sin_lugar"
	OwnAlmacenAtrasado         OwnCode = "almacen_atrasado"
	OwnAlmacenRechaza          OwnCode = "almacen_rechaza"
	OwnDiscoLleno              OwnCode = "disco_lleno"
	OwnPaqueteExcesivo         OwnCode = "paquete_excesivo"
	OwnPaquetePerdido          OwnCode = "paquete_perdido"
	OwnPaqueteBorrado          OwnCode = "paquete_borrado"
	OwnPaqueteAusente          OwnCode = "paquete_ausente"
	OwnPaqueteIncompleto       OwnCode = "paquete_incompleto"
	OwnCerrando                OwnCode = "cerrando"
	OwnPaqueteEnCamino         OwnCode = "paquete_en_camino"
	OwnZipIncompleto           OwnCode = "zip_incompleto"
	OwnClaveReutilizada        OwnCode = "clave_reutilizada"
	OwnEnvioInterrumpido       OwnCode = "envio_interrumpido"
	OwnPeticionEnCurso         OwnCode = "peticion_en_curso"
	OwnClaveRepetida           OwnCode = "clave_repetida"
	OwnJSONIlegible            OwnCode = "json_ilegible"
	OwnCuerpoComprimido        OwnCode = "cuerpo_comprimido"
	OwnContratoIncumplido      OwnCode = "contrato_incumplido"
	OwnParametrosInvalidos     OwnCode = "parametros_invalidos"
	OwnDigestDesconocido       OwnCode = "digest_desconocido"
	OwnFirmanteAjeno           OwnCode = "firmante_ajeno"
	OwnContratoIlegible        OwnCode = "contrato_ilegible"
	OwnContratoInescribible    OwnCode = "contrato_inescribible"
	OwnContratoInestable       OwnCode = "contrato_inestable"
	OwnEspacioDesconocido      OwnCode = "espacio_desconocido"
	OwnRespuestaPADEIlegible   OwnCode = "respuesta_pade_ilegible"
	OwnOperacionAusente        OwnCode = "operacion_ausente"
	OwnWSDLInsuficiente        OwnCode = "wsdl_insuficiente"
	OwnWSDLInalcanzable        OwnCode = "wsdl_inalcanzable"
	OwnCuentaBloqueada         OwnCode = "cuenta_bloqueada"
	OwnCuentasAlTope           OwnCode = "cuentas_al_tope"
	OwnCuentaSinRespuesta      OwnCode = "cuenta_sin_respuesta"
	OwnCuentaAjena             OwnCode = "cuenta_ajena"
	OwnBloqueoAjeno            OwnCode = "bloqueo_ajeno"
	OwnLoteNoAbierto           OwnCode = "lote_no_abierto"
	OwnLoteSinEstatus          OwnCode = "lote_sin_estatus"
	OwnLoteCambiado            OwnCode = "lote_cambiado"
	OwnResultadoPendiente      OwnCode = "resultado_pendiente"
	OwnTituloNoCancelado       OwnCode = "titulo_no_cancelado"
	OwnCuentaSEPInvalida       OwnCode = "cuenta_sep_invalida"
	OwnInstitucionAjena        OwnCode = "institucion_ajena"
	OwnLoteInexistente         OwnCode = "lote_inexistente"
	OwnLoteAjeno               OwnCode = "lote_ajeno"
	OwnTituloAjeno             OwnCode = "titulo_ajeno"
	OwnTituloInexistente       OwnCode = "titulo_inexistente"
	OwnSinEstatus              OwnCode = "sin_estatus"
	OwnVersionRetirada         OwnCode = "version_retirada"
	OwnRelojDesfasado          OwnCode = "reloj_desfasado"
	OwnFirmaRechazada          OwnCode = "firma_rechazada"
	OwnCuerposAlTope           OwnCode = "cuerpos_al_tope"
	OwnSinRecursos             OwnCode = "sin_recursos"
	OwnEnvioImposible          OwnCode = "envio_imposible"
	OwnPaginaAjena             OwnCode = "pagina_ajena"
	OwnRespuestaIlegible       OwnCode = "respuesta_ilegible"
	OwnRecibidoPerdido         OwnCode = "recibido_perdido"
	OwnRecibidoSinLugar        OwnCode = "recibido_sin_lugar"
	OwnSistemaCaido            OwnCode = "sistema_caido"
	OwnRespuestaDudosa         OwnCode = "respuesta_dudosa"
	OwnCertificadoRechazado    OwnCode = "certificado_rechazado"
	OwnDescargaInterrumpida    OwnCode = "descarga_interrumpida"
	OwnRespuestaTardia         OwnCode = "respuesta_tardia"
	OwnArchivoIncompleto       OwnCode = "archivo_incompleto"
	OwnHTTPRechazado           OwnCode = "http_rechazado"
	OwnMensajeIlegible         OwnCode = "mensaje_ilegible"
	OwnWebhookInexistente      OwnCode = "webhook_inexistente"
	OwnEntregaInexistente      OwnCode = "entrega_inexistente"
	OwnWebhooksAlTope          OwnCode = "webhooks_al_tope"
	OwnEventoDesconocido       OwnCode = "evento_desconocido"
	OwnSecretosAlTope          OwnCode = "secretos_al_tope"      //nolint:gosec // a word, no credential
	OwnSinClaveDeSecretos      OwnCode = "sin_clave_de_secretos" //nolint:gosec // a word, no credential
	OwnDireccionNoAceptada     OwnCode = "direccion_no_aceptada"
	OwnPruebasAlTope           OwnCode = "pruebas_al_tope"
	OwnWebhookInactivo         OwnCode = "webhook_inactivo"
	OwnEntregaDepurada         OwnCode = "entrega_depurada"
)

// OwnRefusal is one OwnCode of a refusal and its meaning.
type OwnRefusal struct {
	Code OwnCode
	Kind Kind
	// Means says what happened, in Spanish Markdown.
	Means string
}

// OwnRefusals returns the table of refusals. Tests compare it with docs/errores.md and
// the contract.
func OwnRefusals() []OwnRefusal { //nolint:funlen // a table
	return []OwnRefusal{
		{OwnFallaPasajera, KindSinServicio, "a la pasarela le falta por ahora algo suyo; `detail` dice qué"},
		{OwnFallaPropia, KindInterno, "un daño de lo que guarda la pasarela, o un defecto suyo al leerlo o escribirlo"},
		{OwnDefecto, KindInterno, "un defecto de la pasarela"},
		{OwnSolicitudRechazable, KindInvalida, "el SAT rechazaría la solicitud"},
		{OwnCancelacionRechazable, KindInvalida, "la SEP rechazaría la cancelación"},
		{OwnFiltroIlegible, KindMalformada, "un filtro de la página de descargas no se entiende"},
		{OwnContratoRechazable, KindInvalida, "Prodigia rechazaría el contrato"},
		{OwnContratoImposible, KindInvalida, "con esos campos no se puede construir el contrato"},
		{OwnFirmaRealCerrada, KindProhibido, "`modoPrueba` es `false` y la configuración no dice `GATEWAY_PADE_AMBIENTE=produccion`"},
		{OwnEventoInexistente, KindMalformada, "la descarga no tiene el evento desde el que se pide seguir"},
		{OwnCuerpoSobrante, KindMalformada, "la operación no lleva cuerpo"},
		{OwnRutaInexistente, KindNoEncontrado, "no hay tal ruta"},
		{OwnClienteAusente, KindSinServicio, "quien llamó cerró la conexión"},
		{OwnMetodoNoPermitido, KindMetodo, "la ruta existe con otro método; vea `Allow`"},
		{OwnNombreAjeno, KindProhibido, "sin claves de API, se llamó a la pasarela con un nombre que no es de esta máquina"},
		{OwnOrigenAjeno, KindProhibido, "sin claves de API, llamó a la pasarela una página de otro origen"},
		{OwnClaveInvalida, KindNoAutenticado, "falta la clave de API o no es una de las que hay"},
		{OwnClaveVencida, KindNoAutenticado, "la clave de API venció"},
		{OwnRedAjena, KindProhibido, "la clave de API no vale desde esa dirección"},
		{OwnClavesIlegibles, KindSinServicio, "la pasarela no puede leer sus claves de API y no atiende a nadie"},
		{OwnEncabezadoRepetido, KindMalformada, "`Authorization` o `Backend-Authorization` está dos veces"},
		{OwnSinAlcance, KindProhibido, "la clave de API no tiene el alcance de la operación"},
		{OwnRFCAjeno, KindProhibido, "la clave de API no alcanza a ese RFC"},
		{OwnEfirmaInexistente, KindNoEncontrado, "no hay e.firma de ese RFC"},
		{OwnFormatoNoOfrecido, KindNoAceptable, "la ruta no entrega ningún formato de los que pide `Accept`"},
		{OwnSinCuentaPADE, KindInvalida, "no hay cuenta de Prodigia: ni configurada ni en la petición"},
		{OwnAddendaRechazable, KindInvalida, "Prodigia rechazaría los datos de la addenda o el CFDI"},
		{OwnAddendaNoPuesta, KindRespuestaInvalida, "Prodigia devolvió el CFDI sin la addenda"},
		{OwnCFDINoDevuelto, KindRespuestaInvalida, "Prodigia devolvió algo que no se lee como CFDI"},
		{OwnCFDIAlterado, KindRespuestaInvalida, "Prodigia devolvió el CFDI con cambios fuera de la addenda"},
		{OwnRangoImposible, KindRango, "el paquete no tiene los bytes que pide `Range`"},
		{OwnTipoNoAdmitido, KindTipoContenido, "la ruta no admite ese `Content-Type`"},
		{OwnCharsetNoAdmitido, KindTipoContenido, "`charset` no es `utf-8`"},
		{OwnDescargaParcial, KindConflicto, "la descarga terminó sin todo; lo que hay se lee con `parcial=true`"},
		{OwnDescargaEnCurso, KindConflicto, "la descarga sigue en curso; lo que hay se lee con `parcial=true`"},
		{OwnDescargaRecurrente, KindConflicto, "la descarga es recurrente y se lee corrida por corrida"},
		{OwnDescargaSinMetadatos, KindConflicto, "la descarga es de CFDI: se lee en `…/cfdis`"},
		{OwnDescargaSinCFDI, KindConflicto, "la descarga es de Metadata: se lee en `…/metadatos`"},
		{OwnCFDIInexistente, KindNoEncontrado, "la descarga no trae un CFDI con ese UUID"},
		{OwnPaquetesDanados, KindConflicto, "un paquete de la descarga está dañado; lo demás se lee con `parcial=true`"},
		{OwnDescargaInexistente, KindNoEncontrado, "no hay tal descarga, o es de un RFC que la clave no alcanza"},
		{OwnDescargaRecienTerminada, KindConflicto, "una descarga con los mismos criterios acaba de terminar"},
		{OwnDescargaDuplicada, KindConflicto, "una descarga viva atiende los mismos criterios; vea `Location`"},
		{OwnCursorAjeno, KindMalformada, "el `cursor` no lo dio esa lista"},
		{OwnCFDIIlegible, KindRespuestaInvalida, "el CFDI está en el paquete y no se puede leer"},
		{OwnSinCuentaSEP, KindInvalida, "no hay cuenta de la SEP: ni configurada ni en la petición"},
		{OwnCatalogoInexistente, KindNoEncontrado, "no hay tal catálogo"},
		{OwnDireccionIlegible, KindMalformada, "los parámetros de la dirección no se pueden leer"},
		{OwnServicioInexistente, KindNoEncontrado, "el `servicio` no es `cfdi` ni `retenciones`"},
		{OwnParametroIlegible, KindMalformada, "un parámetro no se puede leer"},
		{OwnCuerpoGrande, KindDemasiadoGrande, "el cuerpo rebasa el límite de la petición"},
		{OwnCuerpoLento, KindLento, "el cuerpo no llegó a tiempo"},
		{OwnCuerpoIlegible, KindMalformada, "el cuerpo no se puede leer como dice su `Content-Type`"},
		{OwnCampoDeCarga, KindInvalida, "un campo de la carga no cumple su regla"},
		{OwnCampoGrande, KindDemasiadoGrande, "un campo rebasa su límite"},
		{OwnCuerpoCortado, KindMalformada, "el cuerpo se cortó"},
		{OwnArchivoGrande, KindDemasiadoGrande, "el archivo rebasa 100 MB"},
		{OwnLoteRechazable, KindInvalida, "la SEP rechazaría el archivo"},
		{OwnTitulosRechazables, KindInvalida, "la SEP rechazaría algún título; no se firmó ninguno"},
		{OwnResultadoGrande, KindRespuestaInvalida, "el resultado de la SEP rebasa 100 MB"},
		{OwnResultadoIlegible, KindRespuestaInvalida, "el resultado de la SEP no se pudo leer; se entrega tal cual como `application/zip`"},
		{OwnResultadoSinArchivo, KindConflicto, "la SEP procesó el lote y no entrega archivo de resultado"},
		{OwnPaqueteEnOtra, KindSinServicio, "el paquete está en el disco de otra pasarela que no está en marcha"},
		{OwnPaqueteDanado, KindInterno, "el paquete guardado está dañado"},
		{OwnSinLugar, KindSinServicio, "la pasarela no tiene dónde guardar el paquete, y no lo pidió"},
		{OwnAlmacenAtrasado, KindSinServicio, "el almacén no recibe lo que ya llegó, y la pasarela no pidió el paquete"},
		{OwnAlmacenRechaza, KindSinServicio, "el paquete llegó entero y el almacén no lo recibe"},
		{OwnDiscoLleno, KindSinServicio, "no queda lugar en el disco para recibir archivos"},
		{OwnPaqueteExcesivo, KindSinServicio, "el paquete es más grande de lo que esta pasarela recibe"},
		{OwnPaquetePerdido, KindYaNoDisponible, "el SAT entregó el paquete y una falla de la pasarela impidió guardarlo"},
		{OwnPaqueteBorrado, KindYaNoDisponible, "la pasarela lo borró por antigüedad"},
		{OwnPaqueteAusente, KindNoEncontrado, "la pasarela no tiene el paquete"},
		{OwnPaqueteIncompleto, KindNoEncontrado, "la pasarela no tiene el paquete completo"},
		{OwnCerrando, KindSinServicio, "la pasarela se está deteniendo"},
		{OwnPaqueteEnCamino, KindSinServicio, "otra pasarela está trayendo o guardando el paquete"},
		{OwnZipIncompleto, KindRespuestaInvalida, "lo que entregó el SAT no es un ZIP completo"},
		{OwnClaveReutilizada, KindConflicto, "la `Idempotency-Key` ya se usó con otra petición"},
		{OwnEnvioInterrumpido, KindResultadoDesconocido, "la pasarela se detuvo mientras enviaba la petición"},
		{OwnPeticionEnCurso, KindConflicto, "una petición con esa `Idempotency-Key` está en curso"},
		{OwnClaveRepetida, KindMalformada, "una clave está dos veces en el mismo objeto JSON"},
		{OwnJSONIlegible, KindMalformada, "el cuerpo no es un objeto JSON que se pueda leer"},
		{OwnCuerpoComprimido, KindTipoContenido, "el cuerpo viene comprimido"},
		{OwnContratoIncumplido, KindInvalida, "un campo o parámetro no cumple el contrato; vea `errores`"},
		{OwnParametrosInvalidos, KindMalformada, "un parámetro falta, está repetido o no existe en la ruta; vea `errores`"},
		{OwnDigestDesconocido, KindInvalida, "no se conoce el `digest` que se pide"},
		{OwnFirmanteAjeno, KindInvalida, "la e.firma no es de la parte que firma"},
		{OwnContratoIlegible, KindInvalida, "el Contrato no se puede leer"},
		{OwnContratoInescribible, KindInvalida, "el contrato no se puede escribir así"},
		{OwnContratoInestable, KindInvalida, "el contrato cambia al escribirlo como XML"},
		{OwnEspacioDesconocido, KindMensajeRechazado, "Prodigia no reconoce la operación en ese espacio de nombres"},
		{OwnRespuestaPADEIlegible, KindRespuestaInvalida, "la respuesta de Prodigia no se pudo interpretar"},
		{OwnOperacionAusente, KindNoOfrecida, "el servicio de Prodigia no ofrece la operación"},
		{OwnWSDLInsuficiente, KindMensajeRechazado, "el WSDL de Prodigia no basta para conocer su espacio de nombres"},
		{OwnWSDLInalcanzable, KindNoDisponible, "no se pudo leer el WSDL de Prodigia"},
		{OwnCuentaBloqueada, KindProhibido, "Prodigia rechazó antes la cuenta y la pasarela ya no la usa"},
		{OwnCuentasAlTope, KindProhibido, "la clave tiene detenidas demasiadas cuentas que Prodigia rechazó"},
		{OwnCuentaSinRespuesta, KindNoDisponible, "otra petición con la cuenta de Prodigia, que aún no se sabe si es buena, está sin respuesta"},
		{OwnCuentaAjena, KindProhibido, "`Backend-Authorization` trae el usuario de la cuenta configurada con lo que no es suyo"},
		{OwnBloqueoAjeno, KindProhibido, "la cuenta detenida es la configurada, y la suelta quien opera la pasarela"},
		{OwnLoteNoAbierto, KindInvalida, "la SEP no abrió un lote con el archivo"},
		{OwnLoteSinEstatus, KindRespuestaInvalida, "la SEP respondió sin estatus del lote"},
		{OwnLoteCambiado, KindRespuestaInvalida, "la SEP respondió por otro lote"},
		{OwnResultadoPendiente, KindConflicto, "la SEP aún no entrega el resultado del lote"},
		{OwnTituloNoCancelado, KindConflicto, "la SEP no canceló el título; la razón está en `mensaje`"},
		{OwnCuentaSEPInvalida, KindProhibido, "la SEP no aceptó el usuario o la contraseña"},
		{OwnInstitucionAjena, KindProhibido, "la cuenta de la SEP es de otra institución"},
		{OwnLoteInexistente, KindNoEncontrado, "la SEP no conoce ese número de lote"},
		{OwnTituloInexistente, KindNoEncontrado, "la SEP no tiene un título con ese folio, o ya está cancelado"},
		{OwnLoteAjeno, KindNoEncontrado, "la clave de API no cargó ese lote por esta pasarela"},
		{OwnTituloAjeno, KindNoEncontrado, "ningún lote de la clave de API registró ese título"},
		{OwnSinEstatus, KindRespuestaInvalida, "el SAT respondió sin código de estatus"},
		{OwnVersionRetirada, KindNoOfrecida, "el SAT retiró SolicitaDescarga (versión 1.1)"},
		{OwnRelojDesfasado, KindMensajeRechazado, "el SAT rechazó la firma y el reloj de este equipo difiere del suyo"},
		{OwnFirmaRechazada, KindEFirma, "el SAT rechazó la firma y los relojes coinciden"},
		{OwnCuerposAlTope, KindSinServicio, "la pasarela ya tiene en memoria otros cuerpos grandes"},
		{OwnSinRecursos, KindSinServicio, "a la pasarela le faltan archivos, memoria o puertos para conectarse"},
		{OwnEnvioImposible, KindInterno, "un defecto de la pasarela impidió enviar la petición"},
		{OwnPaginaAjena, KindRespuestaInvalida, "en lugar del mensaje SOAP llegó una página"},
		{OwnRespuestaIlegible, KindRespuestaInvalida, "la respuesta no se pudo interpretar"},
		{OwnRecibidoPerdido, KindInterno, "la pasarela no pudo guardar lo recibido"},
		{OwnRecibidoSinLugar, KindSinServicio, "la pasarela no tuvo por ahora dónde guardar lo recibido"},
		{OwnSistemaCaido, KindNoDisponible, "el sistema no está, falla, o la pasarela espera a que se recupere"},
		{OwnRespuestaDudosa, KindResultadoDesconocido, "la petición salió y la respuesta no dice si se atendió, o no llegó"},
		{OwnCertificadoRechazado, KindNoDisponible, "no se confía en el certificado TLS con que contestó el sistema"},
		{OwnDescargaInterrumpida, KindSinRespuesta, "la descarga de un archivo se interrumpió"},
		{OwnRespuestaTardia, KindSinRespuesta, "la respuesta no llegó a tiempo"},
		{OwnArchivoIncompleto, KindRespuestaInvalida, "el archivo llegó incompleto"},
		{OwnHTTPRechazado, KindMensajeRechazado, "el servidor contestó con un error HTTP sin mensaje SOAP"},
		{OwnMensajeIlegible, KindMensajeRechazado, "el sistema no pudo leer el mensaje de la pasarela"},
		{OwnWebhookInexistente, KindNoEncontrado, "no hay tal webhook, o es de otra clave de API"},
		{OwnEntregaInexistente, KindNoEncontrado, "no hay tal entrega de ese webhook"},
		{OwnWebhooksAlTope, KindConflicto, "la clave de API ya tiene 20 webhooks"},
		{OwnEventoDesconocido, KindInvalida, "el webhook pide un evento que no existe"},
		{OwnSecretosAlTope, KindConflicto, "ya firman 5 secretos del webhook a la vez"},
		{OwnSinClaveDeSecretos, KindInterno, "falta la clave con que se guardan los secretos de los webhooks"},
		{OwnDireccionNoAceptada, KindInvalida, "la dirección del webhook no se acepta"},
		{OwnPruebasAlTope, KindLimite, "hay 10 pruebas del webhook sin entregar"},
		{OwnWebhookInactivo, KindConflicto, "el webhook está inactivo"},
		{OwnEntregaDepurada, KindInvalida, "el `cursor` es de una entrega que ya se depuró o de otra lista"},
	}
}
