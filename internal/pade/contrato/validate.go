package contrato

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

var hashForm = regexp.MustCompile(`^([0-9A-F]{2}-){19}[0-9A-F]{2}$`)

// Validate lists the known reasons for which the PAC would refuse a Contrato (pade.md
// §4): the form of Fecha, the Hash, the number and parties of Firmas, and the attributes
// of each. It does not verify Sellos: see Sellos. Fields are named as in the REST
// contract, relative to the contract ("firmas/0/rfc").
//
// A representative is required only for companies. That the PAC applies the same rule is
// an assumption.
func Validate(c Contrato, op gateway.FirmaOperation) []gateway.Field {
	v := validator{op: op}
	v.fecha(c.Fecha)
	v.text(c)
	v.parts(c.Firmas)
	for i := range c.Firmas {
		v.firma(i, &c.Firmas[i])
	}
	return v.fields
}

// Sellos lists the Firmas of a valid Contrato whose Sello has no form that Confirm knows,
// or whose certificate is of neither the party nor its representative. The PAC does not
// publish what it expects (pade.md §5), so callers can allow other forms.
func Sellos(c Contrato) []gateway.Field {
	var v validator
	for i, f := range c.Firmas {
		if _, ok := Confirm(f, c.Text); !ok {
			v.falla(firmaPath(i, "sello"), "No corresponde a este texto con este certificado: no es su SHA-256 ni su SHA-1, ni los del hash, firmados con RSA PKCS#1 v1.5.")
		}
		if _, titular, ok := certificado(f); ok && f.RFC != "" && titular.RFC != f.RFC && titular.RFC != f.RepLegalRFC {
			v.falla(firmaPath(i, "certificado"), "Es de %s, que no es la parte que firma (%s) ni su representante.", trim(titular.RFC), trim(f.RFC))
		}
	}
	return v.fields
}

type validator struct {
	op     gateway.FirmaOperation
	fields []gateway.Field
}

func (v *validator) falla(field, format string, args ...any) {
	v.fields = append(v.fields, gateway.Field{Campo: field, Detalle: fmt.Sprintf(format, args...)})
}

func (v *validator) fecha(fecha string) {
	t, err := time.Parse(gateway.FechaFormat, fecha)
	if err != nil || t.Format(gateway.FechaFormat) != fecha {
		v.falla("fecha", "Debe ser aaaa-mm-ddThh:mm:ss, hora del centro de México, sin zona.")
	}
}

func (v *validator) text(c Contrato) {
	switch {
	case strings.TrimSpace(c.Text) == "":
		v.falla("texto", "Es obligatorio: es el texto del contrato que dio Prodigia.")
	case strings.HasPrefix(c.Text, "\ufeff"):
		v.falla("texto", "Empieza con una marca de orden de bytes (BOM), que cambiaría el hash: quítela.")
	case xmldoc.Foreign(c.Text) >= 0:
		v.falla("texto", "Tiene un carácter que XML no admite.")
	}
	switch {
	case !hashForm.MatchString(c.Hash):
		v.falla("hash", "Debe ser el SHA-1 del texto: 20 pares hexadecimales en mayúsculas unidos por guiones.")
	case c.Hash != Hash(c.Text):
		v.falla("hash", "No es el del texto, que es %s.", Hash(c.Text))
	}
}

// parts checks who signs: the client alone, or the client and an integrator.
func (v *validator) parts(firmas []Firma) {
	clients := 0
	for _, f := range firmas {
		if f.Who == Cliente {
			clients++
		}
	}
	switch {
	case v.op == gateway.FirmaAdhesion && (len(firmas) != 1 || clients != 1):
		v.falla("firmas", "Debe haber una sola firma, con quien «Cliente».")
	case v.op != gateway.FirmaAdhesion && (len(firmas) != 2 || clients != 1):
		v.falla("firmas", "Debe haber dos firmas: una con quien «Cliente» y otra con quien igual a las siglas del integrador.")
	}
}

func (v *validator) firma(i int, f *Firma) {
	ofRepresentante := []string{"RepLegalRFC", "RepLegal", "Facultad"}
	for _, name := range order(v.op, *f) {
		a, _ := f.attribute(name)
		if strings.TrimSpace(*a.value) == "" && (!slices.Contains(ofRepresentante, name) || !f.persona()) {
			v.falla(firmaPath(i, a.field), "Es obligatorio.")
		}
	}
	v.fields = append(v.fields, unreadableValues(firmaPath(i, ""), f.attributes())...)
	for _, name := range []string{"RFC", "RepLegalRFC"} {
		if a, _ := f.attribute(name); *a.value != "" && !gateway.ValidRFC(*a.value) {
			v.falla(firmaPath(i, a.field), "No tiene la forma de un RFC.")
		}
	}
	if v.op != gateway.FirmaAdhesion && f.Who != Cliente {
		if f.Who == PCCFDI {
			v.falla(firmaPath(i, "quien"), "La firma del PCCFDI la agrega Prodigia.")
		} else if f.Initials != "" && f.Initials != f.Who {
			v.falla(firmaPath(i, "siglas"), "Deben ser las mismas que las de quien (%s).", trim(f.Who))
		}
	}
	v.sealed(i, f)
}

// sealed checks the form of the attributes that Seal fills.
func (v *validator) sealed(i int, f *Firma) {
	bad := func(s string) bool {
		_, err := base64.StdEncoding.Strict().DecodeString(s)
		return err != nil
	}
	const detail = "Debe ser base64 con relleno, en una sola línea."
	if bad(f.Sello) {
		v.falla(firmaPath(i, "sello"), detail)
	}
	if f.Certificado == "" {
		return
	}
	cert, titular, ok := certificado(*f)
	switch {
	case bad(f.Certificado):
		v.falla(firmaPath(i, "certificado"), detail)
	case !ok:
		v.falla(firmaPath(i, "certificado"), "Debe ser el certificado (.cer) en DER, en base64.")
	case f.CertificadoSerie != "" && f.CertificadoSerie != titular.Serial && !strings.EqualFold(f.CertificadoSerie, cert.SerialNumber.Text(16)):
		v.falla(firmaPath(i, "certificadoSerie"), "El número del certificado es %s.", trim(titular.Serial))
	}
}
