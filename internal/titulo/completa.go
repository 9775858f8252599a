package titulo

import (
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// par is an id and a text that must be one entry of a catalogue.
type par struct {
	catalogo        Catalogo
	nodo            string // path of the element
	nombreID        string
	nombreTexto     string
	id, texto       *string
	textoEsOpcional bool
}

func (t *Titulo) pares() []par {
	cargos, entidades := Cargos(), Entidades()
	pares := make([]par, 0, len(t.FirmaResponsables)+6)
	for i := range t.FirmaResponsables {
		f := &t.FirmaResponsables[i]
		pares = append(pares, par{cargos, f.nodo(i).ruta, "idCargo", "cargo", &f.IDCargo, &f.Cargo, false})
	}
	c, e, a := &t.Carrera, &t.Expedicion, &t.Antecedente
	return append(pares,
		par{Autorizaciones(), "carrera", "idAutorizacionReconocimiento", "autorizacionReconocimiento", &c.IDAutorizacionReconocimiento, &c.AutorizacionReconocimiento, false},
		par{Modalidades(), "expedicion", "idModalidadTitulacion", "modalidadTitulacion", &e.IDModalidadTitulacion, &e.ModalidadTitulacion, false},
		par{Fundamentos(), "expedicion", "idFundamentoLegalServicioSocial", "fundamentoLegalServicioSocial", &e.IDFundamentoLegal, &e.FundamentoLegal, false},
		par{entidades, "expedicion", "idEntidadFederativa", "entidadFederativa", &e.IDEntidadFederativa, &e.EntidadFederativa, false},
		par{EstudiosAntecedente(), "antecedente", "idTipoEstudioAntecedente", "tipoEstudioAntecedente", &a.IDTipoEstudio, &a.TipoEstudio, false},
		par{entidades, "antecedente", "idEntidadFederativa", "entidadFederativa", &a.IDEntidadFederativa, &a.EntidadFederativa, true},
	)
}

// Completa returns t as it is to be checked and sealed: the version, and of
// each catalogue entry the text for the id or the id for the text, where one
// of the two was left out; white space trimmed and collapsed; accents composed
// (NFC), as the catalogues and RENAPO have them. It overrides nothing: a pair
// that does not match stays for Validate to report. t itself is not changed.
func Completa(t Titulo) Titulo {
	t.FirmaResponsables = slices.Clone(t.FirmaResponsables)
	if t.Autenticacion != nil {
		copia := *t.Autenticacion
		t.Autenticacion = &copia
	}
	for _, n := range t.nodos() {
		for _, a := range n.atributos {
			*a.valor = normaliza(*a.valor)
		}
	}
	if t.Version == "" {
		t.Version = Version
	}
	for _, p := range t.pares() {
		if *p.texto == "" {
			*p.texto, _ = p.catalogo.Texto(*p.id)
		} else if *p.id == "" {
			*p.id, _ = p.catalogo.ID(*p.texto)
		}
	}
	return t
}

func normaliza(s string) string { return norm.NFC.String(colapsa(s)) }

func colapsa(s string) string { return strings.Join(strings.Fields(s), " ") }
