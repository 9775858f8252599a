// Una descarga, un lote de títulos y una addenda, con HttpClient y Newtonsoft.Json.
using System;
using System.IO;
using System.Linq;
using System.Net.Http;
using System.Security.Cryptography;
using System.Text;
using System.Threading.Tasks;
using Newtonsoft.Json.Linq;

static class Recorrido
{
    const string Empresa = "PRU010101AB1";
    static readonly string[] EnCurso = { "programada", "en_cola", "solicitada", "en_proceso", "descargando" };
    static readonly string Pasarela = Environment.GetEnvironmentVariable("PASARELA_URL") ?? "http://127.0.0.1:8080";
    static readonly HttpClient Http = new HttpClient();

    static void Main() => Recorre().GetAwaiter().GetResult();

    static async Task Recorre()
    {
        var clave = Environment.GetEnvironmentVariable("PASARELA_CLAVE");
        if (clave != null)
        {
            Http.DefaultRequestHeaders.Add("Authorization", "Bearer " + clave);
        }
        await Descargar();
        await CargarLote();
        await ProcesarAddenda();
        await PedirUnRangoAlReves();
    }

    /// <summary>Lo que contestó la pasarela cuando no pudo; Problema es su JSON.</summary>
    class ErrorDePasarela : Exception
    {
        public JObject Problema { get; }

        public ErrorDePasarela(JObject problema) : base($"{problema["status"]} {problema["title"]}: {problema["detail"]}") =>
            Problema = problema;
    }

    static async Task<HttpResponseMessage> Pide(HttpMethod metodo, string ruta, JObject cuerpo = null, string claveDeIdempotencia = null)
    {
        var peticion = new HttpRequestMessage(metodo, Pasarela + ruta);
        if (cuerpo != null)
        {
            peticion.Content = new StringContent(cuerpo.ToString(), Encoding.UTF8, "application/json");
        }
        if (claveDeIdempotencia != null)
        {
            peticion.Headers.Add("Idempotency-Key", claveDeIdempotencia);
        }
        var respuesta = await Http.SendAsync(peticion, HttpCompletionOption.ResponseHeadersRead);
        if (!respuesta.IsSuccessStatusCode)
        {
            if (respuesta.Content.Headers.ContentType?.MediaType != "application/problem+json")
            {
                respuesta.EnsureSuccessStatusCode(); // lo contestó otro, como un proxy
            }
            throw new ErrorDePasarela(await Json(respuesta));
        }
        return respuesta;
    }

    static async Task<JObject> Json(HttpResponseMessage respuesta) => JObject.Parse(await respuesta.Content.ReadAsStringAsync());

    static async Task<JObject> Lee(string ruta) => await Json(await Pide(HttpMethod.Get, ruta));

    static JObject Peticion(string tipoSolicitud, string fechaInicial, string fechaFinal) => new JObject
    {
        ["servicio"] = "cfdi", ["rfcSolicitante"] = Empresa, ["tipoDescarga"] = "emitidos",
        ["tipoSolicitud"] = tipoSolicitud, ["fechaInicial"] = fechaInicial, ["fechaFinal"] = fechaFinal,
    };

    /// <summary>Todo lo que la empresa emitió en enero, hasta los ZIP en el disco.</summary>
    static async Task Descargar()
    {
        var pedida = await Json(await Pide(HttpMethod.Post, "/v1/sat/descargas",
            Peticion("CFDI", "2026-01-01T00:00:00", "2026-01-31T23:59:59"), Guid.NewGuid().ToString())); // la misma, si hay que repetir
        var ruta = "/v1/sat/descargas/" + pedida["idDescarga"];
        var respuesta = await Pide(HttpMethod.Get, ruta);
        var descarga = await Json(respuesta);
        while (EnCurso.Contains((string)descarga["estado"]))
        {
            await Task.Delay(respuesta.Headers.RetryAfter?.Delta ?? TimeSpan.FromMinutes(1));
            respuesta = await Pide(HttpMethod.Get, ruta);
            descarga = await Json(respuesta);
        }
        switch ((string)descarga["estado"])
        {
            case "terminada":
                break;
            case "vacia":
                Console.WriteLine("descarga: no hay comprobantes en esas fechas");
                return;
            case "parcial":
                Console.WriteLine($"descarga: llegó una parte: {descarga["motivo"]}");
                break;
            default:
                throw new InvalidOperationException($"la descarga quedó {descarga["estado"]}: {descarga["motivo"]}");
        }

        for (var cursor = ""; cursor != null;) // los paquetes vienen por páginas
        {
            var pagina = await Lee(ruta + "/paquetes" + cursor);
            foreach (var paquete in pagina["paquetes"])
            {
                await Guarda(paquete);
            }
            var siguiente = (string)pagina["siguiente"];
            cursor = siguiente == null ? null : "?cursor=" + Uri.EscapeDataString(siguiente);
        }

        var primero = (await Lee(ruta + "/cfdis?limite=10"))["cfdis"][0];
        Console.WriteLine($"descarga: el primero es {primero["uuid"]}, por {primero["total"]}");
    }

