#!/bin/sh
# Un título, de JSON a registrado.
set -eu
. ./pasarela.sh

folio=SH$(date +%s)
sed "s/SE-PONE-AL-ENVIAR/$folio/; 1s/^/{\"titulos\": [/; \$s/\$/]}/" ../titulo.json >lote.json
lote=$(pide /v1/sep/lotes -H "Idempotency-Key: $folio" -H 'Content-Type: application/json' -d @lote.json | campo numeroLote)
until [ "$(pide "/v1/sep/lotes/$lote" | campo procesado)" = true ]; do
  sleep 2 # en la SEP son minutos
done
resultado=$(pide "/v1/sep/lotes/$lote/resultado" | campo resultado)
echo "lote $lote: $folio $resultado"
[ "$resultado" = registrado ]
