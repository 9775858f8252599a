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

// signWith seals bytes with the corpus's key and any hash.
func signWith(t *testing.T, hash crypto.Hash, que []byte) []byte {
	t.Helper()
	c, err := corpusOnce()
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
	withEnye := func(e *Titulo) { e.Profesionista.PrimerApellido = "MUÑOZ" }
	base := signed(t, EscapeFlat, withEnye)
	cadena := CadenaOriginal(base, 0, EscapeFlat)
	b64 := base64.StdEncoding.EncodeToString
	well, err := base64.StdEncoding.DecodeString(base.FirmaResponsables[0].Sello)
	if err != nil {
		t.Fatal(err)
	}
	latin1, err := charmap.Windows1252.NewEncoder().Bytes(cadena)
	if err != nil {
		t.Fatal(err)
	}
	c, err := corpusOnce()
	if err != nil {
		t.Fatal(err)
	}
	digest := summary256(cadena)
	pss, err := rsa.SignPSS(rand.Reader, c.llave, crypto.SHA256, digest, nil)
	if err != nil {
		t.Fatal(err)
	}
	withoutInfo, err := rsa.SignPKCS1v15(nil, c.llave, crypto.Hash(0), digest)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		sello  string
		codigo Codigo
		say    string
	}{
		"at random":                 {b64(bytes.Repeat([]byte{0x78}, 256)), CodigoSello, "No lo hizo la llave de este certificado"},
		"of another title":          {signed(t, EscapeFlat, nil).FirmaResponsables[0].Sello, CodigoSello, "otra cadena: algo cambió"},
		"not base64":                {"@@@@", CodigoBase64, "No es base64"},
		"base64 for URLs":           {strings.NewReplacer("+", "-", "/", "_").Replace(b64(signWith(t, crypto.SHA256, []byte("x")))) + "-_--", CodigoBase64, "base64"},
		"hexadecimal":               {hex.EncodeToString(well), CodigoSello, "hexadecimal; se escribe en base64"},
		"hexadecimal in capitals":   {strings.ToUpper(hex.EncodeToString(well)), CodigoSello, "hexadecimal; se escribe en base64"},
		"base64 of hexadecimal":     {b64([]byte(hex.EncodeToString(well))), CodigoSello, "base64 de un texto hexadecimal"},
		"base64 twice":              {b64([]byte(b64(well))), CodigoSello, "dos veces en base64"},
		"cut":                       {b64(well[:200]), CodigoSello, "Tiene 200 bytes, y el de esta llave tiene 256"},
		"SHA-1":                     {b64(signWith(t, crypto.SHA1, cadena)), CodigoSello, "Se firmó con SHA-1,"},
		"MD5":                       {b64(signWith(t, crypto.MD5, cadena)), CodigoSello, "Se firmó con MD5,"},
		"SHA-512":                   {b64(signWith(t, crypto.SHA512, cadena)), CodigoSello, "Se firmó con SHA-512,"},
		"PSS":                       {b64(pss), CodigoSello, "RSA-PSS"},
		"no DigestInfo":             {b64(withoutInfo), CodigoSello, "DigestInfo"},
		"Latin-1":                   {b64(signWith(t, crypto.SHA256, latin1)), CodigoSello, "Latin-1 (windows-1252)"},
		"a mark in front":           {b64(signWith(t, crypto.SHA256, append([]byte("\xEF\xBB\xBF"), cadena...))), CodigoSello, "(BOM)"},
		"a line end":                {b64(signWith(t, crypto.SHA256, append(bytes.Clone(cadena), '\n'))), CodigoSello, "salto de línea al final"},
		"no bars at the ends":       {b64(signWith(t, crypto.SHA256, bytes.Trim(cadena, "|"))), CodigoSello, "sin sus barras"},
		"the digest":                {b64(signWith(t, crypto.SHA256, digest)), CodigoSello, "dos veces con SHA-256"},
		"the digest in hex":         {b64(signWith(t, crypto.SHA256, []byte(hex.EncodeToString(digest)))), CodigoSello, "resumen de la cadena en hexadecimal"},
		"the cadena in base64":      {b64(signWith(t, crypto.SHA256, []byte(b64(cadena)))), CodigoSello, "cadena en base64"},
		"a data URL":                {"data:;base64," + b64(well), CodigoBase64, "data:"},
		"without its padding":       {strings.TrimRight(b64(well), "="), CodigoBase64, "faltan"},
		"longer than a key's":       {b64(append(bytes.Clone(well), well...)), CodigoSello, "Tiene 512 bytes"},
		"a number beyond the key's": {b64(bytes.Repeat([]byte{0xff}, 256)), CodigoSello, "No lo hizo la llave"},
	} {
		t.Run(name, func(t *testing.T) {
			titulo := base
			titulo.FirmaResponsables = append([]FirmaResponsable(nil), base.FirmaResponsables...)
			titulo.FirmaResponsables[0].Sello = tt.sello
			got := without(criterio().Firma(&titulo, 0), CodigoCertificadoVigencia)
			if len(got) != 1 || got[0].Codigo != tt.codigo || got[0].Nivel != NivelError || !strings.Contains(got[0].Detalle, tt.say) {
				t.Errorf("%v, want %s with %q", got, tt.codigo, tt.say)
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
	seen := map[int]bool{}
	for i := 0; i < 400 && len(seen) < 4; i++ {
		titulo := signed(t, EscapeFlat, func(e *Titulo) { e.FolioControl = strings.Repeat("7", 6+i%30) + strings.Repeat("1", i/30) })
		sello := titulo.FirmaResponsables[0].Sello
		n := strings.Count(sello, "+")
		if n == 0 || seen[n%4] {
			continue
		}
		seen[n%4] = true
		titulo.FirmaResponsables[0].Sello = strings.ReplaceAll(sello, "+", " ")
		got := without(criterio().Firma(&titulo, 0), CodigoCertificadoVigencia)
		if len(got) != 1 || got[0].Codigo != CodigoBase64 || !strings.Contains(got[0].Detalle, "signos +") {
			t.Errorf("%d signs: %v", n, got)
		}
	}
	if len(seen) != 4 {
		t.Fatalf("sellos with %v signs (mod 4) were tried", seen)
	}
	titulo := signed(t, EscapeFlat, nil)
	titulo.FirmaResponsables[0].CertificadoResponsable = strings.ReplaceAll(titulo.FirmaResponsables[0].CertificadoResponsable, "+", " ")
	if !strings.Contains(titulo.FirmaResponsables[0].CertificadoResponsable, " ") {
		t.Skip("this certificate has no +")
	}
	if got := without(criterio().Firma(&titulo, 0), CodigoCertificadoVigencia); len(got) != 1 || got[0].Codigo != CodigoBase64 || !strings.Contains(got[0].Detalle, "signos +") {
		t.Errorf("a certificate: %v", got)
	}
}

func TestFirma_WhenTwoSellosAreInEachOthersPlace(t *testing.T) {
	titulo := complete(t)
	f := titulo.FirmaResponsables
	f[0].Sello, f[1].Sello = f[1].Sello, f[0].Sello
	got := without(criterio().Firma(&titulo, 0), noise()...)
	if len(got) != 1 || got[0].Codigo != CodigoSello || !strings.Contains(got[0].Detalle, "firmaResponsables/1") {
		t.Errorf("%v", got)
	}
}

func TestFirma_WhenOnlyPartOfASealCame(t *testing.T) {
	sealed := signed(t, EscapeFlat, nil).FirmaResponsables[0]
	for name, tt := range map[string]struct {
		remove func(*FirmaResponsable)
		want   []string
	}{
		"nothing": {func(f *FirmaResponsable) { f.Sello, f.CertificadoResponsable, f.NoCertificadoResponsable = "", "", "" }, nil},
		"all":     {func(*FirmaResponsable) {}, nil},
		"in lines": {func(f *FirmaResponsable) {
			f.Sello, f.CertificadoResponsable = inLines(f.Sello), inLines(f.CertificadoResponsable)
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
			f.CertificadoResponsable = "-----BEGIN CERTIFICATE-----\n" + inLines(f.CertificadoResponsable) + "\n-----END CERTIFICATE-----\n"
		},
			[]string{"error firmaResponsables/0/certificadoResponsable certificado_ilegible"}},
		"only a certificate": {func(f *FirmaResponsable) { f.Sello = "" }, nil},
		"only another's number": {func(f *FirmaResponsable) { f.Sello, f.NoCertificadoResponsable = "", "00001000000000000000" },
			[]string{"error firmaResponsables/0/noCertificadoResponsable certificado_numero"}},
	} {
		t.Run(name, func(t *testing.T) {
			titulo := example()
			titulo.FirmaResponsables[0] = sealed
			tt.remove(&titulo.FirmaResponsables[0])
			got := criterio().Firma(&titulo, 0)
			if diff := cmp.Diff(tt.want, summary(without(got, noise()...))); diff != "" {
				t.Error(diff)
			}
			if f := titulo.FirmaResponsables[0]; !HasErrors(got) && strings.ContainsAny(f.Sello+f.CertificadoResponsable, " \r\n") {
				t.Error("it will not be written in one line")
			}
		})
	}
}

// A certificate that came with a signer must be that of the e.firma that signs.
func TestSeal_WhenAnotherCertificateCame(t *testing.T) {
	titulo := example()
	titulo.FirmaResponsables[0].NoCertificadoResponsable = "00001000000000000000"
	err := Seal(&titulo, 0, credential(t, curpRectora), EscapeFlat)
	if p, ok := asProblem(err); !ok || p.Codigo != CodigoCertificadoNumero || titulo.FirmaResponsables[0].Sello != "" {
		t.Errorf("%v", err)
	}
}

// inLines breaks base64 as MIME does.
func inLines(b64 string) string {
	var b strings.Builder
	for len(b64) > 76 {
		b.WriteString(b64[:76] + "\r\n")
		b64 = b64[76:]
	}
	return b.String() + b64
}
