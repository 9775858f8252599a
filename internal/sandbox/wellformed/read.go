// Package wellformed is the sandbox's own reader of XML: strict about XML 1.0 and
// its namespaces, and whole in memory. The parsers of the simulated systems refuse
// documents that encoding/xml accepts. The gateway's own reader cannot be used either,
// because the sandbox is there to test it. It refuses DTDs.
package wellformed

import (
	"encoding/xml"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Document is what a document holds.
type Document struct {
	// Tokens have their namespaces resolved, line ends and values normalised, and
	// no declarations of namespaces among their attributes.
	Tokens []xml.Token
	// Places are where each token begins and ends in the text. The end of an empty
	// element has no length.
	Places [][2]int
	// Default is the namespace of the root's names that have no prefix.
	Default string
	// Encoding is what the declaration names, or "".
	Encoding string
}

const (
	nsXML   = "http://www.w3.org/XML/1998/namespace"
	nsXMLNS = "http://www.w3.org/2000/xmlns/"
	white   = " \t\r\n"

	// NameStartChar and NameChar of XML 1.0, fifth edition, without the colon.
	start = `A-Z_a-z\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{2FF}\x{370}-\x{37D}\x{37F}-\x{1FFF}\x{200C}-\x{200D}\x{2070}-\x{218F}` +
		`\x{2C00}-\x{2FEF}\x{3001}-\x{D7FF}\x{F900}-\x{FDCF}\x{FDF0}-\x{FFFD}\x{10000}-\x{EFFFF}`
	ncName = `[` + start + `][-.0-9\x{B7}\x{300}-\x{36F}\x{203F}-\x{2040}` + start + `]*`
)

var (
	declaration = regexp.MustCompile(`^<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:"1\.0"|'1\.0')` +
		`(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:"([A-Za-z][A-Za-z0-9._-]*)"|'([A-Za-z][A-Za-z0-9._-]*)'))?` +
		`(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:"(?:yes|no)"|'(?:yes|no)'))?[ \t\r\n]*\?>`)
	qName     = regexp.MustCompile(`^(?:(` + ncName + `):)?(` + ncName + `)`)
	target    = regexp.MustCompile(`^` + ncName)
	reference = regexp.MustCompile(`^&(?:(amp|lt|gt|quot|apos)|#([0-9]+)|#x([0-9A-Fa-f]+));`)
	equals    = regexp.MustCompile(`^[ \t\r\n]*=[ \t\r\n]*`)
)

// What callers tell apart: a document type declaration, and a document that is cut.
var (
	ErrDTD = errors.New("DOCTYPE is not allowed")
	ErrEnd = errors.New("the document ends before its root does")
)

// SyntaxError is what is wrong with a document, and where. Columns are in bytes.
type SyntaxError struct {
	Err         error
	Row, Column int
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %v", e.Row, e.Err) }

// Unwrap returns what is wrong.
func (e *SyntaxError) Unwrap() error { return e.Err }

// name is a name as written.
type name struct{ prefix, local string }

func (n name) String() string { return strings.TrimPrefix(n.prefix+":"+n.local, ":") }

// element is an open element with the namespaces in scope there.
type element struct {
	name   name
	full   xml.Name
	scopes map[string]string
}

type parser struct {
	text   string // what is left
	doc    Document
	open   []element
	rooted bool
}

// Read reads a document's text in UTF-8, without a mark. With an error come the tokens
// before it.
func Read(text string) (Document, error) {
	p := &parser{text: text}
	if err := p.document(); err != nil {
		before := text[:len(text)-len(p.text)]
		return p.doc, &SyntaxError{err, strings.Count(before, "\n") + 1, len(before) - strings.LastIndexByte(before, '\n')}
	}
	return p.doc, nil
}

func (p *parser) document() error {
	whole := p.text
	if m := declaration.FindStringSubmatch(p.text); m != nil {
		p.doc.Encoding = m[1] + m[2]
		p.text = p.text[len(m[0]):]
	}
	for p.text != "" {
		left, tokens := p.text, len(p.doc.Tokens)
		if err := p.next(); err != nil {
			return err
		}
		end := len(whole) - len(p.text)
		for place := [2]int{len(whole) - len(left), end}; len(p.doc.Places) < len(p.doc.Tokens); place[0] = end {
			p.doc.Places = append(p.doc.Places, place)
		}
		if err := characters(left[:len(left)-len(p.text)]); err != nil {
			p.doc.Tokens, p.doc.Places = p.doc.Tokens[:tokens], p.doc.Places[:tokens]
			return err
		}
	}
	if len(p.open) > 0 || !p.rooted {
		return ErrEnd
	}
	return nil
}

func characters(text string) error {
	for i, r := range text {
		if r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD") {
			return errors.New("not UTF-8")
		}
		if !char(r) {
			return fmt.Errorf("illegal character code U+%04X", r)
		}
	}
	return nil
}

// char is production 2.
func char(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}

// next reads one item: text up to the next markup, or markup.
func (p *parser) next() error {
	if p.text[0] != '<' {
		return p.characterData()
	}
	for _, markup := range []struct {
		begin, end string
		take       func(inside string) error
	}{
		{"<!--", "-->", p.comment},
		{"<![CDATA[", "]]>", p.cdata},
		{"<?", "?>", p.instruction},
	} {
		inside, is := strings.CutPrefix(p.text, markup.begin)
		if !is {
			continue
		}
		inside, rest, ended := strings.Cut(inside, markup.end)
		if !ended {
			return fmt.Errorf("%w, in %s", ErrEnd, markup.begin)
		}
		if err := markup.take(inside); err != nil {
			return err
		}
		p.text = rest
		return nil
	}
	switch {
	case strings.HasPrefix(p.text, "<!DOCTYPE"):
		return ErrDTD
	case strings.HasPrefix(p.text, "</"):
		return p.end()
	}
	return p.start()
}

func (p *parser) comment(inside string) error {
	if strings.Contains(inside, "--") || strings.HasSuffix(inside, "-") {
		return errors.New("-- in a comment")
	}
	return nil
}

func (p *parser) cdata(inside string) error {
	if len(p.open) == 0 {
		return errors.New("content is not allowed in prolog or after the root")
	}
	if inside != "" {
		p.doc.Tokens = append(p.doc.Tokens, xml.CharData(lines(inside)))
	}
	return nil
}

func (p *parser) instruction(inside string) error {
	t := target.FindString(inside)
	data := inside[len(t):]
	if t == "" || strings.EqualFold(t, "xml") || data != "" && !strings.ContainsRune(white, rune(data[0])) {
		return errors.New("a processing instruction that may not be there")
	}
	p.doc.Tokens = append(p.doc.Tokens, xml.ProcInst{Target: t, Inst: []byte(lines(strings.TrimLeft(data, white)))})
	return nil
}

func (p *parser) characterData() error {
	raw := p.text
	if i := strings.IndexByte(raw, '<'); i >= 0 {
		raw = raw[:i]
	}
	switch {
	case len(p.open) == 0 && strings.Trim(raw, white) != "":
		return errors.New("content is not allowed in prolog or after the root")
	case strings.Contains(raw, "]]>"):
		return errors.New("]]> in a text")
	}
	text, err := expand(raw, lines)
	if err != nil {
		return err
	}
	if len(p.open) > 0 {
		p.doc.Tokens = append(p.doc.Tokens, xml.CharData(text))
	}
	p.text = p.text[len(raw):]
	return nil
}

// lines is §2.11.
func lines(s string) string { return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s) }

