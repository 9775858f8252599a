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
	goalPoll    = 1.0   // ms of CPU, without RSA
	goalLate    = 2.0   // seconds
	goalLive    = 200.0 // MiB
	goalByWhich = 1.2   // the cost of one among many over that of one among few
)

const (
	// fewOf is how many times fewer the few are; they are asked so much more
	// often, so that both make the same load.
	fewOf = 10
	// rest is what polls are given to come beyond their time before the window.
	rest       = 3 * time.Second
	everyFirma = 50 * time.Millisecond
	creators   = 8
	callVerify = "VerificaSolicitudDescarga"
)

// jobs measures live descargas whose requests stay in process at the SAT, the
// sandbox, on SQLite and on PostgreSQL.
func jobs(ctx context.Context, b *bench) ([]row, error) {
	var rows []row
	for _, base := range []string{"SQLite", "PostgreSQL"} {
		n, every := b.plan.live, b.plan.poll
		few, err := live(ctx, b, base, n/fewOf, every/fewOf)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", base, err)
		}
		much, err := live(ctx, b, base, n, every)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", base, err)
		}
		rows = append(rows, much.rows(base, few)...)
	}
	return rows, nil
}

// polls is what a window of polls came to. CPU is in seconds.
type polls struct {
	live        int
	every       time.Duration
	done        int
	due         float64
	cpu, simple float64   // of a poll and of a plain Verifica, with their signature
	rsa         float64   // of one signature by crypto/rsa
	server      float64   // of the database's own processes, per poll
	beat        []float64 // seconds after its time, of each
	peak        float64   // MiB
}

func (s polls) withoutRSA() float64 { return s.cpu - s.rsa }

func (s polls) rows(base string, few polls) []row {
	que := fmt.Sprintf("%s, %d live descargas: ", base, s.live)
	less := fmt.Sprintf("%d: %s", few.live, millis(few.withoutRSA()))
	simple := s.simple - s.rsa
	return []row{
		info(que+"polls, one each "+s.every.String(), fmt.Sprintf("%.0f/s, %.1f %% of those due", float64(s.live)/s.every.Seconds(), 100*float64(s.done)/s.due)),
		{que + "CPU per poll, signature and all", millis(s.cpu), "crypto/rsa " + millis(s.rsa), fmt.Sprintf("%.2f", s.cpu/s.rsa), "", ""},
		{"**" + que + "CPU per poll without crypto/rsa's**", millis(s.withoutRSA()), "plain Verifica by REST " + millis(simple), fmt.Sprintf("%.2f", s.withoutRSA()/simple),
			fmt.Sprintf("≤ %.1f ms", goalPoll), yes(s.withoutRSA()*1e3 <= goalPoll)},
		against(que+"the same over that of "+strconv.Itoa(few.live)+" at the same rate", millis(s.withoutRSA()), less, s.withoutRSA()/few.withoutRSA(), goalByWhich),
		info(que+"late, p50 / max", fmt.Sprintf("%.2f s / %.2f s", quantile(s.beat, .5), quantile(s.beat, 1))),
		atMost("**"+que+"late, p99, s**", quantile(s.beat, .99), goalLate, "%.2f"),
		atMost(que+"peak memory, MiB", s.peak, goalLive, "%.0f"),
		info(que+"the database server's CPU per poll", server(s.server)),
	}
}

func server(cpu float64) string {
	if cpu == 0 {
		return "none: it is inside"
	}
	return millis(cpu)
}

// live measures n descargas, each polled once in every.
func live(ctx context.Context, b *bench, base string, n int, every time.Duration) (s polls, err error) {
	s = polls{live: n, every: every}
	sb, err := startSandbox(ctx, b)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, sb.stop()) }()
	settings, pg, err := sb.settings(b, base, every)
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
	defer func() { err = errors.Join(err, g.discard(), os.RemoveAll(b.file("blobs-trabajos"))) }()
	perSecond := int(float64(n) / every.Seconds())
	if s.simple, err = simple(ctx, g, perSecond, b.plan.rateFor); err != nil {
		return s, err
	}
	if err := create(ctx, g, n, perSecond); err != nil {
		return s, err
	}
	if err := pause(ctx, every+rest); err != nil {
		return s, err
	}
	return s, s.window(ctx, b, sb, g, pg)
}

