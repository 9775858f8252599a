package cliente

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
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// CarpetaXML is where the documents go, below the folder.
const CarpetaXML = "xml"

// The other files of a folder.
const (
	archivoManifiesto  = "descarga.json"
	archivoMetadatos   = "metadatos.csv"
	archivoCFDIs       = "cfdis.csv"
	carpetaPaquetes    = "paquetes"
	archivoCandado     = ".descargar.lock"
	sufijoParcial      = ".parcial"
	permisosDeCarpeta  = 0o750
	permisosDeArchivo  = 0o640
	tipoCSV            = "text/csv"
	rutaParcial        = "parcial"
	maxManifiesto      = 64 << 20
	intentosDeArchivo  = 4
	tipoZIP            = "application/zip"
	encabezadoRango    = "Range"
	encabezadoSiEsIgal = "If-Range"
)

// Manifiesto is what a folder holds, and of which descarga: descarga.json.
type Manifiesto struct {
	Descarga rest.Descarga `json:"descarga"`
	// Archivos are those that came whole, with paths relative to the folder.
	Archivos []Archivo `json:"archivos"`
	// Faltantes are packages that cannot be had any more, or not yet.
	Faltantes []Faltante `json:"faltantes"`
	XML       *XML       `json:"xml,omitempty"`
}

