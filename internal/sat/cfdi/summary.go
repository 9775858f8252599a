package cfdi

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

// Summary is what a list shows of a CFDI: version 3.2, 3.3 or 4.0, or of
// Retenciones 1.0 or 2.0. Amounts and dates are the document's own text.
type Summary struct {
	UUID    string // of the timbre, in lower case
	Version string
	// Tipo is I, E, T, N, P; R of a CFDI de retenciones.
	Tipo                                                 string
	RFCEmisor, NombreEmisor, RFCReceptor, NombreReceptor string
	Fecha                                                string // of issue, yyyy-MM-ddTHH:mm:ss; Retenciones 1.0 adds its zone
	FechaTimbrado                                        string // yyyy-MM-ddTHH:mm:ss
	Serie, Folio, Moneda, SubTotal                       string // Retenciones have a Folio only
	Total                                                string // of Retenciones, MontoTotOperacion
	MetodoPago                                           string // in 3.2 its formaDePago, which says the same in words
	FormaPago                                            string // in 3.2 its metodoDePago
	// Complementos are the local names of what is in Complemento, in order, each
	// once, without TimbreFiscalDigital. Those of a single concepto are not there.
	Complementos []string
	// Aviso, in Spanish, says what of the document is no XML though all of the above
	// could be read; empty without doubt.
	Aviso string
}

// defect is why a CFDI cannot be read, in Spanish.
type defect string

func (d defect) Error() string { return string(d) }

const (
	errNoCFDI        defect = "No es un CFDI: su elemento raíz es otro, o de otra versión."
	errWithoutTimbre defect = "No tiene timbre: le falta el UUID."
	errFolio         defect = "El folio fiscal de su timbre no es un UUID."
	errRepeated      defect = "Tiene un atributo dos veces."

	maxComplementos = 64
	// maxDepth is far beyond any CFDI with its complementos and addenda.
	maxDepth = 64
	// maxValue bounds a value that is kept; those that are not may be of any length.
	maxValue = 64 << 10
)

// place is an element of which something is wanted.
type place uint8

const (
	inOther place = iota
	inComprobante
	inRetenciones
	inEmisor
	inReceptor
	inTotals
	inTimbre
)

// summaryReader reads summaries one after the other with the same memory.
type summaryReader struct {
	x       xmldoc.Reader
	r       *Summary
	en      place   // of the element being read
	space   string  // the root's namespace, when it is one of a CFDI
	root    []byte  // the root's name as written
	target  *string // of the value being read
	addenda bool    // that of the Comprobante has begun
	// wanted and take are bound once: a method value for each element costs more
	// than most elements.
	wanted func(name []byte) bool
	take   func(value []byte) error
}

// ReadSummary reads one document. Errors are texts in Spanish, or r's.
func ReadSummary(r io.Reader) (Summary, error) {
	var s Summary
	l := &summaryReader{}
	err := l.read(r, &s)
	return s, err
}

func (l *summaryReader) read(r io.Reader, s *Summary) error {
	if l.wanted == nil {
		l.wanted = func(name []byte) bool {
			l.target = l.wants(l.en, name)
			return l.target != nil
		}
		l.take = l.save
	}
	*s = Summary{}
	l.r, l.space, l.addenda = s, "", false
	// The SAT gives what a PAC has stamped, which may have prefixes that nobody
	// declared; no value of a summary is in one.
	l.x.Reset(r, xmldoc.Options{Around: true, LoosePrefixes: true, MaxDepth: maxDepth, MaxValue: maxValue})
	err := l.walk()
	var falla defect
	if err != nil && !errors.As(err, &falla) {
		return err // r's
	}
	// To the end, so that a checksum is looked at: it tells why XML is broken.
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	switch before, after := l.x.Around(); {
	case before:
		s.Aviso = gather(s.Aviso, "Trae algo antes del XML, que se pasó por alto.")
	case after:
		s.Aviso = gather(s.Aviso, "Trae algo después del XML, que se pasó por alto.")
	}
	return l.complete()
}

// walk reads the elements. A broken Addenda costs a notice: nothing of a
// summary is in it, and neither SAT nor PAC looks at it.
func (l *summaryReader) walk() error {
	for {
		e, err := l.x.NextTag()
		if err == nil && e == xmldoc.Start {
			err = l.element()
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err == nil:
			continue
		}
		var falla *xmldoc.Error
		if !errors.As(err, &falla) {
			return err
		}
		if !l.addenda || l.x.Depth() == 0 {
			return errors.Join(defect(falla.Sentence()), err)
		}
		l.r.Aviso = gather(l.r.Aviso, "Lo que trae en la Addenda, o tras ella, no es XML ("+falla.Detail+"); lo demás se leyó.")
		// What follows it is needed when the timbre does.
		if follow := l.r.UUID == "" && l.x.Resume(2) == nil; !follow {
			return nil
		}
	}
}

// save keeps a value, unless the attribute has been there before in another case.
func (l *summaryReader) save(value []byte) error {
	if *l.target != "" {
		return errRepeated
	}
	*l.target = string(value)
	return nil
}

func (l *summaryReader) complete() error {
	if l.r.UUID == "" {
		return errWithoutTimbre
	}
	l.r.UUID = strings.ToLower(strings.Trim(l.r.UUID, ornaments))
	if _, ok := Key(l.r.UUID); !ok {
		return errFolio
	}
	slices.Sort(l.r.Complementos)
	l.r.Complementos = slices.Compact(l.r.Complementos)
	return nil
}

