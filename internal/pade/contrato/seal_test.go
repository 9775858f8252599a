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

func TestSeal_WhenVerifiedByOpenSSL(t *testing.T) {
	cred := credential(t, company)
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for digest, name := range map[Digest]string{"": "-sha256", SHA256: "-sha256", SHA1: "-sha1"} {
		f := Firma{Who: Cliente, RFC: company}
		if err := Seal(&f, text, cred, digest); err != nil {
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
		cer := file("cer.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		public := file("publica.pem", []byte(program(t, "openssl", "x509", "-in", cer, "-pubkey", "-noout")))
		out := program(t, "openssl", "dgst", name, "-verify", public, "-signature", file("sello", sello), file("texto", []byte(text)))
		if !strings.Contains(out, "Verified OK") {
			t.Errorf("%q: openssl says %s", digest, out)
		}
		if len(f.CertificadoSerie) != 20 || !strings.HasPrefix(f.CertificadoSerie, "3000100000") {
			t.Errorf("serie = %q, want the 20 digits", f.CertificadoSerie)
		}
	}
}

func TestSeal_WhenRefused(t *testing.T) {
	cred := credential(t, company)
	withoutLlave := *cred
	withoutLlave.Signer = nil
	for name, tt := range map[string]struct {
		f       Firma
		cred    *efirma.Credential
		digest  Digest
		invalid bool
	}{
		"no e.firma":         {Firma{}, nil, SHA256, false},
		"no key":             {Firma{}, &withoutLlave, SHA256, false},
		"unknown digest":     {Firma{}, cred, "md5", true},
		"e.firma of another": {Firma{RFC: integrador, RepLegalRFC: persona}, cred, SHA256, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := tt.f
			err := Seal(&f, text, tt.cred, tt.digest)
			if err == nil || gateway.IsKind(err, gateway.KindInvalida) != tt.invalid {
				t.Errorf("err = %v, want invalid: %t", err, tt.invalid)
			}
			if diff := cmp.Diff(tt.f, f); diff != "" {
				t.Errorf("refused and changed: %s", diff)
			}
		})
	}
	f := Firma{RFC: company, RepLegalRFC: persona}
	if err := Seal(&f, text, credential(t, persona), SHA256); err != nil {
		t.Errorf("the representative may sign: %v", err)
	}
}

func TestConfirm_WhenSigned(t *testing.T) {
	sealed := func(envelope string, d Digest) Firma {
		var f Firma
		if err := Seal(&f, envelope, credential(t, company), d); err != nil {
			t.Fatal(err)
		}
		return f
	}
	for want, f := range map[string]Firma{
		"sha256 del texto": sealed(text, SHA256),
		"sha1 del texto":   sealed(text, SHA1),
		"sha256 del hash":  sealed(Hash(text), SHA256),
		"sha1 del hash":    sealed(Hash(text), SHA1),
	} {
		got, ok := Confirm(f, text)
		if !ok || got.String() != want {
			t.Errorf("%v %t, want %s", got, ok, want)
		}
		f.Sello = f.Sello[:76] + "\r\n" + f.Sello[76:]
		if got, ok := Confirm(f, text); !ok || got.String() != want {
			t.Errorf("in two lines: %v %t, want %s", got, ok, want)
		}
		if got, ok := Confirm(f, text+" "); ok {
			t.Errorf("%s of another text: %v", want, got)
		}
	}
	good := sealed(text, SHA256)
	csd := Firma{Sello: good.Sello, Certificado: base64.StdEncoding.EncodeToString(corpus(t).csd.CerDER)}
	if _, ok := Confirm(csd, text); !ok { // it has the same key
		t.Error("a CSD is not refused here")
	}
	for name, f := range map[string]Firma{
		"nothing":         {},
		"no certificate":  {Sello: good.Sello},
		"no DER":          {Sello: good.Sello, Certificado: "AAAA"},
		"no base64":       {Sello: "¡!", Certificado: good.Certificado},
		"no Sello at all": {Certificado: good.Certificado},
	} {
		if got, ok := Confirm(f, text); ok {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestSellos_WhenOneIsNotOfTheTextOrOfTheParty(t *testing.T) {
	cred := credential(t, persona)
	for name, tc := range map[string]struct {
		change func(*Contrato)
		want   string
	}{
		"right":                         {func(*Contrato) {}, ""},
		"right, of the representative":  {func(c *Contrato) { c.Firmas[0].RFC, c.Firmas[0].RepLegalRFC = company, cred.RFC }, ""},
		"of nobody who signs":           {func(c *Contrato) { c.Firmas[0].RFC = company }, "firmas/0/certificado"},
		"of another text":               {func(c *Contrato) { c.Text += "." }, "firmas/0/sello"},
		"of somebody else, and changed": {func(c *Contrato) { c.Firmas[0].RFC, c.Text = company, "x" }, "firmas/0/sello firmas/0/certificado"},
	} {
		f := Firma{Who: Cliente, RFC: cred.RFC}
		c := New("2026-05-20T10:00:00", "Un texto — ñ", []Firma{f})
		if err := Seal(&c.Firmas[0], c.Text, cred, SHA1); err != nil {
			t.Fatal(err)
		}
		tc.change(&c)
		var got []string
		for _, field := range Sellos(c) {
			got = append(got, field.Campo)
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
