package titulo

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
)

// firmaCon seals bytes with the corpus's key and any hash.
func firmaCon(t *testing.T, hash crypto.Hash, que []byte) []byte {
	t.Helper()
	c, err := elCorpus()
	if err != nil {
		t.Fatal(err)
	}
	h := hash.New()
	h.Write(que)
	firma, err := rsa.SignPKCS1v15(rand.Reader, c.llave, hash, h.Sum(nil))
	if err != nil {
		t.Fatal(err)
	}
	return firma
}

func TestFirma_WhenTheSelloIsWrongItSaysWhy(t *testing.T) {
	conEne := func(e *Titulo) { e.Profesionista.PrimerApellido = "MUÑOZ" }
	base := firmado(t, EscapePlano, conEne)
	cadena := CadenaOriginal(base, 0, EscapePlano)
	b64 := base64.StdEncoding.EncodeToString
	bien, err := base64.StdEncoding.DecodeString(base.FirmaResponsables[0].Sello)
	if err != nil {
		t.Fatal(err)
	}
	latin1, err := charmap.Windows1252.NewEncoder().Bytes(cadena)
	if err != nil {
		t.Fatal(err)
	}
	c, err := elCorpus()
	if err != nil {
		t.Fatal(err)
	}
	digest := resumen256(cadena)
	pss, err := rsa.SignPSS(rand.Reader, c.llave, crypto.SHA256, digest, nil)
	if err != nil {
		t.Fatal(err)
	}
	sinInfo, err := rsa.SignPKCS1v15(nil, c.llave, crypto.Hash(0), digest)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		sello  string
		codigo Codigo
		dice   string
	}{
		"at random":                 {b64(bytes.Repeat([]byte{0x78}, 256)), CodigoSello, "No lo hizo la llave de este certificado"},
		"of another title":          {firmado(t, EscapePlano, nil).FirmaResponsables[0].Sello, CodigoSello, "otra cadena: algo cambió"},
		"not base64":                {"@@@@", CodigoBase64, "No es base64"},
		"base64 for URLs":           {strings.NewReplacer("+", "-", "/", "_").Replace(b64(firmaCon(t, crypto.SHA256, []byte("x")))) + "-_--", CodigoBase64, "base64"},
		"hexadecimal":               {hex.EncodeToString(bien), CodigoSello, "hexadecimal; se escribe en base64"},
		"hexadecimal in capitals":   {strings.ToUpper(hex.EncodeToString(bien)), CodigoSello, "hexadecimal; se escribe en base64"},
		"base64 of hexadecimal":     {b64([]byte(hex.EncodeToString(bien))), CodigoSello, "base64 de un texto hexadecimal"},
		"base64 twice":              {b64([]byte(b64(bien))), CodigoSello, "dos veces en base64"},
		"cut":                       {b64(bien[:200]), CodigoSello, "Tiene 200 bytes, y el de esta llave tiene 256"},
		"SHA-1":                     {b64(firmaCon(t, crypto.SHA1, cadena)), CodigoSello, "Se firmó con SHA-1,"},
		"MD5":                       {b64(firmaCon(t, crypto.MD5, cadena)), CodigoSello, "Se firmó con MD5,"},
		"SHA-512":                   {b64(firmaCon(t, crypto.SHA512, cadena)), CodigoSello, "Se firmó con SHA-512,"},
		"PSS":                       {b64(pss), CodigoSello, "RSA-PSS"},
		"no DigestInfo":             {b64(sinInfo), CodigoSello, "DigestInfo"},
		"Latin-1":                   {b64(firmaCon(t, crypto.SHA256, latin1)), CodigoSello, "Latin-1 (windows-1252)"},
		"a mark in front":           {b64(firmaCon(t, crypto.SHA256, append([]byte("\xEF\xBB\xBF"), cadena...))), CodigoSello, "(BOM)"},
		"a line end":                {b64(firmaCon(t, crypto.SHA256, append(bytes.Clone(cadena), '\n'))), CodigoSello, "salto de línea al final"},
		"no bars at the ends":       {b64(firmaCon(t, crypto.SHA256, bytes.Trim(cadena, "|"))), CodigoSello, "sin sus barras"},
		"the digest":                {b64(firmaCon(t, crypto.SHA256, digest)), CodigoSello, "dos veces con SHA-256"},
		"the digest in hex":         {b64(firmaCon(t, crypto.SHA256, []byte(hex.EncodeToString(digest)))), CodigoSello, "resumen de la cadena en hexadecimal"},
		"the cadena in base64":      {b64(firmaCon(t, crypto.SHA256, []byte(b64(cadena)))), CodigoSello, "cadena en base64"},
		"a data URL":                {"data:;base64," + b64(bien), CodigoBase64, "data:"},
		"without its padding":       {strings.TrimRight(b64(bien), "="), CodigoBase64, "faltan"},
		"longer than a key's":       {b64(append(bytes.Clone(bien), bien...)), CodigoSello, "Tiene 512 bytes"},
		"a number beyond the key's": {b64(bytes.Repeat([]byte{0xff}, 256)), CodigoSello, "No lo hizo la llave"},
	} {
		t.Run(name, func(t *testing.T) {
			titulo := base
			titulo.FirmaResponsables = append([]FirmaResponsable(nil), base.FirmaResponsables...)
			titulo.FirmaResponsables[0].Sello = tt.sello
			got := sin(criterio().Firma(&titulo, 0), CodigoCertificadoVigencia)
			if len(got) != 1 || got[0].Codigo != tt.codigo || got[0].Nivel != NivelError || !strings.Contains(got[0].Detalle, tt.dice) {
				t.Errorf("%v, want %s with %q", got, tt.codigo, tt.dice)
			}
			if titulo.FirmaResponsables[0].Sello != tt.sello {
				t.Error("it was refused, and changed")
			}
		})
	}
}

