// Command vida is a gateway that may be told where to die: the program's own Run
// with the environment's configuration, a fast pace, and kill -9 of itself at the
// n-th pass of a named point. It is for the tests that start it, and is built
// without the race detector, as what is shipped is: under it, one life takes ten
// times as long. It refuses nothing and keeps nothing.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app"
	"github.com/pasarela-mx/pasarela/internal/cluster"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/telemetry"
)

// A dead gateway is taken over within three seconds at this pace.
const (
	beat  = 200 * time.Millisecond
	death = 1500 * time.Millisecond
	ronda = 600 * time.Millisecond
	poll  = 25 * time.Millisecond
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	cfg, err := config.Load()
	if err == nil {
		err = app.Run(ctx, cfg, app.Options{Log: telemetry.NewLogger(os.Stdout, "info", "json"), Version: "prueba", Now: time.Now,
			Cluster: cluster.Options{Beat: beat, Death: death},
			Queue:   app.Queue{Poll: poll, EveryRonda: ronda}, Step: suicide(os.Args[1:])})
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// suicide ends the process as kill -9 does at a point: "punto:n" is its n-th
// pass. Nil for nowhere.
func suicide(args []string) func(string) {
	if len(args) == 0 {
		return nil
	}
	point, times, _ := strings.Cut(args[0], ":")
	missing, err := strconv.Atoi(times)
	if err != nil {
		return nil
	}
	var mu sync.Mutex
	return func(step string) {
		if step != point {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if missing--; missing == 0 {
			syscall.Kill(os.Getpid(), syscall.SIGKILL) //nolint:errcheck // there is no way on
			select {}
		}
	}
}
