package sandbox_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"strings"
	"time"
)

// security is the WS-Security header of Autentica, created at an instant.
func (c *client) security(created time.Time) string {
	return c.securityOf(created, created.Add(5*time.Minute))
}

func (c *client) securityOf(created, expire time.Time) string {
	return c.securityWith(created, expire, "#_0")
}

// securityWith signs the Timestamp under a reference of its own.
func (c *client) securityWith(created, expire time.Time, uri string) string {
	times := "<u:Created>" + created.UTC().Format(millisFormat) + "</u:Created><u:Expires>" + expire.UTC().Format(millisFormat) + "</u:Expires></u:Timestamp>"
	digest := sha(`<u:Timestamp xmlns:u="` + nsWSU + `" u:Id="_0">` + times)
	info := func(xmlns string) string { return signedInfo(xmlns, "", excC14n, ` URI="`+uri+`"`, excC14n, digest) }
	return `<o:Security xmlns:o="` + nsWSSE + `" s:mustUnderstand="1"><u:Timestamp u:Id="_0">` + times +
		`<o:BinarySecurityToken u:Id="uuid-1" ValueType="` + profileX509 + `" EncodingType="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary">` +
		b64(c.cer) + `</o:BinarySecurityToken><Signature xmlns="` + nsDS + `">` + info("") + "<SignatureValue>" +
		c.seal(info(` xmlns="`+nsDS+`"`)) + `</SignatureValue><KeyInfo><o:SecurityTokenReference><o:Reference ValueType="` + profileX509 +
		`" URI="#uuid-1"/></o:SecurityTokenReference></KeyInfo></Signature></o:Security>`
}

func (c *client) seal(text string) string {
	sum := sha1.Sum([]byte(text))
	firma, err := rsa.SignPKCS1v15(rand.Reader, c.key, crypto.SHA1, sum[:])
	if err != nil {
		c.t.Fatal(err)
	}
	return b64(firma)
}

// signedInfo is canonical when xmlns is what canonicalisation puts there.
func signedInfo(xmlns, p, c14n, uri, transform, digest string) string {
	return strings.NewReplacer("«", "<"+p, "»", "</"+p).Replace(
		`«SignedInfo` + xmlns + `>«CanonicalizationMethod Algorithm="` + c14n + `">»CanonicalizationMethod>«SignatureMethod Algorithm="` + nsDS + `rsa-sha1">»SignatureMethod>` +
			`«Reference` + uri + `>«Transforms>«Transform Algorithm="` + transform + `">»Transform>»Transforms>«DigestMethod Algorithm="` + nsDS + `sha1">»DigestMethod>` +
			`«DigestValue>` + digest + `»DigestValue>»Reference>»SignedInfo>`)
}

func (c *client) llave(p string) string {
	return strings.NewReplacer("«", "<"+p, "»", "</"+p).Replace(`«KeyInfo>«X509Data>«X509IssuerSerial>«X509IssuerName>CN=X»X509IssuerName>«X509SerialNumber>`) + c.serie +
		strings.NewReplacer("«", "<"+p, "»", "</"+p).Replace(`»X509SerialNumber>»X509IssuerSerial>«X509Certificate>`+b64(c.cer)+`»X509Certificate>»X509Data>»KeyInfo>`)
}

// firmaA is phpcfdi's way: the operation's element, exclusive canonicalisation, URI "".
func firmaA(c *client, op, node, attributes, children string) string {
	return signWithURI(` URI=""`)(c, op, node, attributes, children)
}

func signWithURI(uri string) func(c *client, op, node, attributes, children string) string {
	return func(c *client, op, node, attributes, children string) string {
		digest := sha("<des:" + op + ` xmlns:des="` + nsDes + `"><des:` + node + attributes + ">" + children + "</des:" + node + "></des:" + op + ">")
		sello := c.seal(signedInfo(` xmlns="`+nsDS+`"`, "", excC14n, uri, excC14n, digest))
		return c.envelope(op, node, attributes, children, `<Signature xmlns="`+nsDS+`">`+signedInfo("", "", excC14n, uri, excC14n, digest)+
			"<SignatureValue>"+sello+"</SignatureValue>"+c.llave("")+"</Signature>")
	}
}

// signWithLatePrefix is python-cfdiclient's way: A, whose names get a prefix once it is signed.
func signWithLatePrefix(c *client, op, node, attributes, children string) string {
	before, firma, _ := strings.Cut(firmaA(c, op, node, attributes, children), `<Signature xmlns="`+nsDS+`">`)
	firma, after, _ := strings.Cut(firma, "</Signature>")
	firma = strings.NewReplacer("</", "</xd:", "<", "<xd:").Replace(firma)
	return before + `<xd:Signature xmlns:xd="` + nsDS + `">` + firma + "</xd:Signature>" + after
}

// inherited are the namespaces in scope in envelope, as inclusive canonicalisation renders them.
const inherited = ` xmlns:des="` + nsDes + `" xmlns:s="` + nsSOAP + `"`

// firmaB is the request node alone, inclusive, enveloped.
func firmaB(c *client, op, node, attributes, children string) string {
	digest := sha("<des:" + node + inherited + attributes + ">" + children + "</des:" + node + ">")
	sello := c.seal(signedInfo(` xmlns="`+nsDS+`"`+inherited, "", incC14n, ` URI=""`, wrapped, digest))
	return c.envelope(op, node, attributes, children, `<Signature xmlns="`+nsDS+`">`+signedInfo("", "", incC14n, ` URI=""`, wrapped, digest)+
		"<SignatureValue>"+sello+"</SignatureValue>"+c.llave("")+"</Signature>")
}

// firmaD is satcfdi's way: the operation's element, inclusive, enveloped, with the prefix ds.
func firmaD(c *client, op, node, attributes, children string) string {
	digest := sha("<des:" + op + inherited + "><des:" + node + attributes + ">" + children + "</des:" + node + "></des:" + op + ">")
	ds := ` xmlns:des="` + nsDes + `" xmlns:ds="` + nsDS + `" xmlns:s="` + nsSOAP + `"`
	sello := c.seal(signedInfo(ds, "ds:", incC14n, ` URI=""`, wrapped, digest))
	return c.envelope(op, node, attributes, children, `<ds:Signature xmlns:ds="`+nsDS+`">`+signedInfo("", "ds:", incC14n, ` URI=""`, wrapped, digest)+
		"<ds:SignatureValue>"+sello+"</ds:SignatureValue>"+c.llave("ds:")+"</ds:Signature>")
}

// signApart is what satcfdi really sends: D, its SignedInfo signed as a document of its own.
func signApart(c *client, op, node, attributes, children string) string {
	text := firmaD(c, op, node, attributes, children)
	digest := between(text, "<ds:DigestValue>", "</ds:DigestValue>")
	sello := c.seal(signedInfo(` xmlns:ds="`+nsDS+`"`, "ds:", incC14n, ` URI=""`, wrapped, digest))
	return strings.Replace(text, between(text, "<ds:SignatureValue>", "</ds:SignatureValue>"), sello, 1)
}

func (c *client) envelope(op, node, attributes, children, firma string) string {
	return `<s:Envelope xmlns:s="` + nsSOAP + `" xmlns:des="` + nsDes + `"><s:Header/><s:Body><des:` + op + "><des:" + node + attributes + ">" + children + firma +
		"</des:" + node + "></des:" + op + "></s:Body></s:Envelope>"
}
