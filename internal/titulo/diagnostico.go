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

// diagnostico finds out why a sello does not verify, so that whoever made it
// knows what to change. The sello is refused in any case.
type diagnostico struct {
	llave    *rsa.PublicKey
	titulo   *Titulo
	firmante int
	cadenas  [][]byte // plain, and with entities
}

// noBase64 says what a text is instead.
func noBase64(texto string) string {
	junto := sinBlancos(texto)
	_, url := base64.URLEncoding.DecodeString(junto)
	_, sinRelleno := base64.RawStdEncoding.DecodeString(junto)
	switch {
	case conMas(texto):
		return "Tiene espacios donde había signos +: algo lo leyó como si fuera parte de una dirección (URL). Mándelo como salió al sellar."
	case strings.HasPrefix(junto, "data:"):
		return "Es una dirección data:; mande solo el base64 que va después de la coma."
	case url == nil:
		return "Es base64 para direcciones, con - y _; escríbalo con + y /."
	case sinRelleno == nil:
		return "No es base64 completo: le faltan caracteres o los = del final."
	}
	return "No es base64."
}

// conMas reports whether the blanks of texto were + once, which a form in a
// web page makes of them: with + it has the length of a sello or of the
// certificate that it begins. A text that was broken into lines has not.
func conMas(texto string) bool {
	if !strings.Contains(texto, " ") || strings.ContainsAny(texto, "\r\n\t") {
		return false
	}
	datos, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(texto, " ", "+"))
	if err != nil || len(datos) < 4 {
		return false
	}
	esDER := datos[0] == 0x30 && datos[1] == 0x82 && int(binary.BigEndian.Uint16(datos[2:]))+4 == len(datos)
	return esDER || len(datos)%128 == 0
}

// de says what is wrong with a sello, in one sentence or two.
func (d diagnostico) de(texto string, firma []byte) string {
	if len(firma) != d.llave.Size() {
		return d.otraForma(texto, firma)
	}
	bloque := d.clave(firma)
	if bloque == nil {
		for _, cadena := range d.cadenas {
			if rsa.VerifyPSS(d.llave, crypto.SHA256, resumen256(cadena), firma, nil) == nil {
				return "Se firmó con RSA-PSS; el sello de un título es RSA PKCS#1 v1.5."
			}
		}
		return "No lo hizo la llave de este certificado, o está dañado."
	}
	hash, digest, ok := digestInfo(bloque)
	switch {
	case !ok:
		return "Se cifró el resumen sin decir con qué se hizo (PKCS#1 v1.5 pide DigestInfo, RFC 8017 §9.2). Firme con «SHA256withRSA»."
	case hash != crypto.SHA256:
		return fmt.Sprintf("Se firmó con %s, y el sello de un título es con SHA-256.", hash)
	}
	return d.otraCadena(digest)
}

// otraForma is for a sello of another length than its key's.
func (d diagnostico) otraForma(texto string, firma []byte) string {
	if datos, err := hex.DecodeString(strings.ReplaceAll(sinBlancos(texto), ":", "")); err == nil && len(datos) == d.llave.Size() {
		return "Está en hexadecimal; se escribe en base64."
	}
	adentro := sinBlancos(string(firma))
	if datos, err := hex.DecodeString(adentro); err == nil && len(datos) == d.llave.Size() {
		return "Es el base64 de un texto hexadecimal; se codifica el sello, no su hexadecimal."
	}
	if datos, err := base64.StdEncoding.DecodeString(adentro); err == nil && len(datos) == d.llave.Size() {
		return "Está dos veces en base64; se codifica una sola vez."
	}
	return fmt.Sprintf("Tiene %d bytes, y el de esta llave tiene %d.", len(firma), d.llave.Size())
}

