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
	opVerifica  = "VerificaSolicitudDescarga"
	opDescargar = "Descargar"
)

// operacion is one operation of the contract.
type operacion struct {
	nombre    string
	accion    string // SOAPAction
	ns        string // of its elements
	envoltura string // the element in the body
	nodo      string // its child with the attributes and the signature
	// rfcSello is the attribute that code 303 names.
	rfcSello string
	registra bool // it makes a request, and its id may be lost
	atiende  func(*Servidor, *llamada) (respuesta, error)
	// responde writes a code in the shape of this operation's answer.
	responde func(op *operacion, c contestacion) respuesta
}

// punto is one service: the path under its family, the contract it publishes, its operations.
type punto struct {
	wsdl        string
	operaciones []*operacion
}

const contrato = "http://DescargaMasivaTerceros.sat.gob.mx/"

// puntos are the services by the path under their family.
var puntos = map[string]*punto{
	"Autenticacion/Autenticacion.svc": {"sat/autenticacion.wsdl", []*operacion{{
		nombre: opAutentica, accion: "http://DescargaMasivaTerceros.gob.mx/IAutenticacion/Autentica",
		ns: nsAutentica, envoltura: "Autentica", atiende: (*Servidor).autentica,
	}}},
	"SolicitaDescargaService.svc": {"sat/solicita.wsdl", []*operacion{
		solicita(opEmitidos, "RfcEmisor"), solicita(opRecibidos, "RfcReceptor"),
		solicita(opFolio, "RfcSolicitante"), solicita(opV11, "RfcSolicitante"),
	}},
	"VerificaSolicitudDescargaService.svc": {"sat/verifica.wsdl", []*operacion{{
		nombre: opVerifica, accion: contrato + "IVerificaSolicitudDescargaService/VerificaSolicitudDescarga",
		ns: nsDes, envoltura: opVerifica, nodo: "solicitud", rfcSello: "RfcSolicitante",
		atiende: (*Servidor).verifica, responde: respondeVerifica,
	}}},
	"DescargaMasivaService.svc": {"sat/descarga.wsdl", []*operacion{{
		nombre: opDescargar, accion: contrato + "IDescargaMasivaTercerosService/Descargar",
		ns: nsDes, envoltura: "PeticionDescargaMasivaTercerosEntrada", nodo: "peticionDescarga", rfcSello: "RfcSolicitante",
		atiende: (*Servidor).descarga, responde: respondeDescarga,
	}}},
}

func solicita(nombre, rfcSello string) *operacion {
	return &operacion{
		nombre: nombre, accion: contrato + "ISolicitaDescargaService/" + nombre,
		ns: nsDes, envoltura: nombre, nodo: "solicitud", rfcSello: rfcSello, registra: true,
		atiende: (*Servidor).solicita, responde: respondeSolicita,
	}
}

func nombresOperaciones() []string {
	var nombres []string
	for _, ruta := range slices.Sorted(maps.Keys(puntos)) {
		for _, o := range puntos[ruta].operaciones {
			nombres = append(nombres, o.nombre)
		}
	}
	return nombres
}

// porAccion finds the operation that an action names at this service.
func (p *punto) porAccion(accion string) *operacion {
	for _, o := range p.operaciones {
		if o.accion == accion {
			return o
		}
	}
	return nil
}
