package titulo

import (
	"fmt"
	"strings"
)

// Escape is how & " < > appear in the cadena original. The standard does not say, and
// production systems do both.
type Escape int

const (
	// EscapeFlat leaves them unchanged, as the SAT does in its strings.
	EscapeFlat Escape = iota
	// EscapeEntidades writes them as in the XML: &amp; &quot; &lt; &gt;.
	EscapeEntidades
)

// String returns the name that EscapeOf takes.
func (e Escape) String() string {
	if e == EscapeEntidades {
		return "entidades"
	}
	return "plano"
}

// EscapeOf returns the Escape of a name; the empty name is EscapeFlat.
func EscapeOf(name string) (Escape, error) {
	switch name {
	case "", "plano":
		return EscapeFlat, nil
	case "entidades":
		return EscapeEntidades, nil
	}
	return EscapeFlat, fmt.Errorf("titulo: %q is no way to escape the cadena; use plano or entidades", name)
}

// fieldsCadena is the number of values in a cadena.
const fieldsCadena = 38

// CadenaOriginal returns what a signer seals, in UTF-8: "||", 38 values joined by "|",
// "||". Absent values are empty. It has four values of one signer, the one at index
// firmante; an index out of range panics. Values are used unchanged: see Complete.
func CadenaOriginal(t Titulo, firmante int, escape Escape) []byte {
	f, c, p, e, a := t.FirmaResponsables[firmante], t.Carrera, t.Profesionista, t.Expedicion, t.Antecedente
	fields := [fieldsCadena]string{
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
	cadena := "||" + strings.Join(fields[:], "|") + "||"
	if escape == EscapeEntidades {
		cadena = entidades().Replace(cadena)
	}
	return []byte(cadena)
}

func entidades() *strings.Replacer {
	return strings.NewReplacer("&", "&amp;", `"`, "&quot;", "<", "&lt;", ">", "&gt;")
}
