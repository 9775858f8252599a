// Package apikeys says who may call: named keys, each with the RFCs that it sees
// and what it may do. The file holds SHA-256 digests, never keys.
//
// It refuses a file that others may write or that it does not fully
// understand, and serves the last good one while a new one is at fault.
package apikeys

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/gofrs/flock"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/secretfile"
)

// Todo stands for every RFC, or for every scope.
const Todo = "*"

// The scopes.
const (
	ScopeToken       = "sat:token"
	ScopeSolicitudes = "sat:solicitudes"
	ScopePaquetes    = "sat:paquetes"
	ScopeDescargas   = "sat:descargas"
	ScopeEFirmas     = "efirmas:leer"
	ScopeTitulos     = "sep:titulos"
	ScopeLotes       = "sep:lotes"
	ScopeCancelar    = "sep:cancelar"
	ScopeAddendas    = "pade:addendas"
	ScopeContratos   = "pade:contratos"
	ScopePADE        = "pade:administrar"
	ScopeWebhooks    = "webhooks"
)

// Scopes lists every scope.
func Scopes() []string {
	return []string{ScopeToken, ScopeSolicitudes, ScopePaquetes, ScopeDescargas, ScopeEFirmas, ScopeTitulos, ScopeLotes, ScopeCancelar,
		ScopeAddendas, ScopeContratos, ScopePADE, ScopeWebhooks}
}

// prefix marks a key so that people and scanners know one when they see it.
const prefix = "pasarela_"

// Key is one entry of the file.
type Key struct {
	Name string `json:"name"`
	// SHA256 is the digest of the key, hexadecimal.
	SHA256 string   `json:"sha256"`
	RFCs   []string `json:"rfcs"`
	Scopes []string `json:"scopes"`
}

// Allows tells whether the key holds scope.
func (k Key) Allows(scope string) bool {
	return slices.Contains(k.Scopes, Todo) || slices.Contains(k.Scopes, scope)
}

// Sees tells whether the key may act for rfc.
func (k Key) Sees(rfc string) bool {
	return slices.Contains(k.RFCs, Todo) || slices.Contains(k.RFCs, rfc)
}

// Finds is Ring.Find of a ring that has this one entry.
func (k Key) Finds(key string) (Key, bool) {
	if subtle.ConstantTimeCompare([]byte(Digest(key)), []byte(k.SHA256)) != 1 {
		return Key{}, false
	}
	return k, true
}

// file is the form on disk.
type file struct {
	Keys []Key `json:"keys"`
}

// Generate makes a new key: 32 random bytes behind a prefix. It returns the key
// for the caller, once, and its digest for the file.
func Generate() (key, digest string, err error) {
	var secret [32]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return "", "", fmt.Errorf("apikeys: %w", err)
	}
	key = prefix + base64.RawURLEncoding.EncodeToString(secret[:])
	return key, Digest(key), nil
}

// Digest returns the hexadecimal SHA-256 of key.
func Digest(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// Ring holds the keys of one file and follows its changes.
type Ring struct {
	path    string
	onError func(error)

	mu    sync.Mutex
	seen  os.FileInfo
	keys  []Key
	fault string
}

// Open reads path. onError is told once of each later fault of the file.
func Open(path string, onError func(error)) (*Ring, error) {
	r := &Ring{path: path, onError: onError}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("apikeys: %w", err)
	}
	if r.keys, err = read(path); err != nil {
		return nil, err
	}
	r.seen = info
	return r, nil
}

// Find returns the entry of key. Every entry is compared, in constant time, so
// that the time taken tells nothing of which one matched.
func (r *Ring) Find(key string) (Key, bool) {
	digest := []byte(Digest(key))
	var found Key
	ok := false
	for _, k := range r.current() {
		if subtle.ConstantTimeCompare(digest, []byte(k.SHA256)) == 1 {
			found, ok = k, true
		}
	}
	return found, ok
}

// May tells whether there is a key of that name now, with scope, that sees rfc:
// for what is done in its name while it does not call.
func (r *Ring) May(name, scope, rfc string) bool {
	return slices.ContainsFunc(r.current(), func(k Key) bool { return k.Name == name && k.Allows(scope) && k.Sees(rfc) })
}

// current returns the keys, reading the file again when it has changed. A file
// that is gone lets nobody in; one at fault leaves the last good keys in force.
func (r *Ring) current() []Key {
	r.mu.Lock()
	defer r.mu.Unlock()
	info, err := os.Stat(r.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		r.report(fmt.Errorf("apikeys: the file is gone, no key is valid: %w", err))
		r.seen, r.keys = nil, nil
		return nil
	case err != nil:
		r.report(fmt.Errorf("apikeys: %w", err))
		return r.keys
	case same(r.seen, info):
		return r.keys
	}
	keys, err := read(r.path)
	if err != nil {
		r.report(fmt.Errorf("%w; the earlier keys stay in force", err))
		return r.keys
	}
	r.seen, r.keys, r.fault = info, keys, ""
	return keys
}

func (r *Ring) report(err error) {
	if r.fault != err.Error() {
		r.fault = err.Error()
		r.onError(err)
	}
}

func same(a, b os.FileInfo) bool {
	return a != nil && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}