// Namespaces of the root (Anexo 20; Retenciones).
const (
	spaceCFDI3        = "http://www.sat.gob.mx/cfd/3"
	spaceCFDI4        = "http://www.sat.gob.mx/cfd/4"
	spaceRetenciones1 = "http://www.sat.gob.mx/esquemas/retencionpago/1"
	spaceRetenciones2 = "http://www.sat.gob.mx/esquemas/retencionpago/2"
)

func local(name []byte) []byte { return name[bytes.IndexByte(name, ':')+1:] }

// element reads the element that has just begun.
func (l *summaryReader) element() error {
	l.en = l.place()
	wanted := l.wanted
	if l.en == inOther {
		wanted = nil
	}
	if err := l.x.Attributes(wanted, l.take); err != nil {
		return err
	}
	if l.x.Depth() > 1 {
		return nil
	}
	return l.judgeRoot(l.en)
}

// place tells what the element just opened is, and notes complementos.
func (l *summaryReader) place() place {
	depth := l.x.Depth()
	if depth > 3 {
		return inOther
	}
	name := string(local(l.x.Name()))
	switch depth {
	case 1:
		l.root = append(l.root[:0], l.x.Name()...)
		switch name {
		case "Comprobante":
			return inComprobante
		case "Retenciones":
			return inRetenciones
		}
	case 2:
		switch name {
		case "Emisor":
			return inEmisor
		case "Receptor":
			return inReceptor
		case "Totales":
			return inTotals
		case "Addenda":
			l.addenda = true
		}
	case 3:
		switch string(local(l.x.Open(2))) {
		case "Complemento":
			if name == "TimbreFiscalDigital" {
				if l.r.UUID == "" {
					return inTimbre
				}
				return inOther // the first one counts
			}
			if len(l.r.Complementos) < maxComplementos {
				l.r.Complementos = append(l.r.Complementos, name)
			}
		case "Receptor":
			if name == "Nacional" || name == "Extranjero" { // of Retenciones
				return inReceptor
			}
		}
	}
	return inOther
}

// wants tells where an attribute's value goes. Names are compared without case:
// 3.2 writes them in lower case.
func (l *summaryReader) wants(en place, name []byte) *string {
	if en == inOther {
		return nil
	}
	var lowers [32]byte
	if len(name) > len(lowers) {
		return nil
	}
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		lowers[i] = c
	}
	n, r := lowers[:len(name)], l.r
	switch en {
	case inComprobante:
		return l.ofComprobante(n, name)
	case inRetenciones:
		return l.ofRetenciones(n, name)
	case inEmisor:
		switch string(n) {
		case "rfc", "rfce", "rfcemisor":
			return &r.RFCEmisor
		case "nombre", "nomdenrazsoce":
			return &r.NombreEmisor
		}
	case inReceptor:
		switch string(n) {
		case "rfc", "rfcr", "rfcrecep":
			return &r.RFCReceptor
		case "nombre", "nomdenrazsocr":
			return &r.NombreReceptor
		}
	case inTotals:
		if string(n) == "montototoperacion" {
			return &r.Total
		}
	case inTimbre:
		switch string(n) {
		case "uuid":
			return &r.UUID
		case "fechatimbrado":
			return &r.FechaTimbrado
		}
	}
	return nil
}

func (l *summaryReader) ofComprobante(n, name []byte) *string {
	r := l.r
	switch string(n) {
	case "version":
		return &r.Version
	case "tipodecomprobante":
		return &r.Tipo
	case "fecha":
		return &r.Fecha
	case "serie":
		return &r.Serie
	case "folio":
		return &r.Folio
	case "moneda":
		return &r.Moneda
	case "subtotal":
		return &r.SubTotal
	case "total":
		return &r.Total
	case "metodopago", "formadepago":
		return &r.MetodoPago
	case "formapago", "metododepago":
		return &r.FormaPago
	}
	return l.ofSpace(name)
}

func (l *summaryReader) ofRetenciones(n, name []byte) *string {
	switch string(n) {
	case "version":
		return &l.r.Version
	case "fechaexp":
		return &l.r.Fecha
	case "folioint":
		return &l.r.Folio
	}
	return l.ofSpace(name)
}

// ofSpace is the declaration of the root's own namespace.
func (l *summaryReader) ofSpace(name []byte) *string {
	prefix, _, has := bytes.Cut(l.root, []byte(":"))
	if !has && string(name) == "xmlns" || has && bytes.HasPrefix(name, []byte("xmlns:")) && bytes.Equal(name[len("xmlns:"):], prefix) {
		return &l.space
	}
	return nil
}

// judgeRoot refuses what is no CFDI of the known versions.
func (l *summaryReader) judgeRoot(en place) error {
	r := l.r
	known := false
	switch {
	case en == inRetenciones:
		r.Tipo = "R"
		known = l.space == spaceRetenciones1 && r.Version == "1.0" || l.space == spaceRetenciones2 && r.Version == "2.0"
	case en == inComprobante && l.space == spaceCFDI3:
		known = r.Version == "3.2" || r.Version == "3.3"
	case en == inComprobante && l.space == spaceCFDI4:
		known = r.Version == "4.0"
	}
	if !known {
		return errNoCFDI
	}
	if r.Version == "3.2" && r.Tipo != "" { // ingreso, egreso, traslado
		r.Tipo = strings.ToUpper(r.Tipo[:1])
	}
	return nil
}
