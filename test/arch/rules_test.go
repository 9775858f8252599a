package arch

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

// rule is one rule with what it finds against it.
type rule struct {
	name  string
	check func([]file) []string
}

func rules() []rule {
	return []rule{
		{"imports", imports},
		{"gateway imports the standard library only", gatewayStdlib},
		{"production never imports what serves development", noDevelopment},
		{"private keys are parsed in one place", privateKeys},
		{"SHA-1 is where the SAT asks for it", weakHashes},
		{"the environment has one reader", environment},
		{"foreign XML has one reader", foreignXML},
		{"files are replaced in one place", renames},
		{"no init functions", noInit},
		{"no mutable package variables", noVars},
		{"package variables are never written", noWrites},
		{"every package says what it is for", comments},
		{"no packages named for nothing", names},
		{"no identifier has a Spanish verb", spanishVerbs},
		{"every refusal has a code of its own", refusals},
	}
}

// production tells the files that end up in the gateway's binary, or would.
func production(f file) bool {
	return !f.test && !below(f.dir, development()...)
}

// development are the folders that serve development and tests; nothing that is
// shipped to production imports them.
func development() []string {
	return []string{"internal/sandbox", "internal/app/devstack", "internal/app/gatewaytest", "internal/store/pgtest", "internal/web/dashboard/chromiumtest", "cmd/sandbox", "cmd/dev", "bench", "examples", "test"}
}

