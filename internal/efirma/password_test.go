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

// en encodes in a code page, which has every letter of the tests.
func en(t testing.TB, c *charmap.Charmap, text string) []byte {
	t.Helper()
	b, err := c.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(b)
}

// Rows of an encoding by the file's and one by the key's: each pair opens, and the
// check says how. The plain ones are told of by nothing.
func TestRevisa_WhenPasswordsAreEncodedInSomeWay(t *testing.T) {
	e := elTesoro(t).emitidaEnUna
	const texto = "contraseña-é"
	latin1, cp850, nfd := en(t, charmap.Windows1252, texto), en(t, charmap.CodePage850, texto), []byte(norm.NFD.String(texto))
	llaves := map[string][]byte{"UTF-8": []byte(texto), "Latin-1": latin1, "CP850": cp850, "NFD": nfd}
	for name, tt := range map[string]struct {
		file  []byte
		dicen map[string]string // by the key's encoding
	}{
		"UTF-8":               {[]byte(texto + "\r\n"), map[string]string{"UTF-8": "", "Latin-1": "probó en Latin-1", "CP850": "probó en CP850", "NFD": "aparte (NFD)"}},
		"UTF-8 with mark":     {[]byte("\ufeff" + texto), map[string]string{"UTF-8": "", "Latin-1": "probó en Latin-1", "CP850": "probó en CP850", "NFD": "aparte (NFD)"}},
		"NFD":                 {append(nfd, '\n'), map[string]string{"UTF-8": "una pieza (NFC)", "Latin-1": "probó en Latin-1", "CP850": "probó en CP850", "NFD": ""}},
		"UTF-16LE":            {enUTF16(texto+"\r\n", false, true), map[string]string{"UTF-8": "leyó como UTF-16.", "Latin-1": "UTF-16, y la contraseña se probó en Latin-1", "CP850": "UTF-16, y", "NFD": "UTF-16, y"}},
		"UTF-16BE":            {enUTF16(texto+"\n", true, true), map[string]string{"UTF-8": "leyó como UTF-16.", "Latin-1": "UTF-16, y", "CP850": "UTF-16, y", "NFD": "UTF-16, y"}},
		"UTF-16 without mark": {enUTF16(texto, false, false), map[string]string{"UTF-8": "leyó como UTF-16.", "Latin-1": "UTF-16, y", "CP850": "UTF-16, y", "NFD": "UTF-16, y"}},
		"Latin-1":             {append(latin1, "\r\n"...), map[string]string{"UTF-8": "leyó como Latin-1 (windows-1252).", "Latin-1": "", "CP850": "Latin-1 (windows-1252), y la contraseña se probó en CP850", "NFD": "Latin-1 (windows-1252), y"}},
		"CP850":               {append(cp850, "\r\n"...), map[string]string{"UTF-8": "leyó como CP850, la página de la consola de Windows.", "Latin-1": "CP850, la página de la consola de Windows, y", "CP850": "", "NFD": "CP850, la página de la consola de Windows, y"}},
	} {
		for llave, dice := range tt.dicen {
			t.Run(name+" file, "+llave+" key", func(t *testing.T) {
				t.Parallel()
				key, err := pkcs8.MarshalPrivateKey(e.Key, llaves[llave], &pkcs8.Opts{Cipher: pkcs8.AES256CBC, KDFOpts: pkcs8.PBKDF2Opts{SaltSize: 8, IterationCount: 2048, HMACHash: crypto.SHA256}})
				if err != nil {
					t.Fatal(err)
				}
				r := Revisa(Archivos{NombreCer: "e.cer", NombreKey: "e.key", Cer: e.CerDER, Key: key, Password: tt.file, NombrePassword: "password.txt"}, nil, ahora)
				cuenta(t, r, dice)
				for _, a := range r.Avisos {
					if strings.Contains(a.Texto, "contraseña-") || strings.Contains(a.Texto, "contrase\xf1a-") {
						t.Errorf("the notice tells the password: %q", a.Texto)
					}
				}
			})
		}
	}
}

// cuenta wants an e.firma that serves, and one notice about its password or none.
func cuenta(t *testing.T, r Revision, dice string) {
	t.Helper()
	want := ""
	if dice != "" {
		want = AvisoCodificacion
	}
	if len(r.Problemas) > 0 || avisosDe(r) != want {
		t.Fatalf("problems %v, told %v, want %q", r.Problemas, r.Avisos, want)
	}
	if dice != "" && !strings.Contains(r.Avisos[0].Texto, dice) {
		t.Errorf("told %q, want %q", r.Avisos[0].Texto, dice)
	}
}

