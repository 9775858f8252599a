package main

import (
	"encoding/json"
	"fmt"

	"erp/pasarela"
)

// problema es el error de una respuesta que no fue la esperada. Todos son de la
// misma forma, cualquiera que sea la operación.
func problema(body []byte) error {
	var p pasarela.Problema
	if err := json.Unmarshal(body, &p); err != nil {
		return fmt.Errorf("la pasarela contestó algo que no es un problema: %w", err)
	}
	return fmt.Errorf("%d %s: %s (%s)", p.Status, p.Title, p.Detail, p.RequestId)
}
