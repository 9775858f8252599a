package app

import (
	"context"

	"github.com/pasarela-mx/pasarela/internal/cola"
	"github.com/pasarela-mx/pasarela/internal/descargas"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/paquetes"
)

// estante lends packages to the durable downloads.
type estante struct{ *paquetes.Almacen }

// Trae implements descargas.Almacen.
func (e estante) Trae(ctx context.Context, p gateway.Paquete) error {
	_, err := e.Almacen.Trae(ctx, p)
	return err
}

// Lee implements descargas.Abridor.
func (e estante) Lee(ctx context.Context, p gateway.Paquete) (descargas.Abierto, error) {
	r, err := e.Almacen.Lee(ctx, p)
	if err != nil {
		return nil, err
	}
	return abierto{r}, nil
}

type abierto struct{ paquetes.Lector }

// Size implements descargas.Abierto.
func (a abierto) Size() int64 { return a.Lector.Size }

// motor wires the durable downloads.
func (a *App) motor(backend gateway.Solicitante, solicitudes *descargas.Solicitudes) *descargas.Motor {
	lectura := descargas.NewLectura(a.store, estante{a.paquetes})
	a.cola = cola.New(a.store, a.opts.Log)
	return descargas.New(descargas.Config{
		SAT: backend, Solicitudes: solicitudes, Almacen: estante{a.paquetes}, Lector: lectura, Borrador: a.paquetes, Store: a.store,
		Presencia: a.presente, Encolador: a.cola, Now: a.opts.Now, Log: a.opts.Log, Paso: a.opts.Paso,
		Ritmo:     descargas.Ritmo{Minimo: a.cfg.Descargas.SondeoMinimo.Duration, Maximo: a.cfg.Descargas.SondeoMaximo.Duration},
		Retencion: a.cfg.Descargas.Retencion.Duration,
	})
}

// despierta starts the queue. Where no other gateway shares the database, what
// an earlier process left is taken over at once.
func (a *App) despierta(ctx context.Context) error {
	trabajos := cola.Trabajos{Motor: a.descargas, Ronda: a.descargas.Ronda, Now: a.opts.Now, Sondeo: a.opts.Cola.Sondeo, CadaRonda: a.opts.Cola.CadaRonda}
	if err := a.cola.Start(ctx, trabajos); err != nil {
		return err
	}
	if a.store.Postgres() {
		return nil
	}
	return a.descargas.Releva(ctx, 0)
}
