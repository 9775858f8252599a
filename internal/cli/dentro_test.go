package cli

import (
	"strings"
	"testing"
)

func TestLeeClaveDeAPI_WhenPeopleWriteTheFile(t *testing.T) {
	t.Parallel()
	const clave = "pasarela_canario"
	ancho := strings.Join(strings.Split(clave, ""), "\x00") + "\x00"
	en := escribe(t, map[string][]byte{
		"sola": []byte(clave), "renglon": []byte(" " + clave + "\r\n"), "marca": []byte("\ufeff" + clave + "\n"),
		"utf16": []byte("\xff\xfe" + ancho + "\r\x00\n\x00"), "utf16be": []byte("\xfe\xff\x00" + ancho[:len(ancho)-1]),
	})
	for _, nombre := range []string{"sola", "renglon", "marca", "utf16", "utf16be"} {
		if got, err := leeClaveDeAPI(en(nombre)); err != nil || got != clave {
			t.Errorf("%s: %q, %v", nombre, got, err)
		}
	}
}
