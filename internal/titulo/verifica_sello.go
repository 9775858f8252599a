package titulo

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/efirma"
)

// maxBits bounds the work that a hostile certificate can ask for. The SAT's
// keys have 2048.
const maxBits = 8192

// Firma checks what signer i of a completed t brings: sello, certificate and
// number, over the values that will be written. Without a sello only the
// certificate is checked, if there is one. What is found well is put into one
// line of base64, since neither is in the cadena.
func (c *Criterio) Firma(t *Titulo, i int) []Problema {
	l := lista{criterio: c}
	f := &t.FirmaResponsables[i]
	if f.Sello != "" {
		l.firmante(t, i)
	} else if f.CertificadoResponsable != "" || f.NoCertificadoResponsable != "" {
		l.certificadoDe(t, i)
	}
	if !HayErrores(l.problemas) {
		f.Sello, f.CertificadoResponsable = sinBlancos(f.Sello), sinBlancos(f.CertificadoResponsable)
	}
	return l.problemas
}

// firmante checks signer i of a document: that sello, certificate and number
// are there, belong together and are of whom they say.
func (l *lista) firmante(t *Titulo, i int) {
	f := &t.FirmaResponsables[i]
	n := f.nodo(i)
	for _, a := range n.atributos {
		if a.clase == sellado && *a.valor == "" {
			l.error(n.en(a.nombre), CodigoRequerido, "Falta %s, que es obligatorio.", a.nombre)
		}
	}
	firma, hayFirma := l.base64(n.en("sello"), f.Sello)
	cert := l.certificadoDe(t, i)
	if hayFirma && cert != nil {
		l.firma(n, t, i, cert, firma)
	}
}

// certificadoDe reads and checks the certificate of signer i; nil when it cannot be read.
func (l *lista) certificadoDe(t *Titulo, i int) *x509.Certificate {
	f := &t.FirmaResponsables[i]
	n := f.nodo(i)
	ruta := n.en("certificadoResponsable")
	if strings.Contains(f.CertificadoResponsable, "-----BEGIN") {
		l.error(ruta, CodigoCertificadoIlegible, "El certificado va en DER (el .cer del SAT tal cual) en base64, no en PEM: mande en una línea lo que está entre BEGIN y END.")
		return nil
	}
	der, ok := l.base64(ruta, f.CertificadoResponsable)
	if !ok {
		return nil
	}
	cert, ok := l.certificado(ruta, der)
	if !ok {
		return nil
	}
	l.titular(n, f, cert)
	l.vigencia(n, t.Expedicion.FechaExpedicion, cert)
	return cert
}

func sinBlancos(texto string) string { return strings.Join(strings.Fields(texto), "") }

// base64 decodes one line; several are read too, and said.
func (l *lista) base64(ruta, texto string) ([]byte, bool) {
	junto := sinBlancos(texto)
	if junto == "" {
		return nil, false
	}
	datos, err := base64.StdEncoding.DecodeString(junto)
	switch {
	case err != nil, conMas(texto):
		l.error(ruta, CodigoBase64, "%s", noBase64(texto))
		return nil, false
	case junto != texto:
		l.aviso(ruta, CodigoBase64Lineas, "El base64 tiene espacios o saltos de línea; escríbalo en una línea.")
	}
	return datos, true
}

func (l *lista) certificado(ruta string, der []byte) (*x509.Certificate, bool) {
	if block, _ := pem.Decode(der); block != nil || bytes.HasPrefix(der, []byte("-----BEGIN")) {
		l.error(ruta, CodigoCertificadoIlegible, "El certificado va en DER (el .cer del SAT tal cual) en base64, no en PEM.")
		return nil, false
	}
	cert, err := efirma.ParseCertificate(der)
	if err != nil {
		l.error(ruta, CodigoCertificadoIlegible, "No se puede leer el certificado: debe ser el .cer del SAT en base64.")
	}
	return cert, err == nil
}

