package integration

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/presencia"
	"github.com/pasarela-mx/pasarela/internal/telemetry"
)

// vidaEnv makes of the test binary a gateway. It says where that kills itself,
// as "point:n" for the n-th pass; "-" is nowhere.
const vidaEnv = "PASARELA_VIDA"

// The pace of gateways that are killed: a dead one is taken over within three
// seconds.
const (
	latidoVida = 150 * time.Millisecond
	muerteVida = 1500 * time.Millisecond
	rondaVida  = 300 * time.Millisecond
)

// muerte is where a gateway kills itself.
type muerte struct {
	punto string
	n     int
}

func (m muerte) String() string {
	if m.punto == "" {
		return "-"
	}
	return fmt.Sprintf("%s:%d", m.punto, m.n)
}

// vive is the gateway that the test binary becomes: the program's own Run with
// the environment's configuration, but for its pace and its end.
func vive(donde string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	cfg, err := config.Load()
	if err == nil {
		err = app.Run(ctx, cfg, app.Options{Log: telemetry.NewLogger(os.Stdout, "info", "json"), Version: "prueba", Now: time.Now,
			Presencia: presencia.Opciones{Latido: latidoVida, Muerte: muerteVida},
			Cola:      app.Cola{Sondeo: 20 * time.Millisecond, CadaRonda: rondaVida}, Paso: suicida(donde)})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err) //nolint:errcheck // nowhere else to say it
		return 1
	}
	return 0
}

// suicida ends the process as kill -9 does at the n-th pass of a point.
func suicida(donde string) func(string) {
	punto, n, found := strings.Cut(donde, ":")
	if !found {
		return nil
	}
	faltan, err := strconv.Atoi(n)
	if err != nil {
		return nil
	}
	var mu sync.Mutex
	return func(paso string) {
		if paso != punto {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if faltan--; faltan == 0 {
			syscall.Kill(os.Getpid(), syscall.SIGKILL) //nolint:errcheck // there is no way on
			select {}
		}
	}
}

// vida is one life of a gateway, from its start to its end.
type vida struct {
	t      *testing.T
	cmd    *exec.Cmd
	api    string // empty when it ended before it listened
	fin    chan struct{}
	salida *salida
}

// salida is what a life has written.
type salida struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (s *salida) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *salida) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// nace starts a gateway that kills itself at m, and waits until it listens or has
// ended.
func nace(t *testing.T, m muerte, env ...string) *vida {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	v := &vida{t: t, cmd: exec.Command(self), fin: make(chan struct{}), salida: &salida{}}
	v.cmd.Env = cleanEnv(append(env, vidaEnv+"="+m.String(), "GATEWAY_LISTEN=127.0.0.1:0", "GATEWAY_ADMIN_LISTEN=127.0.0.1:0")...)
	out, err := v.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	v.cmd.Stderr = v.salida
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		v.termina(syscall.SIGKILL)
		checkLog(t, v.salida.String())
	})
	escucha := make(chan string, 1)
	go func() {
		defer close(v.fin)
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadBytes('\n')
			if !bytes.Contains(line, []byte(`"message":"access"`)) {
				v.salida.Write(line) //nolint:errcheck // always nil
			}
			var said struct{ Message, API string }
			if json.Unmarshal(line, &said) == nil && said.Message == "listening" {
				escucha <- said.API
			}
			if err != nil {
				break
			}
		}
		v.cmd.Wait() //nolint:errcheck // ProcessState says it
	}()
	select {
	case addr := <-escucha:
		v.api = "http://" + addr
	case <-v.fin:
	case <-time.After(time.Minute):
		t.Fatalf("the gateway does not listen: %s", v.salida)
	}
	return v
}

// acabo tells whether the life is over.
func (v *vida) acabo() bool {
	select {
	case <-v.fin:
		return true
	default:
		return false
	}
}

// termina signals the gateway and waits for its end.
func (v *vida) termina(s syscall.Signal) {
	v.t.Helper()
	v.cmd.Process.Signal(s) //nolint:errcheck // it may have ended
	select {
	case <-v.fin:
	case <-time.After(time.Minute):
		v.t.Errorf("the gateway does not end: %s", v.salida)
	}
}

// matada fails the test unless the life ended by kill -9.
func (v *vida) matada() {
	v.t.Helper()
	<-v.fin
	if w, ok := v.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !w.Signaled() || w.Signal() != syscall.SIGKILL {
		v.t.Fatalf("the gateway ended by itself: %v: %s", v.cmd.ProcessState, v.salida)
	}
}
