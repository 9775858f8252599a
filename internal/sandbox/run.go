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
	headersWait = 10 * time.Second
	closingWait = 5 * time.Second
)

// checkAddress refuses to listen where others could take the sandbox for the service.
func checkAddress(address string, beyond bool) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("sandbox: listen address %q: %w", address, err)
	}
	if beyond || host == "localhost" {
		return nil
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("sandbox: %q is not a loopback address; the sandbox has no authentication on its admin port: to listen there anyway, set AllowNonLoopback (-beyond-loopback)", address)
	}
	return nil
}

// Run listens until ctx ends, then lets the calls under way finish for a few seconds. started, when
// not nil, is called once both listeners accept, with their addresses.
func (s *Sandbox) Run(ctx context.Context, started func(soap, admin net.Addr)) error {
	var listen net.ListenConfig
	soap, err := listen.Listen(ctx, "tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	admin, err := listen.Listen(ctx, "tcp", s.cfg.AdminListen)
	if err != nil {
		return errors.Join(fmt.Errorf("sandbox: %w", err), soap.Close())
	}
	// A call that a fault holds ends with the sandbox.
	base := func(net.Listener) context.Context { return ctx }
	servers := []*http.Server{
		{Handler: s.guard(s.Handler()), ReadHeaderTimeout: headersWait, ConnState: s.countConnection, BaseContext: base},
		{Handler: s.guard(s.AdminHandler()), ReadHeaderTimeout: headersWait, BaseContext: base},
	}
	if started != nil {
		started(soap.Addr(), admin.Addr())
	}
	g, live := errgroup.WithContext(ctx)
	for i, l := range []net.Listener{soap, admin} {
		g.Go(func() error {
			if err := servers[i].Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("sandbox: %w", err)
			}
			return nil
		})
	}
	g.Go(func() error {
		<-live.Done()
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closingWait)
		defer cancel()
		for _, server := range servers {
			if err := server.Shutdown(closing); err != nil {
				s.cfg.Log.Warn().Err(err).Msg("the sandbox cuts the answers that do not end")
				_ = server.Close()
			}
		}
		return nil
	})
	return g.Wait()
}

func (s *Sandbox) countConnection(_ net.Conn, estado http.ConnState) {
	if estado == http.StateNew {
		s.desk.Counters.Connection()
	}
}
