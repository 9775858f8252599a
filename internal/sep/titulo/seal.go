package titulo

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/pasarela-mx/pasarela/internal/efirma"
)

// Seal signs t for its signer i with cred and fills the signer's sello, certificate and
// certificate number: RSA PKCS#1 v1.5 over the SHA-256 of the cadena original (sep.md
// §5). Complete t first, and do not change it afterwards.
//
// The error is a Problem if title and e.firma do not match, usually by the CURP; t is
// then unchanged. Any other error is the caller's or the signer's.
func Seal(t *Titulo, i int, cred *efirma.Credential, escape Escape) error {
	if i < 0 || i >= len(t.FirmaResponsables) {
		return fmt.Errorf("titulo: sealing for signer %d of %d", i, len(t.FirmaResponsables))
	}
	if cred == nil || cred.Signer == nil {
		return fmt.Errorf("titulo: sealing for signer %d without an e.firma that can sign", i)
	}
	if _, ok := cred.Signer.Public().(*rsa.PublicKey); !ok {
		return errors.New("titulo: the e.firma is not RSA")
	}
	f := &t.FirmaResponsables[i]
	if err := match(f, i, cred); err != nil {
		return err
	}
	cadena := CadenaOriginal(*t, i, escape)
	if !unequivocal(cadena) {
		return failure(f.node(i).en("sello"), CodigoCaracterReservado,
			"No se puede sellar: algún valor tiene barras verticales, saltos de línea o caracteres de control.")
	}
	digest := sha256.Sum256(cadena)
	sello, err := cred.Signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return fmt.Errorf("titulo: sealing for signer %d: %w", i, err)
	}
	f.Sello = base64.StdEncoding.EncodeToString(sello)
	f.CertificadoResponsable = cred.CertificateBase64
	f.NoCertificadoResponsable = cred.Serial
	return nil
}

// match reports a Problem unless the e.firma is the signer's: the SEP compares its CURP
// with the certificate's. A certificate that came with the signer must be the e.firma's.
func match(f *FirmaResponsable, i int, cred *efirma.Credential) error {
	path := f.node(i).en("curp")
	switch {
	case cred.CURP == "":
		return failure(path, CodigoCertificadoSinCURP, "La e.firma de %s no dice de qué CURP es, y la SEP la compara con la del firmante.", cred.RFC)
	case f.NoCertificadoResponsable != "" && f.NoCertificadoResponsable != cred.Serial,
		f.CertificadoResponsable != "" && withoutBlank(f.CertificadoResponsable) != cred.CertificateBase64:
		return failure(f.node(i).en("noCertificadoResponsable"), CodigoCertificadoNumero, "El certificado que mandó no es el de la e.firma de %s («%s»); quítelo, o mande también el sello.", cred.RFC, cred.Serial)
	case f.CURP != cred.CURP:
		return failure(path, CodigoCertificadoCURP, "La CURP del firmante («%s») no es la de la e.firma de %s («%s»).", trim(f.CURP), cred.RFC, cred.CURP)
	}
	return nil
}

// unequivocal reports whether the cadena has one meaning and stays the same
// after its values have passed through XML.
func unequivocal(cadena []byte) bool {
	return bytes.Count(cadena, []byte("|")) == fieldsCadena+3 &&
		!bytes.ContainsAny(cadena, "\t\r\n") && printable(string(cadena))
}
