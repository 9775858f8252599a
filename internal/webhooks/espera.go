package webhooks

import (
	"net/http"
	"strconv"
	"time"
)

// maxEspera bounds what a receiver may ask for in Retry-After.
const maxEspera = 24 * time.Hour

// esperas are the waits after each failed attempt (Standard Webhooks,
// deliverability): a little over three days in all.
func esperas() []time.Duration {
	return []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
		10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}
}

// espera is how long to wait after the nth failed attempt of a round, a tenth
// more or less as azar in [0, 1) has it, and no less than pedida; false when
// there is no further attempt.
func espera(n int, pedida time.Duration, azar float64) (time.Duration, bool) {
	tabla := esperas()
	if n < 1 || n > len(tabla) {
		return 0, false
	}
	return max(time.Duration(float64(tabla[n-1])*(0.9+0.2*azar)), pedida), true
}

// esperaPedida reads a Retry-After (RFC 9110 §10.2.3), bounded; zero when it
// says nothing.
func esperaPedida(valor string, now time.Time) time.Duration {
	if segundos, err := strconv.ParseUint(valor, 10, 32); err == nil {
		return min(time.Duration(segundos)*time.Second, maxEspera)
	}
	if cuando, err := http.ParseTime(valor); err == nil {
		return min(max(cuando.Sub(now), 0), maxEspera)
	}
	return 0
}
