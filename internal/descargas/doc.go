// Package descargas owns what the SAT counts: solicitudes, of which each set of
// criteria has few in a lifetime, and packages, which are served twice at most.
//
// The intent is recorded before anything is spent (solicitudes.go); a package is
// fetched once, streamed to everybody who asks and to storage at the same time,
// and kept only when it is whole (paquetes.go, vuelo.go). It refuses to repeat a
// solicitud whose outcome is unknown, to fetch a package a third time, and to
// serve a partial package as if it were whole.
package descargas
