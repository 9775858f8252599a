package handlers

import (
	"net/url"
	"time"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// descarga converts a descarga to the contract's form.
func descarga(d gateway.Descarga) rest.Descarga {
	s := d.Request.Solicitud
	out := rest.Descarga{
		IDDescarga: d.ID, Estado: rest.EstadoDescarga(d.Estado), Servicio: rest.Servicio(s.Servicio), RFCSolicitante: s.RFCSolicitante,
		TipoDescarga: rest.SentidoDescarga(s.TipoDescarga), TipoSolicitud: rest.TipoSolicitud(s.TipoSolicitud),
		FechaInicial: s.FechaInicial, FechaFinal: s.FechaFinal, RFCEmisor: s.RFCEmisor, RFCReceptores: s.RFCReceptores,
		EstadoComprobante: rest.EstadoComprobante(s.EstadoComprobante), TipoComprobante: rest.TipoComprobante(s.TipoComprobante),
		Complemento: s.Complemento, RFCACuentaTerceros: s.RFCACuentaTerceros, PlazoHoras: int(d.Request.Deadline / time.Hour),
		IDProgramacion: d.IDProgramacion, Creacion: d.Created.UTC(), Actualizacion: d.Updated.UTC(), PlazoVence: utc(d.Limit),
		Termino: utc(d.Finished), SiguienteIntento: utc(d.SiguienteIntento), Motivo: d.Motivo, MotivoCodigo: d.MotivoCodigo, Progreso: progreso(d.Progreso),
		Cuota: rest.CuotaDescarga{SolicitudesPresentadas: d.Cuota.Solicitudes, PaquetesServidos: d.Cuota.Descargas}, Avisos: s.Avisos(),
	}
	if p := d.Request.Programacion; p != nil {
		out.Programacion = &rest.Programacion{Hora: p.Hora, TraslapeDias: p.Overlap, SiguienteCorrida: utc(p.Next)}
		out.PlazoVence = time.Time{} // each of its runs has its own
	}
	for _, t := range d.Solicitudes {
		out.Solicitudes = append(out.Solicitudes, tramo(t))
	}
	return out
}

// utc keeps the zero time zero, so that it is omitted.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

func progreso(p gateway.Progreso) rest.ProgresoDescarga {
	return rest.ProgresoDescarga{
		Porcentaje: p.Percentage, TotalSolicitudes: p.Solicitudes, SolicitudesTerminadas: p.SolicitudesTerminadas,
		TotalPaquetes: p.Paquetes, PaquetesGuardados: p.PaquetesGuardados, Bytes: p.Bytes,
		NumeroCFDIs: p.NumeroCFDIs, Encontrados: p.Found, Repetidos: p.Repeated, Ilegibles: p.Fallas,
	}
}

// tramo converts a solicitud, with the SAT's three codes and their meanings.
func tramo(t gateway.Tramo) rest.SolicitudDeDescarga {
	return rest.SolicitudDeDescarga{
		Solicitud: t.Number, Origen: t.Origin, Estado: rest.EstadoSolicitudDeDescarga(t.Estado),
		Desde: t.Since, Hasta: t.Until, PideDesde: t.PideDesde, PideHasta: t.PideHasta, IDSolicitud: t.IDSolicitud,
		CodEstatus:            rest.CodigoSAT(gateway.CodigoSAT(t.CodEstatus)),
		EstadoSolicitud:       rest.CodigoSAT(gateway.EstadoSAT(t.EstadoSolicitud)),
		CodigoEstadoSolicitud: rest.CodigoSAT(gateway.CodigoSAT(t.CodigoEstadoSolicitud)),
		Mensaje:               t.Mensaje, NumeroCFDIs: t.NumeroCFDIs, Presentaciones: t.Presentations, Consultas: t.Queries,
		Presentacion: utc(t.Submitted), SiguienteIntento: utc(t.SiguienteIntento), Decision: t.Decision, MotivoCodigo: t.MotivoCodigo,
	}
}

func evento(e gateway.EventoDescarga) rest.EventoDeDescarga {
	return rest.EventoDeDescarga{
		Numero: e.Number, Cuando: e.When.UTC(), Tipo: e.Tipo, Detalle: e.Detalle, Solicitud: e.Tramo,
		Codigo: e.Codigo, Mensaje: e.Mensaje, Estado: rest.EstadoDescarga(e.Estado),
	}
}

func descargaPaquete(p gateway.PaqueteDescarga) rest.PaqueteDeDescarga {
	out := rest.PaqueteDeDescarga{
		IDPaquete: p.Paquete.IDPaquete, Solicitud: p.Tramo, Estado: rest.EstadoPaqueteDeDescarga(p.Estado), Bytes: p.Bytes,
		Sha256: p.SHA256, VecesServido: p.Descargas, Llegada: utc(p.Saved), Detalle: p.Detalle, MotivoCodigo: p.MotivoCodigo,
		Comprobantes: counted(p.Comprobantes), Repetidos: p.Repeated, Ilegibles: counted(p.Fallas),
	}
	out.Dudoso = p.Dubious != ""
	// Only a stored package costs nothing to fetch.
	kept := p.Estado == gateway.PaqueteGuardado || p.Estado == gateway.PaquetePerdido && p.Broken && !p.Damaged
	if kept {
		out.URL = "/v1/sat/" + string(p.Paquete.Servicio) + "/paquetes/" + url.PathEscape(p.Paquete.IDPaquete) +
			"?rfcSolicitante=" + url.QueryEscape(p.Paquete.RFCSolicitante)
	}
	if kept && p.Broken {
		out.URL += "&dudoso=true"
	}
	return out
}

// counted returns nil for a count that is not known yet.
func counted(n int64) *int64 {
	if n < 0 {
		return nil
	}
	return &n
}