// blanks is §3.3.3 for literal text.
func blanks(s string) string {
	return strings.NewReplacer("\r\n", " ", "\r", " ", "\n", " ", "\t", " ").Replace(s)
}

// expand replaces references, and what stands between them by literal.
func expand(raw string, literal func(string) string) (string, error) {
	var b strings.Builder
	for {
		before, _, has := strings.Cut(raw, "&")
		b.WriteString(literal(before))
		if !has {
			return b.String(), nil
		}
		raw = raw[len(before):]
		m := reference.FindStringSubmatch(raw)
		if m == nil {
			return "", errors.New("a & that begins no reference")
		}
		r, err := referred(m)
		if err != nil {
			return "", err
		}
		b.WriteRune(r)
		raw = raw[len(m[0]):]
	}
}

func referred(m []string) (rune, error) {
	if m[1] != "" {
		return map[string]rune{"amp": '&', "lt": '<', "gt": '>', "quot": '"', "apos": '\''}[m[1]], nil
	}
	digits, base := m[2], 10
	if m[3] != "" {
		digits, base = m[3], 16
	}
	n, err := strconv.ParseInt(digits, base, 32)
	if err != nil || !char(rune(n)) {
		return 0, fmt.Errorf("illegal character code U+%04X", n)
	}
	return rune(n), nil
}

func (p *parser) end() error {
	m := qName.FindStringSubmatch(p.text[2:])
	if m == nil || len(p.open) == 0 {
		return errors.New("an end tag of nothing")
	}
	last := p.open[len(p.open)-1]
	rest := strings.TrimLeft(p.text[2+len(m[0]):], white)
	if (name{m[1], m[2]}) != last.name || !strings.HasPrefix(rest, ">") {
		return fmt.Errorf("the end tag </%s> where </%s> should be", m[0], last.name)
	}
	p.doc.Tokens = append(p.doc.Tokens, xml.EndElement{Name: last.full})
	p.open, p.text = p.open[:len(p.open)-1], rest[1:]
	return nil
}
