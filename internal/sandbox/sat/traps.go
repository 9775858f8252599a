package sat

import (
	"archive/zip"
	"bytes"
	"fmt"
	"iter"
	"strings"
)

const (
	// periodoTraps is how many entries, or rows, there are to a set of traps.
	periodoTraps = 100
	// folderForeign is a folder that the service's packages do not have: readers take the root alone.
	folderForeign = "copia/"
)

// header is the header of the metadata, in the spelling of today or in the one seen in 2026.
func (k paqueteKnobs) header() string {
	if k.within {
		return strings.Replace(headerMetadata, "~RfcPac~", "~PacCertifico~", 1)
	}
	return headerMetadata
}

// otherFields makes some rows longer or shorter than the header. What is cut is empty.
func otherFields(b []byte, c *Comprobante, cut int64) []byte {
	switch c.random >> 48 % periodoTraps {
	case 1:
		return append(b, "~SOBRA~UNO"...)
	case 2:
		if !c.Cancelled(cut) {
			return b[:len(b)-1]
		}
	}
	return b
}

// xmlTrap spoils the n-th XML of a package, or its name, as some are in the service's.
func xmlTrap(entry *zip.FileHeader, xml []byte, n int) []byte {
	switch n % periodoTraps {
	case 2:
		entry.Name += ".xml"
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

// foreign is an entry of a package that nobody asked for.
type foreign struct {
	name string
	body []byte
}

// foreign writes a folder with a copy of the first entry in it, and a text that is neither metadata nor XML.
func (u *Universe) foreign(z *zip.Writer, p *paquete) error {
	comp, err := newCompressor()
	if err != nil {
		return err
	}
	entries := []foreign{{"LEEME.txt", []byte("Este archivo no es metadata.\r\n")}}
	next, height := iter.Pull(u.content(p))
	defer height()
	if c, has := next(); has {
		entries = append(entries, u.copy(p, &c))
	}
	if _, err := z.CreateHeader(&zip.FileHeader{Name: folderForeign, Modified: fechaOf(p.filter.cut)}); err != nil {
		return err
	}
	for _, e := range entries {
		entry := &zip.FileHeader{Name: e.name, ReaderVersion: 20, CreatorVersion: 20}
		entry.ModifiedDate, entry.ModifiedTime = fechaDOS(p.filter.cut) //nolint:staticcheck // CreateRaw writes these, not Modified
		if err := comp.save(z, entry, e.body, func() {}); err != nil {
			return err
		}
	}
	return nil
}

// copy is a comprobante once more, where readers should not look.
func (u *Universe) copy(p *paquete, c *Comprobante) foreign {
	p = &paquete{solicitud: p.solicitud, number: p.number} // without defects
	if p.tipo == tipoMetadata {
		return foreign{
			fmt.Sprintf("%s%s_%02d.txt", folderForeign, strings.ToUpper(p.id), p.number),
			u.addRow([]byte(p.paqueteKnobs.header()+p.defects.end()), c, p, 1),
		}
	}
	xml, _ := u.writeXML(nil, c, paqueteKnobs{old: p.paqueteKnobs.old})
	return foreign{folderForeign + c.UUID.String() + ".xml", xml}
}
