package gateway

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The kinds of request, one SOAP operation each (sat.md §6).
const (
	Emitidos  = "emitidos"
	Recibidos = "recibidos"
	Folio     = "folio"
)

// The values of a solicitud's enumerations. The SAT answers any other spelling with a
// fault.
const (
	TipoCFDI     = "CFDI"
	TipoMetadata = "Metadata"

	EstadoTodos     = "Todos"
	EstadoCancelado = "Cancelado"
	EstadoVigente   = "Vigente"

	Version11 = "1.1"
	Version15 = "1.5"
)

// maxReceptores is the SAT's bound on RfcReceptores (document 1, §5.1).
const maxReceptores = 5

// FechaFormat is the SAT's date format: Mexican official time, without a zone.
const FechaFormat = "2006-01-02T15:04:05"

// centreZone is the official time of central Mexico: UTC-6 all year, since daylight
// saving ended in October 2022.
var centreZone = time.FixedZone("America/Mexico_City", -6*60*60)

// InMexico returns the instant t on the clock of central Mexico.
func InMexico(t time.Time) time.Time { return t.In(centreZone) }

// Solicitud asks the SAT for the comprobantes of a range, or for one by its folio. Absent
// optional fields are empty.
type Solicitud struct {
	Servicio     Servicio `json:"servicio"`
	Version      string   `json:"version"`                // "1.5", or "1.1" for the retired SolicitaDescarga
	TipoDescarga string   `json:"tipoDescarga,omitempty"` // Emitidos, Recibidos or Folio; empty with version 1.1

	RFCSolicitante string `json:"rfcSolicitante"`
	// FechaInicial and FechaFinal are the range of emission dates, both inclusive, in
	// FechaFormat.
	FechaInicial string `json:"fechaInicial,omitempty"`
	FechaFinal   string `json:"fechaFinal,omitempty"`

	RFCEmisor          string   `json:"rfcEmisor,omitempty"`
	RFCReceptor        string   `json:"rfcReceptor,omitempty"`
	RFCReceptores      []string `json:"rfcReceptores,omitempty"`
	TipoSolicitud      string   `json:"tipoSolicitud,omitempty"`
	EstadoComprobante  string   `json:"estadoComprobante,omitempty"`
	TipoComprobante    string   `json:"tipoComprobante,omitempty"`
	Complemento        string   `json:"complemento,omitempty"`
	RFCACuentaTerceros string   `json:"rfcACuentaTerceros,omitempty"`
	// Folio is the UUID of one comprobante.
	Folio string `json:"folio,omitempty"`
}

