package pade

import (
	"bytes"
	"regexp"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// What may be wrong with the document that an answer carries in xmlBase64. Those of a CFDI or a contract leave
// the others as they are; an encoding touches any, and is the last of several.
const (
	defAlterado     = "alterado"             // a contract: another Texto; a CFDI: another Sello
	defSinFirma     = "sin_firma"            // a contract without the PAC's Firma
	defAtStart      = "addenda_al_principio" // the Addenda before the Emisor
	defDosAddendas  = "dos_addendas"         // the Addenda twice
	defSinAddenda   = "sin_addenda"          // the CFDI as it came
	defDosElementos = "dos_elementos"        // procesarAddenda: the node twice
	defSoloTexto    = "solo_texto"           // procesarAddenda: no elements
	defSinBase64    = "sin_base64"           // the XML itself in the place of its base64
	defLatin1       = "iso_8859_1"
	def1252         = "windows_1252"
	defUTF16        = "utf_16"       // with a mark
	defSinDeclarar  = "sin_declarar" // ISO-8859-1 that says UTF-8
)

func defects() []string {
	return []string{
		defAlterado, defSinFirma, defAtStart, defDosAddendas, defSinAddenda, defDosElementos, defSoloTexto, defSinBase64,
		defLatin1, def1252, defUTF16, defSinDeclarar,
	}
}

var (
	reFirmaPAC = regexp.MustCompile(`<Firma Quien="` + whoPAC + `"[^>]*/>`)
	reAddenda  = regexp.MustCompile(`(?s)<(\w+):Addenda[ >].*</\w+:Addenda>`)
	reRoot     = regexp.MustCompile(`<[\w:]*Comprobante[^>]*>`)
	reLabel    = regexp.MustCompile(`<[^>]*>`)
	reDeclare  = regexp.MustCompile(`^<\?xml[^>]*\?>`)
)

// spoilDocument does to the document of an answer what a fault asks.
func spoilDocument(document []byte, f control.Falla) []byte {
	if f.Tipo != control.ConDefectos {
		return document
	}
	s := string(document)
	for _, d := range f.Defectos {
		addenda := reAddenda.FindString(s)
		switch d {
		case defAlterado:
			s = strings.NewReplacer("<Texto>", "<Texto>*", ` Sello="`, ` Sello="A`).Replace(s)
		case defSinFirma:
			s = reFirmaPAC.ReplaceAllString(s, "")
		case defAtStart:
			s = strings.Replace(s, addenda, "", 1)
			s = reRoot.ReplaceAllStringFunc(s, func(root string) string { return root + addenda })
		case defDosAddendas, defDosElementos:
			s = strings.Replace(s, addenda, addenda+addenda, 1)
		case defSinAddenda:
			s = strings.Replace(s, addenda, "", 1)
		case defSoloTexto:
			s = strings.Trim(reLabel.ReplaceAllString(s, " "), " ")
		case defLatin1:
			return recode(s, "ISO-8859-1", charmap.ISO8859_1)
		case def1252:
			return recode(s, "windows-1252", charmap.Windows1252)
		case defUTF16:
			return recode(s, "UTF-16", unicode.UTF16(unicode.LittleEndian, unicode.UseBOM))
		case defSinDeclarar:
			return recode(s, "UTF-8", charmap.ISO8859_1)
		}
	}
	return []byte(s)
}

// recode writes a document in another encoding, which its declaration names; what that does not have becomes
// a reference.
func recode(s, name string, en encoding.Encoding) []byte {
	s = `<?xml version="1.0" encoding="` + name + `"?>` + reDeclare.ReplaceAllString(s, "")
	b, err := encoding.HTMLEscapeUnsupported(en.NewEncoder()).Bytes([]byte(s))
	if err != nil {
		return bytes.ToValidUTF8([]byte(s), nil)
	}
	return b
}
