package titulo

// Version is the only version of the document.
const Version = "1.0"

// Titulo is one document. All values are the XML's text, including ids, dates
// (2006-01-02) and numbers: the sello is over that text, so "9" and "09" are different
// titles. An omitted attribute is the empty string.
type Titulo struct {
	Version           string             `json:"version,omitempty"` // filled in by Complete
	FolioControl      string             `json:"folioControl"`      // the institution's permanent key of the title
	FirmaResponsables []FirmaResponsable `json:"firmaResponsables"`
	Institucion       Institucion        `json:"institucion"`
	Carrera           Carrera            `json:"carrera"`
	Profesionista     Profesionista      `json:"profesionista"`
	Expedicion        Expedicion         `json:"expedicion"`
	Antecedente       Antecedente        `json:"antecedente"`
	// Autenticacion is the authority's, never the institution's; nil omits the node.
	Autenticacion *Autenticacion `json:"autenticacion,omitempty"`
}

// FirmaResponsable is one signer. Seal fills in the last three fields.
type FirmaResponsable struct {
	Nombre          string `json:"nombre"`
	PrimerApellido  string `json:"primerApellido"`
	SegundoApellido string `json:"segundoApellido,omitempty"`
	CURP            string `json:"curp"` // that of the e.firma's certificate
	IDCargo         string `json:"idCargo,omitempty"`
	Cargo           string `json:"cargo,omitempty"`
	AbrTitulo       string `json:"abrTitulo,omitempty"` // "LIC."

	Sello                    string `json:"sello,omitempty"`                    // base64 in one line
	CertificadoResponsable   string `json:"certificadoResponsable,omitempty"`   // DER in base64, one line
	NoCertificadoResponsable string `json:"noCertificadoResponsable,omitempty"` // 20 digits
}

// Institucion is the institution that issues the title, with its DGP key.
type Institucion struct {
	CveInstitucion    string `json:"cveInstitucion"`
	NombreInstitucion string `json:"nombreInstitucion"`
}

// Carrera is the career, with its DGP key.
type Carrera struct {
	CveCarrera                   string `json:"cveCarrera"`
	NombreCarrera                string `json:"nombreCarrera"`
	FechaInicio                  string `json:"fechaInicio,omitempty"`
	FechaTerminacion             string `json:"fechaTerminacion"`
	IDAutorizacionReconocimiento string `json:"idAutorizacionReconocimiento,omitempty"`
	AutorizacionReconocimiento   string `json:"autorizacionReconocimiento,omitempty"`
	NumeroRvoe                   string `json:"numeroRvoe,omitempty"`
}

// Profesionista is the holder of the title, as RENAPO has the person.
type Profesionista struct {
	CURP              string `json:"curp"`
	Nombre            string `json:"nombre"`
	PrimerApellido    string `json:"primerApellido"`
	SegundoApellido   string `json:"segundoApellido,omitempty"`
	CorreoElectronico string `json:"correoElectronico"`
}

// Expedicion says when, where and on what grounds the title is issued.
type Expedicion struct {
	FechaExpedicion                string `json:"fechaExpedicion"`
	IDModalidadTitulacion          string `json:"idModalidadTitulacion,omitempty"`
	ModalidadTitulacion            string `json:"modalidadTitulacion,omitempty"`
	FechaExamenProfesional         string `json:"fechaExamenProfesional,omitempty"`         // modalidad 1
	FechaExencionExamenProfesional string `json:"fechaExencionExamenProfesional,omitempty"` // modalidades 2 to 6
	CumplioServicioSocial          string `json:"cumplioServicioSocial"`                    // "1" or "0"
	IDFundamentoLegal              string `json:"idFundamentoLegalServicioSocial,omitempty"`
	FundamentoLegal                string `json:"fundamentoLegalServicioSocial,omitempty"`
	IDEntidadFederativa            string `json:"idEntidadFederativa,omitempty"` // two digits
	EntidadFederativa              string `json:"entidadFederativa,omitempty"`
}

// Antecedente is the previous degree.
type Antecedente struct {
	InstitucionProcedencia string `json:"institucionProcedencia"`
	IDTipoEstudio          string `json:"idTipoEstudioAntecedente,omitempty"`
	TipoEstudio            string `json:"tipoEstudioAntecedente,omitempty"`
	IDEntidadFederativa    string `json:"idEntidadFederativa,omitempty"` // two digits
	EntidadFederativa      string `json:"entidadFederativa,omitempty"`
	FechaInicio            string `json:"fechaInicio,omitempty"`
	FechaTerminacion       string `json:"fechaTerminacion"`
	NoCedula               string `json:"noCedula,omitempty"`
}

// Autenticacion is the seal that the DGAIR adds, in a separate step, to titles of private
// institutions with a federal RVOE.
type Autenticacion struct {
	Version                string `json:"version,omitempty"`
	FolioDigital           string `json:"folioDigital,omitempty"`
	FechaAutenticacion     string `json:"fechaAutenticacion,omitempty"` // 2006-01-02T15:04:05
	SelloTitulo            string `json:"selloTitulo,omitempty"`
	NoCertificadoAutoridad string `json:"noCertificadoAutoridad,omitempty"`
	SelloAutenticacion     string `json:"selloAutenticacion,omitempty"`
}
