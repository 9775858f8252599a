package wsdl

import (
	"io/fs"
	"regexp"
)

// Operation is one operation of a contract.
type Operation struct{ Contract, Namespace, Name, Action string }

// The contracts are this project's own and written alike.
var (
	namespaceForm = regexp.MustCompile(`targetNamespace="([^"]+)"`)
	operationForm = regexp.MustCompile(`<wsdl:operation name="([^"]+)">\s*<soap:operation soapAction="([^"]*)"`)
)

// Operations lists the operations of every contract.
func Operations() ([]Operation, error) {
	contracts, err := fs.Glob(FS, "*/*.wsdl")
	if err != nil {
		return nil, err
	}
	var all []Operation
	for _, contract := range contracts {
		text, err := FS.ReadFile(contract)
		if err != nil {
			return nil, err
		}
		namespace := string(namespaceForm.FindSubmatch(text)[1])
		for _, m := range operationForm.FindAllSubmatch(text, -1) {
			all = append(all, Operation{contract, namespace, string(m[1]), string(m[2])})
		}
	}
	return all, nil
}
