package contrato

import (
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/efirma"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func TestSella_WhenVerifiedByOpenSSL(t *testing.T) {
	cred := credencial(t, empresa)
	dir := t.TempDir()
	archivo := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for digest, nombre := range map[Digest]string{"": "-sha256", SHA256: "-sha256", SHA1: "-sha1"} {
		f := Firma{Quien: Cliente, RFC: empresa}
		if err := Sella(&f, texto, cred, digest); err != nil {
			t.Fatal(err)
		}
		der, err := base64.StdEncoding.DecodeString(f.Certificado)
		if err != nil {
			t.Fatal(err)
		}
		sello, err := base64.StdEncoding.DecodeString(f.Sello)
		if err != nil {
			t.Fatal(err)
		}
		cer := archivo("cer.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		publica := archivo("publica.pem", []byte(programa(t, "openssl", "x509", "-in", cer, "-pubkey", "-noout")))
		out := programa(t, "openssl", "dgst", nombre, "-verify", publica, "-signature", archivo("sello", sello), archivo("texto", []byte(texto)))
		if !strings.Contains(out, "Verified OK") {
			t.Errorf("%q: openssl says %s", digest, out)
		}
		if len(f.CertificadoSerie) != 20 || !strings.HasPrefix(f.CertificadoSerie, "3000100000") {
			t.Errorf("serie = %q, want the 20 digits", f.CertificadoSerie)
		}
	}
}

func TestSella_WhenRefused(t *testing.T) {
	cred := credencial(t, empresa)
	sinLlave := *cred
	sinLlave.Signer = nil
	for name, tt := range map[string]struct {
		f        Firma
		cred     *efirma.Credential
		digest   Digest
		invalida bool
	}{
		"no e.firma":         {Firma{}, nil, SHA256, false},
		"no key":             {Firma{}, &sinLlave, SHA256, false},
		"unknown digest":     {Firma{}, cred, "md5", true},
		"e.firma of another": {Firma{RFC: integrador, RepLegalRFC: persona}, cred, SHA256, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := tt.f
			err := Sella(&f, texto, tt.cred, tt.digest)
			if err == nil || gateway.IsKind(err, gateway.KindInvalida) != tt.invalida {
				t.Errorf("err = %v, want invalid: %t", err, tt.invalida)
			}
			if diff := cmp.Diff(tt.f, f); diff != "" {
				t.Errorf("refused and changed: %s", diff)
			}
		})
	}
	f := Firma{RFC: empresa, RepLegalRFC: persona}
	if err := Sella(&f, texto, credencial(t, persona), SHA256); err != nil {
		t.Errorf("the representative may sign: %v", err)
	}
}

func TestComprueba_WhenSigned(t *testing.T) {
	sellada := func(sobre string, d Digest) Firma {
		var f Firma
		if err := Sella(&f, sobre, credencial(t, empresa), d); err != nil {
			t.Fatal(err)
		}
		return f
	}
	for want, f := range map[string]Firma{
		"sha256 del texto": sellada(texto, SHA256),
		"sha1 del texto":   sellada(texto, SHA1),
		"sha256 del hash":  sellada(Hash(texto), SHA256),
		"sha1 del hash":    sellada(Hash(texto), SHA1),
	} {
		got, ok := Comprueba(f, texto)
		if !ok || got.String() != want {
			t.Errorf("%v %t, want %s", got, ok, want)
		}
		f.Sello = f.Sello[:76] + "\r\n" + f.Sello[76:]
		if got, ok := Comprueba(f, texto); !ok || got.String() != want {
			t.Errorf("in two lines: %v %t, want %s", got, ok, want)
		}
		if got, ok := Comprueba(f, texto+" "); ok {
			t.Errorf("%s of another text: %v", want, got)
		}
	}
	buena := sellada(texto, SHA256)
	csd := Firma{Sello: buena.Sello, Certificado: base64.StdEncoding.EncodeToString(corpus(t).csd.CerDER)}
	if _, ok := Comprueba(csd, texto); !ok { // it has the same key
		t.Error("a CSD is not refused here")
	}
	for name, f := range map[string]Firma{
		"nothing":         {},
		"no certificate":  {Sello: buena.Sello},
		"no DER":          {Sello: buena.Sello, Certificado: "AAAA"},
		"no base64":       {Sello: "¡!", Certificado: buena.Certificado},
		"no Sello at all": {Certificado: buena.Certificado},
	} {
		if got, ok := Comprueba(f, texto); ok {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestSellos_WhenOneIsNotOfTheTextOrOfTheParty(t *testing.T) {
	cred := credencial(t, persona)
	for name, tc := range map[string]struct {
		cambia func(*Contrato)
		want   string
	}{
		"right":                         {func(*Contrato) {}, ""},
		"right, of the representative":  {func(c *Contrato) { c.Firmas[0].RFC, c.Firmas[0].RepLegalRFC = empresa, cred.RFC }, ""},
		"of nobody who signs":           {func(c *Contrato) { c.Firmas[0].RFC = empresa }, "firmas/0/certificado"},
		"of another text":               {func(c *Contrato) { c.Texto += "." }, "firmas/0/sello"},
		"of somebody else, and changed": {func(c *Contrato) { c.Firmas[0].RFC, c.Texto = empresa, "x" }, "firmas/0/sello firmas/0/certificado"},
	} {
		f := Firma{Quien: Cliente, RFC: cred.RFC}
		c := Nuevo("2026-05-20T10:00:00", "Un texto — ñ", []Firma{f})
		if err := Sella(&c.Firmas[0], c.Texto, cred, SHA1); err != nil {
			t.Fatal(err)
		}
		tc.cambia(&c)
		var got []string
		for _, campo := range Sellos(c) {
			got = append(got, campo.Campo)
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
