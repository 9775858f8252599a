package titulo

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/efirma"
	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

// The corpus is made anew in each run: no key is kept in the repository.

const (
	curpRectora = "EICA750212HDFRNL01" // that of the standard's example
	curpOther   = "PEPJ800101HDFRRN09"
	password    = "secreto-de-prueba-ñ"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type corpus struct {
	ca    *autoridad.Autoridad
	llave *rsa.PrivateKey
}

var corpusOnce = sync.OnceValues(func() (corpus, error) {
	ca, err := autoridad.New(now)
	if err != nil {
		return corpus{}, err
	}
	llave, err := rsa.GenerateKey(rand.Reader, 2048)
	return corpus{ca, llave}, err
})

// emitido is an e.firma of the sandbox's authority, with a key of its own kind.
func emitido(t testing.TB, p autoridad.Request) *autoridad.Emitido {
	t.Helper()
	c, err := corpusOnce()
	if err != nil {
		t.Fatal(err)
	}
	if p.RFC == "" {
		p.RFC = "EICA7502125A1"
	}
	p.Password, p.Key = password, c.llave
	e, err := c.ca.Issue(p)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func credential(t testing.TB, curp string) *efirma.Credential {
	t.Helper()
	e := emitido(t, autoridad.Request{CURP: curp})
	cred, err := efirma.Load(e.CerDER, e.KeyDER, []byte(password), now)
	if err != nil {
		t.Fatal(err)
	}
	return cred
}

// example is the worked example of the standard, as values.
func example() Titulo {
	return Titulo{
		Version: "1.0", FolioControl: "2345678",
		FirmaResponsables: []FirmaResponsable{{
			Nombre: "ALBA", PrimerApellido: "ENRÍQUEZ", CURP: curpRectora, IDCargo: "3", Cargo: "RECTOR", AbrTitulo: "LIC.",
		}},
		Institucion: Institucion{"010033", "UNIVERSIDAD TECNOLÓGICA DE AGUASCALIENTES"},
		Carrera: Carrera{
			CveCarrera: "103339", NombreCarrera: "INGENIERÍA EN NANOTECNOLOGÍA",
			FechaInicio: "2004-08-16", FechaTerminacion: "2009-06-12",
			IDAutorizacionReconocimiento: "5", AutorizacionReconocimiento: "ACTA DE SESIÓN",
		},
		Profesionista: Profesionista{"AICA770112HDFRNL01", "ANTONIO", "ALPIZAR", "CASTRO", "antonio.alpizar@gmail.com"},
		Expedicion: Expedicion{
			FechaExpedicion: "2011-08-10", IDModalidadTitulacion: "1", ModalidadTitulacion: "POR TESIS",
			FechaExamenProfesional: "2010-08-16", CumplioServicioSocial: "1",
			IDFundamentoLegal: "2", FundamentoLegal: "ART. 55 LRART. 5 CONST",
			IDEntidadFederativa: "09", EntidadFederativa: "CIUDAD DE MÉXICO",
		},
		Antecedente: Antecedente{
			InstitucionProcedencia: "C.E.T.I.S. NO. 80", IDTipoEstudio: "4", TipoEstudio: "BACHILLERATO",
			IDEntidadFederativa: "09", EntidadFederativa: "CIUDAD DE MÉXICO",
			FechaInicio: "2000-06-12", FechaTerminacion: "2003-08-12",
		},
	}
}

// sealed signs the example for its signer after change has had it.
func signed(t testing.TB, escape Escape, change func(*Titulo)) Titulo {
	t.Helper()
	titulo := example()
	if change != nil {
		change(&titulo)
	}
	for i, f := range titulo.FirmaResponsables {
		if err := Seal(&titulo, i, credential(t, f.CURP), escape); err != nil {
			t.Fatal(err)
		}
	}
	return titulo
}

func document(t testing.TB, titulo Titulo) []byte {
	t.Helper()
	xml, err := Marshal(titulo)
	if err != nil {
		t.Fatal(err)
	}
	return xml
}

// criterio is that of the program, on the corpus's day.
func criterio() *Criterio { return NewCriterio(Catalogos(), func() time.Time { return now }) }

func Complete(t Titulo) Titulo         { return criterio().Complete(t) }
func Validate(t Titulo) []Problem      { return criterio().Validate(t) }
func Verify(document []byte) []Problem { return criterio().Verify(document) }

// summary is what of the problems a table compares: level, path and code.
func summary(problems []Problem) []string {
	var lines []string
	for _, p := range problems {
		lines = append(lines, string(p.Nivel)+" "+p.Ruta+" "+string(p.Codigo))
	}
	slices.Sort(lines)
	return lines
}

// without leaves the expected avisos of the example out: the standard's CURPs are
// made up, and their check digits are wrong.
func without(problems []Problem, codigos ...Codigo) []Problem {
	return slices.DeleteFunc(slices.Clone(problems), func(p Problem) bool { return slices.Contains(codigos, p.Codigo) })
}

// program runs another people's program. Without it the test is skipped, but
// not on CI.
func program(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not installed, and CI must check against it", name)
		}
		t.Skipf("SKIPPED: %s is not installed, so this is NOT checked by another implementation", name)
	}
	var output bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = &output, &output
	err = cmd.Run()
	return output.String(), err
}
