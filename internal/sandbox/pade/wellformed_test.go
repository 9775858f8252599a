package pade

import "testing"

func TestWellFormed_WhenItIsNoXMLSaysSo(t *testing.T) {
	t.Parallel()
	if err := wellFormed([]byte(`<?xml version="1.0" encoding="ISO-8859-1"?><a b="1" c="&#10;"><d xmlns="urn:x"/></a>`)); err != nil {
		t.Error(err)
	}
	for _, document := range []string{
		"\n<?xml version='1.0'?><a/>", "<?xml version='1.0'?><?xml version='1.0'?><a/>", "<a/><?xml version='1.0'?>", "<?xml encoding='UTF-8'?><a/>",
		"<?xml version='1.0' encoding='utf - 8'?><a/>", `<a b="1"c="2"/>`, `<a b="<"/>`, "<a>]]></a>", "<a><!-- -- --></a>", "<?XML version='1.0'?><a/>", "<a xmlns:p=''/>",
		"<p:a/>", "<a/><b/>", "<a/>x", "<!DOCTYPE a><a/>", "<a:b:c xmlns:a='urn:x'/>",
	} {
		if err := wellFormed([]byte(document)); err == nil {
			t.Errorf("%s is accepted", document)
		}
	}
}
