package descargas

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// novedades gathers what a run has found, to write it in batches.
type novedades struct {
	ctx          context.Context //nolint:containedctx // the life of one count
	store        *store.Store
	programacion string
	corrida      string
	lote         []store.Novedad
}

const loteNovedades = 2000

func (m *Motor) novedades(ctx context.Context, d store.Descarga) *novedades {
	return &novedades{ctx: ctx, store: m.cfg.Store, programacion: d.IDProgramacion, corrida: d.ID}
}

func (n *novedades) agrega(uuid, estatus, fecha string) error {
	n.lote = append(n.lote, store.Novedad{UUID: uuid, Estatus: estatus, Fecha: enFormato(fecha)})
	if len(n.lote) < loteNovedades {
		return nil
	}
	return n.cierra()
}

func (n *novedades) cierra() error {
	err := n.store.AnotaNovedades(n.ctx, n.programacion, n.corrida, n.lote)
	n.lote = n.lote[:0]
	return err
}

// corre starts the runs that are due: for each recurrent descarga that of today,
// and the XML behind the metadata that have come.
func (m *Motor) corre(ctx context.Context) error {
	vencidas, err := m.cfg.Store.Programadas(ctx, m.cfg.Clock.Earliest(), porRonda)
	for _, d := range vencidas {
		err = errors.Join(err, m.corrida(ctx, d))
	}
	pendientes, errXML := m.cfg.Store.CorridasSinXML(ctx, porRonda)
	err = errors.Join(err, errXML)
	for _, d := range pendientes {
		err = errors.Join(err, m.corridaXML(ctx, d))
	}
	return err
}

// corrida makes the run of a recurrent descarga that is due: from where the last
// one ended, less the overlap, to the end of yesterday in Mexico. What its key
// says makes it one, however often it is tried.
func (m *Motor) corrida(ctx context.Context, d store.Descarga) error {
	p := *d.Peticion.Programacion
	ya := m.cfg.Clock.Earliest()
	hoy := gateway.EnMexico(ya)
	ayer := time.Date(hoy.Year(), hoy.Month(), hoy.Day(), 0, 0, 0, 0, time.UTC).Add(-time.Second)
	desde, sigue, err := m.inicia(ctx, d, ya)
	if err != nil {
		return err
	}
	if desde.Before(ayer) && sigue.Before(ayer) {
		peticion := d.Peticion
		peticion.Programacion = nil
		peticion.Solicitud.TipoSolicitud, peticion.Solicitud.EstadoComprobante = gateway.TipoMetadata, gateway.EstadoTodos
		peticion.Solicitud.FechaInicial, peticion.Solicitud.FechaFinal = desde.Format(gateway.FormatoFecha), ayer.Format(gateway.FormatoFecha)
		conXML := d.Peticion.Solicitud.TipoSolicitud == gateway.TipoCFDI
		if err := m.hija(ctx, d.ID, d.ID+"/"+peticion.Solicitud.FechaFinal, peticion, conXML); err != nil {
			return err
		}
	}
	siguiente := proxima(ya, p.Hora)
	return m.cambia(ctx, d.ID, func(c *store.Cambio) error {
		fila := c.Descarga()
		if fila.Estado.Final() {
			return nil
		}
		fila.Peticion.Programacion.Siguiente = siguiente
		c.Evento(gateway.EventoDescarga{Tipo: "corrida", Detalle: "Corrió hasta " + ayer.Format(gateway.FormatoFecha) + ". La siguiente: " + siguiente.UTC().Format(time.RFC3339) + "."})
		return nil
	})
}

// inicia is where the next run of a recurrent descarga begins, and what no run has asked
// for yet: the same but for the overlap.
func (m *Motor) inicia(ctx context.Context, d store.Descarga, ya time.Time) (desde, sigue time.Time, err error) {
	if desde, err = time.Parse(gateway.FormatoFecha, d.Peticion.Solicitud.FechaInicial); err != nil {
		return desde, sigue, err
	}
	// What lies further back than the SAT goes, tomorrow too, is not asked for.
	if limite := limiteHistoria(ya).AddDate(0, 0, 1); desde.Before(limite) {
		desde = limite
	}
	corridas, err := m.cfg.Store.Corridas(ctx, d.ID, memoriaCorridas)
	sigue = cubierto(desde, corridas)
	if repaso := sigue.AddDate(0, 0, -d.Peticion.Programacion.Traslape); repaso.After(desde) {
		desde = repaso
	}
	return desde, sigue, err
}

