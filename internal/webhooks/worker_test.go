package webhooks

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"github.com/pasarela-mx/pasarela/internal/store"
)

// cola starts River with the worker on a database of its own.
func cola(t *testing.T, r *rig) *river.Client[*sql.Tx] {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(r.dir, "river.db")+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(10000)&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() }) //nolint:errcheck // the client is stopped before
	driver := riversqlite.New(db)
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := migrator.Migrate(t.Context(), rivermigrate.DirectionUp, nil); err != nil {
		t.Fatal(err)
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &Worker{Servicio: r.Servicio})
	client, err := river.NewClient(driver, &river.Config{Queues: map[string]river.QueueConfig{Cola: {MaxWorkers: 4}}, Workers: workers,
		Logger: slog.New(slog.DiscardHandler), FetchCooldown: 10 * time.Millisecond, FetchPollInterval: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := client.StopAndCancel(ctx); err != nil {
			t.Error(err)
		}
	})
	return client
}

func TestWorker_WhenRunByRiver(t *testing.T) {
	t.Parallel()
	var client atomic.Pointer[river.Client[*sql.Tx]]
	var twice atomic.Int32
	var r *rig
	r = nuevoRig(t, func(c *Config) {
		c.Encola = func(ctx context.Context, id string, turno int64, cuando time.Time) error {
			if turno > 1 { // the alarm goes off at once, which is too early by the row
				r.avanza(cuando.Sub(r.reloj()) - 300*time.Millisecond)
			}
			for range 2 { // set twice, as a sweep beside it would
				got, err := client.Load().Insert(ctx, Args{id, turno}, nil)
				if err != nil {
					return err
				}
				if got.UniqueSkippedAsDuplicate {
					twice.Add(1)
				}
			}
			return nil
		}
	})
	client.Store(cola(t, r))
	d, _ := r.crea()
	r.receptor.responde(500, 200)
	r.publica("1")
	espera := func(que string, cond func() bool) {
		t.Helper()
		for deadline := time.Now().Add(3 * time.Minute); !cond(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("waited in vain for %s", que)
			}
		}
	}
	espera("a job that sleeps", func() bool {
		jobs, err := client.Load().JobList(t.Context(), river.NewJobListParams().Kinds(Args{}.Kind()))
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(jobs.Jobs, func(j *rivertype.JobRow) bool { return strings.Contains(string(j.Metadata), `"snoozes"`) })
	})
	if n := len(r.receptor.recibidos()); n != 1 {
		t.Errorf("%d requests before it was due", n)
	}
	r.avanza(300 * time.Millisecond)
	espera("the second attempt", func() bool { return r.unica(d).Estado == store.EntregaEntregada })
	if n := len(r.receptor.recibidos()); n != 2 || twice.Load() != 2 {
		t.Errorf("%d requests, %d alarms set twice", n, twice.Load())
	}
}

func TestWorker_WhenTheDatabaseFails(t *testing.T) {
	t.Parallel()
	r := nuevoRig(t, nil)
	r.crea()
	r.publica("1")
	if err := r.st.Close(); err != nil {
		t.Fatal(err)
	}
	w := &Worker{Servicio: r.Servicio}
	err := w.Work(t.Context(), &river.Job[Args]{Args: Args{r.alarmas[0].id, 1}})
	if snooze := (*river.JobSnoozeError)(nil); err == nil || errors.As(err, &snooze) {
		t.Errorf("error %v: River would not try again", err)
	}
	if w.Timeout(nil) >= arriendo {
		t.Error("an attempt may go on after it is taken for dead")
	}
}
