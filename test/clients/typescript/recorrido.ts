// Una descarga, un lote de títulos y una addenda, con los tipos generados.
import { createHash, randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { setTimeout as espera } from "node:timers/promises";

import createClient from "openapi-fetch";

import type { components, paths } from "./pasarela.js";

type Titulo = components["schemas"]["Titulo"];
type Problema = components["schemas"]["Problema"];

const EMPRESA = "PRU010101AB1"; // su e.firma firma las solicitudes al SAT
const DIRECTORA = "PEPJ800101AB5"; // la suya sella los títulos

const EN_CURSO = ["en_cola", "solicitada", "en_proceso", "descargando"];

const clave = process.env.PASARELA_CLAVE;
const opciones = {
  baseUrl: process.env.PASARELA_URL ?? "http://127.0.0.1:8080",
  headers: clave ? { Authorization: `Bearer ${clave}` } : {},
};
// Muchas operaciones contestan en varios formatos: el segundo parámetro dice cuál se lee.
const api = createClient<paths, "application/json" | "application/problem+json">(opciones);
const archivos = createClient<paths, "application/zip" | "application/problem+json">(opciones);

/** El error de la pasarela, con su problema. */
class ErrorDePasarela extends Error {
  constructor(readonly problema: Problema) {
    super(`${problema.status} ${problema.title}: ${problema.detail}`);
  }
}

/** Los datos de una respuesta; si es un problema, lo lanza. */
function datos<T>(respuesta: { data?: T; error?: unknown; response: Response }): T {
  if (respuesta.data === undefined) {
    throw new ErrorDePasarela(respuesta.error as Problema);
  }
  return respuesta.data;
}

/** Todo lo que la empresa emitió en enero, hasta los ZIP en el disco. */
async function descarga(): Promise<void> {
  const { idDescarga } = datos(
    await api.POST("/v1/sat/descargas", {
      // La misma clave, si hay que repetir: nunca se pide dos veces al SAT.
      params: { header: { "Idempotency-Key": randomUUID() } },
      body: {
        servicio: "cfdi",
        rfcSolicitante: EMPRESA,
        tipoDescarga: "emitidos",
        tipoSolicitud: "CFDI",
        fechaInicial: "2026-01-01T00:00:00",
        fechaFinal: "2026-01-31T23:59:59",
      },
    }),
  );
  const params = { path: { idDescarga } };
  let respuesta = await api.GET("/v1/sat/descargas/{idDescarga}", { params });
  while (EN_CURSO.includes(datos(respuesta).estado)) {
    await espera(1000 * Number(respuesta.response.headers.get("Retry-After") ?? 60));
    respuesta = await api.GET("/v1/sat/descargas/{idDescarga}", { params });
  }
  const { estado, motivo } = datos(respuesta);
  exige(estado === "terminada", `la descarga quedó ${estado}: ${motivo}`);

  const { paquetes } = datos(await api.GET("/v1/sat/descargas/{idDescarga}/paquetes", { params }));
  for (const { idPaquete, sha256 } of paquetes) {
    const zip = Buffer.from(
      datos(
        await archivos.GET("/v1/sat/{servicio}/paquetes/{idPaquete}", {
          params: { path: { servicio: "cfdi", idPaquete }, query: { rfcSolicitante: EMPRESA } },
          parseAs: "arrayBuffer",
        }),
      ),
    );
    exige(createHash("sha256").update(zip).digest("hex") === sha256, `${idPaquete} no llegó entero`);
    await writeFile(`${idPaquete}.zip`, zip);
    console.log(`descarga: ${idPaquete}.zip, ${zip.length} bytes`);
  }

  const { cfdis } = datos(
    await api.GET("/v1/sat/descargas/{idDescarga}/cfdis", { params: { ...params, query: { limite: 10 } } }),
  );
  console.log(`descarga: el primero es ${cfdis[0]?.uuid}, por ${cfdis[0]?.total}`);
}

const titulo = (folioControl: string): Titulo => ({
  folioControl,
  firmaResponsables: [
    { rfc: DIRECTORA, curp: "PEPJ800101MDFRRN03", nombre: "JUANA", primerApellido: "PEREZ", segundoApellido: "DE PRUEBA", idCargo: "3", abrTitulo: "DRA." },
  ],
  institucion: { cveInstitucion: "090001", nombreInstitucion: "UNIVERSIDAD DE PRUEBA" },
  carrera: { cveCarrera: "103301", nombreCarrera: "LICENCIATURA EN DERECHO", fechaTerminacion: "2023-06-30", idAutorizacionReconocimiento: "8" },
  profesionista: { curp: "MEXL010203HDFXXS05", nombre: "LUIS", primerApellido: "MENDEZ", correoElectronico: "luis@example.com" },
  expedicion: {
    fechaExpedicion: "2025-11-14",
    idModalidadTitulacion: "1",
    fechaExamenProfesional: "2025-09-05",
    cumplioServicioSocial: "1",
    idFundamentoLegalServicioSocial: "2",
    idEntidadFederativa: "09",
  },
  antecedente: { institucionProcedencia: "PREPARATORIA DE PRUEBA", idTipoEstudioAntecedente: "4", idEntidadFederativa: "15", fechaTerminacion: "2018-07-06" },
});

/** Un título, de JSON a registrado. */
async function lote(): Promise<void> {
  const folio = `TS${randomUUID().replaceAll("-", "").slice(0, 12).toUpperCase()}`;
  const { numeroLote } = datos(
    await api.POST("/v1/sep/lotes", { params: { header: { "Idempotency-Key": folio } }, body: { titulos: [titulo(folio)] } }),
  );
  const params = { path: { numeroLote } };
  while (!datos(await api.GET("/v1/sep/lotes/{numeroLote}", { params })).procesado) {
    await espera(2000); // en la SEP son minutos
  }
  for (const renglon of datos(await api.GET("/v1/sep/lotes/{numeroLote}/resultado", { params })).titulos) {
    console.log(`lote ${numeroLote}: ${renglon.folioControl} ${renglon.resultado}`);
    exige(renglon.resultado === "registrado", renglon.descripcion);
  }
}

/** Los datos que pide un comercio, vueltos addenda. */
async function addenda(): Promise<void> {
  const { xml } = datos(await api.POST("/v1/pade/addendas", { body: { datos: "pedido|4500\ntienda|12" } }));
  exige(xml.includes("4500"), `la addenda no trae el pedido: ${xml}`);
  console.log(`addenda: ${xml}`);
}

/** Un rango al revés: el problema dice qué campo lo causa. */
async function error(): Promise<void> {
  const { error: problema } = await api.POST("/v1/sat/descargas", {
    body: {
      servicio: "cfdi",
      rfcSolicitante: EMPRESA,
      tipoDescarga: "emitidos",
      tipoSolicitud: "Metadata",
      fechaInicial: "2026-02-01T00:00:00",
      fechaFinal: "2026-01-01T00:00:00",
    },
  });
  if (!problema?.type.endsWith("#datos-invalidos")) {
    throw new Error("la pasarela aceptó un rango al revés");
  }
  for (const { campo, detalle } of problema.errores ?? []) {
    console.log(`error ${problema.status}: ${campo}: ${detalle}`);
  }
}

function exige(cumple: boolean, queja: string): void {
  if (!cumple) {
    throw new Error(queja);
  }
}

await descarga();
await lote();
await addenda();
await error();
