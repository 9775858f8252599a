// Command avisos dice si un aviso es de la pasarela. El cuerpo llega por la
// entrada, tal como lo envió.
//
// Uso: go run verifica.go ID HORA FIRMAS <cuerpo; el secreto, en PASARELA_SECRETO.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"log"
	"os"
	"strconv"
	"strings"
	"time"
)

// esDeLaPasarela recibe en cuerpo los bytes que llegaron, sin decodificar.
func esDeLaPasarela(secreto, id, hora, firmas string, cuerpo []byte, ahora time.Time) bool {
	segundos, err := strconv.ParseInt(hora, 10, 64)
	if err != nil || ahora.Sub(time.Unix(segundos, 0)).Abs() > 5*time.Minute {
		return false // repetido por un tercero, o un reloj mal puesto
	}
	llave, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secreto, "whsec_"))
	if err != nil || len(llave) == 0 {
		return false // sin secreto, cualquiera firmaría
	}
	suma := hmac.New(sha256.New, llave)
	suma.Write([]byte(id + "." + hora + "."))
	suma.Write(cuerpo)
	buena := "v1," + base64.StdEncoding.EncodeToString(suma.Sum(nil))
	for firma := range strings.SplitSeq(firmas, " ") { // son dos mientras se cambia el secreto
		if hmac.Equal([]byte(buena), []byte(firma)) {
			return true
		}
	}
	return false
}

func main() {
	cuerpo, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	if len(os.Args) != 4 || !esDeLaPasarela(os.Getenv("PASARELA_SECRETO"), os.Args[1], os.Args[2], os.Args[3], cuerpo, time.Now()) {
		os.Exit(1)
	}
}
