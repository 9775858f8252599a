package contrato

import (
	"crypto/rand"
	"crypto/rsa"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/efirma"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

// The corpus is made anew in each run: no key is kept in the repository.

const (
	empresa    = "PRU010101AB1"
	persona    = "PEPJ800101AB5"
	integrador = "INT010101AB3"
	texto      = "Contrato de adhesión — ñ Ñ € prueba\ncláusula «1» & <2> ]]> \"3\""
	fecha      = "2026-03-01T12:00:00"
)

var ahora = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type emitidas struct {
	porRFC map[string]*efirma.Credential
	csd    *autoridad.Emitida
}

var elCorpus = sync.OnceValues(func() (*emitidas, error) {
	ca, err := autoridad.New(ahora)
	if err != nil {
		return nil, err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	todas := &emitidas{porRFC: map[string]*efirma.Credential{}}
	for _, rfc := range []string{empresa, persona, integrador} {
		e, err := ca.Emite(autoridad.Peticion{RFC: rfc, Password: "secreto", Key: key})
		if err != nil {
			return nil, err
		}
		if todas.porRFC[rfc], err = efirma.Load(e.CerDER, e.KeyDER, []byte("secreto"), ahora); err != nil {
			return nil, err
		}
	}
	todas.csd, err = ca.Emite(autoridad.Peticion{RFC: empresa, Password: "secreto", Tipo: autoridad.CSD, Key: key})
	return todas, err
})

func corpus(t testing.TB) *emitidas {
	t.Helper()
	c, err := elCorpus()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func credencial(t testing.TB, rfc string) *efirma.Credential {
	t.Helper()
	return corpus(t).porRFC[rfc]
}

// completo is a contract that the PAC would sign.
func completo(t testing.TB, op gateway.OperacionFirma) Contrato {
	t.Helper()
	cliente := Firma{Quien: Cliente, RFC: empresa, Nombre: "PRUEBAS & MÁS <SA> DE CV", RepLegalRFC: persona, RepLegal: "JUANA PÉREZ"}
	domicilio := Firma{CalleNumero: "Av. Siempre Viva 1", Colonia: "Centro", Ciudad: "Culiacán", Estado: "Sinaloa", CodigoPostal: "80000"}
	firmas := []Firma{cliente}
	if op == gateway.FirmaAdhesion {
		domicilio.Quien, domicilio.Nombre, domicilio.RepLegal, domicilio.Facultad = Cliente, cliente.Nombre, cliente.RepLegal, "Administradora única"
		firmas = []Firma{domicilio}
	} else {
		i := domicilio
		i.Quien, i.Siglas, i.RFC, i.Nombre, i.RepLegalRFC, i.RepLegal = "ITG", "ITG", integrador, "INTEGRA SC", persona, "JUANA PÉREZ"
		i.NombreSoftware, i.URLInformacion = "ERP", "https://example.com/?a=1&b=2"
		firmas = append(firmas, i)
	}
	c := Nuevo(fecha, texto, firmas)
	for i, rfc := range []string{empresa, integrador}[:len(firmas)] {
		if err := Sella(&c.Firmas[i], c.Texto, credencial(t, rfc), SHA256); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func construido(t testing.TB, op gateway.OperacionFirma) []byte {
	t.Helper()
	b, err := Construye(completo(t, op), op)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func operaciones() []gateway.OperacionFirma {
	return []gateway.OperacionFirma{gateway.FirmaContrato, gateway.FirmaManifiesto, gateway.FirmaAdhesion}
}

// programa runs another implementation. Without it the test is skipped, but not on CI.
func programa(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not installed, and CI must check against it", name)
		}
		t.Skipf("SKIPPED: %s is not installed, so what we write is NOT checked by another implementation", name)
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}
