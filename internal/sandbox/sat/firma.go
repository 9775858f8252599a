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
)

// The algorithms of the protocol. Any other is refused.
const (
	algC14nExclusivo = "http://www.w3.org/2001/10/xml-exc-c14n#"
	algC14nInclusivo = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
	algEnvuelta      = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
	algRSASHA1       = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
	algSHA1          = "http://www.w3.org/2000/09/xmldsig#sha1"
)

// infoFirmada is a ds:SignedInfo of the shape the protocol uses: one reference.
type infoFirmada struct {
	nodo           *etree.Element
	canonizacion   string
	uri            string
	transformadas  []string
	digesto, sello []byte
	llave          *etree.Element // ds:KeyInfo
}

// leeFirma reads a ds:Signature (XMLDSig core, 4) and refuses algorithms outside the protocol's.
func leeFirma(firma *etree.Element) (*infoFirmada, error) {
	info := unico(firma, nsDS, "SignedInfo")
	if info == nil {
		return nil, errors.New("SignedInfo is missing or repeated")
	}
	ref := unico(info, nsDS, "Reference")
	if ref == nil {
		return nil, errors.New("there must be one Reference")
	}
	f := &infoFirmada{
		nodo:         info,
		canonizacion: algoritmo(unico(info, nsDS, "CanonicalizationMethod")),
		uri:          ref.SelectAttrValue("URI", ""),
		llave:        unico(firma, nsDS, "KeyInfo"),
	}
	if alg := algoritmo(unico(info, nsDS, "SignatureMethod")); alg != algRSASHA1 {
		return nil, fmt.Errorf("signature method %q", alg)
	}
	if alg := algoritmo(unico(ref, nsDS, "DigestMethod")); alg != algSHA1 {
		return nil, fmt.Errorf("digest method %q", alg)
	}
	if t := unico(ref, nsDS, "Transforms"); t != nil {
		for _, h := range t.ChildElements() {
			if !es(h, nsDS, "Transform") || len(h.ChildElements()) > 0 {
				return nil, errors.New("a transform with parameters")
			}
			f.transformadas = append(f.transformadas, algoritmo(h))
		}
	}
	var err error
	if f.digesto, err = leeBase64(unico(ref, nsDS, "DigestValue")); err != nil {
		return nil, fmt.Errorf("DigestValue: %w", err)
	}
	if f.sello, err = leeBase64(unico(firma, nsDS, "SignatureValue")); err != nil {
		return nil, fmt.Errorf("SignatureValue: %w", err)
	}
	return f, nil
}

// verificaSello checks SignatureValue over the canonical SignedInfo (XMLDSig core, 3.2.2).
func (f *infoFirmada) verificaSello(cert *x509.Certificate) error {
	publica, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok {
		return errors.New("the certificate's key is not RSA")
	}
	canonico, err := canoniza(f.nodo, f.canonizacion)
	if err != nil {
		return err
	}
	suma := sha1.Sum(canonico) //nolint:gosec // the protocol's digest
	return rsa.VerifyPKCS1v15(publica, crypto.SHA1, suma[:], f.sello)
}

// verificaSelloOperacion is verificaSello for the operations, where clients sign SignedInfo before they
// put it in its place and the service takes it: as a document of its own, without the namespaces it
// would inherit (satcfdi), and with a prefix that its XML library adds afterwards (python-cfdiclient).
// The content is the same in all three; only declarations and prefixes change.
func (f *infoFirmada) verificaSelloOperacion(cert *x509.Certificate) error {
	err := f.verificaSello(cert)
	if err == nil {
		return nil
	}
	aparte := *f
	aparte.canonizacion = algC14nExclusivo // which drops what SignedInfo itself does not use
	if f.canonizacion == algC14nInclusivo && aparte.verificaSello(cert) == nil {
		return nil
	}
	if f.nodo.Space != "" && aparte.sinPrefijo().verificaSello(cert) == nil {
		return nil
	}
	return err
}

// sinPrefijo returns the same SignedInfo with the signature's namespace as the default one.
func (f *infoFirmada) sinPrefijo() *infoFirmada {
	copia := *f
	copia.nodo = f.nodo.Copy()
	copia.nodo.CreateAttr("xmlns", nsDS)
	prefijo := f.nodo.Space
	var anda func(e *etree.Element)
	anda = func(e *etree.Element) {
		if e.Space == prefijo {
			e.Space = ""
		}
		for _, h := range e.ChildElements() {
			anda(h)
		}
	}
	anda(copia.nodo)
	return &copia
}

