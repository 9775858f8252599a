package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	esperaCabeceras = 10 * time.Second
	esperaCierre    = 5 * time.Second
)

// revisaDireccion refuses to listen where others could take the sandbox for the service.
func revisaDireccion(direccion string, masAlla bool) error {
	host, _, err := net.SplitHostPort(direccion)
	if err != nil {
		return fmt.Errorf("sandbox: listen address %q: %w", direccion, err)
	}
	if masAlla || host == "localhost" {
		return nil
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("sandbox: %q is not a loopback address; the sandbox has no authentication on its admin port: to listen there anyway, set AllowNonLoopback (-beyond-loopback)", direccion)
	}
	return nil
}

// Run listens until ctx ends, then lets the calls under way finish for a few seconds. started, when
// not nil, is called once both listeners accept, with their addresses.
func (s *Sandbox) Run(ctx context.Context, started func(soap, admin net.Addr)) error {
	var escucha net.ListenConfig
	soap, err := escucha.Listen(ctx, "tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	admin, err := escucha.Listen(ctx, "tcp", s.cfg.AdminListen)
	if err != nil {
		return errors.Join(fmt.Errorf("sandbox: %w", err), soap.Close())
	}
	// Calls that a fault holds end with the sandbox.
	base := func(net.Listener) context.Context { return ctx }
	servidores := []*http.Server{
		{Handler: s.guarda(s.Handler()), ReadHeaderTimeout: esperaCabeceras, ConnState: s.cuentaConexion, BaseContext: base},
		{Handler: s.guarda(s.AdminHandler()), ReadHeaderTimeout: esperaCabeceras, BaseContext: base},
	}
	if started != nil {
		started(soap.Addr(), admin.Addr())
	}
	g, vivo := errgroup.WithContext(ctx)
	for i, l := range []net.Listener{soap, admin} {
		g.Go(func() error {
			if err := servidores[i].Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("sandbox: %w", err)
			}
			return nil
		})
	}
	g.Go(func() error {
		<-vivo.Done()
		cierre, cancela := context.WithTimeout(context.WithoutCancel(ctx), esperaCierre)
		defer cancela()
		for _, servidor := range servidores {
			if err := servidor.Shutdown(cierre); err != nil {
				s.cfg.Log.Warn().Err(err).Msg("the sandbox cuts the answers that do not end")
				_ = servidor.Close()
			}
		}
		return nil
	})
	return g.Wait()
}

func (s *Sandbox) cuentaConexion(_ net.Conn, estado http.ConnState) {
	if estado == http.StateNew {
		s.contadores.Conexion()
	}
}
