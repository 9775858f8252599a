<?php

// Una descarga, un lote de títulos y una addenda, con la extensión curl.

declare(strict_types=1);

const EMPRESA = 'PRU010101AB1';
const EN_CURSO = ['programada', 'en_cola', 'solicitada', 'en_proceso', 'descargando'];

/** Lo que contestó la pasarela cuando no pudo; $problema es su JSON. */
class ErrorDePasarela extends RuntimeException
{
    public function __construct(public readonly array $problema)
    {
        parent::__construct("{$problema['status']} {$problema['title']}: {$problema['detail']}");
    }
}

/**
 * Hace una petición; devuelve los encabezados, en minúsculas, y el cuerpo. Con
 * $archivo el cuerpo va al disco conforme llega; el de un error, nunca.
 */
function pide(string $metodo, string $ruta, ?array $cuerpo = null, array $encabezados = [], ?string $archivo = null): array
{
    $curl = curl_init((getenv('PASARELA_URL') ?: 'http://127.0.0.1:8080') . $ruta);
    if ($clave = getenv('PASARELA_CLAVE')) {
        $encabezados[] = "Authorization: Bearer $clave";
    }
    if ($cuerpo !== null) {
        $encabezados[] = 'Content-Type: application/json';
        curl_setopt($curl, CURLOPT_POSTFIELDS, json_encode($cuerpo, JSON_THROW_ON_ERROR));
    }
    $recibidos = [];
    $salida = null;
    $texto = '';
    curl_setopt_array($curl, [
        CURLOPT_CUSTOMREQUEST => $metodo,
        CURLOPT_HTTPHEADER => $encabezados,
        CURLOPT_HEADERFUNCTION => function ($curl, string $linea) use (&$recibidos): int {
            [$nombre, $valor] = array_pad(explode(':', $linea, 2), 2, '');
            $recibidos[strtolower($nombre)] = trim($valor);
            return strlen($linea);
        },
        CURLOPT_WRITEFUNCTION => function ($curl, string $trozo) use ($archivo, &$salida, &$texto): int {
            if ($archivo !== null && curl_getinfo($curl, CURLINFO_RESPONSE_CODE) < 400) {
                return (int) fwrite($salida ??= fopen($archivo, 'wb'), $trozo);
            }
            $texto .= $trozo;
            return strlen($trozo);
        },
    ]);
    $llego = curl_exec($curl);
    if ($salida !== null) {
        fclose($salida);
    }
    if (!$llego) {
        throw new RuntimeException(curl_error($curl));
    }
    if (($estatus = curl_getinfo($curl, CURLINFO_RESPONSE_CODE)) >= 400) {
        if (!str_starts_with($recibidos['content-type'] ?? '', 'application/problem+json')) {
            throw new RuntimeException("HTTP $estatus"); // lo contestó otro, como un proxy
        }
        throw new ErrorDePasarela(json_decode($texto, true, flags: JSON_THROW_ON_ERROR));
    }
    return [$recibidos, $archivo === null ? json_decode($texto, true, flags: JSON_THROW_ON_ERROR) : null];
}

/** Los paquetes de una descarga, que vienen por páginas. */
function paquetes(string $ruta): Generator
{
    $cursor = '';
    do {
        [, $pagina] = pide('GET', "$ruta/paquetes$cursor");
        yield from $pagina['paquetes'];
        $cursor = '?cursor=' . rawurlencode($pagina['siguiente'] ?? '');
    } while (isset($pagina['siguiente']));
}

