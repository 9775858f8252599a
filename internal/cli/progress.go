package cli

import (
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/client"
)

// progress shows the progress of a descarga. One goroutine uses it.
type progress interface {
	say(text string)
	step(p client.Step)
	// file is called as bytes or documents come; total is 0 if unknown.
	file(name string, done, total int64)
	close()
}

// progress returns a bar on a terminal, and lines everywhere else.
func (d *download) progress() progress {
	if f, ok := raw(d.Err).(*os.File); ok && !d.verbose && term.IsTerminal(int(f.Fd())) {
		return &bar{w: f}
	}
	return &lines{w: d.Err, now: d.now}
}

// lines is for logs and pipes: what happened, when it happens.
type lines struct {
	w    io.Writer
	now  func() time.Time
	last string
}

func (l *lines) write(when time.Time, format string, args ...any) {
	fmt.Fprintf(l.w, when.Local().Format(time.DateTime)+"  "+format+"\n", args...) //nolint:errcheck // progress is not the result
}

func (l *lines) say(text string) { l.write(l.now(), "%s", strings.ReplaceAll(text, "\n", " ")) }

func (l *lines) step(p client.Step) {
	for _, e := range p.Eventos {
		solicitud := ""
		if e.Solicitud > 0 {
			solicitud = fmt.Sprintf("solicitud %d: ", e.Solicitud)
		}
		l.write(e.Cuando, "%s%s", solicitud, e.Detalle)
	}
}

func (l *lines) file(name string, _, total int64) {
	if name == l.last {
		return
	}
	l.last = name
	switch {
	case name == client.FolderXML:
		l.write(l.now(), "Sacando los XML de los paquetes")
	case total > 0:
		l.write(l.now(), "Bajando %s, %s", name, readableBytes(total))
	default:
		l.write(l.now(), "Bajando %s", name)
	}
}

func (l *lines) close() {}

// bar is for people who watch a terminal.
type bar struct {
	w      io.Writer
	actual *progressbar.ProgressBar
	de     string // what the bar is about
}

const (
	// A terminal of 80 columns has room for the bar with the text around it.
	widthBar     = 16
	widthName    = 20
	everyPainted = 100 * time.Millisecond
	// everyDocuments is how many are taken out before the count is drawn again.
	everyDocuments = 100
)

func (b *bar) say(text string) {
	b.close()
	fmt.Fprintln(b.w, cleanText(text)) //nolint:errcheck // progress is not the result
}

// new replaces the bar with another one. A negative highest makes it an endless one.
func (b *bar) new(de string, highest int64, options ...progressbar.Option) {
	b.close()
	b.de = de
	// Without an interval only our own calls draw: a bar that draws by itself goes on
	// after another one has replaced it.
	b.actual = progressbar.NewOptions64(highest, append([]progressbar.Option{
		progressbar.OptionSetWriter(b.w), progressbar.OptionSetWidth(widthBar), progressbar.OptionClearOnFinish(), progressbar.OptionUseANSICodes(true), progressbar.OptionSetSpinnerChangeInterval(0),
		progressbar.OptionSetElapsedTime(true),
		progressbar.OptionSetTheme(progressbar.Theme{Saucer: "█", SaucerPadding: "░", BarStart: " ", BarEnd: " "}),
	}, options...)...)
}

// descarga is the subject of the bar for the SAT's part.
const laDescarga = "descarga"

func (b *bar) step(p client.Step) {
	if b.de != laDescarga {
		b.new(laDescarga, 100, progressbar.OptionSetPredictTime(false))
	}
	b.actual.Describe(cleanText(howItGoes(p.Descarga)))
	// A full bar would be cleared, and it is full only at the end.
	_ = b.actual.Set(min(p.Descarga.Progreso.Porcentaje, 99)) // it fails only beyond its end
}

func (b *bar) file(name string, done, total int64) {
	if b.de != name {
		if total == 0 {
			total = -1
		}
		b.new(name, total, progressbar.OptionSetDescription(short(name)), progressbar.OptionThrottle(everyPainted),
			progressbar.OptionShowBytes(name != client.FolderXML), progressbar.OptionSetPredictTime(false), progressbar.OptionSetRenderBlankState(true))
	}
	if name == client.FolderXML {
		if done%everyDocuments == 0 {
			b.actual.Describe(short(name) + ": " + humanize.Comma(done))
		}
		return
	}
	_ = b.actual.Set64(done) // it fails only beyond its end
}

// short returns the end of a name, where the names of packages differ.
func short(name string) string {
	if name == client.FolderXML {
		return "sacando los XML"
	}
	r := []rune(path.Base(name))
	if len(r) > widthName {
		r = append([]rune{'…'}, r[len(r)-widthName+1:]...)
	}
	return string(r)
}

func (b *bar) close() {
	if b.actual != nil {
		_ = b.actual.Clear() // progress is not the result
	}
	b.actual, b.de = nil, ""
}

func howItGoes(d rest.Descarga) string {
	p := d.Progreso
	switch {
	case p.NumeroCFDIs > 0:
		return fmt.Sprintf("%d/%d paquetes · %s/%s comprobantes", p.PaquetesGuardados, p.TotalPaquetes, humanize.Comma(p.Encontrados), humanize.Comma(p.NumeroCFDIs))
	case p.TotalSolicitudes > 1:
		return fmt.Sprintf("%s · %d/%d solicitudes", readableEstado(d.Estado), p.SolicitudesTerminadas, p.TotalSolicitudes)
	}
	return readableEstado(d.Estado)
}

func readableEstado(e rest.EstadoDescarga) string {
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

func plural(n int64, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return humanize.Comma(n) + " " + several
}

func readableBytes(n int64) string {
	const thousand = 1000
	units := []string{"bytes", "kB", "MB", "GB", "TB"}
	value, i := float64(n), 0
	for value >= thousand && i < len(units)-1 {
		value, i = value/thousand, i+1
	}
	if i == 0 {
		return plural(n, "byte", "bytes")
	}
	return fmt.Sprintf("%.1f %s", value, units[i])
}
