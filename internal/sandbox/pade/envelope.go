package pade

import (
	"encoding/xml"
	"strings"
)

const (
	nsSOAP = "http://schemas.xmlsoap.org/soap/envelope/"
	nsXSI  = "http://www.w3.org/2001/XMLSchema-instance"
)

// envelope is a message understood: what it calls, and its parameters. What is not in params arrived as
// null.
type envelope struct {
	operation string
	params    map[string]string
}

// readEnvelope reads an envelope in the order in which the service refuses: the version, the headers, the
// wrapper, its parameters. know reports whether there is an operation of that name.
func readEnvelope(b []byte, know func(xml.Name) bool) (*envelope, *soapFault) {
	l := newReader(b)
	root, _, err := l.child()
	if err != nil {
		return nil, l.unreadable(err)
	}
	if root.Name != (xml.Name{Space: nsSOAP, Local: "Envelope"}) {
		return nil, &soapFault{"S:VersionMismatch", "Couldn't create SOAP message. Expecting Envelope in namespace " + nsSOAP + ", but got " + root.Name.Space + " "}
	}
	upload, missing := l.upload()
	switch {
	case missing != nil:
		return nil, missing
	case !know(upload):
		return nil, &soapFault{"S:Client", "Cannot find dispatch method for {" + upload.Space + "}" + upload.Local}
	}
	params, err := l.params()
	if err != nil {
		return nil, &soapFault{"S:Server", "javax.xml.bind.UnmarshalException\n - with linked exception:\n[" + l.complaint(err) + "]"}
	}
	if err := l.rest(); err != nil {
		return nil, l.unreadable(err)
	}
	return &envelope{operation: upload.Local, params: params}, nil
}

func (l *reader) unreadable(err error) *soapFault {
	return &soapFault{"S:Server", "XML reader error: " + l.complaint(err)}
}

// upload passes the headers and opens the first element of the body; an empty body has none and no name.
func (l *reader) upload() (xml.Name, *soapFault) {
	for {
		part, _, err := l.child()
		if err != nil {
			return xml.Name{}, l.unreadable(err)
		}
		if part == nil {
			return xml.Name{}, &soapFault{"S:Client", "Missing Body element"}
		}
		switch part.Name {
		case xml.Name{Space: nsSOAP, Local: "Header"}:
			if missing := l.headers(); missing != nil {
				return xml.Name{}, missing
			}
		case xml.Name{Space: nsSOAP, Local: "Body"}:
			e, _, err := l.child()
			switch {
			case err != nil:
				return xml.Name{}, l.unreadable(err)
			case e == nil:
				return xml.Name{}, nil
			}
			return e.Name, nil
		default:
			if _, _, err := l.text(); err != nil {
				return xml.Name{}, l.unreadable(err)
			}
		}
	}
}

// headers refuses those that must be understood: none is.
func (l *reader) headers() *soapFault {
	var foreign []string
	for {
		e, _, err := l.child()
		if err != nil {
			return l.unreadable(err)
		}
		if e == nil {
			break
		}
		for _, a := range e.Attr {
			if a.Name.Space == nsSOAP && a.Name.Local == "mustUnderstand" && truth(a.Value) {
				foreign = append(foreign, "{"+e.Name.Space+"}"+e.Name.Local)
			}
		}
		if _, _, err := l.text(); err != nil {
			return l.unreadable(err)
		}
	}
	if foreign != nil {
		return &soapFault{"S:MustUnderstand", "MustUnderstand headers:[" + strings.Join(foreign, ", ") + "] are not understood"}
	}
	return nil
}

// params reads the children of the wrapper: in any order, the last of a name, and none that has a
// namespace, whether it was given one or inherited it.
func (l *reader) params() (map[string]string, error) {
	p := make(map[string]string)
	for {
		e, _, err := l.child()
		if err != nil || e == nil {
			return p, err
		}
		text, _, err := l.text()
		if err != nil {
			return nil, err
		}
		if e.Name.Space != "" {
			continue
		}
		p[e.Name.Local] = text
		for _, a := range e.Attr {
			if a.Name.Space == nsXSI && a.Name.Local == "nil" && truth(a.Value) {
				p[e.Name.Local] = ""
			}
		}
	}
}

// truth is what the service takes for true in an xs:boolean. All else is false, without a complaint.
func truth(text string) bool {
	text = strings.Trim(text, " \t\r\n")
	return text == "true" || text == "1"
}
