package sat

import (
	"errors"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/sandbox/wellformed"
)

func TestReadMensaje_WhenItIsNoXMLRefusesIt(t *testing.T) {
	t.Parallel()
	const envelope = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body a="1" b="2"><x/></s:Body></s:Envelope>`
	if _, err := readMensaje([]byte("\xEF\xBB\xBF<?xml version='1.0' encoding='utf-8'?>" + envelope)); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{
		strings.Replace(envelope, `" b`, `"b`, 1), "\n<?xml version='1.0'?>" + envelope, envelope + "x", "<!DOCTYPE a>" + envelope,
		strings.Replace(envelope, "<x/>", "<p:x/>", 1), strings.Replace(envelope, "b=", "a=", 1), strings.Replace(envelope, "<x/>", "&nbsp;", 1), envelope + envelope,
	} {
		if _, err := readMensaje([]byte(bad)); !errors.Is(err, wellformed.ErrMalformed) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
