import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Base64;

import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * ¿Este aviso es de la pasarela? El cuerpo llega por la entrada, tal como lo envió.
 * Uso: java Verifica.java ID HORA FIRMAS &lt;cuerpo; el secreto, en PASARELA_SECRETO.
 */
public class Verifica {
    /** cuerpo son los bytes que llegaron, sin decodificar. */
    static boolean esDeLaPasarela(String secreto, String id, String hora, String firmas, byte[] cuerpo, Instant ahora) throws Exception {
        if (!hora.matches("\\d{1,12}") || Math.abs(ahora.getEpochSecond() - Long.parseLong(hora)) > 300) {
            return false; // repetido por un tercero, o un reloj mal puesto
        }
        var hmac = Mac.getInstance("HmacSHA256");
        hmac.init(new SecretKeySpec(Base64.getDecoder().decode(secreto.substring("whsec_".length())), "HmacSHA256"));
        hmac.update((id + "." + hora + ".").getBytes(StandardCharsets.UTF_8));
        var buena = ("v1," + Base64.getEncoder().encodeToString(hmac.doFinal(cuerpo))).getBytes(StandardCharsets.US_ASCII);
        for (var firma : firmas.split(" ")) { // son dos mientras se cambia el secreto
            if (MessageDigest.isEqual(buena, firma.getBytes(StandardCharsets.UTF_8))) {
                return true;
            }
        }
        return false;
    }

    public static void main(String[] args) throws Exception {
        var cuerpo = System.in.readAllBytes();
        System.exit(esDeLaPasarela(System.getenv("PASARELA_SECRETO"), args[0], args[1], args[2], cuerpo, Instant.now()) ? 0 : 1);
    }
}
