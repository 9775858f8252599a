"""Una descarga, un lote de títulos y una addenda, con el cliente que hace openapi-python-client."""

import hashlib
import os
import time
import uuid

from pasarela import AuthenticatedClient, Client
from pasarela.api.descargas import crear_descarga, exportar_cfdis_csv, listar_paquetes_descarga, obtener_descarga
from pasarela.api.pade import procesar_addenda
from pasarela.api.sat import descargar_paquete
from pasarela.api.sep import cargar_lote, consultar_lote, obtener_resultado_lote
from pasarela.models import CargaDeLote, PeticionAddenda, PeticionDescarga, Problema
from pasarela.types import File

EMPRESA = "PRU010101AB1"  # su e.firma firma las solicitudes al SAT
DIRECTORA = "PEPJ800101AB5"  # la suya sella los títulos

EN_CURSO = ("en_cola", "solicitada", "en_proceso", "descargando")


def bueno(respuesta):
    """Lo que contesta la pasarela; si es un problema, lo lanza."""
    if respuesta is None or isinstance(respuesta, Problema):
        raise SystemExit(respuesta)
    return respuesta


def peticion(tipo: str, inicial: str, final: str) -> PeticionDescarga:
    return PeticionDescarga.from_dict({"servicio": "cfdi", "rfcSolicitante": EMPRESA, "tipoDescarga": "emitidos", "tipoSolicitud": tipo,
                                       "fechaInicial": inicial, "fechaFinal": final})


def descarga(api: Client) -> None:
    """Todo lo que la empresa emitió en enero, hasta los ZIP en el disco."""
    pedida = bueno(crear_descarga.sync(
        client=api, body=peticion("CFDI", "2026-01-01T00:00:00", "2026-01-31T23:59:59"),
        # La misma clave, si hay que repetir: nunca se pide dos veces al SAT.
        idempotency_key=str(uuid.uuid4()),
    ))
    while True:
        respuesta = obtener_descarga.sync_detailed(pedida.id_descarga, client=api)
        estado = bueno(respuesta.parsed).estado
        if estado not in EN_CURSO:
            break
        time.sleep(int(respuesta.headers.get("Retry-After", "60")))
    if estado != "terminada":
        raise SystemExit(f"la descarga quedó {estado}: {respuesta.parsed.motivo}")

    for paquete in bueno(listar_paquetes_descarga.sync(pedida.id_descarga, client=api)).paquetes:
        zip: File = bueno(descargar_paquete.sync("cfdi", paquete.id_paquete, client=api, rfc_solicitante=EMPRESA))
        contenido = zip.payload.read()
        if hashlib.sha256(contenido).hexdigest() != paquete.sha256:
            raise SystemExit(f"{paquete.id_paquete} no llegó entero")
        with open(f"{paquete.id_paquete}.zip", "wb") as archivo:
            archivo.write(contenido)
        print(f"descarga: {paquete.id_paquete}.zip, {len(contenido)} bytes")

    filas = bueno(exportar_cfdis_csv.sync(pedida.id_descarga, client=api)).payload.read().decode()
    print(f"descarga: {filas.count(chr(10)) - 1} filas de CSV")


def titulo(folio: str) -> dict:
    return {
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
    }


def lote(api: Client) -> None:
    """Un título, de JSON a registrado."""
    folio = "OPC" + uuid.uuid4().hex[:12].upper()
    cargado = bueno(cargar_lote.sync(client=api, body=CargaDeLote.from_dict({"titulos": [titulo(folio)]}), idempotency_key=folio))
    while not bueno(consultar_lote.sync(cargado.numero_lote, client=api)).procesado:
        time.sleep(2)  # en la SEP son minutos
    for renglon in bueno(obtener_resultado_lote.sync(cargado.numero_lote, client=api)).titulos:
        print(f"lote {cargado.numero_lote}: {renglon.folio_control} {renglon.resultado}")
        if renglon.resultado != "registrado":
            raise SystemExit(renglon.descripcion)


def addenda(api: Client) -> None:
    """Los datos que pide un comercio, vueltos addenda."""
    procesada = bueno(procesar_addenda.sync(client=api, body=PeticionAddenda(datos="pedido|4500\ntienda|12")))
    if "4500" not in procesada.xml:
        raise SystemExit(f"la addenda no trae el pedido: {procesada.xml}")
    print(f"addenda: {procesada.xml}")


def error(api: Client) -> None:
    """Un rango al revés: el problema dice qué campo lo causa."""
    problema = crear_descarga.sync(client=api, body=peticion("Metadata", "2026-02-01T00:00:00", "2026-01-01T00:00:00"))
    if not isinstance(problema, Problema) or not problema.type_.endswith("#datos-invalidos"):
        raise SystemExit("la pasarela aceptó un rango al revés")
    print(f"error {problema.status}: {problema.errores[0].campo}: {problema.errores[0].detalle}")


def main() -> None:
    direccion, clave = os.environ.get("PASARELA_URL", "http://127.0.0.1:8080"), os.environ.get("PASARELA_CLAVE")
    with AuthenticatedClient(direccion, clave) if clave else Client(direccion) as api:
        descarga(api)
        lote(api)
        addenda(api)
        error(api)


if __name__ == "__main__":
    main()
