package efirma

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// openssl runs the command with stdin and returns its output. Without openssl the test is
// skipped, except on CI.
func openssl(t *testing.T, stdin []byte, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("openssl is not installed, and CI must check against it")
		}
		t.Skip("SKIPPED: openssl is not installed, so files made by another implementation are NOT checked")
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "PASS="+password)
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("openssl %v: %v\n%s", args, err, stderr.Bytes())
	}
	return out
}

// avisosOf returns the codes of a review, without those that every e.firma here has.
func avisosOf(r Revision) string {
	var codigos []string
	for _, a := range r.Avisos {
		if a.Codigo != AvisoEmisor && a.Codigo != AvisoUnchecked {
			codigos = append(codigos, a.Codigo)
		}
	}
	return strings.Join(codigos, " ")
}

func TestLoad_WhenKeyIsWrittenByOpenSSL(t *testing.T) {
	e := treasure(t).emitidoInOne
	open, err := x509.MarshalPKCS8PrivateKey(e.Key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8 := []string{"pkcs8", "-topk8", "-inform", "DER", "-passout", "env:PASS", "-provider", "default", "-provider", "legacy"}
	rsa := []string{"rsa", "-inform", "DER", "-passout", "env:PASS", "-provider", "default", "-provider", "legacy", "-traditional"}
	tests := []struct {
		name   string
		order  []string
		args   string
		avisos string
		no     string // in the refusal; empty when it is read
	}{
		{"3DES and SHA-1", pkcs8, "-v2 des3 -v2prf hmacWithSHA1 -outform DER", "", ""},
		{"AES-256 and SHA-256", pkcs8, "-v2 aes-256-cbc -v2prf hmacWithSHA256 -outform DER", "", ""},
		{"AES-192 and SHA-1", pkcs8, "-v2 aes-192-cbc -v2prf hmacWithSHA1 -outform PEM", "pem", ""},
		{"AES-128 and SHA-512", pkcs8, "-v2 aes-128-cbc -v2prf hmacWithSHA512 -outform DER", "", ""},
		{"AES-256 and SHA-224", pkcs8, "-v2 aes-256-cbc -v2prf hmacWithSHA224 -outform DER", "", ""},
		{"AES-256 and SHA-384", pkcs8, "-v2 aes-256-cbc -v2prf hmacWithSHA384 -outform DER", "", ""},
		{"AES-256 and SHA-512/224", pkcs8, "-v2 aes-256-cbc -v2prf hmacWithSHA512-224 -outform DER", "", ""},
		{"AES-256 and SHA-512/256", pkcs8, "-v2 aes-256-cbc -v2prf hmacWithSHA512-256 -outform DER", "", ""},
		{"AES-256 and MD5", pkcs8, "-v2 aes-256-cbc -v2prf hmacWithMD5 -outform DER", "", ""},
		{"DES", pkcs8, "-v2 des-cbc -outform DER", "cifrado_debil", ""},
		{"defaults, PEM", pkcs8, "-outform PEM", "pem", ""},
		{"not encrypted", pkcs8, "-nocrypt -outform DER", "llave_sin_cifrar", ""},
		{"many rounds", pkcs8, "-iter 600000 -outform DER", "", ""},
		{"PKCS#12's 3DES", pkcs8, "-v1 PBE-SHA1-3DES -outform DER", "", ""},
		{"PKCS#12's 3DES of two keys", pkcs8, "-v1 PBE-SHA1-2DES -outform DER", "", ""},
		{"PKCS#12's 3DES, PEM", pkcs8, "-v1 PBE-SHA1-3DES -outform PEM", "pem", ""},
		{"PBES1, MD5", pkcs8, "-v1 PBE-MD5-DES -outform DER", "cifrado_debil", ""},
		{"PBES1, SHA-1", pkcs8, "-v1 PBE-SHA1-DES -outform DER", "cifrado_debil", ""},
		{"PKCS#1, PEM", rsa, "-outform PEM", "pem llave_sin_cifrar", ""},
		{"PKCS#1, DER", rsa, "-outform DER", "llave_sin_cifrar", ""},
		{"PKCS#1, 3DES", rsa, "-des3", "pem cifrado_debil", ""},
		{"PKCS#1, DES", rsa, "-des", "pem cifrado_debil", ""},
		{"PKCS#1, AES-128", rsa, "-aes128", "pem cifrado_debil", ""},
		{"PKCS#1, AES-192", rsa, "-aes192", "pem cifrado_debil", ""},
		{"PKCS#1, AES-256", rsa, "-aes256", "pem cifrado_debil", ""},
		{"PKCS#1, Camellia", rsa, "-camellia256", "", "está cifrada con CAMELLIA-256-CBC"},
		{"PKCS#12's RC2 of 40 bits", pkcs8, "-v1 PBE-SHA1-RC2-40 -outform DER", "", "está cifrada con RC2 de 40 bits"},
		{"PKCS#12's RC2 of 128 bits", pkcs8, "-v1 PBE-SHA1-RC2-128 -outform PEM", "", "está cifrada con RC2 de 128 bits"},
		{"PKCS#12's RC4", pkcs8, "-v1 PBE-SHA1-RC4-128 -outform DER", "", "está cifrada con RC4 de 128 bits"},
		{"PBES1, RC2", pkcs8, "-v1 PBE-MD5-RC2-64 -outform DER", "", "está cifrada con RC2 y MD5"},
		{"Camellia", pkcs8, "-v2 camellia-256-cbc -outform DER", "", "está cifrada con un método que la pasarela no lee (1.2.392.200011.61.1.1.1.4)"},
		{"too many rounds", pkcs8, "-iter 1000001 -outform DER", "", "se deriva con 1000001 rondas, y la pasarela admite hasta 1000000"},
		{"scrypt", pkcs8, "-scrypt -outform DER", "", "se deriva con scrypt"},
		{"scrypt, PEM", pkcs8, "-scrypt -outform PEM", "", "se deriva con scrypt"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			key := openssl(t, open, slices.Concat(tt.order, strings.Fields(tt.args))...)
			r := Check(Files{CerName: "e.cer", KeyName: "mi llave.key", Cer: e.CerDER, Key: key, Password: []byte(password + "\n")}, nil, now)
			c, err := Load(e.CerDER, key, []byte(password), now)
			if tt.no == "" {
				if err != nil || len(r.Problems) > 0 || avisosOf(r) != tt.avisos {
					t.Fatalf("%v, problems %v, told %q, want %q", err, r.Problems, avisosOf(r), tt.avisos)
				}
				firma(t, c, e.Certificate)
				if _, err = Load(e.CerDER, key, []byte("otra"), now); !strings.Contains(tt.avisos, AvisoUnencrypted) {
					reject(t, err, PasswordIncorrecto)
				}
			} else {
				reject(t, err, KeyIlegible)
				if len(r.Problems) != 1 || !strings.Contains(r.Problems[0].Detail, tt.no) {
					t.Fatalf("%v, want %q", r.Problems, tt.no)
				}
				key = convert(t, r.Problems[0].Detail, "mi llave.key", key)
				if c, err = Load(e.CerDER, key, []byte(password), now); err != nil {
					t.Fatal(err)
				}
				firma(t, c, e.Certificate)
			}
			for _, a := range r.Avisos {
				if a.Codigo == AvisoCifradoDebil {
					key = convert(t, a.Text, "mi llave.key", key)
					best := Check(Files{CerName: "e.cer", KeyName: "e.key", Cer: e.CerDER, Key: key, Password: []byte(password)}, nil, now)
					if len(best.Problems) > 0 || avisosOf(best) != "" {
						t.Errorf("after converting: %v, told %q", best.Problems, avisosOf(best))
					}
				}
			}
		})
	}
}

