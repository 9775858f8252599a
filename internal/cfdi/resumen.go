package cfdi

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
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
}

const (
	errNoCFDI    defecto = "No es un CFDI: su elemento raíz es otro, o de otra versión."
	errSinTimbre defecto = "No tiene timbre: le falta el UUID."
	errRepetido  defecto = "No es XML bien formado: tiene un atributo repetido."

	maxComplementos = 64
	cabeza          = 512
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
	l       lector
	cabeza  [cabeza]byte
	r       *Resumen
	espacio string  // the root's namespace, when it is one of a CFDI
	raiz    []byte  // the root's name as written
	destino *string // of the value being read
}

// LeeResumen reads one document. Errors are texts in Spanish, or r's.
func LeeResumen(r io.Reader) (Resumen, error) {
	var s Resumen
	l := &lectorResumen{}
	err := l.lee(r, &s)
	return s, err
}

func (l *lectorResumen) lee(r io.Reader, s *Resumen) error {
	n, err := io.ReadFull(r, l.cabeza[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if err != nil {
		r = bytes.NewReader(nil) // it has been read whole
	}
	texto, err := decodifica(l.cabeza[:n], r)
	if err != nil {
		return err
	}
	l.l.reinicia(&caracteres{r: texto})
	*s = Resumen{}
	l.r, l.espacio = s, ""
	for {
		cierra, err := l.l.abre()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && !cierra {
			err = l.elemento()
		}
		if err != nil {
			return err
		}
	}
	return l.completa()
}

func (l *lectorResumen) completa() error {
	if l.r.UUID == "" {
		return errSinTimbre
	}
	l.r.UUID = strings.ToLower(l.r.UUID)
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
	en := l.lugar()
	if err := l.l.atributos(func(nombre []byte) bool {
		l.destino = l.quiere(en, nombre)
		return l.destino != nil
	}, l.toma); err != nil {
		return err
	}
	if len(l.l.finales) > 1 {
		return nil
	}
	return l.juzgaRaiz(en)
}

// lugar tells what the element just opened is, and notes complementos.
func (l *lectorResumen) lugar() lugar {
	nombre := string(local(l.l.abierto()))
	switch l.l.profundidad() {
	case 1:
		l.raiz = append(l.raiz[:0], l.l.abierto()...)
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
		}
	case 3:
		switch string(local(l.padre())) {
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

// padre is the name of the element around the innermost one.
func (l *lectorResumen) padre() []byte {
	n := l.l.profundidad() - 2
	return l.l.pila[l.l.desde(n):l.l.finales[n]]
}

// toma keeps a value, unless the attribute has been there before.
func (l *lectorResumen) toma(valor []byte) error {
	if *l.destino != "" {
		return errRepetido
	}
	*l.destino = string(valor)
	return nil
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
