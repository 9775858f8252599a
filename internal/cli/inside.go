package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/app"
	"github.com/pasarela-mx/pasarela/internal/client"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/secretfile"
	"github.com/pasarela-mx/pasarela/internal/store"
	"github.com/pasarela-mx/pasarela/internal/telemetry"
	"github.com/pasarela-mx/pasarela/internal/version"
)

const recordFile = "descargar.log"

// connect returns a client of the gateway at remote, or else of one in this process,
// which lives until the returned function is called.
func (d *download) connect(ctx context.Context, remote, keyFile, folder string) (*client.Client, func() error, error) {
	if remote != "" {
		key, err := readAPIKey(keyFile)
		if err != nil {
			return nil, nil, err
		}
		api, err := client.New(remote, key)
		if err != nil {
			return nil, nil, badUse("--gateway: %s.", err)
		}
		return api, func() error { return nil }, nil
	}
	cfg, err := config.Load()
	if err != nil {
		return nil, nil, err
	}
	if cfg.EfirmaDir == "" {
		return nil, nil, errWithoutEFirmas
	}
	record, closeRecord, err := d.record(cfg, folder)
	if err != nil {
		return nil, nil, err
	}
	p, err := start(ctx, cfg, record, d.rfc)
	if err != nil {
		return nil, nil, errors.Join(cannotStart(err, cfg), closeRecord())
	}
	api, err := client.New(p.address, p.password)
	if err != nil {
		return nil, nil, errors.Join(err, p.forWhom(), closeRecord())
	}
	return api, func() error {
		if ctx.Err() != nil {
			fmt.Fprintln(d.Err, "Deteniendo: lo que ya viene del SAT puede terminar. Ctrl-C otra vez sale ya.") //nolint:errcheck // it stops all the same
		}
		return errors.Join(p.forWhom(), closeRecord())
	}, nil
}

func readAPIKey(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	text, err := secretfile.Read(file)
	if err != nil {
		return "", cannotBeRead(file, err)
	}
	key := strings.TrimSpace(text)
	if key == "" || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		err = badUse("--api-key-file: %s no tiene una clave de API y nada más.", file)
	}
	return key, err
}

// record opens the log of the gateway in this process: a file beside the downloads, so
// that the terminal stays readable.
func (d *download) record(cfg config.Config, folder string) (zerolog.Logger, func() error, error) {
	if d.verbose {
		return telemetry.NewLogger(raw(d.Err), cfg.LogLevel, "console"), func() error { return nil }, nil
	}
	f, err := os.OpenFile(filepath.Join(folder, recordFile), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) //nolint:gosec // the operator's own folder
	if err != nil {
		return zerolog.Nop(), nil, err
	}
	return telemetry.NewLogger(f, cfg.LogLevel, cfg.LogFormat), f.Close, nil
}

// own is a gateway in this process.
type own struct {
	address, password string
	cancel            context.CancelFunc
	end               chan error
}

// start starts a gateway on a loopback port that only this process can use: its only key
// is made now, for one RFC, and ends with it. Webhooks still follow the operator's keys,
// or those of other callers would be cancelled.
func start(ctx context.Context, cfg config.Config, record zerolog.Logger, rfc string) (*own, error) {
	key, digest, err := apikeys.Generate()
	if err != nil {
		return nil, err
	}
	id, err := apikeys.NewID()
	if err != nil {
		return nil, err
	}
	p := &own{password: key, end: make(chan error, 1)}
	only := &apikeys.Key{ID: id, Name: "gateway descargar", SHA256: digest, RFCs: []string{rfc}, Scopes: []string{apikeys.ScopeDescargas, apikeys.ScopePaquetes}}
	cfg.Listen, cfg.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
	// It ends when the command has printed everything, not with the signal.
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p.cancel = cancel
	listen := make(chan net.Addr, 1)
	go func() {
		p.end <- app.Run(life, cfg, app.Options{Log: record, Version: version.Read().Version, Now: time.Now, Key: only,
			Started: func(api, _ net.Addr) { listen <- api }})
	}()
	select {
	case addr := <-listen:
		p.address = "http://" + addr.String()
		return p, nil
	case err := <-p.end:
		cancel()
		return nil, err
	case <-ctx.Done():
		// Nothing has been requested, so a database that does not answer is not waited
		// for.
		return nil, errors.Join(ctx.Err(), p.forWhom())
	}
}

func (p *own) forWhom() error {
	p.cancel()
	return <-p.end
}

// cannotStart names the way out if the directory already has a gateway.
func cannotStart(err error, cfg config.Config) error {
	if !errors.Is(err, store.ErrInUse) {
		return err
	}
	text := fmt.Sprintf("GATEWAY_DATA_DIR (%s) es de una pasarela que ya corre: pídasela a ella con --gateway", cfg.DataDir)
	if host, port, errHost := net.SplitHostPort(cfg.Listen); errHost == nil && port != "0" {
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			host = "127.0.0.1"
		}
		text += " http://" + net.JoinHostPort(host, port)
	}
	if cfg.APIKeysFile != "" {
		text += " y --api-key-file"
	}
	return errors.New(text)
}
