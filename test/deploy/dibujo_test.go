package deploy

import (
	"cmp"
	"fmt"
	"html"
	"maps"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/tablero/chromiumtest"
)

// One column and one row of the dashboard's grid, in pixels.
const (
	columna = 64
	renglon = 34
	margen  = 6
)

// TestDashboard_Drawn draws the dashboard for docs/operacion.md, from what a real
// Prometheus says of a real gateway. It is no Grafana: it lays out the same file, by
// the same grid, and shows each panel's series.
func TestDashboard_Drawn(t *testing.T) {
	dir := os.Getenv("PASARELA_TABLERO")
	if dir == "" {
		t.Skip("PASARELA_TABLERO says where the picture goes")
	}
	// Descargas that take some seconds, so that some are seen alive.
	p := arrancaCon(t, nil, func(c *sandbox.Config) { c.Velocidad = 1 })
	prom := observa(t, p.Admin, "3s")
	inicio := time.Now()
	for time.Since(inicio) < 4*time.Minute {
		for range p.n % 4 {
			p.descarga("cfdi")
		}
		p.capitulo()
		p.Sandbox.Fallas().Reinicia()
		time.Sleep(time.Duration(3+p.n%7) * time.Second)
	}
	p.atora()
	time.Sleep(10 * time.Second)
	prom.espera(t, `sum(pasarela_descargas) > 0 and on () pasarela_database_up == 1`)
	archivo := filepath.Join(t.TempDir(), "tablero.html")
	pagina, alto := dibuja(t, prom, inicio.Add(20*time.Second), time.Now())
	if err := os.WriteFile(archivo, []byte(pagina), 0o600); err != nil {
		t.Fatal(err)
	}
	chromiumtest.Shot(t, "file://"+archivo, filepath.Join(dir, "grafana.png"), 24*columna+2*margen, alto)
}

func dibuja(t testing.TB, prom observador, desde, hasta time.Time) (pagina string, alto int) {
	var b strings.Builder
	b.WriteString(`<!doctype html><meta charset="utf-8"><style>
body{margin:0;background:#111217;color:#ccccdc;font:12px sans-serif;position:relative}
div.p{position:absolute;background:#181b1f;border:1px solid #24262c;border-radius:2px;box-sizing:border-box;overflow:hidden}
div.p>b{display:block;padding:7px 9px 3px;font-weight:500;font-size:13px;white-space:nowrap}
div.r{position:absolute;font-weight:600;font-size:14px;padding-top:9px}
.n{position:absolute;inset:0;display:flex;align-items:center;justify-content:center;font-size:34px;font-weight:500;color:#fff}
.l{position:absolute;left:9px;right:9px;bottom:4px;font-size:10.5px;max-height:40px;overflow:hidden;line-height:13px}
.l i{display:inline-block;width:10px;height:3px;margin:0 4px 3px 8px}
.g{display:flex;align-items:center;margin:6px 10px}.g span{width:110px}.g div{height:15px}</style>`)
	for _, p := range leeTablero(t) {
		x, y, w, h := p.GridPos.X*columna+margen, p.GridPos.Y*renglon+margen, p.GridPos.W*columna-margen, p.GridPos.H*renglon-margen
		alto = max(alto, y+h+2*margen)
		if p.Type == "row" {
			fmt.Fprintf(&b, `<div class=r style="left:%dpx;top:%dpx">⌄ %s</div>`, x, y-margen, html.EscapeString(p.Title))
			continue
		}
		var cuerpo, fondo string
		switch p.Type {
		case "stat":
			cuerpo, fondo = cifra(t, prom, p)
		case "bargauge":
			cuerpo = barras(t, prom, p)
		default:
			cuerpo = curvas(t, prom, p, w, h, desde, hasta)
		}
		fmt.Fprintf(&b, `<div class=p style="left:%dpx;top:%dpx;width:%dpx;height:%dpx;%s"><b>%s</b>%s</div>`, x, y, w, h, fondo, html.EscapeString(p.Title), cuerpo)
	}
	return b.String(), alto
}

// color is that of the last threshold that v has reached.
func (p panel) color(v float64) string {
	nombre := ""
	for _, s := range p.FieldConfig.Defaults.Thresholds.Steps {
		if s.Value == nil || v >= *s.Value {
			nombre = s.Color
		}
	}
	return map[string]string{"green": "#4c8a3f", "orange": "#c9701a", "red": "#b5303c", "": "#24305e"}[nombre]
}

