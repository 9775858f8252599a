package efirma

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/disk"
	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

// clock is a clock that a test sets.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (r *clock) now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.t
}

func (r *clock) bringForward(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.t = r.t.Add(d)
}

func keyring(t testing.TB) (k *Keyring, dir string, r *clock) {
	t.Helper()
	dir, r = t.TempDir(), &clock{t: now}
	return NewKeyring(dir, nil, r.now), dir, r
}

func filesOf(e *autoridad.Emitido) map[string][]byte {
	return map[string][]byte{"llave.cer": e.CerDER, "llave.key": e.KeyDER, "password.txt": []byte(e.Password + "\n")}
}

func serve(t testing.TB, k *Keyring, rfc string, want *autoridad.Emitido) *Credential {
	t.Helper()
	c, err := k.Get(rfc)
	if err != nil {
		t.Fatal(err)
	}
	if c.Serial != autoridad.Serial(want.Certificate) || c.Signer == nil {
		t.Fatalf("got the e.firma of serial %s, want %s", c.Serial, autoridad.Serial(want.Certificate))
	}
	return c
}

func deny(t testing.TB, k *Keyring, rfc string, want Problem) { //nolint:unparam // reads like refuse
	t.Helper()
	_ = refuse(t, k, rfc, want)
}

// refuse is deny and returns the refusal.
func refuse(t testing.TB, k *Keyring, rfc string, want Problem) *Error {
	t.Helper()
	c, err := k.Get(rfc)
	reject(t, err, want)
	if c != nil {
		t.Errorf("credential %+v beside the error", c)
	}
	var problem *Error
	if !errors.As(err, &problem) {
		t.Fatalf("not an *Error: %v", err)
	}
	if problem.RFC != normalise(rfc) {
		t.Errorf("the refusal is of RFC %q, want %q", problem.RFC, normalise(rfc))
	}
	return problem
}

func TestGet_WhenLayoutsDiffer(t *testing.T) {
	e := treasure(t).emitidoInOne
	letters := issue(t, autoridad.Request{RFC: odd})
	pfx, err := e.PKCS12()
	if err != nil {
		t.Fatal(err)
	}
	key := []byte(password)
	tests := []struct {
		name, folder, rfc string
		files             map[string][]byte
		want              *autoridad.Emitido
	}{
		{"pair", company, company, filesOf(e), e},
		{"asked in lower case", company, "pru010101ab1", filesOf(e), e},
		{"folder in lower case", "pru010101ab1", company, filesOf(e), e},
		{"odd letters", odd, odd, filesOf(letters), letters},
		{"folder decomposed", "N\u0303&P010101AB3", odd, filesOf(letters), letters},
		{"asked decomposed", odd, "n\u0303&p010101ab3", filesOf(letters), letters},
		{"extensions in upper case", company, company, map[string][]byte{"A.CER": e.CerDER, "B.KEY": e.KeyDER, "password.txt": key}, e},
		{"p12", company, company, map[string][]byte{"a.p12": pfx, "password.txt": key}, e},
		{"pfx", company, company, map[string][]byte{"a.PFX": pfx, "password.txt": key}, e},
		{"password of Windows", company, company, map[string][]byte{"a.pfx": pfx, "password.txt": []byte("\ufeff" + password + "\r\n")}, e},
		{"password.txt in upper case", company, company, map[string][]byte{"a.pfx": pfx, "Password.TXT": key}, e},
		{"password.txt by echo", company, company, map[string][]byte{"a.cer": e.CerDER, "a.key": e.KeyDER, "password.txt": []byte(password + " \r\n")}, e},
		{"password.txt by echo, p12", company, company, map[string][]byte{"a.pfx": pfx, "password.txt": []byte(" " + password + "\u00a0")}, e},
		{"other files beside", company, company, map[string][]byte{"a.pfx": pfx, "password.txt": key, ".a.cer.tmp": nil, "LEEME.md": nil}, e},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k, dir, _ := keyring(t)
			place(t, dir, tt.folder, tt.files)
			c := serve(t, k, tt.rfc, tt.want)
			firma(t, c, tt.want.Certificate)
		})
	}
}

