// Package cfdi reads the SAT's packages: the rows of metadata, a summary of each
// CFDI, and one CFDI by its UUID.
//
// Everything is streamed out of the ZIP in memory that does not grow with the
// package, and what is broken in it is reported (Falla) between what is not,
// without ending the reading. How a text ends its lines, in what encoding it is and
// where its columns are it takes as it comes; what had to be guessed of a row is said
// (Metadato.Aviso). UUIDs are in lower case (RFC 9562 §4). It refuses to repair amounts, dates and names: they
// are the SAT's own text. It validates no CFDI: a sello may be false and a
// summary still be read.
package cfdi
