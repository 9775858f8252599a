//go:build !race

package cfdi

// million is how many rows the round trip has.
const million = 1_000_000