// mayImport says what each package may import of ours; "/..." stands for
// everything below. A package without a row is a breach: whoever adds one
// decides here, in sight of the reviewer.
func mayImport() map[string][]string {
	return map[string][]string{
		"api": nil, "docs": nil, "wsdl": nil,

		"cmd/gateway": {"internal/cli"},
		"cmd/sandbox": {"internal/sandbox"},

		"internal/gateway":        nil,
		"internal/disk":           nil,
		"internal/pace":           nil,
		"internal/efirma":         {"internal/disk", "internal/gateway", "internal/secretfile"},
		"internal/config":         nil,
		"internal/signing":        {"internal/efirma"},
		"internal/soap/transport": {"internal/signing", "internal/efirma", "internal/pace", "internal/xmldoc"},
		"internal/apikeys":        {"internal/disk", "internal/gateway", "internal/secretfile"},
		"internal/store":          {"internal/disk", "internal/gateway"},
		"internal/ledger":         {"internal/gateway", "internal/store"},
		"internal/cluster":        {"internal/store"},
		"internal/clock":          nil,
		"internal/queue":          {"internal/store"},
		"internal/sat/descargas":  {"internal/sat/cfdi", "internal/clock", "internal/gateway", "internal/ledger", "internal/store"},
		"internal/blobs":          {"internal/disk"},
		"internal/origin":         nil,
		"internal/sat/paquetes":   {"internal/gateway", "internal/blobs", "internal/store", "internal/zipdir"},
		"internal/zipdir":         nil,
		"internal/xmldoc":         nil,
		"internal/sat/cfdi":       {"internal/xmldoc", "internal/zipdir"},
		"internal/webhooks":       {"internal/clock", "internal/disk", "internal/gateway", "internal/secretfile", "internal/store"},
		"internal/web":            nil,
		"internal/web/dashboard":  {"internal/gateway", "internal/web"},
		"internal/web/portal":     {"internal/textfold", "internal/web"},
		"internal/telemetry":      {"internal/gateway", "internal/soap/transport"},
		"internal/handlers":       {"internal/gateway", "internal/pade/addenda", "internal/apikeys", "internal/sat/cfdi", "internal/conform", "internal/pade/contrato", "internal/sat/descargas", "internal/efirma", "internal/pade/firmado", "internal/sep/lotes", "internal/origin", "internal/pace", "internal/sat/paquetes", "internal/textfold", "internal/sep/titulo", "internal/webhooks", "internal/xmldoc", "gen/rest"},
		"internal/conform":        {"internal/gateway", "internal/textfold"},
		// What every backend shares is below them all, so that none imports another.
		"internal/pade/addenda":  {"internal/gateway", "internal/xmldoc"},
		"internal/pade/contrato": {"internal/efirma", "internal/gateway", "internal/xmldoc"},
		"internal/pade/firmado":  {"internal/pade/contrato", "internal/efirma", "internal/gateway", "internal/ledger"},
		"internal/pade":          {"internal/soap/outcome", "internal/gateway", "internal/textfold", "internal/soap/transport", "internal/xmldoc", "gen/soap/pade/..."},
		"internal/secretfile":    nil,
		"internal/textfold":      nil,
		"internal/sep/xls":       {"internal/xmldoc"},
		"internal/sep/titulo":    {"internal/gateway", "internal/efirma", "internal/xmldoc"},
		"internal/sep/lotes":     {"internal/efirma", "internal/gateway", "internal/ledger", "internal/textfold", "internal/sep/titulo", "internal/sep/xls"},
		"internal/sep":           {"internal/soap/outcome", "internal/gateway", "internal/textfold", "internal/soap/transport", "gen/soap/sep/..."},
		"internal/sandbox/sep":   {"internal/sandbox/autoridad", "internal/sandbox/control", "internal/sandbox/wellformed"},
		"internal/sandbox/pade":  {"internal/sandbox/autoridad", "internal/sandbox/control", "internal/sandbox/wellformed"},
		"internal/soap/outcome":  {"internal/gateway", "internal/soap/transport"},
		"internal/sat":           {"internal/soap/outcome", "internal/gateway", "internal/efirma", "internal/signing", "internal/soap/transport", "gen/soap/sat/..."},
		"internal/app": {"api", "docs", "internal/apikeys", "internal/blobs", "internal/clock", "internal/cluster", "internal/config", "internal/efirma", "internal/gateway",
			"internal/handlers", "internal/ledger", "internal/origin", "internal/pade", "internal/pade/firmado", "internal/queue", "internal/sat",
			"internal/sat/descargas", "internal/sat/paquetes", "internal/secretfile", "internal/sep", "internal/sep/lotes", "internal/sep/titulo",
			"internal/signing", "internal/soap/transport", "internal/store", "internal/telemetry", "internal/web/dashboard", "internal/web/portal",
			"internal/webhooks"},

		// The command line is beside the wiring, and its client knows the contract alone.
		"internal/cli":     {"internal/apikeys", "internal/app", "internal/client", "internal/config", "internal/efirma", "internal/gateway", "internal/secretfile", "internal/store", "internal/telemetry", "internal/version", "gen/rest"},
		"internal/client":  {"internal/sat/cfdi", "internal/disk", "internal/gateway", "internal/zipdir", "gen/rest"},
		"internal/version": nil,

		"internal/cli/gendoc":    {"internal/cli"},
		"internal/config/gendoc": {"internal/config"},
		"internal/store/pgtest":  nil,

		"internal/web/dashboard/chromiumtest": nil,

		"internal/app/devstack":    {"internal/app", "internal/config", "internal/cluster", "internal/sandbox", "internal/version"},
		"internal/app/gatewaytest": {"internal/app", "internal/app/devstack", "internal/config", "internal/cluster", "internal/sandbox/...", "internal/store/pgtest", "api"},
		// The sandbox judges what the gateway signs, so it shares no code with it.
		"internal/sandbox":            {"internal/sandbox/...", "wsdl"},
		"internal/sandbox/autoridad":  {"internal/disk"},
		"internal/sandbox/control":    {"internal/sandbox/autoridad", "wsdl"},
		"internal/sandbox/wellformed": nil,
		"internal/sandbox/sat":        {"internal/sandbox/autoridad", "internal/sandbox/control", "internal/sandbox/wellformed"},
	}
}

// unruled have no row: programs for development, and generated code, which has
// a rule of its own.
func unruled(dir string) bool {
	return below(dir, "gen", "cmd/dev", "bench", "examples", "test/clients")
}

func imports(files []file) []string {
	var breaches []string
	table := mayImport()
	for _, f := range files {
		// Tests see what they test, and whatever starts it; but the sandbox's own must be as independent as the sandbox.
		if f.test && !below(f.dir, "internal/sandbox") {
			continue
		}
		allowed, ruled := table[f.dir]
		switch {
		case below(f.dir, "gen"):
		case unruled(f.dir):
			continue
		case !ruled:
			breaches = append(breaches, fmt.Sprintf("%s: package %s has no row in mayImport", f.path, f.dir))
			continue
		}
		if f.test {
			allowed = append(slices.Clone(allowed), "internal/sandbox/...")
		}
		for _, i := range f.own() {
			if !admits(allowed, i) {
				breaches = append(breaches, fmt.Sprintf("%s: %s may not import %s", f.path, f.dir, i))
			}
		}
	}
	return breaches
}

