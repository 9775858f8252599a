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
)

// The files of an authority's folder.
const (
	archivoCertificado = "ca.pem"
	archivoLlave       = "ca.key" // PEM, PKCS#8, not encrypted: it protects nothing real
	archivoRegistro    = "ca.json"
	archivoPassword    = "password.txt"
)

type registro struct {
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
	r := registro{
		Emitidos:  slices.Sorted(maps.Keys(a.emitidos)),
		Revocados: slices.Sorted(maps.Keys(a.revocados)),
	}
	a.mu.Unlock()
	texto, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("saving the authority: %w", err)
	}
	// The certificate comes last: Load takes a folder without it for empty.
	return errors.Join(
		escribe(dir, archivoLlave, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600),
		escribe(dir, archivoRegistro, append(texto, '\n'), 0o644),
		escribe(dir, archivoCertificado, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate.Raw}), 0o644),
	)
}

// Load reads an authority that Save wrote. The error is fs.ErrNotExist when
// dir holds none.
func Load(dir string) (*Autoridad, error) {
	cert, err := leePEM(filepath.Join(dir, archivoCertificado))
	if err != nil {
		return nil, err
	}
	der, err := leePEM(filepath.Join(dir, archivoLlave))
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", archivoLlave, err)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("reading %s: not an RSA key", archivoLlave)
	}
	a, err := ensambla(cert, key)
	if err != nil {
		return nil, err
	}
	if !key.PublicKey.Equal(a.Certificate.PublicKey) {
		return nil, fmt.Errorf("%s and %s in %s do not belong together", archivoCertificado, archivoLlave, dir)
	}
	texto, err := os.ReadFile(filepath.Join(dir, archivoRegistro)) //nolint:gosec // the sandbox's own directory
	if err != nil {
		return nil, fmt.Errorf("loading the authority: %w", err)
	}
	var r registro
	if err := json.Unmarshal(texto, &r); err != nil {
		return nil, fmt.Errorf("reading %s: %w", archivoRegistro, err)
	}
	for _, s := range r.Emitidos {
		a.emitidos[s] = true
	}
	for _, s := range r.Revocados {
		a.revocados[s] = true
	}
	return a, nil
}

// WriteTo writes dir/<RFC>/<RFC>.cer, <RFC>.key and password.txt, the layout
// of GATEWAY_EFIRMA_DIR. Each file appears whole or not at all, the
// certificate last.
func (e *Emitida) WriteTo(dir string) error {
	folder := filepath.Join(dir, e.RFC)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("writing the e.firma of %s: %w", e.RFC, err)
	}
	return errors.Join(
		escribe(folder, e.RFC+".key", e.KeyDER, 0o600),
		escribe(folder, archivoPassword, []byte(e.Password+"\n"), 0o600),
		escribe(folder, e.RFC+".cer", e.CerDER, 0o644),
	)
}

// LoadEmitida reads back what WriteTo wrote for one RFC. The error is
// fs.ErrNotExist when the folder or one of its files is missing.
func LoadEmitida(dir, rfc string) (*Emitida, error) {
	if !rfcValido.MatchString(rfc) {
		return nil, fmt.Errorf("loading an e.firma: RFC %q has not the form of an RFC", rfc)
	}
	e := &Emitida{RFC: rfc}
	var err error
	if e.CerDER, err = os.ReadFile(filepath.Join(dir, rfc, rfc+".cer")); err != nil { //nolint:gosec // the sandbox's own directory
		return nil, fmt.Errorf("loading the e.firma of %s: %w", rfc, err)
	}
	if e.KeyDER, err = os.ReadFile(filepath.Join(dir, rfc, rfc+".key")); err != nil { //nolint:gosec // the sandbox's own directory
		return nil, fmt.Errorf("loading the e.firma of %s: %w", rfc, err)
	}
	password, err := os.ReadFile(filepath.Join(dir, rfc, archivoPassword)) //nolint:gosec // the sandbox's own directory
	if err != nil {
		return nil, fmt.Errorf("loading the e.firma of %s: %w", rfc, err)
	}
	e.Password = strings.TrimRight(string(password), "\r\n")
	if e.Certificate, err = x509.ParseCertificate(e.CerDER); err != nil {
		return nil, fmt.Errorf("loading the e.firma of %s: %w", rfc, err)
	}
	if e.Key, err = pkcs8.ParsePKCS8PrivateKeyRSA(e.KeyDER, []byte(e.Password)); err != nil {
		return nil, fmt.Errorf("loading the e.firma of %s: %w", rfc, err)
	}
	return e, nil
}

// PKCS12 is the pair as a .p12 file under the same password (AES-256-CBC).
func (e *Emitida) PKCS12() ([]byte, error) {
	pfx, err := pkcs12.Modern2023.Encode(e.Key, e.Certificate, nil, e.Password)
	if err != nil {
		return nil, fmt.Errorf("writing the PKCS#12 of %s: %w", e.RFC, err)
	}
	return pfx, nil
}

func leePEM(path string) ([]byte, error) {
	texto, err := os.ReadFile(path) //nolint:gosec // the sandbox's own directory
	if err != nil {
		return nil, fmt.Errorf("loading the authority: %w", err)
	}
	block, _ := pem.Decode(texto)
	if block == nil {
		return nil, fmt.Errorf("reading %s: not PEM", filepath.Base(path))
	}
	return block.Bytes, nil
}

// escribe replaces dir/name in one step. The temporary name starts with a dot
// so that a reader of the folder passes it over.
func escribe(dir, name string, content []byte, mode os.FileMode) error {
	tmp, err := os.CreateTemp(dir, "."+name+".*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	_, err = tmp.Write(content)
	err = errors.Join(err, tmp.Chmod(mode), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", name, err), os.Remove(tmp.Name()))
	}
	return nil
}
