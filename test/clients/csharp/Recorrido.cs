// Una descarga, un lote de títulos y una addenda, con el cliente generado.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Threading;
using Newtonsoft.Json;
using Pasarela.Cliente.Api;
using Pasarela.Cliente.Client;
using Pasarela.Cliente.Model;

static class Recorrido
{
    const string Empresa = "PRU010101AB1"; // su e.firma firma las solicitudes al SAT
    const string Directora = "PEPJ800101AB5"; // la suya sella los títulos

    static readonly EstadoDescarga[] EnCurso =
        { EstadoDescarga.EnCola, EstadoDescarga.Solicitada, EstadoDescarga.EnProceso, EstadoDescarga.Descargando };

    static void Main()
    {
        var pasarela = new Configuration
        {
            BasePath = Environment.GetEnvironmentVariable("PASARELA_URL") ?? "http://127.0.0.1:8080",
            AccessToken = Environment.GetEnvironmentVariable("PASARELA_CLAVE"),
        };
        Descargar(pasarela);
        CargarLote(pasarela);
        ProcesarAddenda(pasarela);
        RegistrarWebhook(pasarela);
        PedirUnRangoAlReves(pasarela);
    }

    /// <summary>Todo lo que la empresa emitió en enero, hasta los ZIP en el disco.</summary>
    static void Descargar(Configuration pasarela)
    {
        var descargas = new DescargasApi(pasarela);
        var pedida = descargas.CrearDescarga(
            new PeticionDescarga(
                servicio: Servicio.CFDI,
                rfcSolicitante: Empresa,
                tipoDescarga: SentidoDescarga.Emitidos,
                tipoSolicitud: TipoSolicitud.CFDI,
                fechaInicial: "2026-01-01T00:00:00",
                fechaFinal: "2026-01-31T23:59:59"),
            // La misma clave, si hay que repetir: nunca se pide dos veces al SAT.
            idempotencyKey: Guid.NewGuid().ToString());
        var respuesta = descargas.ObtenerDescargaWithHttpInfo(pedida.IdDescarga);
        while (EnCurso.Contains(respuesta.Data.Estado))
        {
            var espera = respuesta.Headers.TryGetValue("Retry-After", out var valores) ? int.Parse(valores[0]) : 60;
            Thread.Sleep(TimeSpan.FromSeconds(espera));
            respuesta = descargas.ObtenerDescargaWithHttpInfo(pedida.IdDescarga);
        }
        Exige(respuesta.Data.Estado == EstadoDescarga.Terminada, $"la descarga quedó {respuesta.Data.Estado}: {respuesta.Data.Motivo}");

        foreach (var paquete in descargas.ListarPaquetesDescarga(pedida.IdDescarga).Paquetes)
        {
            var archivo = paquete.IdPaquete + ".zip";
            using (var zip = File.Create(archivo))
            {
                new SATApi(pasarela).DescargarPaquete(Servicio.CFDI, paquete.IdPaquete, Empresa).Content.CopyTo(zip);
            }
            Exige(Sha256(archivo) == paquete.Sha256, $"{archivo} no llegó entero");
            Console.WriteLine($"descarga: {archivo}, {new FileInfo(archivo).Length} bytes");
        }

        var primero = descargas.ListarCfdisDescarga(pedida.IdDescarga, limite: 10).Cfdis[0];
        Console.WriteLine($"descarga: el primero es {primero.Uuid}, por {primero.Total}");
    }

    static string Sha256(string archivo)
    {
        using (var sha256 = SHA256.Create())
        using (var contenido = File.OpenRead(archivo))
        {
            return BitConverter.ToString(sha256.ComputeHash(contenido)).Replace("-", "").ToLowerInvariant();
        }
    }

