package sat

import (
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
	aniosHistoria = 6

	formatoFecha = "2006-01-02T15:04:05"
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

// solicita registers a request of download, in any of the four ways of asking for one.
func (s *Servidor) solicita(ll *llamada) (respuesta, error) {
	p, err := s.examina(ll, s.formatoSolicita(ll))
	if err != nil {
		return respuesta{}, err
	}
	ped, err := s.pedido(ll, p)
	if err != nil {
		return respuesta{}, err
	}
	ped.operacion, ped.criterios = ll.op.nombre, ll.objeto
	porVida := s.perillas.Entero(solicitudesDePorVida)
	if ped.tipo == tipoMetadata && !s.perillas.Bool(dePorVidaMetadata) {
		porVida = 0
	}
	id, err := s.solicitudes.registra(ped, porVida)
	if err != nil {
		return respuesta{}, err
	}
	s.bitacora.Completa(ll.nota, func(a *control.Anotacion) { a.ID = id })
	c := contestacion{codigo: codExito, idSolicitud: id, rfc: ped.ambito.rfc}
	if ll.falla.ConID {
		c = codigoPedido(ll.falla)
		c.idSolicitud = id
	}
	return respondeSolicita(ll.op, c), nil
}

func respondeSolicita(op *operacion, c contestacion) respuesta {
	var pares []string
	if c.idSolicitud != "" {
		pares = append(pares, "IdSolicitud", c.idSolicitud)
	}
	if c.rfc != "" {
		pares = append(pares, "RfcSolicitante", c.rfc)
	}
	pares = append(pares, "CodEstatus", c.codigo, "Mensaje", c.texto())
	return respuesta{estado: http.StatusOK, codigo: c.codigo, cuerpo: sobre(
		"<" + op.nombre + `Response xmlns="` + nsDes + `"><` + op.nombre + "Result" + atributos(pares...) + "/></" + op.nombre + "Response>")}
}

// contestacion are the values of an operation's answer.
type contestacion struct {
	codigo, mensaje  string
	idSolicitud, rfc string
	estado           int
	codigoEstado     string
	numero           int64
	paquetes         []string
}

// texto is the message, the code's own when none was given.
func (c contestacion) texto() string {
	if c.mensaje != "" {
		return c.mensaje
	}
	return textos[c.codigo]
}

// formatoSolicita is the table of attributes of each operation.
func (s *Servidor) formatoSolicita(ll *llamada) formato {
	f := formato{
		obligatorios:  []string{"FechaFinal", "FechaInicial", "TipoSolicitud"},
		opcionales:    []string{"RfcSolicitante", "EstadoComprobante", "TipoComprobante", "Complemento", "RfcACuentaTerceros"},
		enumeraciones: map[string]catalogo{"TipoSolicitud": enumTipoSolicitud, "EstadoComprobante": enumEstado, "TipoComprobante": enumTipo},
		reglas:        func(p *peticion) error { return s.reglasSolicita(ll, p) },
	}
	propio := ll.op.rfcSello
	f.solicitante = func(p *peticion) string {
		if rfc := p.atributos["RfcSolicitante"]; rfc != "" {
			return rfc
		}
		return p.atributos[propio]
	}
	switch ll.op.nombre {
	case opEmitidos:
		f.obligatorios = append(f.obligatorios, "RfcEmisor")
		f.receptores = true
	case opRecibidos:
		f.obligatorios = append(f.obligatorios, "RfcReceptor")
		f.opcionales = append(f.opcionales, "RfcEmisor")
	case opFolio:
		f.obligatorios = []string{"Folio", "RfcSolicitante"}
		f.opcionales = nil
	case opV11:
		f.obligatorios = append(f.obligatorios, "RfcSolicitante")
		f.opcionales = []string{"RfcEmisor", "RfcReceptor"}
	}
	return f
}

// reglasSolicita are the business rules that come as 301 (§6, §9 and §10 of the service's limits).
func (s *Servidor) reglasSolicita(ll *llamada, p *peticion) error {
	if ll.op.nombre == opFolio {
		if _, ok := leeUUID(p.atributos["Folio"]); !ok {
			return malFormado("Folio no es un UUID")
		}
		return nil
	}
	desde, hasta, err := leeRango(ll, p)
	if err != nil {
		return err
	}
	hoy := fechaDe(pared(s.reloj.Now()))
	limite := time.Date(hoy.Year()-aniosHistoria, hoy.Month(), hoy.Day(), 0, 0, 0, 0, time.UTC)
	tipo, estado := p.atributos["TipoSolicitud"], p.atributos["EstadoComprobante"]
	switch {
	case desde >= hasta:
		return rechaza(codMalFormado, "La fecha inicial debe ser menor a la fecha final")
	case hasta > pared(s.reloj.Now()):
		return rechaza(codMalFormado, "La fecha final no debe ser mayor a la fecha actual")
	case desde < limite.Unix():
		return rechaza(codMalFormado, "La fecha inicial no puede ser mayor a 6 años respecto a la fecha actual")
	case tipo != tipoCFDI && tipo != tipoMetadata:
		return malFormado("TipoSolicitud " + tipo + " no se admite")
	case ll.op.nombre == opRecibidos && tipo == tipoCFDI && estado != "" && estado != estadoVigente:
		return rechaza(codMalFormado, textos[codXMLCancelado])
	case len(p.receptores) > maxReceptores:
		return malFormado("se admiten hasta 5 RfcReceptor")
	case ll.op.nombre == opV11 && p.atributos["RfcEmisor"] == "" && p.atributos["RfcReceptor"] == "":
		return malFormado("falta el atributo RfcEmisor o RfcReceptor")
	}
	for _, rfc := range p.receptores {
		if !formaRFC.MatchString(rfc) {
			return malFormado("RfcReceptor no es un RFC válido")
		}
	}
	permitidos := complementosCFDI
	if ll.servicio == Retenciones {
		permitidos = complementosRetenciones
	}
	if c := p.atributos["Complemento"]; c != "" && !slices.Contains(permitidos, c) {
		return malFormado("Complemento " + c + " no se admite")
	}
	return nil
}

// leeRango reads both dates, which carry no zone. A date with one, or with fractions, is refused; a
// text that is no date does not deserialise.
func leeRango(ll *llamada, p *peticion) (desde, hasta int64, err error) {
	var limites [2]int64
	for i, nombre := range []string{"FechaInicial", "FechaFinal"} {
		texto := p.atributos[nombre]
		if !fechaXML.MatchString(texto) {
			return 0, 0, valorInvalido(ll.op, texto, "DateTime")
		}
		t, err := time.Parse(formatoFecha, texto)
		if err != nil || len(texto) != len(formatoFecha) {
			return 0, 0, malFormado("" + nombre + " debe tener la forma aaaa-mm-ddThh:mm:ss, sin zona")
		}
		limites[i] = t.Unix()
	}
	return limites[0], limites[1], nil
}

// pedido turns an examined request into what is registered, and checks that the comprobantes asked
// for are the applicant's own (5001) and, of a folio, not cancelled (5012).
func (s *Servidor) pedido(ll *llamada, p *peticion) (*pedido, error) {
	a := p.atributos
	rfc := a["RfcSolicitante"]
	if rfc == "" {
		rfc = a[ll.op.rfcSello]
	}
	ped := s.nuevoPedido(ll.servicio, rfc)
	if ll.op.nombre == opFolio {
		folio, _ := leeUUID(a["Folio"])
		ped.folio, ped.tipo, ped.filtro.estado = &folio, tipoCFDI, estadoVigente
		ped.ambito.sentido = s.universo.sentido(folio)
		s.mide(ped)
		if c, ok := s.universo.busca(ped.ambito, folio); ok && c.Cancelado(ped.filtro.corte) {
			return nil, rechaza(codXMLCancelado)
		}
		ped.clave("folio", folio.String())
		return ped, nil
	}
	ped.desde, ped.hasta, _ = leeRango(ll, p)
	ped.tipo = a["TipoSolicitud"]
	ped.filtro.estado, ped.filtro.tipo, ped.filtro.complemento, ped.filtro.tercero = a["EstadoComprobante"], a["TipoComprobante"], a["Complemento"], a["RfcACuentaTerceros"]
	if ped.filtro.estado == "" {
		ped.filtro.estado = estadoVigente
	}
	if err := direcciona(ll.op.nombre, p, ped); err != nil {
		return nil, err
	}
	s.mide(ped)
	slices.Sort(ped.filtro.contrapartes)
	ped.clave(ll.op.nombre, a["FechaInicial"], a["FechaFinal"], a["RfcEmisor"], a["RfcReceptor"], strings.Join(ped.filtro.contrapartes, ","), ped.tipo)
	ped.claveIgual += "|" + strings.Join([]string{ped.filtro.estado, ped.filtro.tipo, ped.filtro.complemento, ped.filtro.tercero}, "|")
	return ped, nil
}

// direcciona decides whose comprobantes are meant and with whom.
func direcciona(op string, p *peticion, ped *pedido) error {
	rfc, emisor, receptor := ped.ambito.rfc, p.atributos["RfcEmisor"], p.atributos["RfcReceptor"]
	switch {
	case op == opEmitidos:
		if emisor != rfc {
			return rechaza(codTercero)
		}
		ped.filtro.contrapartes = slices.Clone(p.receptores)
	case op == opRecibidos || emisor != rfc:
		if receptor != rfc {
			return rechaza(codTercero)
		}
		ped.ambito.sentido = Recibidos
		if emisor != "" {
			ped.filtro.contrapartes = []string{emisor}
		}
	default: // v1.1, issued
		if receptor != "" {
			ped.filtro.contrapartes = []string{receptor}
		}
	}
	// v1.1 had no filter of state: it gave all, but for the XML of received ones.
	if op == opV11 && (ped.tipo == tipoMetadata || ped.ambito.sentido == Emitidos) {
		ped.filtro.estado = estadoTodos
	}
	return nil
}
