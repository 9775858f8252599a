package control

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxTexto bounds a knob that is a text.
const maxTexto = 10_000

// Perilla declares one knob. The type of Defecto is its type: bool, int64, time.Duration or string.
// Numbers and durations are never negative; Max, when not zero, is the greatest value taken; Valores,
// when there are any, are the only texts taken.
type Perilla struct {
	Nombre  string
	Defecto any
	Max     int64
	Valores []string
	Nota    string // what it does, one line
}

// Perillas are the knobs of the sandbox: settings that change how the simulated systems behave and
// that may be turned while it runs.
type Perillas struct {
	declaradas map[string]Perilla

	mu      sync.RWMutex
	valores map[string]any
}

// NewPerillas returns the knobs at their defaults.
func NewPerillas(declaradas ...Perilla) *Perillas {
	p := &Perillas{declaradas: make(map[string]Perilla, len(declaradas)), valores: make(map[string]any, len(declaradas))}
	for _, d := range declaradas {
		switch d.Defecto.(type) {
		case bool, int64, time.Duration, string:
		default:
			panic(fmt.Sprintf("control: knob %q of type %T", d.Nombre, d.Defecto))
		}
		p.declaradas[d.Nombre] = d
		p.valores[d.Nombre] = d.Defecto
	}
	return p
}

// Bool reads a knob that is true or false. A name that was not declared, or not of that type, is a
// defect of the caller and panics; so in Entero, Duracion and Texto.
func (p *Perillas) Bool(nombre string) bool { return valor[bool](p, nombre) }

// Entero reads a whole number.
func (p *Perillas) Entero(nombre string) int64 { return valor[int64](p, nombre) }

// Duracion reads a duration.
func (p *Perillas) Duracion(nombre string) time.Duration { return valor[time.Duration](p, nombre) }

// Texto reads a text.
func (p *Perillas) Texto(nombre string) string { return valor[string](p, nombre) }

func valor[T any](p *Perillas, nombre string) T {
	p.mu.RLock()
	defer p.mu.RUnlock()
	v, ok := p.valores[nombre].(T)
	if !ok {
		panic(fmt.Sprintf("control: no knob %q of type %T", nombre, v))
	}
	return v
}

// Nombres returns the names of all knobs, sorted.
func (p *Perillas) Nombres() []string { return slices.Sorted(maps.Keys(p.declaradas)) }

// Declaradas returns all knobs, sorted by name.
func (p *Perillas) Declaradas() []Perilla {
	var todas []Perilla
	for _, n := range p.Nombres() {
		todas = append(todas, p.declaradas[n])
	}
	return todas
}

// Lee returns every knob's value as JSON writes it: durations as "72h0m0s".
func (p *Perillas) Lee() map[string]any {
	p.mu.RLock()
	defer p.mu.RUnlock()
	leidas := maps.Clone(p.valores)
	for n, v := range leidas {
		if d, ok := v.(time.Duration); ok {
			leidas[n] = d.String()
		}
	}
	return leidas
}

// Cambia sets the knobs named in cambios and leaves the others. Values are bool, any integer or JSON
// number, time.Duration or its text, and texts. Nothing changes when one of them is refused.
func (p *Perillas) Cambia(cambios map[string]any) error {
	nuevos := make(map[string]any, len(cambios))
	for n, v := range cambios {
		d, ok := p.declaradas[n]
		if !ok {
			return fmt.Errorf("no existe la perilla %q; las que hay son: %s", n, strings.Join(p.Nombres(), ", "))
		}
		nuevo, err := d.lee(v)
		if err != nil {
			return err
		}
		nuevos[n] = nuevo
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.Copy(p.valores, nuevos)
	return nil
}

// Reinicia puts every knob back to its default.
func (p *Perillas) Reinicia() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n, d := range p.declaradas {
		p.valores[n] = d.Defecto
	}
}

func (d Perilla) lee(v any) (any, error) {
	switch d.Defecto.(type) {
	case bool:
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return nil, fmt.Errorf("la perilla %q es true o false", d.Nombre)
	case int64:
		n, ok := entero(v)
		if !ok || n < 0 || (d.Max > 0 && n > d.Max) {
			return nil, fmt.Errorf("la perilla %q es un entero entre 0 y %d", d.Nombre, d.tope())
		}
		return n, nil
	case string:
		return d.leeTexto(v)
	default:
		dur, ok := v.(time.Duration)
		if s, texto := v.(string); texto {
			leida, err := time.ParseDuration(s)
			dur, ok = leida, err == nil
		}
		if !ok || dur < 0 {
			return nil, fmt.Errorf("la perilla %q es una duración como \"2s\" o \"72h\"", d.Nombre)
		}
		return dur, nil
	}
}

func (d Perilla) leeTexto(v any) (any, error) {
	s, ok := v.(string)
	switch {
	case !ok || len(s) > maxTexto:
		return nil, fmt.Errorf("la perilla %q es un texto de %d bytes cuando mucho", d.Nombre, maxTexto)
	case len(d.Valores) > 0 && !slices.Contains(d.Valores, s):
		return nil, fmt.Errorf("la perilla %q es una de: %s", d.Nombre, strings.Join(d.Valores, ", "))
	}
	return s, nil
}

func (d Perilla) tope() int64 {
	if d.Max > 0 {
		return d.Max
	}
	return math.MaxInt64
}

func entero(v any) (int64, bool) {
	switch n := v.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	case json.Number:
		i, err := n.Int64()
		return i, err == nil
	case float64:
		return int64(n), n == math.Trunc(n) && math.Abs(n) < 1<<53
	}
	return 0, false
}
