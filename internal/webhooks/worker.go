package webhooks

import (
	"context"
	"time"

	"github.com/riverqueue/river"
)

// Cola is the queue of the attempts: receivers that are slow keep nobody else waiting.
const Cola = "webhooks"

// Args are those of a job: the alarm of one turn of one delivery.
type Args struct {
	Entrega string `json:"entrega"`
	Turno   int64  `json:"turno"`
}

// Kind implements river.JobArgs.
func (Args) Kind() string { return "webhook" }

// InsertOpts makes an alarm unique: setting it again changes nothing. The row
// says how often a delivery is tried; a job fails only by the database's fault.
func (Args) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: Cola, MaxAttempts: 5, UniqueOpts: river.UniqueOpts{ByArgs: true}}
}

// Worker makes the attempts.
type Worker struct {
	river.WorkerDefaults[Args]
	Servicio *Servicio
}

// Work makes one attempt, or sleeps until it is due.
func (w *Worker) Work(ctx context.Context, job *river.Job[Args]) error {
	falta, err := w.Servicio.Intenta(ctx, job.Args.Entrega, job.Args.Turno)
	if err == nil && falta > 0 {
		return river.JobSnooze(falta)
	}
	return err
}

// Timeout is within the time after which an attempt is taken for dead.
func (*Worker) Timeout(*river.Job[Args]) time.Duration { return arriendo - 10*time.Second }
