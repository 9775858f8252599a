package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"

	"github.com/gofrs/flock"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/disk"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// FolderXML is the subfolder of the documents.
const FolderXML = "xml"

// The other files of a folder.
const (
	manifiestoFile    = "descarga.json"
	metadatosFile     = "metadatos.csv"
	cfdisFile         = "cfdis.csv"
	carpetaPaquetes   = "paquetes"
	lockFile          = ".descargar.lock"
	partialSuffix     = ".parcial"
	folderPermissions = 0o750
	filePermissions   = 0o640
	tipoCSV           = "text/csv"
	rutaParcial       = "parcial"
	maxManifiesto     = 64 << 20
	fileAttempts      = 4
	tipoZIP           = "application/zip"
	headerRango       = "Range"
	headerIfIsEqual   = "If-Range"
)

// Manifiesto says what a folder contains, and of which descarga: descarga.json.
type Manifiesto struct {
	Descarga rest.Descarga `json:"descarga"`
	// Archivos are the complete files, with paths relative to the folder.
	Archivos []File `json:"archivos"`
	// Faltantes are packages that are not available any more, or not yet.
	Faltantes []Missing `json:"faltantes"`
	XML       *XML      `json:"xml,omitempty"`
}

// File is one file.
type File struct {
	Nombre string `json:"nombre"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Missing is a package that is not in the folder.
type Missing struct {
	IDPaquete string `json:"idPaquete"`
	Estado    string `json:"estado"`
	Detalle   string `json:"detalle,omitempty"`
}

// XML is the number of documents extracted from the packages.
type XML struct {
	Comprobantes int `json:"comprobantes"`
	// Ilegibles counts the entries that could not be read; the CSV lists them.
	Ilegibles int `json:"ilegibles"`
}

// Options control what is saved.
type Options struct {
	// XML also extracts each document from the packages.
	XML bool
	// BOM puts a UTF-8 byte order mark before the rows, for spreadsheets.
	BOM bool
	// Notify is called as bytes come; total is 0 if unknown.
	Notify func(file string, done, total int64)
}

// Folder is a folder that one program at a time writes.
type Folder struct {
	dir   string
	lock  *flock.Flock
	prior Manifiesto
}

// ErrBusy means that another program is writing the folder.
var ErrBusy = errors.New("otra orden está escribiendo en la carpeta")

// ErrOther means that the folder has a descarga with other criteria.
var ErrOther = errors.New("la carpeta es de otra descarga")

// OpenFolder creates the folder if necessary, and locks it. It refuses a folder with
// something other than p.
func OpenFolder(dir string, p rest.PeticionDescarga) (*Folder, error) {
	if err := os.MkdirAll(dir, folderPermissions); err != nil {
		return nil, err
	}
	c := &Folder{dir: dir, lock: flock.New(filepath.Join(dir, lockFile))}
	switch only, err := c.lock.TryLock(); {
	case err != nil:
		return nil, err
	case !only:
		return nil, ErrBusy
	}
	text, err := readBounded(filepath.Join(dir, manifiestoFile))
	if errors.Is(err, os.ErrNotExist) {
		return c, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &c.prior)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", manifiestoFile, err), c.Close())
	}
	if !Equal(p, c.prior.Descarga) {
		return nil, errors.Join(ErrOther, c.Close())
	}
	return c, nil
}

// Close releases the folder.
func (c *Folder) Close() error {
	// The lock file stays: removing it could take it from another process that waits.
	return c.lock.Unlock()
}

// Dir returns the folder's path.
func (c *Folder) Dir() string { return c.dir }

// Record writes which descarga the folder is for, so that the next run knows it before
// the first file is saved.
func (c *Folder) Record(d rest.Descarga) error {
	if c.prior.Descarga.IDDescarga != d.IDDescarga {
		c.prior = Manifiesto{}
	}
	c.prior.Descarga = d
	return c.write(c.prior)
}

func (c *Folder) write(m Manifiesto) error {
	if m.Archivos == nil {
		m.Archivos = []File{}
	}
	if m.Faltantes == nil {
		m.Faltantes = []Missing{}
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return disk.Replace(filepath.Join(c.dir, manifiestoFile), append(text, '\n'), filePermissions)
}

// Save saves what d has so far: its packages, its rows, and with options.XML its
// documents. It does not fetch again what is there with the right content. A file gets
// its name only when it is complete.
func (c *Client) Save(ctx context.Context, d rest.Descarga, folder *Folder, options Options) (Manifiesto, error) {
	m := Manifiesto{Descarga: d}
	all, err := c.paquetes(ctx, d.IDDescarga)
	if err != nil {
		return m, err
	}
	var zips []string
	for _, p := range all {
		if p.Estado != string(gateway.PaqueteGuardado) {
			if !takenOver(d, p.Solicitud) {
				m.Faltantes = append(m.Faltantes, Missing{p.IDPaquete, p.Estado, p.Detalle})
			}
			continue
		}
		file, err := c.fetchPaquete(ctx, p, folder, options)
		if err != nil {
			return m, fmt.Errorf("%s: %w", p.IDPaquete, err)
		}
		m.Archivos, zips = append(m.Archivos, file), append(zips, filepath.Join(folder.dir, file.Nombre))
	}
	if d.Estado != rest.EstadoDescargaFallida {
		rows, err := c.fetchRows(ctx, d, folder, options)
		if err != nil {
			return m, fmt.Errorf("%s: %w", rows.Nombre, err)
		}
		m.Archivos = append(m.Archivos, rows)
	}
	if options.XML && len(zips) > 0 && d.TipoSolicitud == gateway.TipoCFDI {
		x, err := extract(ctx, d, zips, filepath.Join(folder.dir, FolderXML), options)
		if err != nil {
			return m, err
		}
		m.XML = &x
	}
	return m, folder.write(m)
}

// takenOver reports whether other solicitudes cover the range of one, so that what it
// lost is not missing.
func takenOver(d rest.Descarga, solicitud int64) bool {
	for _, s := range d.Solicitudes {
		if s.Solicitud == solicitud {
			return s.Estado == string(gateway.TramoPartida) || s.Estado == string(gateway.TramoSustituida)
		}
	}
	return false
}

// paqueteName matches the ids that the contract allows, which are safe file names.
var paqueteName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

func (c *Client) fetchPaquete(ctx context.Context, p rest.PaqueteDeDescarga, folder *Folder, options Options) (File, error) {
	if !paqueteName.MatchString(p.IDPaquete) {
		return File{}, fmt.Errorf("%w: su id no puede ser el nombre de un archivo", ErrForeign)
	}
	target, err := url.Parse(p.URL)
	if err != nil || target.IsAbs() || target.Host != "" {
		return File{}, fmt.Errorf("%w: la dirección del paquete es de otro lugar", ErrForeign)
	}
	a := File{Nombre: filepath.ToSlash(filepath.Join(carpetaPaquetes, p.IDPaquete+".zip")), Bytes: p.Bytes, SHA256: p.Sha256}
	path := filepath.Join(folder.dir, a.Nombre)
	if sum, n, err := digest(path); err == nil && sum == p.Sha256 && n == p.Bytes {
		return a, nil
	}
	b := download{client: c, path: path, sha256: p.Sha256, bytes: p.Bytes, etag: `"` + p.Sha256 + `"`,
		request: request{method: http.MethodGet, path: target.Path, query: target.Query(), headers: map[string]string{"Accept": tipoZIP + ", application/problem+json"}},
		notify:  func(done int64) { options.Notify(a.Nombre, done, p.Bytes) }}
	_, err = b.fetch(ctx)
	return a, err
}

func (c *Client) fetchRows(ctx context.Context, d rest.Descarga, folder *Folder, options Options) (File, error) {
	name := cfdisFile
	if d.TipoSolicitud == gateway.TipoMetadata {
		name = metadatosFile
	}
	path := filepath.Join(folder.dir, name)
	for _, before := range folder.prior.Archivos {
		if sum, n, err := digest(path); before.Nombre == name && err == nil && sum == before.SHA256 && n == before.Bytes && withBOM(path) == options.BOM {
			return before, nil
		}
	}
	query := url.Values{}
	if options.BOM {
		query.Set("bom", "true")
	}
	if d.Estado != rest.EstadoDescargaTerminada && d.Estado != rest.EstadoDescargaVacia {
		query.Set(rutaParcial, "true")
	}
	b := download{client: c, path: path,
		request: request{method: http.MethodGet, path: pathDescargas + "/" + url.PathEscape(d.IDDescarga) + "/" + name, query: query,
			headers: map[string]string{"Accept": tipoCSV + ", application/problem+json"}},
		notify: func(done int64) { options.Notify(name, done, 0) }}
	options.Notify(name, 0, 0)
	a, err := b.fetch(ctx)
	a.Nombre = name
	return a, err
}

// withBOM reports whether a file begins with the UTF-8 byte order mark.
func withBOM(path string) bool {
	f, err := os.Open(path) //nolint:gosec // named by us
	if err != nil {
		return false
	}
	defer f.Close() //nolint:errcheck // read only
	var mark [3]byte
	_, err = io.ReadFull(f, mark[:])
	return err == nil && string(mark[:]) == "\uFEFF"
}
