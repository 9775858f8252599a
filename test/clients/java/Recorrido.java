import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;
import java.util.zip.ZipFile;

import mx.pasarela.cliente.ApiClient;
import mx.pasarela.cliente.ApiException;
import mx.pasarela.cliente.api.DescargasApi;
import mx.pasarela.cliente.api.PadeApi;
import mx.pasarela.cliente.api.SatApi;
import mx.pasarela.cliente.api.SepApi;
import mx.pasarela.cliente.api.WebhooksApi;
import mx.pasarela.cliente.modelo.*;

/** Una descarga, un lote de títulos y una addenda, con el cliente generado. */
public class Recorrido {
    static final String EMPRESA = "PRU010101AB1"; // su e.firma firma las solicitudes al SAT
    static final String DIRECTORA = "PEPJ800101AB5"; // la suya sella los títulos

    static final EnumSet<EstadoDescarga> EN_CURSO =
        EnumSet.of(EstadoDescarga.EN_COLA, EstadoDescarga.SOLICITADA, EstadoDescarga.EN_PROCESO, EstadoDescarga.DESCARGANDO);

    public static void main(String[] args) throws Exception {
        var api = new ApiClient();
        api.updateBaseUri(System.getenv().getOrDefault("PASARELA_URL", "http://127.0.0.1:8080"));
        var clave = System.getenv("PASARELA_CLAVE");
        if (clave != null) {
            api.setRequestInterceptor(peticion -> peticion.header("Authorization", "Bearer " + clave));
        }
        descarga(api);
        lote(api);
        addenda(api);
        webhook(api);
        error(api);
    }

    /** Todo lo que la empresa emitió en enero, hasta los ZIP en el disco. */
    static void descarga(ApiClient api) throws Exception {
        var descargas = new DescargasApi(api);
        var pedida = descargas.crearDescarga(
            new PeticionDescarga()
                .servicio(Servicio.CFDI)
                .rfcSolicitante(EMPRESA)
                .tipoDescarga(SentidoDescarga.EMITIDOS)
                .tipoSolicitud(TipoSolicitud.CFDI)
                .fechaInicial("2026-01-01T00:00:00")
                .fechaFinal("2026-01-31T23:59:59"),
            // La misma clave, si hay que repetir: nunca se pide dos veces al SAT.
            UUID.randomUUID().toString());
        var respuesta = descargas.obtenerDescargaWithHttpInfo(pedida.getIdDescarga());
        while (EN_CURSO.contains(respuesta.getData().getEstado())) {
            var espera = respuesta.getHeaders().getOrDefault("Retry-After", List.of("60")).get(0);
            Thread.sleep(1000 * Long.parseLong(espera));
            respuesta = descargas.obtenerDescargaWithHttpInfo(pedida.getIdDescarga());
        }
        exige(respuesta.getData().getEstado() == EstadoDescarga.TERMINADA, "la descarga no terminó: " + respuesta.getData().getMotivo());

        for (var paquete : descargas.listarPaquetesDescarga(pedida.getIdDescarga(), null, null).getPaquetes()) {
            var temporal = new SatApi(api).descargarPaquete(Servicio.CFDI, paquete.getIdPaquete(), EMPRESA, null, null, null, null);
            var archivo = Files.move(temporal.toPath(), Path.of(paquete.getIdPaquete() + ".zip"), StandardCopyOption.REPLACE_EXISTING);
            var sha256 = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(archivo));
            exige(HexFormat.of().formatHex(sha256).equals(paquete.getSha256()), archivo + " no llegó entero");
            try (var zip = new ZipFile(archivo.toFile())) {
                System.out.printf("descarga: %s, %d CFDI%n", archivo, zip.size());
            }
        }

