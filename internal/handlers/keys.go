package handlers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

const (
	// maxKeys and maxLevels bound what of a body is remembered; the contract's
	// objects have fewer than fifty keys and ten levels.
	maxKeys   = 1000
	maxLevels = 1000
)

// uniqueKeys is a JSON body as it comes, which fails where an object has a key
// twice. RFC 8259 §4 leaves open what such an object means: encoding/json takes
// the last, others the first, and one of the keys says whether a signature is real.
type uniqueKeys struct {
	io.ReadCloser
	levels  []jsonLevel
	text    bool   // inside a string
	isKey   bool   // which is a key
	escaped bool   // behind a backslash
	key     []byte // what came of it, with its quotes
	err     error
}

// jsonLevel is an object or an array that is open.
type jsonLevel struct {
	object bool
	named  bool // its next string is a value, not a key
	keys   map[string]bool
	name   string // the key that is being read
	index  int
}

func (u *uniqueKeys) Read(p []byte) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	n, err := u.ReadCloser.Read(p)
	if u.err = u.check(p[:n]); u.err != nil {
		return 0, u.err
	}
	return n, err
}

// check looks at the next piece of the body. What is no JSON is left to whoever reads it.
func (u *uniqueKeys) check(piece []byte) error {
	for len(piece) > 0 {
		if u.text {
			piece = piece[u.string(piece):]
			if !u.text && u.isKey {
				if err := u.keyed(); err != nil {
					return err
				}
			}
			continue
		}
		if err := u.structure(piece[0]); err != nil {
			return err
		}
		piece = piece[1:]
	}
	return nil
}

// string passes over what of piece belongs to the string, a file of a hundred
// megabytes perhaps, and returns how much that is.
func (u *uniqueKeys) string(piece []byte) int {
	at := 0
	if u.escaped {
		u.escaped, at = false, 1
	}
	end := indexFrom(piece, at, '"')
	for {
		slash := indexFrom(piece[:end], at, '\\')
		if slash == end {
			break
		}
		if at = slash + 2; at > len(piece) {
			u.escaped = true
			break
		}
		if at > end { // the quote is escaped
			end = indexFrom(piece, at, '"')
		}
	}
	if end < len(piece) {
		u.text = false
		end++
	}
	if u.isKey && len(u.key) <= maxKey*6 { // each character may be an escape; a longer one is no key of the contract
		u.key = append(u.key, piece[:end]...)
	}
	return end
}

// indexFrom is bytes.IndexByte from at, and the length where there is none.
func indexFrom(b []byte, at int, c byte) int {
	if i := bytes.IndexByte(b[min(at, len(b)):], c); i >= 0 {
		return at + i
	}
	return len(b)
}

func (u *uniqueKeys) structure(c byte) error {
	top := &jsonLevel{}
	if n := len(u.levels); n > 0 {
		top = &u.levels[n-1]
	}
	switch c {
	case '"':
		u.text, u.isKey = true, top.object && !top.named
		u.key = append(u.key[:0], '"')
	case '{', '[':
		if len(u.levels) == maxLevels {
			return &gateway.Error{Kind: gateway.KindMalformada, Detail: fmt.Sprintf("El JSON tiene más de %d niveles.", maxLevels)}
		}
		u.levels = append(u.levels, jsonLevel{object: c == '{'})
	case '}', ']':
		u.levels = u.levels[:max(0, len(u.levels)-1)]
	case ':':
		top.named = true
	case ',':
		top.named = false
		top.index++
	}
	return nil
}

// keyed takes a key that has come whole.
func (u *uniqueKeys) keyed() error {
	var key string
	if err := json.Unmarshal(u.key, &key); err != nil {
		return nil //nolint:nilerr // no JSON: whoever reads it says so
	}
	top := &u.levels[len(u.levels)-1]
	top.name = key
	switch {
	case top.keys[key]:
		return &gateway.Error{Kind: gateway.KindMalformada, Detail: "Una clave está dos veces en el mismo objeto JSON, y no se sabe cuál cuenta; vea errores.",
			Campos: []gateway.Campo{{Campo: u.path(), Detalle: "Está dos veces en el mismo objeto."}}}
	case len(top.keys) == maxKeys:
		return &gateway.Error{Kind: gateway.KindMalformada, Detail: fmt.Sprintf("Un objeto JSON tiene más de %d claves.", maxKeys)}
	case top.keys == nil:
		top.keys = make(map[string]bool)
	}
	top.keys[key] = true
	return nil
}

// path is where in the body the scanner is, as fields are named in errors.
func (u *uniqueKeys) path() string {
	parts := make([]string, len(u.levels))
	for i, l := range u.levels {
		parts[i] = l.name
		if !l.object {
			parts[i] = strconv.Itoa(l.index)
		}
	}
	path := []rune(strings.Join(parts, "/"))
	return string(path[:min(len(path), maxKey)])
}
