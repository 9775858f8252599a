package integration

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/beevik/etree"

	"github.com/pasarela-mx/pasarela/wsdl"
)

const (
	nsSOAP = "http://schemas.xmlsoap.org/soap/envelope/"
	nsDes  = "http://DescargaMasivaTerceros.sat.gob.mx"
	nsDSig = "http://www.w3.org/2000/09/xmldsig#"
	nsWSU  = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
)

// tool skips the test if another project's verifier is not installed, but never on CI.
func tool(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not installed: the signatures would go unverified", name)
		}
		t.Skipf("SKIPPED: %s is not installed (Debian: xmlsec1, libxml2-utils, openssl)", name)
	}
}

// run runs a tool and returns what it wrote to standard output.
func run(t *testing.T, name string, args ...string) ([]byte, error) {
	t.Helper()
	cmd := exec.Command(name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", name, err, stderr.String())
	}
	return stdout.Bytes(), nil
}

// between returns the text from the first open to the close behind it, both included.
func between(t *testing.T, text, open, end string) string {
	t.Helper()
	i := strings.Index(text, open)
	if i < 0 {
		t.Fatalf("there is no %s", open)
	}
	j := strings.Index(text[i:], end)
	if j < 0 {
		t.Fatalf("there is no %s", end)
	}
	return text[i : i+j+len(end)]
}

func content(t *testing.T, text, tag string) string {
	t.Helper()
	return strings.TrimSuffix(strings.TrimPrefix(between(t, text, "<"+tag+">", "</"+tag+">"), "<"+tag+">"), "</"+tag+">")
}

// wrapper is the Body's element as it came, in a document of its own.
func wrapper(t *testing.T, envelope string) string {
	t.Helper()
	return content(t, envelope, "s:Body")
}

// spoil changes one character of a text that is signed.
func spoil(t *testing.T, text, from, to string) string {
	t.Helper()
	if !strings.Contains(text, from) {
		t.Fatalf("there is no %s to spoil", from)
	}
	return strings.Replace(text, from, to, 1)
}

// xmlsec verifies a whole document with the public key alone.
func xmlsec(t *testing.T, document, key string) error {
	t.Helper()
	file := filepath.Join(t.TempDir(), "mensaje.xml")
	overwrite(t, file, document)
	_, err := run(t, "xmlsec1", "--verify", "--pubkey-pem", key, "--id-attr:Id", nsWSU+":Timestamp", file)
	return err
}

func TestVerify_WhenXmlsecReadsAutenticaItsSignatureHolds(t *testing.T) {
	t.Parallel()
	tool(t, "xmlsec1")
	r, w := startWired(t, "sobre")
	envelope := w.takeAll(t, r)[opAutentica].body
	doc, _ := parse(t, envelope)
	key := publicKey(t, t.TempDir(), doc.FindElement("//BinarySecurityToken").Text())
	if err := xmlsec(t, envelope, key); err != nil {
		t.Error(err)
	}
	if xmlsec(t, spoil(t, envelope, "Z</u:Expires>", "1Z</u:Expires>"), key) == nil {
		t.Error("xmlsec1 verifies a Timestamp that was changed")
	}
}

// TestVerify_WhenXmlsecReadsFamilyB takes the request node with the namespaces
// that it inherits as a document of its own: what URI="" means there.
func TestVerify_WhenXmlsecReadsFamilyBTheSignaturesHold(t *testing.T) {
	t.Parallel()
	tool(t, "xmlsec1")
	r, w := startWired(t, "solicitud")
	for operation, s := range w.takeAll(t, r) {
		if operation == opAutentica {
			continue
		}
		node := "des:solicitud"
		if operation == opDescargar {
			node = "des:peticionDescarga"
		}
		document := between(t, s.body, "<"+node+" ", "</"+node+">")
		document = strings.Replace(document, "<"+node+" ", "<"+node+` xmlns:des="`+nsDes+`" xmlns:s="`+nsSOAP+`" `, 1)
		key := publicKey(t, t.TempDir(), content(t, s.body, "X509Certificate"))
		if err := xmlsec(t, document, key); err != nil {
			t.Errorf("%s: %v", operation, err)
		}
		if xmlsec(t, spoil(t, document, `RfcSolicitante="Ñ`, `RfcSolicitante="N`), key) == nil {
			t.Errorf("%s: xmlsec1 verifies a request that was changed", operation)
		}
	}
}

