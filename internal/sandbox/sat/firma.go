package sat

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // the protocol's digest
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/beevik/etree"

	"github.com/pasarela-mx/pasarela/internal/sandbox/wellformed"
)

// The algorithms of the protocol. Any other is refused.
const (
	algC14nExclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
	algC14nInclusive = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
	algWrapped       = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
	algRSASHA1       = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
	algSHA1          = "http://www.w3.org/2000/09/xmldsig#sha1"
)

// signedInfoOf is a ds:SignedInfo of the shape the protocol uses: one reference.
type signedInfoOf struct {
	node             *etree.Element
	canonicalisation string
	uri              string
	transforms       []string
	digest, sello    []byte
	llave            *etree.Element // ds:KeyInfo
}

// readFirma reads a ds:Signature (XMLDSig core, 4) and refuses algorithms outside the protocol's.
func readFirma(firma *etree.Element) (*signedInfoOf, error) {
	info := only(firma, nsDS, "SignedInfo")
	if info == nil {
		return nil, errors.New("SignedInfo is missing or repeated")
	}
	ref := only(info, nsDS, "Reference")
	if ref == nil {
		return nil, errors.New("there must be one Reference")
	}
	f := &signedInfoOf{
		node:             info,
		canonicalisation: algorithm(only(info, nsDS, "CanonicalizationMethod")),
		uri:              ref.SelectAttrValue("URI", ""),
		llave:            only(firma, nsDS, "KeyInfo"),
	}
	if alg := algorithm(only(info, nsDS, "SignatureMethod")); alg != algRSASHA1 {
		return nil, fmt.Errorf("signature method %q", alg)
	}
	if alg := algorithm(only(ref, nsDS, "DigestMethod")); alg != algSHA1 {
		return nil, fmt.Errorf("digest method %q", alg)
	}
	if t := only(ref, nsDS, "Transforms"); t != nil {
		for _, h := range t.ChildElements() {
			if !wellformed.Is(h, nsDS, "Transform") || len(h.ChildElements()) > 0 {
				return nil, errors.New("a transform with parameters")
			}
			f.transforms = append(f.transforms, algorithm(h))
		}
	}
	var err error
	if f.digest, err = readBase64(only(ref, nsDS, "DigestValue")); err != nil {
		return nil, fmt.Errorf("DigestValue: %w", err)
	}
	if f.sello, err = readBase64(only(firma, nsDS, "SignatureValue")); err != nil {
		return nil, fmt.Errorf("SignatureValue: %w", err)
	}
	return f, nil
}

// verifySello checks SignatureValue over the canonical SignedInfo (XMLDSig core, 3.2.2).
func (f *signedInfoOf) verifySello(cert *x509.Certificate) error {
	public, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		return errors.New("the certificate's key is not RSA")
	}
	canonical, err := canonicalise(f.node, f.canonicalisation)
	if err != nil {
		return err
	}
	sum := sha1.Sum(canonical) //nolint:gosec // the protocol's digest
	return rsa.VerifyPKCS1v15(public, crypto.SHA1, sum[:], f.sello)
}

// verifySelloOperation is verifySello for the operations, where clients sign SignedInfo before they
// put it in its place and the service takes it: as a document of its own, without the namespaces it
// would inherit (satcfdi), and with a prefix that its XML library adds afterwards (python-cfdiclient).
// The content is the same in all three; only declarations and prefixes change.
func (f *signedInfoOf) verifySelloOperation(cert *x509.Certificate) error {
	err := f.verifySello(cert)
	if err == nil {
		return nil
	}
	apart := *f
	apart.canonicalisation = algC14nExclusive // which drops what SignedInfo itself does not use
	if f.canonicalisation == algC14nInclusive && apart.verifySello(cert) == nil {
		return nil
	}
	if f.node.Space != "" && apart.withoutPrefix().verifySello(cert) == nil {
		return nil
	}
	return err
}

