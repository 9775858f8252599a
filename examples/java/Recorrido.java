import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Set;
import java.util.UUID;

import org.json.JSONArray;
import org.json.JSONObject;
import org.json.JSONTokener;

/** Una descarga, un lote de títulos y una addenda, con java.net.http y org.json. */
public class Recorrido {
    static final String PASARELA = System.getenv().getOrDefault("PASARELA_URL", "http://127.0.0.1:8080");
    static final String CLAVE = System.getenv("PASARELA_CLAVE");
    static final String EMPRESA = "PRU010101AB1";

    static final Set<String> EN_CURSO = Set.of("programada", "en_cola", "solicitada", "en_proceso", "descargando");
    static final HttpClient HTTP = HttpClient.newHttpClient();

    public static void main(String[] args) throws Exception {
        descarga();
        lote();
        addenda();
        error();
    }

    /** Lo que contestó la pasarela cuando no pudo; problema es su JSON. */
    static class ErrorDePasarela extends IOException {
        final transient JSONObject problema;

        ErrorDePasarela(JSONObject problema) {
            super(problema.getInt("status") + " " + problema.getString("title") + ": " + problema.getString("detail"));
            this.problema = problema;
        }
    }

    static HttpResponse<InputStream> pide(String metodo, String ruta, JSONObject cuerpo, String... encabezados) throws Exception {
        var peticion = HttpRequest.newBuilder(URI.create(PASARELA + ruta));
        if (CLAVE != null) {
            peticion.header("Authorization", "Bearer " + CLAVE);
        }
        if (encabezados.length > 0) {
            peticion.headers(encabezados);
        }
        if (cuerpo == null) {
            peticion.method(metodo, HttpRequest.BodyPublishers.noBody());
        } else {
            peticion.header("Content-Type", "application/json").method(metodo, HttpRequest.BodyPublishers.ofString(cuerpo.toString()));
        }
        var respuesta = HTTP.send(peticion.build(), HttpResponse.BodyHandlers.ofInputStream());
        if (respuesta.statusCode() >= 400) {
            if (!respuesta.headers().firstValue("Content-Type").orElse("").startsWith("application/problem+json")) {
                throw new IOException("HTTP " + respuesta.statusCode()); // lo contestó otro, como un proxy
            }
            throw new ErrorDePasarela(json(respuesta));
        }
        return respuesta;
    }

    static JSONObject json(HttpResponse<InputStream> respuesta) throws IOException {
        try (var cuerpo = respuesta.body()) {
            return new JSONObject(new JSONTokener(cuerpo));
        }
    }

    static JSONObject peticion(String tipoSolicitud, String fechaInicial, String fechaFinal) {
        return new JSONObject()
            .put("servicio", "cfdi").put("rfcSolicitante", EMPRESA).put("tipoDescarga", "emitidos")
            .put("tipoSolicitud", tipoSolicitud).put("fechaInicial", fechaInicial).put("fechaFinal", fechaFinal);
    }

