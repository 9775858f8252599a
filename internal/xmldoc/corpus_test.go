package xmldoc_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
)

// sample is one document of the corpus. differs names the policy by which we or one of
// the judges deviate from XML 1.0; "" means that all must agree.
type sample struct {
	name, document, differs string
}

// The reasons for different verdicts. In the first five we differ from both judges by our
// own rule. In the others the judges differ from each other, and we follow the standard.
const (
	// policyDTD: we refuse every DTD.
	policyDTD = "DTD"
	// policyBound: we refuse what exceeds a bound.
	policyBound = "bound"
	// policyVersion: we read XML 1.0 only.
	policyVersion = "version"
	// policyUnmarked: we recognize UTF-16 without a mark and declaration too.
	policyUnmarked = "unmarked"
	// policyLabel: a received document that falsely declares UTF-16 or US-ASCII is read
	// as UTF-8.
	policyLabel = "label"
	// judgesEdition: the JDK uses the names of XML 1.0's fourth edition, we those of the
	// fifth.
	judgesEdition = "edition"
	// judgesMark: mark and declaration disagree; the mark wins (RFC 7303 §3.3).
	judgesMark = "mark"
	// judgesColon: the JDK allows colons that Namespaces in XML 1.0 §7 forbids.
	judgesColon = "colon"
	// judgesURI: libxml2 checks that namespace names are URIs, which is not a constraint
	// of well-formedness.
	judgesURI = "URI"
	// judgesEnd: libxml2 accepts a NUL, or half a character, after the root as the end.
	judgesEnd = "end"
	// judgesBlank: libxml2 accepts a missing blank before standalone (production 32).
	judgesBlank = "blank"
)

func utf16Of(text string, order binary.ByteOrder, mark bool) string {
	units := utf16.Encode([]rune(text))
	if mark {
		units = append([]uint16{0xFEFF}, units...)
	}
	b := make([]byte, 2*len(units))
	for i, u := range units {
		order.PutUint16(b[2*i:], u)
	}
	return string(b)
}

// latin writes text in ISO-8859-1.
func latin(text string) string {
	var b []byte
	for _, r := range text {
		b = append(b, byte(r))
	}
	return string(b)
}

// corpus holds documents on which all readers must agree, by production of XML 1.0 and
// Namespaces in XML 1.0.
func corpus() []sample {
	var all []sample
	for _, group := range [][]sample{declarations(), documents(), tags(), attributes(), namespaces(), texts(), markup(), names(), encodings(), policies()} {
		all = append(all, group...)
	}
	return all
}

func named(group string, documents ...string) []sample {
	all := make([]sample, 0, len(documents))
	for i, d := range documents {
		all = append(all, sample{name: fmt.Sprintf("%s-%02d", group, i+1), document: d})
	}
	return all
}

func declarations() []sample {
	return named("declaration",
		`<?xml version="1.0"?><a/>`,
		`<?xml version='1.0' encoding='UTF-8' standalone='yes'?><a/>`,
		`<?xml version="1.0" standalone="no"?><a/>`,
		"<?xml\tversion = \"1.0\"\r\nencoding\n=\n'utf-8' ?><a/>",
		"\n"+`<?xml version="1.0"?><a/>`,
		" "+`<?xml version="1.0" encoding="UTF-8"?><a/>`,
		"\xEF\xBB\xBF\n"+`<?xml version="1.0" encoding="UTF-8"?><a/>`,
		`<?xml version="1.0"?><?xml version="1.0"?><a/>`,
		`<a/><?xml version="1.0"?>`,
		`<a><?xml version="1.0"?></a>`,
		`<!-- x --><?xml version="1.0"?><a/>`,
		`<?xml encoding="UTF-8"?><a/>`,
		`<?xml?><a/>`,
		`<?xml ?><a/>`,
		`<?xml version="1.0" encoding="utf - 8"?><a/>`,
		`<?xml version="1.0" encoding=""?><a/>`,
		`<?xml version="1.0" encoding="8859"?><a/>`,
		`<?xml version="1.0" encoding="UTF-8 "?><a/>`,
		`<?xml version="1.0" encoding=UTF-8?><a/>`,
		`<?xml encoding="UTF-8" version="1.0"?><a/>`,
		`<?xml version="1.0" standalone="yes" encoding="UTF-8"?><a/>`,
		`<?xml version="1.0" standalone="YES"?><a/>`,
		`<?xml version="1.0" standalone=""?><a/>`,
		`<?xml version="1.0"encoding="UTF-8"?><a/>`,
		`<?xml version="1.0" version="1.0"?><a/>`,
		`<?xml version="1.0" encoding="UTF-8" encoding="UTF-8"?><a/>`,
		`<?xml version="1.0" otro="1"?><a/>`,
		`<?xml version=""?><a/>`,
		`<?xml version="1"?><a/>`,
		`<?xml version="2.0"?><a/>`,
		`<?xml version="&#49;.0"?><a/>`,
		`<?xml version="1.0'?><a/>`,
		`<?xml version="1.0">< a/>`,
		`<?XML version="1.0"?><a/>`,
		`<?Xml version="1.0"?><a/>`,
		`<?xml-stylesheet href="a.xsl"?><a/>`,
		`<?xml version="1.0" ? ><a/>`,
		`< ?xml version="1.0"?><a/>`,
		`<?xmlversion="1.0"?><a/>`,
		`<?xml Version="1.0"?><a/>`,
	)
}