// Kubernetes mounts a secret as links to a hidden folder, and swaps that folder.
func TestGet_WhenFolderIsALink(t *testing.T) {
	k, dir, _ := keyring(t)
	one, other := treasure(t).emitidoInOne, issue(t, autoridad.Request{Key: treasure(t).other})
	place(t, dir, "..1", filesOf(one))
	place(t, dir, "..2", filesOf(other))
	link := func(target string) {
		t.Helper()
		tmp := filepath.Join(dir, "..tmp")
		if err := os.Symlink(target, tmp); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(tmp, filepath.Join(dir, company)); err != nil {
			t.Fatal(err)
		}
	}
	link("..1")
	serve(t, k, company, one)
	link("..2")
	serve(t, k, company, other)
}

func TestGet_WhenRefused(t *testing.T) {
	c := treasure(t)
	e := c.emitidoInOne
	key := []byte(password)
	csd := issue(t, autoridad.Request{Tipo: autoridad.CSD})
	foreign := issue(t, autoridad.Request{RFC: persona})
	old := issue(t, autoridad.Request{NotBefore: now.AddDate(-5, 0, 0), NotAfter: now.AddDate(-1, 0, 0)})
	other := issue(t, autoridad.Request{Key: c.other})
	pfx, err := e.PKCS12()
	if err != nil {
		t.Fatal(err)
	}
	big := make([]byte, maxFile+1)
	tests := []struct {
		name  string
		files map[string][]byte
		want  Problem
		say   string // the detail names it
	}{
		{"empty folder", nil, ArchivosFaltantes, ".p12"},
		{"no key", map[string][]byte{"a.cer": e.CerDER}, ArchivosFaltantes, "el .key"},
		{"no certificate", map[string][]byte{"a.key": e.KeyDER}, ArchivosFaltantes, "el .cer"},
		{"two certificates", map[string][]byte{"a.cer": e.CerDER, "b.cer": e.CerDER, "a.key": e.KeyDER}, ArchivosAmbiguos, "a.cer, b.cer"},
		{"two keys", map[string][]byte{"a.cer": e.CerDER, "a.key": e.KeyDER, "b.key": e.KeyDER}, ArchivosAmbiguos, "b.key"},
		{"pair and p12", map[string][]byte{"a.cer": e.CerDER, "a.key": e.KeyDER, "a.p12": nil}, ArchivosAmbiguos, "a.p12"},
		{"two p12", map[string][]byte{"a.pfx": nil, "a.p12": nil}, ArchivosAmbiguos, "a.pfx"},
		{"no password", map[string][]byte{"a.cer": e.CerDER, "a.key": e.KeyDER}, PasswordAusente, "password.txt"},
		{"password by another name", map[string][]byte{"a.cer": e.CerDER, "a.key": e.KeyDER, "contraseña.txt": key, "password.txt.txt": key}, PasswordAusente, "contraseña.txt, password.txt.txt: si ahí está la contraseña, llame al archivo password.txt"},
		{"p12's password by another name", map[string][]byte{"a.p12": pfx, "leeme.TXT": key}, PasswordAusente, "leeme.TXT: si ahí"},
		{"two names of the password", map[string][]byte{"a.cer": e.CerDER, "a.key": e.KeyDER, "PASSWORD.TXT": key, "password.txt": []byte("otra")}, PasswordIncorrecto, "(password.txt)"},
		{"password a mark", map[string][]byte{"a.cer": e.CerDER, "a.key": e.KeyDER, "password.txt": []byte("\ufeff\r\n")}, PasswordAusente, "password.txt"},
		{"password empty", map[string][]byte{"a.cer": e.CerDER, "a.key": e.KeyDER, "password.txt": []byte("\n")}, PasswordAusente, "password.txt"},
		{"password wrong", map[string][]byte{"a.cer": e.CerDER, "a.key": e.KeyDER, "password.txt": []byte("otra")}, PasswordIncorrecto, "a.key"},
		{"certificate unreadable", map[string][]byte{"a.cer": key, "a.key": e.KeyDER, "password.txt": key}, CerIlegible, "a.cer"},
		{"key unreadable", map[string][]byte{"a.cer": e.CerDER, "a.key": key, "password.txt": key}, KeyIlegible, "a.key"},
		{"p12 unreadable", map[string][]byte{"a.p12": key, "password.txt": key}, KeyIlegible, "a.p12"},
		{"certificate large", map[string][]byte{"a.cer": big, "a.key": e.KeyDER}, DemasiadoGrande, "a.cer"},
		{"key large", map[string][]byte{"a.cer": e.CerDER, "a.key": big}, DemasiadoGrande, "a.key"},
		{"password large", map[string][]byte{"a.cer": e.CerDER, "a.key": e.KeyDER, "password.txt": big}, DemasiadoGrande, "password.txt"},
		{"p12 large", map[string][]byte{"a.p12": big}, DemasiadoGrande, "a.p12"},
		{"CSD", filesOf(csd), EsCSD, "CSD"},
		{"of another RFC", filesOf(foreign), OtroRFC, persona},
		{"expired", filesOf(old), Vencida, "2025-03-01"},
		{"key of another", map[string][]byte{"a.cer": e.CerDER, "b.key": other.KeyDER, "password.txt": key}, LlaveNoCorresponde, "b.key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k, dir, _ := keyring(t)
			place(t, dir, company, tt.files)
			problem := refuse(t, k, company, tt.want)
			if !strings.Contains(problem.Detail, tt.say) {
				t.Errorf("detail %q does not name %q", problem.Detail, tt.say)
			}
			if strings.Contains(problem.Detail, dir) {
				t.Errorf("detail %q names the directory", problem.Detail)
			}
		})
	}
}

