package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/cliente"
)

// The gateway may have let packages go since the descarga ended: not all is there.
func TestInforma_WhenPackagesOfAWholeDescargaAreGone(t *testing.T) {
	var out bytes.Buffer
	d := &descargar{Streams: Streams{Out: &out}}
	r := resultado{Manifiesto: cliente.Manifiesto{Descarga: rest.Descarga{Estado: rest.EstadoDescargaTerminada}}}
	if err := d.informa(r, "x"); err != nil {
		t.Errorf("whole: %v", err)
	}
	r.Faltantes = []cliente.Faltante{{IDPaquete: "A_01", Estado: "borrado"}}
	var salida *errSalida
	if err := d.informa(r, "x"); !errors.As(err, &salida) || salida.codigo != ExitParcial || !strings.Contains(out.String(), "falta     paquete A_01, borrado") {
		t.Errorf("%v: %s", err, out.String())
	}
}

func TestInforma_WhenTheRequestIsWorthASecondLookSaysSo(t *testing.T) {
	var out bytes.Buffer
	r := resultado{Manifiesto: cliente.Manifiesto{Descarga: rest.Descarga{Estado: rest.EstadoDescargaVacia, Avisos: []string{"La pasarela no conoce el complemento «x»."}}}}
	if err := (&descargar{Streams: Streams{Out: &out}}).informa(r, "c"); err != nil || !strings.Contains(out.String(), "  aviso     La pasarela no conoce el complemento «x».\n") {
		t.Errorf("%v: %s", err, out.String())
	}
}

// The same order with --nueva would spend the quota again once this one has ended.
func TestExplica_WhenInterruptedWithNueva(t *testing.T) {
	ctx, cancela := context.WithCancel(t.Context())
	cancela()
	for nueva, want := range map[bool]string{true: "la misma orden, sin --nueva, la retoma", false: "la misma orden la retoma"} {
		d := &descargar{nueva: nueva}
		for _, remota := range []string{"", "https://pasarela.example"} {
			if err := d.explica(ctx, ctx.Err(), remota, true); !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
	}
}

func TestAbreCarpeta_WhenADateHasATime(t *testing.T) {
	t.Chdir(t.TempDir())
	d := &descargar{rfc: "Ñ&P010101AB3", tipo: "recibidos", que: "cfdi", desde: "2026-01-01T08:00:00", hasta: "2026-01-31"}
	c, err := d.abreCarpeta(rest.PeticionDescarga{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Cierra() //nolint:errcheck // a lock of a test
	if strings.Contains(c.Dir(), ":") || !strings.HasSuffix(c.Dir(), "Ñ&P010101AB3_recibidos_cfdi_2026-01-01T080000_2026-01-31") {
		t.Errorf("%s", c.Dir())
	}
}
