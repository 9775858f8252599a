// Package transport is the seam under every SOAP stub: an HTTP doer that takes
// the unsigned envelope that gowsdl wrote and makes it right, sends it, and
// gives the stub an answer that is safe to decode: UTF-8, whatever it came in, and well formed.
//
// Making it right: the wrapper gets its prefix, the operation its SOAPAction,
// signature and token (envelope.go, doer.go). Sending: kept-alive connections,
// but one of its own for what must not be sent twice, a deadline per operation, a repeat only where the protocol says that it is
// safe, a breaker per endpoint (resilience.go). Answers: bounded, and told
// apart into good ones, faults, HTML pages, empty and cut ones (answer.go); the
// text of a package is streamed out and never held (paquete.go).
//
// It refuses to call anything that a backend has not described as an Operation,
// to follow redirects, to hand out an HTTP error's body as text, and to put a
// message, a token or a key into an error or an event; of an answer that cannot be
// read an error has the beginning, without what could be a secret.
package transport
