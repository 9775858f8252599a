package contrato

import (
	"crypto/sha1" //nolint:gosec // the PAC's annex computes the Hash with it
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// Contrato is the document that is signed.
type Contrato struct {
	// Fecha is when the signature is asked for, gateway.FechaFormat.
	Fecha string
	// Hash is Hash(Text).
	Hash string
	// Text is the contract, exactly as hashed and sealed.
	Text   string
	Firmas []Firma
}

// Firma is one party with its signature. Which attributes it has depends on the
// operation and the party; the others are empty (pade.md §4.1).
type Firma struct {
	// Who is Cliente, the integrator's Initials, or PCCFDI.
	Who, RFC, Name, RepLegalRFC, RepLegal string
	// Facultad is the power by which the representative signs; adhesion only.
	Facultad string
	// CertificadoSerie is the certificate's number of 20 digits, Certificado its
	// DER and Sello the signature, both base64 in one line.
	CertificadoSerie, Certificado, Sello         string
	Initials                                     string
	CalleNumero, Colonia, Ciudad, Estado         string
	CodigoPostal, NombreSoftware, URLInformacion string
	// Other are attributes that the PAC's document does not name, in their order.
	Other []Attribute
}

// Attribute is one of the attributes that are not known.
type Attribute struct{ Name, Value string }

// The parties that Who names with a fixed word.
const (
	Cliente = "Cliente"
	PCCFDI  = "PCCFDI"
)

// New makes a Contrato of its parts: line ends of text become LF before it is
// hashed, since the PAC's parser would do it after (pade.md §4.2). What is sealed
// must be its Text, not the text given here.
func New(fecha, text string, firmas []Firma) Contrato {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	return Contrato{Fecha: fecha, Hash: Hash(text), Text: text, Firmas: slices.Clone(firmas)}
}

// Hash is the SHA-1 of the UTF-8 bytes of text as .NET's BitConverter prints
// it: upper-case pairs joined by hyphens, 59 characters (pade.md §4.2). text is
// taken as it is.
func Hash(text string) string {
	sum := sha1.Sum([]byte(text)) //nolint:gosec // as above; it protects nothing
	return strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", "-")
}

// Identity derives the identity by which a contract is not sent twice when the
// caller gives no key: the operation, the Hash of the text, who signs (RFC and
// CertificadoSerie of each Firma, in any order) and whether it is a trial
// (pade.md §3.3). It is 64 hexadecimal digits and tells nothing of its parts.
func Identity(c Contrato, op gateway.FirmaOperation, modoPrueba bool) string {
	who := make([]string, 0, len(c.Firmas))
	for _, f := range c.Firmas {
		who = append(who, fmt.Sprintf("%q %q", f.RFC, f.CertificadoSerie))
	}
	slices.Sort(who)
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %s %t %q", op, Hash(c.Text), modoPrueba, who))
	return hex.EncodeToString(sum[:])
}

// attribute is a named attribute of a Firma with its field in the REST contract.
type attribute struct {
	name, field string
	value       *string
}

func (f *Firma) attributes() []attribute {
	return []attribute{
		{"Quien", "quien", &f.Who},
		{"RFC", "rfc", &f.RFC},
		{"Nombre", "nombre", &f.Name},
		{"RepLegalRFC", "repLegalRfc", &f.RepLegalRFC},
		{"RepLegal", "repLegal", &f.RepLegal},
		{"Facultad", "facultad", &f.Facultad},
		{"CertificadoSerie", "certificadoSerie", &f.CertificadoSerie},
		{"Certificado", "certificado", &f.Certificado},
		{"Sello", "sello", &f.Sello},
		{"Siglas", "siglas", &f.Initials},
		{"CalleNumero", "calleNumero", &f.CalleNumero},
		{"Colonia", "colonia", &f.Colonia},
		{"Ciudad", "ciudad", &f.Ciudad},
		{"Estado", "estado", &f.Estado},
		{"CodigoPostal", "codigoPostal", &f.CodigoPostal},
		{"NombreSoftware", "nombreSoftware", &f.NombreSoftware},
		{"URLInformacion", "urlInformacion", &f.URLInformacion},
	}
}

func (f *Firma) attribute(name string) (attribute, bool) {
	all := f.attributes()
	i := slices.IndexFunc(all, func(a attribute) bool { return a.name == name })
	if i < 0 {
		return attribute{}, false
	}
	return all[i], true
}

// order is which attributes the Firma of a party has in an operation, in the
// order of the PAC's examples. firmarManifiesto is firmar without an account.
func order(op gateway.FirmaOperation, f Firma) []string {
	part := []string{"Quien", "RFC", "Nombre", "RepLegalRFC", "RepLegal", "CertificadoSerie", "Certificado", "Sello"}
	switch {
	case op == gateway.FirmaAdhesion:
		return []string{"Quien", "Sello", "CertificadoSerie", "Certificado", "Nombre", "RepLegal", "Facultad",
			"CalleNumero", "Colonia", "Ciudad", "Estado", "CodigoPostal"}
	case f.Who == Cliente:
		return part
	}
	return append(part, "Siglas", "CalleNumero", "Colonia", "Ciudad", "Estado", "CodigoPostal", "NombreSoftware", "URLInformacion")
}

// persona tells whether a party signs for itself: it is a person, by the 13
// characters of its RFC, and so needs no representative.
func (f *Firma) persona() bool {
	rfc := f.RFC
	if rfc == "" {
		if _, titular, ok := certificado(*f); ok {
			rfc = titular.RFC
		}
	}
	return utf8.RuneCountInString(rfc) == 13
}
