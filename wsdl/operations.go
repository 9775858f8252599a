package wsdl

import (
	"encoding/xml"
	"fmt"
	"io/fs"
)

// Operation is one operation of a contract.
type Operation struct{ Contract, Namespace, Name, Action string }

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
		var read struct {
			Namespace  string `xml:"targetNamespace,attr"`
			Operations []struct {
				Name string `xml:"name,attr"`
				SOAP struct {
					Action string `xml:"soapAction,attr"`
				} `xml:"http://schemas.xmlsoap.org/wsdl/soap/ operation"`
			} `xml:"binding>operation"`
		}
		if err := xml.Unmarshal(text, &read); err != nil {
			return nil, fmt.Errorf("wsdl: %s: %w", contract, err)
		}
		for _, o := range read.Operations {
			all = append(all, Operation{contract, read.Namespace, o.Name, o.SOAP.Action})
		}
	}
	return all, nil
}