// execute runs a command in dir as if pasted into a shell.
func execute(t *testing.T, dir, order string) {
	t.Helper()
	cmd := exec.Command("sh", "-c", order)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "PASS="+password)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", order, err, out)
	}
}

// convert runs the command in a text and returns the key that it wrote.
func convert(t *testing.T, text, name string, key []byte) []byte {
	t.Helper()
	_, order, ok := strings.Cut(text, " con: ")
	if !ok {
		t.Fatalf("no command in %q", text)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), key, 0o600); err != nil {
		t.Fatal(err)
	}
	execute(t, dir, order+" -passin env:PASS -passout env:PASS")
	fresh, err := os.ReadFile(filepath.Join(dir, "nueva.key"))
	if err != nil {
		t.Fatal(err)
	}
	return fresh
}

func TestLoadPKCS12_WhenWrittenByOpenSSL(t *testing.T) {
	c := treasure(t)
	e := c.emitidoInOne
	open, err := x509.MarshalPKCS8PrivateKey(e.Key)
	if err != nil {
		t.Fatal(err)
	}
	cerPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: e.CerDER})
	joined := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: open}), cerPEM...)
	cadena := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(cadena, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.ca.Certificate.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"modern":            nil,
		"legacy":            {"-legacy"},
		"legacy, 3DES":      {"-legacy", "-descert"},
		"with the chain":    {"-certfile", cadena},
		"certificates bare": {"-certpbe", "NONE"},
		"all bare":          {"-certpbe", "NONE", "-keypbe", "NONE"},
	} {
		t.Run(name, func(t *testing.T) {
			pfx := openssl(t, joined, slices.Concat([]string{"pkcs12", "-export", "-passout", "env:PASS"}, args)...)
			cred, err := LoadPKCS12(pfx, []byte(password), now)
			if err != nil {
				t.Fatal(err)
			}
			firma(t, cred, e.Certificate)
			_, err = LoadPKCS12(pfx, []byte("otra"), now)
			reject(t, err, PasswordIncorrecto)
		})
	}
}