// titular checks what the SEP compares with the certificate: its number and
// the CURP.
func (l *lista) titular(n nodo, f *FirmaResponsable, cert *x509.Certificate) {
	// Without a key this reads the certificate and no more; the error that says
	// so is not of interest, unlike one about the kind of certificate.
	cred, err := efirma.Load(cert.Raw, nil, nil, cert.NotBefore)
	if cred == nil {
		l.error(n.en("certificadoResponsable"), CodigoCertificadoIlegible, "No se puede leer el certificado: debe ser el .cer del SAT en base64.")
		return
	}
	var problema *efirma.Error
	if errors.As(err, &problema) && noEFirma(problema.Problem) {
		l.aviso(n.en("certificadoResponsable"), CodigoCertificadoNoEFirma, "El certificado no parece de una e.firma, que es con la que se firma un título.")
	}
	if f.NoCertificadoResponsable != "" && f.NoCertificadoResponsable != cred.Serial {
		l.error(n.en("noCertificadoResponsable"), CodigoCertificadoNumero, "El número del certificado es «%s», no «%s».", recorta(cred.Serial), recorta(f.NoCertificadoResponsable))
	}
	switch {
	case cred.CURP == "":
		l.error(n.en("certificadoResponsable"), CodigoCertificadoSinCURP, "El certificado no dice de qué CURP es, y la SEP la compara con la del firmante.")
	case f.CURP != "" && f.CURP != cred.CURP:
		l.error(n.en("curp"), CodigoCertificadoCURP, "La CURP del firmante («%s») no es la del certificado («%s»).", recorta(f.CURP), cred.CURP)
	}
}

func noEFirma(p efirma.Problem) bool {
	return p == efirma.EsCSD || p == efirma.NoEsEfirma || p == efirma.SinRFC || p == efirma.LlaveDebil
}

// vigencia compares days, since the title has no hour: an aviso, because the
// SEP decides by its own register.
func (l *lista) vigencia(n nodo, fechaExpedicion string, cert *x509.Certificate) {
	d, ok := dia(fechaExpedicion)
	if ok && (d.Before(cert.NotBefore.UTC().Truncate(24*time.Hour)) || d.After(cert.NotAfter)) {
		l.aviso(n.en("certificadoResponsable"), CodigoCertificadoVigencia, "El certificado vale del %s al %s, y el título se expide el %s.",
			cert.NotBefore.UTC().Format(time.DateOnly), cert.NotAfter.UTC().Format(time.DateOnly), fechaExpedicion)
	}
}

// firma verifies the sello by both ways of escaping, and says which one it was
// where they differ.
func (l *lista) firma(n nodo, t *Titulo, i int, cert *x509.Certificate, firma []byte) {
	ruta := n.en("sello")
	llave, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok || llave.N.BitLen() > maxBits {
		l.error(n.en("certificadoResponsable"), CodigoCertificadoIlegible, "La llave del certificado no es RSA de hasta %d bits.", maxBits)
		return
	}
	plana, entidades := CadenaOriginal(*t, i, EscapePlano), CadenaOriginal(*t, i, EscapeEntidades)
	distintas := !bytes.Equal(plana, entidades)
	switch {
	case verificada(llave, plana, firma):
		if distintas {
			l.aviso(ruta, CodigoSelloPlano, "El sello es de la cadena con & \" < > tal cual; la norma no dice si van así o como entidades.")
		}
	case distintas && verificada(llave, entidades, firma):
		l.aviso(ruta, CodigoSelloEntidades, "El sello es de la cadena con & \" < > como entidades (&amp;…); la norma no dice si van así o tal cual.")
	default:
		d := diagnostico{llave: llave, titulo: t, firmante: i, cadenas: [][]byte{plana, entidades}}
		l.error(ruta, CodigoSello, "El sello no corresponde a la cadena original con este certificado. %s", d.de(t.FirmaResponsables[i].Sello, firma))
	}
}

func verificada(llave *rsa.PublicKey, cadena, firma []byte) bool {
	digest := sha256.Sum256(cadena)
	return rsa.VerifyPKCS1v15(llave, crypto.SHA256, digest[:], firma) == nil
}
