package efirma

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func TestRefusal_WhatACallerIsTold(t *testing.T) {
	t.Parallel()
	const rfc, field = "PEPJ800101AB5", "contrato/firmas/0/firmarCon"
	for name, tc := range map[string]struct {
		err    error
		field  string
		kind   gateway.Kind
		codigo string
	}{
		"of the request's RFC": {notThere(rfc), "", gateway.KindEFirma, string(NoEncontrada)},
		"of a field":           {fmt.Errorf("wrapped: %w", notThere(rfc)), field, gateway.KindEFirma, string(NoEncontrada)},
		"this machine":         {falla(CerIlegible, syscall.EMFILE, "").with(rfc).cause(), field, gateway.KindSinServicio, ""},
	} {
		e := gateway.AsError(Refusal(rfc, tc.field, tc.err))
		if e.Kind != tc.kind || e.Codigo != tc.codigo || !e.Unsent {
			t.Errorf("%s: %+v", name, e)
		}
		if named := len(e.Fields) == 1 && e.Fields[0].Campo == field; named != (tc.field != "" && e.Kind == gateway.KindEFirma) {
			t.Errorf("%s: %+v", name, e.Fields)
		}
	}
}
