package cfdi

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

// Resumen is what a list shows of a CFDI: version 3.2, 3.3 or 4.0, or of
// Retenciones 1.0 or 2.0. Amounts and dates are the document's own text.
type Resumen struct {
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

// defecto is why a CFDI cannot be read, in Spanish.
type defecto string

func (d defecto) Error() string { return string(d) }

const (
	errNoCFDI    defecto = "No es un CFDI: su elemento raíz es otro, o de otra versión."
	errSinTimbre defecto = "No tiene timbre: le falta el UUID."
	errFolio     defecto = "El folio fiscal de su timbre no es un UUID."
	errRepetido  defecto = "Tiene un atributo dos veces."

	maxComplementos = 64
	// maxProfundidad is far beyond any CFDI with its complementos and addenda.
	maxProfundidad = 64
	// maxValor bounds a value that is kept; those that are not may be of any length.
	maxValor = 64 << 10
)

// lugar is an element of which something is wanted.
type lugar uint8

const (
	enOtro lugar = iota
	enComprobante
	enRetenciones
	enEmisor
	enReceptor
	enTotales
	enTimbre
)

// lectorResumen reads summaries one after the other with the same memory.
type lectorResumen struct {
	x       xmldoc.Reader
	r       *Resumen
	en      lugar   // of the element being read
	espacio string  // the root's namespace, when it is one of a CFDI
	raiz    []byte  // the root's name as written
	destino *string // of the value being read
	addenda bool    // that of the Comprobante has begun
	// querido and toma are bound once: a method value for each element costs more
	// than most elements.
	querido func(nombre []byte) bool
	toma    func(valor []byte) error
}

// LeeResumen reads one document. Errors are texts in Spanish, or r's.
func LeeResumen(r io.Reader) (Resumen, error) {
	var s Resumen
	l := &lectorResumen{}
	err := l.lee(r, &s)
	return s, err
}

func (l *lectorResumen) lee(r io.Reader, s *Resumen) error {
	if l.querido == nil {
		l.querido = func(nombre []byte) bool {
			l.destino = l.quiere(l.en, nombre)
			return l.destino != nil
		}
		l.toma = l.guarda
	}
	*s = Resumen{}
	l.r, l.espacio, l.addenda = s, "", false
	// The SAT gives what a PAC has stamped, which may have prefixes that nobody
	// declared; no value of a summary is in one.
	l.x.Reset(r, xmldoc.Options{Around: true, LoosePrefixes: true, MaxDepth: maxProfundidad, MaxValue: maxValor})
	err := l.recorre()
	var falla defecto
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
	switch antes, tras := l.x.Around(); {
	case antes:
		s.Aviso = junta(s.Aviso, "Trae algo antes del XML, que se pasó por alto.")
	case tras:
		s.Aviso = junta(s.Aviso, "Trae algo después del XML, que se pasó por alto.")
	}
	return l.completa()
}

// recorre reads the elements. A broken Addenda costs a notice: nothing of a
// summary is in it, and neither SAT nor PAC looks at it.
func (l *lectorResumen) recorre() error {
	for {
		e, err := l.x.NextTag()
		if err == nil && e == xmldoc.Start {
			err = l.elemento()
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
			return errors.Join(defecto(falla.Sentence()), err)
		}
		l.r.Aviso = junta(l.r.Aviso, "Lo que trae en la Addenda, o tras ella, no es XML ("+falla.Detail+"); lo demás se leyó.")
		// What follows it is needed when the timbre does.
		if seguir := l.r.UUID == "" && l.x.Resume(2) == nil; !seguir {
			return nil
		}
	}
}

// guarda keeps a value, unless the attribute has been there before in another case.
func (l *lectorResumen) guarda(valor []byte) error {
	if *l.destino != "" {
		return errRepetido
	}
	*l.destino = string(valor)
	return nil
}

func (l *lectorResumen) completa() error {
	if l.r.UUID == "" {
		return errSinTimbre
	}
	l.r.UUID = strings.ToLower(strings.Trim(l.r.UUID, adornos))
	if _, ok := Clave(l.r.UUID); !ok {
		return errFolio
	}
	slices.Sort(l.r.Complementos)
	l.r.Complementos = slices.Compact(l.r.Complementos)
	return nil
}

// Namespaces of the root (Anexo 20; Retenciones).
const (
	espacioCFDI3        = "http://www.sat.gob.mx/cfd/3"
	espacioCFDI4        = "http://www.sat.gob.mx/cfd/4"
	espacioRetenciones1 = "http://www.sat.gob.mx/esquemas/retencionpago/1"
	espacioRetenciones2 = "http://www.sat.gob.mx/esquemas/retencionpago/2"
)

func local(nombre []byte) []byte { return nombre[bytes.IndexByte(nombre, ':')+1:] }

// elemento reads the element that has just begun.
func (l *lectorResumen) elemento() error {
	l.en = l.lugar()
	querido := l.querido
	if l.en == enOtro {
		querido = nil
	}
	if err := l.x.Attributes(querido, l.toma); err != nil {
		return err
	}
	if l.x.Depth() > 1 {
		return nil
	}
	return l.juzgaRaiz(l.en)
}

// lugar tells what the element just opened is, and notes complementos.
func (l *lectorResumen) lugar() lugar {
	profundidad := l.x.Depth()
	if profundidad > 3 {
		return enOtro
	}
	nombre := string(local(l.x.Name()))
	switch profundidad {
	case 1:
		l.raiz = append(l.raiz[:0], l.x.Name()...)
		switch nombre {
		case "Comprobante":
			return enComprobante
		case "Retenciones":
			return enRetenciones
		}
	case 2:
		switch nombre {
		case "Emisor":
			return enEmisor
		case "Receptor":
			return enReceptor
		case "Totales":
			return enTotales
		case "Addenda":
			l.addenda = true
		}
	case 3:
		switch string(local(l.x.Open(2))) {
		case "Complemento":
			if nombre == "TimbreFiscalDigital" {
				if l.r.UUID == "" {
					return enTimbre
				}
				return enOtro // the first one counts
			}
			if len(l.r.Complementos) < maxComplementos {
				l.r.Complementos = append(l.r.Complementos, nombre)
			}
		case "Receptor":
			if nombre == "Nacional" || nombre == "Extranjero" { // of Retenciones
				return enReceptor
			}
		}
	}
	return enOtro
}

// quiere tells where an attribute's value goes. Names are compared without case:
// 3.2 writes them in lower case.
func (l *lectorResumen) quiere(en lugar, nombre []byte) *string {
	if en == enOtro {
		return nil
	}
	var minusculas [32]byte
	if len(nombre) > len(minusculas) {
		return nil
	}
	for i, c := range nombre {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		minusculas[i] = c
	}
	n, r := minusculas[:len(nombre)], l.r
	switch en {
	case enComprobante:
		return l.deComprobante(n, nombre)
	case enRetenciones:
		return l.deRetenciones(n, nombre)
	case enEmisor:
		switch string(n) {
		case "rfc", "rfce", "rfcemisor":
			return &r.RFCEmisor
		case "nombre", "nomdenrazsoce":
			return &r.NombreEmisor
		}
	case enReceptor:
		switch string(n) {
		case "rfc", "rfcr", "rfcrecep":
			return &r.RFCReceptor
		case "nombre", "nomdenrazsocr":
			return &r.NombreReceptor
		}
	case enTotales:
		if string(n) == "montototoperacion" {
			return &r.Total
		}
	case enTimbre:
		switch string(n) {
		case "uuid":
			return &r.UUID
		case "fechatimbrado":
			return &r.FechaTimbrado
		}
	}
	return nil
}

func (l *lectorResumen) deComprobante(n, nombre []byte) *string {
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
	return l.deEspacio(nombre)
}

func (l *lectorResumen) deRetenciones(n, nombre []byte) *string {
	switch string(n) {
	case "version":
		return &l.r.Version
	case "fechaexp":
		return &l.r.Fecha
	case "folioint":
		return &l.r.Folio
	}
	return l.deEspacio(nombre)
}

// deEspacio is the declaration of the root's own namespace.
func (l *lectorResumen) deEspacio(nombre []byte) *string {
	prefijo, _, hay := bytes.Cut(l.raiz, []byte(":"))
	if !hay && string(nombre) == "xmlns" || hay && bytes.HasPrefix(nombre, []byte("xmlns:")) && bytes.Equal(nombre[len("xmlns:"):], prefijo) {
		return &l.espacio
	}
	return nil
}

// juzgaRaiz refuses what is no CFDI of the known versions.
func (l *lectorResumen) juzgaRaiz(en lugar) error {
	r := l.r
	conocido := false
	switch {
	case en == enRetenciones:
		r.Tipo = "R"
		conocido = l.espacio == espacioRetenciones1 && r.Version == "1.0" || l.espacio == espacioRetenciones2 && r.Version == "2.0"
	case en == enComprobante && l.espacio == espacioCFDI3:
		conocido = r.Version == "3.2" || r.Version == "3.3"
	case en == enComprobante && l.espacio == espacioCFDI4:
		conocido = r.Version == "4.0"
	}
	if !conocido {
		return errNoCFDI
	}
	if r.Version == "3.2" && r.Tipo != "" { // ingreso, egreso, traslado
		r.Tipo = strings.ToUpper(r.Tipo[:1])
	}
	return nil
}
