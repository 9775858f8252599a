package descargas

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/pasarela-mx/pasarela/internal/clock"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// novedades gathers what a run has found, to write it in batches.
type novedades struct {
	ctx          context.Context //nolint:containedctx // the life of one count
	rows         store.Comprobantes
	programacion string
	corrida      string
	lote         []store.Novedad
}

const loteNovedades = 2000

func (n *novedades) add(uuid, estatus, fecha string) error {
	n.lote = append(n.lote, store.Novedad{UUID: uuid, Estatus: estatus, Fecha: inFormat(fecha)})
	if len(n.lote) < loteNovedades {
		return nil
	}
	return n.close()
}

func (n *novedades) close() error {
	err := n.rows.RecordNovedades(n.ctx, n.programacion, n.corrida, n.lote)
	n.lote = n.lote[:0]
	return err
}

// recurrentes starts the runs of recurrent descargas.
type recurrentes struct {
	rows   Rows
	clock  *clock.Clock
	create func(ctx context.Context, d store.Descarga, corrida bool) (bool, error)
	change func(ctx context.Context, id string, change func(*store.Change) error) error
}

// run starts the runs that are due: for each recurrent descarga that of today,
// and the XML behind the metadata that have come.
func (m *recurrentes) run(ctx context.Context) error {
	expired, err := m.rows.Descargas.Scheduled(ctx, m.clock.Earliest(), perRonda)
	for _, d := range expired {
		err = errors.Join(err, m.corrida(ctx, d))
	}
	pending, errXML := m.rows.Descargas.CorridasWithoutXML(ctx, perRonda)
	err = errors.Join(err, errXML)
	for _, d := range pending {
		err = errors.Join(err, m.corridaXML(ctx, d))
	}
	return err
}

// corrida makes the run of a recurrent descarga that is due: from where the last
// one ended, less the overlap, to the end of yesterday in Mexico. What its key
// says makes it one, however often it is tried.
func (m *recurrentes) corrida(ctx context.Context, d store.Descarga) error {
	p := *d.Request.Programacion
	ya := m.clock.Earliest()
	today := gateway.InMexico(ya)
	yesterday := time.Date(today.Year(), today.Month(), today.Day(), 0, 0, 0, 0, time.UTC).Add(-time.Second)
	since, aftermath, err := m.start(ctx, d, ya)
	if err != nil {
		return err
	}
	if since.Before(yesterday) && aftermath.Before(yesterday) {
		request := d.Request
		request.Programacion = nil
		request.Solicitud.TipoSolicitud, request.Solicitud.EstadoComprobante = gateway.TipoMetadata, gateway.EstadoTodos
		request.Solicitud.FechaInicial, request.Solicitud.FechaFinal = since.Format(gateway.FechaFormat), yesterday.Format(gateway.FechaFormat)
		withXML := d.Request.Solicitud.TipoSolicitud == gateway.TipoCFDI
		if err := m.child(ctx, d.ID, d.ID+"/"+request.Solicitud.FechaFinal, request, withXML); err != nil {
			return err
		}
	}
	upcoming := next(ya, p.Hora)
	return m.change(ctx, d.ID, func(c *store.Change) error {
		row := c.Descarga()
		if row.Estado.Final() {
			return nil
		}
		row.Request.Programacion.Next = upcoming
		c.Evento(gateway.EventoDescarga{Tipo: "corrida", Detalle: "Corrió hasta " + yesterday.Format(gateway.FechaFormat) + ". La siguiente: " + upcoming.UTC().Format(time.RFC3339) + "."})
		return nil
	})
}

// start is where the next run of a recurrent descarga begins, and what no run has asked
// for yet: the same but for the overlap.
func (m *recurrentes) start(ctx context.Context, d store.Descarga, ya time.Time) (since, aftermath time.Time, err error) {
	if since, err = time.Parse(gateway.FechaFormat, d.Request.Solicitud.FechaInicial); err != nil {
		return since, aftermath, err
	}
	// What lies further back than the SAT goes, tomorrow too, is not asked for.
	if limit := historyLimit(ya).AddDate(0, 0, 1); since.Before(limit) {
		since = limit
	}
	corridas, err := m.rows.Descargas.Corridas(ctx, d.ID, memoryCorridas)
	aftermath = covered(since, corridas)
	if review := aftermath.AddDate(0, 0, -d.Request.Programacion.Overlap); review.After(since) {
		since = review
	}
	return since, aftermath, err
}

