package contract

import (
	"crypto/x509"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/pade"
	"github.com/pasarela-mx/pasarela/internal/sat"
	"github.com/pasarela-mx/pasarela/internal/sep"
	"github.com/pasarela-mx/pasarela/internal/soap/outcome"
	"github.com/pasarela-mx/pasarela/internal/soap/transport"
)

var (
	// tellsToRepeat tells to send the same request: not another, and not after something has
	// been changed in it.
	tellsToRepeat = regexp.MustCompile(`(?i)\b(repita|rep[ií]t[ae]la|repetir|reintente|int[eé]nt[ae]lo|otra vez)\b`)
	// tellsNotTo tells not to.
	tellsNotTo = regexp.MustCompile(`(?i)\bno (la |lo |las )?(repita|reintente)\b`)
	// ofAnother is a sentence about a request that is not the same.
	ofAnother = regexp.MustCompile(`(?i)otra Idempotency-Key|otra clave|con la clave nueva|no entrega otra vez|se leerá otra vez`)
)

// contradicts says where detail and retryable do not say the same, or "".
func contradicts(detail string, retryable bool) string {
	for _, sentence := range regexp.MustCompile(`[.;:]`).Split(detail, -1) {
		switch {
		case tellsNotTo.MatchString(sentence):
			if retryable {
				return "it tells not to repeat, and is reintentable"
			}
		case tellsToRepeat.MatchString(sentence) && !ofAnother.MatchString(detail) && !retryable:
			return "it tells to repeat, and is not reintentable"
		}
	}
	return ""
}

// silent says that what may be repeated does not say so.
func silent(detail string, retryable bool) bool {
	return retryable && !tellsToRepeat.MatchString(detail)
}

// ofSystem are the operations of a system, by what a repeat of them does.
type ofSystem struct {
	outcome.System
	asks, counted, spends []string
}

func systems() []ofSystem {
	return []ofSystem{
		{System: sat.System(), asks: []string{"Autentica", "VerificaSolicitudDescarga"}, counted: []string{"Descargar"},
			spends: []string{"SolicitaDescarga", "SolicitaDescargaEmitidos", "SolicitaDescargaRecibidos", "SolicitaDescargaFolio"}},
		{System: sep.System(), asks: []string{"consultaProcesoTituloElectronico", "descargaTituloElectronico"},
			spends: []string{"cargaTituloElectronico", "cancelaTituloElectronico", "cancelarTituloInstitucion"}},
		{System: pade.System(), asks: []string{"procesarAddenda", "procesarAdjuntarAddenda"},
			spends: []string{"firmar", "firmarManifiesto", "firmarContratoAdhesion"}},
	}
}

// insteadOfAnAnswer is what may come in an answer's place.
func insteadOfAnAnswer() []*transport.Error {
	var all []*transport.Error
	for _, class := range []transport.Class{transport.ClassConnect, transport.ClassBreaker, transport.ClassInternal, transport.ClassResources, transport.ClassCanceled} {
		all = append(all, &transport.Error{Class: class})
	}
	for _, err := range []error{x509.UnknownAuthorityError{}, x509.HostnameError{Certificate: &x509.Certificate{}, Host: "h"}, x509.CertificateInvalidError{Reason: x509.Expired}} {
		all = append(all, &transport.Error{Class: transport.ClassTLS, Err: err})
	}
	for _, class := range []transport.Class{transport.ClassLost, transport.ClassTimeout, transport.ClassCanceled, transport.ClassEmpty, transport.ClassMalformed,
		transport.ClassTooLarge, transport.ClassTruncated, transport.ClassPage, transport.ClassCoded, transport.ClassSink} {
		all = append(all, &transport.Error{Class: class, Sent: true, Status: 200})
	}
	all = append(all, &transport.Error{Class: transport.ClassSink, Sent: true, Err: syscall.ENOSPC})
	for _, status := range []int{101, 302, 401, 403, 404, 429, 500, 502, 503, 504} {
		all = append(all, &transport.Error{Class: transport.ClassHTTP, Sent: true, Status: status}, &transport.Error{Class: transport.ClassHTTP, Sent: true, Status: status, RetryAfter: 1})
	}
	for _, code := range []string{"Client", "Server", "", "DeserializationFailed", "InvalidSecurity", "ActionNotSupported"} {
		all = append(all, &transport.Error{Class: transport.ClassFault, Sent: true, Status: 500, Faultcode: code}, &transport.Error{Class: transport.ClassFault, Sent: true, Status: 500, Faultcode: code, Skew: 1 << 40})
	}
	return all
}

