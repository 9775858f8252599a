package sat

import (
	"errors"
	"strings"
	"testing"
)

func TestLeeMensaje_WhenItIsNoXMLRefusesIt(t *testing.T) {
	t.Parallel()
	const sobre = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body a="1" b="2"><x/></s:Body></s:Envelope>`
	if _, err := leeMensaje([]byte("\xEF\xBB\xBF<?xml version='1.0' encoding='utf-8'?>" + sobre)); err != nil {
		t.Error(err)
	}
	for _, malo := range []string{
		strings.Replace(sobre, `" b`, `"b`, 1), "\n<?xml version='1.0'?>" + sobre, sobre + "x", "<!DOCTYPE a>" + sobre,
		strings.Replace(sobre, "<x/>", "<p:x/>", 1), strings.Replace(sobre, "b=", "a=", 1), strings.Replace(sobre, "<x/>", "&nbsp;", 1), sobre + sobre,
	} {
		if _, err := leeMensaje([]byte(malo)); !errors.Is(err, errMalformado) {
			t.Errorf("%s: %v", malo, err)
		}
	}
}