// forgetNovedades removes what retired runs have yielded and no later one can meet again:
// it is older than what the next asks for, by a day, as ranges are widened by seconds.
func (m *recurrentes) forgetNovedades(ctx context.Context, programacion string) error {
	d, err := m.rows.Descargas.Get(ctx, programacion)
	if err != nil {
		return err
	}
	before := m.clock.Latest()
	if !d.Estado.Final() {
		if before, _, err = m.start(ctx, d, m.clock.Earliest()); err != nil {
			return err
		}
		before = before.AddDate(0, 0, -1)
	}
	return m.rows.Comprobantes.ForgetNovedades(ctx, programacion, before.Format(gateway.FechaFormat))
}

// memoryCorridas is how many runs back a gap is looked for: more than a year's.
const memoryCorridas = 400

// covered is the first second behind since that no run has asked for, or asks
// for: a run that failed leaves a gap, also when later ones did well. corridas
// are the latest; where that is not all, what lies before them is taken for covered.
func covered(since time.Time, corridas []store.Descarga) time.Time {
	rangos := make([]rango, 0, len(corridas))
	for _, c := range corridas {
		if r, err := readRango(c.Request.Solicitud.FechaInicial, c.Request.Solicitud.FechaFinal); err == nil {
			rangos = append(rangos, r)
		}
	}
	slices.SortFunc(rangos, func(a, b rango) int { return a.since.Compare(b.since) })
	aftermath := since
	if len(corridas) >= memoryCorridas && rangos[0].since.After(aftermath) {
		aftermath = rangos[0].since
	}
	for _, r := range rangos {
		if !r.since.After(aftermath) && r.until.After(aftermath) {
			aftermath = r.until.Add(time.Second)
		}
	}
	return aftermath
}

// child creates a run; nothing when its key has made it before.
func (m *recurrentes) child(ctx context.Context, programacion, key string, p gateway.PeticionDescarga, withXML bool) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	// Its key alone says which run it is: two may ask for the same range, and yield
	// other news.
	d := store.Descarga{Key: store.KeyCorrida + key, Digest: digest(p) + "/" + key, FollowXML: withXML}
	d.ID, d.IDProgramacion, d.Request, d.Estado = id.String(), programacion, p, gateway.DescargaEnCola
	d.Limit, d.Ceiling = p.Expire(m.clock.Latest())
	_, err = m.create(ctx, d, true)
	return err
}

// corridaXML makes the run that fetches the XML of what a run of metadata has
// found to be new and in force.
func (m *recurrentes) corridaXML(ctx context.Context, metadatos store.Descarga) error {
	scheduled, err := m.rows.Descargas.Get(ctx, metadatos.IDProgramacion)
	if err != nil {
		return err
	}
	since, until, howMany, err := m.rows.Comprobantes.NovedadesRango(ctx, metadatos.ID, "1")
	if err != nil {
		return err
	}
	if howMany > 0 && !scheduled.Estado.Final() {
		p := scheduled.Request
		p.Programacion, p.NovedadesDe = nil, metadatos.ID
		p.Solicitud.FechaInicial, p.Solicitud.FechaFinal = since, until
		if r, err := readRango(p.Solicitud.FechaInicial, p.Solicitud.FechaFinal); err != nil {
			return err
		} else if !r.until.After(r.since) {
			p.Solicitud.FechaInicial, p.Solicitud.FechaFinal = r.ask(false).texts()
		}
		if err := m.child(ctx, scheduled.ID, metadatos.ID+"/xml", p, false); err != nil {
			return err
		}
	}
	return m.rows.Descargas.MarkXML(ctx, metadatos.ID)
}

// maxCorrida is more than the time between two runs of a recurrent descarga.
const maxCorrida = 25 * time.Hour

// bringForward sets the next run of the recurrent descargas anew whose time a wrong clock
// has set.
func (m *recurrentes) bringForward(ctx context.Context) error {
	distant, err := m.rows.Descargas.ScheduledAfter(ctx, m.clock.Latest().Add(maxCorrida), perRonda)
	for _, d := range distant {
		err = errors.Join(err, m.change(ctx, d.ID, func(c *store.Change) error {
			if p := c.Descarga().Request.Programacion; p != nil && !c.Descarga().Estado.Final() {
				p.Next = next(m.clock.Latest(), p.Hora)
			}
			return c.Err()
		}))
	}
	return err
}

// next is the next time that it is hour, as "04:00", in central Mexico.
func next(now time.Time, hour string) time.Time {
	today := gateway.InMexico(now)
	h, err := time.Parse("15:04", hour)
	if err != nil {
		h = time.Time{} // validated; midnight otherwise
	}
	t := time.Date(today.Year(), today.Month(), today.Day(), h.Hour(), h.Minute(), 0, 0, today.Location())
	if !t.After(now) {
		t = t.AddDate(0, 0, 1)
	}
	return t
}
