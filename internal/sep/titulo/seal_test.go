package titulo

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/efirma"
	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

func TestSeal_WhenOpenSSLVerifies(t *testing.T) {
	for _, escape := range []Escape{EscapeFlat, EscapeEntidades} {
		t.Run(escape.String(), func(t *testing.T) {
			titulo := signed(t, escape, func(e *Titulo) {
				e.Institucion.NombreInstitucion = `INSTITUTO "A & B" DEL D'ANGELO`
				second := e.FirmaResponsables[0]
				second.CURP, second.IDCargo, second.Cargo, second.AbrTitulo = curpOther, "4", "VICERRECTOR", ""
				e.FirmaResponsables = append(e.FirmaResponsables, second)
			})
			for i, f := range titulo.FirmaResponsables {
				der, err := base64.StdEncoding.DecodeString(f.CertificadoResponsable)
				if err != nil {
					t.Fatal(err)
				}
				cert, err := x509.ParseCertificate(der)
				if err != nil {
					t.Fatal(err)
				}
				if f.NoCertificadoResponsable != autoridad.Serial(cert) || len(f.NoCertificadoResponsable) != 20 {
					t.Errorf("number of the certificate: %q", f.NoCertificadoResponsable)
				}
				firma, err := base64.StdEncoding.DecodeString(f.Sello)
				if err != nil {
					t.Fatal(err)
				}
				llave, err := x509.MarshalPKIXPublicKey(cert.PublicKey)
				if err != nil {
					t.Fatal(err)
				}
				dir := t.TempDir()
				pub := write(t, dir, "pub.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: llave}))
				sig := write(t, dir, "sello", firma)
				cadena := CadenaOriginal(titulo, i, escape)
				if output, err := program(t, "openssl", "dgst", "-sha256", "-verify", pub, "-signature", sig, write(t, dir, "cadena", cadena)); err != nil {
					t.Errorf("openssl refuses the sello of %d: %s", i, output)
				}
				other := write(t, dir, "otra", append(cadena, '|'))
				if _, err := program(t, "openssl", "dgst", "-sha256", "-verify", pub, "-signature", sig, other); err == nil {
					t.Error("openssl accepts the sello for another cadena")
				}
			}
		})
	}
}

func write(t *testing.T, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSeal_WhenItMustNot(t *testing.T) {
	cred := credential(t, curpRectora)
	anonymous := emitido(t, autoridad.Request{})
	withoutCURP, err := efirma.Load(anonymous.CerDER, anonymous.KeyDER, []byte(password), now)
	if err != nil {
		t.Fatal(err)
	}
	onlyData := *cred
	onlyData.Signer = nil
	tests := []struct {
		name   string
		i      int
		cred   *efirma.Credential
		change func(*Titulo)
		want   Codigo // none: no Problem, but an error of the caller
	}{
		{"another's e.firma", 0, credential(t, curpOther), nil, CodigoCertificadoCURP},
		{"e.firma without a CURP", 0, withoutCURP, nil, CodigoCertificadoSinCURP},
		{"a bar in a value", 0, cred, func(e *Titulo) { e.Carrera.NumeroRvoe = "1|2" }, CodigoCaracterReservado},
		{"a line break in a value", 0, cred, func(e *Titulo) { e.Carrera.NumeroRvoe = "1\n2" }, CodigoCaracterReservado},
		{"not UTF-8", 0, cred, func(e *Titulo) { e.Carrera.NumeroRvoe = "\xd1" }, CodigoCaracterReservado},
		{"no such signer", 1, cred, nil, ""},
		{"no e.firma", 0, nil, nil, ""},
		{"e.firma that cannot sign", 0, &onlyData, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			titulo := example()
			if tt.change != nil {
				tt.change(&titulo)
			}
			before := Complete(titulo).FirmaResponsables
			err := Seal(&titulo, tt.i, tt.cred, EscapeFlat)
			if err == nil {
				t.Fatal("it was sealed")
			}
			var p Problem
			if errors.As(err, &p); p.Codigo != tt.want {
				t.Errorf("refused as %q, want %q: %v", p.Codigo, tt.want, err)
			}
			if diff := cmp.Diff(before, titulo.FirmaResponsables); diff != "" {
				t.Errorf("refused, and changed: %s", diff)
			}
		})
	}
}

func TestSeal_WhenPrinted(t *testing.T) {
	err := Seal(&Titulo{FirmaResponsables: make([]FirmaResponsable, 1)}, 0, credential(t, curpRectora), EscapeFlat)
	if err == nil || bytes.Contains([]byte(err.Error()), []byte(password)) {
		t.Errorf("error = %v", err)
	}
}

func BenchmarkVerify(b *testing.B) {
	xml := document(b, signed(b, EscapeFlat, nil))
	b.SetBytes(int64(len(xml)))
	b.ReportAllocs()
	for b.Loop() {
		if HasErrors(Verify(xml)) {
			b.Fatal("it does not verify")
		}
	}
}
