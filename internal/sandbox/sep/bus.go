package sep

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

// What the service's «bus criptográfico» says.
const (
	bus             = "Error Bus criptografico: "
	busCertificado  = bus + "El certificado de Emisor no ha sido registrado o es inválido"
	busSequence     = bus + "La Secuencia no ha sido autenticada"
	busWithoutData  = bus + "No existe información para los datos proporcionados"
	oidSerialNumber = "2.5.4.5"
)

// certificados knows which certificates are registered: the e.firmas that the sandbox's authority issued
// and that are in force.
type certificados struct {
	autoridad *autoridad.Autoridad
	now       time.Time
}

func (c certificados) registered(cert *x509.Certificate) bool {
	const ofEFirma = x509.KeyUsageDataEncipherment | x509.KeyUsageKeyAgreement
	return c.autoridad.IsOwn(cert) && cert.KeyUsage&ofEFirma == ofEFirma &&
		!c.now.Before(cert.NotBefore) && !c.now.After(cert.NotAfter) && !c.autoridad.Revoked(autoridad.Serial(cert))
}

// bus verifies the seal of each signer with the certificate beside it.
func (r *checker) bus(root *node) string {
	for _, f := range root.child("FirmaResponsables").children {
		if failure := r.firma(root, f.attributes); failure != "" {
			return failure
		}
	}
	return ""
}

func (r *checker) firma(root *node, firmante map[string]string) string {
	der, err := base64.StdEncoding.DecodeString(withoutBlank(firmante["certificadoResponsable"]))
	if err != nil {
		return busCertificado
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil || !r.record.registered(cert) {
		return busCertificado
	}
	if autoridad.Serial(cert) != firmante["noCertificadoResponsable"] {
		return busWithoutData
	}
	if curp := curpOf(cert); curp != firmante["curp"] {
		return bus + "La Curp del " + firmante["curp"] + " no es igual a: " + curp
	}
	llave, ok := cert.PublicKey.(*rsa.PublicKey)
	sello, err := base64.StdEncoding.DecodeString(withoutBlank(firmante["sello"]))
	if !ok || err != nil || !r.authenticate(root, firmante, llave, sello) {
		return busSequence
	}
	return ""
}

// authenticate tries the seal over the cadena in each of the forms that the knob admits: which of them the
// service takes is not settled.
func (r *checker) authenticate(root *node, firmante map[string]string, llave *rsa.PublicKey, sello []byte) bool {
	for _, form := range []string{cadenaPlana, cadenaEntidades} {
		if r.cadena != cadenaAmbas && r.cadena != form {
			continue
		}
		sum := sha256.Sum256([]byte(cadenaOriginal(root, firmante, form)))
		if rsa.VerifyPKCS1v15(llave, crypto.SHA256, sum[:], sello) == nil {
			return true
		}
	}
	return false
}

// curpOf returns the CURP of a certificate's owner, or of the representative of a company, which stands
// after a slash.
func curpOf(cert *x509.Certificate) string {
	for _, n := range cert.Subject.Names {
		if text, ok := n.Value.(string); ok && n.Type.String() == oidSerialNumber {
			return strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(text), "/"))
		}
	}
	return ""
}

// cadenaOriginal is what a signer seals: thirty-eight values, those that are absent leave their place
// empty, and of the signers' only this one's.
func cadenaOriginal(root *node, firmante map[string]string, form string) string {
	tramos := []struct {
		attributes map[string]string
		names      string
	}{
		{root.attributes, "version folioControl"},
		{firmante, "curp idCargo cargo abrTitulo"},
		{root.child("Institucion").attributes, "cveInstitucion nombreInstitucion"},
		{root.child("Carrera").attributes, "cveCarrera nombreCarrera fechaInicio fechaTerminacion idAutorizacionReconocimiento autorizacionReconocimiento numeroRvoe"},
		{root.child("Profesionista").attributes, "curp nombre primerApellido segundoApellido correoElectronico"},
		{root.child("Expedicion").attributes, "fechaExpedicion idModalidadTitulacion modalidadTitulacion fechaExamenProfesional fechaExencionExamenProfesional cumplioServicioSocial idFundamentoLegalServicioSocial fundamentoLegalServicioSocial idEntidadFederativa entidadFederativa"},
		{root.child("Antecedente").attributes, "institucionProcedencia idTipoEstudioAntecedente tipoEstudioAntecedente idEntidadFederativa entidadFederativa fechaInicio fechaTerminacion noCedula"},
	}
	var values []string
	for _, t := range tramos {
		for name := range strings.FieldsSeq(t.names) {
			values = append(values, t.attributes[name])
		}
	}
	text := strings.Join(values, "|")
	if form == cadenaEntidades {
		text = strings.NewReplacer("&", "&amp;", `"`, "&quot;", "<", "&lt;", ">", "&gt;").Replace(text)
	}
	return "||" + text + "||"
}
