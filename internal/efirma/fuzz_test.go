package efirma

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

// coherent checks what is true of every result: a signer or an *Error, never both.
func coherent(t *testing.T, c *Credential, err error) {
	var problem *Error
	switch {
	case err == nil && (c == nil || c.Signer == nil || c.RFC == ""):
		t.Errorf("accepted, but gave %+v", c)
	case err != nil && !errors.As(err, &problem):
		t.Errorf("error of type %T", err)
	case err != nil && (problem.Problem == "" || problem.Detail == ""):
		t.Errorf("refused without saying why: %v", err)
	case err != nil && c != nil && c.Signer != nil:
		t.Error("refused, but can sign")
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(nil), []byte(nil), []byte(nil))
	for _, p := range []autoridad.Request{{}, {RFC: odd}, {Tipo: autoridad.CSD}, {Encrypted: autoridad.AES256}} {
		e := issue(f, p)
		f.Add(e.CerDER, e.KeyDER, []byte(password))
		f.Add(e.CerDER, e.KeyDER, []byte("otra"))
		f.Add(
			pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: e.CerDER}),
			pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: e.KeyDER}),
			[]byte(password),
		)
	}
	e := issue(f, autoridad.Request{})
	pkcs1 := x509.MarshalPKCS1PrivateKey(e.Key)
	f.Add(e.CerDER, pkcs1, []byte(nil))
	f.Add(inUTF16(inPEM("X509 CERTIFICATE", e.CerDER), false, true), []byte(inPEM("RSA PRIVATE KEY", pkcs1)), inUTF16(password, true, true))
	f.Add(append(e.CerDER[:len(e.CerDER):len(e.CerDER)], 0), []byte("-----BEGIN RSA PRIVATE KEY-----\nDEK-Info: DES-CBC,0011223344556677\n\nAAAAAAAAAAA=\n"), []byte("\xf1"))
	for _, oid := range []asn1.ObjectIdentifier{oidPBEWithSHA13DES, oidPBEWithSHA12DES, oidPBEWithMD5DES, oidPBEWithSHA1DES} {
		info := encryptedPrivateKeyInfo{Algorithm: pkix.AlgorithmIdentifier{Algorithm: oid}, Data: make([]byte, 160)}
		info.Algorithm.Parameters.FullBytes = marshal(f, pbeParams{Salt: []byte("sal"), Iterations: 2})
		f.Add(e.CerDER, marshal(f, info), []byte("ñ"))
	}
	f.Fuzz(func(t *testing.T, cer, key, password []byte) {
		c, err := Load(cer, key, password, now)
		coherent(t, c, err)
		r := Check(Files{CerName: "a.cer", KeyName: "a.key", Cer: cer, Key: key, Password: password}, nil, now)
		if (len(r.Problems) == 0) != (err == nil) {
			t.Errorf("the check says %v, the loader %v", r.Problems, err)
		}
	})
}

// FuzzParseCertificate: the raw fields of a repaired certificate are the given bytes.
func FuzzParseCertificate(f *testing.F) {
	f.Add([]byte(nil))
	e := issue(f, autoridad.Request{RFC: odd})
	f.Add(e.CerDER)
	for _, tag := range []int{asn1.TagPrintableString, asn1.TagIA5String, asn1.TagUTF8String, asn1.TagBMPString, tagVisibleString} {
		f.Add(certify(f, &x509.Certificate{RawSubject: nameOf(f, oidName, tag, "PE\xd1A@"), KeyUsage: useEfirma}, e.Key.Public(), e.Key))
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		cert, err := ParseCertificate(der)
		if err != nil {
			return
		}
		if !bytes.Equal(cert.Raw, der) || !bytes.Contains(der, cert.RawTBSCertificate) || !bytes.Contains(der, cert.RawSubject) || !bytes.Contains(der, cert.RawIssuer) {
			t.Error("a raw field is not of what was given")
		}
		describe(cert)
	})
}

// FuzzExamine: examine ends, whatever the file holds.
func FuzzExamine(f *testing.F) {
	e := issue(f, autoridad.Request{})
	for _, s := range [][]byte{nil, e.CerDER, []byte(inPEM("CERTIFICATE", e.CerDER)), inUTF16(inPEM("CERTIFICATE", e.CerDER), true, true),
		[]byte("-----BEGIN A-----\nB: c\n\nMAA=\n-----END A-----"), []byte("MIIB"), {0x30, 0x84, 0xff, 0xff, 0xff, 0xff}} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		form := examine(content)
		if len(form.pieces) > maxPieces || form.surplus < 0 || form.surplus > len(content) {
			t.Errorf("%d pieces, %d bytes behind of %d", len(form.pieces), form.surplus, len(content))
		}
		for _, p := range form.pieces {
			if (p.cert != nil) && p.class != isCertificado || p.class == isLlave && p.llave == 0 {
				t.Errorf("an incoherent piece: %+v", p)
			}
		}
	})
}

func FuzzLoadPKCS12(f *testing.F) {
	e := treasure(f).emitidoInOne
	f.Add([]byte(nil), []byte(nil))
	for _, enc := range []*pkcs12.Encoder{pkcs12.LegacyRC2, pkcs12.LegacyDES, pkcs12.Modern2023, pkcs12.Modern2026} {
		f.Add(encode(f, enc, e, nil, password), []byte(password))
	}
	f.Add(encode(f, pkcs12.Passwordless, e, nil, ""), []byte(nil))
	f.Add(pfxOf(f, macData{}, encryptedLayer(f, 1, llaveIn(f, 1))), []byte(password))
	f.Fuzz(func(t *testing.T, pfx, password []byte) {
		c, err := LoadPKCS12(pfx, password, now)
		coherent(t, c, err)
	})
}
