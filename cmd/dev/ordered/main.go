// Command ordered writes the contract to be generated from: each property says its place,
// so that the fields of gen/rest, and of every answer, come as the contract has them.
// oapi-codegen sorts by name what does not.
//
// Usage: ordered <CONTRACT >OUTPUT
package main

import (
	"log"
	"os"
	"strconv"

	"go.yaml.in/yaml/v3"
)

func main() {
	var doc yaml.Node
	if err := yaml.NewDecoder(os.Stdin).Decode(&doc); err != nil {
		log.Fatal(err)
	}
	order(&doc)
	if err := yaml.NewEncoder(os.Stdout).Encode(&doc); err != nil {
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
