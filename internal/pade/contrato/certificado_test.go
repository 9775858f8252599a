package contrato

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"testing"
)

// Go refuses an "@" in a PrintableString, and OpenSSL, which the certificate's owner
// has, does not.
func TestCertificado_WhenItsNameIsBadlyEncoded(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "correo.sat.mx"}, NotBefore: now, NotAfter: now.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der = bytes.ReplaceAll(der, []byte("correo.sat.mx"), []byte("correo@sat.mx"))
	if _, err := x509.ParseCertificate(der); err == nil {
		t.Fatal("Go reads it, so this tests nothing")
	}
	cert, _, ok := certificado(Firma{Certificado: base64.StdEncoding.EncodeToString(der)})
	if !ok || !bytes.Equal(cert.Raw, der) {
		t.Error("it is not read as it is")
	}
}
