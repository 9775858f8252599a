#!/bin/sh
# Un rango al revés: el problema dice qué campo lo causa.
set -eu
. ./pasarela.sh

if problema=$(pide /v1/sat/descargas -H 'Content-Type: application/json' -d '{
  "servicio": "cfdi", "rfcSolicitante": "PRU010101AB1", "tipoDescarga": "emitidos", "tipoSolicitud": "Metadata",
  "fechaInicial": "2026-02-01T00:00:00", "fechaFinal": "2026-01-01T00:00:00"}' 2>/dev/null); then
  echo "la pasarela aceptó un rango al revés" >&2
  exit 1
fi
case $(echo "$problema" | campo type) in
  *'#datos-invalidos') echo "error $(echo "$problema" | campo status): $(echo "$problema" | campo campo): $(echo "$problema" | campo detalle)" ;;
  *) echo "$problema" >&2; exit 1 ;;
esac
