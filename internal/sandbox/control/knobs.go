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

// maxText bounds a knob that is a text.
const maxText = 10_000

// Knob declares one knob. The type of Defect is its type: bool, int64, time.Duration or string.
// Numbers and durations are never negative; Max, when not zero, is the greatest value taken; Values,
// when there are any, are the only texts taken.
type Knob struct {
	Name   string
	Defect any
	Max    int64
	Values []string
	Note   string // what it does, one line
}

// Knobs are the knobs of the sandbox: settings that change how the simulated systems behave and
// that may be turned while it runs.
type Knobs struct {
	declared map[string]Knob

	mu     sync.RWMutex
	values map[string]any
}

// NewKnobs returns the knobs at their defaults.
func NewKnobs(declared ...Knob) *Knobs {
	p := &Knobs{declared: make(map[string]Knob, len(declared)), values: make(map[string]any, len(declared))}
	for _, d := range declared {
		switch d.Defect.(type) {
		case bool, int64, time.Duration, string:
		default:
			panic(fmt.Sprintf("control: knob %q of type %T", d.Name, d.Defect))
		}
		p.declared[d.Name] = d
		p.values[d.Name] = d.Defect
	}
	return p
}

// Bool reads a knob that is true or false. A name that was not declared, or not of that type, is a
// defect of the caller and panics; so in Whole, Duration and Text.
func (p *Knobs) Bool(name string) bool { return value[bool](p, name) }

// Whole reads a whole number.
func (p *Knobs) Whole(name string) int64 { return value[int64](p, name) }

// Duration reads a duration.
func (p *Knobs) Duration(name string) time.Duration { return value[time.Duration](p, name) }

// Text reads a text.
func (p *Knobs) Text(name string) string { return value[string](p, name) }

func value[T any](p *Knobs, name string) T {
	p.mu.RLock()
	defer p.mu.RUnlock()
	v, ok := p.values[name].(T)
	if !ok {
		panic(fmt.Sprintf("control: no knob %q of type %T", name, v))
	}
	return v
}

// Names returns the names of all knobs, sorted.
func (p *Knobs) Names() []string { return slices.Sorted(maps.Keys(p.declared)) }

// Declared returns all knobs, sorted by name.
func (p *Knobs) Declared() []Knob {
	var all []Knob
	for _, n := range p.Names() {
		all = append(all, p.declared[n])
	}
	return all
}

// Read returns every knob's value as JSON writes it: durations as "72h0m0s".
func (p *Knobs) Read() map[string]any {
	p.mu.RLock()
	defer p.mu.RUnlock()
	read := maps.Clone(p.values)
	for n, v := range read {
		if d, ok := v.(time.Duration); ok {
			read[n] = d.String()
		}
	}
	return read
}

// Change sets the knobs named in changes and leaves the others. Values are bool, any integer or JSON
// number, time.Duration or its text, and texts. Nothing changes when one of them is refused.
func (p *Knobs) Change(changes map[string]any) error {
	fresh := make(map[string]any, len(changes))
	for n, v := range changes {
		d, ok := p.declared[n]
		if !ok {
			return fmt.Errorf("no existe la perilla %q; las que hay son: %s", n, strings.Join(p.Names(), ", "))
		}
		added, err := d.read(v)
		if err != nil {
			return err
		}
		fresh[n] = added
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.Copy(p.values, fresh)
	return nil
}

// Reset puts every knob back to its default.
func (p *Knobs) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n, d := range p.declared {
		p.values[n] = d.Defect
	}
}

func (d Knob) read(v any) (any, error) {
	switch d.Defect.(type) {
	case bool:
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return nil, fmt.Errorf("la perilla %q es true o false", d.Name)
	case int64:
		n, ok := whole(v)
		if !ok || n < 0 || (d.Max > 0 && n > d.Max) {
			return nil, fmt.Errorf("la perilla %q es un entero entre 0 y %d", d.Name, d.ceiling())
		}
		return n, nil
	case string:
		return d.readText(v)
	default:
		dur, ok := v.(time.Duration)
		if s, text := v.(string); text {
			read, err := time.ParseDuration(s)
			dur, ok = read, err == nil
		}
		if !ok || dur < 0 {
			return nil, fmt.Errorf("la perilla %q es una duración como \"2s\" o \"72h\"", d.Name)
		}
		return dur, nil
	}
}

func (d Knob) readText(v any) (any, error) {
	s, ok := v.(string)
	switch {
	case !ok || len(s) > maxText:
		return nil, fmt.Errorf("la perilla %q es un texto de %d bytes cuando mucho", d.Name, maxText)
	case len(d.Values) > 0 && !slices.Contains(d.Values, s):
		return nil, fmt.Errorf("la perilla %q es una de: %s", d.Name, strings.Join(d.Values, ", "))
	}
	return s, nil
}

func (d Knob) ceiling() int64 {
	if d.Max > 0 {
		return d.Max
	}
	return math.MaxInt64
}

func whole(v any) (int64, bool) {
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
