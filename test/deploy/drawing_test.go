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
	"github.com/pasarela-mx/pasarela/internal/web/dashboard/chromiumtest"
)

// One column and one row of the dashboard's grid, in pixels.
const (
	column = 64
	line   = 34
	margin = 6
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
	p := startWith(t, nil, func(c *sandbox.Config) { c.Speed = 1 })
	prom := observe(t, "3s", p.Admin)
	start := time.Now()
	for time.Since(start) < 4*time.Minute {
		for range p.n % 4 {
			p.descarga("cfdi")
		}
		p.chapter()
		p.Sandbox.Fallas().Reset()
		time.Sleep(time.Duration(3+p.n%7) * time.Second)
	}
	p.jam()
	time.Sleep(10 * time.Second)
	prom.wait(t, `sum(pasarela_descargas) > 0 and on () pasarela_database_up == 1`)
	file := filepath.Join(t.TempDir(), "tablero.html")
	page, height := draw(t, prom, start.Add(20*time.Second), time.Now())
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	chromiumtest.Shot(t, "file://"+file, filepath.Join(dir, "grafana.png"), 24*column+2*margin, height)
}

func draw(t testing.TB, prom observer, since, until time.Time) (page string, height int) {
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
	for _, p := range readDashboard(t) {
		x, y, w, h := p.GridPos.X*column+margin, p.GridPos.Y*line+margin, p.GridPos.W*column-margin, p.GridPos.H*line-margin
		height = max(height, y+h+2*margin)
		if p.Type == "row" {
			fmt.Fprintf(&b, `<div class=r style="left:%dpx;top:%dpx">⌄ %s</div>`, x, y-margin, html.EscapeString(p.Title))
			continue
		}
		var body, bottom string
		switch p.Type {
		case "stat":
			body, bottom = encrypt(t, prom, p)
		case "bargauge":
			body = bars(t, prom, p)
		default:
			body = curves(t, prom, p, w, h, since, until)
		}
		fmt.Fprintf(&b, `<div class=p style="left:%dpx;top:%dpx;width:%dpx;height:%dpx;%s"><b>%s</b>%s</div>`, x, y, w, h, bottom, html.EscapeString(p.Title), body)
	}
	return b.String(), height
}

// color is that of the last threshold that v has reached.
func (p panel) color(v float64) string {
	name := ""
	for _, s := range p.FieldConfig.Defaults.Thresholds.Steps {
		if s.Value == nil || v >= *s.Value {
			name = s.Color
		}
	}
	return map[string]string{"green": "#4c8a3f", "orange": "#c9701a", "red": "#b5303c", "": "#24305e"}[name]
}

func instant(t testing.TB, prom observer, p panel) []serie {
	return prom.question(t, "/api/v1/query", url.Values{"query": {prepare(p.Targets[0].Expr)}})
}

func value(v any) float64 {
	f, err := strconv.ParseFloat(fmt.Sprint(v), 64)
	if err != nil {
		return math.NaN()
	}
	return f
}

func encrypt(t testing.TB, prom observer, p panel) (body, bottom string) {
	s := instant(t, prom, p)
	if len(s) == 0 {
		return `<div class=n>—</div>`, ""
	}
	v := value(s[0].Value[1])
	text := unit(v, p.FieldConfig.Defaults.Unit)
	for _, m := range p.FieldConfig.Defaults.Mappings {
		if o, ok := m.Options[strconv.FormatFloat(v, 'f', -1, 64)]; ok {
			text = o.Text
		}
	}
	return `<div class=n>` + html.EscapeString(text) + `</div>`, "background:" + p.color(v)
}

func bars(t testing.TB, prom observer, p panel) string {
	var b strings.Builder
	all := instant(t, prom, p)
	ceiling := 1.0
	for _, s := range all {
		ceiling = max(ceiling, value(s.Value[1]))
	}
	for _, s := range all {
		v := value(s.Value[1])
		fmt.Fprintf(&b, `<div class=g><span>%s</span><div style="width:%.0fpx;background:%s"></div>&nbsp;%s</div>`,
			html.EscapeString(leyenda(p.Targets[0].LegendFormat, s.Metric)), 270*max(v, 0)/ceiling, p.color(v), unit(v, p.FieldConfig.Defaults.Unit))
	}
	return b.String()
}

// colours are those of Grafana's classic palette.
func colours() []string {
	return []string{"#7EB26D", "#EAB839", "#6ED0E0", "#EF843C", "#E24D42", "#1F78C1", "#BA43A9", "#705DA0", "#508642", "#CCA300", "#447EBC", "#C15C17"}
}

// stroke is one series of a panel: its name and a value for each step, NaN where
// there is none.
type stroke struct {
	name string
	v    []float64
}

const steps = 110

// layer is a stroke on top of those before it.
type layer struct{ low, height []float64 }

func strokes(t testing.TB, prom observer, p panel, since, until time.Time) (all []stroke) {
	step := until.Sub(since).Seconds() / steps
	for _, target := range p.Targets {
		for _, s := range prom.question(t, "/api/v1/query_range", url.Values{"query": {prepare(target.Expr)}, "step": {fmt.Sprintf("%.3f", step)},
			"start": {fmt.Sprintf("%.3f", float64(since.UnixMilli())/1000)}, "end": {fmt.Sprintf("%.3f", float64(until.UnixMilli())/1000)}}) {
			tr := stroke{name: leyenda(target.LegendFormat, s.Metric), v: slices.Repeat([]float64{math.NaN()}, steps+2)}
			for _, point := range s.Values {
				if i := int(math.Round((value(point[0]) - float64(since.UnixMilli())/1000) / step)); i >= 0 && i < len(tr.v) {
					tr.v[i] = value(point[1])
				}
			}
			all = append(all, tr)
		}
	}
	slices.SortFunc(all, func(a, b stroke) int { return cmp.Compare(a.name, b.name) })
	return all
}

