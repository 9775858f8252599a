// Con qué llama el código de orval. El suyo toma por JSON todo lo que llega.
const base = process.env.PASARELA_URL ?? "http://127.0.0.1:8080";
const clave = process.env.PASARELA_CLAVE;

export async function pide<T>(ruta: string, opciones: RequestInit): Promise<T> {
  const respuesta = await fetch(base + ruta, {
    ...opciones,
    headers: {
      // orval no lo dice donde la operación admite también otros tipos.
      ...(typeof opciones.body === "string" ? { "Content-Type": "application/json" } : {}),
      ...opciones.headers,
      ...(clave ? { Authorization: `Bearer ${clave}` } : {}),
    },
  });
  return { data: await contenido(respuesta), status: respuesta.status, headers: respuesta.headers } as T;
}

/** JSON y problemas, leídos; los eventos, cuando terminan; lo demás, en bytes. */
async function contenido(respuesta: Response): Promise<unknown> {
  const tipo = respuesta.headers.get("Content-Type") ?? "";
  if (/^application\/(problem\+)?json/.test(tipo)) {
    return respuesta.json();
  }
  return tipo.startsWith("text/event-stream") ? respuesta.text() : respuesta.blob();
}
