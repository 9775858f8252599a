package app

import (
	"net/http"
	"sync"

	"github.com/pasarela-mx/pasarela/docs"
	"github.com/pasarela-mx/pasarela/internal/handlers"
	"github.com/pasarela-mx/pasarela/internal/web/portal"
)

// documentation is /docs, of the contract and of the pages that are embedded: the
// same for every gateway of a process.
var documentation = sync.OnceValues(func() (http.Handler, error) {
	spec, err := contract()
	if err != nil {
		return nil, err
	}
	return portal.New(spec.Doc(), docs.Pages)
})

// published is what everybody may read: the contract, and the pages of it.
func published() (*handlers.Spec, http.Handler, error) {
	spec, err := contract()
	if err != nil {
		return nil, nil, err
	}
	pages, err := documentation()
	return spec, pages, err
}
