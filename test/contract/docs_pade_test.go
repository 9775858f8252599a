package contract

import (
	"crypto/sha1"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/handlers"
	"github.com/pasarela-mx/pasarela/internal/pade"
	"github.com/pasarela-mx/pasarela/internal/pade/contrato"
)

// padeTables are the code tables of the PAC's services, by the headings under
// which docs/errores.md shows them.
func padeTables() map[string][]pade.Codigo {
	return map[string][]pade.Codigo{
		"## Códigos de Prodigia: addendas": pade.CodigosAddendas(),
		"## Códigos de Prodigia: firma":    pade.SignedCodigos(),
	}
}

func TestErrors_TablesOfPADECodesAreTheCodes(t *testing.T) {
	types, text := handlers.ProblemTypes(), page(t, "docs/errores.md")
	for heading, table := range padeTables() {
		want := make([]string, 0, len(table))
		for _, c := range table {
			p := types[c.Kind]
			want = append(want, fmt.Sprintf("| `%s` | %s | %d | %s | %s | %s |", c.Codigo, c.Text, p.Status, link(string(c.Kind)), again(c.Retryable, c.RetryAfter), c.Detail))
		}
		if diff := cmp.Diff(want, lines(section(t, text, heading))); diff != "" {
			t.Errorf("%s (-code +page):\n%s\nthe table should be\n%s", heading, diff, strings.Join(want, "\n"))
		}
	}
}

// TestErrors_CredentialsCodesAreTheOnesThatStopAnAccount holds what the page
// says of the breaker against the tables.
func TestErrors_CredentialsCodesAreTheOnesThatStopAnAccount(t *testing.T) {
	credentials := func(table []pade.Codigo) string {
		var all []string
		for _, c := range table {
			if c.Credentials {
				all = append(all, c.Codigo)
			}
		}
		return strings.Join(all, " y ")
	}
	want := fmt.Sprintf("(%s en addendas, %s al firmar)", credentials(pade.CodigosAddendas()), credentials(pade.SignedCodigos()))
	if text := strings.Join(strings.Fields(section(t, page(t, "docs/errores.md"), "## La cuenta de Prodigia")), " "); !strings.Contains(text, want) {
		t.Errorf("the page does not say %q", want)
	}
}

// TestContratos_HashesAreTrue recomputes every hash of docs/contratos.md, by
// crypto/sha1 and by the package that fills it in.
func TestContratos_HashesAreTrue(t *testing.T) {
	all := rows(section(t, page(t, "docs/contratos.md"), "## El hash"))
	if len(all) < 4 {
		t.Fatalf("only %d hashes were found", len(all))
	}
	for _, row := range all {
		text, err := strconv.Unquote(`"` + strings.Trim(row[0], "`") + `"`)
		if err != nil {
			t.Fatalf("%s: %v", row[0], err)
		}
		sum := sha1.Sum([]byte(text))
		pairs := make([]string, 0, len(sum))
		for _, b := range sum {
			pairs = append(pairs, fmt.Sprintf("%02X", b))
		}
		want := strings.Join(pairs, "-")
		if got := strings.Trim(row[1], "`"); got != want || contrato.Hash(text) != want {
			t.Errorf("the hash of %s is %s; the page says %s and the code %s", row[0], want, got, contrato.Hash(text))
		}
	}
}

// parties are the columns of the table of docs/contratos.md.
func parties() []struct {
	op  gateway.FirmaOperation
	who string
} {
	return []struct {
		op  gateway.FirmaOperation
		who string
	}{{gateway.FirmaContrato, contrato.Cliente}, {gateway.FirmaContrato, "INT"}, {gateway.FirmaAdhesion, contrato.Cliente}}
}

// wanted lists the fields of a Firma without any, that are missing.
func wanted(op gateway.FirmaOperation, who, rfc string) []string {
	var all []string
	for _, c := range contrato.Validate(contrato.New("2026-02-01T12:00:00", "x", []contrato.Firma{{Who: who, RFC: rfc}}), op) {
		if field, ok := strings.CutPrefix(c.Campo, "firmas/0/"); ok && c.Detalle == "Es obligatorio." {
			all = append(all, field)
		}
	}
	return all
}

func TestContratos_TableOfPartiesIsWhatIsChecked(t *testing.T) {
	const persona, moral = "PEPJ800101AB5", "PRU010101AB1"
	want := map[string][]string{}
	for i, p := range parties() {
		always, ofCompanies := wanted(p.op, p.who, persona), wanted(p.op, p.who, moral)
		if len(always) < 4 || len(ofCompanies) <= len(always) {
			t.Fatalf("%s %s: %v, %v", p.op, p.who, always, ofCompanies)
		}
		for _, field := range ofCompanies {
			if want[field] == nil {
				want[field] = []string{"no", "no", "no"}
			}
			want[field][i] = "si es persona moral"
			if slices.Contains(always, field) {
				want[field][i] = "sí"
			}
		}
	}
	// The RFC is given above, so it is not found missing.
	want["rfc"] = []string{"sí", "sí", "no"}
	got := map[string][]string{}
	for _, row := range rows(section(t, page(t, "docs/contratos.md"), "## El contrato por sus campos")) {
		for field := range strings.SplitSeq(row[0], ", ") {
			got[strings.Trim(field, "`")] = row[1:]
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-code +page):\n%s", diff)
	}
	for i, p := range parties() { // and the RFC, by itself
		if missing := slices.Contains(wanted(p.op, p.who, ""), "rfc"); missing != (want["rfc"][i] == "sí") {
			t.Errorf("%s %s: rfc is wanted: %v", p.op, p.who, missing)
		}
	}
}

// TestContratos_CommandsWork runs the lines of docs/contratos.md, one block
// after the other, and holds each against what the page says of it.
func TestContratos_CommandsWork(t *testing.T) {
	t.Parallel()
	needs(t, "curl", "sed", "base64", "openssl", "tr")
	commands(t, "docs/contratos.md", [][]string{
		{`<Dato campo="pedido">4500</Dato>`, `<Dato campo="tienda">12</Dato>`},
		{`Sello="AbC="`, `<cfdi:Addenda><Dato campo="pedido">4500</Dato>`, `PEÑA`},
		{contrato.Hash("Contrato de adhesión — ñ Ñ € prueba")},
		{`Quien="Cliente"`, `Quien="PCCFDI"`, contrato.Hash("Contrato de adhesión de prueba.\nNo obliga a nadie.")},
		{"Idempotent-Replayed: true", `"firmaOk":true`, `"modoPrueba":true`},
		{`"status":403`, "GATEWAY_PADE_AMBIENTE=produccion"},
		{"204"},
	})
}
