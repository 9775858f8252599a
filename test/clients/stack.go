package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/app/devstack"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
)

// stack is a gateway that asks for an API key, and its sandbox, on free ports.
// Each client has its own: they ask for the same things, and the SAT gives
// those once.
type stack struct {
	stack *devstack.Stack
	key   string
	dir   string
}

// autoridad makes the sandbox's e.firmas, once for all: RSA keys are slow to make.
func autoridad() (string, error) {
	dir, err := os.MkdirTemp("", "pasarela-clients-")
	if err != nil {
		return "", err
	}
	if _, err := sandbox.New(sandbox.Config{Dir: dir, Log: zerolog.Nop()}); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return dir, nil
}

func start(ctx context.Context, autoridad string) (*stack, error) {
	dir, err := os.MkdirTemp("", "pasarela-clients-")
	if err != nil {
		return nil, err
	}
	p := &stack{dir: dir}
	if err := os.CopyFS(filepath.Join(dir, "sandbox"), os.DirFS(autoridad)); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	keys := filepath.Join(dir, "keys.json")
	if p.key, err = key(keys); err == nil {
		p.stack, err = devstack.Start(ctx, filepath.Join(dir, "data"), devstack.Options{
			Sandbox: sandbox.Config{Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Dir: filepath.Join(dir, "sandbox"), Seed: 1, Log: zerolog.Nop()},
			Configure: func(c *config.Config) {
				c.Listen, c.AdminListen, c.APIKeysFile = "127.0.0.1:0", "127.0.0.1:0", keys
			},
			Log: zerolog.Nop(),
		})
	}
	if err != nil {
		os.RemoveAll(dir) //nolint:errcheck // a copy of what the sandbox makes
		return nil, fmt.Errorf("starting gateway and sandbox: %w", err)
	}
	return p, nil
}

// key writes a file of one API key that may do everything, and returns the key.
func key(file string) (string, error) {
	key, digest, err := apikeys.Generate()
	if err != nil {
		return "", err
	}
	return key, apikeys.Add(file, apikeys.Key{Name: "clientes", SHA256: digest, RFCs: []string{apikeys.All}, Scopes: []string{apikeys.All}})
}

func (p *stack) stop() {
	if err := p.stack.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "clients: stopping:", err)
	}
	os.RemoveAll(p.dir) //nolint:errcheck // a temporary directory
}
