package efirma

import (
	"crypto"
	"encoding/asn1"
	"strings"
	"testing"

	"github.com/youmark/pkcs8"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

// en encodes a text in a code page that has all its letters.
func en(t testing.TB, c *charmap.Charmap, text string) []byte {
	t.Helper()
	b, err := c.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(b)
}

// The rows are the file's encodings, the columns the key's. Each pair opens, and the
// check names the encoding, unless it is a plain one.
func TestCheck_WhenPasswordsAreEncodedInSomeWay(t *testing.T) {
	e := treasure(t).emitidoInOne
	const text = "contraseña-é"
	latin1, cp850, nfd := en(t, charmap.Windows1252, text), en(t, charmap.CodePage850, text), []byte(norm.NFD.String(text))
	llaves := map[string][]byte{"UTF-8": []byte(text), "Latin-1": latin1, "CP850": cp850, "NFD": nfd}
	for name, tt := range map[string]struct {
		file []byte
		say  map[string]string // by the key's encoding
	}{
		"UTF-8":               {[]byte(text + "\r\n"), map[string]string{"UTF-8": "", "Latin-1": "probó en Latin-1", "CP850": "probó en CP850", "NFD": "aparte (NFD)"}},
		"UTF-8 with mark":     {[]byte("\ufeff" + text), map[string]string{"UTF-8": "", "Latin-1": "probó en Latin-1", "CP850": "probó en CP850", "NFD": "aparte (NFD)"}},
		"NFD":                 {append(nfd, '\n'), map[string]string{"UTF-8": "una pieza (NFC)", "Latin-1": "probó en Latin-1", "CP850": "probó en CP850", "NFD": ""}},
		"UTF-16LE":            {inUTF16(text+"\r\n", false, true), map[string]string{"UTF-8": "leyó como UTF-16.", "Latin-1": "UTF-16, y la contraseña se probó en Latin-1", "CP850": "UTF-16, y", "NFD": "UTF-16, y"}},
		"UTF-16BE":            {inUTF16(text+"\n", true, true), map[string]string{"UTF-8": "leyó como UTF-16.", "Latin-1": "UTF-16, y", "CP850": "UTF-16, y", "NFD": "UTF-16, y"}},
		"UTF-16 without mark": {inUTF16(text, false, false), map[string]string{"UTF-8": "leyó como UTF-16.", "Latin-1": "UTF-16, y", "CP850": "UTF-16, y", "NFD": "UTF-16, y"}},
		"Latin-1":             {append(latin1, "\r\n"...), map[string]string{"UTF-8": "leyó como Latin-1 (windows-1252).", "Latin-1": "", "CP850": "Latin-1 (windows-1252), y la contraseña se probó en CP850", "NFD": "Latin-1 (windows-1252), y"}},
		"CP850":               {append(cp850, "\r\n"...), map[string]string{"UTF-8": "leyó como CP850, la página de la consola de Windows.", "Latin-1": "CP850, la página de la consola de Windows, y", "CP850": "", "NFD": "CP850, la página de la consola de Windows, y"}},
	} {
		for llave, say := range tt.say {
			t.Run(name+" file, "+llave+" key", func(t *testing.T) {
				t.Parallel()
				key, err := pkcs8.MarshalPrivateKey(e.Key, llaves[llave], &pkcs8.Opts{Cipher: pkcs8.AES256CBC, KDFOpts: pkcs8.PBKDF2Opts{SaltSize: 8, IterationCount: 2048, HMACHash: crypto.SHA256}})
				if err != nil {
					t.Fatal(err)
				}
				r := Check(Files{CerName: "e.cer", KeyName: "e.key", Cer: e.CerDER, Key: key, Password: tt.file, PasswordName: "password.txt"}, nil, now)
				tally(t, r, say)
				for _, a := range r.Avisos {
					if strings.Contains(a.Text, "contraseña-") || strings.Contains(a.Text, "contrase\xf1a-") {
						t.Errorf("the notice tells the password: %q", a.Text)
					}
				}
			})
		}
	}
}

// tally checks that an e.firma is usable, with the given notice about its password or
// none.
func tally(t *testing.T, r Revision, say string) {
	t.Helper()
	want := ""
	if say != "" {
		want = AvisoEncoding
	}
	if len(r.Problems) > 0 || avisosOf(r) != want {
		t.Fatalf("problems %v, told %v, want %q", r.Problems, r.Avisos, want)
	}
	if say != "" && !strings.Contains(r.Avisos[0].Text, say) {
		t.Errorf("told %q, want %q", r.Avisos[0].Text, say)
	}
}

// A PKCS#12's password is text, which programs made of bytes in different ways.
func TestCheck_WhenPKCS12PasswordsAreEncodedInSomeWay(t *testing.T) {
	e := treasure(t).emitidoInOne
	const text = "contraseña"
	for name, tt := range map[string]struct {
		file []byte
		key  string // that the file was made with
		say  string
	}{
		"plain":                    {[]byte(text + "\n"), text, ""},
		"UTF-16":                   {inUTF16(text, false, true), text, "leyó como UTF-16"},
		"Latin-1":                  {en(t, charmap.Windows1252, text), text, "leyó como Latin-1"},
		"CP850":                    {en(t, charmap.CodePage850, text), text, "leyó como CP850"},
		"NFD":                      {[]byte(norm.NFD.String(text)), text, "NFC"},
		"made with NFD":            {[]byte(text), norm.NFD.String(text), "NFD"},
		"made by OpenSSL 1.0":      {[]byte(text), "contraseÃ±a", "como hacía OpenSSL antes de 1.1"},
		"made on Windows' console": {[]byte(text), "contrase¤a", "CP850"},
	} {
		for encrypt, enc := range map[string]*pkcs12.Encoder{"modern": pkcs12.Modern2023, "PBMAC1": pkcs12.Modern2026, "3DES": pkcs12.LegacyDES} {
			t.Run(name+", "+encrypt, func(t *testing.T) {
				t.Parallel()
				pfx := encode(t, enc, e, nil, tt.key)
				tally(t, Check(Files{PFXName: "e.p12", PFX: pfx, Password: tt.file}, nil, now), tt.say)
				c, err := LoadPKCS12(pfx, tt.file, now)
				if err != nil {
					t.Fatal(err)
				}
				firma(t, c, e.Certificate)
			})
		}
	}
}

func TestLoadPKCS12_WhenItsFormDiffers(t *testing.T) {
	e := treasure(t).emitidoInOne
	pfx := encode(t, pkcs12.Modern2023, e, nil, password)
	for name, tt := range map[string]struct {
		pfx   []byte
		aviso string
	}{
		"bytes behind": {append(pfx[:len(pfx):len(pfx)], "\r\n"...), AvisoSurplus},
		"PEM":          {[]byte(inPEM("PKCS12", pfx)), AvisoPEM},
	} {
		r := Check(Files{PFXName: "e.p12", PFX: tt.pfx, Password: []byte(password)}, nil, now)
		if len(r.Problems) > 0 || avisosOf(r) != tt.aviso {
			t.Errorf("%s: problems %v, told %q, want %q", name, r.Problems, avisosOf(r), tt.aviso)
		}
	}
	_, err := LoadPKCS12(pfx[:len(pfx)-5], []byte(password), now)
	reject(t, err, KeyIlegible)
	if !strings.Contains(err.Error(), "le faltan 5 bytes") || !strings.Contains(err.Error(), "openssl pkcs12 -legacy -in .p12") {
		t.Errorf("a cut one: %v", err)
	}
}

// Every way to read a password costs a derivation, which a key may make expensive.
func TestLoad_WhenWaysToReadAPasswordAreMany(t *testing.T) {
	e := treasure(t).emitidoInOne
	tried := map[string]bool{}
	schema, err := classify(e.KeyDER).schema()
	if err != nil {
		t.Fatal(err)
	}
	derive := schema.derive
	schema.derive = func(password []byte) ([]byte, []byte, error) {
		if tried[string(password)] {
			t.Errorf("%q is derived twice", password)
		}
		tried[string(password)] = true
		return derive(password)
	}
	a := Files{Password: []byte("\xf1o-es-esta")}
	if _, problem := a.withSchema(&opening{}, form{}, schema); problem == nil || problem.Problem != PasswordIncorrecto {
		t.Fatalf("%v", problem)
	}
	if len(tried) < 2 || len(tried) > 10 {
		t.Errorf("%d derivations", len(tried))
	}
}

// openssl_test.go compares the PKCS#12 derivation of more than one hash, and its carry,
// with OpenSSL's. This test is about hostile parameters.
func TestLoad_WhenOldEncryptionIsHostile(t *testing.T) {
	e := treasure(t).emitidoInOne
	for _, oid := range []asn1.ObjectIdentifier{oidPBEWithSHA13DES, oidPBEWithSHA12DES, oidPBEWithMD5DES, oidPBEWithSHA1DES} {
		for name, tt := range map[string]struct {
			params any
			data   int
			want   Problem
		}{
			"no salt":            {pbeParams{Iterations: 1}, 160, PasswordIncorrecto},
			"long salt":          {pbeParams{Salt: make([]byte, 1000), Iterations: 2}, 160, PasswordIncorrecto},
			"rounds without end": {pbeParams{Salt: []byte("sal"), Iterations: maxRondas + 1}, 160, KeyIlegible},
			"no rounds":          {pbeParams{Salt: []byte("sal")}, 160, KeyIlegible},
			"half a block":       {pbeParams{Salt: []byte("sal"), Iterations: 1}, 156, KeyIlegible},
			"no data":            {pbeParams{Salt: make([]byte, 200), Iterations: 1}, 0, KeyIlegible},
			"other parameters":   {[]int{1}, 160, KeyIlegible},
		} {
			var info encryptedPrivateKeyInfo
			info.Algorithm.Algorithm, info.Data = oid, make([]byte, tt.data)
			info.Algorithm.Parameters.FullBytes = marshal(t, tt.params)
			_, err := Load(e.CerDER, marshal(t, info), []byte(password), now)
			t.Run(name+" "+oid.String(), func(t *testing.T) { reject(t, err, tt.want) })
		}
	}
}

func TestKeyring_WhenFilesAreAsPeopleHaveThem(t *testing.T) {
	k, dir, _ := keyring(t)
	e := treasure(t).emitidoInOne
	place(t, dir, company, map[string][]byte{
		"e.cer": inUTF16(inPEM("X509 CERTIFICATE", e.CerDER), false, true), "e.key": append(e.KeyDER[:len(e.KeyDER):len(e.KeyDER)], 0, '\n'),
		"password.txt": inUTF16(password+"\r\n", false, true),
	})
	serve(t, k, company, &autoridad.Emitido{Certificate: e.Certificate})
}
