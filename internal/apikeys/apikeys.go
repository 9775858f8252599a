// Package apikeys decides who may call: named keys, each with its RFCs and scopes. The
// file holds SHA-256 digests of keys, never keys.
//
// It refuses a file that other users may write, or that it does not fully understand.
// While a new version of the file is faulty, the last good version applies for a bounded
// time.
package apikeys

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// All means every RFC, or every scope.
const All = "*"

// The scopes.
const (
	ScopeToken       = "sat:token"
	ScopeSolicitudes = "sat:solicitudes"
	ScopePaquetes    = "sat:paquetes"
	ScopeDescargas   = "sat:descargas"
	ScopeEFirmas     = "efirmas:leer"
	ScopeTitulos     = "sep:titulos"
	ScopeLotes       = "sep:lotes"
	ScopeCancel      = "sep:cancelar"
	ScopeAddendas    = "pade:addendas"
	ScopeContratos   = "pade:contratos"
	ScopePADE        = "pade:administrar"
	ScopeWebhooks    = "webhooks"
)

// Scopes lists every scope.
func Scopes() []string {
	return []string{ScopeToken, ScopeSolicitudes, ScopePaquetes, ScopeDescargas, ScopeEFirmas, ScopeTitulos, ScopeLotes, ScopeCancel,
		ScopeAddendas, ScopeContratos, ScopePADE, ScopeWebhooks}
}

const (
	// prefix lets people and scanners recognize a key.
	prefix = "pasarela_"
	// idPrefix marks the id of an entry, which is not secret.
	idPrefix = "key_"
)

var idForm = regexp.MustCompile(`^` + idPrefix + `[a-z2-7]{26}$`)

// Key is one entry of the file.
type Key struct {
	// ID is random and never changes. Resources belong to a key's ID, because its name
	// may later be given to somebody else.
	ID   string `json:"id"`
	Name string `json:"name"`
	// SHA256 is the key's digest in hexadecimal.
	SHA256 string   `json:"sha256"`
	RFCs   []string `json:"rfcs"`
	Scopes []string `json:"scopes"`
	// Shares is the ID of another entry, present or past, which owns what this key makes;
	// empty if the key owns it itself.
	Shares string `json:"shares,omitempty"`
	// Expires is the instant at which the key becomes invalid; zero for never.
	Expires time.Time `json:"expires,omitzero"`
	// Networks are the networks from which the key is accepted; nil for all.
	Networks []netip.Prefix `json:"networks,omitempty"`
}

// Owner returns the ID that owns what the key makes.
func (k Key) Owner() string {
	if k.Shares != "" {
		return k.Shares
	}
	return k.ID
}

// Allows reports whether the key holds scope.
func (k Key) Allows(scope string) bool {
	return slices.Contains(k.Scopes, All) || slices.Contains(k.Scopes, scope)
}

// Sees reports whether the key may act for rfc.
func (k Key) Sees(rfc string) bool {
	return k.SeesAll() || slices.Contains(k.RFCs, rfc)
}

// SeesAll reports whether the key may act for every RFC.
func (k Key) SeesAll() bool { return slices.Contains(k.RFCs, All) }

// The reasons to refuse a key.
var (
	ErrUnknown = errors.New("apikeys: no such key")
	ErrExpired = errors.New("apikeys: the key has expired")
	ErrNetwork = errors.New("apikeys: the key is not taken from this address")
)

// Usable returns ErrExpired or ErrNetwork if the key is not valid at that instant or from
// that address.
func (k Key) Usable(at time.Time, from netip.Addr) error {
	if k.expired(at) {
		return ErrExpired
	}
	from = from.Unmap().WithZone("")
	if k.Networks != nil && !slices.ContainsFunc(k.Networks, func(n netip.Prefix) bool { return n.Contains(from) }) {
		return ErrNetwork
	}
	return nil
}

func (k Key) expired(at time.Time) bool { return !k.Expires.IsZero() && !at.Before(k.Expires) }

// Find is Ring.Find of a ring with this one entry.
func (k Key) Find(key string) (Key, error) {
	if subtle.ConstantTimeCompare([]byte(Digest(key)), []byte(k.SHA256)) != 1 {
		return Key{}, ErrUnknown
	}
	return k, nil
}

// Generate returns a new key, 32 random bytes after a prefix, and its digest. Only the
// digest is stored.
func Generate() (key, digest string, err error) {
	var secret [32]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return "", "", fmt.Errorf("apikeys: %w", err)
	}
	key = prefix + base64.RawURLEncoding.EncodeToString(secret[:])
	return key, Digest(key), nil
}

// NewID returns a new ID for an entry.
func NewID() (string, error) {
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return "", fmt.Errorf("apikeys: %w", err)
	}
	return idPrefix + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(id[:])), nil
}

// Digest returns the hexadecimal SHA-256 of key.
func Digest(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

func (k *Key) check() error {
	k.SHA256 = strings.ToLower(k.SHA256)
	switch raw, err := hex.DecodeString(k.SHA256); {
	case k.Name == "":
		return errors.New("name is missing")
	case !idForm.MatchString(k.ID):
		return fmt.Errorf("%q: id is not %q and 26 random characters of a-z and 2-7, as 'gateway keys create' makes it; revoke the key and create it again", k.Name, idPrefix)
	case k.Shares != "" && !idForm.MatchString(k.Shares):
		return fmt.Errorf("%q: shares is not the id of a key", k.Name)
	case err != nil || len(raw) != sha256.Size:
		return fmt.Errorf("%q: sha256 is not 64 hexadecimal digits", k.Name)
	case len(k.RFCs) == 0:
		return fmt.Errorf("%q: rfcs is empty; list RFCs or %q", k.Name, All)
	case len(k.Scopes) == 0:
		return fmt.Errorf("%q: scopes is empty; valid: %s or %q", k.Name, strings.Join(Scopes(), ", "), All)
	case k.Networks != nil && len(k.Networks) == 0:
		return fmt.Errorf("%q: networks is empty; list networks, or leave it out for all", k.Name)
	}
	for _, rfc := range k.RFCs {
		if rfc != All && !gateway.ValidRFC(rfc) {
			return fmt.Errorf("%q: %q is not an RFC in upper case", k.Name, rfc)
		}
	}
	for _, scope := range k.Scopes {
		if scope != All && !slices.Contains(Scopes(), scope) {
			return fmt.Errorf("%q: %q is no scope; valid: %s or %q", k.Name, scope, strings.Join(Scopes(), ", "), All)
		}
	}
	for _, n := range k.Networks {
		if n.Addr().Is4In6() {
			return fmt.Errorf("%q: networks: %s is IPv4 written as IPv6, which no address is compared as; write it as IPv4", k.Name, n)
		}
	}
	return nil
}

// distinct refuses entries that could be mistaken for each other.
func distinct(keys []Key) error {
	for _, field := range []struct {
		name string
		of   func(Key) string
	}{
		{"name", func(k Key) string { return k.Name }},
		{"id", func(k Key) string { return k.ID }},
		{"sha256", func(k Key) string { return k.SHA256 }},
	} {
		first := make(map[string]int, len(keys))
		for i, k := range keys {
			if before, twice := first[field.of(k)]; twice {
				return fmt.Errorf("keys %d and %d (%q) have the same %s", before+1, i+1, k.Name, field.name)
			}
			first[field.of(k)] = i
		}
	}
	return nil
}