// olvidaNovedades removes what retired runs have yielded and no later one can meet again:
// it is older than what the next asks for, by a day, as ranges are widened by seconds.
func (m *Motor) olvidaNovedades(ctx context.Context, programacion string) error {
	d, err := m.cfg.Store.Descarga(ctx, programacion)
	if err != nil {
		return err
	}
	antes := m.cfg.Clock.Latest()
	if !d.Estado.Final() {
		if antes, _, err = m.inicia(ctx, d, m.cfg.Clock.Earliest()); err != nil {
			return err
		}
		antes = antes.AddDate(0, 0, -1)
	}
	return m.cfg.Store.OlvidaNovedades(ctx, programacion, antes.Format(gateway.FormatoFecha))
}

// memoriaCorridas is how many runs back a gap is looked for: more than a year's.
const memoriaCorridas = 400

// cubierto is the first second behind desde that no run has asked for, or asks
// for: a run that failed leaves a gap, also when later ones did well. corridas
// are the latest; where that is not all, what lies before them is taken for covered.
func cubierto(desde time.Time, corridas []store.Descarga) time.Time {
	rangos := make([]rango, 0, len(corridas))
	for _, c := range corridas {
		if r, err := leeRango(c.Peticion.Solicitud.FechaInicial, c.Peticion.Solicitud.FechaFinal); err == nil {
			rangos = append(rangos, r)
		}
	}
	slices.SortFunc(rangos, func(a, b rango) int { return a.desde.Compare(b.desde) })
	sigue := desde
	if len(corridas) >= memoriaCorridas && rangos[0].desde.After(sigue) {
		sigue = rangos[0].desde
	}
	for _, r := range rangos {
		if !r.desde.After(sigue) && r.hasta.After(sigue) {
			sigue = r.hasta.Add(time.Second)
		}
	}
	return sigue
}

// hija creates a run; nothing when its key has made it before.
func (m *Motor) hija(ctx context.Context, programacion, clave string, p gateway.PeticionDescarga, conXML bool) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	// Its key alone says which run it is: two may ask for the same range, and yield
	// other news.
	d := store.Descarga{Clave: store.ClaveCorrida + clave, Huella: huella(p) + "/" + clave, SigueXML: conXML}
	d.ID, d.IDProgramacion, d.Peticion, d.Estado = id.String(), programacion, p, gateway.DescargaEnCola
	d.Limite, d.Tope = p.Vence(m.cfg.Clock.Latest())
	_, err = m.crea(ctx, d, true)
	return err
}

// corridaXML makes the run that fetches the XML of what a run of metadata has
// found to be new and in force.
func (m *Motor) corridaXML(ctx context.Context, metadatos store.Descarga) error {
	programada, err := m.cfg.Store.Descarga(ctx, metadatos.IDProgramacion)
	if err != nil {
		return err
	}
	desde, hasta, cuantas, err := m.cfg.Store.RangoDeNovedades(ctx, metadatos.ID, "1")
	if err != nil {
		return err
	}
	if cuantas > 0 && !programada.Estado.Final() {
		p := programada.Peticion
		p.Programacion, p.NovedadesDe = nil, metadatos.ID
		p.Solicitud.FechaInicial, p.Solicitud.FechaFinal = desde, hasta
		if r, err := leeRango(p.Solicitud.FechaInicial, p.Solicitud.FechaFinal); err != nil {
			return err
		} else if !r.hasta.After(r.desde) {
			p.Solicitud.FechaInicial, p.Solicitud.FechaFinal = r.pide(false).textos()
		}
		if err := m.hija(ctx, programada.ID, metadatos.ID+"/xml", p, false); err != nil {
			return err
		}
	}
	return m.cfg.Store.MarcaXML(ctx, metadatos.ID)
}

// proxima is the next time that it is hora, as "04:00", in central Mexico.
func proxima(now time.Time, hora string) time.Time {
	hoy := gateway.EnMexico(now)
	h, err := time.Parse("15:04", hora)
	if err != nil {
		h = time.Time{} // validated; midnight otherwise
	}
	t := time.Date(hoy.Year(), hoy.Month(), hoy.Day(), h.Hour(), h.Minute(), 0, 0, hoy.Location())
	if !t.After(now) {
		t = t.AddDate(0, 0, 1)
	}
	return t
}
