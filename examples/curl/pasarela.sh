# Lo que los demás guiones usan; se incluye con `.`, no se corre.
: "${PASARELA_URL:=http://127.0.0.1:8080}"

# pide RUTA [opciones de curl]: imprime el cuerpo. Con un error de la pasarela
# imprime el problema y termina con 22. La clave va por la entrada: los argumentos
# de un programa los ve cualquiera con ps.
pide() {
  ruta=$1
  shift
  printf %s "${PASARELA_CLAVE:+Authorization: Bearer $PASARELA_CLAVE}" |
    curl -sS --fail-with-body -H @- "$@" "$PASARELA_URL$ruta"
}

# sha256 ARCHIVO: su suma; macOS la calcula con shasum.
sha256() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

# campo NOMBRE: el primer valor de ese nombre en el JSON de la entrada.
campo() {
  grep -Eo "\"$1\":(\"[^\"]*\"|[^,}]*)" | head -n 1 | sed 's/^[^:]*://; s/^"//; s/"$//'
}
