package app

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/queue"
	"github.com/pasarela-mx/pasarela/internal/sat"
	"github.com/pasarela-mx/pasarela/internal/sat/descargas"
	"github.com/pasarela-mx/pasarela/internal/sat/paquetes"
	"github.com/pasarela-mx/pasarela/internal/webhooks"
)

// shelf lends packages to the durable downloads.
type shelf struct{ *paquetes.Vault }

// Fetch implements descargas.Vault.
func (e shelf) Fetch(ctx context.Context, p gateway.Paquete) error {
	_, err := e.Vault.Fetch(ctx, p)
	return err
}

// Repeat implements descargas.Vault.
func (e shelf) Repeat(ctx context.Context, p gateway.Paquete, detail string) (descargas.Second, error) {
	s, err := e.Vault.Repeat(ctx, p, detail)
	return descargas.Second(s), err
}

// Read implements descargas.Opener.
func (e shelf) Read(ctx context.Context, p gateway.Paquete) (descargas.OpenPaquete, error) {
	return opened(e.Vault.Read(ctx, p))
}

// ReadDamaged implements descargas.Opener.
func (e shelf) ReadDamaged(ctx context.Context, p gateway.Paquete) (descargas.OpenPaquete, error) {
	return opened(e.Vault.ReadDamaged(ctx, p))
}

func opened(r paquetes.Reader, err error) (descargas.OpenPaquete, error) {
	if err != nil {
		return nil, err
	}
	return openPaquete{r}, nil
}

type openPaquete struct{ paquetes.Reader }

// Size implements descargas.OpenPaquete.
func (a openPaquete) Size() int64 { return a.Reader.Size }

// openDescargas wires the durable downloads.
func (a *App) openDescargas(backend *sat.Client, solicitudes *descargas.Solicitudes) {
	rows := descargas.Rows{
		Descargas:      a.store.Descargas,
		Tramos:         a.store.Tramos,
		TramosPaquetes: a.store.TramosPaquetes,
		Comprobantes:   a.store.Comprobantes,
		Paquetes:       a.store.Paquetes,
	}
	a.view = descargas.NewView(rows)
	a.reading = descargas.NewReading(rows, shelf{a.paquetes})
	a.descargas = descargas.New(descargas.Config{
		SAT:         backend,
		Solicitudes: solicitudes,
		Vault:       shelf{a.paquetes},
		Reader:      a.reading,
		Eraser:      a.paquetes,
		Store:       rows,
		View:        a.view,
		Cluster:     a.present,
		Wake:        a.jobQueue.Wake,
		EFirma:      backend.Usable,
		Now:         a.opts.Now,
		Clock:       a.clock,
		Log:         a.opts.Log,
		Step:        a.opts.Step,
		Publish:     a.publish,
		Pace: descargas.Pace{
			Min: a.cfg.Descargas.SondeoMinimo.Duration,
			Max: a.cfg.Descargas.SondeoMaximo.Duration,
		},
		Retencion: a.cfg.Descargas.Retencion.Duration,
	})
}

// openWebhooks opens what seals their secrets, and wires them.
func (a *App) openWebhooks() error {
	roots, err := authorities("GATEWAY_WEBHOOKS_CA_FILE", a.cfg.Webhooks.CAFile)
	if err != nil {
		return err
	}
	own := filepath.Join(a.cfg.DataDir, "secretos.key")
	if a.cfg.DatabaseURL != "" {
		// A key of this directory's own would be of no use to the other gateways.
		own = ""
	}
	sello := webhooks.NewSello(a.cfg.SecretsKeyFile, own)
	if a.cfg.SecretsKeyFile != "" {
		if err := sello.Confirm(); err != nil {
			return fmt.Errorf("GATEWAY_SECRETS_KEY_FILE: %w", err)
		}
	}
	a.webhooks = webhooks.New(webhooks.Config{
		Targets:  a.store.Webhooks,
		Entregas: a.store.Entregas,
		Sello:    sello,
		Wake:     a.jobQueue.Wake,
		Red:      webhooks.Red{Private: a.cfg.Webhooks.Privados, Ports: a.cfg.Webhooks.Puertos, Roots: roots},
		Now:      a.opts.Now,
		Clock:    a.clock,
		Random:   rand.Float64,
		Reach:    a.mayHear(),
		Observe:  a.metrics.Webhook,
		Log:      a.opts.Log,
	})
	return nil
}

