package cli

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// request converts the options to the contract's form. It reports every fault at once,
// each with its option and the valid values.
func (d *download) request() (rest.PeticionDescarga, error) {
	var faults []string
	missing := func(err error) {
		if err != nil {
			faults = append(faults, err.Error())
		}
	}
	d.rfc = strings.ToUpper(d.rfc)
	missing(isRFC("--rfc", d.rfc, true))
	missing(isRFC("--rfc-emisor", d.emisor, false))
	missing(isRFC("--tercero", d.tercero, false))
	for _, rfc := range d.receptores {
		missing(isRFC("--rfc-receptor", rfc, false))
	}
	missing(oneOf("--tipo", d.tipo, gateway.Emitidos, gateway.Recibidos))
	missing(oneOf("--que", d.que, "cfdi", "metadata"))
	missing(oneOf("--servicio", d.servicio, string(gateway.CFDI), string(gateway.Retenciones)))
	missing(oneOf("--estado", d.estado, "", "vigente", "cancelado", "todos"))
	missing(oneOf("--comprobante", d.comprobante, "", "I", "E", "T", "N", "P"))
	missing(oneOf("--complemento", d.complemento, append([]string{""}, gateway.Complementos(gateway.Servicio(d.servicio))...)...))
	if d.wait < 0 {
		missing(badUse("--espera: %s es menos que cero.", d.wait))
	}
	since, err := fecha("--desde", d.since, false)
	missing(err)
	until, err := fecha("--hasta", d.until, true)
	missing(err)
	if !since.IsZero() && !until.IsZero() {
		missing(d.rango(since, until))
	}
	if len(faults) > 0 {
		return rest.PeticionDescarga{}, &errUse{strings.Join(faults, "\n")}
	}
	return rest.PeticionDescarga{
		Servicio: rest.Servicio(d.servicio), RFCSolicitante: d.rfc, TipoDescarga: rest.SentidoDescarga(d.tipo),
		TipoSolicitud: rest.TipoSolicitud(map[string]string{"cfdi": gateway.TipoCFDI, "metadata": gateway.TipoMetadata}[d.que]),
		FechaInicial:  since.Format(gateway.FechaFormat), FechaFinal: until.Format(gateway.FechaFormat),
		EstadoComprobante: rest.EstadoComprobante(map[string]string{"vigente": gateway.EstadoVigente, "cancelado": gateway.EstadoCancelado, "todos": gateway.EstadoTodos}[d.estado]),
		TipoComprobante:   rest.TipoComprobante(d.comprobante), Complemento: d.complemento, RFCEmisor: d.emisor, RFCReceptores: d.receptores,
		RFCACuentaTerceros: d.tercero, PlazoHoras: d.deadline,
	}, nil
}

func isRFC(option, value string, required bool) error {
	switch {
	case value == "" && required:
		return badUse("Falta %s, el RFC de quien solicita.", option)
	case value != "" && !gateway.ValidRFC(value):
		return badUse("%s: «%s» no tiene la forma de un RFC, como PRU010101AB1 o PEPJ800101AB5.", option, value)
	}
	return nil
}

func oneOf(option, value string, valid ...string) error {
	if slices.Contains(valid, value) {
		return nil
	}
	valid = slices.DeleteFunc(valid, func(v string) bool { return v == "" })
	return badUse("%s: «%s» no es uno de: %s.", option, value, strings.Join(valid, ", "))
}

// onlyDay matches a date without a time of day.
var onlyDay = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)

// fecha parses a day or an instant on the clock of central Mexico. A day means its first
// second, or its last one at the end of a range.
func fecha(option, text string, final bool) (time.Time, error) {
	if text == "" {
		return time.Time{}, badUse("Falta %s, una fecha como 2026-01-31.", option)
	}
	complete := text
	if onlyDay.MatchString(text) {
		complete += "T" + cmp.Or(map[bool]string{true: "23:59:59"}[final], "00:00:00")
	}
	t, err := time.ParseInLocation(gateway.FechaFormat, complete, gateway.InMexico(time.Time{}).Location())
	if err != nil {
		return t, badUse("%s: «%s» no es una fecha. Escriba el día, 2026-01-31, o con hora, 2026-01-31T13:45:00.", option, text)
	}
	return t, nil
}

func (d *download) rango(since, until time.Time) error {
	now := gateway.InMexico(d.now())
	switch {
	case !since.Before(until):
		return badUse("--desde: %s no es anterior a --hasta, %s.", d.since, d.until)
	case since.After(now):
		return badUse("--desde: %s está en el futuro.", d.since)
	case !until.After(now):
		return nil
	}
	yesterday := now.AddDate(0, 0, -1).Format(time.DateOnly)
	if onlyDay.MatchString(d.until) && d.until == now.Format(time.DateOnly) {
		return badUse("--hasta: el %s aún no termina. Use %s, o una hora que ya pasó, como %s.", d.until, yesterday, now.Add(-time.Minute).Truncate(time.Minute).Format(gateway.FechaFormat))
	}
	return badUse("--hasta: %s está en el futuro. Use %s, o una hora que ya pasó.", d.until, yesterday)
}

var errWithoutEFirmas = errors.New("falta GATEWAY_EFIRMA_DIR, la carpeta de las e.firmas con que se firma; o use --gateway")