func TestGet_WhenNameLeadsOutOfTheDirectory(t *testing.T) {
	outside := t.TempDir()
	dir := filepath.Join(outside, "efirmas")
	e := treasure(t).emitidoInOne
	place(t, outside, company, filesOf(e))
	place(t, dir, persona, nil)
	k := NewKeyring(dir, nil, func() time.Time { return now })
	for _, rfc := range []string{"", ".", "..", "../" + company, persona + "/../../" + company, outside + "/" + company, `..\` + company, "*", company + "\x00"} {
		problem := refuse(t, k, rfc, NoEncontrada)
		if len(rfc) > 2 && strings.Contains(problem.Detail, rfc) {
			t.Errorf("detail %q repeats what is no RFC", problem.Detail)
		}
	}
}

func TestGet_WhenThereIsNoDirectory(t *testing.T) {
	deny(t, NewKeyring("", nil, time.Now), company, NoEncontrada)
	lost := filepath.Join(t.TempDir(), "no-existe")
	k := NewKeyring(lost, nil, time.Now)
	problem := refuse(t, k, company, NoEncontrada)
	if strings.Contains(problem.Detail, lost) || !strings.Contains(problem.Error(), "GATEWAY_EFIRMA_DIR") {
		t.Errorf("the path belongs in the log alone, with the setting: %v", problem)
	}
	if !errors.Is(problem, fs.ErrNotExist) {
		t.Errorf("the cause cannot be found in %v", problem)
	}
	if _, err := k.List(); err == nil {
		t.Error("List of a directory that is not there succeeded")
	}
	if list, err := NewKeyring("", nil, time.Now).List(); err != nil || len(list) != 0 {
		t.Errorf("List without a directory = %v, %v", list, err)
	}
}

func TestGet_WhenTwoFoldersAreOfOneRFC(t *testing.T) {
	k, dir, _ := keyring(t)
	e := treasure(t).emitidoInOne
	place(t, dir, company, filesOf(e))
	place(t, dir, strings.ToLower(company), filesOf(e))
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 {
		t.Skip("this file system takes both names for one")
	}
	deny(t, k, company, ArchivosAmbiguos)
}

func TestList_WhenMixed(t *testing.T) {
	k, dir, r := keyring(t)
	good := treasure(t).emitidoInOne
	old := issue(t, autoridad.Request{RFC: odd, NotBefore: now.AddDate(-5, 0, 0), NotAfter: now.AddDate(-1, 0, 0)})
	sinClave := issue(t, autoridad.Request{RFC: persona})
	place(t, dir, company, filesOf(good))
	place(t, dir, strings.ToLower(odd), filesOf(old))
	place(t, dir, persona, map[string][]byte{"a.cer": sinClave.CerDER, "a.key": sinClave.KeyDER})
	place(t, dir, "VACIA", nil)
	place(t, dir, ".oculta", nil)
	place(t, dir, "", map[string][]byte{"LEEME.txt": nil})

	list, err := k.List()
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		RFC, Serial string
		Problem     Problem
	}
	var got []row
	for _, s := range list {
		f := row{RFC: s.RFC}
		if s.Credential != nil {
			f.Serial = s.Credential.Serial
			if s.Credential.Signer != nil {
				t.Errorf("%s: the list can sign", s.RFC)
			}
		}
		if s.Err != nil {
			f.Problem = s.Err.Problem
		}
		got = append(got, f)
	}
	want := []row{
		{persona, autoridad.Serial(sinClave.Certificate), PasswordAusente},
		{company, autoridad.Serial(good.Certificate), ""},
		{"VACIA", "", ArchivosFaltantes},
		{odd, autoridad.Serial(old.Certificate), Vencida},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	// Listing does not disturb the key that Get serves.
	serve(t, k, company, good)

	r.bringForward(10 * 365 * 24 * time.Hour)
	list, err = k.List()
	if err != nil {
		t.Fatal(err)
	}
	if e := list[1].Err; e == nil || e.Problem != Vencida || e.RFC != company {
		t.Errorf("years later: %+v", list[1])
	}
}

func BenchmarkGet_WhenNothingChanged(b *testing.B) {
	k, dir, _ := keyring(b)
	place(b, dir, company, filesOf(treasure(b).emitidoInOne))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Get(company); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	e := treasure(b).emitidoInOne
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(e.CerDER, e.KeyDER, []byte(password), now); err != nil {
			b.Fatal(err)
		}
	}
}

func TestGet_WhenOthersMayReplaceTheFiles(t *testing.T) {
	k, dir, _ := keyring(t)
	e := treasure(t).emitidoInOne
	place(t, dir, company, filesOf(e))
	serve(t, k, company, e)
	folder := filepath.Join(dir, company)
	for path, problem := range map[string]Problem{folder: PermisosAbiertos, filepath.Join(folder, "llave.key"): PermisosAbiertos,
		filepath.Join(folder, "password.txt"): PermisosAbiertos} {
		before, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		change(t, path, before.Mode()|0o002)
		deny(t, k, company, problem)
		change(t, path, before.Mode())
		serve(t, k, company, e)
	}
	// Kubernetes mounts secrets like this.
	change(t, folder, 0o777|os.ModeSticky)
	change(t, dir, 0o777|os.ModeSticky)
	serve(t, k, company, e)
	change(t, dir, 0o777)
	if _, err := k.List(); err == nil {
		t.Error("a directory where anybody may put another folder was listed")
	}
}

func change(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// Each folder may be on its own disk. A hanging disk delays only the calls that need it,
// and those not for ever.
func TestGet_WhenTheDiskOfOneFolderHangs(t *testing.T) {
	t.Parallel()
	k, dir, _ := keyring(t)
	one, other := treasure(t).emitidoInOne, issue(t, autoridad.Request{RFC: odd})
	place(t, dir, company, filesOf(one))
	place(t, dir, odd, filesOf(other))
	serve(t, k, company, one)
	serve(t, k, odd, other)
	// Opening waits, as for a disk whose server is away, and the files have changed.
	hung := k.entry(company)
	hung.disk = disk.NewPatient(2, 20*time.Millisecond)
	hung.opening.Lock()
	place(t, dir, company, map[string][]byte{"password.txt": []byte(one.Password)})

	for range 4 {
		if cred, err := k.Get(company); cred != nil || !errors.Is(err, disk.ErrHangs) || errors.As(err, new(*Error)) {
			t.Fatalf("%+v, %v", cred, err)
		}
	}
	serve(t, k, odd, other)
	list, err := k.List()
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, s := range list {
		if (s.Err != nil) != (s.RFC == company) {
			t.Errorf("%s: %v", s.RFC, s.Err)
		}
	}
	hung.opening.Unlock()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if _, err := k.Get(company); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
