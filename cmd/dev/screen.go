package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

const (
	// everyLine is how often progress is told where no line can move.
	everyLine = 5 * time.Second
	// width is the least that a terminal has, but for the column where the cursor stands.
	width = 79
)

// screen writes lines, and one that moves where there is a terminal to move it on.
type screen struct {
	w    io.Writer
	move bool

	mu   sync.Mutex
	line string // the one that moves, as it stands
	last time.Time
}

func newScreen(w io.Writer) *screen {
	p := &screen{w: w}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		p.move = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

const remove = "\r\x1b[K"

// say writes a line; the one that moves stays below it.
func (p *screen) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := fmt.Sprintf(format, args...) + "\n"
	if p.line != "" {
		text = remove + text + p.line
	}
	io.WriteString(p.w, text) //nolint:errcheck // a terminal
}

// advance moves the line.
func (p *screen) advance(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.move {
		// A line that wraps cannot be taken back.
		if runes := []rune(text); len(runes) > width {
			text = string(runes[:width])
		}
		p.line = text
		io.WriteString(p.w, remove+text) //nolint:errcheck // a terminal
		return
	}
	if now := time.Now(); now.Sub(p.last) >= everyLine {
		p.last = now
		io.WriteString(p.w, text+"\n") //nolint:errcheck // a terminal
	}
}

// finish takes the line away.
func (p *screen) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.line != "" {
		p.line = ""
		io.WriteString(p.w, remove) //nolint:errcheck // a terminal
	}
	p.last = time.Time{}
}
