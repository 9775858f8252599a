package efirma

import (
	"encoding/pem"
	"errors"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

// coherente is what holds of any answer: a signer or an *Error, never both.
func coherente(t *testing.T, c *Credential, err error) {
	var problema *Error
	switch {
	case err == nil && (c == nil || c.Signer == nil || c.RFC == ""):
		t.Errorf("accepted, but gave %+v", c)
	case err != nil && !errors.As(err, &problema):
		t.Errorf("error of type %T", err)
	case err != nil && (problema.Problem == "" || problema.Detail == ""):
		t.Errorf("refused without saying why: %v", err)
	case err != nil && c != nil && c.Signer != nil:
		t.Error("refused, but can sign")
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(nil), []byte(nil), []byte(nil))
	for _, p := range []autoridad.Peticion{{}, {RFC: rara}, {Tipo: autoridad.CSD}, {Cifrado: autoridad.AES256}} {
		e := emite(f, p)
		f.Add(e.CerDER, e.KeyDER, []byte(password))
		f.Add(e.CerDER, e.KeyDER, []byte("otra"))
		f.Add(
			pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: e.CerDER}),
			pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: e.KeyDER}),
			[]byte(password),
		)
	}
	f.Fuzz(func(t *testing.T, cer, key, password []byte) {
		c, err := Load(cer, key, password, ahora)
		coherente(t, c, err)
	})
}

func FuzzLoadPKCS12(f *testing.F) {
	e := elTesoro(f).emitidaEnUna
	f.Add([]byte(nil), []byte(nil))
	for _, enc := range []*pkcs12.Encoder{pkcs12.LegacyRC2, pkcs12.LegacyDES, pkcs12.Modern2023, pkcs12.Modern2026} {
		f.Add(codifica(f, enc, e, nil, password), []byte(password))
	}
	f.Add(codifica(f, pkcs12.Passwordless, e, nil, ""), []byte(nil))
	f.Add(pfxDe(f, macData{}, capaCifrada(f, 1, llaveEn(f, 1))), []byte(password))
	f.Fuzz(func(t *testing.T, pfx, password []byte) {
		c, err := LoadPKCS12(pfx, password, ahora)
		coherente(t, c, err)
	})
}
