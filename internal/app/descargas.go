package app

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/pasarela-mx/pasarela/internal/backends/sat"
	"github.com/pasarela-mx/pasarela/internal/cola"
	"github.com/pasarela-mx/pasarela/internal/descargas"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/paquetes"
	"github.com/pasarela-mx/pasarela/internal/webhooks"
)

// estante lends packages to the durable downloads.
type estante struct{ *paquetes.Almacen }

// Trae implements descargas.Almacen.
func (e estante) Trae(ctx context.Context, p gateway.Paquete) error {
	_, err := e.Almacen.Trae(ctx, p)
	return err
}

// Repite implements descargas.Almacen.
func (e estante) Repite(ctx context.Context, p gateway.Paquete, detalle string) (descargas.Segunda, error) {
	s, err := e.Almacen.Repite(ctx, p, detalle)
	return descargas.Segunda(s), err
}

// Lee implements descargas.Abridor.
func (e estante) Lee(ctx context.Context, p gateway.Paquete) (descargas.Abierto, error) {
	return abre(e.Almacen.Lee(ctx, p))
}

// LeeDanado implements descargas.Abridor.
func (e estante) LeeDanado(ctx context.Context, p gateway.Paquete) (descargas.Abierto, error) {
	return abre(e.Almacen.LeeDanado(ctx, p))
}

func abre(r paquetes.Lector, err error) (descargas.Abierto, error) {
	if err != nil {
		return nil, err
	}
	return abierto{r}, nil
}

type abierto struct{ paquetes.Lector }

// Size implements descargas.Abierto.
func (a abierto) Size() int64 { return a.Lector.Size }

// motor wires the durable downloads.
func (a *App) motor(backend *sat.Client, solicitudes *descargas.Solicitudes) *descargas.Motor {
	a.lectura = descargas.NewLectura(a.store, estante{a.paquetes})
	return descargas.New(descargas.Config{
		SAT: backend, Solicitudes: solicitudes, Almacen: estante{a.paquetes}, Lector: a.lectura, Borrador: a.paquetes, Store: a.store,
		Presencia: a.presente, Wake: a.cola.Wake, EFirma: backend.Usable, Now: a.opts.Now, Clock: a.clock, Log: a.opts.Log, Paso: a.opts.Paso, Publica: a.publica,
		Ritmo:     descargas.Ritmo{Minimo: a.cfg.Descargas.SondeoMinimo.Duration, Maximo: a.cfg.Descargas.SondeoMaximo.Duration},
		Retencion: a.cfg.Descargas.Retencion.Duration,
	})
}

// openWebhooks opens what seals their secrets, and wires them.
func (a *App) openWebhooks() error {
	raices, err := authorities("GATEWAY_WEBHOOKS_CA_FILE", a.cfg.Webhooks.CAFile)
	if err != nil {
		return err
	}
	propia := filepath.Join(a.cfg.DataDir, "secretos.key")
	if a.cfg.DatabaseURL != "" {
		// A key of this directory's own would be of no use to the other gateways.
		propia = ""
	}
	sello := webhooks.NewSello(a.cfg.SecretsKeyFile, propia)
	if a.cfg.SecretsKeyFile != "" {
		if err := sello.Comprueba(); err != nil {
			return fmt.Errorf("GATEWAY_SECRETS_KEY_FILE: %w", err)
		}
	}
	a.webhooks = webhooks.New(webhooks.Config{
		Store: a.store, Sello: sello, Wake: a.cola.Wake,
		Red: webhooks.Red{Privados: a.cfg.Webhooks.Privados, Puertos: a.cfg.Webhooks.Puertos, Raices: raices},
		Now: a.opts.Now, Clock: a.clock, Azar: rand.Float64, Alcanza: a.mayHear(), Observa: a.metrics.Webhook, Log: a.opts.Log,
	})
	return nil
}

// publica tells webhooks what became of a descarga.
func (a *App) publica(ctx context.Context, v descargas.Aviso) error {
	s := v.Descarga.Peticion.Solicitud
	datos := webhooks.Datos{IDDescarga: v.Descarga.ID, Servicio: string(s.Servicio), RFCSolicitante: s.RFCSolicitante,
		Estado: string(v.Descarga.Estado), IDPaquete: v.IDPaquete, MotivoCodigo: v.MotivoCodigo}
	if v.IDPaquete == "" {
		p := v.Descarga.Progreso
		datos.Progreso = &webhooks.Progreso{NumeroCFDIs: p.NumeroCFDIs, Encontrados: p.Encontrados, Repetidos: p.Repetidos, Ilegibles: p.Fallas}
	}
	return a.webhooks.Publica(ctx, webhooks.Evento{Clave: v.Clave, Tipo: v.Tipo, Instante: v.Cuando, Datos: datos})
}

// The hands: each kind of work has its own, so that packages of hours do not keep the
// SAT from being asked in time, nor slow receivers anybody else.
const (
	manosTramos   = 32
	manosPaquetes = 4
	manosWebhooks = 8
)

// The kinds of work, as metrics and the log name them.
const (
	deSolicitudes = "solicitudes"
	dePaquetes    = "paquetes"
	deWebhooks    = "webhooks"
)

const (
	// plazoPaso is how long a step of a solicitud has before it is told to end.
	plazoPaso = 4 * time.Minute
	// esperaPaquete is how long a hand waits for its package before it lets others in;
	// the package goes on flying.
	esperaPaquete = 3 * time.Minute
)

// trabaja starts the queue.
func (a *App) trabaja() {
	a.cola.Start(cola.Trabajos{
		Kinds: []cola.Work{
			cola.Kind[int64]{Name: deSolicitudes, Hands: manosTramos, Limit: plazoPaso, Next: a.store.DueTramos, Step: a.descargas.AvanzaTramo},
			cola.Kind[int64]{Name: dePaquetes, Hands: manosPaquetes, Limit: esperaPaquete, Next: a.store.DuePaquetes, Step: a.descargas.TraePaquete},
			cola.Kind[string]{Name: deWebhooks, Hands: manosWebhooks, Limit: webhooks.Plazo, Next: a.store.DueEntregas, Step: a.webhooks.Intenta},
		},
		Rondas: cola.Rondas{
			Ocupa: func(ctx context.Context) (bool, error) { return a.presente.Ocupa(ctx, "ronda") }, Deja: a.presente.Deja,
			Releva: a.descargas.Releva, Ronda: a.ronda,
		},
		Now: a.opts.Now, Sondeo: a.opts.Cola.Sondeo, CadaRonda: a.opts.Cola.CadaRonda,
	})
}

// ronda does what is nobody's job, on one of the gateways that share a database.
func (a *App) ronda(ctx context.Context) error {
	if a.opts.Paso != nil {
		a.opts.Paso("ronda")
		defer a.opts.Paso("ronda-hecha")
	}
	err := a.descargas.Ronda(ctx)
	errAcerca := a.webhooks.Acerca(ctx)
	_, errPurga := a.webhooks.Purga(ctx)
	a.paquetes.Repasa()
	return errors.Join(err, errAcerca, errPurga, a.keepsTheTime(ctx))
}
