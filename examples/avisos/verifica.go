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

// isOfPasarela recibe en body los bytes que llegaron, sin decodificar.
func isOfPasarela(secret, id, hour, firmas string, body []byte, now time.Time) bool {
	seconds, err := strconv.ParseInt(hour, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return false // repetido por un tercero, o un reloj mal puesto
	}
	llave, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(llave) == 0 {
		return false // sin secreto, cualquiera firmaría
	}
	sum := hmac.New(sha256.New, llave)
	sum.Write([]byte(id + "." + hour + "."))
	sum.Write(body)
	good := "v1," + base64.StdEncoding.EncodeToString(sum.Sum(nil))
	for firma := range strings.SplitSeq(firmas, " ") { // son dos mientras se cambia el secreto
		if hmac.Equal([]byte(good), []byte(firma)) {
			return true
		}
	}
	return false
}

func main() {
	body, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	if len(os.Args) != 4 || !isOfPasarela(os.Getenv("PASARELA_SECRETO"), os.Args[1], os.Args[2], os.Args[3], body, time.Now()) {
		os.Exit(1)
	}
}
