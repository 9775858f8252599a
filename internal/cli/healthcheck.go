package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pasarela-mx/pasarela/internal/config"
)

func healthcheckOrder(s Streams) *cobra.Command {
	var wait time.Duration
	c := withCodigos(&cobra.Command{
		Use:   "healthcheck",
		Short: "Pregunta a la pasarela de esta máquina si está lista",
		Long: `Pregunta a la pasarela que corre en esta máquina si está lista, por /readyz de su puerto de
administración (GATEWAY_ADMIN_LISTEN). Es para contenedores, que no traen curl. No lee otra
configuración ni abre la base de datos.`,
		Example: `  gateway healthcheck

  # En un Dockerfile
  HEALTHCHECK CMD ["/gateway", "healthcheck"]`,
		Args: withoutArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			listen, err := config.One("GATEWAY_ADMIN_LISTEN")
			if err != nil {
				return err
			}
			target, err := whomToAsk(listen)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(c.Context(), wait)
			defer cancel()
			if err := question(ctx, target); err != nil {
				return err
			}
			_, err = fmt.Fprintf(s.Out, "lista: %s\n", target)
			return err
		},
	}, []codigo{{ExitOK, "está lista"}, {ExitFailed, "no contesta, o no está lista"}, {ExitUsage, "la orden está mal escrita"}})
	c.Flags().DurationVar(&wait, "timeout", 3*time.Second, "cuánto esperar la respuesta, como `DURACIÓN`")
	return c
}

// whomToAsk returns the address of /readyz from this machine: loopback, if the gateway
// listens on every interface.
func whomToAsk(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	switch {
	case err != nil:
		return "", fmt.Errorf("GATEWAY_ADMIN_LISTEN: %q no es host:puerto", listen)
	case port == "0" || port == "":
		return "", fmt.Errorf("GATEWAY_ADMIN_LISTEN: con el puerto 0 la pasarela toma uno cualquiera y no se sabe a cuál preguntar; dele uno fijo")
	}
	switch ip := net.ParseIP(host); {
	case host == "", ip != nil && ip.IsUnspecified() && ip.To4() != nil:
		host = "127.0.0.1"
	case ip != nil && ip.IsUnspecified():
		// Not ::1, which a container without IPv6 lacks: [::] listens on both.
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port) + "/readyz", nil
}

// maxMotivo is how much of an answer is shown.
const maxMotivo = 200

func question(ctx context.Context, target string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return err
	}
	// This machine's gateway is not called through a proxy.
	resp, err := (&http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}).Do(req)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s no contestó a tiempo", target)
	case err != nil:
		return fmt.Errorf("no hay quien conteste en %s", target)
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	motivo, err := io.ReadAll(io.LimitReader(resp.Body, maxMotivo))
	if err != nil {
		return fmt.Errorf("%s cortó su respuesta", target)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("no está lista: %s contestó %d: %s", target, resp.StatusCode, strings.Join(strings.Fields(string(motivo)), " "))
	}
	return nil
}
