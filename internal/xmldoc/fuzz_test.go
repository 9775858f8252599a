package xmldoc_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

// resolved reads with encoding/xml, without the events that Reader omits.
type resolved struct{ d *xml.Decoder }

func (r resolved) Token() (xml.Token, error) {
	for {
		token, err := r.d.Token()
		switch t := token.(type) {
		case xml.StartElement:
			var kept []xml.Attr
			for _, a := range t.Attr {
				if a.Name.Space != "xmlns" && a.Name != (xml.Name{Local: "xmlns"}) {
					a.Value = strings.NewReplacer("\n", " ", "\t", " ").Replace(a.Value)
					kept = append(kept, a)
				}
			}
			t.Attr = kept
			return t, err
		case xml.ProcInst:
			if t.Target == "xml" {
				continue
			}
		case xml.Comment, xml.Directive:
			continue
		case xml.CharData:
			if len(t) == 0 || r.d.InputOffset() == 0 {
				continue
			}
		}
		return token, err
	}
}

// FuzzReader: encoding/xml, which is laxer, reads everything that we accept in the same
// way. What it writes of that, we accept and read in the same way too.
func FuzzReader(f *testing.F) {
	for _, s := range corpus() {
		f.Add(s.document)
	}
	f.Fuzz(func(t *testing.T, document string) {
		held, err := dump(xmldoc.NewReader(strings.NewReader(document), xmldoc.Options{}))
		if err != nil {
			return
		}
		text, err := xmldoc.Text([]byte(document), "")
		if err != nil {
			t.Fatalf("accepted, and has no text: %v", err)
		}
		again, err := write(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := dump(xmldoc.NewReader(strings.NewReader(again), xmldoc.Options{})); err != nil || got != held {
			t.Fatalf("written again as %q: %v\n%q\n%q", again, err, got, held)
		}
		if !comparable(text) {
			return
		}
		got, err := dump(resolved{xml.NewDecoder(strings.NewReader(text))})
		if err != nil {
			t.Fatalf("encoding/xml refuses it: %v", err)
		}
		if inside := outside(got); inside != outside(held) {
			t.Fatalf("encoding/xml reads\n%q\nwe\n%q", inside, held)
		}
	})
}

// comparable reports whether encoding/xml can be right about a text: it uses another
// edition's names and does not normalise values as XML does.
func comparable(text string) bool {
	for _, r := range text {
		if r >= 0x80 {
			return false
		}
	}
	return !strings.ContainsAny(text, "\r") && !strings.Contains(text, "&#") && !strings.Contains(text, "xmlns") && !strings.Contains(text, "xml:")
}

// outside drops white space around the root, which encoding/xml reports as text.
func outside(held string) string {
	var b strings.Builder
	depth := 0
	for line := range strings.SplitSeq(held, "\n") {
		switch {
		case strings.HasPrefix(line, "S\x00"):
			depth++
		case line == "E":
			depth--
		case depth == 0:
			continue
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// write writes a document from its tokens.
func write(text string) (string, error) {
	var b strings.Builder
	r := xmldoc.NewReader(strings.NewReader(text), xmldoc.Options{Decoded: true})
	name := func(n xml.Name, prefix string) string {
		switch n.Space {
		case "":
			return n.Local
		case "http://www.w3.org/XML/1998/namespace":
			return "xml:" + n.Local
		}
		return prefix + ":" + n.Local
	}
	var open []string
	for {
		token, err := r.Token()
		if errors.Is(err, io.EOF) {
			return b.String(), nil
		}
		if err != nil {
			return "", err
		}
		switch t := token.(type) {
		case xml.StartElement:
			open = append(open, name(t.Name, "e"))
			b.WriteString("<" + open[len(open)-1] + ` xmlns:e="`)
			_ = xml.EscapeText(&b, []byte(either(t.Name.Space)))
			b.WriteString(`"`)
			for i, a := range t.Attr {
				prefix := "a" + strings.Repeat("x", i)
				if a.Name.Space != "" {
					b.WriteString(` xmlns:` + prefix + `="`)
					_ = xml.EscapeText(&b, []byte(either(a.Name.Space)))
					b.WriteString(`"`)
				}
				b.WriteString(" " + name(a.Name, prefix) + `="`)
				_ = xml.EscapeText(&b, []byte(a.Value))
				b.WriteString(`"`)
			}
			b.WriteString(">")
		case xml.EndElement:
			b.WriteString("</" + open[len(open)-1] + ">")
			open = open[:len(open)-1]
		case xml.CharData:
			_ = xml.EscapeText(&b, t)
		case xml.ProcInst:
			b.WriteString("<?" + t.Target + " " + string(t.Inst) + "?>")
		}
	}
}

// either is a namespace that may be declared.
func either(space string) string {
	if space == "" || space == "http://www.w3.org/XML/1998/namespace" {
		return "urn:none"
	}
	return space
}
