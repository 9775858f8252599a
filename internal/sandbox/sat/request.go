package sat

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

const (
	tipoCFDI     = "CFDI"
	tipoMetadata = "Metadata"

	estadoTodos     = "Todos"
	estadoCancelado = "Cancelado"
	estadoVigente   = "Vigente"

	maxReceptores = 5
	yearsHistory  = 6

	fechaFormat = "2006-01-02T15:04:05"
)

// fechaXML is any xs:dateTime or xs:date; what is not one does not even deserialise.
var fechaXML = regexp.MustCompile(`^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?)?$`)

var (
	enumTipoSolicitud = catalogo{"TipoDescargaMasivaTerceros", []string{tipoCFDI, tipoMetadata, "PDF", "PDFCOCEMA", "TXTUUIDMASIVA"}}
	enumEstado        = catalogo{"EstadoComprobante", []string{estadoTodos, estadoCancelado, estadoVigente}}
	enumTipo          = catalogo{"TipoComprobante", []string{"I", "E", "T", "N", "P"}}
	complementosCFDI  = strings.Fields(`acreditamientoieps10 aerolineas cartaporte10 cartaporte20 cartaporte30 cartaporte31
		certificadodedestruccion cfdiregistrofiscal comercioexterior10 comercioexterior11 comercioexterior20 comprobante
		consumodecombustibles consumodecombustibles11 detallista divisas donat11 ecc11 ecc12 gastoshidrocarburos10 iedu
		implocal ine11 ingresoshidrocarburos leyendasfisc nomina11 nomina12 notariospublicos obrasarteantiguedades
		pagoenespecie pagos10 pagos20 pfic renovacionysustitucionvehiculos servicioparcialconstruccion spei terceros11
		turistapasajeroextranjero valesdedespensa vehiculousado ventavehiculos11`)
	complementosRetenciones = strings.Fields(`arrendamientoenfideicomiso dividendos enajenaciondeacciones
		fideicomisonoempresarial intereses intereseshipotecarios operacionesconderivados pagosaextranjeros planesderetiro
		planesderetiro11 premios sectorfinanciero serviciosplataformastecnologicas10`)
)

// request registers a request of download, in any of the four ways of asking for one.
func (s *Server) request(ll *call) (answer, error) {
	p, err := s.examine(ll, s.requestFormat(ll))
	if err != nil {
		return answer{}, err
	}
	ped, err := s.requested(ll, p)
	if err != nil {
		return answer{}, err
	}
	ped.operation, ped.criterios = ll.op.name, ll.blob
	forLife := s.Knobs.Whole(solicitudesDePorVida)
	if ped.tipo == tipoMetadata && !s.Knobs.Bool(dePorVidaMetadata) {
		forLife = 0
	}
	id, err := s.solicitudes.register(ped, forLife)
	if err != nil {
		return answer{}, err
	}
	s.Journal.Complete(ll.note, func(a *control.Note) { a.ID = id })
	c := operationAnswer{codigo: codSuccess, idSolicitud: id, rfc: ped.scope.rfc}
	if ll.falla.ConID {
		c = requestedCodigo(ll.falla)
		c.idSolicitud = id
	}
	return respondRequest(ll.op, c), nil
}

func respondRequest(op *operation, c operationAnswer) answer {
	return resultAnswer(op, c, "/>", "IdSolicitud", c.idSolicitud, "RfcSolicitante", c.rfc, "CodEstatus", c.codigo, "Mensaje", c.text())
}

// resultAnswer writes the answer of an operation: its result has these attributes, and goes on with end.
func resultAnswer(op *operation, c operationAnswer, end string, pairs ...string) answer {
	body := "<" + op.name + `Response xmlns="` + nsDes + `"><` + op.name + "Result" +
		attributes(pairs...) + end + "</" + op.name + "Response>"
	return answer{estado: http.StatusOK, codigo: c.codigo, body: envelope(body)}
}

// operationAnswer are the values of an operation's answer.
type operationAnswer struct {
	codigo, mensaje  string
	idSolicitud, rfc string
	estado           int
	codigoEstado     string
	number           int64
	paquetes         []string
}

// text is the message, the code's own when none was given.
func (c operationAnswer) text() string { return cmp.Or(c.mensaje, texts[c.codigo]) }

// requestFormat is the table of attributes of each operation.
func (s *Server) requestFormat(ll *call) format {
	f := format{
		required: []string{"FechaFinal", "FechaInicial", "TipoSolicitud"},
		optional: []string{"RfcSolicitante", "EstadoComprobante", "TipoComprobante", "Complemento", "RfcACuentaTerceros"},
		enums:    map[string]catalogo{"TipoSolicitud": enumTipoSolicitud, "EstadoComprobante": enumEstado, "TipoComprobante": enumTipo},
		rules:    func(p *request) error { return s.requestRules(ll, p) },
	}
	f.solicitante = func(p *request) string { return applicant(ll.op, p) }
	switch ll.op.name {
	case opEmitidos:
		f.required = append(f.required, "RfcEmisor")
		f.receptores = true
	case opRecibidos:
		f.required = append(f.required, "RfcReceptor")
		f.optional = append(f.optional, "RfcEmisor")
	case opFolio:
		f.required = []string{"Folio", "RfcSolicitante"}
		f.optional = nil
	case opV11:
		f.required = append(f.required, "RfcSolicitante")
		f.optional = []string{"RfcEmisor", "RfcReceptor"}
	}
	return f
}

// applicant is who asks, and where the request does not say so, whose comprobantes they are.
func applicant(op *operation, p *request) string {
	return cmp.Or(p.attributes["RfcSolicitante"], p.attributes[op.rfcSello])
}

