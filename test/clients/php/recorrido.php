<?php

// Una descarga, un lote de títulos y una addenda, con el cliente generado.

declare(strict_types=1);

use GuzzleHttp\Client;
use Pasarela\Cliente\Api\DescargasApi;
use Pasarela\Cliente\Api\PADEApi;
use Pasarela\Cliente\Api\SATApi;
use Pasarela\Cliente\Api\SEPApi;
use Pasarela\Cliente\ApiException;
use Pasarela\Cliente\Configuration;
use Pasarela\Cliente\Model;

require __DIR__ . '/autoload.php';

const EMPRESA = 'PRU010101AB1'; // su e.firma firma las solicitudes al SAT
const DIRECTORA = 'PEPJ800101AB5'; // la suya sella los títulos

const EN_CURSO = [Model\EstadoDescarga::EN_COLA, Model\EstadoDescarga::SOLICITADA, Model\EstadoDescarga::EN_PROCESO, Model\EstadoDescarga::DESCARGANDO];

/** Todo lo que la empresa emitió en enero, hasta los ZIP en el disco. */
function descarga(Client $http, Configuration $pasarela): void
{
    $descargas = new DescargasApi($http, $pasarela);
    $pedida = $descargas->crearDescarga(
        new Model\PeticionDescarga([
            'servicio' => Model\Servicio::CFDI,
            'rfc_solicitante' => EMPRESA,
            'tipo_descarga' => Model\SentidoDescarga::EMITIDOS,
            'tipo_solicitud' => Model\TipoSolicitud::CFDI,
            'fecha_inicial' => '2026-01-01T00:00:00',
            'fecha_final' => '2026-01-31T23:59:59',
        ]),
        // La misma clave, si hay que repetir: nunca se pide dos veces al SAT.
        bin2hex(random_bytes(16)),
    );
    [$descarga, , $encabezados] = $descargas->obtenerDescargaWithHttpInfo($pedida->getIdDescarga());
    while (in_array($descarga->getEstado(), EN_CURSO, true)) {
        sleep((int) ($encabezados['Retry-After'][0] ?? 60));
        [$descarga, , $encabezados] = $descargas->obtenerDescargaWithHttpInfo($pedida->getIdDescarga());
    }
    exige($descarga->getEstado() === Model\EstadoDescarga::TERMINADA, "la descarga quedó {$descarga->getEstado()}: {$descarga->getMotivo()}");

    foreach ($descargas->listarPaquetesDescarga($pedida->getIdDescarga())->getPaquetes() as $paquete) {
        $temporal = (new SATApi($http, $pasarela))->descargarPaquete(Model\Servicio::CFDI, $paquete->getIdPaquete(), EMPRESA);
        $archivo = "{$paquete->getIdPaquete()}.zip";
        copy($temporal->getPathname(), $archivo);
        exige(hash_file('sha256', $archivo) === $paquete->getSha256(), "$archivo no llegó entero");
        printf("descarga: %s, %d bytes\n", $archivo, filesize($archivo));
    }

    $primero = $descargas->listarCfdisDescarga($pedida->getIdDescarga(), limite: 10)->getCfdis()[0];
    printf("descarga: el primero es %s, por %s\n", $primero->getUuid(), $primero->getTotal());
}

