// Package gen holds generated code and nothing else: the SOAP stubs of the
// contracts in wsdl/ and the REST types and router of api/openapi.yaml.
// No file below it is edited by hand; `make verify` regenerates and compares.
package gen

//go:generate ../wsdl/stubs.sh
//go:generate sh -c "go run ../cmd/dev/ordered <../api/openapi.yaml >rest/openapi.ordered.yaml"
//go:generate go tool oapi-codegen -config ../api/oapi-codegen.yaml rest/openapi.ordered.yaml
//go:generate rm rest/openapi.ordered.yaml