func curves(t testing.TB, prom observer, p panel, w, h int, since, until time.Time) string {
	all := strokes(t, prom, p, since, until)
	const left, above, below = 58, 30, 66
	width, height := float64(w-left-12), float64(h-above-below)
	stack := p.FieldConfig.Defaults.Custom.Stacking.Mode == "normal"
	base := make([]float64, steps+2)
	ceiling := 0.0
	var b, names strings.Builder
	layers := make([]layer, len(all))
	for i, tr := range all {
		c := layer{slices.Clone(base), slices.Clone(tr.v)}
		for k, v := range tr.v {
			if stack && !math.IsNaN(v) {
				c.height[k] = base[k] + v
				base[k] = c.height[k]
			}
			if !math.IsNaN(v) {
				ceiling = max(ceiling, c.height[k])
			}
		}
		layers[i] = c
	}
	if ceiling == 0 {
		ceiling = 1
	}
	ceiling *= 1.1
	px := func(k int) float64 { return left + width*float64(k)/(steps+1) }
	py := func(v float64) float64 { return above + height*(1-v/ceiling) }
	for k := range 5 {
		v := ceiling * float64(k) / 4
		fmt.Fprintf(&b, `<line x1=%d x2=%.0f y1=%.1f y2=%.1f stroke=#2c2f36 /><text x=%d y=%.1f fill=#8e8fa0 font-size=10 text-anchor=end>%s</text>`,
			left, left+width, py(v), py(v), left-5, py(v)+3, unit(v, p.FieldConfig.Defaults.Unit))
	}
	for _, k := range []int{0, steps / 3, 2 * steps / 3, steps} {
		fmt.Fprintf(&b, `<text x=%.0f y=%.0f fill=#8e8fa0 font-size=10 text-anchor=middle>%s</text>`, min(px(k), float64(w-28)), above+height+14,
			since.Add(until.Sub(since)*time.Duration(k)/steps).Format("15:04:05"))
	}
	for i, c := range layers {
		color := colours()[i%len(colours())]
		b.WriteString(appear(c, color, stack, p.FieldConfig.Defaults.Custom.DrawStyle == "bars", px, py))
		fmt.Fprintf(&names, `<i style="background:%s"></i>%s`, color, html.EscapeString(all[i].name))
	}
	return fmt.Sprintf(`<svg width=%d height=%d style="position:absolute;left:0;top:0">%s</svg><div class=l>%s</div>`, w, h, b.String(), names.String())
}

// appear is a line, filled down to what lies below it, or bars.
func appear(c layer, color string, full, bars bool, px func(int) float64, py func(float64) float64) string {
	var b strings.Builder
	if bars {
		thick := px(1) - px(0) - 0.6
		for k, v := range c.height {
			if !math.IsNaN(v) && v > c.low[k] {
				fmt.Fprintf(&b, `<rect x=%.1f y=%.1f width=%.1f height=%.1f fill=%s fill-opacity=.8 />`, px(k), py(v), thick, py(c.low[k])-py(v), color)
			}
		}
		return b.String()
	}
	opaque := ".1"
	if full {
		opaque = ".45"
	}
	// A series that is not there has no line: each stretch of it is drawn by itself.
	var line, floor []string
	for k := range len(c.height) + 1 {
		if k < len(c.height) && !math.IsNaN(c.height[k]) {
			bottom := 0.0
			if full {
				bottom = c.low[k]
			}
			line = append(line, fmt.Sprintf("%.1f,%.1f", px(k), py(c.height[k])))
			floor = append(floor, fmt.Sprintf("%.1f,%.1f", px(k), py(bottom)))
			continue
		}
		slices.Reverse(floor)
		fmt.Fprintf(&b, `<polygon points="%s" fill=%s fill-opacity=%s /><polyline points="%s" fill=none stroke=%s stroke-width=1.4 />`,
			strings.Join(append(slices.Clone(line), floor...), " "), color, opaque, strings.Join(line, " "), color)
		line, floor = nil, nil
	}
	return b.String()
}

func leyenda(format string, metric map[string]string) string {
	for _, k := range slices.Sorted(maps.Keys(metric)) {
		format = strings.ReplaceAll(format, "{{"+k+"}}", metric[k])
	}
	return format
}

// unit writes a value in the panel's unit, short.
func unit(v float64, unit string) string {
	number := func(v float64) string { return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64) }
	switch unit {
	case "bytes", "Bps":
		suffix := map[string]string{"bytes": "", "Bps": "/s"}[unit]
		for _, u := range []string{"B", "KiB", "MiB", "GiB"} {
			if math.Abs(v) < 1024 || u == "GiB" {
				return number(v) + " " + u + suffix
			}
			v /= 1024
		}
	case "s":
		if v < 1 {
			return number(v*1000) + " ms"
		}
		return number(v) + " s"
	case "d":
		return strconv.FormatFloat(v, 'f', 0, 64) + " días"
	case "reqps":
		return number(v) + " pet/s"
	case "ops":
		return number(v) + " /s"
	}
	return number(v)
}
