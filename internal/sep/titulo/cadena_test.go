package titulo

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
)

func TestCadenaOriginal_WhenStandardsExample(t *testing.T) {
	const bytes, digest = 405, "43cdf249ad3e0b74582970588973abebecdd8fda69df1eb6fbf286b30fc6406c"
	for name, titulo := range map[string]Titulo{
		"as values": example(),
		"completed": Complete(func() Titulo {
			e := example()
			e.Version, e.FirmaResponsables[0].Cargo, e.Expedicion.IDFundamentoLegal, e.Antecedente.EntidadFederativa = "", "", "", ""
			e.Profesionista.Nombre = "  ANTONIO\t"
			return e
		}()),
		"sealed, through XML": func() Titulo {
			read, err := Parse(document(t, signed(t, EscapeFlat, nil)))
			if err != nil {
				t.Fatal(err)
			}
			return read
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			cadena := CadenaOriginal(titulo, 0, EscapeFlat)
			sum := sha256.Sum256(cadena)
			if len(cadena) != bytes || hex.EncodeToString(sum[:]) != digest {
				t.Errorf("the cadena has %d bytes, SHA-256 %x:\n%s", len(cadena), sum, cadena)
			}
		})
	}
}

func TestCadenaOriginal_WhenEveryFieldIsSet(t *testing.T) {
	// Each value is its own place, so that a swap cannot go unseen.
	var titulo Titulo
	titulo.FirmaResponsables = []FirmaResponsable{{CURP: "other"}, {}}
	var want []string
	n := 0
	for _, node := range titulo.nodes() {
		for _, a := range node.attributes {
			*a.value = node.en(a.name)
			f := strings.HasPrefix(node.path, "firmaResponsables/")
			switch {
			case f && !strings.HasPrefix(node.path, "firmaResponsables/1"):
				continue
			case f && (a.class == sealed || strings.Contains(a.name, "ombre") || strings.Contains(a.name, "Apellido")):
				continue
			}
			want = append(want, *a.value)
			n++
		}
	}
	got := string(CadenaOriginal(titulo, 1, EscapeFlat))
	if n != 38 || got != "||"+strings.Join(want, "|")+"||" {
		t.Errorf("cadena of %d fields\n%s\nwant\n||%s||", n, got, strings.Join(want, "|"))
	}
}

func TestCadenaOriginal_WhenCharactersAreSpecial(t *testing.T) {
	titulo := example()
	titulo.Institucion.NombreInstitucion = `A & B "C" <D> 'E' Ñ &amp;`
	for escape, want := range map[Escape]string{
		EscapeFlat:      `|A & B "C" <D> 'E' Ñ &amp;|`,
		EscapeEntidades: `|A &amp; B &quot;C&quot; &lt;D&gt; 'E' Ñ &amp;amp;|`,
	} {
		if got := string(CadenaOriginal(titulo, 0, escape)); !strings.Contains(got, want) {
			t.Errorf("%v: %s does not contain %s", escape, got, want)
		}
	}
}

func TestEscapeOf_WhenNamed(t *testing.T) {
	for _, e := range []Escape{EscapeFlat, EscapeEntidades} {
		if got, err := EscapeOf(e.String()); err != nil || got != e {
			t.Errorf("EscapeDe(%q) = %v, %v", e, got, err)
		}
	}
	if got, err := EscapeOf(""); err != nil || got != EscapeFlat {
		t.Errorf(`EscapeDe("") = %v, %v`, got, err)
	}
	if _, err := EscapeOf("otro"); err == nil {
		t.Error("an unknown name was taken")
	}
}
