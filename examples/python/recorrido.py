"""Una descarga, un lote de títulos y una addenda, con la biblioteca estándar."""

import hashlib
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

PASARELA = os.environ.get("PASARELA_URL", "http://127.0.0.1:8080")
CLAVE = os.environ.get("PASARELA_CLAVE")
EMPRESA = "PRU010101AB1"

EN_CURSO = ("programada", "en_cola", "solicitada", "en_proceso", "descargando")


class ErrorDePasarela(Exception):
    """Lo que contestó la pasarela cuando no pudo; problema es su JSON."""

    def __init__(self, problema: dict):
        super().__init__(f"{problema['status']} {problema['title']}: {problema['detail']}")
        self.problema = problema


def abre(metodo: str, ruta: str, cuerpo: dict | None = None, **encabezados: str):
    """Hace una petición; devuelve la respuesta, que se lee conforme llega."""
    peticion = urllib.request.Request(PASARELA + ruta, method=metodo)
    if CLAVE:
        peticion.add_header("Authorization", f"Bearer {CLAVE}")
    for nombre, valor in encabezados.items():
        peticion.add_header(nombre.replace("_", "-"), valor)
    if cuerpo is not None:
        peticion.add_header("Content-Type", "application/json")
        peticion.data = json.dumps(cuerpo).encode()
    try:
        return urllib.request.urlopen(peticion, timeout=120)
    except urllib.error.HTTPError as e:
        if e.headers.get_content_type() != "application/problem+json":
            raise  # lo contestó otro, como un proxy
        raise ErrorDePasarela(json.load(e)) from None


def pide(metodo: str, ruta: str, cuerpo: dict | None = None, **encabezados: str):
    """Hace una petición; devuelve los encabezados y los bytes de la respuesta."""
    with abre(metodo, ruta, cuerpo, **encabezados) as respuesta:
        return respuesta.headers, respuesta.read()


def paquetes(ruta: str):
    """Los de una descarga, que vienen por páginas."""
    cursor = ""
    while True:
        pagina = json.loads(pide("GET", f"{ruta}/paquetes{cursor}")[1])
        yield from pagina["paquetes"]
        if "siguiente" not in pagina:
            return
        cursor = "?cursor=" + urllib.parse.quote(pagina["siguiente"])


def guarda(paquete: dict) -> None:
    """Escribe un paquete conforme llega: puede pesar más que la memoria.

    Lo que se llama .zip está entero y cotejado.
    """
    nombre, suma = f"{paquete['idPaquete']}.zip", hashlib.sha256()
    with abre("GET", paquete["url"]) as respuesta, open(nombre + ".part", "wb") as archivo:
        while trozo := respuesta.read(1 << 20):
            suma.update(trozo)
            archivo.write(trozo)
    if suma.hexdigest() != paquete["sha256"]:
        raise SystemExit(f"{nombre} no llegó entero")
    os.replace(nombre + ".part", nombre)
    print(f"descarga: {nombre}, {os.path.getsize(nombre)} bytes")


def descarga() -> None:
    """Todo lo que la empresa emitió en enero, hasta los ZIP en el disco."""
    _, cuerpo = pide("POST", "/v1/sat/descargas", {
        "servicio": "cfdi", "rfcSolicitante": EMPRESA, "tipoDescarga": "emitidos", "tipoSolicitud": "CFDI",
        "fechaInicial": "2026-01-01T00:00:00", "fechaFinal": "2026-01-31T23:59:59",
    }, Idempotency_Key=str(uuid.uuid4()))  # la misma clave, si hay que repetir
    ruta = f"/v1/sat/descargas/{json.loads(cuerpo)['idDescarga']}"
    while True:
        encabezados, cuerpo = pide("GET", ruta)
        estado = json.loads(cuerpo)
        if estado["estado"] not in EN_CURSO:
            break
        time.sleep(int(encabezados.get("Retry-After", 60)))
    if estado["estado"] == "vacia":
        print("descarga: no hay comprobantes en esas fechas")
        return
    if estado["estado"] == "parcial":
        print(f"descarga: llegó una parte: {estado['motivo']}")
    elif estado["estado"] != "terminada":
        raise SystemExit(f"la descarga quedó {estado['estado']}: {estado.get('motivo')}")

    for paquete in paquetes(ruta):
        guarda(paquete)

    _, cuerpo = pide("GET", f"{ruta}/cfdis?limite=10")
    primero = json.loads(cuerpo)["cfdis"][0]
    print(f"descarga: el primero es {primero['uuid']}, por {primero['total']}")


def lote() -> None:
    """Un título, de JSON a registrado."""
    with open("../titulo.json", encoding="utf-8") as archivo:
        titulo = json.load(archivo)
    titulo["folioControl"] = "PY" + uuid.uuid4().hex[:12].upper()
    _, cuerpo = pide("POST", "/v1/sep/lotes", {"titulos": [titulo]}, Idempotency_Key=titulo["folioControl"])
    ruta = f"/v1/sep/lotes/{json.loads(cuerpo)['numeroLote']}"
    while not json.loads(pide("GET", ruta)[1])["procesado"]:
        time.sleep(2)  # en la SEP son minutos
    for renglon in json.loads(pide("GET", f"{ruta}/resultado")[1])["titulos"]:
        print(f"lote: {renglon['folioControl']} {renglon['resultado']}")
        if renglon["resultado"] != "registrado":
            raise SystemExit(renglon["descripcion"])


def addenda() -> None:
    """Los datos que pide un comercio, vueltos addenda."""
    _, cuerpo = pide("POST", "/v1/pade/addendas", {"datos": "pedido|4500\ntienda|12"})
    print(f"addenda: {json.loads(cuerpo)['xml']}")


def error() -> None:
    """Un rango al revés: el problema dice qué campo lo causa."""
    try:
        pide("POST", "/v1/sat/descargas", {
            "servicio": "cfdi", "rfcSolicitante": EMPRESA, "tipoDescarga": "emitidos", "tipoSolicitud": "Metadata",
            "fechaInicial": "2026-02-01T00:00:00", "fechaFinal": "2026-01-01T00:00:00",
        })
    except ErrorDePasarela as e:
        if not e.problema["type"].endswith("#datos-invalidos"):
            raise
        for falta in e.problema["errores"]:
            print(f"error {e.problema['status']}: {falta['campo']}: {falta['detalle']}")
    else:
        raise SystemExit("la pasarela aceptó un rango al revés")


if __name__ == "__main__":
    descarga()
    lote()
    addenda()
    error()