func admits(allowed []string, imported string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		if stem, ok := strings.CutSuffix(a, "/..."); ok {
			return below(imported, stem)
		}
		return a == imported
	})
}

func gatewayStdlib(files []file) []string {
	var breaches []string
	for _, f := range files {
		if f.dir != "internal/gateway" || f.test {
			continue
		}
		for _, i := range f.imports {
			if first, _, _ := strings.Cut(i, "/"); strings.Contains(first, ".") {
				breaches = append(breaches, fmt.Sprintf("%s: the vocabulary imports %s", f.path, i))
			}
		}
	}
	return breaches
}

func noDevelopment(files []file) []string {
	var breaches []string
	for _, f := range files {
		if !production(f) {
			continue
		}
		for _, i := range f.own() {
			if below(i, development()...) {
				breaches = append(breaches, fmt.Sprintf("%s: production code imports %s", f.path, i))
			}
		}
		if slices.Contains(f.imports, "testing") {
			breaches = append(breaches, f.path+": production code imports testing")
		}
	}
	return breaches
}

func noInit(files []file) []string {
	var breaches []string
	for _, f := range files {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				breaches = append(breaches, f.at(d)+": has an init function; wire it in internal/app")
			}
		}
	}
	return breaches
}

// packageVar is one variable of a package.
type packageVar struct {
	name  string
	value ast.Expr // nil without one of its own
	embed bool
	at    string
}

func packageVars(f file) []packageVar {
	var vars []packageVar
	for _, d := range f.ast.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok || decl.Tok != token.VAR {
			continue
		}
		for _, s := range decl.Specs {
			spec, ok := s.(*ast.ValueSpec)
			if !ok {
				continue
			}
			embed := embeds(decl.Doc) || embeds(spec.Doc)
			for i, name := range spec.Names {
				v := packageVar{name: name.Name, embed: embed, at: f.at(name)}
				if i < len(spec.Values) {
					v.value = spec.Values[i]
				}
				if v.name != "_" {
					vars = append(vars, v)
				}
			}
		}
	}
	return vars
}

