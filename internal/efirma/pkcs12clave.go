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

// What a derived key is for (RFC 7292, B.3).
const (
	paraCifrar = 1
	paraVector = 2
	paraMAC    = 3
)

// derivaPKCS12 is RFC 7292, B.2; password is a BMPString with its NUL.
func derivaPKCS12(h func() hash.Hash, password []byte, params pbeParams, para byte, n int) []byte {
	v := h().BlockSize()
	d := bytes.Repeat([]byte{para}, v)
	i := append(llena(params.Salt, v), llena(password, v)...)
	var out []byte
	for len(out) < n {
		a := append(d, i...) //nolint:gocritic // d has no room to spare, so it is copied
		for range params.Iterations {
			suma := h()
			suma.Write(a)
			a = suma.Sum(nil)
		}
		out = append(out, a...)
		b := llena(a, v)
		for bloque := range slices.Chunk(i, v) {
			lleva := 1
			for k := v - 1; k >= 0; k-- {
				lleva += int(bloque[k]) + int(b[k])
				bloque[k] = byte(lleva & 0xff)
				lleva >>= 8
			}
		}
	}
	return out[:n]
}

// llena repeats s to whole blocks of v bytes; nothing stays nothing.
func llena(s []byte, v int) []byte {
	if len(s) == 0 {
		return nil
	}
	largo := (len(s) + v - 1) / v * v
	return bytes.Repeat(s, largo/len(s)+1)[:largo:largo]
}

// bmp is a password as PKCS#12 wants it (RFC 7292, B.1).
func bmp(password string) []byte {
	var b []byte
	for _, u := range append(utf16.Encode([]rune(password)), 0) {
		b = append(b, byte(u>>8), byte(u)) //nolint:gosec // the two halves of a UTF-16 unit
	}
	return b
}

// variantesDeTexto are the passwords that a PKCS#12 may have, which are texts and not
// bytes: what each variant says, and each of its bytes taken for a character, which is
// what OpenSSL before 1.1 did with any password and later ones do with what is no
// UTF-8. Beyond 16 bits a character has no place in a BMPString.
func variantesDeTexto(variantes []secretfile.Variant) []secretfile.Variant {
	var textos []secretfile.Variant
	add := func(texto, como string) {
		cabe := !slices.ContainsFunc([]rune(texto), func(r rune) bool { return r > 0xffff })
		if cabe && !slices.ContainsFunc(textos, func(v secretfile.Variant) bool { return string(v.Secret) == texto }) {
			textos = append(textos, secretfile.Variant{Secret: []byte(texto), How: como})
		}
	}
	for _, v := range variantes {
		if utf8.Valid(v.Secret) {
			add(string(v.Secret), v.How)
		}
	}
	for _, v := range variantes {
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
	return textos
}

func variantesBMP(variantes []secretfile.Variant) []secretfile.Variant {
	textos := variantesDeTexto(variantes)
	for i := range textos {
		textos[i].Secret = bmp(string(textos[i].Secret))
	}
	return textos
}

// notaVariante tells how the password was read, unless it was as it stands.
func (a *apertura) notaVariante(archivos Archivos, v secretfile.Variant) {
	if v.How != "" {
		a.avisa(AvisoCodificacion, "La contraseña%s no sirvió tal cual, pero sí así: %s. Otros programas quizá no la lean de esa manera.", archivos.deArchivo(), v.How)
	}
}

func (a Archivos) deArchivo() string {
	if a.NombrePassword == "" {
		return ""
	}
	return " (" + a.NombrePassword + ")"
}