// clave undoes the signature with the public key and returns what is inside
// the padding of RFC 8017 §9.2, 00 01 FF… 00; nil when there is no such padding.
func (d diagnostico) clave(firma []byte) []byte {
	s := new(big.Int).SetBytes(firma)
	if len(firma) != d.llave.Size() || s.Cmp(d.llave.N) >= 0 {
		return nil
	}
	em := s.Exp(s, big.NewInt(int64(d.llave.E)), d.llave.N).FillBytes(make([]byte, d.llave.Size()))
	relleno, adentro, hay := bytes.Cut(em[min(2, len(em)):], []byte{0})
	if !bytes.HasPrefix(em, []byte{0, 1}) || !hay || len(relleno) < 8 || len(bytes.Trim(relleno, "\xff")) > 0 {
		return nil
	}
	return adentro
}

// digestInfo reads the hash and what it gave.
func digestInfo(der []byte) (crypto.Hash, []byte, bool) {
	var info struct {
		Algoritmo struct {
			OID        asn1.ObjectIdentifier
			Parametros asn1.RawValue `asn1:"optional"`
		}
		Digest []byte
	}
	if resto, err := asn1.Unmarshal(der, &info); err != nil || len(resto) > 0 {
		return 0, nil, false
	}
	for oid, hash := range map[string]crypto.Hash{ // RFC 8017 appendix B.1
		"1.2.840.113549.2.5": crypto.MD5, "1.3.14.3.2.26": crypto.SHA1, "2.16.840.1.101.3.4.2.4": crypto.SHA224,
		"2.16.840.1.101.3.4.2.1": crypto.SHA256, "2.16.840.1.101.3.4.2.2": crypto.SHA384, "2.16.840.1.101.3.4.2.3": crypto.SHA512,
	} {
		if info.Algoritmo.OID.String() == oid {
			return hash, info.Digest, true
		}
	}
	return 0, nil, false
}

// otraCadena tries the cadenas that people are known to have sealed.
func (d diagnostico) otraCadena(digest []byte) string {
	for i := range d.titulo.FirmaResponsables {
		for _, escape := range []Escape{EscapePlano, EscapeEntidades} {
			if i != d.firmante && bytes.Equal(digest, resumen256(CadenaOriginal(*d.titulo, i, escape))) {
				return fmt.Sprintf("Es de la cadena de firmaResponsables/%d: cada firmante sella la suya.", i)
			}
		}
	}
	for _, cadena := range d.cadenas {
		for _, v := range []struct {
			bytes []byte
			es    string
		}{
			{enUnByte(cadena), "Se firmó la cadena en Latin-1 (windows-1252), y va en UTF-8."},
			{slices.Concat([]byte("\xEF\xBB\xBF"), cadena), "Se firmó la cadena con la marca de UTF-8 (BOM) al principio."},
			{slices.Concat(cadena, []byte("\n")), "Se firmó la cadena con un salto de línea al final."},
			{slices.Concat(cadena, []byte("\r\n")), "Se firmó la cadena con un salto de línea al final."},
			{bytes.Trim(cadena, "|"), "Se firmó la cadena sin sus barras (||) de los extremos."},
			{resumen256(cadena), "Se firmó el resumen de la cadena, y no la cadena: quedó dos veces con SHA-256."},
			{[]byte(hex.EncodeToString(resumen256(cadena))), "Se firmó el resumen de la cadena en hexadecimal, y no la cadena."},
			{[]byte(base64.StdEncoding.EncodeToString(cadena)), "Se firmó la cadena en base64, y no la cadena."},
		} {
			if v.bytes != nil && bytes.Equal(digest, resumen256(v.bytes)) {
				return v.es
			}
		}
	}
	return "Es de esta llave y de otra cadena: algo cambió después de firmar."
}

// enUnByte writes a cadena in windows-1252, which has all of Latin-1 that a
// title may hold; nil when it cannot.
func enUnByte(cadena []byte) []byte {
	texto, err := charmap.Windows1252.NewEncoder().Bytes(cadena)
	if err != nil {
		return nil
	}
	return texto
}

func resumen256(cadena []byte) []byte {
	h := crypto.SHA256.New()
	h.Write(cadena)
	return h.Sum(nil)
}
