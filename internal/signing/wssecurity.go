package signing

import (
	"crypto/sha1" //nolint:gosec // see the package comment
	"time"

	"github.com/pasarela-mx/pasarela/internal/efirma"
)

// TimestampWindow is how long a Timestamp is valid: Expires minus Created (sat.md §3).
const TimestampWindow = 5 * time.Minute

// timestampForm is UTC with milliseconds and Z.
const timestampForm = "2006-01-02T15:04:05.000Z"

// timestampID is the Id that the Reference of Authenticate names.
const timestampID = "_0"

// Authenticate returns the envelope of the operation Authenticate. body is an element in
// namespace without attributes or children. The WS-Security 1.0 header holds a Timestamp
// signed with the e.firma (sat.md §3; WS-Security 1.0 §10, X.509 token profile §3).
// created is the instant of signing. tokenID is the Id of the BinarySecurityToken: an
// NCName, unique per message.
func Authenticate(body *Element, namespace string, cred *efirma.Credential, created time.Time, tokenID string) ([]byte, error) {
	created = created.UTC()
	expires := created.Add(TimestampWindow)

	out := make([]byte, 0, 6<<10)
	out = append(out, `<s:Envelope xmlns:s="`+nsSOAP+`" xmlns:u="`+nsWSU+`"><s:Header><o:Security xmlns:o="`+nsWSSE+`" s:mustUnderstand="1">`...)
	out = appendTimestamp(out, ``, created, expires)
	out = append(out, `<o:BinarySecurityToken u:Id="`...)
	out = append(append(out, tokenID...), `" ValueType="`+x509v3+`" EncodingType="`+base64B+`">`...)
	out = append(append(out, cred.CertificateBase64...), `</o:BinarySecurityToken>`...)

	canonical := appendTimestamp(make([]byte, 0, 256), ` xmlns:u="`+nsWSU+`"`, created, expires)
	info := signedInfo{canonicalTag: signedInfoTagDSig, method: algExcC14N, uri: "#" + timestampID, transform: algExcC14N}
	out, err := appendSignature(out, info, sha1.Sum(canonical), cred, func(dst []byte) []byte { //nolint:gosec // see the package comment
		dst = append(dst, `<o:SecurityTokenReference><o:Reference ValueType="`+x509v3+`" URI="#`...)
		return append(append(dst, tokenID...), `"></o:Reference></o:SecurityTokenReference>`...)
	})
	if err != nil {
		return nil, err
	}
	out = append(out, `</o:Security></s:Header><s:Body>`...)
	out = body.AppendCanonical(out, "", Namespace{Name: namespace})
	return append(out, envelopeEnd...), nil
}

// appendTimestamp writes the Timestamp. namespaces are the declarations in its start tag:
// none on the wire, and its own prefix in the canonical form.
func appendTimestamp(dst []byte, namespaces string, created, expires time.Time) []byte {
	dst = append(append(dst, `<u:Timestamp`...), namespaces...)
	dst = append(dst, ` u:Id="`+timestampID+`"><u:Created>`...)
	dst = created.AppendFormat(dst, timestampForm)
	dst = append(dst, `</u:Created><u:Expires>`...)
	dst = expires.AppendFormat(dst, timestampForm)
	return append(dst, `</u:Expires></u:Timestamp>`...)
}
