package apikeys

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"

	"github.com/pasarela-mx/pasarela/internal/disk"
	"github.com/pasarela-mx/pasarela/internal/secretfile"
)

// file is the stored form.
type file struct {
	Keys []Key `json:"keys"`
}

// maxFile bounds the file: some ten thousand keys.
const maxFile = 4 << 20

// load reads the file at path into buf, after checking by its mode and owner that no
// other user may write it.
func load(path string, buf []byte, trusted func(os.FileInfo) error) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator's own setting
	if err != nil {
		return nil, fmt.Errorf("apikeys: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	// Of the open file, so that it is the same one.
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("apikeys: %w", err)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return nil, fmt.Errorf("apikeys: %s is writable by others (mode %04o); use 0600", path, info.Mode().Perm())
	}
	if err := trusted(info); err != nil {
		return nil, fmt.Errorf("apikeys: %s %w", path, err)
	}
	content := bytes.NewBuffer(buf[:0])
	if _, err := content.ReadFrom(io.LimitReader(f, maxFile+1)); err != nil {
		return nil, fmt.Errorf("apikeys: %w", err)
	}
	if content.Len() > maxFile {
		return nil, fmt.Errorf("apikeys: %s is over %d bytes", path, maxFile)
	}
	return content.Bytes(), nil
}

// parse returns the entries of a file's content.
func parse(path string, content []byte) ([]Key, error) {
	text := secretfile.Text(content)
	if err := noNameTwice(json.NewDecoder(strings.NewReader(text))); err != nil {
		return nil, fmt.Errorf("apikeys: %s: %w", path, err)
	}
	var f file
	dec := json.NewDecoder(strings.NewReader(text))
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
	if err := distinct(f.Keys); err != nil {
		return nil, fmt.Errorf("apikeys: %s: %w", path, err)
	}
	return f.Keys, nil
}

// noNameTwice refuses an object that repeats a name, even in another case, which
// encoding/json does not distinguish: a person may read the first one, and the last would
// count.
func noNameTwice(dec *json.Decoder) error {
	token, err := dec.Token()
	if err != nil {
		return err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	names := map[string]bool{}
	for dec.More() {
		if delim == '{' {
			token, err := dec.Token()
			if err != nil {
				return err
			}
			name := fmt.Sprint(token)
			if names[strings.ToLower(name)] {
				return fmt.Errorf("%q stands twice in an object", name)
			}
			names[strings.ToLower(name)] = true
		}
		if err := noNameTwice(dec); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return err
}

// List returns the entries of the file at path, in its order.
func List(path string) ([]Key, error) {
	// Anyone who can read the file may list it. Only a gateway that relies on it has to
	// trust its owner.
	content, err := load(path, nil, func(os.FileInfo) error { return nil })
	if err != nil {
		return nil, err
	}
	return parse(path, content)
}

var (
	// ErrNameTaken means that the file already has an entry of that name.
	ErrNameTaken = errors.New("apikeys: there is a key of that name already")
	// ErrNoSuchKey means that no entry of the file has that name.
	ErrNoSuchKey = errors.New("apikeys: there is no key of that name")
)

// Add writes k into the file at path, which it creates with mode 0600 if necessary. An
// entry without an ID gets one.
func Add(path string, k Key) error {
	if k.ID == "" {
		var err error
		if k.ID, err = NewID(); err != nil {
			return err
		}
	}
	if err := k.check(); err != nil {
		return fmt.Errorf("apikeys: %w", err)
	}
	return change(path, func(keys []Key) ([]Key, error) {
		if slices.ContainsFunc(keys, func(other Key) bool { return other.Name == k.Name }) {
			return nil, ErrNameTaken
		}
		return append(keys, k), nil
	})
}

// Remove removes the entry of a name from the file at path. Its key is refused from then
// on.
func Remove(path, name string) error {
	return change(path, func(keys []Key) ([]Key, error) {
		if keys == nil {
			return nil, fmt.Errorf("apikeys: %s: %w", path, os.ErrNotExist)
		}
		left := slices.DeleteFunc(slices.Clone(keys), func(k Key) bool { return k.Name == name })
		if len(left) == len(keys) {
			return nil, ErrNoSuchKey
		}
		return left, nil
	})
}

// change rewrites the file at path with the entries that f returns. f gets nil if there
// is no file.
func change(path string, f func([]Key) ([]Key, error)) error {
	unlock, err := lock(path)
	if err != nil {
		return err
	}
	defer unlock()
	keys, err := List(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		keys = nil
	case err != nil:
		return err
	case keys == nil:
		keys = []Key{}
	}
	if keys, err = f(keys); err != nil {
		return err
	}
	text, err := json.MarshalIndent(file{Keys: keys}, "", "  ")
	if err != nil {
		return fmt.Errorf("apikeys: %w", err)
	}
	return replace(path, append(text, '\n'))
}

// lock serializes changes of one file: otherwise the later one could write back a key
// that the earlier one revoked. The lock file stays, because a process that removed it
// could not know who waits for it.
func lock(path string) (unlock func(), err error) {
	l := flock.New(resolved(path)+".lock", flock.SetPermissions(0o600))
	if err := l.Lock(); err != nil {
		return nil, fmt.Errorf("apikeys: %w", err)
	}
	return func() { l.Unlock() }, nil //nolint:errcheck // it ends with the process
}

// resolved returns the target of a link, so that the target is replaced and the link
// stays.
func resolved(path string) string {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		return target
	}
	return path
}

// replace replaces the file. Everyone who could read the old file can read the new one: a
// gateway that could not would keep a revoked key in force.
func replace(path string, text []byte) error {
	path = resolved(path)
	if err := disk.Replace(path, text, 0o600, func(f *os.File) error { return like(f, path) }); err != nil {
		return fmt.Errorf("apikeys: %w", err)
	}
	return nil
}

// like gives f the owner and mode of the file at path, if there is one.
func like(f *os.File, path string) error {
	old, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	// The owner first: changing it may clear bits of the mode.
	if err := sameOwner(f, old); err != nil {
		return fmt.Errorf("%s belongs to another account or group, and would be lost to it: %w", path, err)
	}
	return f.Chmod(old.Mode().Perm())
}