    /** Todo lo que la empresa emitió en enero, hasta los ZIP en el disco. */
    static void descarga() throws Exception {
        var pedida = pide("POST", "/v1/sat/descargas", peticion("CFDI", "2026-01-01T00:00:00", "2026-01-31T23:59:59"),
            "Idempotency-Key", UUID.randomUUID().toString()); // la misma clave, si hay que repetir
        var ruta = "/v1/sat/descargas/" + json(pedida).getString("idDescarga");
        var respuesta = pide("GET", ruta, null);
        var descarga = json(respuesta);
        while (EN_CURSO.contains(descarga.getString("estado"))) {
            Thread.sleep(1000 * respuesta.headers().firstValueAsLong("Retry-After").orElse(60));
            respuesta = pide("GET", ruta, null);
            descarga = json(respuesta);
        }
        switch (descarga.getString("estado")) {
            case "terminada" -> { }
            case "vacia" -> {
                System.out.println("descarga: no hay comprobantes en esas fechas");
                return;
            }
            case "parcial" -> System.out.println("descarga: llegó una parte: " + descarga.getString("motivo"));
            default -> exige(false, "la descarga quedó " + descarga.getString("estado") + ": " + descarga.optString("motivo"));
        }

        for (var cursor = ""; cursor != null; ) { // los paquetes vienen por páginas
            var pagina = json(pide("GET", ruta + "/paquetes" + cursor, null));
            for (var paquete : pagina.getJSONArray("paquetes")) {
                guarda((JSONObject) paquete);
            }
            var siguiente = pagina.optString("siguiente", null);
            cursor = siguiente == null ? null : "?cursor=" + URLEncoder.encode(siguiente, StandardCharsets.UTF_8);
        }

        var primero = json(pide("GET", ruta + "/cfdis?limite=10", null)).getJSONArray("cfdis").getJSONObject(0);
        System.out.printf("descarga: el primero es %s, por %s%n", primero.getString("uuid"), primero.getString("total"));
    }

    /** Escribe un paquete conforme llega: puede pesar más que la memoria. Lo que se llama .zip está entero y cotejado. */
    static void guarda(JSONObject paquete) throws Exception {
        var archivo = Path.of(paquete.getString("idPaquete") + ".zip");
        var parte = Path.of(archivo + ".part");
        var sha256 = MessageDigest.getInstance("SHA-256");
        try (var zip = new DigestInputStream(pide("GET", paquete.getString("url"), null).body(), sha256);
                var salida = Files.newOutputStream(parte)) {
            zip.transferTo(salida);
        }
        exige(HexFormat.of().formatHex(sha256.digest()).equals(paquete.getString("sha256")), archivo + " no llegó entero");
        Files.move(parte, archivo, StandardCopyOption.REPLACE_EXISTING);
        System.out.printf("descarga: %s, %d bytes%n", archivo, Files.size(archivo));
    }

    /** Un título, de JSON a registrado. */
    static void lote() throws Exception {
        var folio = "JV" + UUID.randomUUID().toString().replace("-", "").substring(0, 12).toUpperCase();
        var titulo = new JSONObject(Files.readString(Path.of("../titulo.json"))).put("folioControl", folio);
        var cargado = pide("POST", "/v1/sep/lotes", new JSONObject().put("titulos", new JSONArray().put(titulo)), "Idempotency-Key", folio);
        var ruta = "/v1/sep/lotes/" + json(cargado).getString("numeroLote");
        while (!json(pide("GET", ruta, null)).getBoolean("procesado")) {
            Thread.sleep(2000); // en la SEP son minutos
        }
        for (var elemento : json(pide("GET", ruta + "/resultado", null)).getJSONArray("titulos")) {
            var renglon = (JSONObject) elemento;
            System.out.printf("lote: %s %s%n", renglon.getString("folioControl"), renglon.getString("resultado"));
            exige(renglon.getString("resultado").equals("registrado"), renglon.getString("descripcion"));
        }
    }

    /** Los datos que pide un comercio, vueltos addenda. */
    static void addenda() throws Exception {
        var procesada = json(pide("POST", "/v1/pade/addendas", new JSONObject().put("datos", "pedido|4500\ntienda|12")));
        System.out.println("addenda: " + procesada.getString("xml"));
    }

    /** Un rango al revés: el problema dice qué campo lo causa. */
    static void error() throws Exception {
        try {
            pide("POST", "/v1/sat/descargas", peticion("Metadata", "2026-02-01T00:00:00", "2026-01-01T00:00:00"));
        } catch (ErrorDePasarela e) {
            if (!e.problema.getString("type").endsWith("#datos-invalidos")) {
                throw e;
            }
            for (var elemento : e.problema.getJSONArray("errores")) {
                var falta = (JSONObject) elemento;
                System.out.printf("error %d: %s: %s%n", e.problema.getInt("status"), falta.getString("campo"), falta.getString("detalle"));
            }
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
