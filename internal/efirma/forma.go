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

// contenido is what a file is, as far as can be told without a password.
type contenido string

const (
	esCertificado contenido = "un certificado"
	esLlave       contenido = "una llave privada"
	esPKCS12      contenido = "un PKCS#12, que trae el certificado y la llave"
	esPKCS7       contenido = "un PKCS#7, que trae certificados sueltos y ninguna llave"
	esPeticion    contenido = "un requerimiento de certificado, no lo que el SAT entrega después"
	esPublica     contenido = "una llave pública, no la privada"
	esNada        contenido = "un archivo vacío"
	esOtro        contenido = ""
)

// maxPiezas bounds what is looked for in one file; a bundle of authorities is larger
// than any e.firma.
const maxPiezas = 256

// forma is how a file is written and what it holds. It is the only detector of that:
// what opens e.firmas and what reviews them both ask it.
type forma struct {
	piezas []pieza
	pem    bool // of the first piece
	base64 bool // base64 without the lines of PEM
	utf16  bool
	sobra  int // bytes behind the DER
	falta  int // bytes that the DER says to have and the file lacks
	ber    bool
}

// pieza is one object: DER, or the content of a PEM block.
type pieza struct {
	clase contenido
	der   []byte
	label string // of its PEM block
	llave tipoLlave
	// dek is the DEK-Info of a key whose PEM block is encrypted as a whole (RFC 1421,
	// 4.6.1.3): der is ciphertext then.
	dek  string
	cert *x509.Certificate
	// reparados are the attributes of a certificate's names that were read in spite of
	// their encoding.
	reparados []string
	err       error // why cert is nil
}

// examina finds out what a file is.
func examina(content []byte) forma {
	var f forma
	rest := sinMarca(content)
	if text, ok := secretfile.UTF16(content); ok && !empiezaDER(rest) {
		f.utf16, rest = true, []byte(text)
	}
	f.ber = bytes.HasPrefix(rest, []byte{0x30, 0x80}) // of indefinite length
	leido := 0
	for len(f.piezas) < maxPiezas {
		rest = sinMarca(rest)
		if empiezaDER(rest) {
			var raw asn1.RawValue
			tail, err := asn1.Unmarshal(rest, &raw)
			if err != nil {
				f.falta = faltan(rest)
			} else if p := clasifica(raw.FullBytes); p.clase != esOtro || len(f.piezas) == 0 {
				f.piezas = append(f.piezas, p)
				leido, rest = len(raw.FullBytes), tail
				continue
			}
		}
		p, tail, ok := bloque(rest)
		if !ok {
			break
		}
		f.pem = f.pem || len(f.piezas) == 0
		f.piezas = append(f.piezas, p)
		rest = tail
	}
	switch {
	case len(f.piezas) == 0:
		if p, ok := sinArmadura(rest); ok {
			f.piezas, f.base64 = []pieza{p}, true
		}
	case len(f.piezas) == 1 && !f.pem:
		f.sobra = len(content) - bytes.Index(content, f.piezas[0].der) - leido
	}
	return f
}

// busca returns the first piece of a class. Of several certificates the first that
// is no authority's is meant: the others are its chain.
func (f forma) busca(c contenido) (pieza, bool) {
	esta := func(p pieza) bool { return p.clase == c }
	i := slices.IndexFunc(f.piezas, func(p pieza) bool { return esta(p) && p.cert != nil && !p.cert.IsCA })
	if i < 0 {
		i = slices.IndexFunc(f.piezas, esta)
	}
	if i < 0 {
		return pieza{}, false
	}
	return f.piezas[i], true
}

// clase is what to call a file that is not what it should be.
func (f forma) clase(content []byte) contenido {
	if len(content) == 0 {
		return esNada
	}
	for _, p := range f.piezas {
		if p.clase != esOtro {
			return p.clase
		}
	}
	return esOtro
}

func sinMarca(content []byte) []byte {
	return bytes.TrimLeft(bytes.TrimPrefix(bytes.TrimLeft(content, " \t\r\n"), []byte("\ufeff")), " \t\r\n")
}

// empiezaDER reports whether content begins like a SEQUENCE of more than 127 bytes:
// as all certificates and keys do, and no text.
func empiezaDER(content []byte) bool {
	return len(content) > 1 && content[0] == 0x30 && content[1] > 0x80
}

// faltan is how many bytes a SEQUENCE lacks that was cut.
func faltan(der []byte) int {
	n := int(der[1] & 0x7f)
	if n > 3 || len(der) < 2+n {
		return 0
	}
	largo := 0
	for _, b := range der[2 : 2+n] {
		largo = largo<<8 | int(b)
	}
	return max(0, 2+n+largo-len(der))
}

