package cfdi

import (
	"bytes"
	"strings"
	"testing"
)

func TestCuenta_WhenSomeCannotBeReadCountsThemToo(t *testing.T) {
	t.Parallel()
	buena := inicio + cola + "\r\n"
	paquete := empaca(t, archivo{"ID_01.txt", titulos + "\r\n" + buena + "\r\nbasura\r\n" + strings.Repeat("x", maxFila+1) + "\r\n" + buena + inicio},
		archivo{"ID_tercero.txt", "Uuid~RfcACuentaTerceros\r\n" + uuid1 + "~TER010101AB1\r\n"}, archivo{"otro.txt", "hola\r\nhola\r\n"}, archivo{"vacío.txt", ""},
		archivo{uuid1 + ".xml", "<roto"}, archivo{"b.xml.xml", ""}, archivo{"carpeta/c.xml", ""}, archivo{"carpeta/d.txt", titulos + "\r\n" + buena})
	got, err := Cuenta(bytes.NewReader(paquete), int64(len(paquete)))
	if want := (Conteo{Metadatos: 5, CFDI: 2}); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if got, err := Cuenta(bytes.NewReader(paquete), int64(len(paquete)-1)); err == nil {
		t.Errorf("a cut package: %+v", got)
	}
}
