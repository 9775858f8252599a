package cli

import (
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/cliente"
)

// avance shows how a descarga goes. It is used by one goroutine.
type avance interface {
	dice(texto string)
	paso(p cliente.Paso)
	// archivo is told of bytes, or of documents, as they come; total is 0 where unknown.
	archivo(nombre string, hecho, total int64)
	cierra()
}

// avance is a bar on a terminal, and lines everywhere else.
func (d *descargar) avance() avance {
	if f, ok := crudo(d.Err).(*os.File); ok && !d.verboso && term.IsTerminal(int(f.Fd())) {
		return &barra{w: f}
	}
	return &lineas{w: d.Err, now: d.now}
}

// lineas is for logs and pipes: what happened, when it happened.
type lineas struct {
	w      io.Writer
	now    func() time.Time
	ultimo string
}

func (l *lineas) escribe(cuando time.Time, format string, args ...any) {
	fmt.Fprintf(l.w, cuando.Local().Format(time.DateTime)+"  "+format+"\n", args...) //nolint:errcheck // progress is not the result
}

func (l *lineas) dice(texto string) { l.escribe(l.now(), "%s", strings.ReplaceAll(texto, "\n", " ")) }

func (l *lineas) paso(p cliente.Paso) {
	for _, e := range p.Eventos {
		solicitud := ""
		if e.Solicitud > 0 {
			solicitud = fmt.Sprintf("solicitud %d: ", e.Solicitud)
		}
		l.escribe(e.Cuando, "%s%s", solicitud, e.Detalle)
	}
}

func (l *lineas) archivo(nombre string, _, total int64) {
	if nombre == l.ultimo {
		return
	}
	l.ultimo = nombre
	switch {
	case nombre == cliente.CarpetaXML:
		l.escribe(l.now(), "Sacando los XML de los paquetes")
	case total > 0:
		l.escribe(l.now(), "Bajando %s, %s", nombre, bytesLegibles(total))
	default:
		l.escribe(l.now(), "Bajando %s", nombre)
	}
}

func (l *lineas) cierra() {}

// barra is for people who watch.
type barra struct {
	w      io.Writer
	actual *progressbar.ProgressBar
	de     string // what the bar is of
}

const (
	// A terminal of 80 columns holds the bar with what is said before and behind it.
	anchoBarra  = 16
	anchoNombre = 20
	cadaPintada = 100 * time.Millisecond
	cadaCuantos = 100
	cien        = 100
)

func (b *barra) dice(texto string) {
	b.cierra()
	fmt.Fprintln(b.w, limpio(texto)) //nolint:errcheck // progress is not the result
}

// nueva puts another bar in the place of the last; a negative maximo makes it one
// that turns without an end in sight.
func (b *barra) nueva(de string, maximo int64, opciones ...progressbar.Option) {
	b.cierra()
	b.de = de
	// Without an interval nothing draws but our own calls: a bar that draws by itself
	// goes on after another has taken its place.
	b.actual = progressbar.NewOptions64(maximo, append([]progressbar.Option{
		progressbar.OptionSetWriter(b.w), progressbar.OptionSetWidth(anchoBarra), progressbar.OptionClearOnFinish(), progressbar.OptionUseANSICodes(true), progressbar.OptionSetSpinnerChangeInterval(0),
		progressbar.OptionSetElapsedTime(true),
		progressbar.OptionSetTheme(progressbar.Theme{Saucer: "█", SaucerPadding: "░", BarStart: " ", BarEnd: " "}),
	}, opciones...)...)
}

// descarga is what the bar of the SAT's part is of.
const laDescarga = "descarga"

func (b *barra) paso(p cliente.Paso) {
	if b.de != laDescarga {
		b.nueva(laDescarga, cien, progressbar.OptionSetPredictTime(false))
	}
	b.actual.Describe(limpio(comoVa(p.Descarga)))
	// A whole bar would be cleared, and nothing is whole before the end is known.
	_ = b.actual.Set(min(p.Descarga.Progreso.Porcentaje, cien-1)) // it fails only beyond its end
}

func (b *barra) archivo(nombre string, hecho, total int64) {
	if b.de != nombre {
		if total == 0 {
			total = -1
		}
		b.nueva(nombre, total, progressbar.OptionSetDescription(corto(nombre)), progressbar.OptionThrottle(cadaPintada),
			progressbar.OptionShowBytes(nombre != cliente.CarpetaXML), progressbar.OptionSetPredictTime(false), progressbar.OptionSetRenderBlankState(true))
	}
	if nombre == cliente.CarpetaXML {
		if hecho%cadaCuantos == 0 {
			b.actual.Describe(corto(nombre) + ": " + miles(hecho))
		}
		return
	}
	_ = b.actual.Set64(hecho) // it fails only beyond its end
}

// corto is the end of a name, which is where those of packages differ.
func corto(nombre string) string {
	if nombre == cliente.CarpetaXML {
		return "sacando los XML"
	}
	r := []rune(path.Base(nombre))
	if len(r) > anchoNombre {
		r = append([]rune{'…'}, r[len(r)-anchoNombre+1:]...)
	}
	return string(r)
}

func (b *barra) cierra() {
	if b.actual != nil {
		_ = b.actual.Clear() // progress is not the result
	}
	b.actual, b.de = nil, ""
}

func comoVa(d rest.Descarga) string {
	p := d.Progreso
	switch {
	case p.NumeroCFDIs > 0:
		return fmt.Sprintf("%d/%d paquetes · %s/%s comprobantes", p.PaquetesGuardados, p.TotalPaquetes, miles(p.Encontrados), miles(p.NumeroCFDIs))
	case p.TotalSolicitudes > 1:
		return fmt.Sprintf("%s · %d/%d solicitudes", estadoLegible(d.Estado), p.SolicitudesTerminadas, p.TotalSolicitudes)
	}
	return estadoLegible(d.Estado)
}

func estadoLegible(e rest.EstadoDescarga) string {
	switch e {
	case rest.EstadoDescargaEnCola:
		return "por presentar al SAT"
	case rest.EstadoDescargaSolicitada:
		return "el SAT la recibió"
	case rest.EstadoDescargaEnProceso:
		return "el SAT trabaja en ella"
	case rest.EstadoDescargaDescargando:
		return "trayendo paquetes"
	}
	return string(e)
}

func plural(n int64, uno, varios string) string {
	if n == 1 {
		return "1 " + uno
	}
	return miles(n) + " " + varios
}

// miles groups a number in threes, as Mexico writes it.
func miles(n int64) string {
	digitos := strconv.FormatInt(n, 10)
	for i := len(digitos) - 3; i > 0; i -= 3 {
		digitos = digitos[:i] + "," + digitos[i:]
	}
	return digitos
}

func bytesLegibles(n int64) string {
	const mil = 1000
	unidades := []string{"bytes", "kB", "MB", "GB", "TB"}
	valor, i := float64(n), 0
	for valor >= mil && i < len(unidades)-1 {
		valor, i = valor/mil, i+1
	}
	if i == 0 {
		return plural(n, "byte", "bytes")
	}
	return fmt.Sprintf("%.1f %s", valor, unidades[i])
}
