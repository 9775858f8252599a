// Package signing produces what the SAT must find signed: the WS-Security
// header of Authenticate, the enveloped XMLDSig of the other operations, and the
// access token that authorises them.
//
// One file per verb: canonical.go writes canonical XML, wssecurity.go signs the
// Timestamp, xmldsig.go signs a petición, token.go keeps tokens. It builds the
// canonical bytes directly, as strings of known shape, because the SAT's
// `URI=""` does not mean what XMLDSig says it means (sat.md §4.1), so a general
// XMLDSig library would sign the wrong node. It refuses to parse or to verify
// anything: verification is done in tests, by other people's programs.
//
// SHA-1 is used here and only here, because the SAT accepts nothing else.
package signing

import "errors"

// The algorithms, by their identifiers in the standards. No other is used.
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

// ErrUnsignable says that the element has not the shape of a petición: a
// wrapper with exactly one child, the node that carries the signature.
var ErrUnsignable = errors.New("signing: the body is not a wrapper with one child")