    static Titulo Titulo(string folio) => new Titulo(
        folioControl: folio,
        firmaResponsables: new List<TituloFirmaResponsable>
        {
            new TituloFirmaResponsable(rfc: Directora, curp: "PEPJ800101MDFRRN03", nombre: "JUANA", primerApellido: "PEREZ",
                segundoApellido: "DE PRUEBA", idCargo: "3", abrTitulo: "DRA."),
        },
        institucion: new TituloInstitucion("090001", "UNIVERSIDAD DE PRUEBA"),
        carrera: new TituloCarrera(cveCarrera: "103301", nombreCarrera: "LICENCIATURA EN DERECHO",
            fechaTerminacion: "2023-06-30", idAutorizacionReconocimiento: "8"),
        profesionista: new TituloProfesionista(curp: "MEXL010203HDFXXS05", nombre: "LUIS", primerApellido: "MENDEZ",
            correoElectronico: "luis@example.com"),
        expedicion: new TituloExpedicion(fechaExpedicion: "2025-11-14", idModalidadTitulacion: "1",
            fechaExamenProfesional: "2025-09-05", cumplioServicioSocial: "1", idFundamentoLegalServicioSocial: "2",
            idEntidadFederativa: "09"),
        antecedente: new TituloAntecedente(institucionProcedencia: "PREPARATORIA DE PRUEBA", idTipoEstudioAntecedente: "4",
            idEntidadFederativa: "15", fechaTerminacion: "2018-07-06"));

    /// <summary>Un título, de JSON a registrado.</summary>
    static void CargarLote(Configuration pasarela)
    {
        var sep = new SEPApi(pasarela);
        var folio = "CS" + Guid.NewGuid().ToString("N").Substring(0, 12).ToUpperInvariant();
        var lote = sep.CargarLote(new CargaDeLote(titulos: new List<Titulo> { Titulo(folio) }), idempotencyKey: folio).NumeroLote;
        while (!sep.ConsultarLote(lote).Procesado)
        {
            Thread.Sleep(2000); // en la SEP son minutos
        }
        foreach (var renglon in sep.ObtenerResultadoLote(lote).Titulos)
        {
            Console.WriteLine($"lote {lote}: {renglon.FolioControl} {renglon.Resultado}");
            Exige(renglon.Resultado == ResultadoDeTitulo.Registrado, renglon.Descripcion);
        }
    }

    /// <summary>Los datos que pide un comercio, vueltos addenda.</summary>
    static void ProcesarAddenda(Configuration pasarela)
    {
        var xml = new PADEApi(pasarela).ProcesarAddenda(new PeticionAddenda("pedido|4500\ntienda|12")).Xml;
        Exige(xml.Contains("4500"), $"la addenda no trae el pedido: {xml}");
        Console.WriteLine($"addenda: {xml}");
    }

    /// <summary>A dónde avisar de las descargas que terminan. Sin rfcs, de las de todos los RFC de la clave.</summary>
    static void RegistrarWebhook(Configuration pasarela)
    {
        var webhooks = new WebhooksApi(pasarela);
        var creado = webhooks.CrearWebhook(new PeticionWebhook(
            url: "https://erp.example/avisos", eventos: new List<EventoWebhook> { EventoWebhook.DescargaTerminada }));
        Exige(creado.Webhook.Activo, "el webhook nació inactivo");
        Console.WriteLine($"webhook: {creado.Webhook.Url}");
        // Lo que llega al receptor, una vez comprobada su firma.
        var aviso = JsonConvert.DeserializeObject<AvisoPrueba>(webhooks.ProbarWebhook(creado.Webhook.IdWebhook).Cuerpo);
        Exige(aviso.Data.IdWebhook == creado.Webhook.IdWebhook, $"el aviso es de otro webhook: {aviso}");
        webhooks.EliminarWebhook(creado.Webhook.IdWebhook);
    }

    /// <summary>Un rango al revés: el problema dice qué campo lo causa.</summary>
    static void PedirUnRangoAlReves(Configuration pasarela)
    {
        try
        {
            new DescargasApi(pasarela).CrearDescarga(new PeticionDescarga(
                servicio: Servicio.CFDI, rfcSolicitante: Empresa, tipoDescarga: SentidoDescarga.Emitidos,
                tipoSolicitud: TipoSolicitud.Metadata,
                fechaInicial: "2026-02-01T00:00:00", fechaFinal: "2026-01-01T00:00:00"));
        }
        catch (ApiException e)
        {
            var problema = JsonConvert.DeserializeObject<Problema>((string)e.ErrorContent);
            if (!problema.Type.EndsWith("#datos-invalidos"))
            {
                throw;
            }
            Console.WriteLine($"error {problema.Status}: {problema.Errores[0].Campo}: {problema.Errores[0].Detalle}");
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
