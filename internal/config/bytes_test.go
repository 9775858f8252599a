package config

import (
	"strings"
	"testing"
)

func TestLoad_WhenASizeIsSet(t *testing.T) {
	for text, want := range map[string]int64{"1MiB": 1 << 20, "500MB": 500e6, "4 GiB": 4 << 30, "2147483648": 2 << 30,
		"0": -1, "1000": -1, "-4GiB": -1, "4 manzanas": -1, "NaN": -1, "9EB": -1, "99999999999999999999": -1} {
		t.Setenv("GATEWAY_SAT_PAQUETE_MAXIMO", text)
		c, err := Load()
		switch told := err != nil && strings.Contains(err.Error(), "GATEWAY_SAT_PAQUETE_MAXIMO: not a size like 4GiB"); {
		case want < 0 && !told:
			t.Errorf("%q is taken as %d: %v", text, c.SAT.PaqueteMaximo.N, err)
		case want > 0 && (told || c.SAT.PaqueteMaximo.N != want):
			t.Errorf("%q is %d, want %d: %v", text, c.SAT.PaqueteMaximo.N, want, err)
		}
	}
}
