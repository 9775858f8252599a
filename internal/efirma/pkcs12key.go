package efirma

import (
	"bytes"
	"cmp"
	"hash"
	"slices"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/pasarela-mx/pasarela/internal/secretfile"
)

// The purposes of a derived key (RFC 7292, B.3).
const (
	toEncrypt = 1
	forVector = 2
	forMAC    = 3
)

// derivePKCS12 is RFC 7292, B.2; password is a BMPString with its NUL.
func derivePKCS12(h func() hash.Hash, password []byte, params pbeParams, forWhom byte, n int) []byte {
	v := h().BlockSize()
	d := bytes.Repeat([]byte{forWhom}, v)
	i := append(fill(params.Salt, v), fill(password, v)...)
	var out []byte
	for len(out) < n {
		a := append(d, i...) //nolint:gocritic // d has no room to spare, so it is copied
		for range params.Iterations {
			sum := h()
			sum.Write(a)
			a = sum.Sum(nil)
		}
		out = append(out, a...)
		b := fill(a, v)
		for block := range slices.Chunk(i, v) {
			carry := 1
			for k := v - 1; k >= 0; k-- {
				carry += int(block[k]) + int(b[k])
				block[k] = byte(carry & 0xff)
				carry >>= 8
			}
		}
	}
	return out[:n]
}

// fill repeats s up to whole blocks of v bytes; an empty s stays empty.
func fill(s []byte, v int) []byte {
	if len(s) == 0 {
		return nil
	}
	length := (len(s) + v - 1) / v * v
	return bytes.Repeat(s, length/len(s)+1)[:length:length]
}

// bmp returns a password as PKCS#12 needs it (RFC 7292, B.1).
func bmp(password string) []byte {
	var b []byte
	for _, u := range append(utf16.Encode([]rune(password)), 0) {
		b = append(b, byte(u>>8), byte(u)) //nolint:gosec // the two halves of a UTF-16 unit
	}
	return b
}

// textVariants returns the possible passwords of a PKCS#12, which are texts and not
// bytes: each variant's text, and each variant with every byte taken as a character.
// OpenSSL before 1.1 did the latter with any password, and later ones do if it is not
// UTF-8. A BMPString has no characters beyond 16 bits.
func textVariants(variants []secretfile.Variant) []secretfile.Variant {
	var texts []secretfile.Variant
	add := func(text, how string) {
		fit := !slices.ContainsFunc([]rune(text), func(r rune) bool { return r > 0xffff })
		if fit && !slices.ContainsFunc(texts, func(v secretfile.Variant) bool { return string(v.Secret) == text }) {
			texts = append(texts, secretfile.Variant{Secret: []byte(text), How: how})
		}
	}
	for _, v := range variants {
		if utf8.Valid(v.Secret) {
			add(string(v.Secret), v.How)
		}
	}
	for _, v := range variants {
		runas := make([]rune, len(v.Secret))
		for i, b := range v.Secret {
			runas[i] = rune(b)
		}
		if utf8.Valid(v.Secret) {
			add(string(runas), "cada byte de la contraseña se probó como un carácter, como hacía OpenSSL antes de 1.1")
		} else {
			add(string(runas), cmp.Or(v.How, "el archivo se leyó como Latin-1"))
		}
	}
	return texts
}

func bmpVariants(variants []secretfile.Variant) []secretfile.Variant {
	texts := textVariants(variants)
	for i := range texts {
		texts[i].Secret = bmp(string(texts[i].Secret))
	}
	return texts
}

// variantNote adds a notice about how the password was read, unless it was read as it
// stands.
func (a *opening) variantNote(files Files, v secretfile.Variant) {
	if v.How != "" {
		a.notify(AvisoEncoding, "La contraseña%s no sirvió tal cual, pero sí así: %s. Otros programas quizá no la lean de esa manera.", files.ofFile(), v.How)
	}
}

func (a Files) ofFile() string {
	if a.PasswordName == "" {
		return ""
	}
	return " (" + a.PasswordName + ")"
}