// cubre checks DigestValue over canonical bytes (XMLDSig core, 3.2.1).
func (f *infoFirmada) cubre(canonico []byte) bool {
	suma := sha1.Sum(canonico) //nolint:gosec // the protocol's digest
	return subtle.ConstantTimeCompare(suma[:], f.digesto) == 1
}

// firmaOperacion finds the signature of an operation: the last child of nodo, and the only one in
// the body.
func firmaOperacion(cuerpo, nodo *etree.Element) *etree.Element {
	elementos := nodo.ChildElements()
	if len(elementos) == 0 || cuantos(cuerpo, nsDS, "Signature") != 1 {
		return nil
	}
	if ultimo := elementos[len(elementos)-1]; es(ultimo, nsDS, "Signature") {
		return ultimo
	}
	return nil
}

// Why an operation's signature is refused before it is verified.
var (
	errSinFirma       = errors.New("there is not exactly one Signature, last in the request")
	errSinCertificado = errors.New("KeyInfo holds no certificate that can be read")
)

// certificadoDe reads the certificate in the signature of nodo, or nil. The issuer and serial beside
// it are texts that the service does not compare.
func certificadoDe(nodo *etree.Element) *x509.Certificate {
	if nodo == nil {
		return nil
	}
	llave := unico(unico(nodo, nsDS, "Signature"), nsDS, "KeyInfo")
	der, err := leeBase64(unico(unico(llave, nsDS, "X509Data"), nsDS, "X509Certificate"))
	if err != nil {
		return nil
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil
	}
	return cert
}

// verificaOperacion checks the digest of an operation by the family that its transforms declare, and
// then the signature. envoltura is the operation's element and nodo the one that holds firma.
//
//	A: no enveloped transform: envoltura without the signature, exclusive.
//	B: enveloped: nodo without the signature, inclusive with the namespaces it inherits.
//	D: enveloped: envoltura without the signature, inclusive with the namespaces it inherits.
func (f *infoFirmada) verificaOperacion(envoltura, nodo *etree.Element, cert *x509.Certificate) error {
	sinFirma := func(e *etree.Element, alg string) ([]byte, error) {
		copia := suelto(e)
		quitaFirma(copia)
		return canonizaSuelto(copia, alg)
	}
	type intento struct {
		raiz *etree.Element
		alg  string
	}
	var intentos []intento
	switch {
	case slices.Equal(f.transformadas, []string{algC14nExclusivo}) && (f.uri == "" || f.uri == "#_0"):
		intentos = []intento{{envoltura, algC14nExclusivo}}
	case slices.Equal(f.transformadas, []string{algEnvuelta}) && f.uri == "":
		intentos = []intento{{nodo, algC14nInclusivo}, {envoltura, algC14nInclusivo}}
	default:
		return fmt.Errorf("URI %q with transforms %q is no family of the protocol", f.uri, f.transformadas)
	}
	for _, i := range intentos {
		canonico, err := sinFirma(i.raiz, i.alg)
		if err != nil {
			return err
		}
		if f.cubre(canonico) {
			return f.verificaSelloOperacion(cert)
		}
	}
	return errors.New("the digest does not match")
}

// quitaFirma removes the only ds:Signature below e.
func quitaFirma(e *etree.Element) {
	for _, h := range e.ChildElements() {
		if es(h, nsDS, "Signature") {
			e.RemoveChild(h)
			return
		}
		quitaFirma(h)
	}
}

func algoritmo(e *etree.Element) string {
	if e == nil {
		return ""
	}
	return e.SelectAttrValue("Algorithm", "")
}

// leeBase64 reads the text of e, line breaks and blanks allowed.
func leeBase64(e *etree.Element) ([]byte, error) {
	if e == nil {
		return nil, errors.New("missing or repeated")
	}
	if len(e.ChildElements()) > 0 {
		return nil, errors.New("has children")
	}
	texto := strings.Join(strings.Fields(e.Text()), "")
	b, err := base64.StdEncoding.DecodeString(texto)
	if err != nil || len(b) == 0 {
		return nil, errors.New("not base64")
	}
	return b, nil
}
