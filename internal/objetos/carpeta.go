package objetos

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// archivo opens an object of the folder by itself, not through blob.Reader, so
// that the system sends it without a copy.
func (d *Deposito) archivo(sha256 string, bytes int64) (*os.File, error) {
	f, err := os.Open(d.ruta(sha256))
	if err != nil {
		return nil, fmt.Errorf("objetos: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.Size() != bytes {
		err = fmt.Errorf("%s has %d bytes of %d: %w", sha256, info.Size(), bytes, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("objetos: %w", errors.Join(err, f.Close()))
	}
	return f, nil
}

// conMarca tells the Marca of a file beside it.
func conMarca(f *os.File, err error) (*os.File, string, error) {
	if err != nil {
		return nil, "", err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, "", fmt.Errorf("objetos: %w", errors.Join(err, f.Close()))
	}
	return f, Marca(info), nil
}

// marcaDe is Marca in a folder.
func (d *Deposito) marcaDe(sha256 string, bytes int64) (string, error) {
	f, marca, err := conMarca(d.archivo(sha256, bytes))
	if err != nil {
		return "", err
	}
	return marca, f.Close()
}

// Marca is Deposito.Marca of a file: one that becomes an object of a folder keeps it.
func Marca(info fs.FileInfo) string {
	return fmt.Sprintf("%d %s", info.Size(), info.ModTime().UTC().Format(time.RFC3339Nano))
}

// ruta is where fileblob has the object's key.
func (d *Deposito) ruta(sha256 string) string {
	return filepath.Join(d.carpeta, filepath.FromSlash(clave(sha256)))
}

// montada tells when the folder is there no more: what writes into it would make it anew,
// and what was kept would seem to be gone.
func (d *Deposito) montada() error {
	if d.carpeta == "" {
		return nil
	}
	if info, err := os.Stat(d.carpeta); err != nil || !info.IsDir() {
		// Not fs.ErrNotExist, which is said of objects.
		return fmt.Errorf("objetos: the folder %s is not there: %v", d.carpeta, err) //nolint:errorlint // see above
	}
	return nil
}

// mueve renames the file into the folder, which costs no second copy, and makes
// the name durable.
func (d *Deposito) mueve(sha256 string, bytes int64, ruta string) error {
	final := d.ruta(sha256)
	dir := filepath.Dir(final)
	if err := d.montada(); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("objetos: %w", err)
	}
	err := os.Rename(ruta, final)
	if errors.Is(err, syscall.EXDEV) {
		err = copia(final, ruta)
	}
	if errors.Is(err, fs.ErrNotExist) {
		// A call that was cut has moved it, or there is nothing to be saved.
		f, missing := d.archivo(sha256, bytes)
		if missing != nil {
			return missing
		}
		err = f.Close()
	}
	if err != nil {
		return fmt.Errorf("objetos: %w", err)
	}
	for _, at := range []string{dir, filepath.Dir(dir), d.carpeta} {
		if err := syncDir(at); err != nil {
			return fmt.Errorf("objetos: %w", err)
		}
	}
	return nil
}

// copia is for a folder on another file system. The name on the way is the same
// when it is tried again, so that crashes leave nothing behind.
func copia(final, ruta string) error {
	from, err := os.Open(ruta) //nolint:gosec // a partial file of ours
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // read only
	onTheWay := filepath.Join(filepath.Dir(final), "."+filepath.Base(ruta))
	to, err := os.OpenFile(onTheWay, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // beside the object
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	if err == nil {
		err = to.Sync()
	}
	if err = errors.Join(err, to.Close()); err != nil {
		return errors.Join(err, os.Remove(onTheWay))
	}
	return os.Rename(onTheWay, final)
}

// syncDir makes a rename durable.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // a directory of ours
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
