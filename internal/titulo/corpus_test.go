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
	curpOtra    = "PEPJ800101HDFRRN09"
	contrasena  = "secreto-de-prueba-ñ"
)

var ahora = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type corpus struct {
	ca    *autoridad.Autoridad
	llave *rsa.PrivateKey
}

var elCorpus = sync.OnceValues(func() (corpus, error) {
	ca, err := autoridad.New(ahora)
	if err != nil {
		return corpus{}, err
	}
	llave, err := rsa.GenerateKey(rand.Reader, 2048)
	return corpus{ca, llave}, err
})

// emitida is an e.firma of the sandbox's authority, with a key of its own kind.
func emitida(t testing.TB, p autoridad.Peticion) *autoridad.Emitida {
	t.Helper()
	c, err := elCorpus()
	if err != nil {
		t.Fatal(err)
	}
	if p.RFC == "" {
		p.RFC = "EICA7502125A1"
	}
	p.Password, p.Key = contrasena, c.llave
	e, err := c.ca.Emite(p)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func credencial(t testing.TB, curp string) *efirma.Credential {
	t.Helper()
	e := emitida(t, autoridad.Peticion{CURP: curp})
	cred, err := efirma.Load(e.CerDER, e.KeyDER, []byte(contrasena), ahora)
	if err != nil {
		t.Fatal(err)
	}
	return cred
}

// ejemplo is the worked example of the standard, as values.
func ejemplo() Titulo {
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

// sellado signs the example for its signer after cambia has had it.
func firmado(t testing.TB, escape Escape, cambia func(*Titulo)) Titulo {
	t.Helper()
	titulo := ejemplo()
	if cambia != nil {
		cambia(&titulo)
	}
	for i, f := range titulo.FirmaResponsables {
		if err := Sella(&titulo, i, credencial(t, f.CURP), escape); err != nil {
			t.Fatal(err)
		}
	}
	return titulo
}

func documento(t testing.TB, titulo Titulo) []byte {
	t.Helper()
	xml, err := Marshal(titulo)
	if err != nil {
		t.Fatal(err)
	}
	return xml
}

// criterio is that of the program, on the corpus's day.
func criterio() *Criterio { return NewCriterio(Catalogos(), func() time.Time { return ahora }) }

func Completa(t Titulo) Titulo             { return criterio().Completa(t) }
func Validate(t Titulo) []Problema         { return criterio().Validate(t) }
func Verifica(documento []byte) []Problema { return criterio().Verifica(documento) }

// resumen is what of the problems a table compares: level, path and code.
func resumen(problemas []Problema) []string {
	var lineas []string
	for _, p := range problemas {
		lineas = append(lineas, string(p.Nivel)+" "+p.Ruta+" "+string(p.Codigo))
	}
	slices.Sort(lineas)
	return lineas
}

// sin leaves the expected avisos of the example out: the standard's CURPs are
// made up, and their check digits are wrong.
func sin(problemas []Problema, codigos ...Codigo) []Problema {
	return slices.DeleteFunc(slices.Clone(problemas), func(p Problema) bool { return slices.Contains(codigos, p.Codigo) })
}

// programa runs another people's program. Without it the test is skipped, but
// not on CI.
func programa(t *testing.T, nombre string, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath(nombre)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not installed, and CI must check against it", nombre)
		}
		t.Skipf("SKIPPED: %s is not installed, so this is NOT checked by another implementation", nombre)
	}
	var salida bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = &salida, &salida
	err = cmd.Run()
	return salida.String(), err
}