// publish tells webhooks what became of a descarga.
func (a *App) publish(ctx context.Context, v descargas.Aviso) error {
	s := v.Descarga.Request.Solicitud
	data := webhooks.Data{IDDescarga: v.Descarga.ID, Servicio: string(s.Servicio), RFCSolicitante: s.RFCSolicitante,
		Estado: string(v.Descarga.Estado), IDPaquete: v.IDPaquete, MotivoCodigo: v.MotivoCodigo}
	if v.IDPaquete == "" {
		p := v.Descarga.Progreso
		data.Progreso = &webhooks.Progreso{NumeroCFDIs: p.NumeroCFDIs, Encontrados: p.Found, Repetidos: p.Repeated, Ilegibles: p.Fallas}
	}
	return a.webhooks.Publish(ctx, webhooks.Evento{Key: v.Key, Tipo: v.Tipo, Instant: v.When, Data: data})
}

// The hands: each kind of work has its own, so that packages of hours do not keep the
// SAT from being asked in time, nor slow receivers anybody else.
const (
	handsTramos   = 32
	handsPaquetes = 4
	handsWebhooks = 8
)

// The kinds of work, as metrics and the log name them.
const (
	deSolicitudes = "solicitudes"
	dePaquetes    = "paquetes"
	deWebhooks    = "webhooks"
)

const (
	// stepDeadline is how long a step of a solicitud has before it is told to end.
	stepDeadline = 4 * time.Minute
	// paqueteWait is how long a hand waits for its package before it lets others in;
	// the package goes on flying.
	paqueteWait = 3 * time.Minute
)

// work starts the queue.
func (a *App) work() {
	a.jobQueue.Start(queue.Jobs{
		Kinds: []queue.Work{
			queue.Kind[int64]{
				Name:  deSolicitudes,
				Hands: handsTramos,
				Limit: stepDeadline,
				Next:  a.store.Tramos.Due,
				Step:  a.descargas.AdvanceTramo,
			},
			queue.Kind[int64]{
				Name:  dePaquetes,
				Hands: handsPaquetes,
				Limit: paqueteWait,
				Next:  a.store.TramosPaquetes.Due,
				Step:  a.descargas.FetchPaquete,
			},
			queue.Kind[string]{
				Name:  deWebhooks,
				Hands: handsWebhooks,
				Limit: webhooks.Deadline,
				Next:  a.store.Entregas.Due,
				Step:  a.webhooks.Try,
			},
		},
		Rondas: queue.Rondas{
			Hold:     func(ctx context.Context) (bool, error) { return a.present.Hold(ctx, "ronda") },
			Let:      a.present.Let,
			TakeOver: a.descargas.TakeOver,
			Ronda:    a.ronda,
		},
		Now:        a.opts.Now,
		Poll:       a.opts.Queue.Poll,
		EveryRonda: a.opts.Queue.EveryRonda,
	})
}

// ronda does what is nobody's job, on one of the gateways that share a database.
func (a *App) ronda(ctx context.Context) error {
	if a.opts.Step != nil {
		a.opts.Step("ronda")
		defer a.opts.Step("ronda-hecha")
	}
	err := a.descargas.Ronda(ctx)
	errNear := a.webhooks.About(ctx)
	_, errPurge := a.webhooks.Purge(ctx)
	a.paquetes.Review()
	return errors.Join(err, errNear, errPurge, a.keepsTheTime(ctx))
}
