package efirma

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/secretfile"
)

// contentKind is the kind of a file, as far as it shows without a password.
type contentKind string

const (
	isCertificado contentKind = "un certificado"
	isLlave       contentKind = "una llave privada"
	isPKCS12      contentKind = "un PKCS#12, que trae el certificado y la llave"
	isPKCS7       contentKind = "un PKCS#7, que trae certificados sueltos y ninguna llave"
	isRequest     contentKind = "un requerimiento de certificado, no lo que el SAT entrega después"
	isPublic      contentKind = "una llave pública, no la privada"
	isNothing     contentKind = "un archivo vacío"
	isOther       contentKind = ""
)

// maxPieces bounds the objects read from one file. No e.firma has as many; a bundle of
// authorities may.
const maxPieces = 256

// form is the encoding and content of a file. Both opening and checking an e.firma use
// this one detector.
type form struct {
	pieces  []piece
	pem     bool // of the first piece
	base64  bool // base64 without the lines of PEM
	utf16   bool
	surplus int // bytes after the DER
	missing int // bytes that the DER declares and the file lacks
	ber     bool
}

// piece is one object: DER, or the content of a PEM block.
type piece struct {
	class contentKind
	der   []byte
	label string // of its PEM block
	llave tipoLlave
	// dek is the DEK-Info of a key whose PEM block is encrypted as a whole (RFC 1421,
	// 4.6.1.3); der is then ciphertext.
	dek  string
	cert *x509.Certificate
	// repaired lists the attributes of the certificate's names whose encoding was
	// repaired.
	repaired []string
	err      error // why cert is nil
}

// examine determines the form of a file.
func examine(content []byte) form {
	var f form
	rest := withoutMark(content)
	if text, ok := secretfile.UTF16(content); ok && !beginDER(rest) {
		f.utf16, rest = true, []byte(text)
	}
	f.ber = bytes.HasPrefix(rest, []byte{0x30, 0x80}) // of indefinite length
	read := 0
	for len(f.pieces) < maxPieces {
		rest = withoutMark(rest)
		if beginDER(rest) {
			var raw asn1.RawValue
			tail, err := asn1.Unmarshal(rest, &raw)
			if err != nil {
				f.missing = missingBytes(rest)
			} else if p := classify(raw.FullBytes); p.class != isOther || len(f.pieces) == 0 {
				f.pieces = append(f.pieces, p)
				read, rest = len(raw.FullBytes), tail
				continue
			}
		}
		p, tail, ok := block(rest)
		if !ok {
			break
		}
		f.pem = f.pem || len(f.pieces) == 0
		f.pieces = append(f.pieces, p)
		rest = tail
	}
	switch {
	case len(f.pieces) == 0:
		if p, ok := withoutArmor(rest); ok {
			f.pieces, f.base64 = []piece{p}, true
		}
	case len(f.pieces) == 1 && !f.pem:
		f.surplus = len(content) - bytes.Index(content, f.pieces[0].der) - read
	}
	return f
}

// find returns the first piece of a class. Among several certificates it prefers the
// first one that is not an authority's: the others are its chain.
func (f form) find(c contentKind) (piece, bool) {
	this := func(p piece) bool { return p.class == c }
	i := slices.IndexFunc(f.pieces, func(p piece) bool { return this(p) && p.cert != nil && !p.cert.IsCA })
	if i < 0 {
		i = slices.IndexFunc(f.pieces, this)
	}
	if i < 0 {
		return piece{}, false
	}
	return f.pieces[i], true
}

// class names what a file is, if it is not what it should be.
func (f form) class(content []byte) contentKind {
	if len(content) == 0 {
		return isNothing
	}
	for _, p := range f.pieces {
		if p.class != isOther {
			return p.class
		}
	}
	return isOther
}

func withoutMark(content []byte) []byte {
	return bytes.TrimLeft(bytes.TrimPrefix(bytes.TrimLeft(content, " \t\r\n"), []byte("\ufeff")), " \t\r\n")
}

// beginDER reports whether content begins like a SEQUENCE longer than 127 bytes, as every
// certificate and key does and no text does.
func beginDER(content []byte) bool {
	return len(content) > 1 && content[0] == 0x30 && content[1] > 0x80
}

// missingBytes returns how many bytes a truncated SEQUENCE lacks.
func missingBytes(der []byte) int {
	n := int(der[1] & 0x7f)
	if n > 3 || len(der) < 2+n {
		return 0
	}
	length := 0
	for _, b := range der[2 : 2+n] {
		length = length<<8 | int(b)
	}
	return max(0, 2+n+length-len(der))
}

