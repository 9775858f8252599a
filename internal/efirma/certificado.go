package efirma

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"regexp"
	"strings"
)

const minBits = 2048

// The subject attributes in which the SAT identifies the taxpayer.
var (
	oidCommonName       = asn1.ObjectIdentifier{2, 5, 4, 3}
	oidSerialNumber     = asn1.ObjectIdentifier{2, 5, 4, 5} // the CURP
	oidOrganization     = asn1.ObjectIdentifier{2, 5, 4, 10}
	oidName             = asn1.ObjectIdentifier{2, 5, 4, 41}
	oidUniqueIdentifier = asn1.ObjectIdentifier{2, 5, 4, 45} // the RFC
)

var (
	rfcForm    = regexp.MustCompile(`^[A-ZÑ&]{3,4}[0-9]{6}[A-Z0-9]{3}$`)
	curpForm   = regexp.MustCompile(`^[A-ZÑ]{4}[0-9]{6}[A-Z]{6}[A-Z0-9]{2}$`)
	serialForm = regexp.MustCompile(`^[0-9]{20}$`)
)

const (
	useSello   = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
	useEncrypt = x509.KeyUsageDataEncipherment | x509.KeyUsageKeyAgreement
	useEfirma  = useSello | useEncrypt
)

// class refuses a certificate that is not an e.firma.
func class(cert *x509.Certificate, c *Credential, file string) *Error {
	use := cert.KeyUsage & useEfirma
	switch {
	case cert.IsCA:
		return falla(NoEsEfirma, nil, "El certificado (%s) es de una autoridad certificadora, no de un contribuyente.", file)
	case c.RFC == "" && use == useEfirma:
		return falla(SinRFC, nil, "El certificado (%s) no dice de qué RFC es, así que no sirve para firmar ante el SAT.", file)
	case c.RFC == "":
		return falla(NoEsEfirma, nil, "El certificado (%s) no es una e.firma del SAT: no tiene RFC ni los usos de llave de una e.firma.", file)
	case isCSD(cert):
		return falla(EsCSD, nil, "El certificado (%s) es un certificado de sello digital (CSD). El servicio de descarga exige la e.firma: use el .cer y el .key de la e.firma.", file)
	case use != useEfirma:
		return falla(NoEsEfirma, nil, "El certificado (%s) no tiene los usos de llave de una e.firma.", file)
	case !serialForm.MatchString(c.Serial):
		return falla(NoEsEfirma, nil, "El certificado (%s) no tiene un número de serie del SAT (20 dígitos).", file)
	}
	public, ok := cert.PublicKey.(*rsa.PublicKey)
	switch {
	case !ok:
		return falla(NoEsEfirma, nil, "La llave del certificado (%s) no es RSA; las del SAT lo son.", file)
	case public.N.BitLen() < minBits:
		return falla(LlaveDebil, nil, "La llave del certificado (%s) es de %d bits; se exigen al menos %d. Renueve la e.firma en el SAT.", file, public.N.BitLen(), minBits)
	}
	return nil
}

// isCSD recognizes a CSD by two public rules: its subject has an organizational unit (the
// branch that it seals for), and its key usage is signing alone, while an e.firma may
// also encipher data and agree on keys. Either rule suffices: without this check the SAT
// would answer the unspecific 305. Every public test certificate satisfies both rules or
// neither.
func isCSD(cert *x509.Certificate) bool {
	return unit(cert) || cert.KeyUsage&useEfirma == useSello
}

func unit(cert *x509.Certificate) bool {
	for _, ou := range cert.Subject.OrganizationalUnit {
		if strings.TrimSpace(ou) != "" {
			return true
		}
	}
	return false
}

// rfcs returns the holder's RFC and a representative's. A company's certificate has "RFC
// / RFC", a person's just the RFC.
func rfcs(cert *x509.Certificate) (titular, representante string) {
	titular, representante, _ = strings.Cut(attribute(cert, oidUniqueIdentifier), "/")
	titular, representante = normalise(titular), normalise(representante)
	if !rfcForm.MatchString(titular) {
		return "", ""
	}
	if representante == titular || !rfcForm.MatchString(representante) {
		representante = ""
	}
	return titular, representante
}

// normalise returns one spelling of an RFC. Only Ñ has a decomposed form, which some file
// systems use in names, so this equals Unicode's NFC for RFCs.
func normalise(rfc string) string {
	return strings.ReplaceAll(strings.ToUpper(strings.TrimSpace(rfc)), "N\u0303", "Ñ")
}

// curp returns the CURP from "CURP" or, for a company, from " / CURP".
func curp(cert *x509.Certificate) string {
	for part := range strings.SplitSeq(attribute(cert, oidSerialNumber), "/") {
		if part = normalise(part); curpForm.MatchString(part) {
			return part
		}
	}
	return ""
}

func name(cert *x509.Certificate) string {
	for _, oid := range []asn1.ObjectIdentifier{oidName, oidCommonName, oidOrganization} {
		if value := strings.TrimSpace(attribute(cert, oid)); value != "" {
			return value
		}
	}
	return ""
}

// serial returns the bytes of the serial number as text, as all certificates of the SAT
// have them, or in hexadecimal if they are not text.
func serial(cert *x509.Certificate) string {
	if text := string(cert.SerialNumber.Bytes()); serialForm.MatchString(text) {
		return text
	}
	return cert.SerialNumber.Text(16)
}

func attribute(cert *x509.Certificate, oid asn1.ObjectIdentifier) string {
	for _, a := range cert.Subject.Names {
		if text, ok := a.Value.(string); ok && a.Type.Equal(oid) {
			return text
		}
	}
	return ""
}
