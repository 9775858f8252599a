// Package paquetes fetches the SAT's packages and keeps them.
//
// The SAT serves a package twice at most, so each download is counted before it
// is asked for; it is streamed to everybody who asks and to storage at the same
// time, and kept only when it is whole (almacen.go, vuelo.go). It refuses to
// fetch a package a third time, and to serve a partial package as if it were
// whole.
package paquetes
