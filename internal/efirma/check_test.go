package efirma_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/efirma"
)

// The sandbox's authority cannot be the SAT. Only names are checked, because the SAT's
// own certificates are not available to the test.
func TestCheck_WhenTheIssuerIsNamedLikeTheSAT(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		issuer pkix.Name
		serial string
		want   []string
	}{
		"production":         {pkix.Name{CommonName: "AUTORIDAD CERTIFICADORA", Organization: []string{"SERVICIO DE ADMINISTRACION TRIBUTARIA"}}, "00001000000500003415", nil},
		"with an accent":     {pkix.Name{CommonName: "A.C. del Servicio de Administración Tributaria", Organization: []string{"Servicio de Administración Tributaria"}}, "00001000000500003415", nil},
		"tests, by serial":   {pkix.Name{CommonName: "AC", Organization: []string{"SERVICIO DE ADMINISTRACION TRIBUTARIA"}}, "30001000000500003415", []string{efirma.AvisoDePruebas}},
		"tests, by name":     {pkix.Name{CommonName: "AC UAT", Organization: []string{"SERVICIO DE ADMINISTRACION TRIBUTARIA"}}, "00001000000500003415", []string{efirma.AvisoDePruebas}},
		"a company":          {pkix.Name{CommonName: "ACME CA", Organization: []string{"ACME"}}, "00001000000500003415", []string{efirma.AvisoEmisor}},
		"nobody":             {pkix.Name{}, "00001000000500003415", []string{efirma.AvisoEmisor}},
		"one that says more": {pkix.Name{Organization: []string{"NO ES EL SERVICIO DE ADMINISTRACION TRIBUTARIA"}}, "00001000000500003415", []string{efirma.AvisoEmisor}},
	} {
		t.Run(name, func(t *testing.T) {
			template := &x509.Certificate{SerialNumber: new(big.Int).SetBytes([]byte(tt.serial)), NotBefore: now.AddDate(0, -1, 0), NotAfter: now.AddDate(1, 0, 0),
				Subject:  pkix.Name{CommonName: "EMPRESA", ExtraNames: []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{2, 5, 4, 45}, Value: "PRU010101AB1"}}},
				KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment | x509.KeyUsageDataEncipherment | x509.KeyUsageKeyAgreement}
			der, err := x509.CreateCertificate(rand.Reader, template, &x509.Certificate{Subject: tt.issuer}, key.Public(), key)
			if err != nil {
				t.Fatal(err)
			}
			open, err := x509.MarshalPKCS8PrivateKey(key)
			if err != nil {
				t.Fatal(err)
			}
			r := efirma.Check(efirma.Files{CerName: "e.cer", KeyName: "e.key", Cer: der, Key: open}, nil, now)
			var got []string
			for _, a := range r.Avisos {
				if a.Codigo != efirma.AvisoUnencrypted && a.Codigo != efirma.AvisoUnchecked {
					got = append(got, a.Codigo)
				}
			}
			if len(r.Problems) > 0 || !slices.Equal(got, tt.want) {
				t.Errorf("problems %v, told %v, want %v", r.Problems, got, tt.want)
			}
			if r.Credential == nil || r.Credential.Signer != nil {
				t.Error("a review hands out metadata, and no signer")
			}
		})
	}
}
