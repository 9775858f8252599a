package titulo

import (
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// pair is an id and a text that must be of one catalogue entry.
type pair struct {
	catalogo       Catalogo
	node           string // path of the element
	idName         string
	textName       string
	id, text       *string
	isOptionalText bool
}

func (c *Criterio) pairs(t *Titulo) []pair {
	allCargos, entidades := c.de(cargos), c.de(entidadesCatalogo)
	pairs := make([]pair, 0, len(t.FirmaResponsables)+6)
	for i := range t.FirmaResponsables {
		f := &t.FirmaResponsables[i]
		pairs = append(pairs, pair{allCargos, f.node(i).path, "idCargo", "cargo", &f.IDCargo, &f.Cargo, false})
	}
	k, e, a := &t.Carrera, &t.Expedicion, &t.Antecedente
	return append(pairs,
		pair{c.de(autorizaciones), "carrera", "idAutorizacionReconocimiento", "autorizacionReconocimiento", &k.IDAutorizacionReconocimiento, &k.AutorizacionReconocimiento, false},
		pair{c.de(modalidades), "expedicion", "idModalidadTitulacion", "modalidadTitulacion", &e.IDModalidadTitulacion, &e.ModalidadTitulacion, false},
		pair{c.de(fundamentos), "expedicion", "idFundamentoLegalServicioSocial", "fundamentoLegalServicioSocial", &e.IDFundamentoLegal, &e.FundamentoLegal, false},
		pair{entidades, "expedicion", "idEntidadFederativa", "entidadFederativa", &e.IDEntidadFederativa, &e.EntidadFederativa, false},
		pair{c.de(estudiosAntecedente), "antecedente", "idTipoEstudioAntecedente", "tipoEstudioAntecedente", &a.IDTipoEstudio, &a.TipoEstudio, false},
		pair{entidades, "antecedente", "idEntidadFederativa", "entidadFederativa", &a.IDEntidadFederativa, &a.EntidadFederativa, true},
	)
}

// Complete returns t as it is to be checked and sealed. It fills in the version and, of
// each catalogue entry, the missing one of id and text. It trims and collapses white
// space and composes accents (NFC), as the catalogues and RENAPO have them. A text that
// differs from its entry's only in spaces becomes the entry's. Nothing else is changed:
// Validate reports a pair that does not match. What came sealed with a signer stays as it
// is. t itself is not changed.
func (c *Criterio) Complete(t Titulo) Titulo {
	t.FirmaResponsables = slices.Clone(t.FirmaResponsables)
	if t.Autenticacion != nil {
		clone := *t.Autenticacion
		t.Autenticacion = &clone
	}
	for _, n := range t.nodes() {
		for _, a := range n.attributes {
			// A blank in a sello may have been a +, so only Firma changes them.
			if a.class != sealed || strings.TrimSpace(*a.value) == "" {
				*a.value = normalise(*a.value)
			}
		}
	}
	if t.Version == "" {
		t.Version = Version
	}
	for _, p := range c.pairs(&t) {
		p.complete()
	}
	return t
}

func (p pair) complete() {
	if *p.id == "" {
		if id, ok := p.catalogo.ID(*p.text); ok && *p.text != "" {
			*p.id = id
		}
	}
	// The text of a misspelt id ("9") is known, so only the id is reported.
	e, ok := p.catalogo.Entry(p.catalogo.canonical(*p.id))
	if ok && (*p.text == "" || *p.text == collapse(e.Texto)) {
		*p.text = e.Texto
	}
}

func normalise(s string) string { return norm.NFC.String(collapse(s)) }

func collapse(s string) string { return strings.Join(strings.Fields(s), " ") }
