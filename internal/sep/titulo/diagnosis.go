package titulo

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"golang.org/x/text/encoding/charmap"
)

// diagnosis finds why a sello does not verify, so that its maker knows what to change.
// The sello is refused in any case.
type diagnosis struct {
	llave    *rsa.PublicKey
	titulo   *Titulo
	firmante int
	strings  [][]byte // plain, and with entities
}

// noBase64 names what a text is, if it is not base64.
func noBase64(text string) string {
	joined := withoutBlank(text)
	_, url := base64.URLEncoding.DecodeString(joined)
	_, withoutPadding := base64.RawStdEncoding.DecodeString(joined)
	switch {
	case withMore(text):
		return "Tiene espacios donde había signos +: algo lo leyó como si fuera parte de una dirección (URL). Mándelo como salió al sellar."
	case strings.HasPrefix(joined, "data:"):
		return "Es una dirección data:; mande solo el base64 que va después de la coma."
	case url == nil:
		return "Es base64 para direcciones, con - y _; escríbalo con + y /."
	case withoutPadding == nil:
		return "No es base64 completo: le faltan caracteres o los = del final."
	}
	return "No es base64."
}

// withMore reports whether the blanks of text were + characters, which a web form turns
// into blanks: with + it has the length of a sello or of the certificate that it begins.
// A text in lines does not.
func withMore(text string) bool {
	if !strings.Contains(text, " ") || strings.ContainsAny(text, "\r\n\t") {
		return false
	}
	data, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(text, " ", "+"))
	if err != nil || len(data) < 4 {
		return false
	}
	isDER := data[0] == 0x30 && data[1] == 0x82 && int(binary.BigEndian.Uint16(data[2:]))+4 == len(data)
	return isDER || len(data)%128 == 0
}

// de explains the fault of a sello in one or two sentences.
func (d diagnosis) de(text string, firma []byte) string {
	if len(firma) != d.llave.Size() {
		return d.otherForm(text, firma)
	}
	block := d.key(firma)
	if block == nil {
		for _, cadena := range d.strings {
			if rsa.VerifyPSS(d.llave, crypto.SHA256, summary256(cadena), firma, nil) == nil {
				return "Se firmó con RSA-PSS; el sello de un título es RSA PKCS#1 v1.5."
			}
		}
		return "No lo hizo la llave de este certificado, o está dañado."
	}
	hash, digest, ok := digestInfo(block)
	switch {
	case !ok:
		return "Se cifró el resumen sin decir con qué se hizo (PKCS#1 v1.5 pide DigestInfo, RFC 8017 §9.2). Firme con «SHA256withRSA»."
	case hash != crypto.SHA256:
		return fmt.Sprintf("Se firmó con %s, y el sello de un título es con SHA-256.", hash)
	}
	return d.otherCadena(digest)
}

// otherForm explains a sello whose length is not its key's.
func (d diagnosis) otherForm(text string, firma []byte) string {
	if data, err := hex.DecodeString(strings.ReplaceAll(withoutBlank(text), ":", "")); err == nil && len(data) == d.llave.Size() {
		return "Está en hexadecimal; se escribe en base64."
	}
	inside := withoutBlank(string(firma))
	if data, err := hex.DecodeString(inside); err == nil && len(data) == d.llave.Size() {
		return "Es el base64 de un texto hexadecimal; se codifica el sello, no su hexadecimal."
	}
	if data, err := base64.StdEncoding.DecodeString(inside); err == nil && len(data) == d.llave.Size() {
		return "Está dos veces en base64; se codifica una sola vez."
	}
	return fmt.Sprintf("Tiene %d bytes, y el de esta llave tiene %d.", len(firma), d.llave.Size())
}

