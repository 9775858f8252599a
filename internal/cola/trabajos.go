package cola

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/descargas"
)

type tramoArgs struct {
	ID    int64 `json:"id"`
	Turno int64 `json:"turno"`
}

// Kind implements river.JobArgs.
func (tramoArgs) Kind() string { return "descarga_tramo" }

type paqueteArgs struct {
	ID    int64 `json:"id"`
	Turno int64 `json:"turno"`
}

// Kind implements river.JobArgs.
func (paqueteArgs) Kind() string { return "descarga_paquete" }

type deTramos struct {
	river.WorkerDefaults[tramoArgs]
	motor Motor
	now   func() time.Time
}

// Work implements river.Worker.
func (w *deTramos) Work(ctx context.Context, job *river.Job[tramoArgs]) error {
	despues, err := w.motor.AvanzaTramo(ctx, job.Args.ID, job.Args.Turno)
	return otraVez(despues, err, w.now())
}

// NextRetry implements river.Worker: what failed is the gateway's own, a
// database that was away, and comes back.
func (w *deTramos) NextRetry(job *river.Job[tramoArgs]) time.Time { return reintenta(job.Attempt) }

type dePaquetes struct {
	river.WorkerDefaults[paqueteArgs]
	motor Motor
	now   func() time.Time
}

// Work implements river.Worker.
func (w *dePaquetes) Work(ctx context.Context, job *river.Job[paqueteArgs]) error {
	ctx, cancel := context.WithTimeout(ctx, esperaPaquete)
	defer cancel()
	despues, err := w.motor.TraePaquete(ctx, job.Args.ID, job.Args.Turno)
	return otraVez(despues, err, w.now())
}

// NextRetry implements river.Worker.
func (w *dePaquetes) NextRetry(job *river.Job[paqueteArgs]) time.Time { return reintenta(job.Attempt) }

// reintenta is later each time, and never gives up.
func reintenta(intento int) time.Time {
	return time.Now().Add(min(time.Duration(intento)*reintento, maxReintento))
}

const (
	reintento    = 5 * time.Second
	maxReintento = 5 * time.Minute
	// intentos is how often a job that fails is tried: for weeks.
	intentos = 10_000
	// esperaPaquete is how long a job waits for its package before it lets others in.
	esperaPaquete = 3 * time.Minute
)

// otraVez says to River what became of a job.
func otraVez(d descargas.Despues, err error, now time.Time) error {
	if err != nil || d.Nunca {
		return err
	}
	return river.JobSnooze(max(d.Cuando.Sub(now), 0))
}

// fallas logs what went wrong in a job.
type fallas struct{ log zerolog.Logger }

// HandleError implements river.ErrorHandler.
func (f fallas) HandleError(_ context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	f.log.Error().Err(err).Str("trabajo", job.Kind).RawJSON("args", job.EncodedArgs).Msg("a job failed and will be tried again")
	return nil
}

// HandlePanic implements river.ErrorHandler.
func (f fallas) HandlePanic(_ context.Context, job *rivertype.JobRow, value any, trace string) *river.ErrorHandlerResult {
	f.log.Error().Str("panic", fmt.Sprintf("%T", value)).Str("trabajo", job.Kind).RawJSON("args", job.EncodedArgs).Str("stack", trace).Msg("a job panicked")
	return nil
}

// registro lets River's warnings through to the log.
func registro(log zerolog.Logger) *slog.Logger {
	return slog.New(slog.NewTextHandler(lineas{log}, &slog.HandlerOptions{Level: slog.LevelWarn,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
				return slog.Attr{}
			}
			return a
		}}))
}

func silencio() *slog.Logger { return slog.New(slog.DiscardHandler) }

// lineas writes each line that River logs as a warning.
type lineas struct{ log zerolog.Logger }

// Write implements io.Writer.
func (l lineas) Write(p []byte) (int, error) {
	l.log.Warn().Str("river", string(p[:max(len(p)-1, 0)])).Msg("the job queue")
	return len(p), nil
}
