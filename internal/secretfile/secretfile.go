// Package secretfile reads files that hold one secret and nothing else, as people
// write them: with a mark or without, in UTF-8, in UTF-16 (PowerShell's ">") or in
// the code pages of Windows, with the line end that an editor adds.
//
// It refuses files that are too large to be a secret. Spaces stay: they may be meant.
// No error of its own holds any of the secret.
package secretfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
)

// Max is the size over which a file holds no secret.
const Max = 64 << 10

// Read returns the secret of a file in UTF-8.
func Read(path string) (string, error) {
	f, err := os.Open(path) //nolint:gosec // the operator's own file
	if err != nil {
		return "", err
	}
	content, err := io.ReadAll(io.LimitReader(f, Max+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	if len(content) > Max {
		return "", fmt.Errorf("%s is over %d bytes, which no secret is", path, Max)
	}
	return Text(content), nil
}

// Text returns in UTF-8 what the content of a file says: without mark, and without
// the line end behind it. What is neither UTF-16 nor UTF-8 is read as windows-1252,
// which has Latin-1 within it.
func Text(content []byte) string {
	if text, ok := UTF16(content); ok {
		return string(trim([]byte(text)))
	}
	plain := trim(content)
	if utf8.Valid(plain) {
		return string(plain)
	}
	return decoded(charmap.Windows1252, plain)
}

// Variant is one way in which a password may have been turned into bytes.
type Variant struct {
	Secret []byte
	// How says in Spanish what was done to the file's bytes; it is empty for none.
	How string
}

// pages are the code pages of Windows in Spanish: that of its programs, and that of
// its console, in which "echo … > password.txt" writes.
func pages() []page {
	return []page{{charmap.Windows1252, "Latin-1 (windows-1252)"}, {charmap.CodePage850, "CP850, la página de la consola de Windows"}}
}

type page struct {
	charmap *charmap.Charmap
	name    string
}

// Variants returns the bytes that a password may be, the likeliest first and none
// twice: a key was encrypted with bytes, by a program that need not have used the
// encoding of the file. The blanks around it may be meant, and may come of
// "echo … > password.txt", so that they are tried first. A password in ASCII has one
// variant, or two with blanks; no password has more than twenty.
func Variants(content []byte) []Variant {
	l := encodings(content)
	for _, v := range l[:len(l):len(l)] {
		if bare := []byte(strings.TrimSpace(string(v.Secret))); len(bare) > 0 && len(bare) < len(v.Secret) {
			l.add(bare, v.How, "la contraseña se probó sin los espacios de sus extremos")
		}
	}
	return l
}

// encodings are the variants of a password as it is written.
func encodings(content []byte) list {
	var l list
	if text, ok := UTF16(content); ok {
		l.encodings(string(trim([]byte(text))), "el archivo se leyó como UTF-16")
		return l
	}
	plain := trim(content)
	l.add(plain, "", "")
	if utf8.Valid(plain) {
		l.encodings(string(plain), "")
		return l
	}
	for _, p := range pages() {
		l.encodings(decoded(p.charmap, plain), "el archivo se leyó como "+p.name)
	}
	return l
}

type list []Variant

func (l *list) encodings(text, how string) {
	composed := norm.NFC.String(text)
	l.add([]byte(text), how, "")
	for i, p := range pages() {
		if i > 0 {
			l.add([]byte(composed), how, "la contraseña se probó con sus acentos en una pieza (NFC)")
			l.add([]byte(norm.NFD.String(text)), how, "la contraseña se probó con sus acentos aparte (NFD)")
		}
		if encoded, err := p.charmap.NewEncoder().String(composed); err == nil {
			l.add([]byte(encoded), how, "la contraseña se probó en "+p.name)
		}
	}
}

func (l *list) add(secret []byte, file, password string) {
	if slices.ContainsFunc(*l, func(v Variant) bool { return bytes.Equal(v.Secret, secret) }) {
		return
	}
	how := file
	switch {
	case file != "" && password != "":
		how = file + ", y " + password
	case file == "":
		how = password
	}
	*l = append(*l, Variant{secret, how})
}

// UTF16 decodes a text in UTF-16: one with a mark, or one of whose characters at
// least half are ASCII, so that NULs are in the same half of each.
func UTF16(content []byte) (string, bool) {
	low := 0 // where the low half of a unit is
	switch {
	case bytes.HasPrefix(content, []byte{0xff, 0xfe}):
		content = content[2:]
	case bytes.HasPrefix(content, []byte{0xfe, 0xff}):
		content, low = content[2:], 1
	default:
		var nuls [2]int
		for i, b := range content {
			if b == 0 {
				nuls[i%2]++
			}
		}
		switch {
		case nuls[0] == 0 && 4*nuls[1] >= max(len(content), 2):
		case nuls[1] == 0 && 4*nuls[0] >= max(len(content), 2) && len(content)%2 == 0:
			low = 1
		default:
			return "", false
		}
	}
	units := make([]uint16, 0, len(content)/2+1)
	for len(content) > 0 {
		pair := [2]byte{content[0]} // the last line end may have lost its half to whoever read a line
		n := copy(pair[:], content)
		content = content[n:]
		units = append(units, uint16(pair[low])|uint16(pair[1-low])<<8)
	}
	return string(utf16.Decode(units)), true
}

// trim takes off what editors put around a secret.
func trim(content []byte) []byte {
	return bytes.TrimRight(bytes.TrimPrefix(content, []byte("\ufeff")), "\r\n\x00")
}

func decoded(c *charmap.Charmap, content []byte) string {
	runes := make([]rune, len(content))
	for i, b := range content {
		runes[i] = c.DecodeByte(b)
	}
	return string(runes)
}
