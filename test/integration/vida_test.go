package integration

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

// muerte is where a gateway kills itself.
type muerte struct {
	punto string
	n     int
}

func (m muerte) String() string {
	if m.punto == "" {
		return "nowhere"
	}
	return fmt.Sprintf("%s:%d", m.punto, m.n)
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
	v := &vida{t: t, cmd: exec.Command(binary(t, "vida")), fin: make(chan struct{}), salida: &salida{}}
	if m.punto != "" {
		v.cmd.Args = append(v.cmd.Args, m.String())
	}
	v.cmd.Env = cleanEnv(append(env, "GATEWAY_LISTEN=127.0.0.1:0", "GATEWAY_ADMIN_LISTEN=127.0.0.1:0")...)
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
