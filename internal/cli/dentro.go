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
	"github.com/pasarela-mx/pasarela/internal/cliente"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/secretfile"
	"github.com/pasarela-mx/pasarela/internal/store"
	"github.com/pasarela-mx/pasarela/internal/telemetry"
	"github.com/pasarela-mx/pasarela/internal/version"
)

const archivoRegistro = "descargar.log"

// conecta makes the client: of the gateway that runs at remota, or else of one that
// lives in this process until the returned function is called.
func (d *descargar) conecta(ctx context.Context, remota, archivoDeClave, carpeta string) (*cliente.Cliente, func() error, error) {
	if remota != "" {
		clave, err := leeClaveDeAPI(archivoDeClave)
		if err != nil {
			return nil, nil, err
		}
		api, err := cliente.Nuevo(remota, clave)
		if err != nil {
			return nil, nil, malUso("--gateway: %s.", err)
		}
		return api, func() error { return nil }, nil
	}
	cfg, err := config.Load()
	if err != nil {
		return nil, nil, err
	}
	if cfg.EfirmaDir == "" {
		return nil, nil, errSinEFirmas
	}
	registro, cierraRegistro, err := d.registro(cfg, carpeta)
	if err != nil {
		return nil, nil, err
	}
	p, err := arranca(ctx, cfg, registro, d.rfc)
	if err != nil {
		return nil, nil, errors.Join(noArranca(err, cfg), cierraRegistro())
	}
	api, err := cliente.Nuevo(p.direccion, p.clave)
	if err != nil {
		return nil, nil, errors.Join(err, p.para(), cierraRegistro())
	}
	return api, func() error {
		if ctx.Err() != nil {
			fmt.Fprintln(d.Err, "Deteniendo: lo que ya viene del SAT puede terminar. Ctrl-C otra vez sale ya.") //nolint:errcheck // it stops all the same
		}
		return errors.Join(p.para(), cierraRegistro())
	}, nil
}

func leeClaveDeAPI(archivo string) (string, error) {
	if archivo == "" {
		return "", nil
	}
	texto, err := secretfile.Read(archivo)
	if err != nil {
		return "", noSePuedeLeer(archivo, err)
	}
	clave := strings.TrimSpace(texto)
	if clave == "" || strings.ContainsFunc(clave, func(r rune) bool { return r <= ' ' || r > '~' }) {
		err = malUso("--api-key-file: %s no tiene una clave de API y nada más.", archivo)
	}
	return clave, err
}

// registro is where the gateway inside logs to: a file beside what comes, so that
// the terminal stays for people.
func (d *descargar) registro(cfg config.Config, carpeta string) (zerolog.Logger, func() error, error) {
	if d.verboso {
		return telemetry.NewLogger(crudo(d.Err), cfg.LogLevel, "console"), func() error { return nil }, nil
	}
	f, err := os.OpenFile(filepath.Join(carpeta, archivoRegistro), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) //nolint:gosec // the operator's own folder
	if err != nil {
		return zerolog.Nop(), nil, err
	}
	return telemetry.NewLogger(f, cfg.LogLevel, cfg.LogFormat), f.Close, nil
}

// propia is a gateway inside this process.
type propia struct {
	direccion, clave string
	cancela          context.CancelFunc
	fin              chan error
}

// arranca starts a gateway on a port of loopback that only this process can use:
// its one key is made now, sees one RFC, and ends with it. The operator's keys stay
// what webhooks go by, or those of other callers would be called off.
func arranca(ctx context.Context, cfg config.Config, registro zerolog.Logger, rfc string) (*propia, error) {
	clave, digest, err := apikeys.Generate()
	if err != nil {
		return nil, err
	}
	id, err := apikeys.NewID()
	if err != nil {
		return nil, err
	}
	p := &propia{clave: clave, fin: make(chan error, 1)}
	unica := &apikeys.Key{ID: id, Name: "gateway descargar", SHA256: digest, RFCs: []string{rfc}, Scopes: []string{apikeys.ScopeDescargas, apikeys.ScopePaquetes}}
	cfg.Listen, cfg.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
	// It ends when the command has said what there is to say, and not with the signal.
	vida, cancela := context.WithCancel(context.WithoutCancel(ctx))
	p.cancela = cancela
	escucha := make(chan net.Addr, 1)
	go func() {
		p.fin <- app.Run(vida, cfg, app.Options{Log: registro, Version: version.Read().Version, Now: time.Now, Clave: unica,
			Started: func(api, _ net.Addr) { escucha <- api }})
	}()
	select {
	case addr := <-escucha:
		p.direccion = "http://" + addr.String()
		return p, nil
	case err := <-p.fin:
		cancela()
		return nil, err
	case <-ctx.Done():
		// Nothing has been asked for, and a database that does not answer is not waited for.
		return nil, errors.Join(ctx.Err(), p.para())
	}
}

func (p *propia) para() error {
	p.cancela()
	return <-p.fin
}

// noArranca names the way out where the directory has a gateway already.
func noArranca(err error, cfg config.Config) error {
	if !errors.Is(err, store.ErrInUse) {
		return err
	}
	texto := fmt.Sprintf("GATEWAY_DATA_DIR (%s) es de una pasarela que ya corre: pídasela a ella con --gateway", cfg.DataDir)
	if host, port, errHost := net.SplitHostPort(cfg.Listen); errHost == nil && port != "0" {
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			host = "127.0.0.1"
		}
		texto += " http://" + net.JoinHostPort(host, port)
	}
	if cfg.APIKeysFile != "" {
		texto += " y --api-key-file"
	}
	return errors.New(texto)
}
