//go:build !race

package cfdi

// millon is how many rows the round trip has.
const millon = 1_000_000