func documents() []sample {
	return named("document",
		``,
		` `,
		`hola`,
		`<a/>`,
		`<a></a>`,
		`<a>`,
		`<a`,
		`<`,
		`</a>`,
		`<a></b>`,
		`<a><b></a></b>`,
		`<a/><b/>`,
		`<a/>x`,
		`x<a/>`,
		"<a/>\n<!-- fin -->\n<?fin?>\n",
		"\n<!-- x --> <?p?> <a/>",
		`<a/>&#32;`,
		`&#32;<a/>`,
		`<a/><![CDATA[]]>`,
		`<![CDATA[]]><a/>`,
		`<a/>&`,
		`<a/></a>`,
		`<!-- solo -->`,
		`<?xml version="1.0"?>`,
		`<a>`+strings.Repeat("<b>", 40)+strings.Repeat("</b>", 40)+`</a>`,
		"<a/>\x1A",
		"<a>\xEF\xBB\xBF</a>",
		"\xEF\xBB\xBF\xEF\xBB\xBF<a/>",
	)
}

func tags() []sample {
	return named("tag",
		`< a/>`,
		`<a / >`,
		`<a/ >`,
		`<a />`,
		"<a\n/>",
		`<a></a >`,
		"<a></a\n>",
		`<a></ a>`,
		`<a></a b="1">`,
		`<a></a/>`,
		`<a><</a>`,
		`<a><b</a>`,
		`<a b></a>`,
		`<a//>`,
		`<>x</>`,
		`<a>></a>`,
		`<a></A>`,
		`<1a/>`,
		`<-a/>`,
		`<a.b-c_d1/>`,
		`<_/>`,
		`<a&b/>`,
		`<a><b/></a>`,
		`<a`+"\x00"+`/>`,
		`<a;/>`,
	)
}

