// Fills the reference: Swagger UI over this gateway's own contract, in Spanish.
import { probar } from "./probar.js";

// Swagger UI's words are in its code and cannot be configured. Each is put into
// Spanish where an element is made of it; nothing that the contract says passes here
// unless it is one of these, alone.
const palabras = new Map(Object.entries({
  "Authorize": "Poner la clave",
  "Authorized": "Con clave",
  "Available authorizations": "Clave de API",
  "Logout": "Quitar",
  "Close": "Cerrar",
  "Value:": "Clave:",
  "Name: ": "Nombre: ",
  "In: ": "En: ",
  "Try it out ": "Probar",
  "Cancel": "Dejar de probar",
  "Reset": "Restablecer",
  "Execute": "Enviar",
  "Clear": "Limpiar",
  "Parameters": "Parámetros",
  "Parameters ": "Parámetros ",
  "Operation `": "Operación `",
  "No parameters": "Sin parámetros.",
  "Request body": "Cuerpo de la petición",
  "Name": "Nombre",
  "Description": "Descripción",
  "Type": "Tipo",
  "Code": "Status",
  "Details": "Detalle",
  "Links": "Enlaces",
  "No links": "Ninguno",
  "Responses": "Respuestas",
  "Server response": "Respuesta de la pasarela",
  "Response body": "Cuerpo de la respuesta",
  "Response headers": "Encabezados de la respuesta",
  "Request duration": "Duración",
  "Request URL": "Dirección",
  "Curl": "La misma petición con curl",
  "Media type": "Tipo de contenido",
  "Response content type": "Tipo de contenido",
  "Parameter content type": "Tipo de contenido",
  "Controls ": "Manda el encabezado ",
  " header.": ".",
  "Examples": "Ejemplos",
  "Examples: ": "Ejemplos: ",
  "Example": "Ejemplo",
  "Example Value": "Ejemplo",
  "Example Description": "Descripción del ejemplo",
  "Edit Value": "Editar",
  "Schema": "Esquema",
  "Schemas": "Esquemas",
  "Model": "Esquema",
  "Headers:": "Encabezados:",
  "Enum:": "Valores:",
  "Servers": "Servidor",
  "Errors": "Errores",
  "Loading": "Cargando",
  "Hide": "Ocultar",
  "Show": "Mostrar",
  "Download": "Guardar",
  "Download file": "Guardar el archivo",
  "Send empty value": "Enviar vacío",
  "Undocumented": "No está en el contrato",
  "Please correct the following validation errors and try again.": "Corrija esto e inténtelo otra vez:",
  "Unrecognized response type; unable to display.": "No se puede mostrar este tipo de contenido.",
  "Unrecognized response type; displaying content as text.": "Tipo de contenido desconocido; se muestra como texto.",
  "Required field is not provided": "Es obligatorio",
  "Failed to load API definition.": "No se pudo leer el contrato de la pasarela.",
}));

const atributos = ["aria-label", "title", "placeholder"];
const rotulos = new Map(Object.entries({
  "Apply credentials": "Usar esta clave",
  "Remove authorization": "Quitar esta clave",
  "Copy to clipboard": "Copiar",
  "authorization button locked": "Con clave",
  "authorization button unlocked": "Sin clave",
  "Expand operation": "Abrir la operación",
  "Collapse operation": "Cerrar la operación",
  "Media Type": "Tipo de contenido",
  "Request content type": "Tipo de contenido de la petición",
  "Response content type": "Tipo de contenido de la respuesta",
}));

const frases = new Map(Object.entries({
  "Available values": "Valores",
  "Default value": "Si se omite",
  "Example": "Ejemplo",
}));

const falta = /^For '(.+)': Required field is not provided\.$/;
const dicho = (x) => (typeof x === "string" ? palabras.get(x) ?? x.replace(falta, "$1: es obligatorio.") : x);

// castellano is a plugin: it changes how the library's own elements are made.
const castellano = (system) => {
  const { React } = system;
  const crea = React.createElement;
  React.createElement = (tipo, props, ...hijos) => {
    if (typeof tipo !== "string") {
      const [, palabra, resto] = /^<i>([A-Z][a-z ]+)<\/i>(.*)$/s.exec(props?.source) ?? [];
      return crea(tipo, frases.has(palabra) ? { ...props, source: `<i>${frases.get(palabra)}</i>${resto}` } : props, ...hijos);
    }
    for (const a of atributos) {
      if (props && rotulos.has(props[a])) props = { ...props, [a]: rotulos.get(props[a]) };
    }
    return crea(tipo, props, ...hijos.map(dicho));
  };
  return {
    wrapComponents: {
      // What the contract says of the whole API is long, and the operations are what one comes for.
      InfoContainer: (Original) => (props) => crea("details", { className: "preambulo" },
        crea("summary", null, "Lo que vale para todas las operaciones: recorridos, fechas, errores, claves"), crea(Original, props)),
    },
  };
};

const lugar = document.getElementById("referencia");

// The contract names the address that a gateway has out of the box. This page asks
// the one that it came from, by whatever name and path.
const propia = new URL(lugar.dataset.base, location.href).href.replace(/\/$/, "");
const estaPasarela = () => ({
  statePlugins: {
    spec: {
      wrapActions: { updateJsonSpec: (sigue) => (spec) => sigue({ ...spec, servers: [{ url: propia, description: "Esta pasarela" }] }) },
    },
  },
});

SwaggerUIBundle({
  // As it was written, so that operations and examples keep their order.
  url: new URL(lugar.dataset.contrato, location.href).href,
  domNode: lugar,
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [castellano, estaPasarela, probar],
  layout: "BaseLayout",
  deepLinking: true,
  docExpansion: "list",
  defaultModelRendering: "example",
  defaultModelsExpandDepth: -1,
  displayRequestDuration: true,
  validatorUrl: null, // never anybody else's
  onComplete: () => { lugar.dataset.lista = "si"; },
});
