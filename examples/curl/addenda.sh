#!/bin/sh
# Los datos que pide un comercio, vueltos addenda. Accept elige el XML solo.
set -eu
. ./pasarela.sh

pide /v1/pade/addendas -H 'Content-Type: application/json' -H 'Accept: application/xml' -d '{"datos": "pedido|4500\ntienda|12"}'
echo
