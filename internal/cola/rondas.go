package cola

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/rs/zerolog"
)

// plazoDeja bounds how long a stop takes to give the post up.
const plazoDeja = 5 * time.Second

// rondas is what calls Rondas.
type rondas struct {
	cola  Rondas
	log   zerolog.Logger
	para  chan struct{}
	hecho chan struct{}
	corta context.CancelFunc
}

// empieza makes rounds until termina.
func empieza(t Rondas, cada time.Duration, log zerolog.Logger) *rondas {
	ctx, cancel := context.WithCancel(context.Background())
	r := &rondas{cola: t, log: log, para: make(chan struct{}), hecho: make(chan struct{}), corta: cancel}
	go r.corre(ctx, cada/relevos)
	return r
}

func (r *rondas) corre(ctx context.Context, cada time.Duration) {
	defer close(r.hecho)
	ticker := time.NewTicker(cada)
	defer ticker.Stop()
	// vez counts since this process has the post.
	for vez := 0; ; vez++ {
		if !r.una(ctx, vez%relevos == 0) {
			vez = -1
		}
		select {
		case <-r.para:
			return
		case <-ticker.C:
		}
	}
}

// una does what is due here, and reports whether it is this process that makes the
// rounds.
func (r *rondas) una(ctx context.Context, ronda bool) (mia bool) {
	defer func() {
		if p := recover(); p != nil {
			r.log.Error().Str("panic", fmt.Sprintf("%T", p)).Bytes("stack", debug.Stack()).Msg("a round panicked")
		}
	}()
	err := r.cola.Releva(ctx)
	mia, errOcupa := r.cola.Ocupa(ctx)
	err = errors.Join(err, errOcupa)
	if mia && ronda {
		err = errors.Join(err, r.cola.Ronda(ctx))
	}
	if err != nil && ctx.Err() == nil {
		r.log.Error().Err(err).Msg("a round failed and will be made again")
	}
	return mia
}

// termina lets a round end for as long as ctx lasts, and gives the post up.
func (r *rondas) termina(ctx context.Context) {
	if r == nil {
		return
	}
	close(r.para)
	select {
	case <-r.hecho:
	case <-ctx.Done():
		r.corta()
		<-r.hecho
	}
	r.corta()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), plazoDeja)
	defer cancel()
	if err := r.cola.Deja(ctx); err != nil {
		r.log.Warn().Err(err).Msg("others will make the rounds later")
	}
}
