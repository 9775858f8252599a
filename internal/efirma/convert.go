package efirma

import (
	"fmt"
	"strings"
)

// The commands that convert a key which this package does not read: OpenSSL, with and
// without the algorithms that its version 3 moved to the legacy provider.
const (
	conOpenSSL     = "openssl"
	withOpenSSLOld = "openssl legacy"
)

// command returns the command line that writes a key in the SAT's form, PKCS#8 in DER.
func (f form) command(name string, old bool) string {
	suppliers := ""
	if old {
		suppliers = " -provider default -provider legacy"
	}
	return fmt.Sprintf("openssl pkcs8 -topk8%s -inform %s -in %s -outform DER -out nueva.key", suppliers, f.inform(), betweenQuotes(name))
}

func (f form) inform() string {
	if f.pem {
		return "PEM"
	}
	return "DER"
}

// betweenQuotes quotes a file's name for a shell, if needed.
func betweenQuotes(name string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+@"
	if strings.Trim(name, plain) == "" {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}

// wrong returns the refusal of a file that is not what is needed. It names what the file
// is, if that was recognized.
func wrong(name string, file []byte, f form, due contentKind) *Error {
	problem, hint := KeyIlegible, "Dé el .key que el SAT entregó con el .cer."
	if due == isCertificado {
		problem, hint = CerIlegible, "Dé el .cer tal como lo entregó el SAT."
	}
	es := f.class(file)
	switch {
	case es == isOther:
		return f.unreadable(name, due)
	case es == isPKCS12:
		hint = "Dé ese archivo solo."
	case es == isPKCS7 && due == isCertificado:
		hint += " O saque el certificado con: " + fmt.Sprintf("openssl pkcs7 -print_certs -inform %s -in %s -out nuevo.cer", f.inform(), betweenQuotes(name))
	case due == isPKCS12:
		hint = "Dé el .p12 o .pfx, o el .cer y el .key."
	}
	return falla(problem, nil, "%s es %s, y debía ser %s. %s", name, es, due, hint)
}

// unreadable returns the refusal of a file in which nothing was recognized.
func (f form) unreadable(name string, due contentKind) *Error {
	why := ""
	switch {
	case f.missing > 0:
		why = fmt.Sprintf(": está cortado, le faltan %d bytes", f.missing)
	case f.ber:
		why = ": está en BER de largo indefinido, y la pasarela lee DER"
	case f.pem:
		why = fmt.Sprintf(": tiene un bloque PEM («%s») y su contenido no se entiende", bounded(f.pieces[0].label))
	}
	switch due {
	case isCertificado:
		if why == "" {
			why = ": no es X.509 en DER ni en PEM"
		}
		return falla(CerIlegible, f.inGeneral(), "No se puede leer el certificado (%s)%s. Use el .cer tal como lo entregó el SAT.", name, why)
	case isLlave:
		if why == "" {
			why = ": no es una llave RSA en PKCS#8 ni en PKCS#1"
		}
		return falla(KeyIlegible, f.inGeneral(), "No se puede leer la llave (%s)%s. Use el .key tal como lo entregó el SAT.", name, why)
	}
	return unreadablePFX(name, why, f.inGeneral())
}

// unreadablePFX suggests what always works: the two files from which the PKCS#12 was
// made.
func unreadablePFX(name, why string, err error) *Error {
	if why == "" {
		why = ": no es un PKCS#12 con un certificado y su llave"
	}
	file := betweenQuotes(name)
	return falla(KeyIlegible, err, "No se puede leer el archivo (%s)%s. Expórtelo de nuevo, o use el .cer y el .key del SAT, o sáquelos de él con: "+
		"openssl pkcs12 -legacy -in %[3]s -clcerts -nokeys -out nuevo.cer && openssl pkcs12 -legacy -in %[3]s -nocerts -out nueva.key", name, why, file)
}

// badCertificado refuses a file that has a certificate's structure but cannot be parsed.
func badCertificado(name string, p piece) *Error {
	if p.cert != nil {
		return nil
	}
	return falla(CerIlegible, p.err, "No se puede leer el certificado (%s): tiene la estructura de un X.509, y algo en él está mal codificado. Use el .cer tal como lo entregó el SAT; si así lo entregó, pida otro.", name)
}

// formNote adds notices about forms that other programs may not read.
func (a *opening) formNote(name string, f form) {
	en := ""
	if f.utf16 {
		en = " en UTF-16"
	}
	switch {
	case f.base64:
		a.notify(AvisoPEM, "%s está en base64%s sin los renglones de PEM y el SAT lo entrega en DER. La pasarela lee ambos; otros programas quizá no.", name, en)
	case f.pem:
		a.notify(AvisoPEM, "%s está en PEM%s y el SAT lo entrega en DER. La pasarela lee ambos; otros programas quizá no.", name, en)
	case f.surplus > 0:
		a.notify(AvisoSurplus, "%s tiene %s detrás de su contenido. Aquí eso no estorba; otros programas quizá no lo lean.", name, extraBytes(f.surplus))
	}
}

func extraBytes(n int) string {
	if n == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", n)
}
