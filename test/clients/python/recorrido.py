"""Una descarga, un lote de títulos y una addenda, con el cliente generado."""

import hashlib
import io
import os
import time
import uuid
import zipfile

import pasarela_cliente as pasarela
from pasarela_cliente.exceptions import ApiException

EMPRESA = "PRU010101AB1"  # su e.firma firma las solicitudes al SAT
DIRECTORA = "PEPJ800101AB5"  # la suya sella los títulos

EN_CURSO = ("en_cola", "solicitada", "en_proceso", "descargando")


def descarga(api: pasarela.ApiClient) -> None:
    """Todo lo que la empresa emitió en enero, hasta los ZIP en el disco."""
    descargas = pasarela.DescargasApi(api)
    pedida = descargas.crear_descarga(
        pasarela.PeticionDescarga(
            servicio=pasarela.Servicio.CFDI,
            rfc_solicitante=EMPRESA,
            tipo_descarga=pasarela.SentidoDescarga.EMITIDOS,
            tipo_solicitud=pasarela.TipoSolicitud.CFDI,
            fecha_inicial="2026-01-01T00:00:00",
            fecha_final="2026-01-31T23:59:59",
        ),
        # La misma clave, si hay que repetir: nunca se pide dos veces al SAT.
        idempotency_key=str(uuid.uuid4()),
    )
    while True:
        respuesta = descargas.obtener_descarga_with_http_info(pedida.id_descarga)
        estado = respuesta.data.estado
        if estado not in EN_CURSO:
            break
        time.sleep(int(respuesta.headers.get("Retry-After", "60")))
    if estado != pasarela.EstadoDescarga.TERMINADA:
        raise SystemExit(f"la descarga quedó {estado.value}: {respuesta.data.motivo}")

    paquetes = descargas.listar_paquetes_descarga(pedida.id_descarga).paquetes
    for paquete in paquetes:
        contenido = pasarela.SATApi(api).descargar_paquete(pasarela.Servicio.CFDI, paquete.id_paquete, EMPRESA)
        if hashlib.sha256(contenido).hexdigest() != paquete.sha256:
            raise SystemExit(f"{paquete.id_paquete} no llegó entero")
        with open(f"{paquete.id_paquete}.zip", "wb") as archivo:
            archivo.write(contenido)
        print(f"descarga: {paquete.id_paquete}.zip, {len(zipfile.ZipFile(io.BytesIO(contenido)).namelist())} CFDI")

    pagina = descargas.listar_cfdis_descarga(pedida.id_descarga, limite=10)
    print(f"descarga: el primero es {pagina.cfdis[0].uuid}, por {pagina.cfdis[0].total}")


def titulo(folio: str) -> pasarela.Titulo:
    return pasarela.Titulo.from_dict({
        "folioControl": folio,
        "firmaResponsables": [{"rfc": DIRECTORA, "curp": "PEPJ800101MDFRRN03", "nombre": "JUANA", "primerApellido": "PEREZ",
                               "segundoApellido": "DE PRUEBA", "idCargo": "3", "abrTitulo": "DRA."}],
        "institucion": {"cveInstitucion": "090001", "nombreInstitucion": "UNIVERSIDAD DE PRUEBA"},
        "carrera": {"cveCarrera": "103301", "nombreCarrera": "LICENCIATURA EN DERECHO", "fechaTerminacion": "2023-06-30",
                    "idAutorizacionReconocimiento": "8"},
        "profesionista": {"curp": "MEXL010203HDFXXS05", "nombre": "LUIS", "primerApellido": "MENDEZ",
                          "correoElectronico": "luis@example.com"},
        "expedicion": {"fechaExpedicion": "2025-11-14", "idModalidadTitulacion": "1", "fechaExamenProfesional": "2025-09-05",
                       "cumplioServicioSocial": "1", "idFundamentoLegalServicioSocial": "2", "idEntidadFederativa": "09"},
        "antecedente": {"institucionProcedencia": "PREPARATORIA DE PRUEBA", "idTipoEstudioAntecedente": "4",
                        "idEntidadFederativa": "15", "fechaTerminacion": "2018-07-06"},
    })


def lote(api: pasarela.ApiClient) -> None:
    """Un título, de JSON a registrado."""
    sep = pasarela.SEPApi(api)
    folio = "PY" + uuid.uuid4().hex[:12].upper()
    cargado = sep.cargar_lote(pasarela.CargaDeLote(titulos=[titulo(folio)]), idempotency_key=folio)
    while not sep.consultar_lote(cargado.numero_lote).procesado:
        time.sleep(2)  # en la SEP son minutos
    for renglon in sep.obtener_resultado_lote(cargado.numero_lote).titulos:
        print(f"lote {cargado.numero_lote}: {renglon.folio_control} {renglon.resultado.value}")
        if renglon.resultado != pasarela.ResultadoDeTitulo.REGISTRADO:
            raise SystemExit(renglon.descripcion)


def addenda(api: pasarela.ApiClient) -> None:
    """Los datos que pide un comercio, vueltos addenda."""
    procesada = pasarela.PADEApi(api).procesar_addenda(pasarela.PeticionAddenda(datos="pedido|4500\ntienda|12"))
    if "4500" not in procesada.xml:
        raise SystemExit(f"la addenda no trae el pedido: {procesada.xml}")
    print(f"addenda: {procesada.xml}")


def webhook(api: pasarela.ApiClient) -> None:
    """Un aviso, leído con su tipo como lo haría el receptor tras comprobar la firma."""
    webhooks = pasarela.WebhooksApi(api)
    creado = webhooks.crear_webhook(pasarela.PeticionWebhook(
        url="https://erp.example/avisos", eventos=[pasarela.EventoWebhook.DESCARGA_DOT_TERMINADA]))
    aviso = pasarela.AvisoPrueba.from_json(webhooks.probar_webhook(creado.webhook.id_webhook).cuerpo)
    if aviso.data.id_webhook != creado.webhook.id_webhook:
        raise SystemExit(f"el aviso es de otro webhook: {aviso}")
    print(f"webhook: {aviso.type}")
    webhooks.eliminar_webhook(creado.webhook.id_webhook)


def error(api: pasarela.ApiClient) -> None:
    """Un rango al revés: el problema dice qué campo lo causa."""
    try:
        pasarela.DescargasApi(api).crear_descarga(pasarela.PeticionDescarga(
            servicio=pasarela.Servicio.CFDI, rfc_solicitante=EMPRESA, tipo_descarga=pasarela.SentidoDescarga.EMITIDOS,
            tipo_solicitud=pasarela.TipoSolicitud.METADATA,
            fecha_inicial="2026-02-01T00:00:00", fecha_final="2026-01-01T00:00:00"))
    except ApiException as e:
        problema: pasarela.Problema = e.data
        if not problema.type.endswith("#datos-invalidos"):
            raise
        print(f"error {problema.status}: {problema.errores[0].campo}: {problema.errores[0].detalle}")
    else:
        raise SystemExit("la pasarela aceptó un rango al revés")


def main() -> None:
    configuracion = pasarela.Configuration(
        host=os.environ.get("PASARELA_URL", "http://127.0.0.1:8080"),
        access_token=os.environ.get("PASARELA_CLAVE"),
    )
    with pasarela.ApiClient(configuracion) as api:
        descarga(api)
        lote(api)
        addenda(api)
        webhook(api)
        error(api)


if __name__ == "__main__":
    main()