// Normalize fills in what the SAT's contract implies: the version, the taxpayer as issuer
// or receiver, and the default state.
func (s Solicitud) Normalize() Solicitud {
	if s.Version == "" {
		s.Version = Version15
	}
	if s.Version == Version11 {
		return s
	}
	switch s.TipoDescarga {
	case Emitidos:
		s.RFCEmisor = cmpOr(s.RFCEmisor, s.RFCSolicitante)
		s.EstadoComprobante = cmpOr(s.EstadoComprobante, EstadoVigente)
	case Recibidos:
		s.RFCReceptor = cmpOr(s.RFCReceptor, s.RFCSolicitante)
		s.EstadoComprobante = cmpOr(s.EstadoComprobante, EstadoVigente)
	case Folio:
		s.Folio = strings.ToLower(s.Folio)
	}
	return s
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// Validate checks a normalized solicitud against every known rule of the SAT, so that
// none is spent on a refusal (sat.md §6, §10). now is the present instant. It returns an
// *Error of KindInvalida that lists every field at fault.
func (s Solicitud) Validate(now time.Time) error {
	v := &validator{}
	v.rfc("rfcSolicitante", s.RFCSolicitante, true)
	v.rfc("rfcEmisor", s.RFCEmisor, false)
	v.rfc("rfcReceptor", s.RFCReceptor, false)
	v.rfc("rfcACuentaTerceros", s.RFCACuentaTerceros, false)
	for i, rfc := range s.RFCReceptores {
		v.rfc(fmt.Sprintf("rfcReceptores/%d", i), rfc, true)
	}
	v.oneOf("version", s.Version, []string{Version15, Version11}, true)
	v.oneOf("estadoComprobante", s.EstadoComprobante, []string{EstadoTodos, EstadoCancelado, EstadoVigente}, false)
	v.oneOf("tipoComprobante", s.TipoComprobante, []string{"I", "E", "T", "N", "P"}, false)
	v.complemento(s.Complemento, s.Servicio)
	if s.Version == Version11 {
		v.version11(s, now)
	} else {
		v.version15(s, now)
	}
	return v.err()
}

type validator struct{ fields []Field }

func (v *validator) add(field, detail string, valid ...string) {
	v.fields = append(v.fields, Field{Campo: field, Detalle: detail, ValoresValidos: valid})
}

func (v *validator) err() error {
	if len(v.fields) == 0 {
		return nil
	}
	return &Error{Kind: KindInvalida, Own: OwnSolicitudRechazable, Fields: v.fields,
		Detail: "La solicitud no se envió al SAT porque tiene datos que rechazaría. Corrija los campos indicados en errores."}
}

func (v *validator) rfc(field, value string, required bool) {
	switch {
	case value == "" && required:
		v.add(field, "Es obligatorio.")
	case value != "" && !ValidRFC(value):
		v.add(field, "No tiene la forma de un RFC en mayúsculas: 3 o 4 letras, fecha aammdd y homoclave de 3.")
	}
}

func (v *validator) oneOf(field, value string, valid []string, required bool) {
	if value == "" && !required || slices.Contains(valid, value) {
		return
	}
	detail := "No es uno de los valores válidos; se distinguen mayúsculas y minúsculas."
	if value == "" {
		detail = "Es obligatorio."
	}
	v.add(field, detail, valid...)
}

func (v *validator) absent(field string, given bool, why string) {
	if given {
		v.add(field, "No se admite "+why+".")
	}
}

func (v *validator) version15(s Solicitud, now time.Time) {
	v.oneOf("tipoDescarga", s.TipoDescarga, []string{Emitidos, Recibidos, Folio}, true)
	switch s.TipoDescarga {
	case Emitidos:
		v.rango(s, now)
		v.oneOf("tipoSolicitud", s.TipoSolicitud, []string{TipoCFDI, TipoMetadata}, true)
		if s.RFCEmisor != s.RFCSolicitante {
			v.add("rfcEmisor", "En emitidos debe ser igual a rfcSolicitante.")
		}
		v.absent("rfcReceptor", s.RFCReceptor != "", "en emitidos; para filtrar por receptor use rfcReceptores")
		if len(s.RFCReceptores) > maxReceptores {
			v.add("rfcReceptores", fmt.Sprintf("Admite %d como máximo.", maxReceptores))
		}
		v.absent("uuid", s.Folio != "", "en emitidos; use tipoDescarga folio")
	case Recibidos:
		v.rango(s, now)
		v.oneOf("tipoSolicitud", s.TipoSolicitud, []string{TipoCFDI, TipoMetadata}, true)
		if s.RFCReceptor != s.RFCSolicitante {
			v.add("rfcReceptor", "En recibidos debe ser igual a rfcSolicitante.")
		}
		if s.TipoSolicitud == TipoCFDI && s.EstadoComprobante != EstadoVigente {
			v.add("estadoComprobante", "Los XML recibidos solo se entregan vigentes; para conocer los cancelados pida tipoSolicitud Metadata.", EstadoVigente)
		}
		v.absent("rfcReceptores", len(s.RFCReceptores) > 0, "en recibidos")
		v.absent("uuid", s.Folio != "", "en recibidos; use tipoDescarga folio")
	case Folio:
		v.onlyFolio(s)
	}
}

func (v *validator) onlyFolio(s Solicitud) {
	if s.Folio == "" {
		v.add("uuid", "Es obligatorio.")
	} else if !ValidUUID(s.Folio) {
		v.add("uuid", "No tiene la forma de un UUID: 8-4-4-4-12 dígitos hexadecimales.")
	}
	const why = "con tipoDescarga folio"
	v.absent("fechaInicial", s.FechaInicial != "", why)
	v.absent("fechaFinal", s.FechaFinal != "", why)
	v.absent("rfcEmisor", s.RFCEmisor != "", why)
	v.absent("rfcReceptor", s.RFCReceptor != "", why)
	v.absent("rfcReceptores", len(s.RFCReceptores) > 0, why)
	v.absent("estadoComprobante", s.EstadoComprobante != "", why)
	v.absent("tipoComprobante", s.TipoComprobante != "", why)
	v.absent("complemento", s.Complemento != "", why)
	v.absent("rfcACuentaTerceros", s.RFCACuentaTerceros != "", why)
	if s.TipoSolicitud != "" && s.TipoSolicitud != TipoCFDI {
		v.add("tipoSolicitud", "Por folio siempre se entrega el XML.", TipoCFDI)
	}
}

func (v *validator) version11(s Solicitud, now time.Time) {
	const why = "con version 1.1"
	v.rango(s, now)
	v.oneOf("tipoSolicitud", s.TipoSolicitud, []string{TipoCFDI, TipoMetadata}, true)
	v.absent("tipoDescarga", s.TipoDescarga != "", why+": el sentido lo dan rfcEmisor y rfcReceptor")
	v.absent("uuid", s.Folio != "", why)
	v.absent("rfcReceptores", len(s.RFCReceptores) > 0, why+"; use rfcReceptor")
	v.absent("estadoComprobante", s.EstadoComprobante != "", why)
	v.absent("tipoComprobante", s.TipoComprobante != "", why)
	v.absent("complemento", s.Complemento != "", why)
	v.absent("rfcACuentaTerceros", s.RFCACuentaTerceros != "", why)
	switch {
	case s.RFCEmisor == "" && s.RFCReceptor == "":
		v.add("rfcEmisor", "Indique rfcEmisor o rfcReceptor.")
	case s.RFCEmisor != s.RFCSolicitante && s.RFCReceptor != s.RFCSolicitante:
		v.add("rfcSolicitante", "Debe ser igual a rfcEmisor o a rfcReceptor.")
	}
}

// rango checks the date range: strictly ascending, not in the future, and no older than
// six years on the clock of Mexico (sat.md §10).
func (v *validator) rango(s Solicitud, now time.Time) {
	initial, ok1 := v.fecha("fechaInicial", s.FechaInicial)
	final, ok2 := v.fecha("fechaFinal", s.FechaFinal)
	if ok1 && ok2 && !initial.Before(final) {
		v.add("fechaFinal", "Debe ser posterior a fechaInicial, al menos un segundo.")
	}
	today := InMexico(now)
	if ok2 && final.After(today) {
		v.add("fechaFinal", "No puede estar en el futuro; en el centro de México son las "+today.Format(FechaFormat)+".")
	}
	limit := time.Date(today.Year()-6, today.Month(), today.Day(), 0, 0, 0, 0, centreZone)
	if ok1 && initial.Before(limit) {
		v.add("fechaInicial", "El SAT entrega seis años hacia atrás; hoy, desde "+limit.Format(FechaFormat)+".")
	}
}

func (v *validator) fecha(field, value string) (time.Time, bool) {
	if value == "" {
		v.add(field, "Es obligatorio.")
		return time.Time{}, false
	}
	t, err := time.ParseInLocation(FechaFormat, value, centreZone)
	if err != nil || t.Format(FechaFormat) != value {
		v.add(field, "No es una fecha existente con la forma aaaa-mm-ddThh:mm:ss, hora de México sin zona.")
		return time.Time{}, false
	}
	return t, true
}

// Criterios returns the text by which the SAT's quotas compare solicitudes (codes 5002
// and 5005): equal texts count as the same solicitud. The order of receivers does not
// matter.
func (s Solicitud) Criterios() string {
	receptores := slices.Clone(s.RFCReceptores)
	slices.Sort(receptores)
	return strings.Join([]string{
		string(s.Servicio), s.Version, s.TipoDescarga, s.RFCSolicitante, s.FechaInicial, s.FechaFinal,
		s.RFCEmisor, s.RFCReceptor, strings.Join(receptores, ","), s.TipoSolicitud, s.EstadoComprobante,
		s.TipoComprobante, s.Complemento, s.RFCACuentaTerceros, s.Folio,
	}, "|")
}
