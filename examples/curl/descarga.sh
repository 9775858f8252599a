#!/bin/sh
# Todo lo que PRU010101AB1 emitió en enero de 2026, hasta los ZIP en el disco.
set -eu
. ./pasarela.sh

# La misma clave, si hay que repetir: nunca se pide dos veces al SAT.
id=$(pide /v1/sat/descargas -H "Idempotency-Key: enero-$(date +%s)" -H 'Content-Type: application/json' -d '{
  "servicio": "cfdi", "rfcSolicitante": "PRU010101AB1", "tipoDescarga": "emitidos", "tipoSolicitud": "CFDI",
  "fechaInicial": "2026-01-01T00:00:00", "fechaFinal": "2026-01-31T23:59:59"}' | campo idDescarga)

while :; do
  pide "/v1/sat/descargas/$id" -D encabezados.txt -o descarga.json
  estado=$(campo estado <descarga.json)
  case $estado in
    programada | en_cola | solicitada | en_proceso | descargando)
      espera=$(sed -n 's/^[Rr]etry-[Aa]fter: *\([0-9]*\).*/\1/p' encabezados.txt)
      sleep "${espera:-60}" ;;
    *) break ;;
  esac
done
case $estado in
  terminada) ;;
  vacia) echo "descarga: no hay comprobantes en esas fechas"; exit ;;
  parcial) echo "descarga: llegó una parte: $(campo motivo <descarga.json)" ;;
  *) echo "la descarga quedó $estado: $(campo motivo <descarga.json)" >&2; exit 1 ;;
esac

# Un renglón por paquete, id y suma. Vienen por páginas; cada una pasa por un
# archivo, porque en una tubería no se ve que curl falló.
: >paquetes.txt
cursor=
while :; do
  pide "/v1/sat/descargas/$id/paquetes" -G ${cursor:+--data-urlencode "cursor=$cursor"} -o pagina.json
  { tr '{' '\n' <pagina.json; echo; } | sed -n 's/.*"idPaquete":"\([^"]*\)".*"sha256":"\([^"]*\)".*/\1 \2/p' >>paquetes.txt
  cursor=$(campo siguiente <pagina.json)
  [ -n "$cursor" ] || break
done
# Lo que se llama .zip está entero y cotejado; un error no se escribe en él.
while read -r paquete suma; do
  pide "/v1/sat/cfdi/paquetes/$paquete?rfcSolicitante=PRU010101AB1" --no-fail-with-body --fail -o "$paquete.zip.part"
  [ "$(sha256 "$paquete.zip.part")" = "$suma" ] || { echo "$paquete.zip no llegó entero" >&2; exit 1; }
  mv "$paquete.zip.part" "$paquete.zip"
  echo "descarga: $paquete.zip, $(wc -c <"$paquete.zip") bytes"
done <paquetes.txt

echo "descarga: las dos primeras filas son"
pide "/v1/sat/descargas/$id/cfdis.csv" -o cfdis.csv
head -n 2 cfdis.csv | cut -c 1-60
