package xmldoc

import (
	"bytes"
	"encoding/xml"
)

// The bounds of the memory for repeated names.
const (
	maxInterned      = 512
	maxInternedBytes = 100
)

// Token makes Reader an xml.TokenReader. The Space of its names is the namespace already,
// and namespace declarations are not among the attributes. Comments and the XML
// declaration are skipped. A CharData is valid until the next call.
func (r *Reader) Token() (xml.Token, error) {
	e, err := r.Next()
	if err != nil {
		return nil, err
	}
	switch e {
	case Start:
		return r.startElement()
	case End:
		return xml.EndElement{Name: r.resolve(r.Name(), true)}, nil
	case CharData:
		return xml.CharData(r.value), nil
	}
	return xml.ProcInst{Target: string(r.target), Inst: r.value}, nil
}

func (r *Reader) startElement() (xml.Token, error) {
	r.values = r.values[:0]
	all := func([]byte) bool { return true }
	if err := r.Attributes(all, func(value []byte) error { r.values = append(r.values, string(value)); return nil }); err != nil {
		return nil, err
	}
	start := xml.StartElement{Name: r.resolve(r.Name(), true)}
	if len(r.values) > 0 {
		start.Attr = make([]xml.Attr, 0, len(r.values))
	}
	for i, a := range r.attributes {
		if name := r.names[a.from:a.to]; !declares(name) {
			start.Attr = append(start.Attr, xml.Attr{Name: r.resolve(name, false), Value: r.values[i]})
		}
	}
	return start, nil
}

func declares(name []byte) bool {
	return name[0] == 'x' && (string(name) == "xmlns" || bytes.HasPrefix(name, []byte("xmlns:")))
}

// resolve returns a name with its namespace. The default namespace is for elements only.
func (r *Reader) resolve(name []byte, element bool) xml.Name {
	prefix, local, has := bytes.Cut(name, []byte(":"))
	switch {
	case has:
		namespace, ok := r.Lookup(r.intern(prefix))
		if !ok {
			namespace = r.intern(prefix) // LoosePrefixes
		}
		return xml.Name{Space: namespace, Local: r.intern(local)}
	case element:
		namespace, _ := r.Lookup("")
		return xml.Name{Space: namespace, Local: r.intern(name)}
	}
	return xml.Name{Local: r.intern(name)}
}

// intern returns a name as a string, the same one as before if it is remembered.
func (r *Reader) intern(name []byte) string {
	if s, ok := r.interned[string(name)]; ok {
		return s
	}
	s := string(name)
	if len(s) <= maxInternedBytes && len(r.interned) < maxInterned {
		if r.interned == nil {
			r.interned = make(map[string]string)
		}
		r.interned[s] = s
	}
	return s
}
