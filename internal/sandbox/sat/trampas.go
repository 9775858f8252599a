package sat

import (
	"archive/zip"
	"bytes"
	"fmt"
	"iter"
	"strings"
)

const (
	// periodoTrampas is how many entries, or rows, there are to a set of traps.
	periodoTrampas = 100
	// carpetaAjena is a folder that the service's packages do not have: readers take the root alone.
	carpetaAjena = "copia/"
)

// cabecera is the header of the metadata, in the spelling of today or in the one seen in 2026.
func (k perillasPaquete) cabecera() string {
	if k.dentro {
		return strings.Replace(cabeceraMetadata, "~RfcPac~", "~PacCertifico~", 1)
	}
	return cabeceraMetadata
}

// otrosCampos makes some rows longer or shorter than the header. What is cut is empty.
func otrosCampos(b []byte, c *Comprobante, corte int64) []byte {
	switch c.azar >> 48 % periodoTrampas {
	case 1:
		return append(b, "~SOBRA~UNO"...)
	case 2:
		if !c.Cancelado(corte) {
			return b[:len(b)-1]
		}
	}
	return b
}

// trampaXML spoils the n-th XML of a package, or its name, as some are in the service's.
func trampaXML(entrada *zip.FileHeader, xml []byte, n int) []byte {
	switch n % periodoTrampas {
	case 2:
		entrada.Name += ".xml"
	case 3: // not well formed: it ends in the middle
		return xml[:len(xml)-len(xml)/4]
	case 4: // a byte order mark
		return append([]byte("\xef\xbb\xbf"), xml...)
	case 5: // a byte that is no UTF-8, in a text that nobody needs
		return bytes.Replace(xml, []byte(`LugarExpedicion="`), []byte("LugarExpedicion=\"\xf1"), 1)
	case 6: // white space and a comment before the root
		return bytes.Replace(xml, []byte("?>"), []byte("?>\r\n<!-- <Comprobante/> -->\r\n"), 1)
	}
	return xml
}

// ajeno is an entry of a package that is no part of what was asked for.
type ajeno struct {
	nombre string
	cuerpo []byte
}

// ajenos writes a folder with a copy of the first entry in it, and a text that is neither metadata nor XML.
func (u *Universo) ajenos(z *zip.Writer, p *paquete) error {
	comp, err := nuevoCompresor()
	if err != nil {
		return err
	}
	entradas := []ajeno{{"LEEME.txt", []byte("Este archivo no es metadata.\r\n")}}
	siguiente, alto := iter.Pull(u.contenido(p))
	defer alto()
	if c, hay := siguiente(); hay {
		entradas = append(entradas, u.copia(p, &c))
	}
	if _, err := z.CreateHeader(&zip.FileHeader{Name: carpetaAjena, Modified: fechaDe(p.filtro.corte)}); err != nil {
		return err
	}
	for _, e := range entradas {
		entrada := &zip.FileHeader{Name: e.nombre, ReaderVersion: 20, CreatorVersion: 20}
		entrada.ModifiedDate, entrada.ModifiedTime = fechaDOS(p.filtro.corte) //nolint:staticcheck // CreateRaw writes these, not Modified
		if err := comp.guarda(z, entrada, e.cuerpo, func() {}); err != nil {
			return err
		}
	}
	return nil
}

// copia is a comprobante once more, where readers should not look.
func (u *Universo) copia(p *paquete, c *Comprobante) ajeno {
	p = &paquete{solicitud: p.solicitud, numero: p.numero} // without defects
	if p.tipo == tipoMetadata {
		return ajeno{
			fmt.Sprintf("%s%s_%02d.txt", carpetaAjena, strings.ToUpper(p.id), p.numero),
			u.agregaFila([]byte(p.perillasPaquete.cabecera()+p.defectos.fin()), c, p, 1),
		}
	}
	xml, _ := u.escribeXML(nil, c, perillasPaquete{antiguos: p.perillasPaquete.antiguos})
	return ajeno{carpetaAjena + c.UUID.String() + ".xml", xml}
}
