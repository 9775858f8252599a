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

// grace is how long a taxpayer's previous e.firma is still served while its files are
// being replaced: the new certificate may arrive before the new key.
const grace = 10 * time.Second

// If a folder's disk hangs, at most readings calls at a time wait for it, each for delay.
// Opening an e.firma takes tenths of a second if its key derivation is expensive.
const (
	readings = 8
	delay    = 10 * time.Second
)

// Keyring serves the e.firmas of a directory with one folder per taxpayer:
//
//	<RFC>/*.cer  <RFC>/*.key  <RFC>/password.txt
//	<RFC>/*.p12 (or *.pfx)    <RFC>/password.txt
//
// It notices new, replaced and removed files by itself. An opened e.firma stays in memory
// while its files are unchanged; its validity is checked on each call. A Keyring is safe
// for concurrent use.
//
// A replacement takes effect on the first call that finds it complete. If the files
// cannot be opened (one is missing, the key is another certificate's, the password is
// wrong), the previous e.firma is served, if still valid, for 10 seconds after the first
// call that saw this; then the problem is reported. Removing the taxpayer's folder takes
// effect at once.
type Keyring struct {
	dir         string
	disk        *disk.Patient // of dir; the folders in it may be on other disks
	autoridades *Autoridades
	now         func() time.Time

	mu     sync.Mutex
	llaves map[string]*entry // by RFC; only for folders that were seen
}

// entry is the keyring's memory of one folder.
type entry struct {
	disk    *disk.Patient
	opening sync.Mutex // held while opening, so that only one caller does
	estado  atomic.Pointer[estado]
}

// estado is the result of opening a folder. It is immutable.
type estado struct {
	folder  *folder
	opening *opening
	// previous was served before the folder changed into something that cannot be opened,
	// first seen at since; nil if there is none.
	previous *Credential
	since    time.Time
}

// NewKeyring serves the folders of dir, and nothing if dir is empty. It reads no file
// until asked. It refuses e.firmas that no authority of autoridades issued, unless that
// is nil.
func NewKeyring(dir string, autoridades *Autoridades, now func() time.Time) *Keyring {
	return &Keyring{dir: dir, disk: disk.NewPatient(readings, delay), autoridades: autoridades, now: now, llaves: map[string]*entry{}}
}

// Get returns the e.firma of an RFC, ready to sign. A refusal is an *Error. A failure of
// this machine, such as a disk that hangs or too many open files, is another error. If
// nothing changed, Get costs a few calls to stat.
func (k *Keyring) Get(rfc string) (*Credential, error) {
	rfc = normalise(rfc)
	cred, err := k.current(rfc)
	if cred != nil || err != nil {
		return cred, err
	}
	folders, err := k.folders()
	if err != nil {
		return nil, unreadable(err).with(rfc).cause()
	}
	paths := folders[rfc]
	if len(paths) == 0 {
		k.forget(rfc)
		return nil, notThere(rfc)
	}
	cred, problem := k.open(rfc, paths)
	if problem != nil {
		return nil, problem.cause()
	}
	return cred, nil
}

// Status is the state of one folder. Credential has metadata only, even if the e.firma is
// refused, and is nil if the certificate could not be read. Err is nil if Get would serve
// it.
type Status struct {
	RFC        string
	Credential *Credential
	Err        *Error
}

// List returns every folder, sorted by RFC; a refused one has its reason. The error is
// about reading the directory itself.
func (k *Keyring) List() ([]Status, error) {
	folders, err := k.folders()
	if err != nil {
		return nil, unreadable(err)
	}
	list := make([]Status, 0, len(folders))
	for rfc, paths := range folders {
		cred, problem := k.open(rfc, paths)
		list = append(list, Status{RFC: rfc, Credential: cred.metadatos(), Err: problem})
	}
	slices.SortFunc(list, func(a, b Status) int { return cmp.Compare(a.RFC, b.RFC) })
	return list, nil
}

func notThere(rfc string) *Error {
	if !rfcForm.MatchString(rfc) {
		return falla(NoEncontrada, nil, "No hay e.firma del RFC indicado, que no tiene la forma de un RFC.").with(rfc)
	}
	return falla(NoEncontrada, nil, "No hay e.firma de %s. Cree la carpeta %[1]s en el directorio de las e.firmas y ponga en ella el .cer, el .key y %s.", rfc, passwordFile).with(rfc)
}

func unreadable(err error) *Error {
	return falla(NoEncontrada, fmt.Errorf("reading GATEWAY_EFIRMA_DIR: %w", err), "No se puede leer el directorio de las e.firmas. Avise a quien administra la pasarela.")
}

// folders lists the directory: the paths of each RFC's folders. A caller's RFC is only
// looked up in this list, so it cannot lead out of the directory.
func (k *Keyring) folders() (map[string][]string, error) {
	if k.dir == "" {
		return nil, nil
	}
	type listing struct {
		folders map[string][]string
		err     error
	}
	got, err := disk.Read(k.disk, func() listing {
		folders, err := k.list()
		return listing{folders, err}
	})
	return got.folders, cmp.Or(err, got.err)
}

