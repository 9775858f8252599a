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
	busSecuencia    = bus + "La Secuencia no ha sido autenticada"
	busSinDatos     = bus + "No existe información para los datos proporcionados"
	oidSerialNumber = "2.5.4.5"
)

// certificados knows which certificates are registered: the e.firmas that the sandbox's authority issued
// and that are in force.
type certificados struct {
	autoridad *autoridad.Autoridad
	ahora     time.Time
}

func (c certificados) registrado(cert *x509.Certificate) bool {
	const deEFirma = x509.KeyUsageDataEncipherment | x509.KeyUsageKeyAgreement
	return c.autoridad.EsPropio(cert) && cert.KeyUsage&deEFirma == deEFirma &&
		!c.ahora.Before(cert.NotBefore) && !c.ahora.After(cert.NotAfter) && !c.autoridad.Revocado(autoridad.Serial(cert))
}

// bus verifies the seal of each signer with the certificate beside it.
func (r *revisor) bus(raiz *nodo) string {
	for _, f := range raiz.hijo("FirmaResponsables").hijos {
		if fallo := r.firma(raiz, f.atributos); fallo != "" {
			return fallo
		}
	}
	return ""
}

func (r *revisor) firma(raiz *nodo, firmante map[string]string) string {
	der, err := base64.StdEncoding.DecodeString(sinBlancos(firmante["certificadoResponsable"]))
	if err != nil {
		return busCertificado
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil || !r.registro.registrado(cert) {
		return busCertificado
	}
	if autoridad.Serial(cert) != firmante["noCertificadoResponsable"] {
		return busSinDatos
	}
	if curp := curpDe(cert); curp != firmante["curp"] {
		return bus + "La Curp del " + firmante["curp"] + " no es igual a: " + curp
	}
	llave, ok := cert.PublicKey.(*rsa.PublicKey)
	sello, err := base64.StdEncoding.DecodeString(sinBlancos(firmante["sello"]))
	if !ok || err != nil || !r.autentica(raiz, firmante, llave, sello) {
		return busSecuencia
	}
	return ""
}

// autentica tries the seal over the cadena in each of the forms that the knob admits: which of them the
// service takes is not settled.
func (r *revisor) autentica(raiz *nodo, firmante map[string]string, llave *rsa.PublicKey, sello []byte) bool {
	for _, forma := range []string{cadenaPlana, cadenaEntidades} {
		if r.cadena != cadenaAmbas && r.cadena != forma {
			continue
		}
		suma := sha256.Sum256([]byte(cadenaOriginal(raiz, firmante, forma)))
		if rsa.VerifyPKCS1v15(llave, crypto.SHA256, suma[:], sello) == nil {
			return true
		}
	}
	return false
}

// curpDe returns the CURP of a certificate's owner, or of the representative of a company, which stands
// after a slash.
func curpDe(cert *x509.Certificate) string {
	for _, n := range cert.Subject.Names {
		if texto, ok := n.Value.(string); ok && n.Type.String() == oidSerialNumber {
			return strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(texto), "/"))
		}
	}
	return ""
}

// cadenaOriginal is what a signer seals: thirty-eight values, those that are absent leave their place
// empty, and of the signers' only this one's.
func cadenaOriginal(raiz *nodo, firmante map[string]string, forma string) string {
	tramos := []struct {
		atributos map[string]string
		nombres   string
	}{
		{raiz.atributos, "version folioControl"},
		{firmante, "curp idCargo cargo abrTitulo"},
		{raiz.hijo("Institucion").atributos, "cveInstitucion nombreInstitucion"},
		{raiz.hijo("Carrera").atributos, "cveCarrera nombreCarrera fechaInicio fechaTerminacion idAutorizacionReconocimiento autorizacionReconocimiento numeroRvoe"},
		{raiz.hijo("Profesionista").atributos, "curp nombre primerApellido segundoApellido correoElectronico"},
		{raiz.hijo("Expedicion").atributos, "fechaExpedicion idModalidadTitulacion modalidadTitulacion fechaExamenProfesional fechaExencionExamenProfesional cumplioServicioSocial idFundamentoLegalServicioSocial fundamentoLegalServicioSocial idEntidadFederativa entidadFederativa"},
		{raiz.hijo("Antecedente").atributos, "institucionProcedencia idTipoEstudioAntecedente tipoEstudioAntecedente idEntidadFederativa entidadFederativa fechaInicio fechaTerminacion noCedula"},
	}
	var valores []string
	for _, t := range tramos {
		for nombre := range strings.FieldsSeq(t.nombres) {
			valores = append(valores, t.atributos[nombre])
		}
	}
	texto := strings.Join(valores, "|")
	if forma == cadenaEntidades {
		texto = strings.NewReplacer("&", "&amp;", `"`, "&quot;", "<", "&lt;", ">", "&gt;").Replace(texto)
	}
	return "||" + texto + "||"
}
