package cfdi

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/zipdir"
)

const uuid3 = "99999999-2222-4333-8444-555555555555"

// halla looks a CFDI up as a descarga does: by name, and then by what Lugares says.
func halla(tb testing.TB, paquete []byte, uuid string) (string, error) {
	tb.Helper()
	r, size := bytes.NewReader(paquete), int64(len(paquete))
	xml, cierto, err := Busca(r, size, uuid)
	if cierto {
		return string(xml), err
	}
	clave, _ := Clave(uuid)
	for lugar, err := range Lugares(r, size) {
		if err != nil {
			tb.Fatal(err)
		}
		if lugar.Clave == clave {
			xml, err := Documento(r, size, lugar.Posicion)
			return string(xml), err
		}
	}
	return string(xml), err
}

func TestBusca_WhenThereReturnsItByteForByte(t *testing.T) {
	t.Parallel()
	c40, c33 := muestraXML(t, "cfdi40.xml"), muestraXML(t, "cfdi33.xml") // of uuid1 and uuid2
	for nombre, tc := range map[string]struct {
		archivos []archivo
		busca    map[string]string // nothing for ErrNoEsta
	}{
		"called by its UUID": {[]archivo{{"carpeta/" + uuid1 + ".xml", "otro"}, {"rota.xml", "<"}, {uuid1 + ".xml.xml", c40}, {"factura.xml", c33}},
			map[string]string{uuid1: c40, strings.ToLower(uuid1): c40, uuid2: c33, uuid3: "", "": "", "x": "", uuid1 + ".xml": ""}},
		"called by another's UUID":                   {[]archivo{{uuid3 + ".xml", c40}}, map[string]string{uuid1: c40, uuid3: "", uuid2: ""}},
		"called by each other's":                     {[]archivo{{uuid1 + ".xml", c33}, {uuid2 + ".xml", c40}}, map[string]string{uuid1: c40, uuid2: c33}},
		"twice, the first damaged":                   {[]archivo{{uuid1 + ".xml", c40[:300]}, {uuid1 + ".XML", c40}}, map[string]string{uuid1: c40}},
		"damaged, and whole under another name":      {[]archivo{{uuid1 + ".xml", c40[:300]}, {"copia.xml", c40}}, map[string]string{uuid1: c40}},
		"another's by name, and itself without UUID": {[]archivo{{uuid1 + ".xml", c33}, {"b.xml", c40}}, map[string]string{uuid1: c40, uuid2: c33}},
		"only an XML that nobody can read":           {[]archivo{{uuid3 + ".xml", "<rota"}}, map[string]string{uuid3: "<rota", uuid1: ""}},
		"with spaces around its name":                {[]archivo{{" " + uuid1 + " .xml", c40}}, map[string]string{uuid1: c40}},
	} {
		paquete := empaca(t, tc.archivos...)
		for uuid, want := range tc.busca {
			got, err := halla(t, paquete, uuid)
			if got != want || (err != nil) != (want == "") || err != nil && !errors.Is(err, ErrNoEsta) {
				t.Errorf("%s, %q: %d bytes of %d, %v", nombre, uuid, len(got), len(want), err)
			}
		}
	}
}

func TestBusca_WhenDamagedSaysSo(t *testing.T) {
	t.Parallel()
	paquete := empaca(t, archivo{uuid1 + ".xml.xml", muestraXML(t, "cfdi40.xml")})
	paquete[bytes.Index(paquete, []byte(uuid1+".xml.xml"))+100] ^= 0xff
	var falla *Falla
	if got, err := halla(t, paquete, uuid1); !errors.As(err, &falla) || falla.Entrada != uuid1+".xml.xml" {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// What the list names can be fetched, whatever the entries are called.
func TestResumenes_WhenAListNamesACFDIItCanBeFetched(t *testing.T) {
	t.Parallel()
	c40, c33 := muestraXML(t, "cfdi40.xml"), muestraXML(t, "cfdi33.xml")
	paquete := empaca(t, archivo{uuid3 + ".xml", c40}, archivo{"b.xml", c33}, archivo{"rota.xml", "<"}, archivo{"c.xml.xml", c40})
	got, _ := leeTodo(t, leeResumenes, paquete, 0)
	if len(got) != 3 {
		t.Fatalf("%+v", got)
	}
	for _, s := range got {
		texto, err := halla(t, paquete, s.UUID)
		suyo, errSuyo := LeeResumen(strings.NewReader(texto))
		if err != nil || errSuyo != nil || suyo.UUID != s.UUID {
			t.Errorf("%s: %v, %+v, %v", s.UUID, err, suyo, errSuyo)
		}
	}
}

func TestLugares_WhenThePackageFailsSaysSo(t *testing.T) {
	t.Parallel()
	for _, err := range Lugares(strings.NewReader("hola"), 4) {
		if !errors.Is(err, zipdir.ErrZip) {
			t.Error(err)
		}
	}
	if _, err := Documento(strings.NewReader("hola"), 4, Posicion{}); !errors.Is(err, zipdir.ErrZip) {
		t.Error(err)
	}
}