// The + of base64 becomes a blank where a form in a web page is read. However
// many there were, it is said: with four of them the rest is base64 too.
func TestFirma_WhenBlanksWerePluses(t *testing.T) {
	vistos := map[int]bool{}
	for i := 0; i < 400 && len(vistos) < 4; i++ {
		titulo := firmado(t, EscapePlano, func(e *Titulo) { e.FolioControl = strings.Repeat("7", 6+i%30) + strings.Repeat("1", i/30) })
		sello := titulo.FirmaResponsables[0].Sello
		n := strings.Count(sello, "+")
		if n == 0 || vistos[n%4] {
			continue
		}
		vistos[n%4] = true
		titulo.FirmaResponsables[0].Sello = strings.ReplaceAll(sello, "+", " ")
		got := sin(criterio().Firma(&titulo, 0), CodigoCertificadoVigencia)
		if len(got) != 1 || got[0].Codigo != CodigoBase64 || !strings.Contains(got[0].Detalle, "signos +") {
			t.Errorf("%d signs: %v", n, got)
		}
	}
	if len(vistos) != 4 {
		t.Fatalf("sellos with %v signs (mod 4) were tried", vistos)
	}
	titulo := firmado(t, EscapePlano, nil)
	titulo.FirmaResponsables[0].CertificadoResponsable = strings.ReplaceAll(titulo.FirmaResponsables[0].CertificadoResponsable, "+", " ")
	if !strings.Contains(titulo.FirmaResponsables[0].CertificadoResponsable, " ") {
		t.Skip("this certificate has no +")
	}
	if got := sin(criterio().Firma(&titulo, 0), CodigoCertificadoVigencia); len(got) != 1 || got[0].Codigo != CodigoBase64 || !strings.Contains(got[0].Detalle, "signos +") {
		t.Errorf("a certificate: %v", got)
	}
}