func (k *Keyring) list() (map[string][]string, error) {
	info, err := os.Stat(k.dir)
	if err != nil {
		return nil, err
	}
	if open(info) {
		return nil, fmt.Errorf("%s is writable by others (mode %04o): chmod o-w", k.dir, info.Mode().Perm())
	}
	entries, err := os.ReadDir(k.dir)
	if err != nil {
		return nil, err
	}
	folders := make(map[string][]string, len(entries))
	for _, entry := range entries {
		path := filepath.Join(k.dir, entry.Name())
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			continue
		}
		rfc := normalise(entry.Name())
		folders[rfc] = append(folders[rfc], path)
	}
	return folders, nil
}

// current returns the open credential if its files are unchanged and it is still valid.
// It returns an error if their disk hangs.
func (k *Keyring) current(rfc string) (*Credential, error) {
	k.mu.Lock()
	e := k.llaves[rfc]
	k.mu.Unlock()
	if e == nil {
		return nil, nil
	}
	s := e.estado.Load()
	if voucher := s != nil && s.opening.problem(k.now()) == nil; !voucher {
		return nil, nil
	}
	intact, err := disk.Read(e.disk, s.folder.intact)
	if err != nil {
		return nil, hang(rfc, err).cause()
	}
	if !intact {
		return nil, nil
	}
	return s.opening.credential, nil
}

// hang returns the error for a folder whose disk does not answer.
func hang(rfc string, err error) *Error {
	return falla(NoEncontrada, err, "No se puede leer la carpeta de %s: su disco no contesta.", rfc).with(rfc)
}

// open opens the folder, or returns the previous result if the folder is unchanged. A
// credential may come with a problem.
func (k *Keyring) open(rfc string, paths []string) (*Credential, *Error) {
	if len(paths) > 1 {
		names := make([]string, len(paths))
		for i, p := range paths {
			names[i] = filepath.Base(p)
		}
		return nil, falla(ArchivosAmbiguos, nil, "Hay más de una carpeta para %s (%s). Deje una sola.", rfc, strings.Join(names, ", ")).with(rfc)
	}
	e := k.entry(rfc)
	type opening struct {
		cred    *Credential
		problem *Error
	}
	got, err := disk.Read(e.disk, func() opening {
		cred, problem := k.openIn(e, rfc, paths[0])
		return opening{cred, problem}
	})
	if err != nil {
		return nil, hang(rfc, err)
	}
	return got.cred, got.problem
}

// openIn opens the folder at path, whose memory is e.
func (k *Keyring) openIn(e *entry, rfc, path string) (*Credential, *Error) {
	e.opening.Lock()
	defer e.opening.Unlock()
	folder, err := readFolder(path)
	if err != nil {
		return nil, falla(NoEncontrada, err, "No se puede leer la carpeta de %s. Revise sus permisos.", rfc).with(rfc)
	}
	before := e.estado.Load()
	now := k.now()
	if before != nil && before.folder.same(folder) {
		// Other files were added or removed. Remember the folder as it is now, or every
		// call would list it again.
		same := *before
		same.folder = folder
		e.estado.Store(&same)
		return same.judge(now)
	}
	fresh := &estado{folder: folder, opening: folder.open(rfc, k.autoridades)}
	if cred, problem := fresh.judge(now); problem.ofMachine() {
		return cred, problem // the next call may succeed with the same files
	}
	if before != nil && fresh.opening.halfway() {
		fresh.previous, fresh.since = before.last(now)
	}
	e.estado.Store(fresh)
	return fresh.judge(now)
}

func (k *Keyring) entry(rfc string) *entry {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := k.llaves[rfc]
	if e == nil {
		e = &entry{disk: disk.NewPatient(readings, delay)}
		k.llaves[rfc] = e
	}
	return e
}

// forget drops the key of a removed folder.
func (k *Keyring) forget(rfc string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.llaves, rfc)
}

// judge returns what is served at this moment.
func (s *estado) judge(now time.Time) (*Credential, *Error) {
	if s.previous != nil && now.Before(s.since.Add(grace)) && vigencia(s.previous, now) == nil {
		return s.previous, nil
	}
	return s.opening.credential, s.opening.problem(now)
}

// last returns the credential served last and, if it is in its grace, the start of that.
// Further failing changes do not extend the grace.
func (s *estado) last(now time.Time) (*Credential, time.Time) {
	if s.previous != nil {
		return s.previous, s.since
	}
	if s.opening.ofCer == nil && s.opening.ofEmisor == nil && s.opening.ofKey == nil {
		return s.opening.credential, now
	}
	return nil, time.Time{}
}

// halfway reports whether half a replacement could cause the problem. A complete pair
// that is refused (a CSD, another RFC, a weak key) was put there on purpose.
func (a *opening) halfway() bool {
	problem := a.ofCer
	if problem == nil {
		problem = a.ofKey
	}
	if problem == nil {
		return false
	}
	switch problem.Problem {
	case ArchivosFaltantes, ArchivosAmbiguos, CerIlegible, KeyIlegible,
		LlaveNoCorresponde, PasswordIncorrecto, PasswordAusente:
		return true
	}
	return false
}
