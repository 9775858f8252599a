package sat

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
)

const (
	x509Suffix = "#X509v3"
	b64Suffix  = "#Base64Binary"
	// timestampLife is the longest window a Timestamp may open.
	timestampLife = 5 * time.Minute
)

// verifyWSSecurity checks the header of Autentica as WS-Security 1.0 with the X.509 token profile
// asks: one Security with one Timestamp, one token and one signature, and the signature by that token
// over that very Timestamp. It returns the certificate, whose acceptance is judged apart.
func verifyWSSecurity(m *mensaje, now time.Time, tolerance time.Duration) (*x509.Certificate, error) {
	security := only(m.header, nsWSSE, "Security")
	if security == nil || len(below(m.root, nsWSSE, "Security")) != 1 {
		return nil, errors.New("there must be one Security header")
	}
	mark := only(security, nsWSU, "Timestamp")
	bearer := only(security, nsWSSE, "BinarySecurityToken")
	firma := only(security, nsDS, "Signature")
	if mark == nil || bearer == nil || firma == nil {
		return nil, errors.New("the header needs one Timestamp, one BinarySecurityToken and one Signature")
	}
	if err := checkWindow(mark, now, tolerance); err != nil {
		return nil, err
	}
	cert, err := readBearer(bearer)
	if err != nil {
		return nil, fmt.Errorf("BinarySecurityToken: %w", err)
	}
	f, err := readFirma(firma)
	if err != nil {
		return nil, err
	}
	if f.canonicalisation != algC14nExclusive || !slices.Equal(f.transforms, []string{algC14nExclusive}) {
		return nil, errors.New("only exclusive canonicalisation is taken")
	}
	// What is signed must be the Timestamp that was judged, not another element of the same Id (WSS
	// 1.0, 8; the classic wrapping attack).
	if noted(m.root, f.uri) != mark {
		return nil, errors.New("the reference does not lead to the Timestamp alone")
	}
	if refToken := tokenReference(f.llave); noted(m.root, refToken) != bearer {
		return nil, errors.New("KeyInfo does not lead to the BinarySecurityToken alone")
	}
	canonical, err := canonicalise(mark, algC14nExclusive)
	if err != nil {
		return nil, err
	}
	if !f.cover(canonical) {
		return nil, errors.New("the digest of the Timestamp does not match")
	}
	return cert, f.verifySello(cert)
}

// checkWindow judges Created and Expires, which are UTC.
func checkWindow(mark *etree.Element, now time.Time, tolerance time.Duration) error {
	created, err1 := instant(only(mark, nsWSU, "Created"))
	expire, err2 := instant(only(mark, nsWSU, "Expires"))
	switch {
	case err1 != nil || err2 != nil:
		return errors.Join(err1, err2)
	case created.After(now.Add(tolerance)):
		return errors.New("the Timestamp is of the future")
	case !expire.After(now):
		return errors.New("the Timestamp has expired")
	case !expire.After(created) || expire.Sub(created) > timestampLife:
		return errors.New("the Timestamp's window is not of five minutes at most")
	}
	return nil
}

func instant(e *etree.Element) (time.Time, error) {
	if e == nil {
		return time.Time{}, errors.New("the Timestamp needs one Created and one Expires")
	}
	text := strings.TrimSpace(e.Text())
	if !strings.HasSuffix(text, "Z") {
		return time.Time{}, errors.New("the Timestamp is not in UTC")
	}
	return time.Parse(time.RFC3339Nano, text)
}

func readBearer(bearer *etree.Element) (*x509.Certificate, error) {
	if v := bearer.SelectAttrValue("ValueType", ""); !strings.HasSuffix(v, x509Suffix) {
		return nil, fmt.Errorf("value type %q", v)
	}
	if v := bearer.SelectAttrValue("EncodingType", b64Suffix); !strings.HasSuffix(v, b64Suffix) {
		return nil, fmt.Errorf("encoding %q", v)
	}
	der, err := readBase64(bearer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func tokenReference(llave *etree.Element) string {
	ref := only(only(llave, nsWSSE, "SecurityTokenReference"), nsWSSE, "Reference")
	if ref == nil {
		return ""
	}
	return ref.SelectAttrValue("URI", "")
}

// noted returns the only element of the document whose Id is the fragment of uri. Any attribute
// called Id counts, so that a second one in another namespace or case makes it ambiguous.
func noted(root *etree.Element, uri string) *etree.Element {
	id, ok := strings.CutPrefix(uri, "#")
	if !ok || id == "" {
		return nil
	}
	var found []*etree.Element
	for e := range walk(root) {
		for _, a := range e.Attr {
			if strings.EqualFold(a.Key, "id") && a.Value == id {
				found = append(found, e)
			}
		}
	}
	if len(found) != 1 {
		return nil
	}
	return found[0]
}