func embeds(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

// constant tells the values that Go has no constants for and nobody changes:
// sentinel errors, compiled patterns, object identifiers, fixed zones.
func constant(v packageVar) bool {
	if v.embed {
		return true
	}
	switch x := v.value.(type) {
	case *ast.CallExpr:
		return slices.Contains([]string{"errors.New", "fmt.Errorf", "regexp.MustCompile", "time.FixedZone"}, dotted(x.Fun))
	case *ast.CompositeLit:
		return dotted(x.Type) == "asn1.ObjectIdentifier"
	}
	return false
}

func dotted(e ast.Expr) string {
	if s, ok := e.(*ast.SelectorExpr); ok {
		if x, ok := s.X.(*ast.Ident); ok {
			return x.Name + "." + s.Sel.Name
		}
	}
	return ""
}

// allowedVars are tables and values that are filled at their declaration and
// only read, each with its reason.
func allowedVars() map[string]string {
	return map[string]string{
		"internal/app.contract":              "the contract, read at first use and the same ever after",
		"internal/app.documentation":         "the pages of the contract, likewise",
		"internal/handlers.errNoRoute":       "a fixed problem; problems are copied before they change",
		"internal/handlers.errNoKey":         "a fixed problem",
		"internal/pade.errBlocked":           "a sentinel of the vocabulary's type",
		"internal/pade.errTooMany":           "a sentinel of the vocabulary's type",
		"internal/pade.errWithoutTurn":       "a sentinel of the vocabulary's type",
		"internal/sat/descargas.ErrNotExist": "a fixed problem",
		"internal/sat/descargas.errCursor":   "a fixed problem",
		"internal/sat/descargas.errNoCFDI":   "a fixed problem",
		"internal/sep/lotes.tooMany":         "a sentinel of the vocabulary's type",
		"internal/sat/paquetes.errForeign":   "a sentinel of the vocabulary's type",
		"internal/gateway.ErrStopping":       "a sentinel of the vocabulary's type",
		"internal/sat/paquetes.zipMagics":    "two byte strings to compare with",
		"internal/telemetry.requestBuckets":  "the bounds of a histogram", "internal/telemetry.upstreamBuckets": "the bounds of a histogram",
		"internal/telemetry.signingBuckets": "the bounds of a histogram",
		"internal/version.name":             "written by the linker (-X), which takes variables alone", "internal/version.commit": "written by the linker", "internal/version.fecha": "written by the linker",
		"internal/store/pgtest.server":                 "one per test binary: a server is slow to start",
		"internal/app/gatewaytest.authority":           "one per test binary, made once: RSA keys are slow to make",
		"internal/app/gatewaytest.contract":            "one per test binary: the contract is parsed once",
		"internal/sandbox/sat.escaper":                 "a table of characters",
		"internal/sandbox/sat.enumTipoSolicitud":       "the values of an enumeration",
		"internal/sandbox/sat.enumEstado":              "the values of an enumeration",
		"internal/sandbox/sat.enumTipo":                "the values of an enumeration",
		"internal/sandbox/sat.complementosCFDI":        "a catalogue",
		"internal/sandbox/sat.complementosRetenciones": "a catalogue",
		"internal/sandbox/sat.points":                  "the table of services and operations",
		"internal/sandbox/sat.texts":                   "the table of the codes' texts",
		"internal/sandbox/sat.paddingText":             "filler of packages, made once because it is megabytes per second",
	}
}

func noVars(files []file) []string {
	var breaches []string
	allowed := allowedVars()
	for _, f := range files {
		if f.test || below(f.dir, "gen", "bench") {
			continue
		}
		for _, v := range packageVars(f) {
			if _, ok := allowed[f.dir+"."+v.name]; !ok && !constant(v) {
				breaches = append(breaches, fmt.Sprintf("%s: package variable %s; pass it as a value, or give allowedVars the reason", v.at, v.name))
			}
		}
	}
	return breaches
}

// noWrites finds statements that change a package's variable, the allowed ones
// above all. It goes by name, so a local variable must not bear the same one.
func noWrites(files []file) []string {
	vars := map[string]bool{}
	for _, f := range files {
		for _, v := range packageVars(f) {
			vars[f.dir+"."+v.name] = true
		}
	}
	var breaches []string
	for _, f := range files {
		if f.test || below(f.dir, "gen") {
			continue
		}
		written := func(at ast.Node, target ast.Expr) {
			if name := base(target); vars[f.dir+"."+name] {
				breaches = append(breaches, fmt.Sprintf("%s: writes to the package variable %s", f.at(at), name))
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch s := n.(type) {
			case *ast.AssignStmt:
				for _, left := range s.Lhs {
					if s.Tok != token.DEFINE {
						written(s, left)
					}
				}
			case *ast.IncDecStmt:
				written(s, s.X)
			case *ast.CallExpr:
				if fn, ok := s.Fun.(*ast.Ident); ok && (fn.Name == "delete" || fn.Name == "clear") && len(s.Args) > 0 {
					written(s, s.Args[0])
				}
			}
			return true
		})
	}
	return breaches
}

// base is the variable that a target of an assignment starts from.
func base(e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x.Name
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return ""
		}
	}
}

func comments(files []file) []string {
	said := map[string]bool{}
	for _, f := range files {
		name := strings.TrimSuffix(path.Base(f.ast.Name.Name), "_test")
		doc := f.ast.Doc.Text()
		ok := len(doc) > 60 && strings.HasPrefix(doc, "Package "+name+" ") ||
			len(doc) > 20 && strings.HasPrefix(doc, "Command ") && name == "main"
		said[f.dir] = said[f.dir] || ok || below(f.dir, "gen/rest", "gen/soap")
	}
	var breaches []string
	for dir, ok := range said {
		if !ok {
			breaches = append(breaches, dir+": no package comment that says what it is for")
		}
	}
	slices.Sort(breaches)
	return breaches
}

func names(files []file) []string {
	bad := []string{"util", "utils", "common", "model", "models", "type", "types", "helper", "helpers", "misc", "shared", "base", "lib"}
	var breaches []string
	for _, f := range files {
		for _, name := range []string{path.Base(f.dir), f.ast.Name.Name} {
			if slices.Contains(bad, name) {
				breaches = append(breaches, fmt.Sprintf("%s: a package named %s says nothing", f.path, name))
			}
		}
	}
	return breaches
}