// maxFile bounds the file: some ten thousand keys.
const maxFile = 4 << 20

func read(path string) ([]Key, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("apikeys: %w", err)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return nil, fmt.Errorf("apikeys: %s is writable by others (mode %04o); use 0600", path, info.Mode().Perm())
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("apikeys: %s is over %d bytes", path, maxFile)
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator's own setting
	if err != nil {
		return nil, fmt.Errorf("apikeys: %w", err)
	}
	var f file
	dec := json.NewDecoder(strings.NewReader(secretfile.Text(text)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("apikeys: %s: %w", path, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("apikeys: %s: something stands behind the object", path)
	}
	for i := range f.Keys {
		if err := f.Keys[i].check(); err != nil {
			return nil, fmt.Errorf("apikeys: %s: key %d: %w", path, i+1, err)
		}
	}
	return f.Keys, nil
}

func (k *Key) check() error {
	k.SHA256 = strings.ToLower(k.SHA256)
	switch raw, err := hex.DecodeString(k.SHA256); {
	case k.Name == "":
		return errors.New("name is missing")
	case err != nil || len(raw) != sha256.Size:
		return fmt.Errorf("%q: sha256 is not 64 hexadecimal digits", k.Name)
	case len(k.RFCs) == 0:
		return fmt.Errorf("%q: rfcs is empty; list RFCs or %q", k.Name, Todo)
	case len(k.Scopes) == 0:
		return fmt.Errorf("%q: scopes is empty; valid: %s or %q", k.Name, strings.Join(Scopes(), ", "), Todo)
	}
	for _, rfc := range k.RFCs {
		if rfc != Todo && !gateway.RFCValido(rfc) {
			return fmt.Errorf("%q: %q is not an RFC in upper case", k.Name, rfc)
		}
	}
	for _, scope := range k.Scopes {
		if scope != Todo && !slices.Contains(Scopes(), scope) {
			return fmt.Errorf("%q: %q is no scope; valid: %s or %q", k.Name, scope, strings.Join(Scopes(), ", "), Todo)
		}
	}
	return nil
}

// ErrNameTaken is that the file has an entry of that name already.
var ErrNameTaken = errors.New("apikeys: there is a key of that name already")

// Add writes k into the file at path, creating it with mode 0600. Names are unique.
func Add(path string, k Key) error {
	if err := k.check(); err != nil {
		return fmt.Errorf("apikeys: %w", err)
	}
	unlock, err := lock(path)
	if err != nil {
		return err
	}
	defer unlock()
	keys, err := read(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if slices.ContainsFunc(keys, func(other Key) bool { return other.Name == k.Name }) {
		return ErrNameTaken
	}
	text, err := json.MarshalIndent(file{Keys: append(keys, k)}, "", "  ")
	if err != nil {
		return fmt.Errorf("apikeys: %w", err)
	}
	return replace(path, append(text, '\n'))
}

// List returns the entries of the file at path, in its order.
func List(path string) ([]Key, error) { return read(path) }

// ErrNoSuchKey is that no entry of the file has the name.
var ErrNoSuchKey = errors.New("apikeys: there is no key of that name")

// Remove takes the entry of a name out of the file at path, so that its key is
// refused from then on.
func Remove(path, name string) error {
	unlock, err := lock(path)
	if err != nil {
		return err
	}
	defer unlock()
	keys, err := read(path)
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(keys), func(k Key) bool { return k.Name == name })
	if len(left) == len(keys) {
		return ErrNoSuchKey
	}
	text, err := json.MarshalIndent(file{Keys: left}, "", "  ")
	if err != nil {
		return fmt.Errorf("apikeys: %w", err)
	}
	return replace(path, append(text, '\n'))
}

// lock keeps two changes of one file from meeting: the later would write back a key
// that the earlier revoked. The file of the lock stays, as whoever removed it could
// not know who waits for it.
func lock(path string) (unlock func(), err error) {
	l := flock.New(resolved(path)+".lock", flock.SetPermissions(0o600))
	if err := l.Lock(); err != nil {
		return nil, fmt.Errorf("apikeys: %w", err)
	}
	return func() { l.Unlock() }, nil //nolint:errcheck // it ends with the process
}

// resolved is what a link leads to, which is replaced, so that the link stays one.
func resolved(path string) string {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		return target
	}
	return path
}

// replace writes the file beside itself and renames it, so that a reader finds
// the old or the new one and never a part. Whoever could read the old one can read
// the new: a gateway that cannot would leave a revoked key in force.
func replace(path string, text []byte) error {
	path = resolved(path)
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("apikeys: %w", err)
	}
	if _, err = tmp.Write(text); err == nil {
		err = like(tmp, path)
	}
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("apikeys: %w", errors.Join(err, os.Remove(tmp.Name())))
	}
	return nil
}

// like gives f the owner and the mode of the file at path, if there is one.
func like(f *os.File, path string) error {
	old, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	// The owner first: a change of it may take bits of the mode away.
	if err := sameOwner(f, old); err != nil {
		return fmt.Errorf("%s belongs to another account or group, and would be lost to it: %w", path, err)
	}
	return f.Chmod(old.Mode().Perm())
}