func instante(t testing.TB, prom observador, p panel) []serie {
	return prom.pregunta(t, "/api/v1/query", url.Values{"query": {prepara(p.Targets[0].Expr)}})
}

func valor(v any) float64 {
	f, err := strconv.ParseFloat(fmt.Sprint(v), 64)
	if err != nil {
		return math.NaN()
	}
	return f
}

func cifra(t testing.TB, prom observador, p panel) (cuerpo, fondo string) {
	s := instante(t, prom, p)
	if len(s) == 0 {
		return `<div class=n>—</div>`, ""
	}
	v := valor(s[0].Value[1])
	texto := unidad(v, p.FieldConfig.Defaults.Unit)
	for _, m := range p.FieldConfig.Defaults.Mappings {
		if o, ok := m.Options[strconv.FormatFloat(v, 'f', -1, 64)]; ok {
			texto = o.Text
		}
	}
	return `<div class=n>` + html.EscapeString(texto) + `</div>`, "background:" + p.color(v)
}

func barras(t testing.TB, prom observador, p panel) string {
	var b strings.Builder
	todas := instante(t, prom, p)
	tope := 1.0
	for _, s := range todas {
		tope = max(tope, valor(s.Value[1]))
	}
	for _, s := range todas {
		v := valor(s.Value[1])
		fmt.Fprintf(&b, `<div class=g><span>%s</span><div style="width:%.0fpx;background:%s"></div>&nbsp;%s</div>`,
			html.EscapeString(leyenda(p.Targets[0].LegendFormat, s.Metric)), 270*max(v, 0)/tope, p.color(v), unidad(v, p.FieldConfig.Defaults.Unit))
	}
	return b.String()
}

// colores are those of Grafana's classic palette.
func colores() []string {
	return []string{"#7EB26D", "#EAB839", "#6ED0E0", "#EF843C", "#E24D42", "#1F78C1", "#BA43A9", "#705DA0", "#508642", "#CCA300", "#447EBC", "#C15C17"}
}

// trazo is one series of a panel: its name and a value for each step, NaN where
// there is none.
type trazo struct {
	nombre string
	v      []float64
}

const pasos = 110

// capa is a trazo on top of those before it.
type capa struct{ bajo, alto []float64 }

func trazos(t testing.TB, prom observador, p panel, desde, hasta time.Time) (todos []trazo) {
	paso := hasta.Sub(desde).Seconds() / pasos
	for _, target := range p.Targets {
		for _, s := range prom.pregunta(t, "/api/v1/query_range", url.Values{"query": {prepara(target.Expr)}, "step": {fmt.Sprintf("%.3f", paso)},
			"start": {fmt.Sprintf("%.3f", float64(desde.UnixMilli())/1000)}, "end": {fmt.Sprintf("%.3f", float64(hasta.UnixMilli())/1000)}}) {
			tr := trazo{nombre: leyenda(target.LegendFormat, s.Metric), v: slices.Repeat([]float64{math.NaN()}, pasos+2)}
			for _, punto := range s.Values {
				if i := int(math.Round((valor(punto[0]) - float64(desde.UnixMilli())/1000) / paso)); i >= 0 && i < len(tr.v) {
					tr.v[i] = valor(punto[1])
				}
			}
			todos = append(todos, tr)
		}
	}
	slices.SortFunc(todos, func(a, b trazo) int { return cmp.Compare(a.nombre, b.nombre) })
	return todos
}

