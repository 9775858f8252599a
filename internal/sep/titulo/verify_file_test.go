package titulo

import (
	"bytes"
	"fmt"
	"testing"
)

// A title may have an aviso and nothing wrong, and a lote may have thousands of
// those: they neither make it wrong nor hide what is.
func TestVerifyFile_WhenEveryTitleHasAnAviso(t *testing.T) {
	const howMany = maxProblems + 200
	cred := credential(t, curpRectora)
	var titulos []tituloOf
	for i := range howMany {
		x := example()
		x.FolioControl, x.Profesionista.PrimerApellido = fmt.Sprintf("AVISO%05d", i), "ÁLVAREZ"
		if err := Seal(&x, 0, cred, EscapeFlat); err != nil {
			t.Fatal(err)
		}
		if i == howMany-1 {
			x.FolioControl = "OTRO00001" // not the one that was sealed
		}
		titulos = append(titulos, tituloOf{x.FolioControl, document(t, x)})
	}
	verify := func(titulos ...tituloOf) Revision {
		file := lote(t, titulos...)
		r, err := criterio().VerifyFile(bytes.NewReader(file), int64(len(file)), "l.zip")
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := verify(titulos[:howMany-1]...); HasErrors(r.Problems) || r.Titulos != howMany-1 || len(r.Problems) != maxProblems+1 {
		t.Errorf("%d titles, %d problems, the last %+v", r.Titulos, len(r.Problems), r.Problems[len(r.Problems)-1])
	}
	var errors []string
	for _, p := range verify(titulos...).Problems {
		if p.Nivel == NivelError {
			errors = append(errors, p.Archivo+" "+string(p.Codigo))
		}
	}
	if len(errors) != 1 || errors[0] != "OTRO00001.xml sello" {
		t.Errorf("%q", errors)
	}
}

// A lote of the size of the largest known to have been sent.
func BenchmarkVerifyFile(b *testing.B) {
	cred := credential(b, curpRectora)
	var titulos []tituloOf
	for i := range 1200 {
		x := example()
		x.FolioControl = fmt.Sprintf("BENCH%05d", i)
		if err := Seal(&x, 0, cred, EscapeFlat); err != nil {
			b.Fatal(err)
		}
		titulos = append(titulos, tituloOf{x.FolioControl, document(b, x)})
	}
	file := lote(b, titulos...)
	for name, check := range map[string]func() (Revision, error){
		"forma": func() (Revision, error) { return CheckFile(bytes.NewReader(file), int64(len(file)), "l.zip") },
		"completa": func() (Revision, error) {
			return criterio().VerifyFile(bytes.NewReader(file), int64(len(file)), "l.zip")
		},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if r, err := check(); err != nil || HasErrors(r.Problems) {
					b.Fatal(err, r.Problems)
				}
			}
		})
	}
}
