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

// death is where a gateway kills itself.
type death struct {
	point string
	n     int
}

func (m death) String() string {
	if m.point == "" {
		return "nowhere"
	}
	return fmt.Sprintf("%s:%d", m.point, m.n)
}

// life is one run of a gateway process.
type life struct {
	t      *testing.T
	cmd    *exec.Cmd
	api    string // empty when it ended before it listened
	end    chan struct{}
	output *output
}

// output is what a life has written.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (s *output) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *output) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// isBorn starts a gateway that kills itself at m, and waits until it listens or has
// ended.
func isBorn(t *testing.T, m death, env ...string) *life {
	t.Helper()
	v := &life{t: t, cmd: exec.Command(binary(t, "vida")), end: make(chan struct{}), output: &output{}}
	if m.point != "" {
		v.cmd.Args = append(v.cmd.Args, m.String())
	}
	v.cmd.Env = cleanEnv(append(env, "GATEWAY_LISTEN=127.0.0.1:0", "GATEWAY_ADMIN_LISTEN=127.0.0.1:0")...)
	out, err := v.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	v.cmd.Stderr = v.output
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		v.finish(syscall.SIGKILL)
		checkLog(t, v.output.String())
	})
	listen := make(chan string, 1)
	go func() {
		defer close(v.end)
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadBytes('\n')
			if !bytes.Contains(line, []byte(`"message":"access"`)) {
				v.output.Write(line) //nolint:errcheck // always nil
			}
			var said struct{ Message, API string }
			if json.Unmarshal(line, &said) == nil && said.Message == "listening" {
				listen <- said.API
			}
			if err != nil {
				break
			}
		}
		v.cmd.Wait() //nolint:errcheck // ProcessState says it
	}()
	select {
	case addr := <-listen:
		v.api = "http://" + addr
	case <-v.end:
	case <-time.After(time.Minute):
		t.Fatalf("the gateway does not listen: %s", v.output)
	}
	return v
}

// finished reports whether the life is over.
func (v *life) finished() bool {
	select {
	case <-v.end:
		return true
	default:
		return false
	}
}

// finish signals the gateway and waits for its end.
func (v *life) finish(s syscall.Signal) {
	v.t.Helper()
	v.cmd.Process.Signal(s) //nolint:errcheck // it may have ended
	select {
	case <-v.end:
	case <-time.After(time.Minute):
		v.t.Errorf("the gateway does not end: %s", v.output)
	}
}

// killed fails the test unless the life ended by kill -9.
func (v *life) killed() {
	v.t.Helper()
	<-v.end
	if w, ok := v.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !w.Signaled() || w.Signal() != syscall.SIGKILL {
		v.t.Fatalf("the gateway ended by itself: %v: %s", v.cmd.ProcessState, v.output)
	}
}