func curvas(t testing.TB, prom observador, p panel, w, h int, desde, hasta time.Time) string {
	todos := trazos(t, prom, p, desde, hasta)
	const izquierda, arriba, abajo = 58, 30, 66
	ancho, alto := float64(w-izquierda-12), float64(h-arriba-abajo)
	apila := p.FieldConfig.Defaults.Custom.Stacking.Mode == "normal"
	base := make([]float64, pasos+2)
	tope := 0.0
	var b, nombres strings.Builder
	capas := make([]capa, len(todos))
	for i, tr := range todos {
		c := capa{slices.Clone(base), slices.Clone(tr.v)}
		for k, v := range tr.v {
			if apila && !math.IsNaN(v) {
				c.alto[k] = base[k] + v
				base[k] = c.alto[k]
			}
			if !math.IsNaN(v) {
				tope = max(tope, c.alto[k])
			}
		}
		capas[i] = c
	}
	if tope == 0 {
		tope = 1
	}
	tope *= 1.1
	px := func(k int) float64 { return izquierda + ancho*float64(k)/(pasos+1) }
	py := func(v float64) float64 { return arriba + alto*(1-v/tope) }
	for k := range 5 {
		v := tope * float64(k) / 4
		fmt.Fprintf(&b, `<line x1=%d x2=%.0f y1=%.1f y2=%.1f stroke=#2c2f36 /><text x=%d y=%.1f fill=#8e8fa0 font-size=10 text-anchor=end>%s</text>`,
			izquierda, izquierda+ancho, py(v), py(v), izquierda-5, py(v)+3, unidad(v, p.FieldConfig.Defaults.Unit))
	}
	for _, k := range []int{0, pasos / 3, 2 * pasos / 3, pasos} {
		fmt.Fprintf(&b, `<text x=%.0f y=%.0f fill=#8e8fa0 font-size=10 text-anchor=middle>%s</text>`, min(px(k), float64(w-28)), arriba+alto+14,
			desde.Add(hasta.Sub(desde)*time.Duration(k)/pasos).Format("15:04:05"))
	}
	for i, c := range capas {
		color := colores()[i%len(colores())]
		b.WriteString(figura(c, color, apila, p.FieldConfig.Defaults.Custom.DrawStyle == "bars", px, py))
		fmt.Fprintf(&nombres, `<i style="background:%s"></i>%s`, color, html.EscapeString(todos[i].nombre))
	}
	return fmt.Sprintf(`<svg width=%d height=%d style="position:absolute;left:0;top:0">%s</svg><div class=l>%s</div>`, w, h, b.String(), nombres.String())
}

// figura is a line, filled down to what lies below it, or bars.
func figura(c capa, color string, llena, barras bool, px func(int) float64, py func(float64) float64) string {
	var b strings.Builder
	if barras {
		grueso := px(1) - px(0) - 0.6
		for k, v := range c.alto {
			if !math.IsNaN(v) && v > c.bajo[k] {
				fmt.Fprintf(&b, `<rect x=%.1f y=%.1f width=%.1f height=%.1f fill=%s fill-opacity=.8 />`, px(k), py(v), grueso, py(c.bajo[k])-py(v), color)
			}
		}
		return b.String()
	}
	opaco := ".1"
	if llena {
		opaco = ".45"
	}
	// A series that is not there has no line: each stretch of it is drawn by itself.
	var linea, suelo []string
	for k := range len(c.alto) + 1 {
		if k < len(c.alto) && !math.IsNaN(c.alto[k]) {
			fondo := 0.0
			if llena {
				fondo = c.bajo[k]
			}
			linea = append(linea, fmt.Sprintf("%.1f,%.1f", px(k), py(c.alto[k])))
			suelo = append(suelo, fmt.Sprintf("%.1f,%.1f", px(k), py(fondo)))
			continue
		}
		slices.Reverse(suelo)
		fmt.Fprintf(&b, `<polygon points="%s" fill=%s fill-opacity=%s /><polyline points="%s" fill=none stroke=%s stroke-width=1.4 />`,
			strings.Join(append(slices.Clone(linea), suelo...), " "), color, opaco, strings.Join(linea, " "), color)
		linea, suelo = nil, nil
	}
	return b.String()
}

func leyenda(formato string, metric map[string]string) string {
	for _, k := range slices.Sorted(maps.Keys(metric)) {
		formato = strings.ReplaceAll(formato, "{{"+k+"}}", metric[k])
	}
	return formato
}

// unidad writes a value in the panel's unit, short.
func unidad(v float64, unit string) string {
	numero := func(v float64) string { return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64) }
	switch unit {
	case "bytes", "Bps":
		sufijo := map[string]string{"bytes": "", "Bps": "/s"}[unit]
		for _, u := range []string{"B", "KiB", "MiB", "GiB"} {
			if math.Abs(v) < 1024 || u == "GiB" {
				return numero(v) + " " + u + sufijo
			}
			v /= 1024
		}
	case "s":
		if v < 1 {
			return numero(v*1000) + " ms"
		}
		return numero(v) + " s"
	case "d":
		return strconv.FormatFloat(v, 'f', 0, 64) + " días"
	case "reqps":
		return numero(v) + " pet/s"
	case "ops":
		return numero(v) + " /s"
	}
	return numero(v)
}