// window counts what happens during a while.
func (s *polls) window(ctx context.Context, b *bench, sb *sandboxProcess, g *gatewayProcess, pg *pgtest.Server) error {
	window, cancel := context.WithTimeout(ctx, time.Duration(b.plan.laps)*b.plan.poll)
	defer cancel()
	since, cpu, base := time.Now(), g.usage().cpu, postgresCPU(pg)
	err := g.mark()
	if err == nil {
		s.rsa, err = signBeside(window, b)
	}
	until := time.Now()
	if err = errors.Join(err, g.mark(), ctx.Err()); err != nil {
		return err
	}
	cpu, base = g.usage().cpu-cpu, postgresCPU(pg)-base
	s.peak = g.usage().peak
	calls, err := sb.calls(ctx)
	if err != nil {
		return err
	}
	previous := map[string]time.Time{}
	for _, l := range calls {
		if l.Operacion != callVerify {
			continue
		}
		prior, ok := previous[l.Objeto]
		previous[l.Objeto] = l.Real
		if l.Real.Before(since) || l.Real.After(until) {
			continue
		}
		s.done++
		if ok {
			s.beat = append(s.beat, l.Real.Sub(prior).Seconds()-s.every.Seconds())
		}
	}
	if s.done == 0 {
		return errors.New("no polls came")
	}
	s.due = float64(s.live) * until.Sub(since).Seconds() / s.every.Seconds()
	s.cpu, s.server = cpu/float64(s.done), base/float64(s.done)
	return nil
}

// simple is the CPU of a Verifica by REST, without any job.
func simple(ctx context.Context, g *gatewayProcess, perSecond int, during time.Duration) (float64, error) {
	var accepted struct {
		IDSolicitud string `json:"idSolicitud"`
	}
	err := g.post(ctx, "/v1/sat/cfdi/solicitudes", request(-1, false), http.StatusCreated, &accepted)
	if err != nil {
		return 0, err
	}
	t := &target{name: "Verifica", method: http.MethodGet, url: g.url + "/v1/sat/cfdi/solicitudes/" + accepted.IDSolicitud + "?rfcSolicitante=" + rfc, server: g.process}
	if err := warm(ctx, t, connections); err != nil {
		return 0, err
	}
	before := g.usage().cpu
	sample, err := openLoop(ctx, t, perSecond, during)
	return (g.usage().cpu - before) / float64(len(sample)), err
}

// create makes n descargas, so many per second, so that their polls are spread.
func create(ctx context.Context, g *gatewayProcess, n, perSecond int) error {
	started := time.Now()
	turn := make(chan int)
	failed := make([]error, creators)
	var wg sync.WaitGroup
	for w := range creators {
		wg.Go(func() {
			for i := range turn {
				if failed[w] == nil {
					failed[w] = g.post(ctx, "/v1/sat/descargas", request(i, true), http.StatusAccepted, nil)
				}
			}
		})
	}
	for i := range n {
		time.Sleep(time.Until(started.Add(time.Duration(i) * time.Second / time.Duration(perSecond))))
		turn <- i
	}
	close(turn)
	wg.Wait()
	return errors.Join(failed...)
}

// signBeside signs every now and then until ctx ends, as rarely as a poll does and
// beside the same neighbours, and returns the CPU of one signature by crypto/rsa
// alone. In a loop of its own it is a fifth cheaper, because nothing else then
// takes its place in the caches.
func signBeside(ctx context.Context, b *bench) (float64, error) {
	signer := ref.NewSigner(b.own.Key, b.own.Certificate)
	digest := sha1.Sum([]byte("bench"))
	var took []float64
	for pause(ctx, everyFirma) == nil {
		before := cpuSeconds()
		if _, err := signer.RSA(digest); err != nil {
			return 0, err
		}
		took = append(took, cpuSeconds()-before)
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
