package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/bench/fuente"
	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

const (
	gatewayPackage = "github.com/pasarela-mx/pasarela/cmd/gateway"
	readyWithin    = 30 * time.Second
	readyPoll      = time.Millisecond
)

// bench is what every section needs.
type bench struct {
	plan    plan
	dir     string
	gateway string // the binary, built as a release is
	efirmas string
	own     *autoridad.Emitido
	source  *process
	missing []string
	profile string // where profiles of gateways go; empty for none
	nextID  int
	running []*process // those of the section
}

// newBench builds the gateway, makes an e.firma and starts the source.
func newBench(ctx context.Context, p plan, parent, profile string) (*bench, error) {
	dir, err := os.MkdirTemp(parent, "pasarela-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{
		plan: p, dir: dir, gateway: filepath.Join(dir, "gateway"), efirmas: filepath.Join(dir, "efirmas"),
		missing: missingTools(), profile: profile,
	}
	if err := b.prepare(ctx); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bench) prepare(ctx context.Context) error {
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b.gateway, gatewayPackage)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the gateway: %w\n%s", err, out)
	}
	ca, err := autoridad.New(time.Now())
	if err != nil {
		return err
	}
	if b.own, err = ca.Issue(autoridad.Request{RFC: rfc, Name: "EMPRESA DEL BENCHMARK", Password: "bench"}); err != nil {
		return err
	}
	if err := b.own.WriteTo(b.efirmas); err != nil {
		return err
	}
	b.source, err = startSelf(ctx, "fuente")
	return err
}

func (b *bench) close() {
	if b.source != nil {
		b.source.stop() //nolint:errcheck // the run is over
	}
	if err := os.RemoveAll(b.dir); err != nil {
		fmt.Fprintln(os.Stderr, "bench: leftovers:", err)
	}
}

// id names a package that no gateway has fetched.
func (b *bench) id(megas int) string {
	b.nextID++
	return fuente.ID(megas, b.nextID)
}

// file is a place of the section's own.
func (b *bench) file(name string) string { return filepath.Join(b.dir, "section", name) }

// section runs one, in a folder of its own, and ends what it left running.
func (b *bench) section(ctx context.Context, run func(context.Context, *bench) ([]row, error)) ([]row, error) {
	if err := os.Mkdir(b.file(""), 0o700); err != nil {
		return nil, err
	}
	rows, err := run(ctx, b)
	for _, p := range b.running {
		err = errors.Join(err, p.stop())
	}
	b.running = nil
	return rows, errors.Join(err, os.RemoveAll(b.file("")))
}

// start starts one of this program's own servers until the section ends.
func (b *bench) start(ctx context.Context, args ...string) (*process, error) {
	p, err := startSelf(ctx, args...)
	if err == nil {
		b.running = append(b.running, p)
	}
	return p, err
}

// gatewayProcess is a running gateway.
type gatewayProcess struct {
	*process
	data    string
	ready   float64 // seconds from exec to a good /readyz
	profile string  // the start of its profiles' names; empty for none
}

// startGateway starts the built binary on the data directory name. Its CFDI
// services are the source's instant ones, its Retenciones the slow ones. The SEP
// is instant unless settings, of the form NAME=value, say otherwise.
func (b *bench) startGateway(ctx context.Context, name string, settings ...string) (*gatewayProcess, error) {
	source := []string{"GATEWAY_SIN_SALIDA=" + b.source.url, "GATEWAY_SEP_URL=" + b.source.url + "/sep/", "GATEWAY_EFIRMA_DIR=" + b.efirmas}
	for family, prefix := range map[string]string{"CFDI": "", "RETENCIONES": fuente.Slow} {
		at := "GATEWAY_SAT_" + family + "_"
		source = append(source, at+"AUTENTICA_URL="+b.source.url+"/autentica", at+"SOLICITA_URL="+b.source.url+"/solicita",
			at+"VERIFICA_URL="+b.source.url+prefix+"/verifica", at+"DESCARGA_URL="+b.source.url+"/descarga")
	}
	return b.launch(ctx, name, append(source, settings...)...)
}