function titulo(string $folio): Model\Titulo
{
    return new Model\Titulo([
        'folio_control' => $folio,
        'firma_responsables' => [new Model\TituloFirmaResponsable(['rfc' => DIRECTORA, 'curp' => 'PEPJ800101MDFRRN03', 'nombre' => 'JUANA',
            'primer_apellido' => 'PEREZ', 'segundo_apellido' => 'DE PRUEBA', 'id_cargo' => '3', 'abr_titulo' => 'DRA.'])],
        'institucion' => new Model\TituloInstitucion(['cve_institucion' => '090001', 'nombre_institucion' => 'UNIVERSIDAD DE PRUEBA']),
        'carrera' => new Model\TituloCarrera(['cve_carrera' => '103301', 'nombre_carrera' => 'LICENCIATURA EN DERECHO',
            'fecha_terminacion' => '2023-06-30', 'id_autorizacion_reconocimiento' => '8']),
        'profesionista' => new Model\TituloProfesionista(['curp' => 'MEXL010203HDFXXS05', 'nombre' => 'LUIS', 'primer_apellido' => 'MENDEZ',
            'correo_electronico' => 'luis@example.com']),
        'expedicion' => new Model\TituloExpedicion(['fecha_expedicion' => '2025-11-14', 'id_modalidad_titulacion' => '1',
            'fecha_examen_profesional' => '2025-09-05', 'cumplio_servicio_social' => '1', 'id_fundamento_legal_servicio_social' => '2',
            'id_entidad_federativa' => '09']),
        'antecedente' => new Model\TituloAntecedente(['institucion_procedencia' => 'PREPARATORIA DE PRUEBA', 'id_tipo_estudio_antecedente' => '4',
            'id_entidad_federativa' => '15', 'fecha_terminacion' => '2018-07-06']),
    ]);
}

/** Un título, de JSON a registrado. */
function lote(Client $http, Configuration $pasarela): void
{
    $sep = new SEPApi($http, $pasarela);
    $folio = 'PH' . strtoupper(bin2hex(random_bytes(6)));
    $lote = $sep->cargarLote(new Model\CargaDeLote(['titulos' => [titulo($folio)]]), $folio)->getNumeroLote();
    while (!$sep->consultarLote($lote)->getProcesado()) {
        sleep(2); // en la SEP son minutos
    }
    foreach ($sep->obtenerResultadoLote($lote)->getTitulos() as $renglon) {
        printf("lote %s: %s %s\n", $lote, $renglon->getFolioControl(), $renglon->getResultado());
        exige($renglon->getResultado() === Model\ResultadoDeTitulo::REGISTRADO, $renglon->getDescripcion());
    }
}

/** Los datos que pide un comercio, vueltos addenda. */
function addenda(Client $http, Configuration $pasarela): void
{
    $procesada = (new PADEApi($http, $pasarela))->procesarAddenda(new Model\PeticionAddenda(['datos' => "pedido|4500\ntienda|12"]));
    exige(str_contains($procesada->getXml(), '4500'), "la addenda no trae el pedido: {$procesada->getXml()}");
    printf("addenda: %s\n", $procesada->getXml());
}

/** Un rango al revés: el problema dice qué campo lo causa. */
function rangoAlReves(Client $http, Configuration $pasarela): void
{
    try {
        (new DescargasApi($http, $pasarela))->crearDescarga(new Model\PeticionDescarga([
            'servicio' => Model\Servicio::CFDI,
            'rfc_solicitante' => EMPRESA,
            'tipo_descarga' => Model\SentidoDescarga::EMITIDOS,
            'tipo_solicitud' => Model\TipoSolicitud::METADATA,
            'fecha_inicial' => '2026-02-01T00:00:00',
            'fecha_final' => '2026-01-01T00:00:00',
        ]));
    } catch (ApiException $e) {
        $problema = $e->getResponseObject();
        if (!$problema instanceof Model\Problema || !str_ends_with($problema->getType(), '#datos-invalidos')) {
            throw $e;
        }
        $falta = $problema->getErrores()[0];
        printf("error %d: %s: %s\n", $problema->getStatus(), $falta->getCampo(), $falta->getDetalle());
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

$pasarela = (new Configuration())
    ->setHost(getenv('PASARELA_URL') ?: 'http://127.0.0.1:8080')
    ->setAccessToken(getenv('PASARELA_CLAVE') ?: '');
$http = new Client();
descarga($http, $pasarela);
lote($http, $pasarela);
addenda($http, $pasarela);
rangoAlReves($http, $pasarela);