// withoutPrefix returns the same SignedInfo with the signature's namespace as the default one.
func (f *signedInfoOf) withoutPrefix() *signedInfoOf {
	clone := *f
	clone.node = f.node.Copy()
	clone.node.CreateAttr("xmlns", nsDS)
	prefix := f.node.Space
	for e := range walk(clone.node) {
		if e.Space == prefix {
			e.Space = ""
		}
	}
	return &clone
}

// cover checks DigestValue over canonical bytes (XMLDSig core, 3.2.1).
func (f *signedInfoOf) cover(canonical []byte) bool {
	sum := sha1.Sum(canonical) //nolint:gosec // the protocol's digest
	return subtle.ConstantTimeCompare(sum[:], f.digest) == 1
}

// firmaOperation finds the signature of an operation: the last child of node, and the only one in
// the body.
func firmaOperation(body, node *etree.Element) *etree.Element {
	elements := node.ChildElements()
	if len(elements) == 0 || len(below(body, nsDS, "Signature")) != 1 {
		return nil
	}
	if last := elements[len(elements)-1]; wellformed.Is(last, nsDS, "Signature") {
		return last
	}
	return nil
}

// Why an operation's signature is refused before it is verified.
var (
	errWithoutFirma       = errors.New("there is not exactly one Signature, last in the request")
	errWithoutCertificado = errors.New("KeyInfo holds no certificate that can be read")
)

// certificadoOf reads the certificate in the signature of node, or nil. The issuer and serial beside
// it are texts that the service does not compare.
func certificadoOf(node *etree.Element) *x509.Certificate {
	if node == nil {
		return nil
	}
	llave := only(only(node, nsDS, "Signature"), nsDS, "KeyInfo")
	der, err := readBase64(only(only(llave, nsDS, "X509Data"), nsDS, "X509Certificate"))
	if err != nil {
		return nil
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil
	}
	return cert
}

// verifyOperation checks the digest of an operation by the family that its transforms declare, and
// then the signature. wrapper is the operation's element and node the one that holds firma.
//
//	A: no enveloped transform: wrapper without the signature, exclusive.
//	B: enveloped: node without the signature, inclusive with the namespaces it inherits.
//	D: enveloped: wrapper without the signature, inclusive with the namespaces it inherits.
func (f *signedInfoOf) verifyOperation(wrapper, node *etree.Element, cert *x509.Certificate) error {
	withoutFirma := func(e *etree.Element, alg string) ([]byte, error) {
		clone := loose(e)
		firma := below(clone, nsDS, "Signature")[0]
		firma.Parent().RemoveChild(firma)
		return canonicaliseLoose(clone, alg)
	}
	type attempt struct {
		root *etree.Element
		alg  string
	}
	var attempts []attempt
	switch {
	case slices.Equal(f.transforms, []string{algC14nExclusive}) && (f.uri == "" || f.uri == "#_0"):
		attempts = []attempt{{wrapper, algC14nExclusive}}
	case slices.Equal(f.transforms, []string{algWrapped}) && f.uri == "":
		attempts = []attempt{{node, algC14nInclusive}, {wrapper, algC14nInclusive}}
	default:
		return fmt.Errorf("URI %q with transforms %q is no family of the protocol", f.uri, f.transforms)
	}
	for _, i := range attempts {
		canonical, err := withoutFirma(i.root, i.alg)
		if err != nil {
			return err
		}
		if f.cover(canonical) {
			return f.verifySelloOperation(cert)
		}
	}
	return errors.New("the digest does not match")
}

func algorithm(e *etree.Element) string {
	if e == nil {
		return ""
	}
	return e.SelectAttrValue("Algorithm", "")
}

// readBase64 reads the text of e, line breaks and blanks allowed.
func readBase64(e *etree.Element) ([]byte, error) {
	if e == nil {
		return nil, errors.New("missing or repeated")
	}
	if len(e.ChildElements()) > 0 {
		return nil, errors.New("has children")
	}
	text := strings.Join(strings.Fields(e.Text()), "")
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) == 0 {
		return nil, errors.New("not base64")
	}
	return b, nil
}
