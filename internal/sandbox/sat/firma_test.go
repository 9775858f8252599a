package sat

import (
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"testing"

	"github.com/beevik/etree"

	"github.com/pasarela-mx/pasarela/internal/sandbox/wellformed"
)

// The digests below were computed by others over the canonical bytes; here they are found again from
// wire forms that are not canonical.
func TestCanonicalise_KnownAnswers(t *testing.T) {
	const open = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:u="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd" xmlns:des="http://DescargaMasivaTerceros.sat.gob.mx" xmlns:xd="http://www.w3.org/2000/09/xmldsig#">`
	body := func(x string) string { return open + "<s:Header/><s:Body>" + x + "</s:Body></s:Envelope>" }
	mark := func(created, expire string) string {
		return open + `<s:Header><u:Timestamp  u:Id='_0'><u:Created>` + created + `</u:Created><u:Expires>` + expire + `</u:Expires></u:Timestamp></s:Header><s:Body/></s:Envelope>`
	}
	verify := func(id, rfc string) string {
		return body(`<des:VerificaSolicitudDescarga><des:solicitud RfcSolicitante="` + rfc + `" IdSolicitud="` + id + `"/></des:VerificaSolicitudDescarga>`)
	}
	cases := map[string]struct{ envelope, path, digest string }{
		"Verifica EWE1709045U0": {verify("de7f98b6-d20f-44de-ab19-b312b489eec2", "EWE1709045U0"), "Body/VerificaSolicitudDescarga", "VsDpw9MED0i5ZrpWWYq/194d5HQ="},
		"Verifica EKU9003173C9": {verify("3f30a4e1-af73-4085-8991-e4d97eef16bd", "EKU9003173C9"), "Body/VerificaSolicitudDescarga", "DVHsbfyUP1fm7CPdctOp8N6132E="},
		"Emitidos EKU9003173C9": {body(`<des:SolicitaDescargaEmitidos><des:solicitud TipoSolicitud="Metadata" RfcSolicitante="EKU9003173C9" RfcEmisor='EKU9003173C9' FechaInicial="2019-01-01T00:00:00" FechaFinal="2019-01-01T00:04:00" EstadoComprobante="Todos" ></des:solicitud></des:SolicitaDescargaEmitidos>`), "Body/SolicitaDescargaEmitidos", "BELGF9WsFcnEbvXILi03IoOZkjg="},
		"Autentica 2018":        {mark("2018-05-09T21:21:42.953Z", "2018-05-09T21:26:42.953Z"), "Header/Timestamp", "Ij+Epaya2U5D/sSncI6BHkkTRWo="},
		"Autentica v1.5":        {mark("2022-02-15T19:06:32.002Z", "2022-02-15T19:11:32.002Z"), "Header/Timestamp", "PGHeLUNdZvws7kjlTpPPxlY2XGM="},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			m, err := readMensaje([]byte(tc.envelope))
			if err != nil {
				t.Fatal(err)
			}
			canonical, err := canonicalise(m.root.FindElement(tc.path), algC14nExclusive)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha1.Sum(canonical)
			if got := base64.StdEncoding.EncodeToString(sum[:]); got != tc.digest {
				t.Errorf("%s, want %s, of %s", got, tc.digest, canonical)
			}
		})
	}
}

func TestCanonicalise_InclusiveKeepsTheElementsOwnDeclarations(t *testing.T) {
	doc := etree.NewDocument()
	if err := doc.ReadFromString(`<a xmlns="urn:1" xmlns:p="urn:2" xmlns:q="urn:3"><p:b xmlns:p="urn:4" z="1" a="2"><c/></p:b></a>`); err != nil {
		t.Fatal(err)
	}
	canonical, err := canonicalise(doc.Root().ChildElements()[0], algC14nInclusive)
	if err != nil {
		t.Fatal(err)
	}
	const wants = `<p:b xmlns="urn:1" xmlns:p="urn:4" xmlns:q="urn:3" a="2" z="1"><c></c></p:b>`
	if string(canonical) != wants {
		t.Errorf("%s, want %s", canonical, wants)
	}
	if _, err := canonicalise(doc.Root(), "urn:otro"); err == nil {
		t.Error("an unknown algorithm was taken")
	}
}

func FuzzReadMensaje(f *testing.F) {
	for _, s := range []string{
		`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body><des:a xmlns:des="urn:x" b="1">ñ&amp;</des:a></s:Body></s:Envelope>`,
		`<!DOCTYPE a><a/>`, `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body a:b="1" xmlns:a=""/></s:Envelope>`, "<", "",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > maxMensaje {
			return
		}
		m, err := readMensaje(b)
		if err != nil {
			if !errors.Is(err, wellformed.ErrMalformed) {
				t.Errorf("an error of another kind: %v", err)
			}
			return
		}
		for _, alg := range []string{algC14nExclusive, algC14nInclusive} {
			canonical, err := canonicalise(m.body, alg)
			if err != nil {
				continue
			}
			doc := etree.NewDocument()
			if err := doc.ReadFromBytes(canonical); err != nil {
				t.Fatalf("canonical bytes do not parse: %v: %q", err, canonical)
			}
		}
	})
}
