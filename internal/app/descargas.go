package app

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/pasarela-mx/pasarela/internal/cola"
	"github.com/pasarela-mx/pasarela/internal/descargas"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/paquetes"
)

// estante lends packages to the durable downloads.
type estante struct{ *paquetes.Almacen }

// Trae implements descargas.Almacen.
func (e estante) Trae(ctx context.Context, p gateway.Paquete) error {
	got, err := e.Abre(ctx, p)
	if err != nil {
		return err
	}
	if got.Guardado != nil {
		return got.Guardado.File.Close()
	}
	_, err = io.Copy(io.Discard, got.EnVuelo)
	return errors.Join(err, got.EnVuelo.Close())
}

// Lee implements descargas.Abridor.
func (e estante) Lee(ctx context.Context, p gateway.Paquete) (descargas.Abierto, error) {
	got, err := e.Abre(ctx, p)
	if err != nil {
		return nil, err
	}
	return archivo{got.Guardado.File, got.Guardado.Bytes}, nil
}

type archivo struct {
	*os.File
	bytes int64
}

// Size implements descargas.Abierto.
func (a archivo) Size() int64 { return a.bytes }

// motor wires the durable downloads.
func (a *App) motor(backend gateway.Solicitante, solicitudes *descargas.Solicitudes) *descargas.Motor {
	lectura := descargas.NewLectura(a.store, estante{a.paquetes})
	a.cola = cola.New(a.store, a.opts.Log)
	return descargas.New(descargas.Config{
		SAT: backend, Solicitudes: solicitudes, Almacen: estante{a.paquetes}, Lector: lectura, Store: a.store,
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
