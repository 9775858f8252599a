package config

import (
	"fmt"
	"math"
	"strconv"

	"github.com/dustin/go-humanize"
)

// Bytes is a number of bytes that keeps its fault for Check, because envconfig stops at
// the first fault.
type Bytes struct {
	N     int64
	fault bool
}

// String returns the form that Decode reads.
func (b Bytes) String() string {
	if b.N == 0 {
		return ""
	}
	return strconv.FormatInt(b.N, 10)
}

// Decode implements envconfig.Decoder. Empty means none.
func (b *Bytes) Decode(value string) error {
	if value == "" {
		return nil
	}
	n, err := humanize.ParseBytes(value)
	// A quarter of the largest number, because others multiply it.
	if b.fault = err != nil || n == 0 || n > math.MaxInt64/4; !b.fault {
		b.N = int64(n) //nolint:gosec // bounded above
	}
	return nil
}

// size requires at least so many bytes, or none.
func size(name string, b Bytes, least int64) error {
	if b.fault || b.N != 0 && b.N < least {
		return fmt.Errorf("%s: not a size like 4GiB or 500MB, of %s at least", name, humanize.IBytes(uint64(max(least, 0))))
	}
	return nil
}
