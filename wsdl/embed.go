// Package wsdl embeds the contracts of the SOAP systems as this project writes them.
//
// It serves the code generator, which reads the files, and the sandbox, which publishes them. It
// holds no address to call: every soap:address is the production one and its reader replaces it.
package wsdl

import "embed"

// FS holds every contract as SYSTEM/NAME.wsdl, every schema inline.
//
//go:embed */*.wsdl
var FS embed.FS
