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

func (c *Criterio) pares(t *Titulo) []par {
	losCargos, entidades := c.de(cargos), c.de(entidadesCatalogo)
	pares := make([]par, 0, len(t.FirmaResponsables)+6)
	for i := range t.FirmaResponsables {
		f := &t.FirmaResponsables[i]
		pares = append(pares, par{losCargos, f.nodo(i).ruta, "idCargo", "cargo", &f.IDCargo, &f.Cargo, false})
	}
	k, e, a := &t.Carrera, &t.Expedicion, &t.Antecedente
	return append(pares,
		par{c.de(autorizaciones), "carrera", "idAutorizacionReconocimiento", "autorizacionReconocimiento", &k.IDAutorizacionReconocimiento, &k.AutorizacionReconocimiento, false},
		par{c.de(modalidades), "expedicion", "idModalidadTitulacion", "modalidadTitulacion", &e.IDModalidadTitulacion, &e.ModalidadTitulacion, false},
		par{c.de(fundamentos), "expedicion", "idFundamentoLegalServicioSocial", "fundamentoLegalServicioSocial", &e.IDFundamentoLegal, &e.FundamentoLegal, false},
		par{entidades, "expedicion", "idEntidadFederativa", "entidadFederativa", &e.IDEntidadFederativa, &e.EntidadFederativa, false},
		par{c.de(estudiosAntecedente), "antecedente", "idTipoEstudioAntecedente", "tipoEstudioAntecedente", &a.IDTipoEstudio, &a.TipoEstudio, false},
		par{entidades, "antecedente", "idEntidadFederativa", "entidadFederativa", &a.IDEntidadFederativa, &a.EntidadFederativa, true},
	)
}

// Completa returns t as it is to be checked and sealed: the version, and of
// each catalogue entry the text for the id or the id for the text, where one
// of the two was left out; white space trimmed and collapsed; accents composed
// (NFC), as the catalogues and RENAPO have them. A text that differs from its
// entry's in nothing but blanks is written with the entry's. It overrides
// nothing else: a pair that does not match stays for Validate to report. What
// a signer brings sealed is left as it came. t itself is not changed.
func (c *Criterio) Completa(t Titulo) Titulo {
	t.FirmaResponsables = slices.Clone(t.FirmaResponsables)
	if t.Autenticacion != nil {
		copia := *t.Autenticacion
		t.Autenticacion = &copia
	}
	for _, n := range t.nodos() {
		for _, a := range n.atributos {
			// A blank in a sello may have been a +, so only Firma judges them.
			if a.clase != sellado || strings.TrimSpace(*a.valor) == "" {
				*a.valor = normaliza(*a.valor)
			}
		}
	}
	if t.Version == "" {
		t.Version = Version
	}
	for _, p := range c.pares(&t) {
		p.completa()
	}
	return t
}

func (p par) completa() {
	if *p.id == "" {
		if id, ok := p.catalogo.ID(*p.texto); ok && *p.texto != "" {
			*p.id = id
		}
	}
	// Of an id that is written otherwise ("9") the text is known all the same, and only the id is at fault.
	e, ok := p.catalogo.Entrada(p.catalogo.canonico(*p.id))
	if ok && (*p.texto == "" || *p.texto == colapsa(e.Texto)) {
		*p.texto = e.Texto
	}
}

func normaliza(s string) string { return norm.NFC.String(colapsa(s)) }

func colapsa(s string) string { return strings.Join(strings.Fields(s), " ") }
