<?php

// ¿Este aviso es de la pasarela? El cuerpo llega por la entrada, tal como lo envió.
// Uso: php verifica.php ID HORA FIRMAS <cuerpo; el secreto, en PASARELA_SECRETO.

declare(strict_types=1);

/** $cuerpo son los bytes que llegaron, sin decodificar; $ahora, en segundos. */
function esDeLaPasarela(string $secreto, string $id, string $hora, string $firmas, string $cuerpo, int $ahora): bool
{
    if (!ctype_digit($hora) || abs($ahora - (int) $hora) > 300) {
        return false; // repetido por un tercero, o un reloj mal puesto
    }
    $llave = base64_decode(substr($secreto, strlen('whsec_')), true);
    if (!$llave) {
        return false; // sin secreto, cualquiera firmaría
    }
    $buena = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$hora.$cuerpo", $llave, true));
    foreach (explode(' ', $firmas) as $firma) { // son dos mientras se cambia el secreto
        if (hash_equals($buena, $firma)) {
            return true;
        }
    }
    return false;
}

[, $id, $hora, $firmas] = $argv;
exit(esDeLaPasarela(getenv('PASARELA_SECRETO'), $id, $hora, $firmas, stream_get_contents(STDIN), time()) ? 0 : 1);
