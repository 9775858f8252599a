package webhooks

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"gocloud.dev/secrets"
	"gocloud.dev/secrets/localsecrets"

	"github.com/pasarela-mx/pasarela/internal/disk"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/secretfile"
)

// Sello encrypts secrets at rest with one key of 32 bytes (NaCl secretbox).
type Sello struct {
	path string
	own  bool
	// disk holds the key's file. One caller at a time reads or creates it.
	disk   *disk.Patient
	keeper atomic.Pointer[secrets.Keeper]
}

// diskWait bounds reading the key's file.
const diskWait = 5 * time.Second

// NewSello reads its key, in base64, from file. If file is empty, the key is in own,
// which is created at first use with mode 0600. If both are empty nothing can be
// encrypted: several gateways must share a key, so none creates its own.
func NewSello(file, own string) *Sello {
	s := &Sello{path: file, disk: disk.NewPatient(1, diskWait)}
	if file == "" {
		s.path, s.own = own, true
	}
	return s
}

// Confirm returns an error unless the key can be used. The error names the file.
func (s *Sello) Confirm() error {
	_, err := s.usable()
	return err
}

// usable returns an error unless the key can be used. Its text is for the caller.
func (s *Sello) usable() (*secrets.Keeper, error) {
	if keeper := s.keeper.Load(); keeper != nil {
		return keeper, nil
	}
	if s.path == "" {
		return nil, &gateway.Error{Kind: gateway.KindInterno, Own: gateway.OwnSinClaveDeSecretos,
			Detail: "Falta la clave con que se guardan los secretos de los webhooks. Con GATEWAY_DATABASE_URL todas las pasarelas deben compartirla: configure GATEWAY_SECRETS_KEY_FILE."}
	}
	type read struct {
		key [32]byte
		err error
	}
	got, err := disk.Read(s.disk, func() read {
		key, err := s.read()
		return read{key, err}
	})
	if err = cmp.Or(err, got.err); err != nil {
		return nil, gateway.OwnFailure(err, "No se puede usar la clave con que se guardan los secretos de los webhooks. Quien administra la pasarela encuentra el motivo en su bitácora.")
	}
	// A concurrent call has read the same key.
	s.keeper.CompareAndSwap(nil, localsecrets.NewKeeper(got.key))
	return s.keeper.Load(), nil
}

// read reads the key, and creates it if the file is our own.
func (s *Sello) read() ([32]byte, error) {
	key, err := readKey(s.path)
	if s.own && errors.Is(err, fs.ErrNotExist) {
		if err = createKey(s.path); err == nil {
			key, err = readKey(s.path)
		}
	}
	return key, err
}

// seal encrypts text for the row id; it can be decrypted for no other row.
func (s *Sello) seal(ctx context.Context, id, text string) (string, error) {
	keeper, err := s.usable()
	if err != nil {
		return "", err
	}
	sealed, err := keeper.Encrypt(ctx, []byte(id+"\x00"+text))
	if err != nil {
		return "", fmt.Errorf("webhooks: sealing: %w", err)
	}
	return base64.StdEncoding.EncodeToString(sealed), nil
}

// open decrypts what was encrypted for the row id.
func (s *Sello) open(ctx context.Context, id, sealed string) (string, error) {
	keeper, err := s.usable()
	if err != nil {
		return "", err
	}
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return "", fmt.Errorf("webhooks: a sealed text is not base64: %w", err)
	}
	plain, err := keeper.Decrypt(ctx, raw)
	if err != nil {
		return "", fmt.Errorf("webhooks: a sealed text of %s does not open; is the key another one? %w", id, err)
	}
	its, text, ok := strings.Cut(string(plain), "\x00")
	if !ok || its != id {
		return "", fmt.Errorf("webhooks: a sealed text of %s is another's", id)
	}
	return text, nil
}

func readKey(path string) (key [32]byte, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return key, fmt.Errorf("webhooks: %w", err)
	}
	if info.Mode().Perm()&0o022 != 0 || info.Size() > 1<<10 {
		return key, fmt.Errorf("webhooks: %s is writable by others (mode %04o), or is no key; use 0600", path, info.Mode().Perm())
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator's own setting, or a file of ours
	if err != nil {
		return key, fmt.Errorf("webhooks: %w", err)
	}
	if key, err = localsecrets.Base64KeyStd(strings.TrimSpace(secretfile.Text(text))); err != nil {
		// Its own error may reveal the text.
		return key, fmt.Errorf("webhooks: %s does not hold 32 bytes in base64; make one with 'openssl rand -base64 32'", path)
	}
	return key, nil
}

// createKey creates a key at path and keeps an existing one.
func createKey(path string) error {
	key, err := localsecrets.NewRandomKey()
	if err != nil {
		return fmt.Errorf("webhooks: %w", err)
	}
	text := base64.StdEncoding.EncodeToString(key[:]) + "\n"
	if err := disk.Create(path, []byte(text)); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("webhooks: %w", err)
	}
	return nil
}
