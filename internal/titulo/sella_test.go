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

func TestSella_WhenOpenSSLVerifies(t *testing.T) {
	for _, escape := range []Escape{EscapePlano, EscapeEntidades} {
		t.Run(escape.String(), func(t *testing.T) {
			titulo := firmado(t, escape, func(e *Titulo) {
				e.Institucion.NombreInstitucion = `INSTITUTO "A & B" DEL D'ANGELO`
				segunda := e.FirmaResponsables[0]
				segunda.CURP, segunda.IDCargo, segunda.Cargo, segunda.AbrTitulo = curpOtra, "4", "VICERRECTOR", ""
				e.FirmaResponsables = append(e.FirmaResponsables, segunda)
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
				pub := escribe(t, dir, "pub.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: llave}))
				sig := escribe(t, dir, "sello", firma)
				cadena := CadenaOriginal(titulo, i, escape)
				if salida, err := programa(t, "openssl", "dgst", "-sha256", "-verify", pub, "-signature", sig, escribe(t, dir, "cadena", cadena)); err != nil {
					t.Errorf("openssl refuses the sello of %d: %s", i, salida)
				}
				otra := escribe(t, dir, "otra", append(cadena, '|'))
				if _, err := programa(t, "openssl", "dgst", "-sha256", "-verify", pub, "-signature", sig, otra); err == nil {
					t.Error("openssl accepts the sello for another cadena")
				}
			}
		})
	}
}

func escribe(t *testing.T, dir, nombre string, contenido []byte) string {
	t.Helper()
	path := filepath.Join(dir, nombre)
	if err := os.WriteFile(path, contenido, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSella_WhenItMustNot(t *testing.T) {
	cred := credencial(t, curpRectora)
	anonima := emitida(t, autoridad.Peticion{})
	sinCURP, err := efirma.Load(anonima.CerDER, anonima.KeyDER, []byte(contrasena), ahora)
	if err != nil {
		t.Fatal(err)
	}
	soloDatos := *cred
	soloDatos.Signer = nil
	tests := []struct {
		name   string
		i      int
		cred   *efirma.Credential
		cambia func(*Titulo)
		want   Codigo // none: no Problema, but an error of the caller
	}{
		{"another's e.firma", 0, credencial(t, curpOtra), nil, CodigoCertificadoCURP},
		{"e.firma without a CURP", 0, sinCURP, nil, CodigoCertificadoSinCURP},
		{"a bar in a value", 0, cred, func(e *Titulo) { e.Carrera.NumeroRvoe = "1|2" }, CodigoCaracterReservado},
		{"a line break in a value", 0, cred, func(e *Titulo) { e.Carrera.NumeroRvoe = "1\n2" }, CodigoCaracterReservado},
		{"not UTF-8", 0, cred, func(e *Titulo) { e.Carrera.NumeroRvoe = "\xd1" }, CodigoCaracterReservado},
		{"no such signer", 1, cred, nil, ""},
		{"no e.firma", 0, nil, nil, ""},
		{"e.firma that cannot sign", 0, &soloDatos, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			titulo := ejemplo()
			if tt.cambia != nil {
				tt.cambia(&titulo)
			}
			antes := Completa(titulo).FirmaResponsables
			err := Sella(&titulo, tt.i, tt.cred, EscapePlano)
			if err == nil {
				t.Fatal("it was sealed")
			}
			var p Problema
			if errors.As(err, &p); p.Codigo != tt.want {
				t.Errorf("refused as %q, want %q: %v", p.Codigo, tt.want, err)
			}
			if diff := cmp.Diff(antes, titulo.FirmaResponsables); diff != "" {
				t.Errorf("refused, and changed: %s", diff)
			}
		})
	}
}

func TestSella_WhenPrinted(t *testing.T) {
	err := Sella(&Titulo{FirmaResponsables: make([]FirmaResponsable, 1)}, 0, credencial(t, curpRectora), EscapePlano)
	if err == nil || bytes.Contains([]byte(err.Error()), []byte(contrasena)) {
		t.Errorf("error = %v", err)
	}
}

func BenchmarkVerifica(b *testing.B) {
	xml := documento(b, firmado(b, EscapePlano, nil))
	b.SetBytes(int64(len(xml)))
	b.ReportAllocs()
	for b.Loop() {
		if HayErrores(Verifica(xml)) {
			b.Fatal("it does not verify")
		}
	}
}
