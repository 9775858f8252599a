// Package cfdi reads the SAT's packages: the rows of metadata, a summary of each
// CFDI, and one CFDI by its UUID.
//
// Everything is streamed out of the ZIP in memory that does not grow with the
// package, and what is broken in it is reported (Falla) between what is not,
// without ending the reading. It refuses to repair amounts, dates and names: they
// are the SAT's own text. It validates no CFDI: a sello may be false and a
// summary still be read.
package cfdi
