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
	// Fecha is when the signature is asked for, gateway.FormatoFecha.
	Fecha string
	// Hash is Hash(Texto).
	Hash string
	// Texto is the contract, exactly as hashed and sealed.
	Texto  string
	Firmas []Firma
}

// Firma is one party with its signature. Which attributes it has depends on the
// operation and the party; the others are empty (pade.md §4.1).
type Firma struct {
	// Quien is Cliente, the integrator's Siglas, or PCCFDI.
	Quien, RFC, Nombre, RepLegalRFC, RepLegal string
	// Facultad is the power by which the representative signs; adhesion only.
	Facultad string
	// CertificadoSerie is the certificate's number of 20 digits, Certificado its
	// DER and Sello the signature, both base64 in one line.
	CertificadoSerie, Certificado, Sello         string
	Siglas                                       string
	CalleNumero, Colonia, Ciudad, Estado         string
	CodigoPostal, NombreSoftware, URLInformacion string
	// Otros are attributes that the PAC's document does not name, in their order.
	Otros []Atributo
}

// Atributo is one of the attributes that are not known.
type Atributo struct{ Nombre, Valor string }

// The parties that Quien names with a fixed word.
const (
	Cliente = "Cliente"
	PCCFDI  = "PCCFDI"
)

// Nuevo makes a Contrato of its parts: line ends of texto become LF before it is
// hashed, since the PAC's parser would do it after (pade.md §4.2). What is sealed
// must be its Texto, not the texto given here.
func Nuevo(fecha, texto string, firmas []Firma) Contrato {
	texto = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(texto)
	return Contrato{Fecha: fecha, Hash: Hash(texto), Texto: texto, Firmas: slices.Clone(firmas)}
}

// Hash is the SHA-1 of the UTF-8 bytes of texto as .NET's BitConverter prints
// it: upper-case pairs joined by hyphens, 59 characters (pade.md §4.2). texto is
// taken as it is.
func Hash(texto string) string {
	sum := sha1.Sum([]byte(texto)) //nolint:gosec // as above; it protects nothing
	return strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", "-")
}

// Identidad derives the identity by which a contract is not sent twice when the
// caller gives no key: the operation, the Hash of the text, who signs (RFC and
// CertificadoSerie of each Firma, in any order) and whether it is a trial
// (pade.md §3.3). It is 64 hexadecimal digits and tells nothing of its parts.
func Identidad(c Contrato, op gateway.OperacionFirma, modoPrueba bool) string {
	quienes := make([]string, 0, len(c.Firmas))
	for _, f := range c.Firmas {
		quienes = append(quienes, fmt.Sprintf("%q %q", f.RFC, f.CertificadoSerie))
	}
	slices.Sort(quienes)
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %s %t %q", op, Hash(c.Texto), modoPrueba, quienes))
	return hex.EncodeToString(sum[:])
}

// atributo is a named attribute of a Firma with its field in the REST contract.
type atributo struct {
	nombre, campo string
	valor         *string
}

func (f *Firma) atributos() []atributo {
	return []atributo{
		{"Quien", "quien", &f.Quien},
		{"RFC", "rfc", &f.RFC},
		{"Nombre", "nombre", &f.Nombre},
		{"RepLegalRFC", "repLegalRfc", &f.RepLegalRFC},
		{"RepLegal", "repLegal", &f.RepLegal},
		{"Facultad", "facultad", &f.Facultad},
		{"CertificadoSerie", "certificadoSerie", &f.CertificadoSerie},
		{"Certificado", "certificado", &f.Certificado},
		{"Sello", "sello", &f.Sello},
		{"Siglas", "siglas", &f.Siglas},
		{"CalleNumero", "calleNumero", &f.CalleNumero},
		{"Colonia", "colonia", &f.Colonia},
		{"Ciudad", "ciudad", &f.Ciudad},
		{"Estado", "estado", &f.Estado},
		{"CodigoPostal", "codigoPostal", &f.CodigoPostal},
		{"NombreSoftware", "nombreSoftware", &f.NombreSoftware},
		{"URLInformacion", "urlInformacion", &f.URLInformacion},
	}
}

func (f *Firma) atributo(nombre string) (atributo, bool) {
	todos := f.atributos()
	i := slices.IndexFunc(todos, func(a atributo) bool { return a.nombre == nombre })
	if i < 0 {
		return atributo{}, false
	}
	return todos[i], true
}

// orden is which attributes the Firma of a party has in an operation, in the
// order of the PAC's examples. firmarManifiesto is firmar without an account.
func orden(op gateway.OperacionFirma, f Firma) []string {
	parte := []string{"Quien", "RFC", "Nombre", "RepLegalRFC", "RepLegal", "CertificadoSerie", "Certificado", "Sello"}
	switch {
	case op == gateway.FirmaAdhesion:
		return []string{"Quien", "Sello", "CertificadoSerie", "Certificado", "Nombre", "RepLegal", "Facultad",
			"CalleNumero", "Colonia", "Ciudad", "Estado", "CodigoPostal"}
	case f.Quien == Cliente:
		return parte
	}
	return append(parte, "Siglas", "CalleNumero", "Colonia", "Ciudad", "Estado", "CodigoPostal", "NombreSoftware", "URLInformacion")
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
