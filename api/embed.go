// Package api holds the REST contract of the gateway, openapi.yaml, and embeds
// it so that the gateway can serve it and validate requests against it. It
// refuses to interpret the contract: loading it is the caller's work.
package api

import _ "embed"

// Spec is the contract as written: OpenAPI 3.0.3 in YAML, UTF-8. Read only.
//
//go:embed openapi.yaml
var Spec []byte
