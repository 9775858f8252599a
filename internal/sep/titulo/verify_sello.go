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

// maxBits bounds the work that a hostile certificate can cause. The SAT's keys have 2048.
const maxBits = 8192

// Firma checks the sello, certificate and number of signer i of a completed t, over the
// values that will be written. Without a sello it checks only the certificate, if there
// is one. It rewrites valid ones as one line of base64, because neither is in the cadena.
func (c *Criterio) Firma(t *Titulo, i int) []Problem {
	l := list{criterio: c}
	f := &t.FirmaResponsables[i]
	if f.Sello != "" {
		l.firmante(t, i)
	} else if f.CertificadoResponsable != "" || f.NoCertificadoResponsable != "" {
		l.certificadoOf(t, i)
	}
	if !HasErrors(l.problems) {
		f.Sello, f.CertificadoResponsable = withoutBlank(f.Sello), withoutBlank(f.CertificadoResponsable)
	}
	return l.problems
}

// firmante checks signer i of a document: sello, certificate and number are present,
// belong together and are the signer's.
func (l *list) firmante(t *Titulo, i int) {
	f := &t.FirmaResponsables[i]
	n := f.node(i)
	for _, a := range n.attributes {
		if a.class == sealed && *a.value == "" {
			l.error(n.en(a.name), CodigoRequerido, "Falta %s, que es obligatorio.", a.name)
		}
	}
	firma, hasFirma := l.base64(n.en("sello"), f.Sello)
	cert := l.certificadoOf(t, i)
	if hasFirma && cert != nil {
		l.firma(n, t, i, cert, firma)
	}
}

// certificadoOf parses and checks the certificate of signer i; nil if it cannot be
// parsed.
func (l *list) certificadoOf(t *Titulo, i int) *x509.Certificate {
	f := &t.FirmaResponsables[i]
	n := f.node(i)
	path := n.en("certificadoResponsable")
	if strings.Contains(f.CertificadoResponsable, "-----BEGIN") {
		l.error(path, CodigoCertificadoIlegible, "El certificado va en DER (el .cer del SAT tal cual) en base64, no en PEM: mande en una línea lo que está entre BEGIN y END.")
		return nil
	}
	der, ok := l.base64(path, f.CertificadoResponsable)
	if !ok {
		return nil
	}
	cert, ok := l.certificado(path, der)
	if !ok {
		return nil
	}
	l.titular(n, f, cert)
	l.vigencia(n, t.Expedicion.FechaExpedicion, cert)
	return cert
}

func withoutBlank(text string) string { return strings.Join(strings.Fields(text), "") }

// base64 decodes one line. Several lines are decoded too, and reported.
func (l *list) base64(path, text string) ([]byte, bool) {
	joined := withoutBlank(text)
	if joined == "" {
		return nil, false
	}
	data, err := base64.StdEncoding.DecodeString(joined)
	switch {
	case err != nil, withMore(text):
		l.error(path, CodigoBase64, "%s", noBase64(text))
		return nil, false
	case joined != text:
		l.aviso(path, CodigoBase64Lines, "El base64 tiene espacios o saltos de línea; escríbalo en una línea.")
	}
	return data, true
}

func (l *list) certificado(path string, der []byte) (*x509.Certificate, bool) {
	if block, _ := pem.Decode(der); block != nil || bytes.HasPrefix(der, []byte("-----BEGIN")) {
		l.error(path, CodigoCertificadoIlegible, "El certificado va en DER (el .cer del SAT tal cual) en base64, no en PEM.")
		return nil, false
	}
	cert, err := efirma.ParseCertificate(der)
	if err != nil {
		l.error(path, CodigoCertificadoIlegible, "No se puede leer el certificado: debe ser el .cer del SAT en base64.")
	}
	return cert, err == nil
}

