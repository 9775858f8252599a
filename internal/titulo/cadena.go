package titulo

import (
	"fmt"
	"strings"
)

// Escape says how & " < > stand in the cadena original. The standard does not,
// and systems in production do either.
type Escape int

const (
	// EscapePlano leaves them as they are, as the SAT does with its cadenas.
	EscapePlano Escape = iota
	// EscapeEntidades writes them as in the XML: &amp; &quot; &lt; &gt;.
	EscapeEntidades
)

// String gives the name by which EscapeDe knows it.
func (e Escape) String() string {
	if e == EscapeEntidades {
		return "entidades"
	}
	return "plano"
}

// EscapeDe returns the Escape of that name; the empty one is EscapePlano.
func EscapeDe(nombre string) (Escape, error) {
	switch nombre {
	case "", "plano":
		return EscapePlano, nil
	case "entidades":
		return EscapeEntidades, nil
	}
	return EscapePlano, fmt.Errorf("titulo: %q is no way to escape the cadena; use plano or entidades", nombre)
}

// camposCadena is how many values a cadena has.
const camposCadena = 38

// CadenaOriginal returns what a signer seals, in UTF-8: "||", 38 values joined
// by "|", "||". Absent values keep their empty place. Of the signers only the
// one at index firmante is in it, by four values; an index out of range
// panics. Values are taken as they are: see Completa.
func CadenaOriginal(t Titulo, firmante int, escape Escape) []byte {
	f, c, p, e, a := t.FirmaResponsables[firmante], t.Carrera, t.Profesionista, t.Expedicion, t.Antecedente
	campos := [camposCadena]string{
		t.Version, t.FolioControl,
		f.CURP, f.IDCargo, f.Cargo, f.AbrTitulo,
		t.Institucion.CveInstitucion, t.Institucion.NombreInstitucion,
		c.CveCarrera, c.NombreCarrera, c.FechaInicio, c.FechaTerminacion,
		c.IDAutorizacionReconocimiento, c.AutorizacionReconocimiento, c.NumeroRvoe,
		p.CURP, p.Nombre, p.PrimerApellido, p.SegundoApellido, p.CorreoElectronico,
		e.FechaExpedicion, e.IDModalidadTitulacion, e.ModalidadTitulacion,
		e.FechaExamenProfesional, e.FechaExencionExamenProfesional,
		e.CumplioServicioSocial, e.IDFundamentoLegal, e.FundamentoLegal,
		e.IDEntidadFederativa, e.EntidadFederativa,
		a.InstitucionProcedencia, a.IDTipoEstudio, a.TipoEstudio,
		a.IDEntidadFederativa, a.EntidadFederativa,
		a.FechaInicio, a.FechaTerminacion, a.NoCedula,
	}
	cadena := "||" + strings.Join(campos[:], "|") + "||"
	if escape == EscapeEntidades {
		cadena = entidades().Replace(cadena)
	}
	return []byte(cadena)
}

func entidades() *strings.Replacer {
	return strings.NewReplacer("&", "&amp;", `"`, "&quot;", "<", "&lt;", ">", "&gt;")
}
