package main

import (
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/pasarela-mx/pasarela/bench/ref"
	"github.com/pasarela-mx/pasarela/internal/store/pgtest"
)

// The goals of section 4 that are about jobs.
const (
	goalSondeo  = 1.0   // ms of CPU, without RSA
	goalTarde   = 2.0   // seconds
	goalVivas   = 200.0 // MiB
	goalPorCual = 1.2   // the cost of one among many over that of one among few
)

const (
	// pocasDe is how many times fewer the few are; they are asked so much more
	// often, so that both make the same load.
	pocasDe = 10
	// reposo is what polls are given to come beyond their time before the window.
	reposo     = 3 * time.Second
	cadaFirma  = 50 * time.Millisecond
	creadores  = 8
	llamaVerif = "VerificaSolicitudDescarga"
)

// trabajos measures live descargas whose requests stay in process at the SAT, the
// sandbox, on SQLite and on PostgreSQL.
func trabajos(ctx context.Context, b *bench) ([]row, error) {
	var rows []row
	for _, base := range []string{"SQLite", "PostgreSQL"} {
		n, cada := b.plan.vivas, b.plan.sondeo
		pocas, err := vivas(ctx, b, base, n/pocasDe, cada/pocasDe)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", base, err)
		}
		muchas, err := vivas(ctx, b, base, n, cada)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", base, err)
		}
		rows = append(rows, muchas.rows(base, pocas)...)
	}
	return rows, nil
}

// sondeos is what a window of polls came to. CPU is in seconds.
type sondeos struct {
	vivas       int
	cada        time.Duration
	hechos      int
	debidos     float64
	cpu, simple float64   // of a poll and of a plain Verifica, with their signature
	rsa         float64   // of one signature by crypto/rsa
	servidor    float64   // of the database's own processes, per poll
	tarde       []float64 // seconds after its time, of each
	peak        float64   // MiB
}

func (s sondeos) sinRSA() float64 { return s.cpu - s.rsa }

func (s sondeos) rows(base string, pocas sondeos) []row {
	que := fmt.Sprintf("%s, %d live descargas: ", base, s.vivas)
	menos := fmt.Sprintf("%d: %s", pocas.vivas, millis(pocas.sinRSA()))
	simple := s.simple - s.rsa
	return []row{
		info(que+"polls, one each "+s.cada.String(), fmt.Sprintf("%.0f/s, %.1f %% of those due", float64(s.vivas)/s.cada.Seconds(), 100*float64(s.hechos)/s.debidos)),
		{que + "CPU per poll, signature and all", millis(s.cpu), "crypto/rsa " + millis(s.rsa), fmt.Sprintf("%.2f", s.cpu/s.rsa), "", ""},
		{"**" + que + "CPU per poll without crypto/rsa's**", millis(s.sinRSA()), "plain Verifica by REST " + millis(simple), fmt.Sprintf("%.2f", s.sinRSA()/simple),
			fmt.Sprintf("≤ %.1f ms", goalSondeo), yes(s.sinRSA()*1e3 <= goalSondeo)},
		against(que+"the same over that of "+strconv.Itoa(pocas.vivas)+" at the same rate", millis(s.sinRSA()), menos, s.sinRSA()/pocas.sinRSA(), goalPorCual),
		info(que+"late, p50 / max", fmt.Sprintf("%.2f s / %.2f s", quantile(s.tarde, .5), quantile(s.tarde, 1))),
		atMost("**"+que+"late, p99, s**", quantile(s.tarde, .99), goalTarde, "%.2f"),
		atMost(que+"peak memory, MiB", s.peak, goalVivas, "%.0f"),
		info(que+"the database server's CPU per poll", servidor(s.servidor)),
	}
}

func servidor(cpu float64) string {
	if cpu == 0 {
		return "none: it is inside"
	}
	return millis(cpu)
}

// vivas measures n descargas, each polled once in cada.
func vivas(ctx context.Context, b *bench, base string, n int, cada time.Duration) (s sondeos, err error) {
	s = sondeos{vivas: n, cada: cada}
	sb, err := startSandbox(ctx, b)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, sb.stop()) }()
	settings, pg, err := sb.settings(b, base, cada)
	if err != nil {
		return s, err
	}
	if pg != nil {
		defer pg.Close() //nolint:errcheck // it goes with this program at the latest
	}
	g, err := b.launch(ctx, "data-trabajos", settings...)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, g.stop(), os.RemoveAll(g.data), os.RemoveAll(b.file("blobs-trabajos"))) }()
	porSegundo := int(float64(n) / cada.Seconds())
	if s.simple, err = simple(ctx, g, porSegundo, b.plan.rateFor); err != nil {
		return s, err
	}
	if err := crea(ctx, g, n, porSegundo); err != nil {
		return s, err
	}
	if err := pausa(ctx, cada+reposo); err != nil {
		return s, err
	}
	return s, s.ventana(ctx, b, sb, g, pg)
}

