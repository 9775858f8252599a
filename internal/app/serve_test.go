package app

import (
	"net/http"
	"testing"
)

// No caller holds a connection for ever: by what it does not send, nor by what it does not take.
func TestServers_WhenACallerDoesNothingItIsLetGo(t *testing.T) {
	t.Parallel()
	for name, server := range map[string]*http.Server{"API": newServer(http.NotFoundHandler()), "admin": newAdminServer(http.NotFoundHandler())} {
		if server.ReadHeaderTimeout <= 0 || server.WriteTimeout <= 0 || server.IdleTimeout <= 0 || server.MaxHeaderBytes <= 0 {
			t.Errorf("%s: %+v", name, server)
		}
	}
	// The API's bodies have deadlines of their own, by what they are.
	if server := newAdminServer(http.NotFoundHandler()); server.ReadTimeout <= 0 {
		t.Errorf("admin: bodies have %v", server.ReadTimeout)
	}
}
