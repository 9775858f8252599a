package titulo

import "strconv"

// class is the kind of text that an attribute has.
type class int

const (
	free     class = iota // any text
	upper                 // text that RENAPO or the DGP have in capitals
	catalogo              // an id or text of a catalogue
	fecha                 // 2006-01-02
	whole                 // a number
	sealed                // filled in by Seal
)

// attribute is one attribute of the document and its field in a Titulo.
type attribute struct {
	name     string
	value    *string
	required bool
	class    class
}

// node is one element with its attributes in the standard's order. path is its path in a
// Problem; empty for the root.
type node struct {
	name, path string
	attributes []attribute
}

func (n node) en(name string) string {
	if n.path == "" {
		return name
	}
	return n.path + "/" + name
}

func req(name string, value *string, c class) attribute { return attribute{name, value, true, c} }
func opt(name string, value *string, c class) attribute { return attribute{name, value, false, c} }

// nodes is the table of the document (sep.md §5), without Autenticacion. Writing,
// reading, completing and checking use it.
func (t *Titulo) nodes() []node {
	nodes := []node{t.root()}
	for i := range t.FirmaResponsables {
		nodes = append(nodes, t.FirmaResponsables[i].node(i))
	}
	return append(nodes, t.Institucion.node(), t.Carrera.node(), t.Profesionista.node(), t.Expedicion.node(), t.Antecedente.node())
}

func (t *Titulo) root() node {
	return node{"TituloElectronico", "", []attribute{
		req("version", &t.Version, free),
		req("folioControl", &t.FolioControl, free),
	}}
}

func (f *FirmaResponsable) node(i int) node {
	return node{"FirmaResponsable", "firmaResponsables/" + strconv.Itoa(i), []attribute{
		req("nombre", &f.Nombre, upper),
		req("primerApellido", &f.PrimerApellido, upper),
		opt("segundoApellido", &f.SegundoApellido, upper),
		req("curp", &f.CURP, free),
		req("idCargo", &f.IDCargo, catalogo),
		req("cargo", &f.Cargo, catalogo),
		opt("abrTitulo", &f.AbrTitulo, upper),
		req("sello", &f.Sello, sealed),
		req("certificadoResponsable", &f.CertificadoResponsable, sealed),
		req("noCertificadoResponsable", &f.NoCertificadoResponsable, sealed),
	}}
}

func (i *Institucion) node() node {
	return node{"Institucion", "institucion", []attribute{
		req("cveInstitucion", &i.CveInstitucion, free),
		req("nombreInstitucion", &i.NombreInstitucion, upper),
	}}
}

func (c *Carrera) node() node {
	return node{"Carrera", "carrera", []attribute{
		req("cveCarrera", &c.CveCarrera, free),
		req("nombreCarrera", &c.NombreCarrera, upper),
		opt("fechaInicio", &c.FechaInicio, fecha),
		req("fechaTerminacion", &c.FechaTerminacion, fecha),
		req("idAutorizacionReconocimiento", &c.IDAutorizacionReconocimiento, catalogo),
		req("autorizacionReconocimiento", &c.AutorizacionReconocimiento, catalogo),
		opt("numeroRvoe", &c.NumeroRvoe, free),
	}}
}

func (p *Profesionista) node() node {
	return node{"Profesionista", "profesionista", []attribute{
		req("curp", &p.CURP, free),
		req("nombre", &p.Nombre, upper),
		req("primerApellido", &p.PrimerApellido, upper),
		opt("segundoApellido", &p.SegundoApellido, upper),
		req("correoElectronico", &p.CorreoElectronico, free),
	}}
}

func (e *Expedicion) node() node {
	return node{"Expedicion", "expedicion", []attribute{
		req("fechaExpedicion", &e.FechaExpedicion, fecha),
		req("idModalidadTitulacion", &e.IDModalidadTitulacion, catalogo),
		req("modalidadTitulacion", &e.ModalidadTitulacion, catalogo),
		opt("fechaExamenProfesional", &e.FechaExamenProfesional, fecha),
		opt("fechaExencionExamenProfesional", &e.FechaExencionExamenProfesional, fecha),
		req("cumplioServicioSocial", &e.CumplioServicioSocial, whole),
		req("idFundamentoLegalServicioSocial", &e.IDFundamentoLegal, catalogo),
		req("fundamentoLegalServicioSocial", &e.FundamentoLegal, catalogo),
		req("idEntidadFederativa", &e.IDEntidadFederativa, catalogo),
		req("entidadFederativa", &e.EntidadFederativa, catalogo),
	}}
}

func (a *Antecedente) node() node {
	return node{"Antecedente", "antecedente", []attribute{
		req("institucionProcedencia", &a.InstitucionProcedencia, upper),
		req("idTipoEstudioAntecedente", &a.IDTipoEstudio, catalogo),
		req("tipoEstudioAntecedente", &a.TipoEstudio, catalogo),
		req("idEntidadFederativa", &a.IDEntidadFederativa, catalogo),
		// Optional in the schema, required by the schema's own note, and a field of the
		// cadena: Complete fills it in and its absence is an aviso.
		opt("entidadFederativa", &a.EntidadFederativa, catalogo),
		opt("fechaInicio", &a.FechaInicio, fecha),
		req("fechaTerminacion", &a.FechaTerminacion, fecha),
		opt("noCedula", &a.NoCedula, free),
	}}
}

func (a *Autenticacion) node() node {
	return node{"Autenticacion", "autenticacion", []attribute{
		opt("version", &a.Version, free),
		opt("folioDigital", &a.FolioDigital, free),
		opt("fechaAutenticacion", &a.FechaAutenticacion, free),
		opt("selloTitulo", &a.SelloTitulo, free),
		opt("noCertificadoAutoridad", &a.NoCertificadoAutoridad, free),
		opt("selloAutenticacion", &a.SelloAutenticacion, free),
	}}
}
