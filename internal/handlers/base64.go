package handlers

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/segmentio/asm/base64"
)

// base64Text decodes base64 as every route accepts it (RFC 4648 §4): the standard
// alphabet, with complete padding, and with line breaks and blanks anywhere, as MIME
// encoders write it. Text written to it is decoded to the writer to, block by block. The
// errors of Write and Close say what the text seems to be instead.
type base64Text struct {
	to     io.Writer
	head   []byte // the beginning of the text
	text   []byte // characters that are not decoded yet
	out    []byte
	passed int64 // characters decoded so far
	padded bool  // the padding has been read
	spaced bool  // it has spaces, which may have been +
}

// base64Head is long enough to recognize a text by its beginning.
const base64Head = 64

func newBase64Text(to io.Writer) *base64Text {
	return &base64Text{to: to, text: make([]byte, 0, jsonBlock), out: make([]byte, jsonBlock/4*3+decodeSlack)}
}

func (b *base64Text) Write(p []byte) (int, error) {
	if missing := base64Head - len(b.head); missing > 0 {
		b.head = append(b.head, p[:min(missing, len(p))]...)
	}
	for rest := p; len(rest) > 0; {
		block := rest[:min(len(rest), cap(b.text)-len(b.text))]
		rest = rest[len(block):]
		b.dense(block)
		if err := b.decode(); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

const onlyAtTheEnd = "El relleno (=) solo va al final."

// dense appends the characters of a block without its blanks.
func (b *base64Text) dense(block []byte) {
	b.spaced = b.spaced || bytes.IndexByte(block, ' ') >= 0
	for len(block) > 0 {
		run := block
		for _, blank := range []byte{'\n', '\r', ' ', '\t'} {
			if i := bytes.IndexByte(run[:min(len(run), lookAhead)], blank); i >= 0 {
				run = run[:i]
			}
		}
		run = run[:min(len(run), lookAhead)]
		b.text = append(b.text, run...)
		block = block[len(run):]
		if len(block) > 0 && strings.IndexByte("\n\r \t", block[0]) >= 0 {
			block = block[1:]
		}
	}
}

// decode decodes the complete groups of four.
func (b *base64Text) decode() error {
	whole := len(b.text) &^ 3
	if whole == 0 {
		return nil
	}
	if b.padded {
		return b.fault(onlyAtTheEnd)
	}
	n, err := base64.StdEncoding.Decode(b.out, b.text[:whole])
	if err != nil {
		return b.wrong(b.text)
	}
	b.padded = b.text[whole-1] == '='
	b.passed += int64(whole)
	if _, err := b.to.Write(b.out[:n]); err != nil {
		return err
	}
	b.text = b.text[:copy(b.text, b.text[whole:])]
	return nil
}

// Close returns an error if the text was incomplete.
func (b *base64Text) Close() error {
	switch {
	case len(b.text) == 0:
		return nil
	case b.padded:
		return b.fault(onlyAtTheEnd)
	case bytes.IndexFunc(b.text, notBase64Character) >= 0 || looksLike(b.head) != "":
		return b.wrong(b.text)
	case b.spaced:
		return b.fault("Le faltan caracteres y tiene espacios: quizá eran signos +.")
	case len(b.text) == 1:
		return b.fault("Está cortado: le faltan caracteres.")
	}
	return b.fault("Le falta el relleno (=) del final, o está cortado.")
}

// wrong says what a text that cannot be decoded seems to be.
func (b *base64Text) wrong(part []byte) error {
	if what := looksLike(b.head); what != "" {
		return b.fault(what)
	}
	i := bytes.IndexFunc(part, notBase64Character)
	if i < 0 {
		return b.fault(onlyAtTheEnd)
	}
	switch r, _ := utf8.DecodeRune(part[i:]); {
	case r == '-', r == '_':
		return b.fault("Parece base64url: use el alfabeto con + y / en lugar de - y _, y el relleno (=).")
	case r == '%':
		return b.fault("Parece escrito para una dirección (%2B): envíelo sin esa codificación.")
	case unicode.IsPrint(r) && r != utf8.RuneError:
		return b.fault(fmt.Sprintf("El carácter %d, «%c», no es de base64.", b.passed+int64(i)+1, r))
	case r == '\ufeff':
		return b.fault("Tiene una marca de orden de bytes (BOM, U+FEFF): quítela.")
	case r != utf8.RuneError:
		return b.fault(fmt.Sprintf("El carácter %d, que no se ve (U+%04X), no es de base64.", b.passed+int64(i)+1, r))
	default:
		return b.fault(fmt.Sprintf("El carácter %d no es de base64.", b.passed+int64(i)+1))
	}
}

func (b *base64Text) fault(what string) error { return base64Fault("No es base64 completo. " + what) }

// base64Fault says in Spanish what is wrong with a text.
type base64Fault string

func (f base64Fault) Error() string { return string(f) }

func notBase64Character(r rune) bool {
	return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '+' && r != '/' && r != '='
}

// looksLike names a text that is not base64 by its beginning; empty if unknown.
func looksLike(head []byte) string {
	head = bytes.TrimLeft(head, " \t\r\n\ufeff")
	switch {
	case len(head) >= 5 && strings.EqualFold(string(head[:5]), "data:"):
		return "Parece una dirección data: quite lo que va hasta la coma."
	case bytes.HasPrefix(head, []byte("<")), bytes.HasPrefix(head, []byte("&lt;")):
		return "Parece el documento mismo, sin codificar."
	case bytes.HasPrefix(head, []byte("-----BEGIN")):
		return "Parece PEM: quite los renglones BEGIN y END."
	case bytes.HasPrefix(head, []byte(`"`)), bytes.HasPrefix(head, []byte("'")):
		return "Está entre comillas dentro del texto: quítelas."
	}
	return ""
}

// decodeBase64 decodes a complete text.
func decodeBase64(text string) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(len(text) / 4 * 3)
	d := newBase64Text(&out)
	if _, err := io.WriteString(d, text); err != nil {
		return nil, err
	}
	if err := d.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// checkBase64 checks a text of format byte as the routes do.
func checkBase64(text []byte) error {
	d := newBase64Text(io.Discard)
	if _, err := d.Write(text); err != nil {
		return err
	}
	return d.Close()
}