        var primero = descargas.listarCfdisDescarga(pedida.getIdDescarga(), null, 10, null).getCfdis().get(0);
        System.out.printf("descarga: el primero es %s, por %s%n", primero.getUuid(), primero.getTotal());
    }

    static Titulo titulo(String folio) {
        return new Titulo()
            .folioControl(folio)
            .addFirmaResponsablesItem(new TituloFirmaResponsable().rfc(DIRECTORA).curp("PEPJ800101MDFRRN03").nombre("JUANA")
                .primerApellido("PEREZ").segundoApellido("DE PRUEBA").idCargo("3").abrTitulo("DRA."))
            .institucion(new TituloInstitucion().cveInstitucion("090001").nombreInstitucion("UNIVERSIDAD DE PRUEBA"))
            .carrera(new TituloCarrera().cveCarrera("103301").nombreCarrera("LICENCIATURA EN DERECHO")
                .fechaTerminacion("2023-06-30").idAutorizacionReconocimiento("8"))
            .profesionista(new TituloProfesionista().curp("MEXL010203HDFXXS05").nombre("LUIS").primerApellido("MENDEZ")
                .correoElectronico("luis@example.com"))
            .expedicion(new TituloExpedicion().fechaExpedicion("2025-11-14").idModalidadTitulacion("1")
                .fechaExamenProfesional("2025-09-05").cumplioServicioSocial("1").idFundamentoLegalServicioSocial("2")
                .idEntidadFederativa("09"))
            .antecedente(new TituloAntecedente().institucionProcedencia("PREPARATORIA DE PRUEBA").idTipoEstudioAntecedente("4")
                .idEntidadFederativa("15").fechaTerminacion("2018-07-06"));
    }

    /** Un título, de JSON a registrado. */
    static void lote(ApiClient api) throws Exception {
        var sep = new SepApi(api);
        var folio = "JV" + UUID.randomUUID().toString().replace("-", "").substring(0, 12).toUpperCase();
        var lote = sep.cargarLote(new CargaDeLote().addTitulosItem(titulo(folio)), folio, null, null, null).getNumeroLote();
        while (!sep.consultarLote(lote, null).getProcesado()) {
            Thread.sleep(2000); // en la SEP son minutos
        }
        for (var renglon : sep.obtenerResultadoLote(lote, null, null).getTitulos()) {
            System.out.printf("lote %s: %s %s%n", lote, renglon.getFolioControl(), renglon.getResultado());
            exige(renglon.getResultado() == ResultadoDeTitulo.REGISTRADO, renglon.getDescripcion());
        }
    }

    /** Los datos que pide un comercio, vueltos addenda. */
    static void addenda(ApiClient api) throws Exception {
        var xml = new PadeApi(api).procesarAddenda(new PeticionAddenda().datos("pedido|4500\ntienda|12"), null).getXml();
        exige(xml.contains("4500"), "la addenda no trae el pedido: " + xml);
        System.out.println("addenda: " + xml);
    }

    /** A dónde avisar de las descargas que terminan. Sin `rfcs`, de las de todos los RFC de la clave. */
    static void webhook(ApiClient api) throws Exception {
        var webhooks = new WebhooksApi(api);
        var creado = webhooks.crearWebhook(new PeticionWebhook().url("https://erp.example/avisos").addEventosItem(EventoWebhook.DESCARGA_TERMINADA));
        exige(creado.getWebhook().getActivo(), "el webhook nació inactivo");
        System.out.println("webhook: " + creado.getWebhook().getUrl());
        // Lo que llega al receptor, una vez comprobada su firma.
        var aviso = api.getObjectMapper().readValue(webhooks.probarWebhook(creado.getWebhook().getIdWebhook()).getCuerpo(), AvisoPrueba.class);
        exige(aviso.getData().getIdWebhook().equals(creado.getWebhook().getIdWebhook()), "el aviso es de otro webhook: " + aviso);
        webhooks.eliminarWebhook(creado.getWebhook().getIdWebhook());
    }

    /** Un rango al revés: el problema dice qué campo lo causa. */
    static void error(ApiClient api) throws Exception {
        try {
            new DescargasApi(api).crearDescarga(
                new PeticionDescarga().servicio(Servicio.CFDI).rfcSolicitante(EMPRESA).tipoDescarga(SentidoDescarga.EMITIDOS)
                    .tipoSolicitud(TipoSolicitud.METADATA).fechaInicial("2026-02-01T00:00:00").fechaFinal("2026-01-01T00:00:00"),
                null);
        } catch (ApiException e) {
            var problema = api.getObjectMapper().readValue(e.getResponseBody(), Problema.class);
            if (!problema.getType().toString().endsWith("#datos-invalidos")) {
                throw e;
            }
            var falta = problema.getErrores().get(0);
            System.out.printf("error %d: %s: %s%n", problema.getStatus(), falta.getCampo(), falta.getDetalle());
            return;
        }
        exige(false, "la pasarela aceptó un rango al revés");
    }

    static void exige(boolean cumple, String queja) {
        if (!cumple) {
            throw new IllegalStateException(queja);
        }
    }
}