// excC14N is the exclusive canonical form by xmllint.
func excC14N(t *testing.T, document string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nodo.xml")
	overwrite(t, file, document)
	out, err := run(t, "xmllint", "--exc-c14n", file)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var signatureForm = regexp.MustCompile(`<Signature xmlns=.*</Signature>`)

// TestVerify_WhenXmllintAndOpensslReadFamilyA computes by other people's
// programs what the wrapper's digest and the signature must be.
func TestVerify_WhenXmllintAndOpensslReadFamilyATheSignaturesHold(t *testing.T) {
	t.Parallel()
	tool(t, "xmllint", "openssl")
	r, w := startWired(t, "sobre")
	for operation, s := range w.takeAll(t, r) {
		if operation == opAutentica {
			continue
		}
		unsigned := signatureForm.ReplaceAllString(wrapper(t, s.body), "")
		if strings.Contains(unsigned, "Signature") {
			t.Fatalf("%s: more than one signature", operation)
		}
		sum := sha1.Sum(excC14N(t, unsigned))
		if got, want := content(t, s.body, "DigestValue"), base64.StdEncoding.EncodeToString(sum[:]); got != want {
			t.Errorf("%s: DigestValue %s, xmllint says %s", operation, got, want)
		}
		info := between(t, s.body, "<SignedInfo>", "</SignedInfo>")
		canonical := excC14N(t, strings.Replace(info, "<SignedInfo>", `<SignedInfo xmlns="`+nsDSig+`">`, 1))
		if err := openssl(t, canonical, s.body); err != nil {
			t.Errorf("%s: %v", operation, err)
		}
		if openssl(t, append(canonical, ' '), s.body) == nil {
			t.Errorf("%s: openssl verifies what was changed", operation)
		}
	}
}

// openssl verifies the envelope's SignatureValue over text with its certificate.
func openssl(t *testing.T, text []byte, envelope string) error {
	t.Helper()
	dir := t.TempDir()
	key := publicKey(t, dir, content(t, envelope, "X509Certificate"))
	value, err := base64.StdEncoding.DecodeString(content(t, envelope, "SignatureValue"))
	if err != nil {
		t.Fatal(err)
	}
	signature, signed := filepath.Join(dir, "firma"), filepath.Join(dir, "texto")
	overwrite(t, signature, string(value))
	overwrite(t, signed, string(text))
	_, err = run(t, "openssl", "dgst", "-sha1", "-verify", key, "-signature", signature, signed)
	return err
}

// TestVerify_WhenXmllintReadsARequestItIsValid holds every body against the
// schemas inside the contracts.
func TestVerify_WhenXmllintReadsARequestItIsValid(t *testing.T) {
	t.Parallel()
	tool(t, "xmllint")
	contracts := map[string]string{opAutentica: "autenticacion", opVerify: "verifica", opDescargar: "descarga",
		opEmitidos: "solicita", opRecibidos: "solicita", opFolio: "solicita", opV11: "solicita"}
	for _, firma := range []string{"sobre", "solicitud"} {
		r, w := startWired(t, firma)
		for operation, s := range w.takeAll(t, r) {
			dir := t.TempDir()
			schema := extractSchemas(t, dir, "sat/"+contracts[operation]+".wsdl")
			for name, text := range map[string]string{"bueno": wrapper(t, s.body), "malo": strings.Replace(wrapper(t, s.body), ">", ` Ajeno="1">`, 1)} {
				file := filepath.Join(dir, name+".xml")
				overwrite(t, file, text)
				_, err := run(t, "xmllint", "--noout", "--nonet", "--schema", schema, file)
				if name == "bueno" && err != nil {
					t.Errorf("%s, %s: %v", firma, operation, err)
				}
				if name == "malo" && err == nil {
					t.Errorf("%s, %s: an attribute that the contract does not have is valid", firma, operation)
				}
			}
		}
	}
}

// extractSchemas writes each schema of a contract as a file, joined by their
// imports, and returns the one of the service's own namespace: the last.
func extractSchemas(t *testing.T, dir, contract string) string {
	t.Helper()
	text, err := wsdl.FS.ReadFile(contract)
	if err != nil {
		t.Fatal(err)
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(text); err != nil {
		t.Fatal(err)
	}
	last := ""
	files := map[string]string{}
	for i, schema := range doc.FindElements("//types/schema") {
		last = filepath.Join(dir, fmt.Sprintf("esquema%d.xsd", i))
		files[schema.SelectAttrValue("targetNamespace", "")] = filepath.Base(last)
		for _, a := range doc.Root().Attr {
			if a.Space == "xmlns" && a.Key != "wsdl" && a.Key != "soap" {
				schema.CreateAttr("xmlns:"+a.Key, a.Value)
			}
		}
		for _, imported := range schema.SelectElements("import") {
			imported.CreateAttr("schemaLocation", files[imported.SelectAttrValue("namespace", "")])
		}
		out := etree.NewDocument()
		out.SetRoot(schema.Copy())
		if err := out.WriteToFile(last); err != nil {
			t.Fatal(err)
		}
	}
	return last
}
