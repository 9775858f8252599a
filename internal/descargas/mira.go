package descargas

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// Descarga returns a descarga with its solicitudes.
func (m *Motor) Descarga(ctx context.Context, id string) (gateway.Descarga, error) {
	d, err := m.cfg.Store.Descarga(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return gateway.Descarga{}, ErrNoExiste
	}
	if err != nil {
		return gateway.Descarga{}, interno(err)
	}
	tramos, err := m.cfg.Store.Tramos(ctx, id)
	if err != nil {
		return gateway.Descarga{}, interno(err)
	}
	for _, t := range tramos {
		d.Solicitudes = append(d.Solicitudes, t.Tramo)
	}
	todas := []store.Descarga{d}
	if err := m.completa(ctx, todas); err != nil {
		return gateway.Descarga{}, err
	}
	return todas[0].Descarga, nil
}

// Lista returns a page of descargas, the newest first, without their solicitudes,
// and the cursor of the page behind it; empty at the end.
func (m *Motor) Lista(ctx context.Context, f gateway.FiltroDescargas) ([]gateway.Descarga, string, error) {
	filas, siguiente, err := m.cfg.Store.ListaDescargas(ctx, f)
	if errors.Is(err, store.ErrCursor) {
		return nil, "", errCursor
	}
	if err != nil {
		return nil, "", interno(err)
	}
	if err := m.completa(ctx, filas); err != nil {
		return nil, "", err
	}
	out := make([]gateway.Descarga, len(filas))
	for i, d := range filas {
		out[i] = d.Descarga
	}
	return out, siguiente, nil
}

// completa fills in what is counted.
func (m *Motor) completa(ctx context.Context, filas []store.Descarga) error {
	ids := make([]string, len(filas))
	for i, d := range filas {
		ids[i] = d.ID
	}
	avances, err := m.cfg.Store.Avances(ctx, ids)
	if err != nil {
		return interno(err)
	}
	for i := range filas {
		d := &filas[i]
		a := avances[d.ID]
		d.Progreso, d.Cuota, d.SiguienteIntento = a.Progreso, a.Cuota, a.Siguiente
		if p := d.Peticion.Programacion; p != nil {
			d.SiguienteIntento = p.Siguiente
		}
		if d.Estado.Final() {
			d.Progreso.Porcentaje, d.SiguienteIntento = 100, time.Time{}
		}
	}
	return nil
}

// Eventos returns up to limite lines of the ledger behind the number despues.
func (m *Motor) Eventos(ctx context.Context, id string, despues int64, limite int) ([]gateway.EventoDescarga, error) {
	eventos, err := m.cfg.Store.Eventos(ctx, id, despues, limite)
	if err != nil {
		return nil, interno(err)
	}
	if len(eventos) == 0 {
		if _, _, err := m.cfg.Store.UltimoEvento(ctx, id); errors.Is(err, store.ErrNotFound) {
			return nil, ErrNoExiste
		}
	}
	return eventos, nil
}

// UltimoEvento returns the number of the ledger's last line; 0 for none.
func (m *Motor) UltimoEvento(ctx context.Context, id string) (int64, error) {
	ultimo, _, err := m.cfg.Store.UltimoEvento(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return 0, ErrNoExiste
	case err != nil:
		return 0, interno(err)
	}
	return ultimo, nil
}

// Cuenta counts descargas by state, as store.CuentaDescargas does.
func (m *Motor) Cuenta(ctx context.Context, f gateway.FiltroDescargas) (map[gateway.EstadoDescarga]int, error) {
	cuentas, err := m.cfg.Store.CuentaDescargas(ctx, f)
	if err != nil {
		return nil, interno(err)
	}
	return cuentas, nil
}

// vistazo is how long news of another gateway may take to be heard.
const vistazo = time.Second

// EsperaEvento returns when there is an event behind the number despues, or the
// descarga has ended; or ctx's error.
func (m *Motor) EsperaEvento(ctx context.Context, id string, despues int64) error {
	oye, calla := m.oye(id)
	defer calla()
	reloj := time.NewTicker(vistazo)
	defer reloj.Stop()
	for {
		ultimo, terminada, err := m.cfg.Store.UltimoEvento(ctx, id)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, store.ErrNotFound):
			return ErrNoExiste
		case err != nil:
			return interno(err)
		case terminada || ultimo > despues:
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-oye:
		case <-reloj.C:
		}
	}
}

// oye returns a channel that hears of this process's changes of a descarga until
// calla is called.
func (m *Motor) oye(id string) (oye <-chan struct{}, calla func()) {
	c := make(chan struct{}, 1)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.oyentes[id] = append(m.oyentes[id], c)
	return c, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		quedan := m.oyentes[id][:0]
		for _, otro := range m.oyentes[id] {
			if otro != c {
				quedan = append(quedan, otro)
			}
		}
		if m.oyentes[id] = quedan; len(quedan) == 0 {
			delete(m.oyentes, id)
		}
	}
}

func (m *Motor) avisa(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.oyentes[id] {
		select {
		case c <- struct{}{}:
		default: // it has news to look at already
		}
	}
}

// errCursor says that a cursor is none of ours.
var errCursor = &gateway.Error{Kind: gateway.KindMalformada, Own: gateway.OwnCursorAjeno, Detail: "El cursor no es uno que haya dado esta pasarela.",
	Campos: []gateway.Campo{{Campo: "cursor", Detalle: "Use el de la página anterior, tal cual."}}}

// detalleDanado says what can be done with a damaged package.
const detalleDanado = "Lo que hay en el almacén ya no son los bytes que llegaron del SAT, o no está. Restaure el archivo de un respaldo, o pida el mismo rango en una descarga nueva."

// Paquetes returns a page of a descarga's packages in the order in which the SAT
// named them, and the cursor of the page behind it; empty at the end.
func (m *Motor) Paquetes(ctx context.Context, id, cursor string, limite int) ([]gateway.PaqueteDescarga, string, error) {
	var despues int64
	if cursor != "" {
		var err error
		if despues, err = strconv.ParseInt(cursor, 10, 64); err != nil {
			return nil, "", errCursor
		}
	}
	filas, err := m.cfg.Store.PaquetesDeDescarga(ctx, id, despues, limite+1)
	if err != nil {
		return nil, "", interno(err)
	}
	if len(filas) == 0 {
		if _, _, err := m.cfg.Store.UltimoEvento(ctx, id); errors.Is(err, store.ErrNotFound) {
			return nil, "", ErrNoExiste
		}
	}
	siguiente := ""
	if len(filas) > limite {
		filas = filas[:limite]
		siguiente = strconv.FormatInt(filas[limite-1].Numero, 10)
	}
	out := make([]gateway.PaqueteDescarga, len(filas))
	for i, p := range filas {
		out[i] = p.PaqueteDescarga
		if p.Danado && p.Estado == gateway.PaqueteGuardado {
			out[i].Estado, out[i].Detalle, out[i].MotivoCodigo = gateway.PaqueteDanado, detalleDanado, string(gateway.OwnPaqueteDanado)
		}
	}
	return out, siguiente, nil
}
