// Package gateway is the vocabulary of Pasarela: the domain types with their
// validation, the ports that backends implement, and the kinds of failure.
//
// It imports the standard library only, and knows nothing of HTTP, XML or SQL. Every
// request that the SAT would count is validated here before it is sent.
package gateway

import (
	"context"
	"io"
	"strings"
	"time"
)

// Servicio names one of the SAT's two families of services. Both have the same
// operations, and each has its own hosts, tokens and catalogue of complementos.
type Servicio string

// The two families.
const (
	CFDI        Servicio = "cfdi"
	Retenciones Servicio = "retenciones"
)

// Token is the SAT's access token for one RFC and family.
type Token struct {
	// Value is the token exactly as the SAT gave it. Secret.
	Value string
	// Created and Expire are instants of our own clock. The life is five minutes, or less
	// if the SAT's answer gives less (sat.md §3).
	Created, Expire time.Time
}

// String keeps the token out of logs that print values.
func (t Token) String() string { return "gateway.Token{Expira:" + t.Expire.Format(time.RFC3339) + "}" }

// GoString keeps the token out of %#v as well.
func (t Token) GoString() string { return t.String() }

// Codigo is one code of the SAT and its meaning.
type Codigo struct {
	Codigo      string
	Descripcion string
}

// SolicitudAceptada is the SAT's answer to an accepted solicitud. The ledger stores it as
// JSON, like every type here that has JSON tags.
type SolicitudAceptada struct {
	IDSolicitud string `json:"idSolicitud"`
	CodEstatus  string `json:"codEstatus"`
	Mensaje     string `json:"mensaje"`
}

// EstadoSolicitud is the SAT's answer to VerificaSolicitudDescarga, with its
// three codes kept apart (sat.md §7).
type EstadoSolicitud struct {
	IDSolicitud string
	// CodEstatus is the result of the call itself.
	CodEstatus Codigo
	// Estado is the state of the solicitud: 1 to 6.
	Estado Codigo
	// CodigoEstado is the reason for Estado; its Codigo is empty if the SAT sent none.
	CodigoEstado Codigo
	Mensaje      string
	// NumeroCFDIs counts the comprobantes that the SAT found.
	NumeroCFDIs int64
	// IDsPaquetes are opaque ids in the SAT's own case.
	IDsPaquetes []string
}

// Authenticator obtains tokens.
type Authenticator interface {
	// Authenticate returns a valid token of rfc, from the cache if one has time left.
	Authenticate(ctx context.Context, servicio Servicio, rfc string) (Token, error)
}

// Solicitante presents and follows solicitudes.
type Solicitante interface {
	// Request presents one solicitud. It never sends it twice: an unknown outcome is an
	// *Error of KindResultadoDesconocido.
	Request(ctx context.Context, s Solicitud) (SolicitudAceptada, error)
	// Verify asks for the state of a solicitud; safe to repeat.
	Verify(ctx context.Context, servicio Servicio, rfc, idSolicitud string) (EstadoSolicitud, error)
}

// Downloader fetches packages.
type Downloader interface {
	// Descarga streams the package's ZIP bytes into sink. The SAT counts each call that
	// it serves, and serves two. After an error, the bytes in sink are worthless.
	Descarga(ctx context.Context, p Paquete, sink io.Writer) error
}

// Paquete identifies one package of one taxpayer.
type Paquete struct {
	Servicio       Servicio
	RFCSolicitante string
	IDPaquete      string
}

// Clave returns an id that is equal for all spellings of a package's id: the SAT writes
// ids in upper and in lower case.
func (p Paquete) Clave() string { return strings.ToUpper(p.IDPaquete) }

// Only returns the package with its Clave as the id, for comparison.
func (p Paquete) Only() Paquete {
	p.IDPaquete = p.Clave()
	return p
}
