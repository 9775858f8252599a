package signing

import (
	"crypto"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // the SAT accepts SHA-1 only (sat.md §3)
	"encoding/base64"
	"fmt"

	"github.com/pasarela-mx/pasarela/internal/efirma"
)

// Family selects what the digest of a petición covers (sat.md §4.1).
type Family int

const (
	// FamilyEnvelope is family A, the default: the wrapper element without its
	// Signature, exclusive canonicalization, Reference URI "".
	FamilyEnvelope Family = iota
	// FamilySolicitud is family B: the request node itself without its
	// Signature, inclusive canonicalization with the inherited namespaces,
	// enveloped-signature transform, Reference URI "".
	FamilySolicitud
)

// PrefixRequest is the prefix that the SAT's own examples give its namespace.
const PrefixRequest = "des"

const (
	envelopeStart = `<s:Envelope xmlns:s="` + nsSOAP + `"><s:Header></s:Header><s:Body>`
	envelopeEnd   = `</s:Body></s:Envelope>`

	signedInfoMethod  = `<CanonicalizationMethod Algorithm="`
	signedInfoAlg     = `"></CanonicalizationMethod><SignatureMethod Algorithm="` + algRSASHA1 + `"></SignatureMethod><Reference URI="`
	signedInfoTrans   = `"><Transforms><Transform Algorithm="`
	signedInfoDigest  = `"></Transform></Transforms><DigestMethod Algorithm="` + algSHA1 + `"></DigestMethod><DigestValue>`
	signedInfoEnd     = `</DigestValue></Reference></SignedInfo>`
	signedInfoTag     = `<SignedInfo>`
	signedInfoTagDSig = `<SignedInfo xmlns="` + nsDSig + `">`
)

// signedInfo describes one SignedInfo: its contents, and the start tag of its canonical
// form, which declares the inherited namespaces.
type signedInfo struct {
	canonicalTag string
	method       string
	uri          string
	transform    string
}

// append writes SignedInfo with the given start tag.
func (s signedInfo) append(dst []byte, tag string, digest [sha1.Size]byte) []byte {
	dst = append(dst, tag...)
	dst = append(append(append(dst, signedInfoMethod...), s.method...), signedInfoAlg...)
	dst = append(append(append(dst, s.uri...), signedInfoTrans...), s.transform...)
	dst = append(dst, signedInfoDigest...)
	dst = base64.StdEncoding.AppendEncode(dst, digest[:])
	return append(dst, signedInfoEnd...)
}

// appendSignature appends a whole Signature element: SignedInfo, the RSA-SHA1
// signature of its canonical form, and keyInfo as given.
func appendSignature(dst []byte, info signedInfo, digest [sha1.Size]byte, cred *efirma.Credential, keyInfo func([]byte) []byte) ([]byte, error) {
	canonical := info.append(make([]byte, 0, 768), info.canonicalTag, digest)
	hash := sha1.Sum(canonical) //nolint:gosec // see the package comment
	value, err := cred.Signer.Sign(rand.Reader, hash[:], crypto.SHA1)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	dst = append(dst, `<Signature xmlns="`+nsDSig+`">`...)
	dst = info.append(dst, signedInfoTag, digest)
	dst = base64.StdEncoding.AppendEncode(append(dst, `<SignatureValue>`...), value)
	dst = append(dst, `</SignatureValue><KeyInfo>`...)
	return append(keyInfo(dst), `</KeyInfo></Signature>`...), nil
}

// prefixWrapper is the prefix of a wrapper whose children are in no namespace.
const prefixWrapper = "tns"

// Envelope returns body in a SOAP 1.1 envelope without a signature. All of body is in
// namespace, as the default one; with unqualified, only the wrapper is, by a prefix.
func Envelope(body *Element, namespace string, unqualified bool) []byte {
	out := append(make([]byte, 0, 1<<10), envelopeStart...)
	if unqualified {
		out = appendName(append(out, '<'), prefixWrapper, body.Local)
		out = append(out, ` xmlns:`+prefixWrapper+`="`...)
		out = append(appendAttrValue(out, namespace), `">`...)
		for i := range body.Children {
			out = body.Children[i].AppendCanonical(out, "")
		}
		out = appendEnd(out, prefixWrapper, body.Local)
	} else {
		out = body.AppendCanonical(out, "", Namespace{Name: namespace})
	}
	return append(out, envelopeEnd...)
}

// Request returns the envelope of a signed request: body, in namespace, with a Signature
// as the last child of its only child (sat.md §4). It sorts body's attributes in place.
func Request(body *Element, namespace string, family Family, cred *efirma.Credential) ([]byte, error) {
	if len(body.Children) != 1 {
		return nil, ErrUnsignable
	}
	body.SortAttrs()
	des := Namespace{Prefix: PrefixRequest, Name: namespace}
	node := &body.Children[0]

	out := make([]byte, 0, 6<<10)
	out = append(out, envelopeStart...)
	start := len(out)
	out = body.AppendCanonical(out, PrefixRequest, des)

	info := signedInfo{canonicalTag: signedInfoTagDSig, method: algExcC14N, transform: algExcC14N}
	digest := sha1.Sum(out[start:]) //nolint:gosec // see the package comment
	if family == FamilySolicitud {
		soap := Namespace{Prefix: "s", Name: nsSOAP}
		digest = sha1.Sum(node.AppendCanonical(nil, PrefixRequest, des, soap)) //nolint:gosec // see the package comment
		info = signedInfo{canonicalTag: inheritedSignedInfoTag(des, soap), method: algC14N, transform: algEnveloped}
	}

	// Room for the text after the node's content: its end tag and the wrapper's.
	var room [128]byte
	tail := appendEnd(appendEnd(room[:0], PrefixRequest, node.Local), PrefixRequest, body.Local)
	out = out[:len(out)-len(tail)]
	out, err := appendSignature(out, info, digest, cred, func(dst []byte) []byte { return appendX509Data(dst, cred) })
	if err != nil {
		return nil, err
	}
	return append(append(out, tail...), envelopeEnd...), nil
}

// inheritedSignedInfoTag returns SignedInfo's start tag under inclusive canonicalization:
// it declares every namespace in scope, the default one first.
func inheritedSignedInfoTag(inherited ...Namespace) string {
	tag := []byte(`<SignedInfo xmlns="` + nsDSig + `"`)
	for _, ns := range inherited {
		tag = append(tag, ` xmlns:`+ns.Prefix+`="`+ns.Name+`"`...)
	}
	return string(append(tag, '>'))
}

func appendX509Data(dst []byte, cred *efirma.Credential) []byte {
	dst = append(dst, `<X509Data><X509IssuerSerial><X509IssuerName>`...)
	dst = appendText(dst, cred.IssuerName)
	dst = append(dst, `</X509IssuerName><X509SerialNumber>`...)
	dst = append(dst, cred.SerialDecimal...)
	dst = append(dst, `</X509SerialNumber></X509IssuerSerial><X509Certificate>`...)
	dst = append(dst, cred.CertificateBase64...)
	return append(dst, `</X509Certificate></X509Data>`...)
}