func attributes() []sample {
	return named("attribute",
		`<a b="1" c='2'/>`,
		`<a b="1"c="2"/>`,
		`<a b="1"c/>`,
		`<a b="1" b="2"/>`,
		`<a b=1/>`,
		`<a b="1/>`,
		`<a b='1"/>`,
		`<a b/>`,
		`<a b=/>`,
		`<a ="1"/>`,
		`<a b = "1"/>`,
		"<a b\n=\t\"1\"\r/>",
		`<a b="<"/>`,
		`<a b=">"/>`,
		`<a b="]]>"/>`,
		`<a b="&lt;&gt;&amp;&quot;&apos;"/>`,
		`<a b='"' c="'"/>`,
		`<a b="&"/>`,
		`<a b="&x;"/>`,
		`<a b="&nbsp;"/>`,
		`<a b="a&b"/>`,
		`<a b="&#10;&#13;&#9;"/>`,
		"<a b=\"1\n2\r\n3\r4\t5\"/>",
		"<a b=\" 1  2 \"/>",
		"<a b=\"\r\r\n\n\"/>",
		"<a b=\"\r&#10;\n\"/>",
		`<a b="&#x41;&#65;"/>`,
		`<a b="&#X41;"/>`,
		`<a b="&#0;"/>`,
		`<a b="&#1;"/>`,
		`<a b="&#xD800;"/>`,
		`<a b="&#xFFFE;"/>`,
		`<a b="&#x10FFFF;"/>`,
		`<a b="&#x110000;"/>`,
		`<a b="&#;"/>`,
		`<a b="&#x;"/>`,
		`<a b="&#65"/>`,
		`<a b="&#00000000065;"/>`,
		`<a b="&#-1;"/>`,
		`<a b="&#+1;"/>`,
		"<a b=\"\x01\"/>",
		"<a b=\"\x7F\"/>",
		"<a b=\"\uFFFE\"/>",
		"<a b=\"\xF1\"/>",
		"<a b=\"\U0001F600Ñ\"/>",
		`<a b="<![CDATA[]]>"/>`,
		`<a b="1" B="2"/>`,
		`<a 1b="1"/>`,
		`<a b="1",c="2"/>`,
		`<a/b="1">`,
		`<a b="&#x1F600;"/>`,
		`<a b="&amp"/>`,
		`<a b="& amp;"/>`,
		`<a b="&am p;"/>`,
		`<a b="&AMP;"/>`,
	)
}

func namespaces() []sample {
	return named("namespace",
		`<a xmlns="urn:x"/>`,
		`<p:a xmlns:p="urn:x" p:b="1" b="2"/>`,
		`<p:a/>`,
		`<a p:b="1"/>`,
		`<a><b xmlns:p="urn:x"/><p:c/></a>`,
		`<a xmlns:p=""/>`,
		`<a xmlns=""/>`,
		`<a xmlns="urn:x"><b xmlns=""/></a>`,
		`<a xmlns:p="urn:x" xmlns:q="urn:x" p:b="1" q:b="2"/>`,
		`<a xmlns:p="urn:x" xmlns:q="urn:y" p:b="1" q:b="2"/>`,
		`<a xmlns="urn:x" xmlns:p="urn:x" b="1" p:b="2"/>`,
		`<a xmlns:p="urn:x" xmlns:p="urn:y"/>`,
		`<a xmlns="urn:x" xmlns="urn:y"/>`,
		`<a xml:lang="es" xml:space="preserve"/>`,
		`<a xmlns:xml="http://www.w3.org/XML/1998/namespace"/>`,
		`<a xmlns:xml="urn:x"/>`,
		`<a xmlns:p="http://www.w3.org/XML/1998/namespace"/>`,
		`<a xmlns="http://www.w3.org/XML/1998/namespace"/>`,
		`<a xmlns:xmlns="urn:x"/>`,
		`<a xmlns:xmlns="http://www.w3.org/2000/xmlns/"/>`,
		`<a xmlns:p="http://www.w3.org/2000/xmlns/"/>`,
		`<a xmlns="http://www.w3.org/2000/xmlns/"/>`,
		`<xmlns:a/>`,
		`<a:/>`,
		`<a xmlns:p="urn:x"><p::b/></a>`,
		`<a xmlns:p="urn:x"><p:b:c/></a>`,
		`<a xmlns:p="urn:x"><p:1b/></a>`,
		`<a b:="1"/>`,
		`<a xmlns:="urn:x"/>`,
		`<a xmlns:p="urn:x"><p:b></p:b></a>`,
		`<a xmlns:p="urn:x" xmlns:q="urn:x"><p:b></q:b></a>`,
		`<a xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:x x.xsd"/>`,
		`<p:a xmlns:p="urn:&#120;"><p:b xmlns:p="urn:y"/><p:c/></p:a>`,
		`<XML:a/>`,
		`<p:a p:b="1" xmlns:p="urn:x"/>`,
	)
}

