package titulo

import (
	"bytes"
	"fmt"
	"testing"
)

// A title may have an aviso and nothing wrong, and a lote may have thousands of
// those: they neither make it wrong nor hide what is.
func TestVerificaArchivo_WhenEveryTitleHasAnAviso(t *testing.T) {
	const cuantos = maxProblemas + 200
	cred := credencial(t, curpRectora)
	var titulos []tituloDe
	for i := range cuantos {
		x := ejemplo()
		x.FolioControl, x.Profesionista.PrimerApellido = fmt.Sprintf("AVISO%05d", i), "ÁLVAREZ"
		if err := Sella(&x, 0, cred, EscapePlano); err != nil {
			t.Fatal(err)
		}
		if i == cuantos-1 {
			x.FolioControl = "OTRO00001" // not the one that was sealed
		}
		titulos = append(titulos, tituloDe{x.FolioControl, documento(t, x)})
	}
	verifica := func(titulos ...tituloDe) Revision {
		archivo := lote(t, titulos...)
		r, err := criterio().VerificaArchivo(bytes.NewReader(archivo), int64(len(archivo)), "l.zip")
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := verifica(titulos[:cuantos-1]...); HayErrores(r.Problemas) || r.Titulos != cuantos-1 || len(r.Problemas) != maxProblemas+1 {
		t.Errorf("%d titles, %d problems, the last %+v", r.Titulos, len(r.Problemas), r.Problemas[len(r.Problemas)-1])
	}
	var errores []string
	for _, p := range verifica(titulos...).Problemas {
		if p.Nivel == NivelError {
			errores = append(errores, p.Archivo+" "+string(p.Codigo))
		}
	}
	if len(errores) != 1 || errores[0] != "OTRO00001.xml sello" {
		t.Errorf("%q", errores)
	}
}

// A lote of the size of the largest known to have been sent.
func BenchmarkVerificaArchivo(b *testing.B) {
	cred := credencial(b, curpRectora)
	var titulos []tituloDe
	for i := range 1200 {
		x := ejemplo()
		x.FolioControl = fmt.Sprintf("BENCH%05d", i)
		if err := Sella(&x, 0, cred, EscapePlano); err != nil {
			b.Fatal(err)
		}
		titulos = append(titulos, tituloDe{x.FolioControl, documento(b, x)})
	}
	archivo := lote(b, titulos...)
	for name, revisa := range map[string]func() (Revision, error){
		"forma": func() (Revision, error) { return RevisaArchivo(bytes.NewReader(archivo), int64(len(archivo)), "l.zip") },
		"completa": func() (Revision, error) {
			return criterio().VerificaArchivo(bytes.NewReader(archivo), int64(len(archivo)), "l.zip")
		},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if r, err := revisa(); err != nil || HayErrores(r.Problemas) {
					b.Fatal(err, r.Problemas)
				}
			}
		})
	}
}
