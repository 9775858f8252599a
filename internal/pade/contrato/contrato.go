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
	// Fecha is when the signature is requested, in gateway.FechaFormat.
	Fecha string
	// Hash is Hash(Text).
	Hash string
	// Text is the contract, exactly as hashed and sealed.
	Text   string
	Firmas []Firma
}

// Firma is one party with its signature. Its attributes depend on the operation and the
// party; the others are empty (pade.md §4.1).
type Firma struct {
	// Who is Cliente, Initials (the integrator) or PCCFDI.
	Who, RFC, Name, RepLegalRFC, RepLegal string
	// Facultad is the representative's power to sign; adhesion only.
	Facultad string
	// CertificadoSerie is the certificate's number of 20 digits. Certificado is its DER
	// and Sello the signature, both in one line of base64.
	CertificadoSerie, Certificado, Sello         string
	Initials                                     string
	CalleNumero, Colonia, Ciudad, Estado         string
	CodigoPostal, NombreSoftware, URLInformacion string
	// Other holds the attributes that the PAC's document does not name, in order.
	Other []Attribute
}

// Attribute is an unknown attribute.
type Attribute struct{ Name, Value string }

// The parties for which Who has a fixed word.
const (
	Cliente = "Cliente"
	PCCFDI  = "PCCFDI"
)

// New returns a Contrato of its parts. Line ends of text become LF before hashing,
// because the PAC's parser would change them later (pade.md §4.2). Seal its Text, not the
// text given here.
func New(fecha, text string, firmas []Firma) Contrato {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	return Contrato{Fecha: fecha, Hash: Hash(text), Text: text, Firmas: slices.Clone(firmas)}
}

// Hash returns the SHA-1 of text's UTF-8 bytes as .NET's BitConverter prints it:
// upper-case pairs joined by hyphens, 59 characters (pade.md §4.2). It does not normalize
// text.
func Hash(text string) string {
	sum := sha1.Sum([]byte(text)) //nolint:gosec // as above; it protects nothing
	return strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", "-")
}

// Identity returns the identity by which a contract is sent only once if the caller gives
// no key. It covers the operation, the text's Hash, the signers (RFC and CertificadoSerie
// of each Firma, in any order) and whether it is a trial (pade.md §3.3). It is 64
// hexadecimal digits and reveals none of these.
func Identity(c Contrato, op gateway.FirmaOperation, modoPrueba bool) string {
	who := make([]string, 0, len(c.Firmas))
	for _, f := range c.Firmas {
		who = append(who, fmt.Sprintf("%q %q", f.RFC, f.CertificadoSerie))
	}
	slices.Sort(who)
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %s %t %q", op, Hash(c.Text), modoPrueba, who))
	return hex.EncodeToString(sum[:])
}

// attribute is an attribute of a Firma and its field in the REST contract.
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

// order returns the attributes of a party's Firma in an operation, in the order of the
// PAC's examples. firmarManifiesto equals firmar without an account.
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

// persona reports whether a party is a person, by the 13 characters of its RFC, and so
// needs no representative.
func (f *Firma) persona() bool {
	rfc := f.RFC
	if rfc == "" {
		if _, titular, ok := certificado(*f); ok {
			rfc = titular.RFC
		}
	}
	return utf8.RuneCountInString(rfc) == 13
}
