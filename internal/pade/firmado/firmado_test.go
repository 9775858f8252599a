package firmado

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/cluster"
	"github.com/pasarela-mx/pasarela/internal/efirma"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/ledger"
	"github.com/pasarela-mx/pasarela/internal/pade/contrato"
	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// pac answers each call with the next of what it is given.
type pac struct {
	answers []answer
	calls   int
}

type answer struct {
	got gateway.ContratoFirmado
	err error
}

func (p *pac) Firma(context.Context, gateway.FirmaOperation, gateway.CuentaPADE, []byte, bool) (gateway.ContratoFirmado, error) {
	a := p.answers[min(p.calls, len(p.answers)-1)]
	p.calls++
	return a.got, a.err
}

// keyring has one e.firma.
type keyring struct{ credential *efirma.Credential }

func (l keyring) Get(string) (*efirma.Credential, error) { return l.credential, nil }

// ofAdhesion is a contract that would be signed, and the same one countersigned.
func ofAdhesion(t *testing.T) (sent Document, signed []byte) {
	t.Helper()
	now := time.Now()
	ca, err := autoridad.New(now)
	if err != nil {
		t.Fatal(err)
	}
	emitido, err := ca.Issue(autoridad.Request{RFC: "PEPJ800101AB5", Password: "secreto", NotBefore: now.Add(-time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	credential, err := efirma.Load(emitido.CerDER, emitido.KeyDER, []byte("secreto"), now)
	if err != nil {
		t.Fatal(err)
	}
	sent, err = Build(ToSign{Text: "De adhesión", FirmarCon: []string{"PEPJ800101AB5"}, Firmas: []contrato.Firma{{Who: contrato.Cliente, Name: "JUANA",
		CalleNumero: "1", Colonia: "C", Ciudad: "M", Estado: "CDMX", CodigoPostal: "06000"}}}, gateway.FirmaAdhesion, keyring{credential}, now)
	if err != nil {
		t.Fatal(err)
	}
	return sent, bytes.Replace(sent.XML, []byte("</Firmas>"), []byte(`<Firma Quien="PCCFDI" Sello="AA=="/></Firmas>`), 1)
}

func newServicio(t *testing.T, p gateway.Signed) (*Servicio, *ledger.Ledger) {
	t.Helper()
	st, err := store.Open(t.Context(), store.Config{Dir: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() }) //nolint:errcheck // nothing is written any more
	l := ledger.New(st.Attempts, st.Titulos, cluster.New(st, cluster.Options{}))
	return New(p, l, true), l
}

// A document that is the contract, countersigned, is handed out whatever the PAC
// says beside it; one that is not is so only if it says that it signed.
func TestFirma_WhenTheAnswerContradictsItsDocument(t *testing.T) {
	t.Parallel()
	sent, signed := ofAdhesion(t)
	refused := &gateway.Error{Kind: gateway.KindConflicto, Backend: "pade", Codigo: "2"}
	unknown := &gateway.Error{Kind: gateway.KindResultadoDesconocido, Backend: "pade"}
	for name, tt := range map[string]struct {
		answer  answer
		handed  bool
		matches bool
		calls   int
	}{
		"signed":                               {answer{gateway.ContratoFirmado{Codigo: "0", XML: signed}, nil}, true, true, 1},
		"signed before, and here it is":        {answer{gateway.ContratoFirmado{Codigo: "2", XML: signed}, refused}, true, true, 1},
		"firmaOk is missing, and here it is":   {answer{gateway.ContratoFirmado{Codigo: "0", XML: signed}, unknown}, true, true, 1},
		"refused, what was sent comes back":    {answer{gateway.ContratoFirmado{Codigo: "2", XML: sent.XML}, refused}, false, false, 1},
		"signed, what was sent comes back":     {answer{gateway.ContratoFirmado{Codigo: "0", XML: sent.XML}, nil}, true, false, 1},
		"signed, something else comes back":    {answer{gateway.ContratoFirmado{Codigo: "0", XML: []byte("\xd1")}, nil}, true, false, 1},
		"who knows, and something else":        {answer{gateway.ContratoFirmado{Codigo: "0", XML: []byte("x")}, unknown}, false, false, 2},
		"signed, in a form that is no base64":  {answer{gateway.ContratoFirmado{Codigo: "0", XML: []byte("*"), Motivo: "No es base64."}, nil}, true, false, 1},
		"refused, and nothing comes":           {answer{gateway.ContratoFirmado{Codigo: "2"}, refused}, false, false, 1},
		"signed, marked and in another order":  {answer{gateway.ContratoFirmado{Codigo: "0", XML: append([]byte("\xef\xbb\xbf"), signed...)}, nil}, true, true, 1},
		"signed, written without its line end": {answer{gateway.ContratoFirmado{Codigo: "0", XML: bytes.ReplaceAll(signed, []byte("\n"), nil)}, nil}, true, true, 1},
	} {
		p := &pac{answers: []answer{tt.answer}}
		s, _ := newServicio(t, p)
		ask := Request{Operation: gateway.FirmaAdhesion, Contrato: Document{XML: sent.XML}}
		got, _, err := s.Firma(t.Context(), ask)
		if (err == nil) != tt.handed || tt.handed && ((got.Motivo == "") != tt.matches || !bytes.Equal(got.XML, tt.answer.got.XML)) || p.calls != tt.calls {
			t.Errorf("%s: %+v, %v after %d calls", name, got.Motivo, err, p.calls)
		}
		if again, replayed, err := s.Firma(t.Context(), ask); tt.handed && (err != nil || !replayed || again.Motivo != got.Motivo || !bytes.Equal(again.XML, got.XML) || p.calls != tt.calls) {
			t.Errorf("%s, again: %+v %v, %v after %d calls", name, again.Motivo, replayed, err, p.calls)
		}
	}
}

// A document that was kept beside a refusal, when it was withheld, is handed out
// with the reason of then.
func TestFirma_WhenADocumentWasWithheldBefore(t *testing.T) {
	t.Parallel()
	sent, signed := ofAdhesion(t)
	p := &pac{}
	s, l := newServicio(t, p)
	ask := Request{Operation: gateway.FirmaAdhesion, Contrato: Document{XML: sent.XML}, Key: "k"}
	known, err := ask.known()
	if err != nil {
		t.Fatal(err)
	}
	withheld := &gateway.Error{Kind: gateway.KindRespuestaInvalida, Detail: "No es el contrato enviado."}
	m := mensaje(identity(known))
	m.Rest = func(error) ledger.Rest { return ledger.Definitiva }
	keep := func(gateway.ContratoFirmado) bool { return true }
	if _, _, err := ledger.Once(t.Context(), l, m, keep, func(context.Context) (gateway.ContratoFirmado, error) {
		return gateway.ContratoFirmado{Codigo: "0", XML: signed}, withheld
	}); !errors.Is(err, withheld) {
		t.Fatal(err)
	}
	for range 2 {
		got, replayed, err := s.Firma(t.Context(), ask)
		if err != nil || !replayed || got.Motivo != withheld.Detail || !bytes.Equal(got.XML, signed) || p.calls != 0 {
			t.Errorf("%q %v, %v after %d calls", got.Motivo, replayed, err, p.calls)
		}
	}
	other := ask
	other.Key = ""
	if got, _, err := s.Firma(t.Context(), other); err != nil || len(got.XML) == 0 {
		t.Errorf("without a key: %v", err)
	}
}

// A contract is the same one by its fields, which are known, and as the XML that was made
// of them, which is read.
func TestFirma_WhenAContractComesByItsFieldsAndReadyIsPresentedOnce(t *testing.T) {
	t.Parallel()
	built, signed := ofAdhesion(t)
	if built.read == nil {
		t.Fatal("what was built is read again")
	}
	p := &pac{answers: []answer{{gateway.ContratoFirmado{Codigo: "0", XML: signed}, nil}}}
	s, _ := newServicio(t, p)
	for i, document := range []Document{built, {XML: built.XML}} {
		got, replayed, err := s.Firma(t.Context(), Request{Operation: gateway.FirmaAdhesion, Contrato: document})
		if err != nil || replayed != (i == 1) || got.Motivo != "" || p.calls != 1 {
			t.Errorf("%d: %q %v, %v after %d calls", i, got.Motivo, replayed, err, p.calls)
		}
	}
}