    /// <summary>
    /// Escribe un paquete conforme llega: puede pesar más que la memoria. Lo que se llama .zip está entero y cotejado.
    /// </summary>
    static async Task Guarda(JToken paquete)
    {
        var archivo = paquete["idPaquete"] + ".zip";
        using (var respuesta = await Pide(HttpMethod.Get, (string)paquete["url"]))
        using (var parte = File.Create(archivo + ".part"))
        {
            await respuesta.Content.CopyToAsync(parte);
        }
        Exige(Sha256(archivo + ".part") == (string)paquete["sha256"], archivo + " no llegó entero");
        File.Delete(archivo); // Move no reemplaza
        File.Move(archivo + ".part", archivo);
        Console.WriteLine($"descarga: {archivo}, {new FileInfo(archivo).Length} bytes");
    }

    static string Sha256(string archivo)
    {
        using (var sha256 = SHA256.Create())
        using (var contenido = File.OpenRead(archivo))
        {
            return BitConverter.ToString(sha256.ComputeHash(contenido)).Replace("-", "").ToLowerInvariant();
        }
    }

    /// <summary>Un título, de JSON a registrado.</summary>
    static async Task CargarLote()
    {
        var folio = "CS" + Guid.NewGuid().ToString("N").Substring(0, 12).ToUpperInvariant();
        var titulo = JObject.Parse(File.ReadAllText("../titulo.json"));
        titulo["folioControl"] = folio;
        var cargado = await Json(await Pide(HttpMethod.Post, "/v1/sep/lotes", new JObject { ["titulos"] = new JArray(titulo) }, folio));
        var ruta = "/v1/sep/lotes/" + cargado["numeroLote"];
        while (!(bool)(await Lee(ruta))["procesado"])
        {
            await Task.Delay(2000); // en la SEP son minutos
        }
        foreach (var renglon in (await Lee(ruta + "/resultado"))["titulos"])
        {
            Console.WriteLine($"lote: {renglon["folioControl"]} {renglon["resultado"]}");
            Exige((string)renglon["resultado"] == "registrado", (string)renglon["descripcion"]);
        }
    }

    /// <summary>Los datos que pide un comercio, vueltos addenda.</summary>
    static async Task ProcesarAddenda()
    {
        var procesada = await Json(await Pide(HttpMethod.Post, "/v1/pade/addendas", new JObject { ["datos"] = "pedido|4500\ntienda|12" }));
        Console.WriteLine($"addenda: {procesada["xml"]}");
    }

    /// <summary>Un rango al revés: el problema dice qué campo lo causa.</summary>
    static async Task PedirUnRangoAlReves()
    {
        try
        {
            await Pide(HttpMethod.Post, "/v1/sat/descargas", Peticion("Metadata", "2026-02-01T00:00:00", "2026-01-01T00:00:00"));
        }
        catch (ErrorDePasarela e) when (((string)e.Problema["type"]).EndsWith("#datos-invalidos"))
        {
            foreach (var falta in e.Problema["errores"])
            {
                Console.WriteLine($"error {e.Problema["status"]}: {falta["campo"]}: {falta["detalle"]}");
            }
            return;
        }
        Exige(false, "la pasarela aceptó un rango al revés");
    }

    static void Exige(bool cumple, string queja)
    {
        if (!cumple)
        {
            throw new InvalidOperationException(queja);
        }
    }
}
