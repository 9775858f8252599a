// Package signing signs what the SAT must find signed: the WS-Security header of
// Authenticate and the enveloped XMLDSig of the other operations. It also caches the
// access tokens that authorise them.
//
// One file per verb: canonical.go writes canonical XML, wssecurity.go signs the
// Timestamp, xmldsig.go signs a petición, and token.go keeps tokens. The canonical bytes
// are built directly, as strings of known shape: the SAT's `URI=""` does not mean what
// XMLDSig says (sat.md §4.1), so a general XMLDSig library would sign the wrong node. The
// package parses and verifies nothing: tests verify the signatures with other people's
// programs.
//
// SHA-1 is used here and nowhere else, because the SAT accepts nothing else.
package signing

import "errors"

// The algorithms, by their identifiers in the standards.
const (
	algExcC14N   = "http://www.w3.org/2001/10/xml-exc-c14n#"
	algC14N      = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
	algRSASHA1   = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
	algSHA1      = "http://www.w3.org/2000/09/xmldsig#sha1"
	algEnveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
)

// The namespaces of the messages.
const (
	nsSOAP  = "http://schemas.xmlsoap.org/soap/envelope/"
	nsDSig  = "http://www.w3.org/2000/09/xmldsig#"
	nsWSU   = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	nsWSSE  = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	x509v3  = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"
	base64B = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
)

// ErrUnsignable is returned for a body that is not a petición: a wrapper with exactly one
// child, which carries the signature.
var ErrUnsignable = errors.New("signing: the body is not a wrapper with one child")