// requestRules are the business rules that come as 301 (§6, §9 and §10 of the service's limits).
func (s *Server) requestRules(ll *call, p *request) error {
	if ll.op.name == opFolio {
		if _, ok := readUUID(p.attributes["Folio"]); !ok {
			return badFormed("Folio no es un UUID")
		}
		return nil
	}
	since, until, err := readRango(ll, p)
	if err != nil {
		return err
	}
	today := fechaOf(wall(s.Clock.Now()))
	limit := time.Date(today.Year()-yearsHistory, today.Month(), today.Day(), 0, 0, 0, 0, time.UTC)
	tipo, estado := p.attributes["TipoSolicitud"], p.attributes["EstadoComprobante"]
	switch {
	case since >= until:
		return reject(codBadFormed, "La fecha inicial debe ser menor a la fecha final")
	case until > wall(s.Clock.Now()):
		return reject(codBadFormed, "La fecha final no debe ser mayor a la fecha actual")
	case since < limit.Unix():
		return reject(codBadFormed, "La fecha inicial no puede ser mayor a 6 años respecto a la fecha actual")
	case tipo != tipoCFDI && tipo != tipoMetadata:
		return badFormed("TipoSolicitud " + tipo + " no se admite")
	case ll.op.name == opRecibidos && tipo == tipoCFDI && estado != "" && estado != estadoVigente:
		return reject(codBadFormed, texts[codXMLCancelled])
	case len(p.receptores) > maxReceptores:
		return badFormed("se admiten hasta 5 RfcReceptor")
	case ll.op.name == opV11 && p.attributes["RfcEmisor"] == "" && p.attributes["RfcReceptor"] == "":
		return badFormed("falta el atributo RfcEmisor o RfcReceptor")
	}
	for _, rfc := range p.receptores {
		if !rfcForm.MatchString(rfc) {
			return badFormed("RfcReceptor no es un RFC válido")
		}
	}
	allowed := complementosCFDI
	if ll.servicio == Retenciones {
		allowed = complementosRetenciones
	}
	if c := p.attributes["Complemento"]; c != "" && !slices.Contains(allowed, c) {
		return badFormed("Complemento " + c + " no se admite")
	}
	return nil
}

// readRango reads both dates, which carry no zone. A date with one, or with fractions, is refused; a
// text that is no date does not deserialise.
func readRango(ll *call, p *request) (since, until int64, err error) {
	var limits [2]int64
	for i, name := range []string{"FechaInicial", "FechaFinal"} {
		text := p.attributes[name]
		if !fechaXML.MatchString(text) {
			return 0, 0, invalidValue(ll.op, text, "DateTime")
		}
		t, err := time.Parse(fechaFormat, text)
		if err != nil || len(text) != len(fechaFormat) {
			return 0, 0, badFormed(name + " debe tener la forma aaaa-mm-ddThh:mm:ss, sin zona")
		}
		limits[i] = t.Unix()
	}
	return limits[0], limits[1], nil
}

// requested turns an examined request into what is registered, and checks that the comprobantes asked
// for are the applicant's own (5001) and, of a folio, not cancelled (5012).
func (s *Server) requested(ll *call, p *request) (*requested, error) {
	a := p.attributes
	ped := s.newRequested(ll.servicio, applicant(ll.op, p))
	if ll.op.name == opFolio {
		folio, _ := readUUID(a["Folio"])
		ped.folio, ped.tipo, ped.filter.estado = &folio, tipoCFDI, estadoVigente
		ped.scope.direction = s.universe.direction(folio)
		s.measure(ped)
		if c, ok := s.universe.find(ped.scope, folio); ok && c.Cancelled(ped.filter.cut) {
			return nil, reject(codXMLCancelled)
		}
		ped.key("folio", folio.String())
		return ped, nil
	}
	ped.since, ped.until, _ = readRango(ll, p)
	ped.tipo = a["TipoSolicitud"]
	f := &ped.filter
	f.estado, f.tipo = cmp.Or(a["EstadoComprobante"], estadoVigente), a["TipoComprobante"]
	f.complemento, f.tercero = a["Complemento"], a["RfcACuentaTerceros"]
	if err := resolveParties(ll.op.name, p, ped); err != nil {
		return nil, err
	}
	s.measure(ped)
	slices.Sort(ped.filter.contrapartes)
	ped.key(ll.op.name, a["FechaInicial"], a["FechaFinal"], a["RfcEmisor"], a["RfcReceptor"], strings.Join(ped.filter.contrapartes, ","), ped.tipo)
	ped.keySame += "|" + strings.Join([]string{ped.filter.estado, ped.filter.tipo, ped.filter.complemento, ped.filter.tercero}, "|")
	return ped, nil
}

// resolveParties decides whose comprobantes are meant and with whom.
func resolveParties(op string, p *request, ped *requested) error {
	rfc, emisor, receptor := ped.scope.rfc, p.attributes["RfcEmisor"], p.attributes["RfcReceptor"]
	switch {
	case op == opEmitidos:
		if emisor != rfc {
			return reject(codTercero)
		}
		ped.filter.contrapartes = slices.Clone(p.receptores)
	case op == opRecibidos || emisor != rfc:
		if receptor != rfc {
			return reject(codTercero)
		}
		ped.scope.direction = Recibidos
		if emisor != "" {
			ped.filter.contrapartes = []string{emisor}
		}
	default: // v1.1, issued
		if receptor != "" {
			ped.filter.contrapartes = []string{receptor}
		}
	}
	// v1.1 had no filter of state: it gave all, but for the XML of received ones.
	if op == opV11 && (ped.tipo == tipoMetadata || ped.scope.direction == Emitidos) {
		ped.filter.estado = estadoTodos
	}
	return nil
}