// Archivo is one file.
type Archivo struct {
	Nombre string `json:"nombre"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Faltante is a package that is not in the folder.
type Faltante struct {
	IDPaquete string `json:"idPaquete"`
	Estado    string `json:"estado"`
	Detalle   string `json:"detalle,omitempty"`
}

// XML is how many documents were taken out of the packages.
type XML struct {
	Comprobantes int `json:"comprobantes"`
	// Ilegibles are entries that could not be read; the CSV says which.
	Ilegibles int `json:"ilegibles"`
}

// Opciones vary what is left in a folder.
type Opciones struct {
	// XML takes each document out of the packages too.
	XML bool
	// BOM puts a UTF-8 mark before the rows, for spreadsheets.
	BOM bool
	// Avisa is told of bytes as they come; total is 0 where it is not known.
	Avisa func(archivo string, hecho, total int64)
}

// Carpeta is a folder that one program at a time writes.
type Carpeta struct {
	dir     string
	candado *flock.Flock
	previo  Manifiesto
}

// ErrOcupada is that another program is writing the folder.
var ErrOcupada = errors.New("otra orden está escribiendo en la carpeta")

// ErrDeOtra is that the folder holds a descarga of other criteria.
var ErrDeOtra = errors.New("la carpeta es de otra descarga")

// AbreCarpeta makes the folder if it is not there, and locks it. p is what it is
// to hold: a folder of something else is refused.
func AbreCarpeta(dir string, p rest.PeticionDescarga) (*Carpeta, error) {
	if err := os.MkdirAll(dir, permisosDeCarpeta); err != nil {
		return nil, err
	}
	c := &Carpeta{dir: dir, candado: flock.New(filepath.Join(dir, archivoCandado))}
	switch solo, err := c.candado.TryLock(); {
	case err != nil:
		return nil, err
	case !solo:
		return nil, ErrOcupada
	}
	texto, err := leeAcotado(filepath.Join(dir, archivoManifiesto))
	if errors.Is(err, os.ErrNotExist) {
		return c, nil
	}
	if err == nil {
		err = json.Unmarshal(texto, &c.previo)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", archivoManifiesto, err), c.Cierra())
	}
	if !Iguales(p, c.previo.Descarga) {
		return nil, errors.Join(ErrDeOtra, c.Cierra())
	}
	return c, nil
}

// Cierra lets others write the folder.
func (c *Carpeta) Cierra() error {
	// Its file stays: who removes it may take it from under another that waits.
	return c.candado.Unlock()
}

// Dir is the folder's path.
func (c *Carpeta) Dir() string { return c.dir }

// Anota writes which descarga the folder is of, so that the next run knows before
// anything else has come.
func (c *Carpeta) Anota(d rest.Descarga) error {
	if c.previo.Descarga.IDDescarga != d.IDDescarga {
		c.previo = Manifiesto{}
	}
	c.previo.Descarga = d
	return c.escribe(c.previo)
}

func (c *Carpeta) escribe(m Manifiesto) error {
	if m.Archivos == nil {
		m.Archivos = []Archivo{}
	}
	if m.Faltantes == nil {
		m.Faltantes = []Faltante{}
	}
	texto, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return escribeEntero(filepath.Join(c.dir, archivoManifiesto), append(texto, '\n'))
}

// Guarda leaves in the folder what has come of d: its packages, its rows, and with
// opciones.XML its documents. What is there already, with the right content, is
// not fetched again; a file has its name only once it is whole.
func (c *Cliente) Guarda(ctx context.Context, d rest.Descarga, carpeta *Carpeta, opciones Opciones) (Manifiesto, error) {
	m := Manifiesto{Descarga: d}
	todos, err := c.paquetes(ctx, d.IDDescarga)
	if err != nil {
		return m, err
	}
	var zips []string
	for _, p := range todos {
		if p.Estado != string(gateway.PaqueteGuardado) {
			if !relevada(d, p.Solicitud) {
				m.Faltantes = append(m.Faltantes, Faltante{p.IDPaquete, p.Estado, p.Detalle})
			}
			continue
		}
		archivo, err := c.traePaquete(ctx, p, carpeta, opciones)
		if err != nil {
			return m, fmt.Errorf("%s: %w", p.IDPaquete, err)
		}
		m.Archivos, zips = append(m.Archivos, archivo), append(zips, filepath.Join(carpeta.dir, archivo.Nombre))
	}
	if d.Estado != rest.EstadoDescargaFallida {
		filas, err := c.traeFilas(ctx, d, carpeta, opciones)
		if err != nil {
			return m, fmt.Errorf("%s: %w", filas.Nombre, err)
		}
		m.Archivos = append(m.Archivos, filas)
	}
	if opciones.XML && len(zips) > 0 && d.TipoSolicitud == gateway.TipoCFDI {
		x, err := extrae(ctx, d, zips, filepath.Join(carpeta.dir, CarpetaXML), opciones)
		if err != nil {
			return m, err
		}
		m.XML = &x
	}
	return m, carpeta.escribe(m)
}

// relevada tells whether others cover the range of a solicitud, so that what it
// lost is not missing.
func relevada(d rest.Descarga, solicitud int64) bool {
	for _, s := range d.Solicitudes {
		if s.Solicitud == solicitud {
			return s.Estado == string(gateway.TramoPartida) || s.Estado == string(gateway.TramoSustituida)
		}
	}
	return false
}

// nombrePaquete is what the contract lets an id be, and so a file name too.
var nombrePaquete = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

func (c *Cliente) traePaquete(ctx context.Context, p rest.PaqueteDeDescarga, carpeta *Carpeta, opciones Opciones) (Archivo, error) {
	if !nombrePaquete.MatchString(p.IDPaquete) {
		return Archivo{}, fmt.Errorf("%w: su id no puede ser el nombre de un archivo", ErrAjena)
	}
	destino, err := url.Parse(p.URL)
	if err != nil || destino.IsAbs() || destino.Host != "" {
		return Archivo{}, fmt.Errorf("%w: la dirección del paquete es de otro lugar", ErrAjena)
	}
	a := Archivo{Nombre: filepath.ToSlash(filepath.Join(carpetaPaquetes, p.IDPaquete+".zip")), Bytes: p.Bytes, SHA256: p.Sha256}
	path := filepath.Join(carpeta.dir, a.Nombre)
	if suma, n, err := huella(path); err == nil && suma == p.Sha256 && n == p.Bytes {
		return a, nil
	}
	b := bajada{cliente: c, path: path, sha256: p.Sha256, bytes: p.Bytes, etag: `"` + p.Sha256 + `"`,
		peticion: peticion{metodo: http.MethodGet, ruta: destino.Path, query: destino.Query(), encabezados: map[string]string{"Accept": tipoZIP + ", application/problem+json"}},
		avisa:    func(hecho int64) { opciones.Avisa(a.Nombre, hecho, p.Bytes) }}
	_, err = b.trae(ctx)
	return a, err
}

func (c *Cliente) traeFilas(ctx context.Context, d rest.Descarga, carpeta *Carpeta, opciones Opciones) (Archivo, error) {
	nombre := archivoCFDIs
	if d.TipoSolicitud == gateway.TipoMetadata {
		nombre = archivoMetadatos
	}
	path := filepath.Join(carpeta.dir, nombre)
	for _, antes := range carpeta.previo.Archivos {
		if suma, n, err := huella(path); antes.Nombre == nombre && err == nil && suma == antes.SHA256 && n == antes.Bytes && conBOM(path) == opciones.BOM {
			return antes, nil
		}
	}
	query := url.Values{}
	if opciones.BOM {
		query.Set("bom", "true")
	}
	if d.Estado != rest.EstadoDescargaTerminada && d.Estado != rest.EstadoDescargaVacia {
		query.Set(rutaParcial, "true")
	}
	b := bajada{cliente: c, path: path,
		peticion: peticion{metodo: http.MethodGet, ruta: rutaDescargas + "/" + url.PathEscape(d.IDDescarga) + "/" + nombre, query: query,
			encabezados: map[string]string{"Accept": tipoCSV + ", application/problem+json"}},
		avisa: func(hecho int64) { opciones.Avisa(nombre, hecho, 0) }}
	opciones.Avisa(nombre, 0, 0)
	a, err := b.trae(ctx)
	a.Nombre = nombre
	return a, err
}

// conBOM reports whether a file begins with the mark of UTF-8.
func conBOM(path string) bool {
	f, err := os.Open(path) //nolint:gosec // named by us
	if err != nil {
		return false
	}
	defer f.Close() //nolint:errcheck // read only
	var marca [3]byte
	_, err = io.ReadFull(f, marca[:])
	return err == nil && string(marca[:]) == "\uFEFF"
}
