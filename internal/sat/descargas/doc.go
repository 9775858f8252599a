// Package descargas owns the solicitudes, of which the SAT accepts few in a
// lifetime for each set of criteria.
//
// The intent is recorded before anything is spent (solicitudes.go). It refuses
// to repeat a solicitud whose outcome is unknown.
package descargas