func texts() []sample {
	return named("text",
		`<a>]]></a>`,
		`<a>]] ></a>`,
		`<a>]]&gt;</a>`,
		`<a>]&#93;></a>`,
		`<a>&lt;b/&gt;&amp;&quot;&apos;</a>`,
		`<a>&</a>`,
		`<a>& </a>`,
		`<a>a & b</a>`,
		`<a>&nbsp;</a>`,
		`<a>&amp</a>`,
		`<a>&#169;&#xA9;©</a>`,
		`<a>&#0;</a>`,
		`<a>&#11;</a>`,
		`<a>&#xFFFF;</a>`,
		`<a>&#xDFFF;</a>`,
		"<a>\r\n1\r2\n3\r\r\n</a>",
		"<a>&#13;&#10;</a>",
		"<a>\x0B</a>",
		"<a>\x1F</a>",
		"<a>\x00</a>",
		"<a>\x7F\u0080\u0085\u009F</a>",
		"<a>\uFFFD</a>",
		"<a>\uFFFF</a>",
		"<a>\xED\xA0\x80</a>",
		"<a>\xC0\x80</a>",
		"<a>\xF4\x90\x80\x80</a>",
		"<a>\xE2\x82</a>",
		"<a>\xFF</a>",
		"<a>\U0010FFFF</a>",
		"<a>"+strings.Repeat("x", 40000)+"</a>",
		"<a>"+strings.Repeat("é", 20000)+"</a>",
		"<a>1<b/>2<!-- x -->3<![CDATA[4]]>5</a>",
	)
}

func markup() []sample {
	return named("markup",
		`<a><!-- x --></a>`,
		`<a><!----></a>`,
		`<a><!-- x -- y --></a>`,
		`<a><!-- x ---></a>`,
		`<a><!--->--></a>`,
		`<a><!- x --></a>`,
		`<a><!-- x </a>`,
		"<a><!-- \x01 --></a>",
		`<a><!-- <b> & </c> --></a>`,
		`<a><![CDATA[<b>&]]></a>`,
		`<a><![CDATA[]]]]></a>`,
		`<a><![CDATA[]]]]><![CDATA[>]]></a>`,
		`<a><![CDATA[x]]</a>`,
		`<a><![cdata[x]]></a>`,
		`<a><![CDATA [x]]></a>`,
		"<a><![CDATA[\x02]]></a>",
		"<a><![CDATA[1\r\n2\r3]]></a>",
		`<a><?p?></a>`,
		`<a><?p x?></a>`,
		`<a><?p  x ? > ?></a>`,
		`<a><?p x></a>`,
		`<a><? p x?></a>`,
		`<a><?1p x?></a>`,
		`<a><?p"x"?></a>`,
		"<a><?p \x03?></a>",
		`<a><?p x??></a>`,
		`<a><!x></a>`,
		`<a><!DOCTYPE a></a>`,
		`<!doctype a><a/>`,
		`<a><!ELEMENT a ANY></a>`,
		`<a><?p ?></a>`,
		`<a><%x%></a>`,
		`<a><!-- é Ñ 日本 --></a>`,
	)
}

func names() []sample {
	return named("name",
		`<año/>`,
		`<Ñ ñ="1"/>`,
		`<a·b/>`,
		`<·a/>`,
		`<a×/>`,
		`<a÷b="1"/>`,
		"<a\u037E/>",
		`<日本/>`,
		"<a\u2028/>",
		"<a\u00A0/>",
		"<a\u00A0b=\"1\"/>",
		"<e\u0301/>",
		"<\u0301e/>",
		"<a\u2003b=\"1\"/>",
		"<\xF1/>",
	)
}

