// Package devstack runs a sandbox and a gateway that talks to it, for `make
// run`, `make demo` and the tests. It is not part of the product: nothing that
// is shipped imports it.
package devstack

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/app"
	"github.com/pasarela-mx/pasarela/internal/cluster"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/version"
)

// Options choose addresses and places. The zero value of an address is the
// default one of its program; ":0" forms take a free port.
type Options struct {
	Sandbox sandbox.Config
	// Configure changes the gateway's configuration before it starts.
	Configure func(*config.Config)
	Log       zerolog.Logger
	Now       func() time.Time
	// Gateway varies the gateway's own options; its Log, Version, Now, Cluster and
	// Started are set here.
	Gateway app.Options
	// Cluster varies the pace at which gateways on one database watch each other.
	Cluster cluster.Options
}

// Stack is a running pair.
type Stack struct {
	Sandbox      *sandbox.Sandbox
	API          string // http://host:port
	Admin        string
	SandboxURL   string
	SandboxAdmin string
	Config       config.Config

	stopGateway, stopSandbox context.CancelFunc
	gateway, sandbox         chan error
}

// cuenta is user, password and contract of the sandbox's accounts.
const cuenta = "sandbox"

// Start starts both and waits until they accept connections.
func Start(ctx context.Context, dataDir string, opts Options) (*Stack, error) {
	s, err := StartSandbox(ctx, dataDir, opts.Sandbox)
	if err != nil {
		return nil, err
	}
	password := filepath.Join(opts.Sandbox.Dir, "password.txt")
	s.Config.SEP.Usuario, s.Config.SEP.PasswordFile = cuenta, password
	s.Config.PADE.Contrato, s.Config.PADE.Usuario, s.Config.PADE.PasswordFile = cuenta, cuenta, password
	if err := os.WriteFile(password, []byte(cuenta+"\n"), 0o600); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	if opts.Configure != nil {
		opts.Configure(&s.Config)
	}
	if err := s.StartGateway(ctx, opts); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// StartSandbox starts a sandbox alone. Config is that of a gateway that talks to it, for who
// starts one as a process.
func StartSandbox(ctx context.Context, dataDir string, cfg sandbox.Config) (*Stack, error) {
	s := &Stack{gateway: make(chan error, 1), sandbox: make(chan error, 1)}
	if err := s.startSandbox(ctx, cfg); err != nil {
		return nil, err
	}
	var err error
	if s.Config, err = Config(s.SandboxURL, dataDir, s.Sandbox.EFirmasDir()); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// Beside starts another gateway against the sandbox of s, configured like its own
// but for the data directory. Stop it before s.
func (s *Stack) Beside(ctx context.Context, dataDir string, opts Options) (*Stack, error) {
	other := &Stack{Sandbox: s.Sandbox, SandboxURL: s.SandboxURL, SandboxAdmin: s.SandboxAdmin, Config: s.Config, gateway: make(chan error, 1)}
	other.Config.DataDir = dataDir
	return other, other.StartGateway(ctx, opts)
}

// Config is a gateway's configuration against a sandbox. It refuses to leave this machine.
func Config(sandboxURL, dataDir, efirmas string) (config.Config, error) {
	return config.Config{
		Listen: "127.0.0.1:8080", AdminListen: "127.0.0.1:9090", DataDir: dataDir, EfirmaDir: efirmas,
		LogLevel: "info", LogFormat: "json", ShutdownTimeout: config.Duration{Duration: time.Minute},
		Descargas: config.Descargas{SondeoMinimo: config.Duration{Duration: time.Second}, SondeoMaximo: config.Duration{Duration: 5 * time.Second}},
		SinSalida: sandboxURL, SAT: config.SAT{Firma: "sobre"}, PADE: config.PADE{Ambiente: "pruebas"},
	}.Addressed()
}

func (s *Stack) startSandbox(ctx context.Context, cfg sandbox.Config) error {
	var err error
	if s.Sandbox, err = sandbox.New(cfg); err != nil {
		return err
	}
	ctx, s.stopSandbox = context.WithCancel(ctx)
	started := make(chan struct{})
	go func() {
		s.sandbox <- s.Sandbox.Run(ctx, func(soap, admin net.Addr) {
			s.SandboxURL, s.SandboxAdmin = "http://"+soap.String(), "http://"+admin.String()
			close(started)
		})
	}()
	select {
	case <-started:
		return nil
	case err := <-s.sandbox:
		return err
	}
}

// StartGateway starts the gateway of s.Config, also again after StopGateway.
func (s *Stack) StartGateway(ctx context.Context, opts Options) error {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	ctx, s.stopGateway = context.WithCancel(ctx)
	started := make(chan struct{})
	go func() {
		gateway := opts.Gateway
		gateway.Log, gateway.Version, gateway.Now, gateway.Cluster = opts.Log, version.Read().Version, opts.Now, opts.Cluster
		gateway.Started = func(api, admin net.Addr) {
			s.API, s.Admin = "http://"+api.String(), "http://"+admin.String()
			close(started)
		}
		s.gateway <- app.Run(ctx, s.Config, gateway)
	}()
	select {
	case <-started:
		return nil
	case err := <-s.gateway:
		s.stopGateway()
		s.stopGateway = nil
		return err
	}
}

// StopGateway stops the gateway gracefully and returns what Run returned.
func (s *Stack) StopGateway() error {
	if s.stopGateway == nil {
		return nil
	}
	s.stopGateway()
	s.stopGateway = nil
	return <-s.gateway
}

// Stop stops both, the gateway first.
func (s *Stack) Stop() error {
	err := s.StopGateway()
	s.stopSandbox()
	return errors.Join(err, <-s.sandbox)
}

// Wait returns when either ends by itself, with its error.
func (s *Stack) Wait() error {
	select {
	case err := <-s.gateway:
		s.gateway <- nil
		return err
	case err := <-s.sandbox:
		s.sandbox <- nil
		return err
	}
}
