// Package telemetry makes the logger and the metrics, as values that the wiring passes
// on.
//
// External text never becomes a label, and nothing here receives a body, header or key.
package telemetry

import (
	"io"
	"time"

	"github.com/rs/zerolog"
)

// NewLogger returns a logger that writes JSON lines, or console lines for
// people, to w. level is one of zerolog's names.
func NewLogger(w io.Writer, level, format string) zerolog.Logger {
	if format == "console" {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly}
	}
	parsed, err := zerolog.ParseLevel(level)
	if err != nil {
		parsed = zerolog.InfoLevel
	}
	return zerolog.New(w).Level(parsed).With().Timestamp().Logger()
}
