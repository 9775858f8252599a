//go:build race

package cfdi

// million is fewer with the race detector, which makes the one goroutine that
// there is ten times slower; without it, it is what its name says.
const million = 50_000
