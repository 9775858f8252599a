package efirma

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// openssl runs the command with stdin and returns what it writes. Without
// openssl the test is skipped, but not on CI.
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

func TestLoad_WhenKeyIsWrittenByOpenSSL(t *testing.T) {
	e := elTesoro(t).emitidaEnUna
	abierta, err := x509.MarshalPKCS8PrivateKey(e.Key)
	if err != nil {
		t.Fatal(err)
	}
	base := []string{"pkcs8", "-topk8", "-inform", "DER", "-passout", "env:PASS"}
	tests := []struct {
		name string
		args []string
		want Problem
	}{
		{"3DES and SHA-1", []string{"-v2", "des3", "-v2prf", "hmacWithSHA1", "-outform", "DER"}, ""},
		{"AES-256 and SHA-256", []string{"-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA256", "-outform", "DER"}, ""},
		{"AES-192 and SHA-1", []string{"-v2", "aes-192-cbc", "-v2prf", "hmacWithSHA1", "-outform", "PEM"}, ""},
		{"AES-128 and SHA-512", []string{"-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA512", "-outform", "DER"}, ""},
		{"defaults, PEM", []string{"-outform", "PEM"}, ""},
		{"not encrypted", []string{"-nocrypt", "-outform", "DER"}, ""},
		{"many rounds", []string{"-iter", "600000", "-outform", "DER"}, ""},
		{"too many rounds", []string{"-iter", "1000001", "-outform", "DER"}, KeyIlegible},
		{"scrypt", []string{"-scrypt", "-outform", "DER"}, KeyIlegible},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			key := openssl(t, abierta, slices.Concat(base, tt.args)...)
			c, err := Load(e.CerDER, key, []byte(password), ahora)
			if tt.want != "" {
				rechaza(t, err, tt.want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			firma(t, c, e.Certificate)
		})
	}
}

func TestLoadPKCS12_WhenWrittenByOpenSSL(t *testing.T) {
	c := elTesoro(t)
	e := c.emitidaEnUna
	abierta, err := x509.MarshalPKCS8PrivateKey(e.Key)
	if err != nil {
		t.Fatal(err)
	}
	cerPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: e.CerDER})
	junto := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: abierta}), cerPEM...)
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
			pfx := openssl(t, junto, slices.Concat([]string{"pkcs12", "-export", "-passout", "env:PASS"}, args)...)
			cred, err := LoadPKCS12(pfx, []byte(password), ahora)
			if err != nil {
				t.Fatal(err)
			}
			firma(t, cred, e.Certificate)
			_, err = LoadPKCS12(pfx, []byte("otra"), ahora)
			rechaza(t, err, PasswordIncorrecto)
		})
	}
}
