// Package gen holds generated code and nothing else: the SOAP stubs of the
// contracts in wsdl/ and the REST types and router of api/openapi.yaml.
// No file below it is edited by hand; `make verify` regenerates and compares.
package gen

//go:generate sh -c "mkdir -p soap/sat/autenticacion soap/sat/solicita soap/sat/verifica soap/sat/descarga soap/sep/titulos soap/pade/addendas soap/pade/firmado rest"
//go:generate go tool gowsdl -d soap/sat -p autenticacion -o autenticacion.go ../wsdl/sat/autenticacion.wsdl
//go:generate go tool gowsdl -d soap/sat -p solicita -o solicita.go ../wsdl/sat/solicita.wsdl
//go:generate go tool gowsdl -d soap/sat -p verifica -o verifica.go ../wsdl/sat/verifica.wsdl
//go:generate go tool gowsdl -d soap/sat -p descarga -o descarga.go ../wsdl/sat/descarga.wsdl
//go:generate go tool gowsdl -d soap/sep -p titulos -o titulos.go ../wsdl/sep/titulos.wsdl
//go:generate go tool gowsdl -d soap/pade -p addendas -o addendas.go ../wsdl/pade/addendas.wsdl
//go:generate go tool gowsdl -d soap/pade -p firmado -o firmado.go ../wsdl/pade/firmado.wsdl
//go:generate sh -c "go run ../cmd/dev/ordered <../api/openapi.yaml >rest/openapi.ordered.yaml"
//go:generate go tool oapi-codegen -config ../api/oapi-codegen.yaml rest/openapi.ordered.yaml
//go:generate rm rest/openapi.ordered.yaml
