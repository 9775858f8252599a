package signing

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	_ "embed"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/efirma"
	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

var issue = sync.OnceValues(func() (*autoridad.Emitido, error) {
	now := time.Now()
	a, err := autoridad.New(now)
	if err != nil {
		return nil, err
	}
	return a.Issue(autoridad.Request{RFC: "PRU010101AB1", Name: "PRUEBA", CURP: "PEPJ800101HDFRRN09", Tipo: autoridad.EFirma,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), Password: "12345678a"})
})

// credential returns a new e.firma of SAT shape.
func credential(tb testing.TB) *efirma.Credential {
	tb.Helper()
	e, err := issue()
	if err != nil {
		tb.Fatal(err)
	}
	cred, err := efirma.Load(e.CerDER, e.KeyDER, []byte(e.Password), time.Now())
	if err != nil {
		tb.Fatal(err)
	}
	return cred
}

func contains(tb testing.TB, got []byte, want string) {
	tb.Helper()
	if !bytes.Contains(got, []byte(want)) {
		tb.Errorf("no %s in\n%s", want, got)
	}
}

// between returns the part of s between two texts.
func between(tb testing.TB, s, from, to string) string {
	tb.Helper()
	_, rest, ok1 := strings.Cut(s, from)
	text, _, ok2 := strings.Cut(rest, to)
	if !ok1 || !ok2 {
		tb.Fatalf("no %q … %q in %s", from, to, s)
	}
	return text
}

//go:embed testdata/ewe1709045u0.cer.b64
var publishedCertificate string

//go:embed testdata/ewe1709045u0.verifica.sello.b64
var publishedSignature string

// A published example of Verifica: its signature verifies, with its certificate, over
// SignedInfo as it is built here. Its node has a stray space, which is not canonical, so
// only the digest is taken from the example.
func TestSignedInfo_WhenSignatureIsPublished(t *testing.T) {
	t.Parallel()
	der, err := base64.StdEncoding.DecodeString(strings.TrimSpace(publishedCertificate))
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := base64.StdEncoding.DecodeString(strings.TrimSpace(publishedSignature))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString("FfuNCfbSl8EGxkKTlaisLJnLD+s=")
	if err != nil {
		t.Fatal(err)
	}
	info := signedInfo{canonicalTag: signedInfoTagDSig, method: algExcC14N, uri: "#_0", transform: algExcC14N}
	hash := sha1.Sum(info.append(nil, info.canonicalTag, [sha1.Size]byte(raw)))
	if err := rsa.VerifyPKCS1v15(cert.PublicKey.(*rsa.PublicKey), crypto.SHA1, hash[:], signature); err != nil {
		t.Errorf("the published signature does not verify over our SignedInfo: %v", err)
	}
}

func TestRequest_WhenFamilyDiffers(t *testing.T) {
	t.Parallel()
	const ns = "http://DescargaMasivaTerceros.sat.gob.mx"
	cred := credential(t)
	for _, tc := range []struct {
		name       string
		family     Family
		digested   string
		signedInfo string // the canonical start tag
		transform  string
	}{
		{"sobre", FamilyEnvelope, `<des:W xmlns:des="` + ns + `"><des:solicitud A="1" B="&amp;"></des:solicitud></des:W>`,
			`<SignedInfo xmlns="` + nsDSig + `">`, algExcC14N},
		{"solicitud", FamilySolicitud, `<des:solicitud xmlns:des="` + ns + `" xmlns:s="` + nsSOAP + `" A="1" B="&amp;"></des:solicitud>`,
			`<SignedInfo xmlns="` + nsDSig + `" xmlns:des="` + ns + `" xmlns:s="` + nsSOAP + `">`, algEnveloped},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			body := &Element{Local: "W", Children: []Element{{Local: "solicitud", Attrs: []Attr{{"B", "&"}, {"A", "1"}}}}}
			got, err := Request(body, ns, tc.family, cred)
			if err != nil {
				t.Fatal(err)
			}
			wire := string(got)
			if d := between(t, wire, "<DigestValue>", "</DigestValue>"); d != digestOf([]byte(tc.digested)) {
				t.Errorf("digest %s, want %s", d, digestOf([]byte(tc.digested)))
			}
			contains(t, got, `<Transforms><Transform Algorithm="`+tc.transform+`"></Transform></Transforms>`)
			contains(t, got, `</Signature></des:solicitud></des:W></s:Body></s:Envelope>`)
			contains(t, got, `<X509SerialNumber>`+cred.SerialDecimal+`</X509SerialNumber>`)
			signed := tc.signedInfo + between(t, wire, "<SignedInfo>", "</SignedInfo>") + "</SignedInfo>"
			hash := sha1.Sum([]byte(signed))
			value, err := base64.StdEncoding.DecodeString(between(t, wire, "<SignatureValue>", "</SignatureValue>"))
			if err != nil {
				t.Fatal(err)
			}
			if err := rsa.VerifyPKCS1v15(cred.Certificate.PublicKey.(*rsa.PublicKey), crypto.SHA1, hash[:], value); err != nil {
				t.Errorf("the signature does not verify: %v", err)
			}
		})
	}
}

func TestRequest_WhenBodyHasNoNode(t *testing.T) {
	t.Parallel()
	for _, body := range []*Element{{Local: "W"}, {Local: "W", Children: make([]Element, 2)}} {
		if _, err := Request(body, "urn:n", FamilyEnvelope, credential(t)); !errors.Is(err, ErrUnsignable) {
			t.Errorf("%d children: error %v, want ErrUnsignable", len(body.Children), err)
		}
	}
}

// Signing a request of usual size allocates little: its cost is the RSA.
func TestRequest_AllocatesLittle(t *testing.T) {
	cred := credential(t)
	allocs := testing.AllocsPerRun(5, func() {
		body := &Element{Local: "W", Children: []Element{{Local: "solicitud", Attrs: []Attr{{"B", "2"}, {"A", "1"}}}}}
		if _, err := Request(body, "urn:n", FamilyEnvelope, cred); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 25 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestEnvelope_WhenOnlyTheWrapperIsQualified(t *testing.T) {
	t.Parallel()
	body := &Element{Local: "op", Children: []Element{{Local: "a", Text: "x]]>&<"}, {Local: "b"}}}
	const start, end = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header></s:Header><s:Body>`, `</s:Body></s:Envelope>`
	for unqualified, want := range map[bool]string{
		true:  `<tns:op xmlns:tns="urn:a&amp;b"><a>x]]&gt;&amp;&lt;</a><b></b></tns:op>`,
		false: `<op xmlns="urn:a&amp;b"><a>x]]&gt;&amp;&lt;</a><b></b></op>`,
	} {
		if got := string(Envelope(body, "urn:a&b", unqualified)); got != start+want+end {
			t.Errorf("unqualified %v: %s", unqualified, got)
		}
	}
}
