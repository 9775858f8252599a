package sat

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
)

const (
	sufijoX509 = "#X509v3"
	sufijoB64  = "#Base64Binary"
	// vidaTimestamp is the longest window a Timestamp may open.
	vidaTimestamp = 5 * time.Minute
)

// verificaWSSecurity checks the header of Autentica as WS-Security 1.0 with the X.509 token profile
// asks: one Security with one Timestamp, one token and one signature, and the signature by that token
// over that very Timestamp. It returns the certificate, whose acceptance is judged apart.
func verificaWSSecurity(m *mensaje, ahora time.Time, tolerancia time.Duration) (*x509.Certificate, error) {
	seguridad := unico(m.cabecera, nsWSSE, "Security")
	if seguridad == nil || cuantos(m.raiz, nsWSSE, "Security") != 1 {
		return nil, errors.New("there must be one Security header")
	}
	marca := unico(seguridad, nsWSU, "Timestamp")
	portador := unico(seguridad, nsWSSE, "BinarySecurityToken")
	firma := unico(seguridad, nsDS, "Signature")
	if marca == nil || portador == nil || firma == nil {
		return nil, errors.New("the header needs one Timestamp, one BinarySecurityToken and one Signature")
	}
	if err := revisaVentana(marca, ahora, tolerancia); err != nil {
		return nil, err
	}
	cert, err := leePortador(portador)
	if err != nil {
		return nil, fmt.Errorf("BinarySecurityToken: %w", err)
	}
	f, err := leeFirma(firma)
	if err != nil {
		return nil, err
	}
	if f.canonizacion != algC14nExclusivo || !slices.Equal(f.transformadas, []string{algC14nExclusivo}) {
		return nil, errors.New("only exclusive canonicalisation is taken")
	}
	// What is signed must be the Timestamp that was judged, not another element of the same Id (WSS
	// 1.0, 8; the classic wrapping attack).
	if apuntado(m.raiz, f.uri) != marca {
		return nil, errors.New("the reference does not lead to the Timestamp alone")
	}
	if refToken := referenciaDeToken(f.llave); apuntado(m.raiz, refToken) != portador {
		return nil, errors.New("KeyInfo does not lead to the BinarySecurityToken alone")
	}
	canonico, err := canoniza(marca, algC14nExclusivo)
	if err != nil {
		return nil, err
	}
	if !f.cubre(canonico) {
		return nil, errors.New("the digest of the Timestamp does not match")
	}
	return cert, f.verificaSello(cert)
}

// revisaVentana judges Created and Expires, which are UTC.
func revisaVentana(marca *etree.Element, ahora time.Time, tolerancia time.Duration) error {
	creado, err1 := instante(unico(marca, nsWSU, "Created"))
	expira, err2 := instante(unico(marca, nsWSU, "Expires"))
	switch {
	case err1 != nil || err2 != nil:
		return errors.Join(err1, err2)
	case creado.After(ahora.Add(tolerancia)):
		return errors.New("the Timestamp is of the future")
	case !expira.After(ahora):
		return errors.New("the Timestamp has expired")
	case !expira.After(creado) || expira.Sub(creado) > vidaTimestamp:
		return errors.New("the Timestamp's window is not of five minutes at most")
	}
	return nil
}

func instante(e *etree.Element) (time.Time, error) {
	if e == nil {
		return time.Time{}, errors.New("the Timestamp needs one Created and one Expires")
	}
	texto := strings.TrimSpace(e.Text())
	if !strings.HasSuffix(texto, "Z") {
		return time.Time{}, errors.New("the Timestamp is not in UTC")
	}
	return time.Parse(time.RFC3339Nano, texto)
}

func leePortador(portador *etree.Element) (*x509.Certificate, error) {
	if v := portador.SelectAttrValue("ValueType", ""); !strings.HasSuffix(v, sufijoX509) {
		return nil, fmt.Errorf("value type %q", v)
	}
	if v := portador.SelectAttrValue("EncodingType", sufijoB64); !strings.HasSuffix(v, sufijoB64) {
		return nil, fmt.Errorf("encoding %q", v)
	}
	der, err := leeBase64(portador)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func referenciaDeToken(llave *etree.Element) string {
	ref := unico(unico(llave, nsWSSE, "SecurityTokenReference"), nsWSSE, "Reference")
	if ref == nil {
		return ""
	}
	return ref.SelectAttrValue("URI", "")
}

// apuntado returns the only element of the document whose Id is the fragment of uri. Any attribute
// called Id counts, so that a second one in another namespace or case makes it ambiguous.
func apuntado(raiz *etree.Element, uri string) *etree.Element {
	id, ok := strings.CutPrefix(uri, "#")
	if !ok || id == "" {
		return nil
	}
	var hallados []*etree.Element
	var anda func(e *etree.Element)
	anda = func(e *etree.Element) {
		for _, a := range e.Attr {
			if strings.EqualFold(a.Key, "id") && a.Value == id {
				hallados = append(hallados, e)
			}
		}
		for _, h := range e.ChildElements() {
			anda(h)
		}
	}
	anda(raiz)
	if len(hallados) != 1 {
		return nil
	}
	return hallados[0]
}
