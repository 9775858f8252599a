package cfdi

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/zipdir"
)

const uuid3 = "99999999-2222-4333-8444-555555555555"

// locate looks a CFDI up as a descarga does: by name, and then by what Places says.
func locate(tb testing.TB, paquete []byte, uuid string) (string, error) {
	tb.Helper()
	r, size := bytes.NewReader(paquete), int64(len(paquete))
	xml, isTrue, err := Find(r, size, uuid)
	if isTrue {
		return string(xml), err
	}
	key, _ := Key(uuid)
	for place, err := range Places(r, size) {
		if err != nil {
			tb.Fatal(err)
		}
		if place.Key == key {
			xml, err := Document(r, size, place.Position)
			return string(xml), err
		}
	}
	return string(xml), err
}

func TestFind_WhenThereReturnsItByteForByte(t *testing.T) {
	t.Parallel()
	c40, c33 := showXML(t, "cfdi40.xml"), showXML(t, "cfdi33.xml") // of uuid1 and uuid2
	for name, tc := range map[string]struct {
		files []file
		find  map[string]string // nothing for ErrNotThere
	}{
		"called by its UUID": {[]file{{"carpeta/" + uuid1 + ".xml", "otro"}, {"rota.xml", "<"}, {uuid1 + ".xml.xml", c40}, {"factura.xml", c33}},
			map[string]string{uuid1: c40, strings.ToLower(uuid1): c40, uuid2: c33, uuid3: "", "": "", "x": "", uuid1 + ".xml": ""}},
		"called by another's UUID":                   {[]file{{uuid3 + ".xml", c40}}, map[string]string{uuid1: c40, uuid3: "", uuid2: ""}},
		"called by each other's":                     {[]file{{uuid1 + ".xml", c33}, {uuid2 + ".xml", c40}}, map[string]string{uuid1: c40, uuid2: c33}},
		"twice, the first damaged":                   {[]file{{uuid1 + ".xml", c40[:300]}, {uuid1 + ".XML", c40}}, map[string]string{uuid1: c40}},
		"damaged, and whole under another name":      {[]file{{uuid1 + ".xml", c40[:300]}, {"copia.xml", c40}}, map[string]string{uuid1: c40}},
		"another's by name, and itself without UUID": {[]file{{uuid1 + ".xml", c33}, {"b.xml", c40}}, map[string]string{uuid1: c40, uuid2: c33}},
		"only an XML that nobody can read":           {[]file{{uuid3 + ".xml", "<rota"}}, map[string]string{uuid3: "<rota", uuid1: ""}},
		"with spaces around its name":                {[]file{{" " + uuid1 + " .xml", c40}}, map[string]string{uuid1: c40}},
	} {
		paquete := pack(t, tc.files...)
		for uuid, want := range tc.find {
			got, err := locate(t, paquete, uuid)
			if got != want || (err != nil) != (want == "") || err != nil && !errors.Is(err, ErrNotThere) {
				t.Errorf("%s, %q: %d bytes of %d, %v", name, uuid, len(got), len(want), err)
			}
		}
	}
}

func TestFind_WhenDamagedSaysSo(t *testing.T) {
	t.Parallel()
	paquete := pack(t, file{uuid1 + ".xml.xml", showXML(t, "cfdi40.xml")})
	paquete[bytes.Index(paquete, []byte(uuid1+".xml.xml"))+100] ^= 0xff
	var falla *Falla
	if got, err := locate(t, paquete, uuid1); !errors.As(err, &falla) || falla.Entry != uuid1+".xml.xml" {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// What the list names can be fetched, whatever the entries are called.
func TestSummaries_WhenAListNamesACFDIItCanBeFetched(t *testing.T) {
	t.Parallel()
	c40, c33 := showXML(t, "cfdi40.xml"), showXML(t, "cfdi33.xml")
	paquete := pack(t, file{uuid3 + ".xml", c40}, file{"b.xml", c33}, file{"rota.xml", "<"}, file{"c.xml.xml", c40})
	got, _ := readAll(t, readSummaries, paquete, 0)
	if len(got) != 3 {
		t.Fatalf("%+v", got)
	}
	for _, s := range got {
		text, err := locate(t, paquete, s.UUID)
		its, errIts := ReadSummary(strings.NewReader(text))
		if err != nil || errIts != nil || its.UUID != s.UUID {
			t.Errorf("%s: %v, %+v, %v", s.UUID, err, its, errIts)
		}
	}
}

func TestPlaces_WhenThePackageFailsSaysSo(t *testing.T) {
	t.Parallel()
	for _, err := range Places(strings.NewReader("hola"), 4) {
		if !errors.Is(err, zipdir.ErrZip) {
			t.Error(err)
		}
	}
	if _, err := Document(strings.NewReader("hola"), 4, Position{}); !errors.Is(err, zipdir.ErrZip) {
		t.Error(err)
	}
}
