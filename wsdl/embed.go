// Package wsdl embeds the contracts of the SOAP systems as this project writes them.
//
// It serves the code generator, which reads the files, and the sandbox, which publishes them. It
// holds no address to call: every soap:address is the production one and its reader replaces it.
package wsdl

import "embed"

// FS holds sat/autenticacion.wsdl, sat/solicita.wsdl, sat/verifica.wsdl, sat/descarga.wsdl,
// sep/titulos.wsdl, pade/addendas.wsdl and pade/firmado.wsdl, every schema inline.
//
//go:embed sat/*.wsdl sep/*.wsdl pade/*.wsdl
var FS embed.FS
