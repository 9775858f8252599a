package arch

import (
	"strings"
	"testing"
)

const long = "does this one thing for the tests of the rules, and refuses everything else."

// sources are files by path.
type sources map[string]string

// demonstration is a tree that breaks a rule, and next to it one that comes
// close and does not: a rule that cannot fail proves nothing.
type demonstration struct {
	rule, name string
	bad, good  sources
	breach     string
}

func demonstrations() []demonstration {
	imp := func(pkg string, paths ...string) string {
		var b strings.Builder
		b.WriteString("// Package " + pkg + " " + long + "\npackage " + pkg + "\n")
		for _, p := range paths {
			b.WriteString("import _ \"" + p + "\"\n")
		}
		return b.String()
	}
	const reasons = "package gateway; func f() []OwnReason { return []OwnReason{{OwnB, \"x\"}} }"
	const codes = "package gateway; func f() []OwnRefusal { return []OwnRefusal{{OwnA, KindLimite, \"x\"}} }"
	return []demonstration{
		{"imports", "handlers import a backend",
			sources{"internal/handlers/x.go": imp("handlers", module+"/internal/sat")},
			sources{"internal/handlers/x.go": imp("handlers", module+"/internal/gateway", module+"/gen/rest")}, "may not import internal/sat"},
		{"imports", "handlers import a stub",
			sources{"internal/handlers/x.go": imp("handlers", module+"/gen/soap/sat/solicita")},
			sources{"internal/sat/x.go": imp("sat", module+"/gen/soap/sat/solicita")}, "may not import gen/soap"},
		{"imports", "one backend imports another",
			sources{"internal/sat/x.go": imp("sat", module+"/internal/sep")},
			sources{"internal/app/x.go": imp("app", module+"/internal/sep")}, "may not import internal/sep"},
		{"imports", "a main skips the wiring",
			sources{"cmd/gateway/main.go": imp("main", module+"/internal/config")},
			sources{"cmd/gateway/main.go": imp("main", module+"/internal/cli")}, "may not import internal/config"},
		{"imports", "signing imports the vocabulary",
			sources{"internal/signing/x.go": imp("signing", module+"/internal/gateway")},
			sources{"internal/signing/x.go": imp("signing", module+"/internal/efirma")}, "may not import internal/gateway"},
		{"imports", "generated code imports ours",
			sources{"gen/rest/x.go": imp("rest", module+"/internal/gateway")},
			sources{"gen/rest/x.go": imp("rest", "net/http")}, "may not import internal/gateway"},
		{"imports", "the sandbox shares the signer, in a test",
			sources{"internal/sandbox/sat/x_test.go": imp("sat", module+"/internal/signing")},
			sources{"internal/sandbox/sat/x_test.go": imp("sat", module+"/internal/sandbox")}, "may not import internal/signing"},
		{"imports", "a package without a row",
			sources{"internal/nueva/x.go": imp("nueva")},
			sources{"internal/nueva/x_test.go": imp("nueva")}, "has no row"},
		{"gateway imports the standard library only", "a library",
			sources{"internal/gateway/x.go": imp("gateway", "github.com/rs/zerolog")},
			sources{"internal/gateway/x.go": imp("gateway", "context", "encoding/json")}, "github.com/rs/zerolog"},
		{"gateway imports the standard library only", "ours",
			sources{"internal/gateway/x.go": imp("gateway", module+"/internal/efirma")},
			sources{"internal/gateway/x_test.go": imp("gateway", module+"/internal/efirma")}, "internal/efirma"},
		{"production never imports what serves development", "the sandbox",
			sources{"internal/app/x.go": imp("app", module+"/internal/sandbox/control")},
			sources{"internal/app/x_test.go": imp("app", module+"/internal/sandbox/control")}, "imports internal/sandbox/control"},
		{"production never imports what serves development", "devstack",
			sources{"internal/app/x.go": imp("app", module+"/internal/app/devstack")},
			sources{"cmd/dev/x.go": imp("main", module+"/internal/app/devstack")}, "imports internal/app/devstack"},
		{"production never imports what serves development", "gatewaytest",
			sources{"cmd/gateway/x.go": imp("main", module+"/internal/app/gatewaytest")},
			sources{"test/contract/x_test.go": imp("contract", module+"/internal/app/gatewaytest")}, "imports internal/app/gatewaytest"},
		{"production never imports what serves development", "testing",
			sources{"internal/store/x.go": imp("store", "testing")},
			sources{"internal/store/x_test.go": imp("store", "testing")}, "imports testing"},
		{"private keys are parsed in one place", "a call",
			sources{"internal/signing/x.go": `package signing; import "crypto/x509"; func f(b []byte) { x509.ParsePKCS8PrivateKey(b) }`},
			sources{"internal/efirma/x.go": `package efirma; import "crypto/x509"; func f(b []byte) { x509.ParsePKCS8PrivateKey(b) }`}, "x509.ParsePKCS8PrivateKey"},
		{"private keys are parsed in one place", "a type",
			sources{"internal/soap/transport/x.go": `package transport; import "crypto/rsa"; type t struct{ k *rsa.PrivateKey }`},
			sources{"internal/soap/transport/x.go": `package transport; import "crypto/rsa"; type t struct{ k *rsa.PublicKey }`}, "rsa.PrivateKey"},
		{"private keys are parsed in one place", "a library",
			sources{"internal/app/x.go": imp("app", "software.sslmate.com/src/go-pkcs12")},
			sources{"internal/efirma/x.go": imp("efirma", "software.sslmate.com/src/go-pkcs12")}, "go-pkcs12"},
		{"SHA-1 is where the SAT asks for it", "elsewhere",
			sources{"internal/store/x.go": imp("store", "crypto/sha1")},
			sources{"internal/signing/x.go": imp("signing", "crypto/sha1")}, "crypto/sha1"},
		{"SHA-1 is where the SAT asks for it", "MD5 anywhere",
			sources{"internal/signing/x.go": imp("signing", "crypto/md5")},
			sources{"internal/signing/x.go": imp("signing", "crypto/sha256")}, "crypto/md5"},
		{"the environment has one reader", "Getenv",
			sources{"internal/app/x.go": `package app; import "os"; func f() string { return os.Getenv("HOME") }`},
			sources{"internal/config/x.go": `package config; import "os"; func f() string { return os.Getenv("HOME") }`}, "reads the environment"},
		{"files are replaced in one place", "a rename that no power cut respects",
			sources{"internal/app/x.go": `package app; import "os"; func f() error { return os.Rename("a", "b") }`},
			sources{"internal/disk/x.go": `package disk; import "os"; func f() error { return os.Rename("a", "b") }`}, "renames a file"},
		{"foreign XML has one reader", "a decoder",
			sources{"internal/sep/titulo/x.go": `package titulo; import ("encoding/xml"; "io"); func f(r io.Reader) error { return xml.NewDecoder(r).Decode(nil) }`},
			sources{"internal/sep/titulo/x.go": `package titulo; import ("encoding/xml"; "io"); func f(r xml.TokenReader) error { return xml.NewTokenDecoder(r).Decode(nil) }`}, "parses XML"},
		{"foreign XML has one reader", "a value",
			sources{"internal/soap/transport/x.go": `package transport; import "encoding/xml"; func f(b []byte) error { return xml.Unmarshal(b, nil) }`},
			sources{"internal/xmldoc/x.go": `package xmldoc; import "encoding/xml"; func f(b []byte) error { return xml.Unmarshal(b, nil) }`}, "parses XML"},
		{"foreign XML has one reader", "another library",
			sources{"internal/signing/x.go": imp("signing", "github.com/beevik/etree")},
			sources{"internal/sandbox/sat/x.go": imp("sat", "github.com/beevik/etree")}, "github.com/beevik/etree"},
		{"no init functions", "a function",
			sources{"internal/store/x.go": "package store; func init() {}"},
			sources{"internal/store/x.go": "package store; type t int; func (t) init() {}"}, "init function"},
		{"no mutable package variables", "a map",
			sources{"internal/store/x.go": "package store; var cache = map[string]int{}"},
			sources{"internal/store/x.go": `package store; import "errors"; var errX = errors.New("x"); var _ = 1; const c = 2`}, "package variable cache"},
		{"no mutable package variables", "no value",
			sources{"internal/store/x.go": "package store; var db, other int"},
			sources{"internal/store/x.go": "package store\nimport \"embed\"\n//go:embed a.sql\nvar files embed.FS"}, "package variable db"},
		{"package variables are never written", "assigned in another file",
			sources{"internal/store/x.go": `package store; import "errors"; var errX = errors.New("x")`, "internal/store/y.go": "package store; func f() { errX = nil }"},
			sources{"internal/store/x.go": `package store; import "errors"; var errX = errors.New("x")`, "internal/gateway/y.go": "package gateway; func f(errX error) { errX = nil }"}, "errX"},
		{"package variables are never written", "an entry",
			sources{"internal/handlers/x.go": `package handlers; var scopes = map[string]string{}; func f() { scopes["a"] = "b" }`},
			sources{"internal/handlers/x.go": `package handlers; var scopes = map[string]string{}; func f() string { return scopes["a"] }`}, "scopes"},
		{"package variables are never written", "an entry taken out",
			sources{"internal/handlers/x.go": `package handlers; var scopes = map[string]string{}; func f() { delete(scopes, "a") }`},
			sources{"internal/handlers/x.go": `package handlers; var scopes = map[string]string{}; func f(m map[string]string) { delete(m, "a") }`}, "scopes"},
		{"every package says what it is for", "no comment",
			sources{"internal/store/x.go": "package store", "internal/store/y.go": "// store.\n\npackage store"},
			sources{"internal/store/x.go": "package store", "internal/store/y.go": imp("store")}, "internal/store"},
		{"every package says what it is for", "a comment of another package",
			sources{"internal/store/x.go": "// Package efirma " + long + "\npackage store"},
			sources{"cmd/x/main.go": "// Command x " + long + "\npackage main"}, "internal/store"},
		{"no packages named for nothing", "by folder",
			sources{"internal/util/x.go": "package texto"},
			sources{"internal/texto/x.go": "package texto"}, "named util"},
		{"no packages named for nothing", "by clause",
			sources{"internal/texto/x.go": "package helpers"},
			sources{"internal/texto/x.go": "package texto_test"}, "named helpers"},
		{"no identifier has a Spanish verb", "a function",
			sources{"internal/sat/cfdi/x.go": "package cfdi; func leeArchivo() {}"},
			sources{"internal/sat/cfdi/x.go": "package cfdi; func readArchivo() {}"}, "leeArchivo has the Spanish verb lee"},
		{"no identifier has a Spanish verb", "a local",
			sources{"internal/sat/cfdi/x.go": "package cfdi; func f() int { sigue := 1; return sigue }"},
			sources{"internal/sat/cfdi/x.go": "package cfdi; func f() int { siguiente := 1; return siguiente }"}, "sigue has the Spanish verb sigue"},
		{"no identifier has a Spanish verb", "a method that the contract does not name",
			sources{"gen/rest/x.go": "package rest; type ServerInterface interface{ CrearDescarga() }", "internal/handlers/x.go": "package handlers; func (h) CrearTodo() {}"},
			sources{"gen/rest/x.go": "package rest; type ServerInterface interface{ CrearDescarga() }", "internal/handlers/x.go": "package handlers; func (h) CrearDescarga() {}"}, "CrearTodo has the Spanish verb crear"},
		{"no identifier has a Spanish verb", "a field that is not as its tag",
			sources{"internal/sat/cfdi/x.go": "package cfdi; type t struct { Vence string `json:\"expira\"` }"},
			sources{"internal/sat/cfdi/x.go": "package cfdi; type t struct { Vence string `json:\"vence\"` }"}, "Vence has the Spanish verb vence"},
		{"every refusal has a code of its own", "none",
			sources{"internal/store/x.go": `package store; var e = &gateway.Error{Kind: gateway.KindLimite, Detail: "x"}`},
			sources{"internal/store/x.go": `package store; var e = &gateway.Error{Kind: gateway.KindLimite, Codigo: c}`}, "without a code"},
		{"every refusal has a code of its own", "one for two",
			sources{ownCodes: codes, "internal/store/x.go": `package store; func f() { g(gateway.OwnA); h(gateway.Error{Own: gateway.OwnA}) }`},
			sources{ownCodes: codes, "internal/store/x.go": `package store; func f() { g(gateway.OwnA) }`}, "OwnA is given in 2 places"},
		{"every refusal has a code of its own", "one that nobody gives",
			sources{ownCodes: codes},
			sources{ownCodes: codes, "internal/gateway/x.go": `package gateway; var e = Error{Kind: KindLimite, Own: OwnA}`}, "OwnA is given in 0 places"},
		{"every refusal has a code of its own", "one of a refusal that is only a reason",
			sources{ownCodes: codes, "internal/store/x.go": `package store; func f() string { return string(gateway.OwnA) }`},
			sources{ownCodes: codes, "internal/store/x.go": `package store; func f() string { g(gateway.OwnA); return string(gateway.OwnA) }`}, "OwnA is given in 0 places"},
		{"every refusal has a code of its own", "a reason that nobody has",
			sources{ownReasons: reasons},
			sources{ownReasons: reasons, "internal/store/x.go": `package store; func f() string { return string(gateway.OwnB) }`}, "OwnB is nobody's reason"},
		{"every refusal has a code of its own", "one of another kind",
			sources{ownCodes: codes, "internal/store/x.go": `package store; var e = gateway.Error{Kind: gateway.KindRango, Own: gateway.OwnA}`},
			sources{ownCodes: codes, "internal/store/x.go": `package store; var e = gateway.Error{Kind: gateway.KindLimite, Own: gateway.OwnA}`}, "not of KindRango"},
	}
}

func TestRules_WhenBroken(t *testing.T) {
	for _, tc := range demonstrations() {
		t.Run(tc.rule+"/"+tc.name, func(t *testing.T) {
			bad, good := check(t, tc.rule, tc.bad), check(t, tc.rule, tc.good)
			if !strings.Contains(strings.Join(bad, "\n"), tc.breach) {
				t.Errorf("the bad tree gave %q; want a breach with %q", bad, tc.breach)
			}
			if len(good) > 0 {
				t.Errorf("the good tree gave %q", good)
			}
		})
	}
}

func TestRules_AreAllDemonstrated(t *testing.T) {
	shown := map[string]bool{}
	for _, d := range demonstrations() {
		shown[d.rule] = true
	}
	for _, r := range rules() {
		if !shown[r.name] {
			t.Errorf("nothing shows that the rule %q can fail", r.name)
		}
	}
}

func check(t *testing.T, name string, sources map[string]string) []string {
	t.Helper()
	var files []file
	for path, source := range sources {
		f, err := parse(path, source)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	for _, r := range rules() {
		if r.name == name {
			return r.check(files)
		}
	}
	t.Fatalf("there is no rule %q", name)
	return nil
}