// bloque reads a PEM block as leniently as people write them: indented, in one line,
// with the line ends spelled out, without its last line, with any label (RFC 7468,
// 5.1 and 2, and what mail and editors do beyond).
func bloque(text []byte) (p pieza, rest []byte, ok bool) {
	_, text, ok = bytes.Cut(text, []byte("-----BEGIN "))
	label, text, cerrada := bytes.Cut(text, []byte("-----"))
	if !ok || !cerrada {
		return p, nil, false
	}
	body, rest, _ := bytes.Cut(text, []byte("-----"))
	if _, tras, ok := bytes.Cut(rest, []byte("-----")); ok && bytes.HasPrefix(rest, []byte("END ")) {
		rest = tras
	} else {
		rest = text[len(body):]
	}
	dek, datos := cabezas(string(body))
	der, err := deBase64(datos)
	switch {
	case err != nil:
		p.err = err
	case dek != "":
		p = pieza{clase: esLlave, der: der, dek: dek, llave: llaveEnPEMCifrado}
	case string(label) == "OPENSSH PRIVATE KEY":
		p = pieza{clase: esLlave, der: der, llave: llaveOpenSSH}
	default:
		// What OpenSSL trusts a certificate for stands behind it, within its block.
		var raw asn1.RawValue
		if _, err := asn1.Unmarshal(der, &raw); err != nil {
			p.err = err
		} else {
			p = clasifica(raw.FullBytes)
		}
	}
	p.label = string(label)
	return p, rest, true
}

// cabezas takes the headers of RFC 1421 off a block.
func cabezas(body string) (dek, datos string) {
	body = strings.NewReplacer(`\r`, "\n", `\n`, "\n", "\r", "\n").Replace(body)
	var b strings.Builder
	for linea := range strings.SplitSeq(body, "\n") {
		nombre, valor, esCabeza := strings.Cut(linea, ":")
		switch {
		case !esCabeza:
			b.WriteString(linea)
		case strings.EqualFold(strings.TrimSpace(nombre), "DEK-Info"):
			dek = strings.TrimSpace(valor)
		}
	}
	return dek, b.String()
}

func deBase64(text string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.Join(strings.Fields(text), ""), "="))
}

// sinArmadura reads base64 that lacks PEM's first and last line.
func sinArmadura(text []byte) (pieza, bool) {
	der, err := deBase64(string(text))
	if err != nil || !empiezaDER(der) {
		return pieza{}, false
	}
	var raw asn1.RawValue
	if _, err := asn1.Unmarshal(der, &raw); err != nil {
		return pieza{}, false
	}
	return clasifica(raw.FullBytes), true
}

// pkcs1Key is RFC 8017, A.1.2, as far as needed to recognise one.
type pkcs1Key struct {
	Version                        int
	N, E, D, P, Q, ExpP, ExpQ, Inv *big.Int
}

// sec1Key is RFC 5915, section 3, likewise.
type sec1Key struct {
	Version int
	Key     []byte
}

type publicKeyInfo struct {
	Algorithm struct{ OID asn1.ObjectIdentifier }
	Key       asn1.BitString
}

var oidSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}

// clasifica tells what a DER value is by its structure alone.
func clasifica(der []byte) pieza {
	p := pieza{der: der}
	es := func(v any) bool {
		_, err := asn1.Unmarshal(der, v)
		return err == nil
	}
	var cms contentInfo
	var pfx pfxPDU
	var parecido certificadoDER
	switch {
	case es(&encryptedPrivateKeyInfo{}):
		p.clase, p.llave = esLlave, llaveCifrada
	case es(&privateKeyInfo{}):
		p.clase, p.llave = esLlave, llavePKCS8
	case es(&pkcs1Key{}):
		p.clase, p.llave = esLlave, llavePKCS1
	case es(&sec1Key{}):
		p.clase, p.llave = esLlave, llaveCurva
	case es(&pfx) && pfx.AuthSafe.Type.Equal(oidData):
		p.clase = esPKCS12
	case es(&cms) && cms.Type.Equal(oidSignedData):
		p.clase = esPKCS7
	case es(&publicKeyInfo{}):
		p.clase = esPublica
	case es(&parecido):
		p.clase = esCertificado
		p.cert, p.reparados, p.err = certificado(der, parecido)
	default:
		if _, err := x509.ParseCertificateRequest(der); err == nil {
			p.clase = esPeticion
		}
	}
	return p
}

// enGeneral says why a file could not be read when that is not a matter of its class.
func (f forma) enGeneral() error {
	if f.falta > 0 {
		return fmt.Errorf("%d bytes are missing at the end", f.falta)
	}
	for _, p := range f.piezas {
		if p.err != nil {
			return p.err
		}
	}
	return errors.New("its structure is not known")
}
