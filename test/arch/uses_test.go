package arch

import (
	"fmt"
	"go/ast"
	"regexp"
	"slices"
	"strings"
)

var (
	keyParser   = regexp.MustCompile(`^Parse(PKCS8|PKCS1|EC)PrivateKey|^(Load)?X509KeyPair$|^DecryptPEMBlock$`)
	keyPackages = regexp.MustCompile(`^(github\.com/youmark/pkcs8|software\.sslmate\.com/src/go-pkcs12|golang\.org/x/crypto/(pkcs12|ssh).*)$`)
)

// privateKeys keeps key bytes in efirma, and in the sandbox's authority, which
// makes its own.
func privateKeys(files []file) []string {
	var breaches []string
	for _, f := range files {
		if f.test || below(f.dir, "internal/efirma", "internal/sandbox/autoridad", "bench") {
			continue
		}
		for _, i := range f.imports {
			if keyPackages.MatchString(i) {
				breaches = append(breaches, fmt.Sprintf("%s: imports %s", f.path, i))
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && (keyParser.MatchString(s.Sel.Name) || x.Name == "rsa" && s.Sel.Name == "PrivateKey") {
					breaches = append(breaches, fmt.Sprintf("%s: handles private keys: %s.%s", f.at(n), x.Name, s.Sel.Name))
				}
			}
			return true
		})
	}
	return breaches
}

// weakHashes: signing and the sandbox's verifier need SHA-1 because the SAT
// accepts nothing else; efirma because its .key files derive their key with
// HMAC-SHA1. MD5 is what OpenSSL derived keys with when some of those were made, and
// serves to open them alone.
func weakHashes(files []file) []string {
	var breaches []string
	for _, f := range files {
		if f.test {
			continue
		}
		for _, i := range f.imports {
			sha1 := i == "crypto/sha1" && !below(f.dir, "internal/signing", "internal/efirma", "internal/pade/contrato", "internal/sandbox", "bench")
			md5 := i == "crypto/md5" && !below(f.dir, "internal/efirma")
			if sha1 || md5 || i == "crypto/rc4" {
				breaches = append(breaches, fmt.Sprintf("%s: imports %s", f.path, i))
			}
		}
	}
	return breaches
}

func environment(files []file) []string {
	var breaches []string
	for _, f := range files {
		if production(f) && f.dir != "internal/config" {
			breaches = append(breaches, f.uses("reads the environment; internal/config does that", "Getenv", "LookupEnv", "Environ", "ExpandEnv")...)
		}
	}
	return breaches
}

// renames keeps to internal/disk what gives a file its final name, so that all names
// outlast a power cut. The other places rename on purpose before the content is synced, or
// after, and say so.
func renames(files []file) []string {
	var breaches []string
	others := []string{"internal/blobs/folder.go", "internal/client/xml.go", "internal/store/partials.go", "internal/store/safe.go"}
	for _, f := range files {
		if (production(f) || below(f.dir, "internal/sandbox")) && !f.test && f.dir != "internal/disk" && !slices.Contains(others, f.path) {
			breaches = append(breaches, f.uses("renames a file; internal/disk does that durably", "Rename", "Link")...)
		}
	}
	return breaches
}

// uses reports each use of the system's functions of these names.
func (f file) uses(breach string, names ...string) []string {
	var breaches []string
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && slices.Contains(names, s.Sel.Name) {
			if x, ok := s.X.(*ast.Ident); ok && (x.Name == "os" || x.Name == "syscall") {
				breaches = append(breaches, fmt.Sprintf("%s: %s", f.at(n), breach))
			}
		}
		return true
	})
	return breaches
}

// foreignXML keeps parsers of XML out of production, but for xmldoc: encoding/xml
// takes for well formed what is not. What it writes, and its types over xmldoc's
// tokens, are no breach.
func foreignXML(files []file) []string {
	var breaches []string
	for _, f := range files {
		if !production(f) || f.dir == "internal/xmldoc" || below(f.dir, "gen") {
			continue
		}
		for _, i := range f.imports {
			if i == "github.com/beevik/etree" || strings.HasSuffix(i, "/charset") {
				breaches = append(breaches, fmt.Sprintf("%s: imports %s; internal/xmldoc reads XML", f.path, i))
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := s.X.(*ast.Ident); ok && x.Name == "xml" && slices.Contains([]string{"NewDecoder", "Unmarshal", "Decoder"}, s.Sel.Name) {
				breaches = append(breaches, fmt.Sprintf("%s: parses XML by encoding/xml; internal/xmldoc does that", f.at(n)))
			}
			return true
		})
	}
	return breaches
}
