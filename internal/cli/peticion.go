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

// peticion makes of the options what the contract takes. Every fault names its
// option and what it may hold; all are told at once.
func (d *descargar) peticion() (rest.PeticionDescarga, error) {
	var faltas []string
	falta := func(err error) {
		if err != nil {
			faltas = append(faltas, err.Error())
		}
	}
	d.rfc = strings.ToUpper(d.rfc)
	falta(esRFC("--rfc", d.rfc, true))
	falta(esRFC("--rfc-emisor", d.emisor, false))
	falta(esRFC("--tercero", d.tercero, false))
	for _, rfc := range d.receptores {
		falta(esRFC("--rfc-receptor", rfc, false))
	}
	falta(unoDe("--tipo", d.tipo, gateway.Emitidos, gateway.Recibidos))
	falta(unoDe("--que", d.que, "cfdi", "metadata"))
	falta(unoDe("--servicio", d.servicio, string(gateway.CFDI), string(gateway.Retenciones)))
	falta(unoDe("--estado", d.estado, "", "vigente", "cancelado", "todos"))
	falta(unoDe("--comprobante", d.comprobante, "", "I", "E", "T", "N", "P"))
	falta(unoDe("--complemento", d.complemento, append([]string{""}, gateway.Complementos(gateway.Servicio(d.servicio))...)...))
	if d.espera < 0 {
		falta(malUso("--espera: %s es menos que cero.", d.espera))
	}
	desde, err := fecha("--desde", d.desde, false)
	falta(err)
	hasta, err := fecha("--hasta", d.hasta, true)
	falta(err)
	if !desde.IsZero() && !hasta.IsZero() {
		falta(d.rango(desde, hasta))
	}
	if len(faltas) > 0 {
		return rest.PeticionDescarga{}, &errUso{strings.Join(faltas, "\n")}
	}
	return rest.PeticionDescarga{
		Servicio: rest.Servicio(d.servicio), RFCSolicitante: d.rfc, TipoDescarga: rest.SentidoDescarga(d.tipo),
		TipoSolicitud: rest.TipoSolicitud(map[string]string{"cfdi": gateway.TipoCFDI, "metadata": gateway.TipoMetadata}[d.que]),
		FechaInicial:  desde.Format(gateway.FormatoFecha), FechaFinal: hasta.Format(gateway.FormatoFecha),
		EstadoComprobante: rest.EstadoComprobante(map[string]string{"vigente": gateway.EstadoVigente, "cancelado": gateway.EstadoCancelado, "todos": gateway.EstadoTodos}[d.estado]),
		TipoComprobante:   rest.TipoComprobante(d.comprobante), Complemento: d.complemento, RFCEmisor: d.emisor, RFCReceptores: d.receptores,
		RFCACuentaTerceros: d.tercero, PlazoHoras: d.plazo,
	}, nil
}

func esRFC(opcion, valor string, obligatorio bool) error {
	switch {
	case valor == "" && obligatorio:
		return malUso("Falta %s, el RFC de quien solicita.", opcion)
	case valor != "" && !gateway.RFCValido(valor):
		return malUso("%s: «%s» no tiene la forma de un RFC, como PRU010101AB1 o PEPJ800101AB5.", opcion, valor)
	}
	return nil
}

func unoDe(opcion, valor string, validos ...string) error {
	if slices.Contains(validos, valor) {
		return nil
	}
	validos = slices.DeleteFunc(validos, func(v string) bool { return v == "" })
	return malUso("%s: «%s» no es uno de: %s.", opcion, valor, strings.Join(validos, ", "))
}

// soloDia is a date without a time of day.
var soloDia = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)

// fecha reads a day, which stands for its first second or, at the end of a range,
// its last; or an instant. The clock is that of central Mexico.
func fecha(opcion, texto string, final bool) (time.Time, error) {
	if texto == "" {
		return time.Time{}, malUso("Falta %s, una fecha como 2026-01-31.", opcion)
	}
	completa := texto
	if soloDia.MatchString(texto) {
		completa += "T" + cmp.Or(map[bool]string{true: "23:59:59"}[final], "00:00:00")
	}
	t, err := time.ParseInLocation(gateway.FormatoFecha, completa, gateway.EnMexico(time.Time{}).Location())
	if err != nil {
		return t, malUso("%s: «%s» no es una fecha. Escriba el día, 2026-01-31, o con hora, 2026-01-31T13:45:00.", opcion, texto)
	}
	return t, nil
}

func (d *descargar) rango(desde, hasta time.Time) error {
	ahora := gateway.EnMexico(d.now())
	switch {
	case !desde.Before(hasta):
		return malUso("--desde: %s no es anterior a --hasta, %s.", d.desde, d.hasta)
	case desde.After(ahora):
		return malUso("--desde: %s está en el futuro.", d.desde)
	case !hasta.After(ahora):
		return nil
	}
	ayer := ahora.AddDate(0, 0, -1).Format(time.DateOnly)
	if soloDia.MatchString(d.hasta) && d.hasta == ahora.Format(time.DateOnly) {
		return malUso("--hasta: el %s aún no termina. Use %s, o una hora que ya pasó, como %s.", d.hasta, ayer, ahora.Add(-time.Minute).Truncate(time.Minute).Format(gateway.FormatoFecha))
	}
	return malUso("--hasta: %s está en el futuro. Use %s, o una hora que ya pasó.", d.hasta, ayer)
}

var errSinEFirmas = errors.New("falta GATEWAY_EFIRMA_DIR, la carpeta de las e.firmas con que se firma; o use --gateway")
