package efirma

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"strings"
)

// attributeSET is one RDN. encoding/asn1 recognizes a SET by the type name's suffix.
type attributeSET []struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// short returns OpenSSL's name of an attribute, which most clients of the SAT use.
func short(oid string) string {
	switch oid {
	case "2.5.4.3":
		return "CN"
	case "2.5.4.5":
		return "serialNumber"
	case "2.5.4.6":
		return "C"
	case "2.5.4.7":
		return "L"
	case "2.5.4.8":
		return "ST"
	case "2.5.4.9":
		return "street"
	case "2.5.4.10":
		return "O"
	case "2.5.4.11":
		return "OU"
	case "2.5.4.17":
		return "postalCode"
	case "2.5.4.41":
		return "name"
	case "2.5.4.45":
		return "x500UniqueIdentifier"
	case "1.2.840.113549.1.9.1":
		return "emailAddress"
	case "1.2.840.113549.1.9.2":
		return "unstructuredName"
	}
	return oid
}

// issuerName writes the issuer as RFC 4514 does, but in the certificate's own order,
// which has the most years of use with the SAT; RFC 4514, 2.1, would reverse it. The
// attributes of a multi-valued RDN are joined by "+".
func issuerName(cert *x509.Certificate) string {
	// crypto/x509 decodes the values but loses the grouping.
	var rdns []attributeSET
	_, err := asn1.Unmarshal(cert.RawIssuer, &rdns)
	var b strings.Builder
	group, within := 0, 0
	for i, a := range cert.Issuer.Names {
		if i > 0 {
			if err == nil && within < len(rdns[group]) {
				b.WriteByte('+')
			} else {
				b.WriteByte(',')
				group, within = group+1, 0
			}
		}
		within++
		b.WriteString(short(a.Type.String()))
		b.WriteByte('=')
		b.WriteString(escape(fmt.Sprint(a.Value)))
	}
	return b.String()
}

// escape escapes a value (RFC 4514, 2.4). Control characters are in hexadecimal, because
// XML cannot carry them.
func escape(value string) string {
	var b strings.Builder
	for i, r := range value {
		switch {
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\%02X`, r)
			continue
		case strings.ContainsRune(`"+,;<>\`, r),
			i == 0 && (r == ' ' || r == '#'),
			i == len(value)-1 && r == ' ':
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