// key decrypts the signature with the public key and returns the content of the padding
// of RFC 8017 §9.2, 00 01 FF… 00; nil without such padding.
func (d diagnosis) key(firma []byte) []byte {
	s := new(big.Int).SetBytes(firma)
	if len(firma) != d.llave.Size() || s.Cmp(d.llave.N) >= 0 {
		return nil
	}
	em := s.Exp(s, big.NewInt(int64(d.llave.E)), d.llave.N).FillBytes(make([]byte, d.llave.Size()))
	padding, inside, has := bytes.Cut(em[min(2, len(em)):], []byte{0})
	if !bytes.HasPrefix(em, []byte{0, 1}) || !has || len(padding) < 8 || len(bytes.Trim(padding, "\xff")) > 0 {
		return nil
	}
	return inside
}

// digestInfo returns the hash function and the digest.
func digestInfo(der []byte) (crypto.Hash, []byte, bool) {
	var info struct {
		Algorithm struct {
			OID    asn1.ObjectIdentifier
			Params asn1.RawValue `asn1:"optional"`
		}
		Digest []byte
	}
	if rest, err := asn1.Unmarshal(der, &info); err != nil || len(rest) > 0 {
		return 0, nil, false
	}
	for oid, hash := range map[string]crypto.Hash{ // RFC 8017 appendix B.1
		"1.2.840.113549.2.5": crypto.MD5, "1.3.14.3.2.26": crypto.SHA1, "2.16.840.1.101.3.4.2.4": crypto.SHA224,
		"2.16.840.1.101.3.4.2.1": crypto.SHA256, "2.16.840.1.101.3.4.2.2": crypto.SHA384, "2.16.840.1.101.3.4.2.3": crypto.SHA512,
	} {
		if info.Algorithm.OID.String() == oid {
			return hash, info.Digest, true
		}
	}
	return 0, nil, false
}

// otherCadena tries strings that people are known to seal by mistake.
func (d diagnosis) otherCadena(digest []byte) string {
	for i := range d.titulo.FirmaResponsables {
		for _, escape := range []Escape{EscapeFlat, EscapeEntidades} {
			if i != d.firmante && bytes.Equal(digest, summary256(CadenaOriginal(*d.titulo, i, escape))) {
				return fmt.Sprintf("Es de la cadena de firmaResponsables/%d: cada firmante sella la suya.", i)
			}
		}
	}
	for _, cadena := range d.strings {
		for _, v := range []struct {
			bytes []byte
			es    string
		}{
			{inByte(cadena), "Se firmó la cadena en Latin-1 (windows-1252), y va en UTF-8."},
			{slices.Concat([]byte("\xEF\xBB\xBF"), cadena), "Se firmó la cadena con la marca de UTF-8 (BOM) al principio."},
			{slices.Concat(cadena, []byte("\n")), "Se firmó la cadena con un salto de línea al final."},
			{slices.Concat(cadena, []byte("\r\n")), "Se firmó la cadena con un salto de línea al final."},
			{bytes.Trim(cadena, "|"), "Se firmó la cadena sin sus barras (||) de los extremos."},
			{summary256(cadena), "Se firmó el resumen de la cadena, y no la cadena: quedó dos veces con SHA-256."},
			{[]byte(hex.EncodeToString(summary256(cadena))), "Se firmó el resumen de la cadena en hexadecimal, y no la cadena."},
			{[]byte(base64.StdEncoding.EncodeToString(cadena)), "Se firmó la cadena en base64, y no la cadena."},
		} {
			if v.bytes != nil && bytes.Equal(digest, summary256(v.bytes)) {
				return v.es
			}
		}
	}
	return "Es de esta llave y de otra cadena: algo cambió después de firmar."
}

// inByte returns a cadena in windows-1252, which has all of Latin-1 that a title may
// contain; nil if it cannot.
func inByte(cadena []byte) []byte {
	text, err := charmap.Windows1252.NewEncoder().Bytes(cadena)
	if err != nil {
		return nil
	}
	return text
}

func summary256(cadena []byte) []byte {
	h := crypto.SHA256.New()
	h.Write(cadena)
	return h.Sum(nil)
}
