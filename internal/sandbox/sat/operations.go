package sat

import (
	"maps"
	"slices"
)

// The operations, named as their actions and faults name them.
const (
	opAutentica = "Autentica"
	opEmitidos  = "SolicitaDescargaEmitidos"
	opRecibidos = "SolicitaDescargaRecibidos"
	opFolio     = "SolicitaDescargaFolio"
	opV11       = "SolicitaDescarga"
	opVerify    = "VerificaSolicitudDescarga"
	opDescargar = "Descargar"
)

// operation is one operation of the contract.
type operation struct {
	name    string
	action  string // SOAPAction
	ns      string // of its elements
	wrapper string // the element in the body
	node    string // its child with the attributes and the signature
	// rfcSello is the attribute that code 303 names.
	rfcSello string
	register bool // it makes a request, and its id may be lost
	attend   func(*Server, *call) (answer, error)
	// respond writes a code in the shape of this operation's answer.
	respond func(op *operation, c operationAnswer) answer
}

// point is one service: the path under its family, the contract it publishes, its operations.
type point struct {
	wsdl       string
	operations []*operation
}

const contrato = "http://DescargaMasivaTerceros.sat.gob.mx/"

// points are the services by the path under their family.
var points = map[string]*point{
	"Autenticacion/Autenticacion.svc": {"sat/autenticacion.wsdl", []*operation{{
		name: opAutentica, action: "http://DescargaMasivaTerceros.gob.mx/IAutenticacion/Autentica",
		ns: nsAuthenticate, wrapper: "Autentica", attend: (*Server).authenticate,
	}}},
	"SolicitaDescargaService.svc": {"sat/solicita.wsdl", []*operation{
		requestOperation(opEmitidos, "RfcEmisor"), requestOperation(opRecibidos, "RfcReceptor"),
		requestOperation(opFolio, "RfcSolicitante"), requestOperation(opV11, "RfcSolicitante"),
	}},
	"VerificaSolicitudDescargaService.svc": {"sat/verifica.wsdl", []*operation{{
		name: opVerify, action: contrato + "IVerificaSolicitudDescargaService/VerificaSolicitudDescarga",
		ns: nsDes, wrapper: opVerify, node: "solicitud", rfcSello: "RfcSolicitante",
		attend: (*Server).verify, respond: respondVerify,
	}}},
	"DescargaMasivaService.svc": {"sat/descarga.wsdl", []*operation{{
		name: opDescargar, action: contrato + "IDescargaMasivaTercerosService/Descargar",
		ns: nsDes, wrapper: "PeticionDescargaMasivaTercerosEntrada", node: "peticionDescarga", rfcSello: "RfcSolicitante",
		attend: (*Server).descarga, respond: respondDescarga,
	}}},
}

func requestOperation(name, rfcSello string) *operation {
	return &operation{
		name: name, action: contrato + "ISolicitaDescargaService/" + name,
		ns: nsDes, wrapper: name, node: "solicitud", rfcSello: rfcSello, register: true,
		attend: (*Server).request, respond: respondRequest,
	}
}

func operationNames() []string {
	var names []string
	for _, path := range slices.Sorted(maps.Keys(points)) {
		for _, o := range points[path].operations {
			names = append(names, o.name)
		}
	}
	return names
}

// byAction finds the operation that an action names at this service.
func (p *point) byAction(action string) *operation {
	for _, o := range p.operations {
		if o.action == action {
			return o
		}
	}
	return nil
}
