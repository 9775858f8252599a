// Una descarga, un lote de títulos y una addenda, con las funciones que hace orval.
import { createHash, randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { setTimeout as espera } from "node:timers/promises";

import * as pasarela from "./pasarela";

const EMPRESA = "PRU010101AB1"; // su e.firma firma las solicitudes al SAT
const DIRECTORA = "PEPJ800101AB5"; // la suya sella los títulos

/** Todo lo que la empresa emitió en enero, hasta los ZIP en el disco. */
async function descarga(): Promise<void> {
  const pedida = await pasarela.crearDescarga(
    {
      servicio: "cfdi",
      rfcSolicitante: EMPRESA,
      tipoDescarga: "emitidos",
      tipoSolicitud: "CFDI",
      fechaInicial: "2026-01-01T00:00:00",
      fechaFinal: "2026-01-31T23:59:59",
    },
    // La misma clave, si hay que repetir: nunca se pide dos veces al SAT.
    { "Idempotency-Key": randomUUID() },
  );
  exige(pedida.status === 202, pedida);
  const { idDescarga } = pedida.data;
  for (let fin = false; !fin; ) {
    // El flujo se cierra cuando termina la descarga, y sin fin a la hora: entonces se repite.
    const eventos = await pasarela.seguirDescarga(idDescarga);
    exige(eventos.status === 200, eventos);
    fin = eventos.data.includes("event: fin\n");
  }
  const { data: final } = await pasarela.obtenerDescarga(idDescarga);
  exige("estado" in final && final.estado === "terminada", final);

  const lista = await pasarela.listarPaquetesDescarga(idDescarga);
  exige(lista.status === 200, lista);
  for (const { idPaquete, sha256 } of lista.data.paquetes) {
    const paquete = await pasarela.descargarPaquete("cfdi", idPaquete, { rfcSolicitante: EMPRESA });
    exige(paquete.status === 200, paquete);
    const zip = Buffer.from(await paquete.data.arrayBuffer());
    exige(createHash("sha256").update(zip).digest("hex") === sha256, `${idPaquete} no llegó entero`);
    await writeFile(`${idPaquete}.zip`, zip);
    console.log(`descarga: ${idPaquete}.zip, ${zip.length} bytes`);
  }

  const filas = await pasarela.exportarCfdisCsv(idDescarga);
  exige(filas.status === 200, filas);
  console.log(`descarga: ${(await filas.data.text()).split("\r\n").length - 2} filas de CSV`);
}

const titulo = (folioControl: string): pasarela.Titulo => ({
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
  const folio = `OR${randomUUID().replaceAll("-", "").slice(0, 12).toUpperCase()}`;
  const cargado = await pasarela.cargarLote({ titulos: [titulo(folio)] }, undefined, { "Idempotency-Key": folio });
  exige(cargado.status === 201, cargado);
  const { numeroLote } = cargado.data;
  for (;;) {
    const { data } = await pasarela.consultarLote(numeroLote);
    exige("procesado" in data, data);
    if (data.procesado) {
      break;
    }
    await espera(2000); // en la SEP son minutos
  }
  const resultado = await pasarela.obtenerResultadoLote(numeroLote);
  exige(resultado.status === 200, resultado);
  for (const renglon of resultado.data.titulos) {
    console.log(`lote ${numeroLote}: ${renglon.folioControl} ${renglon.resultado}`);
    exige(renglon.resultado === "registrado", renglon);
  }
}

/** Los datos que pide un comercio, vueltos addenda. */
async function addenda(): Promise<void> {
  const { data } = await pasarela.procesarAddenda({ datos: "pedido|4500\ntienda|12" });
  exige("xml" in data && data.xml.includes("4500"), data);
  console.log(`addenda: ${data.xml}`);
}

/** Un rango al revés: el problema dice qué campo lo causa. */
async function error(): Promise<void> {
  const { data: problema } = await pasarela.crearDescarga({
    servicio: "cfdi",
    rfcSolicitante: EMPRESA,
    tipoDescarga: "emitidos",
    tipoSolicitud: "Metadata",
    fechaInicial: "2026-02-01T00:00:00",
    fechaFinal: "2026-01-01T00:00:00",
  });
  exige("type" in problema && problema.type.endsWith("#datos-invalidos"), problema);
  for (const { campo, detalle } of problema.errores ?? []) {
    console.log(`error ${problema.status}: ${campo}: ${detalle}`);
  }
}

function exige(cumple: boolean, queja: unknown): asserts cumple {
  if (!cumple) {
    throw new Error(JSON.stringify(queja));
  }
}

async function main(): Promise<void> {
  await descarga();
  await lote();
  await addenda();
  await error();
}

void main();
