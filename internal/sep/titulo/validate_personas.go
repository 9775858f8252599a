package titulo

import (
	"fmt"
	"slices"
	"strings"
)

// firmantes requires at least one signer, and each only once.
func (l *list) firmantes(t *Titulo) {
	if len(t.FirmaResponsables) == 0 {
		l.error("firmaResponsables", CodigoRequerido, "Falta quien firme: el título lleva uno o más responsables.")
	}
	if len(t.FirmaResponsables) > maxFirmantes {
		l.error("firmaResponsables", CodigoDemasiadosFirmantes, "Hay %d firmantes; se admiten %d.", len(t.FirmaResponsables), maxFirmantes)
	}
	seen := map[string]int{}
	for i, f := range t.FirmaResponsables {
		if first, repeated := seen[f.CURP]; repeated && f.CURP != "" {
			l.aviso(fmt.Sprintf("firmaResponsables/%d/curp", i), CodigoFirmanteRepetido, "La misma persona firma dos veces: también es firmaResponsables/%d.", first)
			continue
		}
		seen[f.CURP] = i
	}
}

func (l *list) personas(t *Titulo) {
	for i := range t.FirmaResponsables {
		f := &t.FirmaResponsables[i]
		l.curp(f.node(i).en("curp"), f.CURP)
	}
	p := t.Profesionista
	l.curp("profesionista/curp", p.CURP)
	if p.CorreoElectronico != "" && (len(p.CorreoElectronico) > 254 || !correoForm.MatchString(p.CorreoElectronico)) {
		l.error("profesionista/correoElectronico", CodigoCorreo, "«%s» no tiene la forma de un correo electrónico (nombre@dominio.mx).", trim(p.CorreoElectronico))
	}
	for _, a := range t.Profesionista.node().attributes {
		if a.class == upper && strings.ContainsAny(*a.value, "ÁÉÍÓÚáéíóú") {
			l.aviso("profesionista/"+a.name, CodigoAcentos, "El RENAPO suele tener los nombres sin acentos, y el título se rechaza si difieren; escríbalo como en la CURP.")
		}
	}
}

func (l *list) curp(path, curp string) {
	switch {
	case curp == "":
	case !ValidCURP(curp):
		l.error(path, CodigoCURP, "«%s» no tiene la forma de una CURP: 18 caracteres en mayúsculas, con una fecha que exista.", trim(curp))
	case !curpDigit(curp):
		l.aviso(path, CodigoCURPDigito, "El dígito verificador de la CURP «%s» no corresponde a lo demás; revísela.", curp)
	}
}

// conditions checks the rules between other fields.
func (l *list) conditions(t *Titulo) {
	if s := t.Expedicion.CumplioServicioSocial; s != "" && s != "0" && s != "1" {
		l.set(Problem{
			Ruta: "expedicion/cumplioServicioSocial", Codigo: CodigoValor, Nivel: NivelError,
			Detalle: fmt.Sprintf("«%s» no es un valor de cumplioServicioSocial: 1 es sí, 0 es no.", trim(s)), ValoresValidos: []string{"0", "1"},
		})
	}
	l.servicioSocial(t.Expedicion)
	l.cedula(t.Antecedente)
	// An aviso: the SEP has told an institution to leave it empty.
	if c := t.Carrera; c.NumeroRvoe == "" && slices.Contains([]string{"1", "2"}, c.IDAutorizacionReconocimiento) {
		l.aviso("carrera/numeroRvoe", CodigoRvoeSinNumero, "La carrera tiene RVOE y no se da su número.")
	}
}

// servicioSocial checks the legal ground: ART. 52, ART. 55 and ART. 10 are for people who
// did the service; ART. 91 is for employees of the State, who need not; NO APLICA is for
// those who did not.
func (l *list) servicioSocial(e Expedicion) {
	const notApplicable = "5"
	met := e.CumplioServicioSocial
	if met == "1" && e.IDFundamentoLegal == notApplicable || met == "0" && slices.Contains([]string{"1", "2", "4"}, e.IDFundamentoLegal) {
		l.aviso("expedicion/idFundamentoLegalServicioSocial", CodigoServicioSocial, "cumplioServicioSocial es «%s» y el fundamento es «%s»: parecen contradecirse.", met, trim(e.FundamentoLegal))
	}
}

// cedula checks that a degree of higher education has its cédula, unless it is from
// another country.
func (l *list) cedula(a Antecedente) {
	const foreign = "33"
	if a.NoCedula == "" && slices.Contains([]string{"1", "2", "3"}, a.IDTipoEstudio) && a.IDEntidadFederativa != foreign {
		l.aviso("antecedente/noCedula", CodigoWithoutCedula, "El antecedente es de educación superior («%s») y no se da su cédula.", trim(a.TipoEstudio))
	}
}
