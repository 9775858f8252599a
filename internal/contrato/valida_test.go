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

func nombres(campos []gateway.Campo) []string {
	var todos []string
	for _, c := range campos {
		todos = append(todos, c.Campo)
	}
	slices.Sort(todos)
	return todos
}

func TestValida_WhenComplete(t *testing.T) {
	for _, op := range operaciones() {
		if campos := Valida(completo(t, op), op); campos != nil {
			t.Errorf("%s: %v", op, campos)
		}
	}
}

func TestValida_WhenAnAttributeIsMissing(t *testing.T) {
	for _, op := range operaciones() {
		base := completo(t, op)
		for i := range base.Firmas {
			for _, nombre := range orden(op, base.Firmas[i]) {
				if nombre == "Quien" {
					continue // without it the number of parties is wrong as well
				}
				c := base
				c.Firmas = slices.Clone(base.Firmas)
				a, ok := c.Firmas[i].atributo(nombre)
				if !ok {
					t.Fatalf("no attribute %s", nombre)
				}
				*a.valor = " "
				want := []string{rutaFirma(i, a.campo)}
				got := slices.Compact(nombres(Valida(c, op)))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: %s", op, diff)
				}
			}
		}
	}
}

func TestValida_WhenAPersonSigns(t *testing.T) {
	c := completo(t, gateway.FirmaContrato)
	f := &c.Firmas[0]
	f.RFC, f.RepLegal, f.RepLegalRFC = persona, "", ""
	if err := Sella(f, c.Texto, credencial(t, persona), SHA256); err != nil {
		t.Fatal(err)
	}
	if campos := Valida(c, gateway.FirmaContrato); campos != nil {
		t.Errorf("a person needs no representative: %v", campos)
	}
	c = completo(t, gateway.FirmaAdhesion)
	f = &c.Firmas[0]
	f.RepLegal, f.Facultad = "", ""
	if got := nombres(Valida(c, gateway.FirmaAdhesion)); !slices.Equal(got, []string{"firmas/0/facultad", "firmas/0/repLegal"}) {
		t.Errorf("a company by its certificate: %v", got)
	}
	if err := Sella(f, c.Texto, credencial(t, persona), SHA256); err != nil {
		t.Fatal(err)
	}
	if campos := Valida(c, gateway.FirmaAdhesion); campos != nil {
		t.Errorf("a person by its certificate: %v", campos)
	}
}

