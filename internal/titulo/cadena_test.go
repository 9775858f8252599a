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
		"as values": ejemplo(),
		"completed": Completa(func() Titulo {
			e := ejemplo()
			e.Version, e.FirmaResponsables[0].Cargo, e.Expedicion.IDFundamentoLegal, e.Antecedente.EntidadFederativa = "", "", "", ""
			e.Profesionista.Nombre = "  ANTONIO\t"
			return e
		}()),
		"sealed, through XML": func() Titulo {
			leido, err := Parse(documento(t, firmado(t, EscapePlano, nil)))
			if err != nil {
				t.Fatal(err)
			}
			return leido
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			cadena := CadenaOriginal(titulo, 0, EscapePlano)
			suma := sha256.Sum256(cadena)
			if len(cadena) != bytes || hex.EncodeToString(suma[:]) != digest {
				t.Errorf("the cadena has %d bytes, SHA-256 %x:\n%s", len(cadena), suma, cadena)
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
	for _, nodo := range titulo.nodos() {
		for _, a := range nodo.atributos {
			*a.valor = nodo.en(a.nombre)
			f := strings.HasPrefix(nodo.ruta, "firmaResponsables/")
			switch {
			case f && !strings.HasPrefix(nodo.ruta, "firmaResponsables/1"):
				continue
			case f && (a.clase == sellado || strings.Contains(a.nombre, "ombre") || strings.Contains(a.nombre, "Apellido")):
				continue
			}
			want = append(want, *a.valor)
			n++
		}
	}
	got := string(CadenaOriginal(titulo, 1, EscapePlano))
	if n != 38 || got != "||"+strings.Join(want, "|")+"||" {
		t.Errorf("cadena of %d fields\n%s\nwant\n||%s||", n, got, strings.Join(want, "|"))
	}
}

func TestCadenaOriginal_WhenCharactersAreSpecial(t *testing.T) {
	titulo := ejemplo()
	titulo.Institucion.NombreInstitucion = `A & B "C" <D> 'E' Ñ &amp;`
	for escape, want := range map[Escape]string{
		EscapePlano:     `|A & B "C" <D> 'E' Ñ &amp;|`,
		EscapeEntidades: `|A &amp; B &quot;C&quot; &lt;D&gt; 'E' Ñ &amp;amp;|`,
	} {
		if got := string(CadenaOriginal(titulo, 0, escape)); !strings.Contains(got, want) {
			t.Errorf("%v: %s does not contain %s", escape, got, want)
		}
	}
}

func TestEscapeDe_WhenNamed(t *testing.T) {
	for _, e := range []Escape{EscapePlano, EscapeEntidades} {
		if got, err := EscapeDe(e.String()); err != nil || got != e {
			t.Errorf("EscapeDe(%q) = %v, %v", e, got, err)
		}
	}
	if got, err := EscapeDe(""); err != nil || got != EscapePlano {
		t.Errorf(`EscapeDe("") = %v, %v`, got, err)
	}
	if _, err := EscapeDe("otro"); err == nil {
		t.Error("an unknown name was taken")
	}
}
