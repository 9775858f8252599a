// Command verifica decodes manifests strictly into the types of Kubernetes and of the
// Prometheus operator: a field that does not exist, one that is there twice and a
// value of another type are errors. It is a module of its own, so that Kubernetes'
// is none of Pasarela's dependencies: make chart.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

func main() {
	if err := verifica(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func verifica(in io.Reader, out io.Writer) error {
	types := runtime.NewScheme()
	if err := errors.Join(scheme.AddToScheme(types), monitoring.AddToScheme(types)); err != nil {
		return err
	}
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, types, types, json.SerializerOptions{Yaml: true, Strict: true})
	var faults []error
	n := 0
	for documents := yaml.NewYAMLReader(bufio.NewReader(in)); ; {
		text, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		n++
		_, kind, err := strict.Decode(text, nil, nil)
		if err != nil {
			faults = append(faults, fmt.Errorf("%v: %w", kind, err))
			continue
		}
		fmt.Fprintln(out, "  ", kind.GroupVersion(), kind.Kind)
	}
	if n == 0 {
		faults = append(faults, errors.New("nothing to look at"))
	}
	return errors.Join(faults...)
}
