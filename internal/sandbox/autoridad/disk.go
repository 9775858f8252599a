package autoridad

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/youmark/pkcs8"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/pasarela-mx/pasarela/internal/disk"
)

// The files of an authority's folder.
const (
	certificadoFile = "ca.pem"
	llaveFile       = "ca.key" // PEM, PKCS#8, not encrypted: it protects nothing real
	recordFile      = "ca.json"
	passwordFile    = "password.txt"
)

type record struct {
	Emitidos  []string `json:"emitidos"`
	Revocados []string `json:"revocados"`
}

// Save writes the authority to dir (ca.pem, ca.key, ca.json with the serials
// issued and revoked), making the folder if need be. The key's file can be
// read by its owner alone.
func (a *Autoridad) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("saving the authority: %w", err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return fmt.Errorf("saving the authority: %w", err)
	}
	a.mu.Lock()
	r := record{
		Emitidos:  slices.Sorted(maps.Keys(a.emitidos)),
		Revocados: slices.Sorted(maps.Keys(a.revoked)),
	}
	a.mu.Unlock()
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("saving the authority: %w", err)
	}
	// The certificate comes last: Load takes a folder without it for empty.
	return errors.Join(
		disk.Replace(filepath.Join(dir, llaveFile), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600),
		disk.Replace(filepath.Join(dir, recordFile), append(text, '\n'), 0o644),
		disk.Replace(filepath.Join(dir, certificadoFile), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate.Raw}), 0o644),
	)
}

// Load reads an authority that Save wrote. The error is fs.ErrNotExist when
// dir holds none.
func Load(dir string) (*Autoridad, error) {
	cert, err := readPEM(filepath.Join(dir, certificadoFile))
	if err != nil {
		return nil, err
	}
	der, err := readPEM(filepath.Join(dir, llaveFile))
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", llaveFile, err)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("reading %s: not an RSA key", llaveFile)
	}
	a, err := assemble(cert, key)
	if err != nil {
		return nil, err
	}
	if !key.PublicKey.Equal(a.Certificate.PublicKey) {
		return nil, fmt.Errorf("%s and %s in %s do not belong together", certificadoFile, llaveFile, dir)
	}
	text, err := os.ReadFile(filepath.Join(dir, recordFile)) //nolint:gosec // the sandbox's own directory
	if err != nil {
		return nil, fmt.Errorf("loading the authority: %w", err)
	}
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("reading %s: %w", recordFile, err)
	}
	for _, s := range r.Emitidos {
		a.emitidos[s] = true
	}
	for _, s := range r.Revocados {
		a.revoked[s] = true
	}
	return a, nil
}

// WriteTo writes dir/<RFC>/<RFC>.cer, <RFC>.key and password.txt, the layout
// of GATEWAY_EFIRMA_DIR. Each file appears whole or not at all, the
// certificate last.
func (e *Emitido) WriteTo(dir string) error {
	folder := filepath.Join(dir, e.RFC)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("writing the e.firma of %s: %w", e.RFC, err)
	}
	return errors.Join(
		disk.Replace(filepath.Join(folder, e.RFC+".key"), e.KeyDER, 0o600),
		disk.Replace(filepath.Join(folder, passwordFile), []byte(e.Password+"\n"), 0o600),
		disk.Replace(filepath.Join(folder, e.RFC+".cer"), e.CerDER, 0o644),
	)
}

// LoadEmitido reads back what WriteTo wrote for one RFC. The error is
// fs.ErrNotExist when the folder or one of its files is missing.
func LoadEmitido(dir, rfc string) (*Emitido, error) {
	if !validRFC.MatchString(rfc) {
		return nil, fmt.Errorf("loading an e.firma: RFC %q has not the form of an RFC", rfc)
	}
	e, err := loadEmitido(dir, rfc)
	if err != nil {
		return nil, fmt.Errorf("loading the e.firma of %s: %w", rfc, err)
	}
	return e, nil
}

func loadEmitido(dir, rfc string) (e *Emitido, err error) {
	e = &Emitido{RFC: rfc}
	var password []byte
	for name, into := range map[string]*[]byte{rfc + ".cer": &e.CerDER, rfc + ".key": &e.KeyDER, passwordFile: &password} {
		if *into, err = os.ReadFile(filepath.Join(dir, rfc, name)); err != nil { //nolint:gosec // the sandbox's own directory
			return nil, err
		}
	}
	e.Password = strings.TrimRight(string(password), "\r\n")
	if e.Certificate, err = x509.ParseCertificate(e.CerDER); err != nil {
		return nil, err
	}
	e.Key, err = pkcs8.ParsePKCS8PrivateKeyRSA(e.KeyDER, []byte(e.Password))
	return e, err
}

// PKCS12 is the pair as a .p12 file under the same password (AES-256-CBC).
func (e *Emitido) PKCS12() ([]byte, error) {
	pfx, err := pkcs12.Modern2023.Encode(e.Key, e.Certificate, nil, e.Password)
	if err != nil {
		return nil, fmt.Errorf("writing the PKCS#12 of %s: %w", e.RFC, err)
	}
	return pfx, nil
}

func readPEM(path string) ([]byte, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the sandbox's own directory
	if err != nil {
		return nil, fmt.Errorf("loading the authority: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("reading %s: not PEM", filepath.Base(path))
	}
	return block.Bytes, nil
}
