package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// inform says how the descarga ended and what is in the folder, and returns the exit
// code.
func (d *download) inform(r result, folder string) error {
	var err error
	if d.inJSON {
		err = writeJSON(d.Out, r)
	} else {
		_, err = io.WriteString(d.Out, report(r, folder))
	}
	if err != nil {
		return err
	}
	switch {
	case r.Descarga.Estado == rest.EstadoDescargaParcial, r.Descarga.Estado == rest.EstadoDescargaTerminada && (len(r.Faltantes) > 0 || unreadable(r) > 0):
		// A complete descarga may have packages that the gateway has since removed, and
		// more documents than the SAT counted, some of them unreadable.
		return &errOutput{codigo: ExitPartial}
	case r.Descarga.Estado == rest.EstadoDescargaFallida:
		return &errOutput{codigo: ExitDescargaFailed}
	case r.Descarga.Estado == rest.EstadoDescargaCancelada:
		return &errOutput{codigo: ExitCancelled}
	}
	return nil
}

func report(r result, folder string) string {
	var b strings.Builder
	d := r.Descarga
	b.WriteString(howItEnded(d) + "\n")
	if d.Motivo != "" {
		fmt.Fprintf(&b, "  motivo    %s\n", d.Motivo)
	}
	for _, aviso := range d.Avisos {
		fmt.Fprintf(&b, "  aviso     %s\n", aviso)
	}
	for _, s := range d.Solicitudes {
		if s.Estado == string(gateway.TramoFallida) {
			decision := s.Decision
			if strings.Contains(d.Motivo, decision) {
				decision = "no vino"
			}
			fmt.Fprintf(&b, "  solicitud %d, de %s a %s: %s%s\n", s.Solicitud, s.Desde, s.Hasta, decision, codigosSAT(s))
		}
	}
	for _, f := range r.Faltantes {
		fmt.Fprintf(&b, "  falta     paquete %s, %s. %s\n", f.IDPaquete, f.Estado, f.Detalle)
	}
	fmt.Fprintf(&b, "  carpeta   %s\n", folder)
	for _, a := range r.Archivos {
		fmt.Fprintf(&b, "            %s, %s\n", a.Nombre, readableBytes(a.Bytes))
	}
	if x := r.XML; x != nil {
		fmt.Fprintf(&b, "            xml/, %s\n", plural(int64(x.Comprobantes), "comprobante", "comprobantes"))
	}
	if n := unreadable(r); n > 0 {
		file := "cfdis.csv"
		if d.TipoSolicitud == rest.TipoSolicitudMetadata {
			file = "metadatos.csv"
		}
		fmt.Fprintf(&b, "  aviso     %s; %s dice cuáles, en falla\n", plural(n, "entrada de los paquetes no se puede leer", "entradas de los paquetes no se pueden leer"), file)
	}
	if n := d.Progreso.Repetidos; n > 0 {
		fmt.Fprintf(&b, "  repetidos %s en los paquetes; no cuentan\n", plural(n, "viene de más", "vienen de más"))
	}
	fmt.Fprintf(&b, "  cuota     %s y %s del SAT\n", plural(int64(d.Cuota.SolicitudesPresentadas), "solicitud", "solicitudes"), plural(int64(d.Cuota.PaquetesServidos), "descarga de paquete", "descargas de paquetes"))
	return b.String()
}

// unreadable returns the number of unreadable entries: the gateway's count, or this
// program's if it is larger.
func unreadable(r result) int64 {
	n := r.Descarga.Progreso.Ilegibles
	if r.XML != nil {
		n = max(n, int64(r.XML.Ilegibles))
	}
	return n
}

func howItEnded(d rest.Descarga) string {
	has := plural(d.Progreso.Encontrados, "comprobante", "comprobantes")
	switch d.Estado {
	case rest.EstadoDescargaTerminada:
		return "Terminada: " + has + "."
	case rest.EstadoDescargaVacia:
		return "Vacía: el SAT no tiene comprobantes con esos datos."
	case rest.EstadoDescargaParcial:
		return fmt.Sprintf("Parcial: %s de %s; el resto no vendrá o no se puede leer.", has, humanize.Comma(d.Progreso.NumeroCFDIs))
	case rest.EstadoDescargaFallida:
		return "Fallida: no hay nada, ni vendrá. Corrija la causa y repita la orden con --nueva."
	}
	return "Cancelada: en la carpeta está lo que llegó, " + has + ". Con --nueva se pide otra."
}

// codigosSAT returns the SAT's codes of a solicitud with their meanings.
func codigosSAT(s rest.SolicitudDeDescarga) string {
	var b strings.Builder
	for _, c := range []struct {
		name   string
		codigo rest.CodigoSAT
	}{{"CodEstatus", s.CodEstatus}, {"EstadoSolicitud", s.EstadoSolicitud}, {"CodigoEstadoSolicitud", s.CodigoEstadoSolicitud}} {
		if c.codigo.Codigo != "" {
			fmt.Fprintf(&b, "\n            %s %s: %s", c.name, c.codigo.Codigo, c.codigo.Descripcion)
		}
	}
	if s.Mensaje != "" {
		fmt.Fprintf(&b, "\n            el SAT dijo: %s", s.Mensaje)
	}
	return b.String()
}