/** Todo lo que la empresa emitió en enero, hasta los ZIP en el disco. */
function descarga(): void
{
    [, $pedida] = pide('POST', '/v1/sat/descargas', [
        'servicio' => 'cfdi', 'rfcSolicitante' => EMPRESA, 'tipoDescarga' => 'emitidos', 'tipoSolicitud' => 'CFDI',
        'fechaInicial' => '2026-01-01T00:00:00', 'fechaFinal' => '2026-01-31T23:59:59',
    ], ['Idempotency-Key: ' . bin2hex(random_bytes(16))]); // la misma clave, si hay que repetir
    $ruta = "/v1/sat/descargas/{$pedida['idDescarga']}";
    [$encabezados, $descarga] = pide('GET', $ruta);
    while (in_array($descarga['estado'], EN_CURSO, true)) {
        sleep((int) ($encabezados['retry-after'] ?? 60));
        [$encabezados, $descarga] = pide('GET', $ruta);
    }
    if ($descarga['estado'] === 'vacia') {
        echo "descarga: no hay comprobantes en esas fechas\n";
        return;
    }
    $motivo = $descarga['motivo'] ?? '';
    if ($descarga['estado'] === 'parcial') {
        echo "descarga: llegó una parte: $motivo\n";
    } else {
        exige($descarga['estado'] === 'terminada', "la descarga quedó {$descarga['estado']}: $motivo");
    }

    foreach (paquetes($ruta) as $paquete) {
        $archivo = "{$paquete['idPaquete']}.zip";
        pide('GET', $paquete['url'], archivo: "$archivo.part"); // lo que se llama .zip está entero y cotejado
        exige(hash_file('sha256', "$archivo.part") === $paquete['sha256'], "$archivo no llegó entero");
        exige(rename("$archivo.part", $archivo), "no se pudo escribir $archivo");
        printf("descarga: %s, %d bytes\n", $archivo, filesize($archivo));
    }

    [, $pagina] = pide('GET', "$ruta/cfdis?limite=10");
    printf("descarga: el primero es %s, por %s\n", $pagina['cfdis'][0]['uuid'], $pagina['cfdis'][0]['total']);
}

/** Un título, de JSON a registrado. */
function lote(): void
{
    $titulo = json_decode(file_get_contents('../titulo.json'), true, flags: JSON_THROW_ON_ERROR);
    $titulo['folioControl'] = 'PH' . strtoupper(bin2hex(random_bytes(6)));
    [, $cargado] = pide('POST', '/v1/sep/lotes', ['titulos' => [$titulo]], ["Idempotency-Key: {$titulo['folioControl']}"]);
    $ruta = "/v1/sep/lotes/{$cargado['numeroLote']}";
    while (!pide('GET', $ruta)[1]['procesado']) {
        sleep(2); // en la SEP son minutos
    }
    foreach (pide('GET', "$ruta/resultado")[1]['titulos'] as $renglon) {
        printf("lote: %s %s\n", $renglon['folioControl'], $renglon['resultado']);
        exige($renglon['resultado'] === 'registrado', $renglon['descripcion']);
    }
}

/** Los datos que pide un comercio, vueltos addenda. */
function addenda(): void
{
    [, $procesada] = pide('POST', '/v1/pade/addendas', ['datos' => "pedido|4500\ntienda|12"]);
    printf("addenda: %s\n", $procesada['xml']);
}

/** Un rango al revés: el problema dice qué campo lo causa. */
function rangoAlReves(): void
{
    try {
        pide('POST', '/v1/sat/descargas', [
            'servicio' => 'cfdi', 'rfcSolicitante' => EMPRESA, 'tipoDescarga' => 'emitidos', 'tipoSolicitud' => 'Metadata',
            'fechaInicial' => '2026-02-01T00:00:00', 'fechaFinal' => '2026-01-01T00:00:00',
        ]);
    } catch (ErrorDePasarela $e) {
        if (!str_ends_with($e->problema['type'], '#datos-invalidos')) {
            throw $e;
        }
        foreach ($e->problema['errores'] as $falta) {
            printf("error %d: %s: %s\n", $e->problema['status'], $falta['campo'], $falta['detalle']);
        }
        return;
    }
    exige(false, 'la pasarela aceptó un rango al revés');
}

function exige(bool $cumple, string $queja): void
{
    if (!$cumple) {
        throw new RuntimeException($queja);
    }
}

descarga();
lote();
addenda();
rangoAlReves();