// TestDetail_WhenASystemFailsItSaysWhatReintentableSays goes through every system,
// operation and failure: a program reads the one and a person the other.
func TestDetail_WhenASystemFailsItSaysWhatReintentableSays(t *testing.T) {
	t.Parallel()
	for _, s := range systems() {
		try := func(op *transport.Operation) {
			for _, f := range insteadOfAnAnswer() {
				e := gateway.AsError(s.Failure(op, f))
				if why := contradicts(e.Detail, e.Retryable); why != "" || silent(e.Detail, e.Retryable) {
					t.Errorf("%s, %s, %s %s %d: %s (reintentable %v): %s", s.Backend, op.Name, f.Class, f.Faultcode, f.Status, why, e.Retryable, e.Detail)
				}
			}
		}
		for _, name := range s.asks {
			try(&transport.Operation{Name: name, Repeatable: true})
			try(&transport.Operation{Name: name, Repeatable: true, Stream: []string{"x"}})
		}
		for _, name := range s.counted {
			try(&transport.Operation{Name: name, Stream: []string{"x"}})
		}
		for _, name := range s.spends {
			try(&transport.Operation{Name: name})
		}
	}
}

// TestDetail_OfEveryCodeSaysWhatReintentableSays goes through the tables of codes.
func TestDetail_OfEveryCodeSaysWhatReintentableSays(t *testing.T) {
	t.Parallel()
	hold := func(codigo, detail string, retryable bool) {
		if why := contradicts(detail, retryable); why != "" || silent(detail, retryable) {
			t.Errorf("%s: %s (reintentable %v): %s", codigo, why, retryable, detail)
		}
	}
	for _, c := range gateway.RechazosSAT() {
		hold(c.Codigo, c.Detail, c.Retryable)
	}
	for _, table := range padeTables() {
		for _, c := range table {
			hold(c.Codigo, c.Detail, c.Retryable)
		}
	}
	for _, m := range sep.Messages() {
		hold(m.Part, m.Detail, false)
	}
}

// TestDetail_OfEveryExampleSaysWhatReintentableSays holds the contract's problems to it.
func TestDetail_OfEveryExampleSaysWhatReintentableSays(t *testing.T) {
	t.Parallel()
	seen := 0
	for name, ex := range load(t).Components.Examples {
		value, _ := ex.Value.Value.(map[string]any)
		detail, _ := value["detail"].(string)
		retryable, is := value["reintentable"].(bool)
		if !is {
			continue
		}
		seen++
		if why := contradicts(detail, retryable); why != "" {
			t.Errorf("%s: %s: %s", name, why, detail)
		}
	}
	if seen < 50 {
		t.Errorf("only %d problems were found", seen)
	}
}

// TestDetail_WhereverItIsWrittenSaysWhatReintentableSays reads every problem that the
// code writes: those that no table has.
func TestDetail_WhereverItIsWrittenSaysWhatReintentableSays(t *testing.T) {
	t.Parallel()
	seen := 0
	err := filepath.WalkDir("../../internal", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && d.Name() == "sandbox" {
			return orSkip(err)
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			detail, retryable, known := written(lit)
			if !known {
				return true
			}
			seen++
			if why := contradicts(detail, retryable); why != "" {
				t.Errorf("%s: %s: %s", set.Position(lit.Pos()), why, detail)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 100 {
		t.Errorf("only %d problems were found", seen)
	}
}

// orSkip is what a walk goes on with.
func orSkip(err error) error {
	if err != nil {
		return err
	}
	return filepath.SkipDir
}

// written is the text of a literal's Detail and what its Retryable says; not known
// where it has no text or says what cannot be read here.
func written(lit *ast.CompositeLit) (detail string, retryable, known bool) {
	kind := false
	known = true
	for _, element := range lit.Elts {
		kv, ok := element.(*ast.KeyValueExpr)
		if !ok {
			return "", false, false
		}
		key, _ := kv.Key.(*ast.Ident)
		switch {
		case key == nil:
		case key.Name == "Kind":
			kind = true
		case key.Name == "Detail", key.Name == "Detalle":
			ast.Inspect(kv.Value, func(n ast.Node) bool {
				if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
					s, _ := strconv.Unquote(text.Value) // the parser has read it
					detail += s
				}
				return true
			})
		case key.Name == "Retryable":
			value, is := kv.Value.(*ast.Ident)
			retryable = is && value.Name == "true"
			known = is && (value.Name == "true" || value.Name == "false")
		}
	}
	return detail, retryable, known && kind && detail != ""
}

// What must be told apart is told apart.
func TestDetail_WhenItContradicts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		detail    string
		retryable bool
		wrong     bool
	}{
		{"Falló. Repita más tarde.", false, true},
		{"Falló. Repita más tarde.", true, false},
		{"Repítala: nadie firma dos veces.", false, true},
		{"Cargue el archivo otra vez: vuelven como ya_registrado.", false, true},
		{"Cargue el archivo otra vez, con otra Idempotency-Key: vuelven como ya_registrado.", false, false},
		{"No la repita igual: cambie fechaFinal en un segundo.", false, false},
		{"No la repita igual: cambie fechaFinal en un segundo.", true, true},
		{"Corrija los campos.", false, false},
	} {
		if got := contradicts(c.detail, c.retryable); (got != "") != c.wrong {
			t.Errorf("%q, %v: %q", c.detail, c.retryable, got)
		}
	}
}
