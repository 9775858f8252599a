package efirma

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
	"unicode/utf16"
)

func inPEM(label string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

// inUTF16 writes text as PowerShell does.
func inUTF16(text string, bigEndian, mark bool) []byte {
	var b []byte
	if mark {
		text = "\ufeff" + text
	}
	for _, u := range utf16.Encode([]rune(text)) {
		if bigEndian {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return b
}

// Every form is tested twice: as the .cer with a good .key, and as the .key with a good
// .cer. Both are reported alike.
func TestCheck_WhenFormsAreAsPeopleHaveThem(t *testing.T) {
	e := treasure(t).emitidoInOne
	tipos := []struct {
		label string
		der   []byte
	}{{"CERTIFICATE", e.CerDER}, {"ENCRYPTED PRIVATE KEY", e.KeyDER}}
	crlf := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	for name, tt := range map[string]struct {
		write func(label string, der []byte) []byte
		aviso string
		say   string
	}{
		"DER":                        {func(_ string, d []byte) []byte { return d }, "", ""},
		"LF behind":                  {func(_ string, d []byte) []byte { return append(bytes.Clone(d), '\n') }, AvisoSurplus, "1 byte"},
		"CRLF behind":                {func(_ string, d []byte) []byte { return append(bytes.Clone(d), "\r\n"...) }, AvisoSurplus, "2 bytes"},
		"blanks behind":              {func(_ string, d []byte) []byte { return append(bytes.Clone(d), "   "...) }, AvisoSurplus, "3 bytes"},
		"NUL behind":                 {func(_ string, d []byte) []byte { return append(bytes.Clone(d), 0, 0, 0, 0) }, AvisoSurplus, "4 bytes"},
		"garbage behind":             {func(_ string, d []byte) []byte { return append(bytes.Clone(d), "\xff0\x82basura"...) }, AvisoSurplus, "9 bytes"},
		"DER behind":                 {func(_ string, d []byte) []byte { return append(bytes.Clone(d), 0x30, 0x81, 0x80) }, AvisoSurplus, "3 bytes"},
		"mark before DER":            {func(_ string, d []byte) []byte { return append([]byte("\ufeff"), d...) }, "", ""},
		"PEM":                        {func(l string, d []byte) []byte { return []byte(inPEM(l, d)) }, AvisoPEM, "está en PEM y"},
		"PEM, CRLF":                  {func(l string, d []byte) []byte { return []byte(crlf(inPEM(l, d))) }, AvisoPEM, ""},
		"PEM, CR":                    {func(l string, d []byte) []byte { return []byte(strings.ReplaceAll(inPEM(l, d), "\n", "\r")) }, AvisoPEM, ""},
		"PEM, mark":                  {func(l string, d []byte) []byte { return []byte("\ufeff" + inPEM(l, d)) }, AvisoPEM, ""},
		"PEM, text before":           {func(l string, d []byte) []byte { return []byte("Bag Attributes\n    localKeyID: 01\n" + inPEM(l, d)) }, AvisoPEM, ""},
		"PEM, text on its line":      {func(l string, d []byte) []byte { return []byte("cert: " + inPEM(l, d)) }, AvisoPEM, ""},
		"PEM, text behind":           {func(l string, d []byte) []byte { return []byte(inPEM(l, d) + "\nfin\x00") }, AvisoPEM, ""},
		"PEM, indented":              {func(l string, d []byte) []byte { return []byte("  " + strings.ReplaceAll(inPEM(l, d), "\n", "\n\t ")) }, AvisoPEM, ""},
		"PEM, one line":              {func(l string, d []byte) []byte { return []byte(strings.ReplaceAll(inPEM(l, d), "\n", " ")) }, AvisoPEM, ""},
		"PEM, line ends spelled out": {func(l string, d []byte) []byte { return []byte(strings.ReplaceAll(inPEM(l, d), "\n", `\n`)) }, AvisoPEM, ""},
		"PEM, double spaced":         {func(l string, d []byte) []byte { return []byte(strings.ReplaceAll(inPEM(l, d), "\n", "\n\n")) }, AvisoPEM, ""},
		"PEM, last line lost":        {func(l string, d []byte) []byte { s, _, _ := strings.Cut(inPEM(l, d), "-----END"); return []byte(s) }, AvisoPEM, ""},
		"PEM, no padding":            {func(l string, d []byte) []byte { return []byte(strings.ReplaceAll(inPEM(l, d), "=", "")) }, AvisoPEM, ""},
		"PEM, UTF-16LE":              {func(l string, d []byte) []byte { return inUTF16(crlf(inPEM(l, d)), false, true) }, AvisoPEM, "en PEM en UTF-16"},
		"PEM, UTF-16BE":              {func(l string, d []byte) []byte { return inUTF16(inPEM(l, d), true, true) }, AvisoPEM, "en PEM en UTF-16"},
		"PEM, UTF-16 without mark":   {func(l string, d []byte) []byte { return inUTF16(inPEM(l, d), false, false) }, AvisoPEM, "en PEM en UTF-16"},
		"PEM, another label":         {func(_ string, d []byte) []byte { return []byte(inPEM("LO QUE SEA", d)) }, AvisoPEM, ""},
		"PEM, DER with bytes behind": {func(l string, d []byte) []byte { return []byte(inPEM(l, append(bytes.Clone(d), 0x30, 0))) }, AvisoPEM, ""},
		"base64":                     {func(_ string, d []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(d)) }, AvisoPEM, "está en base64 sin los renglones"},
		"base64 in lines": {func(l string, d []byte) []byte {
			s := strings.ReplaceAll(inPEM(l, d), "-----BEGIN "+l+"-----\n", "\ufeff")
			return []byte(crlf(strings.ReplaceAll(s, "-----END "+l+"-----", "")))
		}, AvisoPEM, "está en base64"},
		"base64, UTF-16": {func(_ string, d []byte) []byte {
			return inUTF16(base64.StdEncoding.EncodeToString(d), false, true)
		}, AvisoPEM, "en base64 en UTF-16"},
	} {
		for i, tipo := range tipos {
			t.Run(name+" "+tipo.label, func(t *testing.T) {
				t.Parallel()
				files := [][]byte{e.CerDER, e.KeyDER}
				files[i] = tt.write(tipo.label, tipo.der)
				names := []string{"e.cer", "e.key"}
				c, err := Load(files[0], files[1], []byte(password), now)
				if err != nil {
					t.Fatal(err)
				}
				firma(t, c, e.Certificate)
				r := Check(Files{CerName: names[0], KeyName: names[1], Cer: files[0], Key: files[1], Password: []byte(password)}, nil, now)
				if len(r.Problems) > 0 || avisosOf(r) != tt.aviso {
					t.Fatalf("problems %v, told %q, want %q", r.Problems, avisosOf(r), tt.aviso)
				}
				if tt.aviso != "" && (!strings.Contains(r.Avisos[0].Text, tt.say) || !strings.HasPrefix(r.Avisos[0].Text, names[i]+" ")) {
					t.Errorf("told %q, want %q of %s", r.Avisos[0].Text, tt.say, names[i])
				}
			})
		}
	}
}

func TestCheck_WhenLabelsAreOpenSSLs(t *testing.T) {
	e := treasure(t).emitidoInOne
	pkcs8, err := x509.MarshalPKCS8PrivateKey(e.Key)
	if err != nil {
		t.Fatal(err)
	}
	trust := append(bytes.Clone(e.CerDER), 0x30, 0x0c, 0x30, 0x0a, 6, 8, 43, 6, 1, 5, 5, 7, 3, 2)
	for name, tt := range map[string]struct{ cer, key []byte }{
		"X509 CERTIFICATE":    {[]byte(inPEM("X509 CERTIFICATE", e.CerDER)), e.KeyDER},
		"TRUSTED CERTIFICATE": {[]byte(inPEM("TRUSTED CERTIFICATE", trust)), e.KeyDER},
		"PRIVATE KEY":         {e.CerDER, []byte(inPEM("PRIVATE KEY", pkcs8))},
		"RSA PRIVATE KEY":     {e.CerDER, []byte(inPEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(e.Key)))},
		"PKCS#1 in DER":       {e.CerDER, x509.MarshalPKCS1PrivateKey(e.Key)},
		"both in each file":   {[]byte(inPEM("PRIVATE KEY", pkcs8) + inPEM("CERTIFICATE", e.CerDER)), []byte(inPEM("CERTIFICATE", e.CerDER) + inPEM("PRIVATE KEY", pkcs8))},
		"its chain before":    {[]byte(inPEM("CERTIFICATE", treasure(t).ca.Certificate.Raw) + inPEM("CERTIFICATE", e.CerDER)), e.KeyDER},
		"DER, its chain too":  {append(bytes.Clone(treasure(t).ca.Certificate.Raw), e.CerDER...), e.KeyDER},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Load(tt.cer, tt.key, []byte(password), now)
			if err != nil {
				t.Fatal(err)
			}
			firma(t, c, e.Certificate)
		})
	}
}

