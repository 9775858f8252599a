// Una descarga, un lote de títulos y una addenda, con fetch y nada más.
import { createHash, randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { readFile, rename } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as espera } from "node:timers/promises";

const PASARELA = process.env.PASARELA_URL ?? "http://127.0.0.1:8080";
const CLAVE = process.env.PASARELA_CLAVE;
const EMPRESA = "PRU010101AB1";

const EN_CURSO = ["programada", "en_cola", "solicitada", "en_proceso", "descargando"];

/** Lo que contestó la pasarela cuando no pudo; `problema` es su JSON. */
class ErrorDePasarela extends Error {
  constructor(problema) {
    super(`${problema.status} ${problema.title}: ${problema.detail}`);
    this.problema = problema;
  }
}

async function pide(metodo, ruta, cuerpo, encabezados = {}) {
  const respuesta = await fetch(PASARELA + ruta, {
    method: metodo,
    headers: {
      ...(CLAVE && { Authorization: `Bearer ${CLAVE}` }),
      ...(cuerpo && { "Content-Type": "application/json" }),
      ...encabezados,
    },
    body: cuerpo && JSON.stringify(cuerpo),
  });
  if (!respuesta.ok) {
    if (!respuesta.headers.get("Content-Type")?.startsWith("application/problem+json")) {
      throw new Error(`${respuesta.status} ${respuesta.statusText}`); // lo contestó otro, como un proxy
    }
    throw new ErrorDePasarela(await respuesta.json());
  }
  return respuesta;
}

/** Los paquetes de una descarga, que vienen por páginas. */
async function* paquetes(ruta) {
  let pagina = await (await pide("GET", `${ruta}/paquetes`)).json();
  yield* pagina.paquetes;
  while (pagina.siguiente) {
    pagina = await (await pide("GET", `${ruta}/paquetes?cursor=${encodeURIComponent(pagina.siguiente)}`)).json();
    yield* pagina.paquetes;
  }
}

/** Escribe un paquete conforme llega: puede pesar más que la memoria. Lo que se llama .zip está entero y cotejado. */
async function guarda({ idPaquete, sha256, url }) {
  const nombre = `${idPaquete}.zip`;
  const suma = createHash("sha256");
  let bytes = 0;
  const anota = async function* (trozos) {
    for await (const trozo of trozos) {
      suma.update(trozo);
      bytes += trozo.length;
      yield trozo;
    }
  };
  await pipeline(Readable.fromWeb((await pide("GET", url)).body), anota, createWriteStream(`${nombre}.part`));
  if (suma.digest("hex") !== sha256) {
    throw new Error(`${nombre} no llegó entero`);
  }
  await rename(`${nombre}.part`, nombre);
  console.log(`descarga: ${nombre}, ${bytes} bytes`);
}

/** Todo lo que la empresa emitió en enero, hasta los ZIP en el disco. */
async function descarga() {
  const pedida = await pide(
    "POST",
    "/v1/sat/descargas",
    {
      servicio: "cfdi",
      rfcSolicitante: EMPRESA,
      tipoDescarga: "emitidos",
      tipoSolicitud: "CFDI",
      fechaInicial: "2026-01-01T00:00:00",
      fechaFinal: "2026-01-31T23:59:59",
    },
    { "Idempotency-Key": randomUUID() }, // la misma clave, si hay que repetir
  );
  const ruta = `/v1/sat/descargas/${(await pedida.json()).idDescarga}`;
  let respuesta = await pide("GET", ruta);
  let { estado, motivo } = await respuesta.json();
  while (EN_CURSO.includes(estado)) {
    await espera(1000 * Number(respuesta.headers.get("Retry-After") ?? 60));
    respuesta = await pide("GET", ruta);
    ({ estado, motivo } = await respuesta.json());
  }
  if (estado === "vacia") {
    console.log("descarga: no hay comprobantes en esas fechas");
    return;
  }
  if (estado === "parcial") {
    console.log(`descarga: llegó una parte: ${motivo}`);
  } else if (estado !== "terminada") {
    throw new Error(`la descarga quedó ${estado}: ${motivo}`);
  }

  for await (const paquete of paquetes(ruta)) {
    await guarda(paquete);
  }

  const { cfdis } = await (await pide("GET", `${ruta}/cfdis?limite=10`)).json();
  console.log(`descarga: el primero es ${cfdis[0].uuid}, por ${cfdis[0].total}`);
}

/** Un título, de JSON a registrado. */
async function lote() {
  const titulo = JSON.parse(await readFile("../titulo.json", "utf8"));
  titulo.folioControl = `JS${randomUUID().replaceAll("-", "").slice(0, 12).toUpperCase()}`;
  const cargado = await pide("POST", "/v1/sep/lotes", { titulos: [titulo] }, { "Idempotency-Key": titulo.folioControl });
  const ruta = `/v1/sep/lotes/${(await cargado.json()).numeroLote}`;
  while (!(await (await pide("GET", ruta)).json()).procesado) {
    await espera(2000); // en la SEP son minutos
  }
  const { titulos } = await (await pide("GET", `${ruta}/resultado`)).json();
  for (const { folioControl, resultado, descripcion } of titulos) {
    console.log(`lote: ${folioControl} ${resultado}`);
    if (resultado !== "registrado") {
      throw new Error(descripcion);
    }
  }
}

/** Los datos que pide un comercio, vueltos addenda. */
async function addenda() {
  const { xml } = await (await pide("POST", "/v1/pade/addendas", { datos: "pedido|4500\ntienda|12" })).json();
  console.log(`addenda: ${xml}`);
}

/** Un rango al revés: el problema dice qué campo lo causa. */
async function error() {
  try {
    await pide("POST", "/v1/sat/descargas", {
      servicio: "cfdi",
      rfcSolicitante: EMPRESA,
      tipoDescarga: "emitidos",
      tipoSolicitud: "Metadata",
      fechaInicial: "2026-02-01T00:00:00",
      fechaFinal: "2026-01-01T00:00:00",
    });
  } catch (e) {
    if (!(e instanceof ErrorDePasarela && e.problema.type.endsWith("#datos-invalidos"))) {
      throw e;
    }
    for (const { campo, detalle } of e.problema.errores) {
      console.log(`error ${e.problema.status}: ${campo}: ${detalle}`);
    }
    return;
  }
  throw new Error("la pasarela aceptó un rango al revés");
}

await descarga();
await lote();
await addenda();
await error();
