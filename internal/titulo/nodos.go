package titulo

import "strconv"

// clase says what an attribute's text must be.
type clase int

const (
	libre     clase = iota // text as the institution likes it
	mayuscula              // text that RENAPO or the DGP have in capitals
	catalogo               // an id or text of a catalogue
	fecha                  // 2006-01-02
	entero                 // a number
	sellado                // what Sella fills: not there before
)

// atributo is one attribute of the document, bound to its place in a Titulo.
type atributo struct {
	nombre      string
	valor       *string
	obligatorio bool
	clase       clase
}

// nodo is one element with its attributes in the order of the standard. ruta
// is its path in a Problema, empty for the root.
type nodo struct {
	nombre, ruta string
	atributos    []atributo
}

func (n nodo) en(nombre string) string {
	if n.ruta == "" {
		return nombre
	}
	return n.ruta + "/" + nombre
}

func req(nombre string, valor *string, c clase) atributo { return atributo{nombre, valor, true, c} }
func opt(nombre string, valor *string, c clase) atributo { return atributo{nombre, valor, false, c} }

// nodos is the table of the document (sep.md §5), but Autenticacion. Writing,
// reading, completing and checking all go by it.
func (t *Titulo) nodos() []nodo {
	nodos := []nodo{t.raiz()}
	for i := range t.FirmaResponsables {
		nodos = append(nodos, t.FirmaResponsables[i].nodo(i))
	}
	return append(nodos, t.Institucion.nodo(), t.Carrera.nodo(), t.Profesionista.nodo(), t.Expedicion.nodo(), t.Antecedente.nodo())
}

func (t *Titulo) raiz() nodo {
	return nodo{"TituloElectronico", "", []atributo{
		req("version", &t.Version, libre),
		req("folioControl", &t.FolioControl, libre),
	}}
}

func (f *FirmaResponsable) nodo(i int) nodo {
	return nodo{"FirmaResponsable", "firmaResponsables/" + strconv.Itoa(i), []atributo{
		req("nombre", &f.Nombre, mayuscula),
		req("primerApellido", &f.PrimerApellido, mayuscula),
		opt("segundoApellido", &f.SegundoApellido, mayuscula),
		req("curp", &f.CURP, libre),
		req("idCargo", &f.IDCargo, catalogo),
		req("cargo", &f.Cargo, catalogo),
		opt("abrTitulo", &f.AbrTitulo, mayuscula),
		req("sello", &f.Sello, sellado),
		req("certificadoResponsable", &f.CertificadoResponsable, sellado),
		req("noCertificadoResponsable", &f.NoCertificadoResponsable, sellado),
	}}
}

func (i *Institucion) nodo() nodo {
	return nodo{"Institucion", "institucion", []atributo{
		req("cveInstitucion", &i.CveInstitucion, libre),
		req("nombreInstitucion", &i.NombreInstitucion, mayuscula),
	}}
}

func (c *Carrera) nodo() nodo {
	return nodo{"Carrera", "carrera", []atributo{
		req("cveCarrera", &c.CveCarrera, libre),
		req("nombreCarrera", &c.NombreCarrera, mayuscula),
		opt("fechaInicio", &c.FechaInicio, fecha),
		req("fechaTerminacion", &c.FechaTerminacion, fecha),
		req("idAutorizacionReconocimiento", &c.IDAutorizacionReconocimiento, catalogo),
		req("autorizacionReconocimiento", &c.AutorizacionReconocimiento, catalogo),
		opt("numeroRvoe", &c.NumeroRvoe, libre),
	}}
}

func (p *Profesionista) nodo() nodo {
	return nodo{"Profesionista", "profesionista", []atributo{
		req("curp", &p.CURP, libre),
		req("nombre", &p.Nombre, mayuscula),
		req("primerApellido", &p.PrimerApellido, mayuscula),
		opt("segundoApellido", &p.SegundoApellido, mayuscula),
		req("correoElectronico", &p.CorreoElectronico, libre),
	}}
}

func (e *Expedicion) nodo() nodo {
	return nodo{"Expedicion", "expedicion", []atributo{
		req("fechaExpedicion", &e.FechaExpedicion, fecha),
		req("idModalidadTitulacion", &e.IDModalidadTitulacion, catalogo),
		req("modalidadTitulacion", &e.ModalidadTitulacion, catalogo),
		opt("fechaExamenProfesional", &e.FechaExamenProfesional, fecha),
		opt("fechaExencionExamenProfesional", &e.FechaExencionExamenProfesional, fecha),
		req("cumplioServicioSocial", &e.CumplioServicioSocial, entero),
		req("idFundamentoLegalServicioSocial", &e.IDFundamentoLegal, catalogo),
		req("fundamentoLegalServicioSocial", &e.FundamentoLegal, catalogo),
		req("idEntidadFederativa", &e.IDEntidadFederativa, catalogo),
		req("entidadFederativa", &e.EntidadFederativa, catalogo),
	}}
}

func (a *Antecedente) nodo() nodo {
	return nodo{"Antecedente", "antecedente", []atributo{
		req("institucionProcedencia", &a.InstitucionProcedencia, mayuscula),
		req("idTipoEstudioAntecedente", &a.IDTipoEstudio, catalogo),
		req("tipoEstudioAntecedente", &a.TipoEstudio, catalogo),
		req("idEntidadFederativa", &a.IDEntidadFederativa, catalogo),
		// Optional in the schema, required by the schema's own note, and a field
		// of the cadena: Completa fills it and its absence is an aviso.
		opt("entidadFederativa", &a.EntidadFederativa, catalogo),
		opt("fechaInicio", &a.FechaInicio, fecha),
		req("fechaTerminacion", &a.FechaTerminacion, fecha),
		opt("noCedula", &a.NoCedula, libre),
	}}
}

func (a *Autenticacion) nodo() nodo {
	return nodo{"Autenticacion", "autenticacion", []atributo{
		opt("version", &a.Version, libre),
		opt("folioDigital", &a.FolioDigital, libre),
		opt("fechaAutenticacion", &a.FechaAutenticacion, libre),
		opt("selloTitulo", &a.SelloTitulo, libre),
		opt("noCertificadoAutoridad", &a.NoCertificadoAutoridad, libre),
		opt("selloAutenticacion", &a.SelloAutenticacion, libre),
	}}
}