// A file that is something else is called by its name, with what to do.
func TestCheck_WhenItIsSomethingElse(t *testing.T) {
	e := treasure(t).emitidoInOne
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	ec8, err := x509.MarshalPKCS8PrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(e.Key.Public())
	if err != nil {
		t.Fatal(err)
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, e.Key)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		cer, key []byte
		codigo   Problem
		say      string
	}{
		"text":                      {[]byte("hola\n"), e.KeyDER, CerIlegible, "no es X.509 en DER ni en PEM"},
		"a certificate cut":         {e.CerDER[:len(e.CerDER)-7], e.KeyDER, CerIlegible, "está cortado, le faltan 7 bytes"},
		"a key cut":                 {e.CerDER, e.KeyDER[:len(e.KeyDER)-9], KeyIlegible, "está cortado, le faltan 9 bytes"},
		"PEM of nothing":            {[]byte("-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----\n"), e.KeyDER, CerIlegible, "un bloque PEM («CERTIFICATE») y su contenido no se entiende"},
		"PEM that is no base64":     {e.CerDER, []byte("-----BEGIN PRIVATE KEY-----\n%%%%\n-----END PRIVATE KEY-----\n"), KeyIlegible, "un bloque PEM («PRIVATE KEY») y su contenido no se entiende"},
		"a label with controls":     {[]byte("-----BEGIN \x1b[31mX-----\n%%\n-----END X-----\n"), e.KeyDER, CerIlegible, "(«[31mX»)"},
		"a request":                 {request, e.KeyDER, CerIlegible, "es un requerimiento de certificado"},
		"a request, PEM":            {[]byte(inPEM("NEW CERTIFICATE REQUEST", request)), e.KeyDER, CerIlegible, "es un requerimiento de certificado"},
		"a public key":              {e.CerDER, public, KeyIlegible, "e.key es una llave pública, no la privada"},
		"a public key as .cer":      {[]byte(inPEM("PUBLIC KEY", public)), e.KeyDER, CerIlegible, "e.cer es una llave pública"},
		"an elliptic key, SEC1":     {e.CerDER, []byte(inPEM("EC PRIVATE KEY", sec1)), KeyIlegible, "no es RSA, y las del SAT lo son"},
		"an elliptic key, PKCS#8":   {e.CerDER, ec8, KeyIlegible, "no es RSA, y las del SAT lo son"},
		"OpenSSH":                   {e.CerDER, []byte(inPEM("OPENSSH PRIVATE KEY", []byte("openssh-key-v1\x00"))), KeyIlegible, "ssh-keygen -p -m PKCS8 -f e.key"},
		"DEK-Info without a vector": {e.CerDER, []byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"), KeyIlegible, "está dañada"},
		"DEK-Info of half a block":  {e.CerDER, []byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: DES-CBC,0011223344556677\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"), KeyIlegible, "está dañada"},
		"DEK-Info that is unknown":  {e.CerDER, []byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: BF-CBC,0011223344556677\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"), KeyIlegible, "está cifrada con BF-CBC"},
		"nothing":                   {nil, e.KeyDER, CerIlegible, "e.cer es un archivo vacío"},
		"a key, and a request too":  {request, public, CerIlegible, "e.cer es un requerimiento"},
		"a word for the key":        {e.CerDER, []byte("x"), KeyIlegible, "no es una llave RSA en PKCS#8 ni en PKCS#1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := Check(Files{CerName: "e.cer", KeyName: "e.key", Cer: tt.cer, Key: tt.key, Password: []byte(password)}, nil, now)
			if len(r.Problems) == 0 || r.Problems[0].Problem != tt.codigo || !strings.Contains(r.Problems[0].Detail, tt.say) {
				t.Fatalf("%v, want %s with %q", r.Problems, tt.codigo, tt.say)
			}
			// The loader reports the same, word for word.
			_, err := (Files{CerName: "e.cer", KeyName: "e.key", Cer: tt.cer, Key: tt.key, Password: []byte(password)}).open(nil).entrega(now)
			reject(t, err, tt.codigo)
			if !strings.Contains(err.Error(), r.Problems[0].Detail) {
				t.Errorf("the loader says %v, the check %q", err, r.Problems[0].Detail)
			}
		})
	}
}

func TestCheck_WhenCertificatesAreInAPKCS7(t *testing.T) {
	e := treasure(t).emitidoInOne
	p7 := openssl(t, []byte(inPEM("CERTIFICATE", e.CerDER)), "crl2pkcs7", "-nocrl", "-certfile", "/dev/stdin", "-outform", "DER")
	for name, cer := range map[string][]byte{"DER": p7, "PEM": []byte(inPEM("PKCS7", p7))} {
		_, err := Load(cer, e.KeyDER, []byte(password), now)
		reject(t, err, CerIlegible)
		if want := "openssl pkcs7 -print_certs -inform " + name + " -in .cer -out nuevo.cer"; !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestExamine_WhenThereIsNoEnd(t *testing.T) {
	// As many pieces as fit into a file; each costs time.
	much := bytes.Repeat([]byte("-----BEGIN X-----\nMAA=\n-----END X-----\n"), 2000)
	if n := len(examine(much).pieces); n != maxPieces {
		t.Errorf("%d pieces", n)
	}
}
