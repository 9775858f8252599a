package efirma

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
)

// nameOf is a name with the RFC and another attribute, whose bytes and type may disagree.
func nameOf(t testing.TB, oid asn1.ObjectIdentifier, tag int, text string) []byte {
	t.Helper()
	rfc := asn1.RawValue{Tag: asn1.TagPrintableString, Bytes: []byte(company)}
	return marshal(t, []attributeSET{{{oidUniqueIdentifier, rfc}}, {{oid, asn1.RawValue{Tag: tag, Bytes: []byte(text)}}}})
}

func TestLoad_WhenNamesAreBadlyEncoded(t *testing.T) {
	key := treasure(t).one
	correo := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}
	for name, tt := range map[string]struct {
		oid        asn1.ObjectIdentifier
		tag        int
		text       string
		want       string // the text as read
		aviso      bool
		unreadable bool
	}{
		"@ in PrintableString":          {correo, asn1.TagPrintableString, "a@b.mx", "a@b.mx", true, false},
		"_ in PrintableString":          {oidName, asn1.TagPrintableString, "A_B", "A_B", true, false},
		"ñ in PrintableString, Latin-1": {oidName, asn1.TagPrintableString, "PE\xd1A", "PEÑA", true, false},
		"ñ in PrintableString, UTF-8":   {oidName, asn1.TagPrintableString, "PEÑA", "PEÑA", true, false},
		"ñ in IA5String, UTF-8":         {correo, asn1.TagIA5String, "ñ@b.mx", "ñ@b.mx", true, false},
		"ñ in IA5String, Latin-1":       {correo, asn1.TagIA5String, "\xf1@b.mx", "ñ@b.mx", true, false},
		"Latin-1 in UTF8String":         {oidName, asn1.TagUTF8String, "PE\xd1A", "PEÑA", true, false},
		"letters in NumericString":      {oidName, asn1.TagNumericString, "12A", "12A", true, false},
		"VisibleString":                 {oidName, tagVisibleString, "ACME", "ACME", true, false},
		"GeneralString, Latin-1":        {oidName, asn1.TagGeneralString, "PE\xd1A", "PEÑA", true, false},
		"GraphicString":                 {oidName, tagGraphicString, "ACME", "ACME", true, false},
		"VideotexString":                {oidName, tagVideotexString, "ACME", "ACME", true, false},
		"T61String, which is Latin-1":   {oidName, asn1.TagT61String, "PE\xd1A", "PEÑA", false, false},
		"BMPString":                     {oidName, asn1.TagBMPString, "\x00P\x00E\x00\xd1\x00A", "PEÑA", false, false},
		"& in PrintableString":          {oidName, asn1.TagPrintableString, "A&B", "A&B", false, false},
		"BMPString of half a character": {oidName, asn1.TagBMPString, "\x00P\x00", "", false, true},
		"UniversalString":               {oidName, 28, "\x00\x00\x00P", "", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			cer := certify(t, &x509.Certificate{RawSubject: nameOf(t, tt.oid, tt.tag, tt.text), KeyUsage: useEfirma}, key.Public(), key)
			files := Files{CerName: "e.cer", KeyName: "e.key", Cer: cer, Key: treasure(t).emitidoInOne.KeyDER, Password: []byte(password)}
			r := Check(files, nil, now)
			if tt.unreadable {
				if len(r.Problems) != 1 || r.Problems[0].Problem != CerIlegible || !strings.Contains(r.Problems[0].Detail, "tiene la estructura de un X.509, y algo en él está mal codificado") {
					t.Fatalf("%v", r.Problems)
				}
				if _, err := ParseCertificate(cer); err == nil {
					t.Error("it is read elsewhere")
				}
				return
			}
			want := ""
			if tt.aviso {
				want = AvisoNames
			}
			if len(r.Problems) > 0 || avisosOf(r) != want {
				t.Fatalf("problems %v, told %v, want %q", r.Problems, r.Avisos, want)
			}
			if tt.aviso && !strings.Contains(r.Avisos[0].Text, "("+short(tt.oid.String())+")") {
				t.Errorf("told %q", r.Avisos[0].Text)
			}
			if got := attribute(r.Credential.Certificate, tt.oid); got != tt.want {
				t.Errorf("read %q, want %q", got, tt.want)
			}
			ofOriginal(t, r.Credential, cer)
		})
	}
}

// ofOriginal checks that everything sent or verified is the bytes that were signed.
func ofOriginal(t *testing.T, c *Credential, cer []byte) {
	t.Helper()
	cert := c.Certificate
	if !bytes.Equal(cert.Raw, cer) || c.CertificateBase64 != base64.StdEncoding.EncodeToString(cer) {
		t.Error("the certificate is not the one that was given")
	}
	if !bytes.Contains(cer, cert.RawTBSCertificate) || !bytes.Contains(cer, cert.RawSubject) || !bytes.Contains(cer, cert.RawIssuer) {
		t.Error("a raw field is of the repaired copy")
	}
	if !signedBy(cert, cert) {
		t.Error("its signature does not verify")
	}
	other, err := ParseCertificate(cer)
	if err != nil || !other.Equal(cert) {
		t.Errorf("ParseCertificate: %v", err)
	}
	if c.IssuerName != issuerName(other) || c.RFC != company {
		t.Errorf("issuer %q of %s", c.IssuerName, c.RFC)
	}
}

func TestParseCertificate_WhenItIsNone(t *testing.T) {
	e := treasure(t).emitidoInOne
	for name, der := range map[string][]byte{
		"nothing": nil, "a key": e.KeyDER, "cut": e.CerDER[:700], "bytes behind": append(e.CerDER[:len(e.CerDER):len(e.CerDER)], 0),
	} {
		if cert, err := ParseCertificate(der); err == nil {
			t.Errorf("%s: %v", name, cert.Subject)
		}
	}
	if cert, err := ParseCertificate(e.CerDER); err != nil || !cert.Equal(e.Certificate) {
		t.Error(err)
	}
	if cert, err := ParseCertificate(certify(t, &x509.Certificate{SerialNumber: big.NewInt(1)}, e.Key.Public(), e.Key)); err != nil || cert.SerialNumber.Int64() != 1 {
		t.Error(err)
	}
}