// ventana counts what happens during a while.
func (s *sondeos) ventana(ctx context.Context, b *bench, sb *sandboxProcess, g *gatewayProcess, pg *pgtest.Servidor) error {
	ventana, cancel := context.WithTimeout(ctx, time.Duration(b.plan.vueltas)*b.plan.sondeo)
	defer cancel()
	desde, cpu, base := time.Now(), g.usage().cpu, postgresCPU(pg)
	err := g.marca()
	if err == nil {
		s.rsa, err = firmaAlLado(ventana, b)
	}
	hasta := time.Now()
	if err = errors.Join(err, g.marca(), ctx.Err()); err != nil {
		return err
	}
	cpu, base = g.usage().cpu-cpu, postgresCPU(pg)-base
	s.peak = g.usage().peak
	llamadas, err := sb.llamadas(ctx)
	if err != nil {
		return err
	}
	anterior := map[string]time.Time{}
	for _, l := range llamadas {
		if l.Operacion != llamaVerif {
			continue
		}
		previa, ok := anterior[l.Objeto]
		anterior[l.Objeto] = l.Real
		if l.Real.Before(desde) || l.Real.After(hasta) {
			continue
		}
		s.hechos++
		if ok {
			s.tarde = append(s.tarde, l.Real.Sub(previa).Seconds()-s.cada.Seconds())
		}
	}
	if s.hechos == 0 {
		return errors.New("no polls came")
	}
	s.debidos = float64(s.vivas) * hasta.Sub(desde).Seconds() / s.cada.Seconds()
	s.cpu, s.servidor = cpu/float64(s.hechos), base/float64(s.hechos)
	return nil
}

func pausa(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
	return ctx.Err()
}

// simple is the CPU of a Verifica by REST, without any job.
func simple(ctx context.Context, g *gatewayProcess, porSegundo int, during time.Duration) (float64, error) {
	var aceptada struct {
		IDSolicitud string `json:"idSolicitud"`
	}
	err := g.post(ctx, "/v1/sat/cfdi/solicitudes", peticion(-1, false), http.StatusCreated, &aceptada)
	if err != nil {
		return 0, err
	}
	t := &target{name: "Verifica", method: http.MethodGet, url: g.url + "/v1/sat/cfdi/solicitudes/" + aceptada.IDSolicitud + "?rfcSolicitante=" + rfc, server: g.process}
	if err := warm(ctx, t); err != nil {
		return 0, err
	}
	antes := g.usage().cpu
	sample, err := openLoop(ctx, t, porSegundo, during)
	return (g.usage().cpu - antes) / float64(len(sample)), err
}

// crea makes n descargas, so many per second, so that their polls are spread.
func crea(ctx context.Context, g *gatewayProcess, n, porSegundo int) error {
	started := time.Now()
	turno := make(chan int)
	failed := make([]error, creadores)
	var wg sync.WaitGroup
	for w := range creadores {
		wg.Go(func() {
			for i := range turno {
				if failed[w] == nil {
					failed[w] = g.post(ctx, "/v1/sat/descargas", peticion(i, true), http.StatusAccepted, nil)
				}
			}
		})
	}
	for i := range n {
		time.Sleep(time.Until(started.Add(time.Duration(i) * time.Second / time.Duration(porSegundo))))
		turno <- i
	}
	close(turno)
	wg.Wait()
	return errors.Join(failed...)
}

// firmaAlLado signs every now and then until ctx ends, as rarely as a poll does and
// beside the same neighbours, and returns the CPU of one signature by crypto/rsa
// alone. In a loop of its own it is a fifth cheaper, because nothing else then
// takes its place in the caches.
func firmaAlLado(ctx context.Context, b *bench) (float64, error) {
	signer := ref.NewSigner(b.own.Key, b.own.Certificate)
	digest := sha1.Sum([]byte("bench"))
	var took []float64
	for pausa(ctx, cadaFirma) == nil {
		antes := cpuSeconds()
		if _, err := signer.RSA(digest); err != nil {
			return 0, err
		}
		took = append(took, cpuSeconds()-antes)
	}
	return mean(took), nil
}

func mean(sample []float64) float64 {
	total := 0.0
	for _, v := range sample {
		total += v
	}
	return total / float64(len(sample))
}
