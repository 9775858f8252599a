package efirma

import (
	"fmt"
	"strings"
)

// The commands that convert a key which is not read here: OpenSSL, with the algorithms
// that its third version moved aside or without.
const (
	conOpenSSL      = "openssl"
	conOpenSSLViejo = "openssl legacy"
)

// comando is the line that writes a key anew, as the SAT's are: PKCS#8 in DER.
func (f forma) comando(nombre string, viejo bool) string {
	proveedores := ""
	if viejo {
		proveedores = " -provider default -provider legacy"
	}
	return fmt.Sprintf("openssl pkcs8 -topk8%s -inform %s -in %s -outform DER -out nueva.key", proveedores, f.inform(), entreComillas(nombre))
}

func (f forma) inform() string {
	if f.pem {
		return "PEM"
	}
	return "DER"
}

// entreComillas quotes a file's name for a shell where it needs that.
func entreComillas(nombre string) string {
	const llanos = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+@"
	if strings.Trim(nombre, llanos) == "" {
		return nombre
	}
	return "'" + strings.ReplaceAll(nombre, "'", `'\''`) + "'"
}

// equivocado says what a file is when it is known to be something else than what is
// needed, and otherwise that it cannot be read.
func equivocado(nombre string, archivo []byte, f forma, debido contenido) *Error {
	problema, consejo := KeyIlegible, "Dé el .key que el SAT entregó con el .cer."
	if debido == esCertificado {
		problema, consejo = CerIlegible, "Dé el .cer tal como lo entregó el SAT."
	}
	es := f.clase(archivo)
	switch {
	case es == esOtro:
		return f.ilegible(nombre, debido)
	case es == esPKCS12:
		consejo = "Dé ese archivo solo."
	case es == esPKCS7 && debido == esCertificado:
		consejo += " O saque el certificado con: " + fmt.Sprintf("openssl pkcs7 -print_certs -inform %s -in %s -out nuevo.cer", f.inform(), entreComillas(nombre))
	case debido == esPKCS12:
		consejo = "Dé el .p12 o .pfx, o el .cer y el .key."
	}
	return falla(problema, nil, "%s es %s, y debía ser %s. %s", nombre, es, debido, consejo)
}

// ilegible is told of a file in which nothing was recognised.
func (f forma) ilegible(nombre string, debido contenido) *Error {
	porque := ""
	switch {
	case f.falta > 0:
		porque = fmt.Sprintf(": está cortado, le faltan %d bytes", f.falta)
	case f.ber:
		porque = ": está en BER de largo indefinido, y la pasarela lee DER"
	case f.pem:
		porque = fmt.Sprintf(": tiene un bloque PEM («%s») y su contenido no se entiende", acotado(f.piezas[0].label))
	}
	switch debido {
	case esCertificado:
		if porque == "" {
			porque = ": no es X.509 en DER ni en PEM"
		}
		return falla(CerIlegible, f.enGeneral(), "No se puede leer el certificado (%s)%s. Use el .cer tal como lo entregó el SAT.", nombre, porque)
	case esLlave:
		if porque == "" {
			porque = ": no es una llave RSA en PKCS#8 ni en PKCS#1"
		}
		return falla(KeyIlegible, f.enGeneral(), "No se puede leer la llave (%s)%s. Use el .key tal como lo entregó el SAT.", nombre, porque)
	}
	return pfxIlegible(nombre, porque, f.enGeneral())
}

// pfxIlegible names the way out that is always there: the two files that the PKCS#12
// was made of.
func pfxIlegible(nombre, porque string, err error) *Error {
	if porque == "" {
		porque = ": no es un PKCS#12 con un certificado y su llave"
	}
	archivo := entreComillas(nombre)
	return falla(KeyIlegible, err, "No se puede leer el archivo (%s)%s. Expórtelo de nuevo, o use el .cer y el .key del SAT, o sáquelos de él con: "+
		"openssl pkcs12 -legacy -in %[3]s -clcerts -nokeys -out nuevo.cer && openssl pkcs12 -legacy -in %[3]s -nocerts -out nueva.key", nombre, porque, archivo)
}

// malCertificado refuses what has the structure of a certificate and cannot be read.
func malCertificado(nombre string, p pieza) *Error {
	if p.cert != nil {
		return nil
	}
	return falla(CerIlegible, p.err, "No se puede leer el certificado (%s): tiene la estructura de un X.509, y algo en él está mal codificado. Use el .cer tal como lo entregó el SAT; si así lo entregó, pida otro.", nombre)
}

// notaForma tells of what is read here and perhaps nowhere else.
func (a *apertura) notaForma(nombre string, f forma) {
	en := ""
	if f.utf16 {
		en = " en UTF-16"
	}
	switch {
	case f.base64:
		a.avisa(AvisoPEM, "%s está en base64%s sin los renglones de PEM y el SAT lo entrega en DER. La pasarela lee ambos; otros programas quizá no.", nombre, en)
	case f.pem:
		a.avisa(AvisoPEM, "%s está en PEM%s y el SAT lo entrega en DER. La pasarela lee ambos; otros programas quizá no.", nombre, en)
	case f.sobra > 0:
		a.avisa(AvisoSobra, "%s tiene %s detrás de su contenido. Aquí eso no estorba; otros programas quizá no lo lean.", nombre, bytesDeMas(f.sobra))
	}
}

func bytesDeMas(n int) string {
	if n == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", n)
}
