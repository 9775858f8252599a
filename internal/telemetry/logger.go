// Package telemetry makes the logger and the metrics. Both are values that the
// wiring hands out: there is no global of either.
//
// It refuses free text from the outside as a label, and knows no body, header
// or key that it could log.
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