func TestFirma_WhenTwoSellosAreInEachOthersPlace(t *testing.T) {
	titulo := completo(t)
	f := titulo.FirmaResponsables
	f[0].Sello, f[1].Sello = f[1].Sello, f[0].Sello
	got := sin(criterio().Firma(&titulo, 0), ruido()...)
	if len(got) != 1 || got[0].Codigo != CodigoSello || !strings.Contains(got[0].Detalle, "firmaResponsables/1") {
		t.Errorf("%v", got)
	}
}

func TestFirma_WhenOnlyPartOfASealCame(t *testing.T) {
	sellado := firmado(t, EscapePlano, nil).FirmaResponsables[0]
	for name, tt := range map[string]struct {
		quita func(*FirmaResponsable)
		want  []string
	}{
		"nothing": {func(f *FirmaResponsable) { f.Sello, f.CertificadoResponsable, f.NoCertificadoResponsable = "", "", "" }, nil},
		"all":     {func(*FirmaResponsable) {}, nil},
		"in lines": {func(f *FirmaResponsable) {
			f.Sello, f.CertificadoResponsable = enRenglones(f.Sello), enRenglones(f.CertificadoResponsable)
		},
			[]string{"aviso firmaResponsables/0/certificadoResponsable base64_en_varias_lineas", "aviso firmaResponsables/0/sello base64_en_varias_lineas"}},
		"no certificate": {func(f *FirmaResponsable) { f.CertificadoResponsable, f.NoCertificadoResponsable = "", "" },
			[]string{"error firmaResponsables/0/certificadoResponsable requerido", "error firmaResponsables/0/noCertificadoResponsable requerido"}},
		"no number": {func(f *FirmaResponsable) { f.NoCertificadoResponsable = "" }, []string{"error firmaResponsables/0/noCertificadoResponsable requerido"}},
		"a number in hex": {func(f *FirmaResponsable) {
			f.NoCertificadoResponsable = hex.EncodeToString([]byte(f.NoCertificadoResponsable))
		},
			[]string{"error firmaResponsables/0/noCertificadoResponsable certificado_numero"}},
		"a certificate in PEM": {func(f *FirmaResponsable) {
			f.CertificadoResponsable = "-----BEGIN CERTIFICATE-----\n" + enRenglones(f.CertificadoResponsable) + "\n-----END CERTIFICATE-----\n"
		},
			[]string{"error firmaResponsables/0/certificadoResponsable certificado_ilegible"}},
		"only a certificate": {func(f *FirmaResponsable) { f.Sello = "" }, nil},
		"only another's number": {func(f *FirmaResponsable) { f.Sello, f.NoCertificadoResponsable = "", "00001000000000000000" },
			[]string{"error firmaResponsables/0/noCertificadoResponsable certificado_numero"}},
	} {
		t.Run(name, func(t *testing.T) {
			titulo := ejemplo()
			titulo.FirmaResponsables[0] = sellado
			tt.quita(&titulo.FirmaResponsables[0])
			got := criterio().Firma(&titulo, 0)
			if diff := cmp.Diff(tt.want, resumen(sin(got, ruido()...))); diff != "" {
				t.Error(diff)
			}
			if f := titulo.FirmaResponsables[0]; !HayErrores(got) && strings.ContainsAny(f.Sello+f.CertificadoResponsable, " \r\n") {
				t.Error("it will not be written in one line")
			}
		})
	}
}

// A certificate that came with a signer must be that of the e.firma that signs.
func TestSella_WhenAnotherCertificateCame(t *testing.T) {
	titulo := ejemplo()
	titulo.FirmaResponsables[0].NoCertificadoResponsable = "00001000000000000000"
	err := Sella(&titulo, 0, credencial(t, curpRectora), EscapePlano)
	if p, ok := comoProblema(err); !ok || p.Codigo != CodigoCertificadoNumero || titulo.FirmaResponsables[0].Sello != "" {
		t.Errorf("%v", err)
	}
}

// enRenglones breaks base64 as MIME does.
func enRenglones(b64 string) string {
	var b strings.Builder
	for len(b64) > 76 {
		b.WriteString(b64[:76] + "\r\n")
		b64 = b64[76:]
	}
	return b.String() + b64
}
