package contrato

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func names(fields []gateway.Field) []string {
	var all []string
	for _, c := range fields {
		all = append(all, c.Campo)
	}
	slices.Sort(all)
	return all
}

func TestValidate_WhenComplete(t *testing.T) {
	for _, op := range operations() {
		if fields := Validate(complete(t, op), op); fields != nil {
			t.Errorf("%s: %v", op, fields)
		}
	}
}

func TestValidate_WhenAnAttributeIsMissing(t *testing.T) {
	for _, op := range operations() {
		base := complete(t, op)
		for i := range base.Firmas {
			for _, name := range order(op, base.Firmas[i]) {
				if name == "Quien" {
					continue // without it the number of parties is wrong as well
				}
				c := base
				c.Firmas = slices.Clone(base.Firmas)
				a, ok := c.Firmas[i].attribute(name)
				if !ok {
					t.Fatalf("no attribute %s", name)
				}
				*a.value = " "
				want := []string{firmaPath(i, a.field)}
				got := slices.Compact(names(Validate(c, op)))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: %s", op, diff)
				}
			}
		}
	}
}

func TestValidate_WhenAPersonSigns(t *testing.T) {
	c := complete(t, gateway.FirmaContrato)
	f := &c.Firmas[0]
	f.RFC, f.RepLegal, f.RepLegalRFC = persona, "", ""
	if err := Seal(f, c.Text, credential(t, persona), SHA256); err != nil {
		t.Fatal(err)
	}
	if fields := Validate(c, gateway.FirmaContrato); fields != nil {
		t.Errorf("a person needs no representative: %v", fields)
	}
	c = complete(t, gateway.FirmaAdhesion)
	f = &c.Firmas[0]
	f.RepLegal, f.Facultad = "", ""
	if got := names(Validate(c, gateway.FirmaAdhesion)); !slices.Equal(got, []string{"firmas/0/facultad", "firmas/0/repLegal"}) {
		t.Errorf("a company by its certificate: %v", got)
	}
	if err := Seal(f, c.Text, credential(t, persona), SHA256); err != nil {
		t.Fatal(err)
	}
	if fields := Validate(c, gateway.FirmaAdhesion); fields != nil {
		t.Errorf("a person by its certificate: %v", fields)
	}
}

