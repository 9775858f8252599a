package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

const (
	// cadaLinea is how often progress is told where no line can move.
	cadaLinea = 5 * time.Second
	// ancho is the least that a terminal has, but for the column where the cursor stands.
	ancho = 79
)

// pantalla writes lines, and one that moves where there is a terminal to move it on.
type pantalla struct {
	w     io.Writer
	mueve bool

	mu     sync.Mutex
	linea  string // the one that moves, as it stands
	ultima time.Time
}

func newPantalla(w io.Writer) *pantalla {
	p := &pantalla{w: w}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		p.mueve = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

const borra = "\r\x1b[K"

// di writes a line; the one that moves stays below it.
func (p *pantalla) di(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := fmt.Sprintf(format, args...) + "\n"
	if p.linea != "" {
		text = borra + text + p.linea
	}
	io.WriteString(p.w, text) //nolint:errcheck // a terminal
}

// avanza moves the line.
func (p *pantalla) avanza(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mueve {
		// A line that wraps cannot be taken back.
		if runes := []rune(text); len(runes) > ancho {
			text = string(runes[:ancho])
		}
		p.linea = text
		io.WriteString(p.w, borra+text) //nolint:errcheck // a terminal
		return
	}
	if now := time.Now(); now.Sub(p.ultima) >= cadaLinea {
		p.ultima = now
		io.WriteString(p.w, text+"\n") //nolint:errcheck // a terminal
	}
}

// para takes the line away.
func (p *pantalla) para() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.linea != "" {
		p.linea = ""
		io.WriteString(p.w, borra) //nolint:errcheck // a terminal
	}
	p.ultima = time.Time{}
}