// A PKCS#12 has texts for passwords, which programs made of bytes in their own ways.
func TestRevisa_WhenPKCS12PasswordsAreEncodedInSomeWay(t *testing.T) {
	e := elTesoro(t).emitidaEnUna
	const texto = "contraseña"
	for name, tt := range map[string]struct {
		file  []byte
		clave string // that the file was made with
		dice  string
	}{
		"plain":                    {[]byte(texto + "\n"), texto, ""},
		"UTF-16":                   {enUTF16(texto, false, true), texto, "leyó como UTF-16"},
		"Latin-1":                  {en(t, charmap.Windows1252, texto), texto, "leyó como Latin-1"},
		"CP850":                    {en(t, charmap.CodePage850, texto), texto, "leyó como CP850"},
		"NFD":                      {[]byte(norm.NFD.String(texto)), texto, "NFC"},
		"made with NFD":            {[]byte(texto), norm.NFD.String(texto), "NFD"},
		"made by OpenSSL 1.0":      {[]byte(texto), "contraseÃ±a", "como hacía OpenSSL antes de 1.1"},
		"made on Windows' console": {[]byte(texto), "contrase¤a", "CP850"},
	} {
		for cifra, enc := range map[string]*pkcs12.Encoder{"modern": pkcs12.Modern2023, "PBMAC1": pkcs12.Modern2026, "3DES": pkcs12.LegacyDES} {
			t.Run(name+", "+cifra, func(t *testing.T) {
				t.Parallel()
				pfx := codifica(t, enc, e, nil, tt.clave)
				cuenta(t, Revisa(Archivos{NombrePFX: "e.p12", PFX: pfx, Password: tt.file}, nil, ahora), tt.dice)
				c, err := LoadPKCS12(pfx, tt.file, ahora)
				if err != nil {
					t.Fatal(err)
				}
				firma(t, c, e.Certificate)
			})
		}
	}
}

func TestLoadPKCS12_WhenItsFormDiffers(t *testing.T) {
	e := elTesoro(t).emitidaEnUna
	pfx := codifica(t, pkcs12.Modern2023, e, nil, password)
	for name, tt := range map[string]struct {
		pfx   []byte
		aviso string
	}{
		"bytes behind": {append(pfx[:len(pfx):len(pfx)], "\r\n"...), AvisoSobra},
		"PEM":          {[]byte(enPEM("PKCS12", pfx)), AvisoPEM},
	} {
		r := Revisa(Archivos{NombrePFX: "e.p12", PFX: tt.pfx, Password: []byte(password)}, nil, ahora)
		if len(r.Problemas) > 0 || avisosDe(r) != tt.aviso {
			t.Errorf("%s: problems %v, told %q, want %q", name, r.Problemas, avisosDe(r), tt.aviso)
		}
	}
	_, err := LoadPKCS12(pfx[:len(pfx)-5], []byte(password), ahora)
	rechaza(t, err, KeyIlegible)
	if !strings.Contains(err.Error(), "le faltan 5 bytes") || !strings.Contains(err.Error(), "openssl pkcs12 -legacy -in .p12") {
		t.Errorf("a cut one: %v", err)
	}
}

// Every way to read a password costs a derivation, which a key may make expensive.
func TestLoad_WhenWaysToReadAPasswordAreMany(t *testing.T) {
	e := elTesoro(t).emitidaEnUna
	probadas := map[string]bool{}
	esquema, err := clasifica(e.KeyDER).esquema()
	if err != nil {
		t.Fatal(err)
	}
	deriva := esquema.deriva
	esquema.deriva = func(password []byte) ([]byte, []byte, error) {
		if probadas[string(password)] {
			t.Errorf("%q is derived twice", password)
		}
		probadas[string(password)] = true
		return deriva(password)
	}
	a := Archivos{Password: []byte("\xf1o-es-esta")}
	if _, problema := a.conEsquema(&apertura{}, forma{}, esquema); problema == nil || problema.Problem != PasswordIncorrecto {
		t.Fatalf("%v", problema)
	}
	if len(probadas) < 2 || len(probadas) > 10 {
		t.Errorf("%d derivations", len(probadas))
	}
}

// The PKCS#12 derivation of more than one hash, and its carry, against OpenSSL's: see
// openssl_test.go. Here, the parameters that it must survive.
func TestLoad_WhenOldEncryptionIsHostile(t *testing.T) {
	e := elTesoro(t).emitidaEnUna
	for _, oid := range []asn1.ObjectIdentifier{oidPBEWithSHA13DES, oidPBEWithSHA12DES, oidPBEWithMD5DES, oidPBEWithSHA1DES} {
		for name, tt := range map[string]struct {
			params any
			datos  int
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
			info.Algorithm.Algorithm, info.Data = oid, make([]byte, tt.datos)
			info.Algorithm.Parameters.FullBytes = marshal(t, tt.params)
			_, err := Load(e.CerDER, marshal(t, info), []byte(password), ahora)
			t.Run(name+" "+oid.String(), func(t *testing.T) { rechaza(t, err, tt.want) })
		}
	}
}

func TestKeyring_WhenFilesAreAsPeopleHaveThem(t *testing.T) {
	k, dir, _ := llavero(t)
	e := elTesoro(t).emitidaEnUna
	coloca(t, dir, empresa, map[string][]byte{
		"e.cer": enUTF16(enPEM("X509 CERTIFICATE", e.CerDER), false, true), "e.key": append(e.KeyDER[:len(e.KeyDER):len(e.KeyDER)], 0, '\n'),
		"password.txt": enUTF16(password+"\r\n", false, true),
	})
	sirve(t, k, empresa, &autoridad.Emitida{Certificate: e.Certificate})
}
