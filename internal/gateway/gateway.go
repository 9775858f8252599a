// Package gateway is the vocabulary of Pasarela: the domain types with their
// validation, the ports that backends implement, and the kinds of failure.
//
// It imports the standard library only. It knows neither HTTP, XML nor SQL, and
// it refuses what would be spent in vain: every request that the SAT would
// count is validated here before anything leaves.
package gateway

import (
	"context"
	"io"
	"strings"
	"time"
)

// Servicio names one of the SAT's two families of services. The operations are
// the same; hosts, tokens and the catalogue of complementos are not.
type Servicio string

// The two families.
const (
	CFDI        Servicio = "cfdi"
	Retenciones Servicio = "retenciones"
)

// Servicios lists the families in the order in which they are documented.
func Servicios() []Servicio { return []Servicio{CFDI, Retenciones} }

// Token is the SAT's access token for one RFC and family.
type Token struct {
	// Value is the token exactly as the SAT gave it. Secret.
	Value string
	// Created and Expire are instants of our own clock: five minutes apart, or
	// less where the SAT's answer says less (sat.md §3).
	Created, Expire time.Time
}

// String keeps the token out of logs that print values.
func (t Token) String() string { return "gateway.Token{Expira:" + t.Expire.Format(time.RFC3339) + "}" }

// GoString keeps the token out of %#v as well.
func (t Token) GoString() string { return t.String() }

// Codigo is one code of the SAT with what it means.
type Codigo struct {
	Codigo      string
	Descripcion string
}

// SolicitudAceptada is the SAT's answer to an accepted solicitud. The ledger keeps it
// as JSON, like every type here whose fields have names there.
type SolicitudAceptada struct {
	IDSolicitud string `json:"idSolicitud"`
	CodEstatus  string `json:"codEstatus"`
	Mensaje     string `json:"mensaje"`
}

// EstadoSolicitud is the SAT's answer to VerificaSolicitudDescarga, with its
// three codes kept apart (sat.md §7).
type EstadoSolicitud struct {
	IDSolicitud string
	// CodEstatus speaks of the call.
	CodEstatus Codigo
	// Estado is the state of the solicitud: 1 to 6.
	Estado Codigo
	// CodigoEstado says why; its Codigo is empty where the SAT sent none.
	CodigoEstado Codigo
	Mensaje      string
	// NumeroCFDIs counts the comprobantes that the SAT found.
	NumeroCFDIs int64
	// IDsPaquetes are opaque; their case is kept.
	IDsPaquetes []string
}

// Authenticator obtains tokens.
type Authenticator interface {
	// Authenticate returns a valid token of rfc, from the cache where it has time left.
	Authenticate(ctx context.Context, servicio Servicio, rfc string) (Token, error)
}

// Solicitante presents and follows solicitudes.
type Solicitante interface {
	// Request presents one solicitud. It is never repeated by itself once sent:
	// an unknown outcome is an *Error of KindResultadoDesconocido.
	Request(ctx context.Context, s Solicitud) (SolicitudAceptada, error)
	// Verify asks for the state of a solicitud; safe to repeat.
	Verify(ctx context.Context, servicio Servicio, rfc, idSolicitud string) (EstadoSolicitud, error)
}

// Downloader fetches packages.
type Downloader interface {
	// Descarga streams the package's ZIP bytes into sink. The SAT counts each
	// call that it serves, two at most. When it fails, what sink got is worthless.
	Descarga(ctx context.Context, p Paquete, sink io.Writer) error
}

// Paquete identifies one package of one taxpayer.
type Paquete struct {
	Servicio       Servicio
	RFCSolicitante string
	IDPaquete      string
}

// Clave is what is the same for a package however its id is written: the SAT writes
// ids in upper case and in lower.
func (p Paquete) Clave() string { return strings.ToUpper(p.IDPaquete) }

// Only is the package by its Clave, to be compared.
func (p Paquete) Only() Paquete {
	p.IDPaquete = p.Clave()
	return p
}
