package cli

import (
	"strings"
	"testing"
)

func TestReadAPIKey_WhenPeopleWriteTheFile(t *testing.T) {
	t.Parallel()
	const key = "pasarela_canario"
	width := strings.Join(strings.Split(key, ""), "\x00") + "\x00"
	en := write(t, map[string][]byte{
		"sola": []byte(key), "renglon": []byte(" " + key + "\r\n"), "marca": []byte("\ufeff" + key + "\n"),
		"utf16": []byte("\xff\xfe" + width + "\r\x00\n\x00"), "utf16be": []byte("\xfe\xff\x00" + width[:len(width)-1]),
	})
	for _, name := range []string{"sola", "renglon", "marca", "utf16", "utf16be"} {
		if got, err := readAPIKey(en(name)); err != nil || got != key {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