func TestValida_WhenWrong(t *testing.T) {
	firmar, adhesion := gateway.FirmaContrato, gateway.FirmaAdhesion
	tests := []struct {
		name   string
		op     gateway.OperacionFirma
		cambia func(*Contrato)
		want   []string
	}{
		{"no date", firmar, func(c *Contrato) { c.Fecha = "" }, []string{"fecha"}},
		{"date with a zone", firmar, func(c *Contrato) { c.Fecha += "Z" }, []string{"fecha"}},
		{"date with fractions", firmar, func(c *Contrato) { c.Fecha += ".5" }, []string{"fecha"}},
		{"date of one digit", firmar, func(c *Contrato) { c.Fecha = "2026-03-01T1:00:00" }, []string{"fecha"}},
		{"date that is none", firmar, func(c *Contrato) { c.Fecha = "2026-02-30T01:00:00" }, []string{"fecha"}},
		{"text with a mark", firmar, func(c *Contrato) { *c = Nuevo(c.Fecha, "\ufeff"+c.Texto, c.Firmas) }, []string{"texto"}},
		{"text of spaces", firmar, func(c *Contrato) { *c = Nuevo(c.Fecha, " \n", c.Firmas) }, []string{"texto"}},
		{"text with a control character", firmar, func(c *Contrato) { *c = Nuevo(c.Fecha, "a\x02", c.Firmas) }, []string{"texto"}},
		{"hash of another text", firmar, func(c *Contrato) { c.Texto += " " }, []string{"hash"}},
		{"hash in lower case", firmar, func(c *Contrato) { c.Hash = strings.ToLower(c.Hash) }, []string{"hash"}},
		{"hash without hyphens", firmar, func(c *Contrato) { c.Hash = strings.ReplaceAll(c.Hash, "-", "") }, []string{"hash"}},
		{"hash in base64", firmar, func(c *Contrato) {
			sum := sha1.Sum([]byte(c.Texto))
			c.Hash = base64.StdEncoding.EncodeToString(sum[:])
		}, []string{"hash"}},
		{"hash by SHA-256", firmar, func(c *Contrato) {
			c.Hash = strings.ReplaceAll(fmt.Sprintf("% X", sha256.Sum256([]byte(c.Texto))), " ", "-")
		}, []string{"hash"}},
		{"hash of Latin-1", firmar, func(c *Contrato) {
			var latin []byte
			for _, r := range c.Texto + "ñ" {
				latin = append(latin, byte(r))
			}
			*c = Nuevo(c.Fecha, c.Texto+"ñ", c.Firmas)
			c.Hash = Hash(string(latin))
		}, []string{"hash"}},
		{"hash of UTF-16", firmar, func(c *Contrato) {
			var wide []byte
			for _, u := range utf16.Encode([]rune(c.Texto)) {
				wide = append(wide, byte(u), byte(u>>8))
			}
			c.Hash = Hash(string(wide))
		}, []string{"hash"}},
		{"date as people write it", firmar, func(c *Contrato) { c.Fecha = "01/02/2026 12:00:00" }, []string{"fecha"}},
		{"number with colons", firmar, func(c *Contrato) { c.Firmas[0].CertificadoSerie = "30:00:10" }, []string{"firmas/0/certificadoSerie"}},
		{"error as hash", firmar, func(c *Contrato) { c.Hash = "Error SHA-1: x" }, []string{"hash"}},
		{"one Firma", firmar, func(c *Contrato) { c.Firmas = c.Firmas[:1] }, []string{"firmas"}},
		{"no Firma", adhesion, func(c *Contrato) { c.Firmas = nil }, []string{"firmas"}},
		{"two of them clients", firmar, func(c *Contrato) { c.Firmas[1] = c.Firmas[0] }, []string{"firmas"}},
		{"two in an adhesion", adhesion, func(c *Contrato) { c.Firmas = append(c.Firmas, c.Firmas[0]) }, []string{"firmas"}},
		{"adhesion of nobody", adhesion, func(c *Contrato) { c.Firmas[0].Quien = "cliente" }, []string{"firmas"}},
		{"the PAC's own", firmar, func(c *Contrato) { c.Firmas[1].Quien = PCCFDI }, []string{"firmas/1/quien"}},
		{"other initials", firmar, func(c *Contrato) { c.Firmas[1].Siglas = "XYZ" }, []string{"firmas/1/siglas"}},
		{"RFCs without form", firmar, func(c *Contrato) { c.Firmas[0].RFC, c.Firmas[0].RepLegalRFC = "x", "y" }, []string{"firmas/0/repLegalRfc", "firmas/0/rfc"}},
		{"name of two lines", firmar, func(c *Contrato) { c.Firmas[0].Nombre = "a\nb" }, []string{"firmas/0/nombre"}},
		{"base64 in lines", firmar, func(c *Contrato) { c.Firmas[0].Sello = "AAAA\nAAAA" }, []string{"firmas/0/sello"}},
		{"base64 without padding", firmar, func(c *Contrato) { c.Firmas[0].Sello = "AA" }, []string{"firmas/0/sello"}},
		{"certificate in PEM", firmar, func(c *Contrato) {
			c.Firmas[0].Certificado = base64.StdEncoding.EncodeToString([]byte("-----BEGIN CERTIFICATE-----"))
		}, []string{"firmas/0/certificado"}},
		{"certificate that is no base64", firmar, func(c *Contrato) { c.Firmas[0].Certificado = "¡no!" }, []string{"firmas/0/certificado"}},
		{"number of another", firmar, func(c *Contrato) { c.Firmas[0].CertificadoSerie = c.Firmas[1].CertificadoSerie }, []string{"firmas/0/certificadoSerie"}},
		{"number in hexadecimal", firmar, func(c *Contrato) {
			cert, _, _ := certificado(c.Firmas[0])
			c.Firmas[0].CertificadoSerie = cert.SerialNumber.Text(16)
		}, nil},
		{"Sello of who knows what", firmar, func(c *Contrato) { c.Firmas[0].Sello = "AAAA" }, nil},
		{"unknown attributes", firmar, func(c *Contrato) { c.Firmas[0].Otros = []Atributo{{"X", "y"}} }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := completo(t, tt.op)
			tt.cambia(&c)
			campos := Valida(c, tt.op)
			if diff := cmp.Diff(tt.want, nombres(campos)); diff != "" {
				t.Error(diff)
			}
			for _, campo := range campos {
				if campo.Detalle == "" {
					t.Error("a field without a reason")
				}
			}
		})
	}
}
