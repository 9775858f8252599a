package efirma

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pasarela-mx/pasarela/internal/disk"
)

// gracia is for how long the previous e.firma of a taxpayer goes on serving
// while its files are being replaced: the new certificate may be there before
// the new key is.
const gracia = 10 * time.Second

// Where a folder's disk hangs, lecturas calls at a time wait for it, each for demora. To
// open an e.firma takes tenths of a second where its key is hard to derive.
const (
	lecturas = 8
	demora   = 10 * time.Second
)

// Keyring serves the e.firmas of a directory with one folder for each
// taxpayer:
//
//	<RFC>/*.cer  <RFC>/*.key  <RFC>/password.txt
//	<RFC>/*.p12 (or *.pfx)    <RFC>/password.txt
//
// It notices new, replaced and removed files by itself. What was opened stays
// open in memory as long as the files are the same; validity is judged anew on
// each call. A Keyring is safe for concurrent use.
//
// A replacement takes effect on the first call that finds it whole. As long as
// what is found cannot be opened (a file missing, a key of the other
// certificate, a password that does not fit) the previous e.firma is served,
// if still valid, for 10 seconds after the first call that saw it so; then the
// problem is reported. Removing the taxpayer's folder takes effect at once.
type Keyring struct {
	dir         string
	disk        *disk.Patient // of dir; each folder below may be on another
	autoridades *Autoridades
	now         func() time.Time

	mu     sync.Mutex
	llaves map[string]*entrada // by RFC; only for folders that were seen
}

// entrada is the keyring's memory of one folder.
type entrada struct {
	disk     *disk.Patient
	abriendo sync.Mutex // held while opening, so that only one caller does
	estado   atomic.Pointer[estado]
}

// estado is what a folder gave when it was last opened. It never changes.
type estado struct {
	carpeta  *carpeta
	apertura *apertura
	// anterior served before the folder changed into something that cannot be
	// opened, which was first seen at desde. Nil when there is none.
	anterior *Credential
	desde    time.Time
}

// NewKeyring serves the folders of dir; an empty dir makes a keyring that
// holds nothing. Nothing is read until asked for. It refuses e.firmas that none of
// autoridades issued, unless that is nil.
func NewKeyring(dir string, autoridades *Autoridades, now func() time.Time) *Keyring {
	return &Keyring{dir: dir, disk: disk.NewPatient(lecturas, demora), autoridades: autoridades, now: now, llaves: map[string]*entrada{}}
}

// Get returns the e.firma of an RFC, ready to sign, or nil and an *Error; what says
// nothing of the files, as of a machine that can open no more of them or of a disk that
// hangs, is none. When nothing changed it costs a few calls to stat.
func (k *Keyring) Get(rfc string) (*Credential, error) {
	rfc = normaliza(rfc)
	cred, err := k.abierta(rfc)
	if cred != nil || err != nil {
		return cred, err
	}
	carpetas, err := k.carpetas()
	if err != nil {
		return nil, ilegible(err).con(rfc).cause()
	}
	paths := carpetas[rfc]
	if len(paths) == 0 {
		k.olvida(rfc)
		return nil, falta(rfc)
	}
	cred, problema := k.abre(rfc, paths)
	if problema != nil {
		return nil, problema.cause()
	}
	return cred, nil
}

// Status is one folder of the directory. Credential has the metadata alone,
// even of an e.firma that is refused; it is nil when the certificate could not
// be read. Err is nil when Get would serve it.
type Status struct {
	RFC        string
	Credential *Credential
	Err        *Error
}

// List returns every folder, those that are refused with the reason, sorted by
// RFC. It fails only when the directory itself cannot be read.
func (k *Keyring) List() ([]Status, error) {
	carpetas, err := k.carpetas()
	if err != nil {
		return nil, ilegible(err)
	}
	lista := make([]Status, 0, len(carpetas))
	for rfc, paths := range carpetas {
		cred, problema := k.abre(rfc, paths)
		lista = append(lista, Status{RFC: rfc, Credential: cred.metadatos(), Err: problema})
	}
	slices.SortFunc(lista, func(a, b Status) int { return cmp.Compare(a.RFC, b.RFC) })
	return lista, nil
}

func falta(rfc string) *Error {
	if !formaRFC.MatchString(rfc) {
		return falla(NoEncontrada, nil, "No hay e.firma del RFC indicado, que no tiene la forma de un RFC.").con(rfc)
	}
	return falla(NoEncontrada, nil, "No hay e.firma de %s. Cree la carpeta %[1]s en el directorio de las e.firmas y ponga en ella el .cer, el .key y %s.", rfc, archivoPassword).con(rfc)
}

func ilegible(err error) *Error {
	return falla(NoEncontrada, fmt.Errorf("reading GATEWAY_EFIRMA_DIR: %w", err), "No se puede leer el directorio de las e.firmas. Avise a quien administra la pasarela.")
}

// carpetas lists the directory: the paths of the folders of each RFC. What a
// caller asks for is only ever looked up here, so that it cannot lead out of
// the directory.
func (k *Keyring) carpetas() (map[string][]string, error) {
	if k.dir == "" {
		return nil, nil
	}
	type listado struct {
		carpetas map[string][]string
		err      error
	}
	got, err := disk.Read(k.disk, func() listado {
		carpetas, err := k.lista()
		return listado{carpetas, err}
	})
	return got.carpetas, cmp.Or(err, got.err)
}

