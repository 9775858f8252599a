package contrato

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

var formaHash = regexp.MustCompile(`^([0-9A-F]{2}-){19}[0-9A-F]{2}$`)

// Valida lists what the PAC would refuse a Contrato for, as far as it is known
// (pade.md §4): the form of Fecha, the Hash, how many Firmas and of whom, and
// the attributes of each. Sellos are not verified: see Sellos. Fields are
// named as in the REST contract, relative to the contract ("firmas/0/rfc").
//
// A representative is wanted of companies only; that the PAC goes by the same
// rule is an assumption.
func Valida(c Contrato, op gateway.OperacionFirma) []gateway.Campo {
	v := validador{op: op}
	v.fecha(c.Fecha)
	v.texto(c)
	v.partes(c.Firmas)
	for i := range c.Firmas {
		v.firma(i, &c.Firmas[i])
	}
	return v.campos
}

// Sellos lists the firmas of a valid Contrato whose Sello is of none of the forms
// that Comprueba knows, or whose certificate is of somebody else than the party
// or its representative. The PAC does not publish what it wants (pade.md §5), so
// whoever knows of another form must be able to pass.
func Sellos(c Contrato) []gateway.Campo {
	var v validador
	for i, f := range c.Firmas {
		if _, ok := Comprueba(f, c.Texto); !ok {
			v.falla(rutaFirma(i, "sello"), "No corresponde a este texto con este certificado: no es su SHA-256 ni su SHA-1, ni los del hash, firmados con RSA PKCS#1 v1.5.")
		}
		if _, titular, ok := certificado(f); ok && f.RFC != "" && titular.RFC != f.RFC && titular.RFC != f.RepLegalRFC {
			v.falla(rutaFirma(i, "certificado"), "Es de %s, que no es la parte que firma (%s) ni su representante.", recorta(titular.RFC), recorta(f.RFC))
		}
	}
	return v.campos
}

type validador struct {
	op     gateway.OperacionFirma
	campos []gateway.Campo
}

func (v *validador) falla(campo, format string, args ...any) {
	v.campos = append(v.campos, gateway.Campo{Campo: campo, Detalle: fmt.Sprintf(format, args...)})
}

func (v *validador) fecha(fecha string) {
	t, err := time.Parse(gateway.FormatoFecha, fecha)
	if err != nil || t.Format(gateway.FormatoFecha) != fecha {
		v.falla("fecha", "Debe ser aaaa-mm-ddThh:mm:ss, hora del centro de México, sin zona.")
	}
}

func (v *validador) texto(c Contrato) {
	switch {
	case strings.TrimSpace(c.Texto) == "":
		v.falla("texto", "Es obligatorio: es el texto del contrato que dio Prodigia.")
	case strings.HasPrefix(c.Texto, "\ufeff"):
		v.falla("texto", "Empieza con una marca de orden de bytes (BOM), que cambiaría el hash: quítela.")
	case !caracteres(c.Texto):
		v.falla("texto", "Tiene un carácter que XML no admite.")
	}
	switch {
	case !formaHash.MatchString(c.Hash):
		v.falla("hash", "Debe ser el SHA-1 del texto: 20 pares hexadecimales en mayúsculas unidos por guiones.")
	case c.Hash != Hash(c.Texto):
		v.falla("hash", "No es el del texto, que es %s.", Hash(c.Texto))
	}
}

// partes checks who signs: the client alone, or the client and an integrator.
func (v *validador) partes(firmas []Firma) {
	clientes := 0
	for _, f := range firmas {
		if f.Quien == Cliente {
			clientes++
		}
	}
	switch {
	case v.op == gateway.FirmaAdhesion && (len(firmas) != 1 || clientes != 1):
		v.falla("firmas", "Debe haber una sola firma, con quien «Cliente».")
	case v.op != gateway.FirmaAdhesion && (len(firmas) != 2 || clientes != 1):
		v.falla("firmas", "Debe haber dos firmas: una con quien «Cliente» y otra con quien igual a las siglas del integrador.")
	}
}

func (v *validador) firma(i int, f *Firma) {
	deRepresentante := []string{"RepLegalRFC", "RepLegal", "Facultad"}
	for _, nombre := range orden(v.op, *f) {
		a, _ := f.atributo(nombre)
		if strings.TrimSpace(*a.valor) == "" && (!slices.Contains(deRepresentante, nombre) || !f.persona()) {
			v.falla(rutaFirma(i, a.campo), "Es obligatorio.")
		}
	}
	v.campos = append(v.campos, ilegibles(rutaFirma(i, ""), f.atributos())...)
	for _, nombre := range []string{"RFC", "RepLegalRFC"} {
		if a, _ := f.atributo(nombre); *a.valor != "" && !gateway.RFCValido(*a.valor) {
			v.falla(rutaFirma(i, a.campo), "No tiene la forma de un RFC.")
		}
	}
	if v.op != gateway.FirmaAdhesion && f.Quien != Cliente {
		if f.Quien == PCCFDI {
			v.falla(rutaFirma(i, "quien"), "La firma del PCCFDI la agrega Prodigia.")
		} else if f.Siglas != "" && f.Siglas != f.Quien {
			v.falla(rutaFirma(i, "siglas"), "Deben ser las mismas que las de quien (%s).", recorta(f.Quien))
		}
	}
	v.sellado(i, f)
}

// sellado checks the forms of what Sella fills.
func (v *validador) sellado(i int, f *Firma) {
	malo := func(s string) bool {
		_, err := base64.StdEncoding.Strict().DecodeString(s)
		return err != nil
	}
	const detalle = "Debe ser base64 con relleno, en una sola línea."
	if malo(f.Sello) {
		v.falla(rutaFirma(i, "sello"), detalle)
	}
	if f.Certificado == "" {
		return
	}
	cert, titular, ok := certificado(*f)
	switch {
	case malo(f.Certificado):
		v.falla(rutaFirma(i, "certificado"), detalle)
	case !ok:
		v.falla(rutaFirma(i, "certificado"), "Debe ser el certificado (.cer) en DER, en base64.")
	case f.CertificadoSerie != "" && f.CertificadoSerie != titular.Serial && !strings.EqualFold(f.CertificadoSerie, cert.SerialNumber.Text(16)):
		v.falla(rutaFirma(i, "certificadoSerie"), "El número del certificado es %s.", recorta(titular.Serial))
	}
}
