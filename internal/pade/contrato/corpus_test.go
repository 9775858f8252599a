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
	company    = "PRU010101AB1"
	persona    = "PEPJ800101AB5"
	integrador = "INT010101AB3"
	text       = "Contrato de adhesión — ñ Ñ € prueba\ncláusula «1» & <2> ]]> \"3\""
	fecha      = "2026-03-01T12:00:00"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type emitido struct {
	byRFC map[string]*efirma.Credential
	csd   *autoridad.Emitido
}

var corpusOnce = sync.OnceValues(func() (*emitido, error) {
	ca, err := autoridad.New(now)
	if err != nil {
		return nil, err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	all := &emitido{byRFC: map[string]*efirma.Credential{}}
	for _, rfc := range []string{company, persona, integrador} {
		e, err := ca.Issue(autoridad.Request{RFC: rfc, Password: "secreto", Key: key})
		if err != nil {
			return nil, err
		}
		if all.byRFC[rfc], err = efirma.Load(e.CerDER, e.KeyDER, []byte("secreto"), now); err != nil {
			return nil, err
		}
	}
	all.csd, err = ca.Issue(autoridad.Request{RFC: company, Password: "secreto", Tipo: autoridad.CSD, Key: key})
	return all, err
})

func corpus(t testing.TB) *emitido {
	t.Helper()
	c, err := corpusOnce()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func credential(t testing.TB, rfc string) *efirma.Credential {
	t.Helper()
	return corpus(t).byRFC[rfc]
}

// complete is a contract that the PAC would sign.
func complete(t testing.TB, op gateway.FirmaOperation) Contrato {
	t.Helper()
	client := Firma{Who: Cliente, RFC: company, Name: "PRUEBAS & MÁS <SA> DE CV", RepLegalRFC: persona, RepLegal: "JUANA PÉREZ"}
	domicilio := Firma{CalleNumero: "Av. Siempre Viva 1", Colonia: "Centro", Ciudad: "Culiacán", Estado: "Sinaloa", CodigoPostal: "80000"}
	firmas := []Firma{client}
	if op == gateway.FirmaAdhesion {
		domicilio.Who, domicilio.Name, domicilio.RepLegal, domicilio.Facultad = Cliente, client.Name, client.RepLegal, "Administradora única"
		firmas = []Firma{domicilio}
	} else {
		i := domicilio
		i.Who, i.Initials, i.RFC, i.Name, i.RepLegalRFC, i.RepLegal = "ITG", "ITG", integrador, "INTEGRA SC", persona, "JUANA PÉREZ"
		i.NombreSoftware, i.URLInformacion = "ERP", "https://example.com/?a=1&b=2"
		firmas = append(firmas, i)
	}
	c := New(fecha, text, firmas)
	for i, rfc := range []string{company, integrador}[:len(firmas)] {
		if err := Seal(&c.Firmas[i], c.Text, credential(t, rfc), SHA256); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func built(t testing.TB, op gateway.FirmaOperation) []byte {
	t.Helper()
	b, err := Build(complete(t, op), op)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func operations() []gateway.FirmaOperation {
	return []gateway.FirmaOperation{gateway.FirmaContrato, gateway.FirmaManifiesto, gateway.FirmaAdhesion}
}

// program runs another implementation. Without it the test is skipped, but not on CI.
func program(t *testing.T, name string, args ...string) string {
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
