package wellformed

import (
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"strings"
)

// maxDepth bounds nesting.
const maxDepth = 200

// attribute is one as written, its value expanded.
type attribute struct {
	name  name
	value string
}

// start reads a start tag, or an empty element.
func (p *parser) start() error {
	if len(p.open) == 0 && p.rooted {
		return errors.New("more than one root element")
	}
	if len(p.open) == maxDepth {
		return errors.New("nested too deep")
	}
	m := qName.FindStringSubmatch(p.text[1:])
	if m == nil {
		return errors.New("a < that begins no tag")
	}
	p.text = p.text[1+len(m[0]):]
	written, empty, err := p.attributes()
	if err != nil {
		return err
	}
	e := element{name: name{m[1], m[2]}, scopes: map[string]string{"xml": nsXML}}
	if len(p.open) > 0 {
		e.scopes = p.open[len(p.open)-1].scopes
	}
	if e.scopes, err = declare(e.scopes, written); err != nil {
		return err
	}
	if e.full, err = resolve(e.name, e.scopes, e.scopes[""]); err != nil {
		return err
	}
	token := xml.StartElement{Name: e.full}
	seen := make(map[xml.Name]bool, len(written))
	for _, a := range written {
		if _, is := declares(a.name); is {
			continue
		}
		full, err := resolve(a.name, e.scopes, "")
		if err != nil {
			return err
		}
		if seen[full] {
			return fmt.Errorf("duplicate attribute %q", a.name.local)
		}
		seen[full] = true
		token.Attr = append(token.Attr, xml.Attr{Name: full, Value: a.value})
	}
	if !p.rooted {
		p.rooted, p.doc.Default = true, e.scopes[""]
	}
	p.doc.Tokens = append(p.doc.Tokens, token)
	if empty {
		p.doc.Tokens = append(p.doc.Tokens, xml.EndElement{Name: e.full})
		return nil
	}
	p.open = append(p.open, e)
	return nil
}

// attributes reads to the end of the tag.
func (p *parser) attributes() (all []attribute, empty bool, err error) {
	for {
		rest := strings.TrimLeft(p.text, white)
		if after, is := strings.CutPrefix(rest, ">"); is {
			p.text = after
			return all, false, nil
		}
		if after, is := strings.CutPrefix(rest, "/>"); is {
			p.text = after
			return all, true, nil
		}
		m := qName.FindStringSubmatch(rest)
		switch {
		case rest == "":
			return nil, false, ErrEnd
		case m == nil || rest == p.text:
			return nil, false, errors.New("an attribute must be a name after a blank")
		}
		rest = rest[len(m[0]):]
		is := equals.FindString(rest)
		rest = rest[len(is):]
		if is == "" || rest == "" || rest[0] != '"' && rest[0] != '\'' {
			return nil, false, errors.New("an attribute without a value in quotes")
		}
		raw, after, closed := strings.Cut(rest[1:], rest[:1])
		if !closed || strings.Contains(raw, "<") {
			return nil, false, errors.New("a value that is not closed, or has a <")
		}
		value, err := expand(raw, blanks)
		if err != nil {
			return nil, false, err
		}
		all, p.text = append(all, attribute{name{m[1], m[2]}, value}), after
	}
}

// declares reports whether an attribute declares a namespace, and its prefix.
func declares(n name) (prefix string, is bool) {
	switch {
	case n.prefix == "xmlns":
		return n.local, true
	case n.prefix == "" && n.local == "xmlns":
		return "", true
	}
	return "", false
}

// declare returns the scopes with what a tag declares.
func declare(scopes map[string]string, written []attribute) (map[string]string, error) {
	seen := map[string]bool{}
	for _, a := range written {
		prefix, is := declares(a.name)
		if !is {
			continue
		}
		if len(seen) == 0 {
			scopes = maps.Clone(scopes)
		}
		bad := a.value == nsXMLNS || prefix == "xmlns" || (prefix == "xml") != (a.value == nsXML) || prefix != "" && a.value == "" || seen[prefix]
		if bad {
			return nil, fmt.Errorf("the namespace declaration of %q may not be", prefix)
		}
		seen[prefix], scopes[prefix] = true, a.value
	}
	return scopes, nil
}

// resolve gives a name its namespace; plain is that of a name without prefix.
func resolve(n name, scopes map[string]string, plain string) (xml.Name, error) {
	if n.prefix == "" {
		return xml.Name{Space: plain, Local: n.local}, nil
	}
	space, ok := scopes[n.prefix]
	if !ok {
		return xml.Name{}, fmt.Errorf("undeclared namespace prefix: %q", n.prefix)
	}
	return xml.Name{Space: space, Local: n.local}, nil
}
