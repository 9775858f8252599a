package titulo

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"
)

func TestCatalogos_WhenListed(t *testing.T) {
	got := map[string]int{}
	for _, c := range Catalogos() {
		got[c.Nombre] = len(c.Entradas)
		if c.Descripcion == "" {
			t.Errorf("%s has no description", c.Nombre)
		}
		ids, texts := map[string]bool{}, map[string]bool{}
		for _, e := range c.Entradas {
			if ids[e.ID] || texts[e.Texto] {
				t.Errorf("%s: %v is there twice, so it cannot be looked up both ways", c.Nombre, e)
			}
			ids[e.ID], texts[e.Texto] = true, true
			if e.Texto != normalise(e.Texto) || e.Texto != strings.ToUpper(e.Texto) || !norm.NFC.IsNormalString(e.Texto) {
				t.Errorf("%s: %q is not as Completa would leave it", c.Nombre, e.Texto)
			}
			if text, ok := c.Entry(e.ID); !ok || text != e {
				t.Errorf("%s: Entrada(%q) = %v", c.Nombre, e.ID, text)
			}
			if id, ok := c.ID(e.Texto); !ok || id != e.ID {
				t.Errorf("%s: ID(%q) = %q", c.Nombre, e.Texto, id)
			}
		}
	}
	want := map[string]int{"cargos": 12, "autorizaciones": 9, "modalidades": 6, "fundamentos": 5, "estudiosAntecedente": 6, "entidades": 33, "motivosCancelacion": 6}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestCatalogos_WhenCompared guards every letter: a text that differs by one
// is a rejected title. The digests are of the SEP's data, "id=text\n" each.
func TestCatalogos_WhenCompared(t *testing.T) {
	want := map[string]string{
		"cargos":              "72d075d4d5fb133ac28d42300e96ed6a155afd8ab641d14b7b231347296f0e8f",
		"autorizaciones":      "1efa9c68fd378dfa3bc6dd3c6aa385d4c525a5428ccf7013ddb88c606bc6356c",
		"modalidades":         "aff82781564528264e85e3b062be311e405184bae56ead29297f55ea20e8c7f3",
		"fundamentos":         "fd7cd1f2a0d64b51c6b027533eae3f1e73020c7c3298e59067c376d244ae862c",
		"estudiosAntecedente": "1cf9f182a5e700cadf7152dfb8b8eea8585b32468c55c234ee03c4731790a6f8",
		"entidades":           "366ef14db222648f6349cb58bc6725c800b6301c477da0249b4c2610cf0dc636",
		"motivosCancelacion":  "b945acb07bdb0882842f2bd222d9a1918f5e3476febe8a4db2bce31f15916950",
	}
	for name, digest := range want {
		c, ok := criterio().Catalogo(name)
		if !ok {
			t.Fatalf("there is no catalogue %s", name)
		}
		h := sha256.New()
		for _, e := range c.Entradas {
			h.Write([]byte(e.ID + "=" + e.Texto + "\n"))
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != digest {
			t.Errorf("%s was changed: %s\n%s", name, got, c.phrase())
		}
	}
	if _, ok := criterio().Catalogo("otro"); ok {
		t.Error("there is a catalogue otro")
	}
}