// titular checks what the SEP compares with the certificate: its number and the CURP.
func (l *list) titular(n node, f *FirmaResponsable, cert *x509.Certificate) {
	// Without a key this only parses the certificate. The error about the missing key is
	// ignored; one about the kind of certificate is not.
	cred, err := efirma.Load(cert.Raw, nil, nil, cert.NotBefore)
	if cred == nil {
		l.error(n.en("certificadoResponsable"), CodigoCertificadoIlegible, "No se puede leer el certificado: debe ser el .cer del SAT en base64.")
		return
	}
	var problem *efirma.Error
	if errors.As(err, &problem) && noEFirma(problem.Problem) {
		l.aviso(n.en("certificadoResponsable"), CodigoCertificadoNoEFirma, "El certificado no parece de una e.firma, que es con la que se firma un título.")
	}
	if f.NoCertificadoResponsable != "" && f.NoCertificadoResponsable != cred.Serial {
		l.error(n.en("noCertificadoResponsable"), CodigoCertificadoNumero, "El número del certificado es «%s», no «%s».", trim(cred.Serial), trim(f.NoCertificadoResponsable))
	}
	switch {
	case cred.CURP == "":
		l.error(n.en("certificadoResponsable"), CodigoCertificadoSinCURP, "El certificado no dice de qué CURP es, y la SEP la compara con la del firmante.")
	case f.CURP != "" && f.CURP != cred.CURP:
		l.error(n.en("curp"), CodigoCertificadoCURP, "La CURP del firmante («%s») no es la del certificado («%s»).", trim(f.CURP), cred.CURP)
	}
}

func noEFirma(p efirma.Problem) bool {
	return p == efirma.EsCSD || p == efirma.NoEsEfirma || p == efirma.SinRFC || p == efirma.LlaveDebil
}

// vigencia compares days, because the title has no hour. A fault is an aviso, because the
// SEP decides by its own register.
func (l *list) vigencia(n node, fechaExpedicion string, cert *x509.Certificate) {
	d, ok := day(fechaExpedicion)
	if ok && (d.Before(cert.NotBefore.UTC().Truncate(24*time.Hour)) || d.After(cert.NotAfter)) {
		l.aviso(n.en("certificadoResponsable"), CodigoCertificadoVigencia, "El certificado vale del %s al %s, y el título se expide el %s.",
			cert.NotBefore.UTC().Format(time.DateOnly), cert.NotAfter.UTC().Format(time.DateOnly), fechaExpedicion)
	}
}

// firma verifies the sello with both ways of escaping, and reports which one it used if
// they differ.
func (l *list) firma(n node, t *Titulo, i int, cert *x509.Certificate, firma []byte) {
	path := n.en("sello")
	llave, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok || llave.N.BitLen() > maxBits {
		l.error(n.en("certificadoResponsable"), CodigoCertificadoIlegible, "La llave del certificado no es RSA de hasta %d bits.", maxBits)
		return
	}
	flat, entidades := CadenaOriginal(*t, i, EscapeFlat), CadenaOriginal(*t, i, EscapeEntidades)
	different := !bytes.Equal(flat, entidades)
	switch {
	case verified(llave, flat, firma):
		if different {
			l.aviso(path, CodigoSelloPlano, "El sello es de la cadena con & \" < > tal cual; la norma no dice si van así o como entidades.")
		}
	case different && verified(llave, entidades, firma):
		l.aviso(path, CodigoSelloEntidades, "El sello es de la cadena con & \" < > como entidades (&amp;…); la norma no dice si van así o tal cual.")
	default:
		d := diagnosis{llave: llave, titulo: t, firmante: i, strings: [][]byte{flat, entidades}}
		l.error(path, CodigoSello, "El sello no corresponde a la cadena original con este certificado. %s", d.de(t.FirmaResponsables[i].Sello, firma))
	}
}

func verified(llave *rsa.PublicKey, cadena, firma []byte) bool {
	digest := sha256.Sum256(cadena)
	return rsa.VerifyPKCS1v15(llave, crypto.SHA256, digest[:], firma) == nil
}
