package firmado

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/pade/contrato"
)

var selloForm = regexp.MustCompile(` Sello="[^"]*"`)

// A sello that came ready-made is verified before the PAC puts its own on the
// contract, unless the caller says not to.
func TestFirma_WhenASelloIsNotOfTheTextNothingIsPresented(t *testing.T) {
	t.Parallel()
	sent, signed := ofAdhesion(t)
	bad := selloForm.ReplaceAll(sent.XML, []byte(` Sello="`+base64.StdEncoding.EncodeToString(make([]byte, 256))+`"`))
	otherText := bytes.ReplaceAll(sent.XML, []byte("De adhesión"), []byte("De otra cosa"))
	otherText = bytes.Replace(otherText, []byte(contrato.Hash("De adhesión")), []byte(contrato.Hash("De otra cosa")), 1)
	for name, document := range map[string][]byte{"at random": bad, "of another text": otherText} {
		p := &pac{answers: []answer{{gateway.ContratoFirmado{Codigo: "0", XML: signed}, nil}}}
		s, _ := newServicio(t, p)
		for _, key := range []string{"", "k", "k"} {
			_, _, err := s.Firma(t.Context(), Request{Operation: gateway.FirmaAdhesion, Contrato: Document{XML: document}, Key: key, Path: "contrato"})
			e := gateway.AsError(err)
			if err == nil || e.Kind != gateway.KindInvalida || !e.Unsent || len(e.Fields) != 1 || e.Fields[0].Campo != "contrato/firmas/0/sello" || !strings.Contains(e.Detail, "comprobar=forma") || p.calls != 0 {
				t.Errorf("%s, key %q: %+v after %d calls", name, key, err, p.calls)
			}
		}
		// The same key goes on to be used with what is right, or with leave to pass.
		if _, _, err := s.Firma(t.Context(), Request{Operation: gateway.FirmaAdhesion, Contrato: Document{XML: document}, Key: "k", OnlyForm: true}); err != nil || p.calls != 1 {
			t.Errorf("%s, form only: %v after %d calls", name, err, p.calls)
		}
		// What is on record is handed out however it is asked for.
		if got, replayed, err := s.Firma(t.Context(), Request{Operation: gateway.FirmaAdhesion, Contrato: Document{XML: document}}); err != nil || !replayed || len(got.XML) == 0 || p.calls != 1 {
			t.Errorf("%s, from the record: %v after %d calls", name, err, p.calls)
		}
	}
}