func encodings() []sample {
	const text = `<a b="áÑ">ü</a>`
	in := func(encoding string) string { return `<?xml version="1.0" encoding="` + encoding + `"?>` + text }
	le, be := binary.LittleEndian, binary.BigEndian
	const windows = "<a>\x80\x93\x94\xF1</a>"
	return named("encoding",
		in("UTF-8"),
		in("utf-8"),
		"\xEF\xBB\xBF"+in("UTF-8"),
		"\xEF\xBB\xBF"+text,
		latin(in("ISO-8859-1")),
		latin(in("iso-8859-1")),
		latin(`<?xml version="1.0" encoding = 'ISO-8859-1' ?>`+text),
		`<?xml version="1.0" encoding = 'ISO-8859-1' ?>`+text,
		latin(text),
		latin(in("UTF-8")),
		`<?xml version="1.0" encoding="windows-1252"?>`+windows,
		`<?xml version="1.0" encoding='Windows-1252' standalone="yes"?>`+windows,
		`<?xml version="1.0" encoding="ISO-8859-1"?>`+windows,
		utf16Of(in("UTF-16"), le, true),
		utf16Of(in("UTF-16"), be, true),
		utf16Of(in("utf-16"), le, true),
		utf16Of(text, le, true),
		utf16Of(text, be, true),
		utf16Of(`<a>`+"\U0001F600"+`</a>`, le, true),
		utf16Of(`<a>`, be, true)+"\xD8\x00"+utf16Of(`</a>`, be, false),
		utf16Of(`<a>`, be, true)+"\xDC\x00\xD8\x00"+utf16Of(`</a>`, be, false),
		utf16Of("<a>\x01</a>", le, true),
		utf16Of("<a>\uFFFE</a>", be, true),
		utf16Of(in("UTF-16"), le, false),
		utf16Of(in("ISO-8859-1"), le, true),
		utf16Of(in("windows-1252"), be, true),
		utf16Of(in("UTF-16"), be, false),
		`<?xml version="1.0" encoding="US-ASCII"?><a b="x">&#209;</a>`,
		`<?xml version="1.0" encoding="EBCDIC-MX"?><a/>`,
		`<?xml version="1.0" encoding="no-hay"?><a/>`,
		"\xFE\xFF",
		"\xFF\xFE<\x00a\x00",
		`<?xml version="1.0"?>`+"\xEF\xBB\xBF"+`<a/>`,
		"\xEF\xBB\xBF",
	)
}

func policies() []sample {
	of := func(policy string, documents ...string) []sample {
		all := named("policy-"+policy, documents...)
		for i := range all {
			all[i].differs = policy
		}
		return all
	}
	long := strings.Repeat("n", 1200)
	le := binary.LittleEndian
	var all []sample
	all = append(all, of(policyDTD,
		`<!DOCTYPE a><a/>`,
		`<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`,
		`<!DOCTYPE a SYSTEM "a.dtd"><a/>`,
	)...)
	all = append(all, of(policyBound,
		strings.Repeat("<a>", 65)+strings.Repeat("</a>", 65),
		`<`+long+`/>`,
		`<a `+long+`="1"/>`,
		`<?xml version="1.0"`+strings.Repeat(" ", 2000)+`?><a/>`,
	)...)
	all = append(all, of(policyVersion, `<?xml version="1.1"?><a/>`)...)
	all = append(all, of(policyUnmarked, utf16Of(`<a>Ñ</a>`, le, false), utf16Of(`<a>Ñ</a>`, binary.BigEndian, false))...)
	all = append(all, of(policyLabel,
		`<?xml version="1.0" encoding="UTF-16"?><a>Ñ</a>`,
		"\xEF\xBB\xBF"+`<?xml version="1.0" encoding="UTF-16"?><a>Ñ</a>`,
		`<?xml version="1.0" encoding="US-ASCII"?><a>Ñ</a>`,
	)...)
	all = append(all, of(judgesEdition, "<\U00010400/>", "<a \u0220=\"1\"/>", `<a b€="1"/>`)...)
	all = append(all, of(judgesMark,
		"\xEF\xBB\xBF"+`<?xml version="1.0" encoding="ISO-8859-1"?><a>Ñ</a>`,
		utf16Of(`<?xml version="1.0" encoding="UTF-8"?><a>Ñ</a>`, le, true),
		utf16Of(`<?xml version="1.0" encoding="UTF-8"?><a>Ñ</a>`, le, false),
	)...)
	all = append(all, of(judgesColon, `<:a/>`, `<a :b="1"/>`, `<?p:q x?><a/>`)...)
	all = append(all, of(judgesURI, `<a xmlns:schemaLocation="urn:x x.xsd"/>`)...)
	all = append(all, of(judgesEnd,
		"<a/>\x00",
		"<a/>\x00\x00\x00",
		latin(`<?xml version="1.0" encoding="ISO-8859-1"?><a>ü</a>`)+"\x00",
		utf16Of(`<a>Ñ</a>`, le, true)+"\n",
	)...)
	return append(all, of(judgesBlank, `<?xml version="1.0" encoding="UTF-8"standalone="yes"?><a/>`)...)
}