// launch starts the built binary on the data directory name, with settings alone.
func (b *bench) launch(ctx context.Context, name string, settings ...string) (*gatewayProcess, error) {
	api, admin, err := freePorts()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	g := &gatewayProcess{process: &process{url: "http://" + api, cancel: cancel}, data: b.file(name)}
	g.cmd = exec.CommandContext(ctx, b.gateway)
	if b.profile != "" {
		b.nextID++
		g.profile = filepath.Join(b.profile, fmt.Sprintf("%s-%d", name, b.nextID))
		if g.cmd, err = self(ctx, "gateway", g.profile); err != nil {
			cancel()
			return nil, err
		}
	}
	g.cmd.Stderr = os.Stderr
	g.terminates()
	g.cmd.Env = append(withoutSettings(os.Environ()), "GATEWAY_LISTEN="+api, "GATEWAY_ADMIN_LISTEN="+admin, "GATEWAY_DATA_DIR="+g.data)
	g.cmd.Env = append(g.cmd.Env, settings...)
	started := time.Now()
	if err := g.cmd.Start(); err != nil {
		cancel()
		return nil, err
	}
	b.running = append(b.running, g.process)
	if err := waitReady(ctx, "http://"+admin+"/readyz"); err != nil {
		return nil, err
	}
	g.ready = since(started)
	return g, nil
}

// discard ends a gateway before its section does, and what it stored.
func (g *gatewayProcess) discard() error { return errors.Join(g.stop(), os.RemoveAll(g.data)) }

// withoutSettings keeps a developer's own GATEWAY_ variables out of the measure.
func withoutSettings(environ []string) []string {
	return slices.DeleteFunc(environ, func(entry string) bool { return strings.HasPrefix(entry, "GATEWAY_") })
}

func waitReady(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	t := &target{method: http.MethodGet, url: url}
	client := newClient(1)
	defer client.CloseIdleConnections()
	for ctx.Err() == nil {
		if t.once(ctx, client) == nil {
			return nil
		}
		time.Sleep(readyPoll)
	}
	return fmt.Errorf("the gateway was not ready: %w", ctx.Err())
}

func freePorts() (api, admin string, err error) {
	var config net.ListenConfig
	var addresses [2]string
	for i := range addresses {
		l, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			return "", "", err
		}
		defer l.Close() //nolint:errcheck // only to know the port
		addresses[i] = l.Addr().String()
	}
	return addresses[0], addresses[1], nil
}

// paqueteURL is the route of a package.
func (g *gatewayProcess) paqueteURL(id string) string {
	return g.url + "/v1/sat/cfdi/paquetes/" + id + "?rfcSolicitante=" + rfc
}

// storedAs waits until the package lies in storage and returns its file, which
// is named by the content that the ETag tells.
func (g *gatewayProcess) storedAs(ctx context.Context, id string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.paqueteURL(id), nil)
		if err != nil {
			return "", err
		}
		req.Header.Set("If-None-Match", "*")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return "", err
		}
		resp.Body.Close() //nolint:errcheck // not read
		if sum := strings.Trim(resp.Header.Get("ETag"), `"`); sum != "" {
			path := filepath.Join(g.data, "paquetes", "sha256", sum[:2], sum+".zip")
			if _, err := os.Stat(path); err == nil {
				time.Sleep(settle) // its row in the ledger follows
				return path, nil
			}
		}
		time.Sleep(readyPoll)
	}
	return "", fmt.Errorf("package %s was not stored: %w", id, ctx.Err())
}

// settle is given to a process to end what it does beside the answer.
const settle = 100 * time.Millisecond

// fetched is one download by curl, or by its stand-in.
type fetched struct{ seconds, cpu float64 }

// fetch downloads url to file.
func fetch(ctx context.Context, url, file string) (fetched, error) {
	cmd := exec.CommandContext(ctx, "curl", "-sS", "--fail", "-o", file, "-w", "%{time_total}", url)
	if cmd.Err != nil {
		var err error
		if cmd, err = self(ctx, "fetch", url, file); err != nil {
			return fetched{}, err
		}
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fetched{}, fmt.Errorf("fetching %s: %w", url, err)
	}
	took, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	return fetched{seconds: took, cpu: cpuOf(cmd.ProcessState)}, err
}

func cpuOf(s *os.ProcessState) float64 { return (s.UserTime() + s.SystemTime()).Seconds() }
