// Package transport is the HTTP client under every SOAP stub. It takes the unsigned
// envelope that gowsdl wrote, completes and sends it, and gives the stub an answer that
// is safe to decode: UTF-8 and well formed.
//
// Completing: the wrapper gets its prefix, the operation its SOAPAction, signature and
// token (envelope.go, doer.go). Sending: kept-alive connections, but a new one for a
// message that must not be sent twice; a deadline per operation; a repeat only if the
// protocol makes it safe; a breaker per endpoint (resilience.go). Answers: bounded, and
// classified into good ones, faults, HTML pages, empty and truncated ones (answer.go).
// The text of a package is streamed out and never held in memory (paquete.go).
//
// It calls only what a backend has described as an Operation, follows no redirects, and
// never returns the body of an HTTP error as text. No error or event holds a message, a
// token or a key. An error about an unreadable answer holds its first bytes, without
// possible secrets.
package transport