// block reads a PEM block in the ways that people write them: indented, in one line, with
// spelled-out line ends, without the last line, with any label (RFC 7468, 5.1 and 2, and
// further effects of mail and editors).
func block(text []byte) (p piece, rest []byte, ok bool) {
	_, text, ok = bytes.Cut(text, []byte("-----BEGIN "))
	label, text, closed := bytes.Cut(text, []byte("-----"))
	if !ok || !closed {
		return p, nil, false
	}
	body, rest, _ := bytes.Cut(text, []byte("-----"))
	if _, after, ok := bytes.Cut(rest, []byte("-----")); ok && bytes.HasPrefix(rest, []byte("END ")) {
		rest = after
	} else {
		rest = text[len(body):]
	}
	dek, data := heads(string(body))
	der, err := ofBase64(data)
	switch {
	case err != nil:
		p.err = err
	case dek != "":
		p = piece{class: isLlave, der: der, dek: dek, llave: llaveInEncryptedPEM}
	case string(label) == "OPENSSH PRIVATE KEY":
		p = piece{class: isLlave, der: der, llave: llaveOpenSSH}
	default:
		// OpenSSL writes the uses for which it trusts a certificate after it, in the same
		// block.
		var raw asn1.RawValue
		if _, err := asn1.Unmarshal(der, &raw); err != nil {
			p.err = err
		} else {
			p = classify(raw.FullBytes)
		}
	}
	p.label = string(label)
	return p, rest, true
}

// heads separates the headers of RFC 1421 from a block's data.
func heads(body string) (dek, data string) {
	body = strings.NewReplacer(`\r`, "\n", `\n`, "\n", "\r", "\n").Replace(body)
	var b strings.Builder
	for line := range strings.SplitSeq(body, "\n") {
		name, value, isHead := strings.Cut(line, ":")
		switch {
		case !isHead:
			b.WriteString(line)
		case strings.EqualFold(strings.TrimSpace(name), "DEK-Info"):
			dek = strings.TrimSpace(value)
		}
	}
	return dek, b.String()
}

func ofBase64(text string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.Join(strings.Fields(text), ""), "="))
}

// withoutArmor reads base64 without PEM's first and last lines.
func withoutArmor(text []byte) (piece, bool) {
	der, err := ofBase64(string(text))
	if err != nil || !beginDER(der) {
		return piece{}, false
	}
	var raw asn1.RawValue
	if _, err := asn1.Unmarshal(der, &raw); err != nil {
		return piece{}, false
	}
	return classify(raw.FullBytes), true
}

// pkcs1Key is RFC 8017, A.1.2, as far as needed to recognize one.
type pkcs1Key struct {
	Version                        int
	N, E, D, P, Q, ExpP, ExpQ, Inv *big.Int
}

// sec1Key is RFC 5915, section 3, as far as needed to recognize one.
type sec1Key struct {
	Version int
	Key     []byte
}

type publicKeyInfo struct {
	Algorithm struct{ OID asn1.ObjectIdentifier }
	Key       asn1.BitString
}

var oidSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}

// classify determines what a DER value is by its structure alone.
func classify(der []byte) piece {
	p := piece{der: der}
	es := func(v any) bool {
		_, err := asn1.Unmarshal(der, v)
		return err == nil
	}
	var cms contentInfo
	var pfx pfxPDU
	var similar certificadoDER
	switch {
	case es(&encryptedPrivateKeyInfo{}):
		p.class, p.llave = isLlave, llaveEncrypted
	case es(&privateKeyInfo{}):
		p.class, p.llave = isLlave, llavePKCS8
	case es(&pkcs1Key{}):
		p.class, p.llave = isLlave, llavePKCS1
	case es(&sec1Key{}):
		p.class, p.llave = isLlave, llaveCurve
	case es(&pfx) && pfx.AuthSafe.Type.Equal(oidData):
		p.class = isPKCS12
	case es(&cms) && cms.Type.Equal(oidSignedData):
		p.class = isPKCS7
	case es(&publicKeyInfo{}):
		p.class = isPublic
	case es(&similar):
		p.class = isCertificado
		p.cert, p.repaired, p.err = certificado(der, similar)
	default:
		if _, err := x509.ParseCertificateRequest(der); err == nil {
			p.class = isRequest
		}
	}
	return p
}

// inGeneral returns why a file could not be read, for reasons that apply to every kind of
// file.
func (f form) inGeneral() error {
	if f.missing > 0 {
		return fmt.Errorf("%d bytes are missing at the end", f.missing)
	}
	for _, p := range f.pieces {
		if p.err != nil {
			return p.err
		}
	}
	return errors.New("its structure is not known")
}