func (k *Keyring) lista() (map[string][]string, error) {
	info, err := os.Stat(k.dir)
	if err != nil {
		return nil, err
	}
	if abierto(info) {
		return nil, fmt.Errorf("%s is writable by others (mode %04o): chmod o-w", k.dir, info.Mode().Perm())
	}
	entries, err := os.ReadDir(k.dir)
	if err != nil {
		return nil, err
	}
	carpetas := make(map[string][]string, len(entries))
	for _, entry := range entries {
		path := filepath.Join(k.dir, entry.Name())
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			continue
		}
		rfc := normaliza(entry.Name())
		carpetas[rfc] = append(carpetas[rfc], path)
	}
	return carpetas, nil
}

// abierta returns the credential that is already open when the files are as
// they were and it is still valid. It fails where their disk hangs.
func (k *Keyring) abierta(rfc string) (*Credential, error) {
	k.mu.Lock()
	e := k.llaves[rfc]
	k.mu.Unlock()
	if e == nil {
		return nil, nil
	}
	s := e.estado.Load()
	if vale := s != nil && s.apertura.problema(k.now()) == nil; !vale {
		return nil, nil
	}
	intacta, err := disk.Read(e.disk, s.carpeta.intacta)
	if err != nil {
		return nil, cuelga(rfc, err).cause()
	}
	if !intacta {
		return nil, nil
	}
	return s.apertura.credential, nil
}

// cuelga says that the disk of a folder does not answer.
func cuelga(rfc string, err error) *Error {
	return falla(NoEncontrada, err, "No se puede leer la carpeta de %s: su disco no contesta.", rfc).con(rfc)
}

// abre opens the folder, or takes what it gave the last time if it did not
// change since. The credential may come along with a problem.
func (k *Keyring) abre(rfc string, paths []string) (*Credential, *Error) {
	if len(paths) > 1 {
		nombres := make([]string, len(paths))
		for i, p := range paths {
			nombres[i] = filepath.Base(p)
		}
		return nil, falla(ArchivosAmbiguos, nil, "Hay más de una carpeta para %s (%s). Deje una sola.", rfc, strings.Join(nombres, ", ")).con(rfc)
	}
	e := k.entrada(rfc)
	type abertura struct {
		cred     *Credential
		problema *Error
	}
	got, err := disk.Read(e.disk, func() abertura {
		cred, problema := k.abreEn(e, rfc, paths[0])
		return abertura{cred, problema}
	})
	if err != nil {
		return nil, cuelga(rfc, err)
	}
	return got.cred, got.problema
}

// abreEn is abre of the folder at path, whose memory is e.
func (k *Keyring) abreEn(e *entrada, rfc, path string) (*Credential, *Error) {
	e.abriendo.Lock()
	defer e.abriendo.Unlock()
	carpeta, err := leeCarpeta(path)
	if err != nil {
		return nil, falla(NoEncontrada, err, "No se puede leer la carpeta de %s. Revise sus permisos.", rfc).con(rfc)
	}
	antes := e.estado.Load()
	ahora := k.now()
	if antes != nil && antes.carpeta.igual(carpeta) {
		// Something else came or went beside the files that matter: remember
		// the folder as it is now, or the next calls would list it again.
		igual := *antes
		igual.carpeta = carpeta
		e.estado.Store(&igual)
		return igual.juzga(ahora)
	}
	nuevo := &estado{carpeta: carpeta, apertura: carpeta.abre(rfc, k.autoridades)}
	if cred, problema := nuevo.juzga(ahora); problema.ofMachine() {
		return cred, problema // the same files may be read the next time
	}
	if antes != nil && nuevo.apertura.aMedias() {
		nuevo.anterior, nuevo.desde = antes.ultima(ahora)
	}
	e.estado.Store(nuevo)
	return nuevo.juzga(ahora)
}

func (k *Keyring) entrada(rfc string) *entrada {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := k.llaves[rfc]
	if e == nil {
		e = &entrada{disk: disk.NewPatient(lecturas, demora)}
		k.llaves[rfc] = e
	}
	return e
}

// olvida drops the key of a folder that is no more.
func (k *Keyring) olvida(rfc string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.llaves, rfc)
}

// juzga is the verdict of this moment.
func (s *estado) juzga(now time.Time) (*Credential, *Error) {
	if s.anterior != nil && now.Before(s.desde.Add(gracia)) && vigencia(s.anterior, now) == nil {
		return s.anterior, nil
	}
	return s.apertura.credential, s.apertura.problema(now)
}

// ultima is the credential that served last, and since when it only does by
// grace: further changes that fail as well do not prolong it.
func (s *estado) ultima(now time.Time) (*Credential, time.Time) {
	if s.anterior != nil {
		return s.anterior, s.desde
	}
	if s.apertura.deCer == nil && s.apertura.deEmisor == nil && s.apertura.deKey == nil {
		return s.apertura.credential, now
	}
	return nil, time.Time{}
}

// aMedias tells whether the problem is of the kind that half a replacement
// gives. A whole pair that is refused (a CSD, another RFC, too weak a key) was
// put there on purpose.
func (a *apertura) aMedias() bool {
	problema := a.deCer
	if problema == nil {
		problema = a.deKey
	}
	if problema == nil {
		return false
	}
	switch problema.Problem {
	case ArchivosFaltantes, ArchivosAmbiguos, CerIlegible, KeyIlegible,
		LlaveNoCorresponde, PasswordIncorrecto, PasswordAusente:
		return true
	}
	return false
}