func TestValidate_WhenWrong(t *testing.T) {
	sign, adhesion := gateway.FirmaContrato, gateway.FirmaAdhesion
	tests := []struct {
		name   string
		op     gateway.FirmaOperation
		change func(*Contrato)
		want   []string
	}{
		{"no date", sign, func(c *Contrato) { c.Fecha = "" }, []string{"fecha"}},
		{"date with a zone", sign, func(c *Contrato) { c.Fecha += "Z" }, []string{"fecha"}},
		{"date with fractions", sign, func(c *Contrato) { c.Fecha += ".5" }, []string{"fecha"}},
		{"date of one digit", sign, func(c *Contrato) { c.Fecha = "2026-03-01T1:00:00" }, []string{"fecha"}},
		{"date that is none", sign, func(c *Contrato) { c.Fecha = "2026-02-30T01:00:00" }, []string{"fecha"}},
		{"text with a mark", sign, func(c *Contrato) { *c = New(c.Fecha, "\ufeff"+c.Text, c.Firmas) }, []string{"texto"}},
		{"text of spaces", sign, func(c *Contrato) { *c = New(c.Fecha, " \n", c.Firmas) }, []string{"texto"}},
		{"text with a control character", sign, func(c *Contrato) { *c = New(c.Fecha, "a\x02", c.Firmas) }, []string{"texto"}},
		{"hash of another text", sign, func(c *Contrato) { c.Text += " " }, []string{"hash"}},
		{"hash in lower case", sign, func(c *Contrato) { c.Hash = strings.ToLower(c.Hash) }, []string{"hash"}},
		{"hash without hyphens", sign, func(c *Contrato) { c.Hash = strings.ReplaceAll(c.Hash, "-", "") }, []string{"hash"}},
		{"hash in base64", sign, func(c *Contrato) {
			sum := sha1.Sum([]byte(c.Text))
			c.Hash = base64.StdEncoding.EncodeToString(sum[:])
		}, []string{"hash"}},
		{"hash by SHA-256", sign, func(c *Contrato) {
			c.Hash = strings.ReplaceAll(fmt.Sprintf("% X", sha256.Sum256([]byte(c.Text))), " ", "-")
		}, []string{"hash"}},
		{"hash of Latin-1", sign, func(c *Contrato) {
			var latin []byte
			for _, r := range c.Text + "ñ" {
				latin = append(latin, byte(r))
			}
			*c = New(c.Fecha, c.Text+"ñ", c.Firmas)
			c.Hash = Hash(string(latin))
		}, []string{"hash"}},
		{"hash of UTF-16", sign, func(c *Contrato) {
			var wide []byte
			for _, u := range utf16.Encode([]rune(c.Text)) {
				wide = append(wide, byte(u), byte(u>>8))
			}
			c.Hash = Hash(string(wide))
		}, []string{"hash"}},
		{"date as people write it", sign, func(c *Contrato) { c.Fecha = "01/02/2026 12:00:00" }, []string{"fecha"}},
		{"number with colons", sign, func(c *Contrato) { c.Firmas[0].CertificadoSerie = "30:00:10" }, []string{"firmas/0/certificadoSerie"}},
		{"error as hash", sign, func(c *Contrato) { c.Hash = "Error SHA-1: x" }, []string{"hash"}},
		{"one Firma", sign, func(c *Contrato) { c.Firmas = c.Firmas[:1] }, []string{"firmas"}},
		{"no Firma", adhesion, func(c *Contrato) { c.Firmas = nil }, []string{"firmas"}},
		{"two of them clients", sign, func(c *Contrato) { c.Firmas[1] = c.Firmas[0] }, []string{"firmas"}},
		{"two in an adhesion", adhesion, func(c *Contrato) { c.Firmas = append(c.Firmas, c.Firmas[0]) }, []string{"firmas"}},
		{"adhesion of nobody", adhesion, func(c *Contrato) { c.Firmas[0].Who = "cliente" }, []string{"firmas"}},
		{"the PAC's own", sign, func(c *Contrato) { c.Firmas[1].Who = PCCFDI }, []string{"firmas/1/quien"}},
		{"other initials", sign, func(c *Contrato) { c.Firmas[1].Initials = "XYZ" }, []string{"firmas/1/siglas"}},
		{"RFCs without form", sign, func(c *Contrato) { c.Firmas[0].RFC, c.Firmas[0].RepLegalRFC = "x", "y" }, []string{"firmas/0/repLegalRfc", "firmas/0/rfc"}},
		{"name of two lines", sign, func(c *Contrato) { c.Firmas[0].Name = "a\nb" }, []string{"firmas/0/nombre"}},
		{"base64 in lines", sign, func(c *Contrato) { c.Firmas[0].Sello = "AAAA\nAAAA" }, []string{"firmas/0/sello"}},
		{"base64 without padding", sign, func(c *Contrato) { c.Firmas[0].Sello = "AA" }, []string{"firmas/0/sello"}},
		{"certificate in PEM", sign, func(c *Contrato) {
			c.Firmas[0].Certificado = base64.StdEncoding.EncodeToString([]byte("-----BEGIN CERTIFICATE-----"))
		}, []string{"firmas/0/certificado"}},
		{"certificate that is no base64", sign, func(c *Contrato) { c.Firmas[0].Certificado = "¡no!" }, []string{"firmas/0/certificado"}},
		{"number of another", sign, func(c *Contrato) { c.Firmas[0].CertificadoSerie = c.Firmas[1].CertificadoSerie }, []string{"firmas/0/certificadoSerie"}},
		{"number in hexadecimal", sign, func(c *Contrato) {
			cert, _, _ := certificado(c.Firmas[0])
			c.Firmas[0].CertificadoSerie = cert.SerialNumber.Text(16)
		}, nil},
		{"Sello of who knows what", sign, func(c *Contrato) { c.Firmas[0].Sello = "AAAA" }, nil},
		{"unknown attributes", sign, func(c *Contrato) { c.Firmas[0].Other = []Attribute{{"X", "y"}} }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := complete(t, tt.op)
			tt.change(&c)
			fields := Validate(c, tt.op)
			if diff := cmp.Diff(tt.want, names(fields)); diff != "" {
				t.Error(diff)
			}
			for _, field := range fields {
				if field.Detalle == "" {
					t.Error("a field without a reason")
				}
			}
		})
	}
}
