// Command ordered writes the contract to be generated from: each property says its place,
// so that the fields of gen/rest, and of every answer, come as the contract has them.
// oapi-codegen sorts by name what does not.
//
// Usage: ordered CONTRACT OUTPUT
package main

import (
	"log"
	"os"
	"strconv"

	"go.yaml.in/yaml/v3"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: ordered CONTRACT OUTPUT")
	}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		log.Fatal(err)
	}
	order(&doc)
	if text, err = yaml.Marshal(&doc); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(os.Args[2], text, 0o600); err != nil { //nolint:gosec // the caller's file
		log.Fatal(err)
	}
}

// order gives each property below n the number of its place.
func order(n *yaml.Node) {
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 && n.Content[i-1].Value == "properties" {
			for place := 1; place < len(child.Content); place += 2 {
				if property := child.Content[place]; property.Kind == yaml.MappingNode {
					property.Content = append(property.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "x-order"},
						&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.Itoa(place / 2)})
				}
			}
		}
		order(child)
	}
}
