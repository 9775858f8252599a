package firmado

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/contrato"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

var formaSello = regexp.MustCompile(` Sello="[^"]*"`)

// A sello that came ready-made is verified before the PAC puts its own on the
// contract, unless the caller says not to.
func TestFirma_WhenASelloIsNotOfTheTextNothingIsPresented(t *testing.T) {
	t.Parallel()
	enviado, firmado := deAdhesion(t)
	malo := formaSello.ReplaceAll(enviado, []byte(` Sello="`+base64.StdEncoding.EncodeToString(make([]byte, 256))+`"`))
	otroTexto := bytes.ReplaceAll(enviado, []byte("De adhesión"), []byte("De otra cosa"))
	otroTexto = bytes.Replace(otroTexto, []byte(contrato.Hash("De adhesión")), []byte(contrato.Hash("De otra cosa")), 1)
	for name, documento := range map[string][]byte{"at random": malo, "of another text": otroTexto} {
		p := &pac{answers: []respuesta{{gateway.ContratoFirmado{Codigo: "0", XML: firmado}, nil}}}
		s, _ := newServicio(t, p)
		for _, clave := range []string{"", "k", "k"} {
			_, _, err := s.Firma(t.Context(), Peticion{Operacion: gateway.FirmaAdhesion, Contrato: documento, Clave: clave, Ruta: "contrato"})
			e := gateway.AsError(err)
			if err == nil || e.Kind != gateway.KindInvalida || !e.NoEnviada || len(e.Campos) != 1 || e.Campos[0].Campo != "contrato/firmas/0/sello" || !strings.Contains(e.Detail, "comprobar=forma") || p.calls != 0 {
				t.Errorf("%s, key %q: %+v after %d calls", name, clave, err, p.calls)
			}
		}
		// The same key goes on to be used with what is right, or with leave to pass.
		if _, _, err := s.Firma(t.Context(), Peticion{Operacion: gateway.FirmaAdhesion, Contrato: documento, Clave: "k", SoloForma: true}); err != nil || p.calls != 1 {
			t.Errorf("%s, form only: %v after %d calls", name, err, p.calls)
		}
		// What is on record is handed out however it is asked for.
		if got, replayed, err := s.Firma(t.Context(), Peticion{Operacion: gateway.FirmaAdhesion, Contrato: documento}); err != nil || !replayed || len(got.XML) == 0 || p.calls != 1 {
			t.Errorf("%s, from the record: %v after %d calls", name, err, p.calls)
		}
	}
}
