package efirma

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"strings"
	"unicode/utf8"
)

// certificadoDER is RFC 5280, 4.1, as far as needed to locate its parts.
type certificadoDER struct {
	TBS struct {
		Raw       asn1.RawContent
		Version   int `asn1:"optional,explicit,default:0,tag:0"`
		Serial    asn1.RawValue
		Signature pkix.AlgorithmIdentifier
		Issuer    asn1.RawValue
		Validity  struct{ NotBefore, NotAfter asn1.RawValue }
		Subject   asn1.RawValue
		Key       publicKeyInfo
	}
	Algorithm pkix.AlgorithmIdentifier
	Signature asn1.BitString
}

// The string types of X.680 that encoding/asn1 does not name.
const (
	tagVideotexString = 21
	tagGraphicString  = 25
	tagVisibleString  = 26
)

// ParseCertificate parses one DER certificate like x509.ParseCertificate. Like OpenSSL,
// it also reads names whose text does not fit the declared type, such as an "@" in a
// PrintableString or an "ñ" in an IA5String. Raw and the other raw fields keep the given
// bytes.
func ParseCertificate(der []byte) (*x509.Certificate, error) {
	var parts certificadoDER
	if rest, err := asn1.Unmarshal(der, &parts); err != nil || len(rest) > 0 {
		return x509.ParseCertificate(der) // for its error
	}
	cert, _, err := certificado(der, parts)
	return cert, err
}

// certificado parses the certificate with the given parts, and returns the names of the
// attributes that it had to repair.
func certificado(der []byte, parts certificadoDER) (*x509.Certificate, []string, error) {
	cert, err := x509.ParseCertificate(der)
	if err == nil {
		return cert, nil, nil
	}
	// Types are changed in place in a copy, so no length changes. The signed bytes stay
	// as they are for verification, comparison and sending.
	clone := slices.Clone(der)
	var its certificadoDER
	if _, errCopy := asn1.Unmarshal(clone, &its); errCopy != nil {
		return nil, nil, err
	}
	repaired := slices.Concat(repair(its.TBS.Issuer.FullBytes), repair(its.TBS.Subject.FullBytes))
	if len(repaired) == 0 {
		return nil, nil, err
	}
	if cert, err = x509.ParseCertificate(clone); err != nil {
		return nil, nil, err
	}
	cert.Raw, cert.RawTBSCertificate = slices.Clone(der), slices.Clone([]byte(parts.TBS.Raw))
	cert.RawIssuer, cert.RawSubject = slices.Clone(parts.TBS.Issuer.FullBytes), slices.Clone(parts.TBS.Subject.FullBytes)
	slices.Sort(repaired)
	return cert, slices.Compact(repaired), nil
}

// repair changes the type of each text of a name to one that admits it, in place:
// UTF8String if the bytes are UTF-8, and otherwise T61String, which Go reads as Latin-1.
func repair(name []byte) (repaired []string) {
	var rdns []attributeSET
	if _, err := asn1.Unmarshal(name, &rdns); err != nil {
		return nil
	}
	for _, rdn := range rdns {
		for _, a := range rdn {
			if a.Value.Class != asn1.ClassUniversal || a.Value.IsCompound || admit(a.Value.Tag, a.Value.Bytes) {
				continue
			}
			tag := asn1.TagT61String
			if utf8.Valid(a.Value.Bytes) {
				tag = asn1.TagUTF8String
			}
			a.Value.FullBytes[0] = byte(tag)
			repaired = append(repaired, short(a.Type.String()))
		}
	}
	return repaired
}

// admit reports whether a string type admits the text, or cannot be repaired.
func admit(tag int, text []byte) bool {
	switch tag {
	case asn1.TagPrintableString:
		return !bytes.ContainsFunc(text, func(r rune) bool {
			letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
			return !letter && !strings.ContainsRune(" '()+,-./:=?*&", r) // Go admits the last two
		})
	case asn1.TagIA5String:
		return !bytes.ContainsFunc(text, func(r rune) bool { return r > 0x7f })
	case asn1.TagNumericString:
		return !bytes.ContainsFunc(text, func(r rune) bool { return r != ' ' && (r < '0' || '9' < r) })
	case asn1.TagUTF8String:
		return utf8.Valid(text)
	case tagVideotexString, tagGraphicString, tagVisibleString, asn1.TagGeneralString:
		return false // Go reads none of these
	}
	return true
}
