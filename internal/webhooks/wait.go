package webhooks

import (
	"net/http"
	"strconv"
	"time"
)

// maxWait is the longest Retry-After that is respected.
const maxWait = 24 * time.Hour

// waits returns the waits after failed attempts (Standard Webhooks, deliverability): a
// little over three days in all.
func waits() []time.Duration {
	return []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
		10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}
}

// wait returns the wait after the nth failed attempt of a round: varied by up to a tenth,
// depending on random in [0, 1), and at least requested. It returns false if there is no
// further attempt.
func wait(n int, requested time.Duration, random float64) (time.Duration, bool) {
	table := waits()
	if n < 1 || n > len(table) {
		return 0, false
	}
	return max(time.Duration(float64(table[n-1])*(0.9+0.2*random)), requested), true
}

// waitRequested parses a Retry-After (RFC 9110 §10.2.3), bounded; zero if it cannot be
// parsed.
func waitRequested(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, maxWait)
	}
	if when, err := http.ParseTime(value); err == nil {
		return min(max(when.Sub(now), 0), maxWait)
	}
	return 0
}
