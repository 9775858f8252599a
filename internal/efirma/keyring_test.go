package efirma

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/disk"
	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

// reloj is a clock that a test moves.
type reloj struct {
	mu sync.Mutex
	t  time.Time
}

func (r *reloj) now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.t
}

func (r *reloj) adelanta(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.t = r.t.Add(d)
}

func llavero(t testing.TB) (k *Keyring, dir string, r *reloj) {
	t.Helper()
	dir, r = t.TempDir(), &reloj{t: ahora}
	return NewKeyring(dir, nil, r.now), dir, r
}

func archivosDe(e *autoridad.Emitida) map[string][]byte {
	return map[string][]byte{"llave.cer": e.CerDER, "llave.key": e.KeyDER, "password.txt": []byte(e.Password + "\n")}
}

func sirve(t testing.TB, k *Keyring, rfc string, want *autoridad.Emitida) *Credential {
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

func niega(t testing.TB, k *Keyring, rfc string, want Problem) { //nolint:unparam // reads like rehusa
	t.Helper()
	_ = rehusa(t, k, rfc, want)
}

// rehusa is niega for those who look at the refusal.
func rehusa(t testing.TB, k *Keyring, rfc string, want Problem) *Error {
	t.Helper()
	c, err := k.Get(rfc)
	rechaza(t, err, want)
	if c != nil {
		t.Errorf("credential %+v beside the error", c)
	}
	var problema *Error
	if !errors.As(err, &problema) {
		t.Fatalf("not an *Error: %v", err)
	}
	if problema.RFC != normaliza(rfc) {
		t.Errorf("the refusal is of RFC %q, want %q", problema.RFC, normaliza(rfc))
	}
	return problema
}

func TestGet_WhenLayoutsDiffer(t *testing.T) {
	e := elTesoro(t).emitidaEnUna
	letras := emite(t, autoridad.Peticion{RFC: rara})
	pfx, err := e.PKCS12()
	if err != nil {
		t.Fatal(err)
	}
	clave := []byte(password)
	tests := []struct {
		name, folder, rfc string
		files             map[string][]byte
		want              *autoridad.Emitida
	}{
		{"pair", empresa, empresa, archivosDe(e), e},
		{"asked in lower case", empresa, "pru010101ab1", archivosDe(e), e},
		{"folder in lower case", "pru010101ab1", empresa, archivosDe(e), e},
		{"odd letters", rara, rara, archivosDe(letras), letras},
		{"folder decomposed", "N\u0303&P010101AB3", rara, archivosDe(letras), letras},
		{"asked decomposed", rara, "n\u0303&p010101ab3", archivosDe(letras), letras},
		{"extensions in upper case", empresa, empresa, map[string][]byte{"A.CER": e.CerDER, "B.KEY": e.KeyDER, "password.txt": clave}, e},
		{"p12", empresa, empresa, map[string][]byte{"a.p12": pfx, "password.txt": clave}, e},
		{"pfx", empresa, empresa, map[string][]byte{"a.PFX": pfx, "password.txt": clave}, e},
		{"password of Windows", empresa, empresa, map[string][]byte{"a.pfx": pfx, "password.txt": []byte("\ufeff" + password + "\r\n")}, e},
		{"password.txt in upper case", empresa, empresa, map[string][]byte{"a.pfx": pfx, "Password.TXT": clave}, e},
		{"password.txt by echo", empresa, empresa, map[string][]byte{"a.cer": e.CerDER, "a.key": e.KeyDER, "password.txt": []byte(password + " \r\n")}, e},
		{"password.txt by echo, p12", empresa, empresa, map[string][]byte{"a.pfx": pfx, "password.txt": []byte(" " + password + "\u00a0")}, e},
		{"other files beside", empresa, empresa, map[string][]byte{"a.pfx": pfx, "password.txt": clave, ".a.cer.tmp": nil, "LEEME.md": nil}, e},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k, dir, _ := llavero(t)
			coloca(t, dir, tt.folder, tt.files)
			c := sirve(t, k, tt.rfc, tt.want)
			firma(t, c, tt.want.Certificate)
		})
	}
}

// Kubernetes mounts a secret as links to a hidden folder, which it swaps.
func TestGet_WhenFolderIsALink(t *testing.T) {
	k, dir, _ := llavero(t)
	una, otra := elTesoro(t).emitidaEnUna, emite(t, autoridad.Peticion{Key: elTesoro(t).otra})
	coloca(t, dir, "..1", archivosDe(una))
	coloca(t, dir, "..2", archivosDe(otra))
	enlaza := func(target string) {
		t.Helper()
		tmp := filepath.Join(dir, "..tmp")
		if err := os.Symlink(target, tmp); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(tmp, filepath.Join(dir, empresa)); err != nil {
			t.Fatal(err)
		}
	}
	enlaza("..1")
	sirve(t, k, empresa, una)
	enlaza("..2")
	sirve(t, k, empresa, otra)
}

func TestGet_WhenRefused(t *testing.T) {
	c := elTesoro(t)
	e := c.emitidaEnUna
	clave := []byte(password)
	csd := emite(t, autoridad.Peticion{Tipo: autoridad.CSD})
	ajena := emite(t, autoridad.Peticion{RFC: persona})
	vieja := emite(t, autoridad.Peticion{NotBefore: ahora.AddDate(-5, 0, 0), NotAfter: ahora.AddDate(-1, 0, 0)})
	otra := emite(t, autoridad.Peticion{Key: c.otra})
	pfx, err := e.PKCS12()
	if err != nil {
		t.Fatal(err)
	}
	grande := make([]byte, maxArchivo+1)
	tests := []struct {
		name  string
		files map[string][]byte
		want  Problem
		dice  string // the detail names it
	}{
		{"empty folder", nil, ArchivosFaltantes, ".p12"},
		{"no key", map[string][]byte{"a.cer": e.CerDER}, ArchivosFaltantes, "el .key"},
		{"no certificate", map[string][]byte{"a.key": e.KeyDER}, ArchivosFaltantes, "el .cer"},
		{"two certificates", map[string][]byte{"a.cer": e.CerDER, "b.cer": e.CerDER, "a.key": e.KeyDER}, ArchivosAmbiguos, "a.cer, b.cer"},
		{"two keys", map[string][]byte{"a.cer": e.CerDER, "a.key": e.KeyDER, "b.key": e.KeyDER}, ArchivosAmbiguos, "b.key"},
		{"pair and p12", map[string][]byte{"a.cer": e.CerDER, "a.key": e.KeyDER, "a.p12": nil}, ArchivosAmbiguos, "a.p12"},
		{"two p12", map[string][]byte{"a.pfx": nil, "a.p12": nil}, ArchivosAmbiguos, "a.pfx"},
		{"no password", map[string][]byte{"a.cer": e.CerDER, "a.key": e.KeyDER}, PasswordAusente, "password.txt"},
		{"password by another name", map[string][]byte{"a.cer": e.CerDER, "a.key": e.KeyDER, "contraseña.txt": clave, "password.txt.txt": clave}, PasswordAusente, "contraseña.txt, password.txt.txt: si ahí está la contraseña, llame al archivo password.txt"},
		{"p12's password by another name", map[string][]byte{"a.p12": pfx, "leeme.TXT": clave}, PasswordAusente, "leeme.TXT: si ahí"},
		{"two names of the password", map[string][]byte{"a.cer": e.CerDER, "a.key": e.KeyDER, "PASSWORD.TXT": clave, "password.txt": []byte("otra")}, PasswordIncorrecto, "(password.txt)"},
		{"password a mark", map[string][]byte{"a.cer": e.CerDER, "a.key": e.KeyDER, "password.txt": []byte("\ufeff\r\n")}, PasswordAusente, "password.txt"},
		{"password empty", map[string][]byte{"a.cer": e.CerDER, "a.key": e.KeyDER, "password.txt": []byte("\n")}, PasswordAusente, "password.txt"},
		{"password wrong", map[string][]byte{"a.cer": e.CerDER, "a.key": e.KeyDER, "password.txt": []byte("otra")}, PasswordIncorrecto, "a.key"},
		{"certificate unreadable", map[string][]byte{"a.cer": clave, "a.key": e.KeyDER, "password.txt": clave}, CerIlegible, "a.cer"},
		{"key unreadable", map[string][]byte{"a.cer": e.CerDER, "a.key": clave, "password.txt": clave}, KeyIlegible, "a.key"},
		{"p12 unreadable", map[string][]byte{"a.p12": clave, "password.txt": clave}, KeyIlegible, "a.p12"},
		{"certificate large", map[string][]byte{"a.cer": grande, "a.key": e.KeyDER}, DemasiadoGrande, "a.cer"},
		{"key large", map[string][]byte{"a.cer": e.CerDER, "a.key": grande}, DemasiadoGrande, "a.key"},
		{"password large", map[string][]byte{"a.cer": e.CerDER, "a.key": e.KeyDER, "password.txt": grande}, DemasiadoGrande, "password.txt"},
		{"p12 large", map[string][]byte{"a.p12": grande}, DemasiadoGrande, "a.p12"},
		{"CSD", archivosDe(csd), EsCSD, "CSD"},
		{"of another RFC", archivosDe(ajena), OtroRFC, persona},
		{"expired", archivosDe(vieja), Vencida, "2025-03-01"},
		{"key of another", map[string][]byte{"a.cer": e.CerDER, "b.key": otra.KeyDER, "password.txt": clave}, LlaveNoCorresponde, "b.key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k, dir, _ := llavero(t)
			coloca(t, dir, empresa, tt.files)
			problema := rehusa(t, k, empresa, tt.want)
			if !strings.Contains(problema.Detail, tt.dice) {
				t.Errorf("detail %q does not name %q", problema.Detail, tt.dice)
			}
			if strings.Contains(problema.Detail, dir) {
				t.Errorf("detail %q names the directory", problema.Detail)
			}
		})
	}
}

func TestGet_WhenNameLeadsOutOfTheDirectory(t *testing.T) {
	afuera := t.TempDir()
	dir := filepath.Join(afuera, "efirmas")
	e := elTesoro(t).emitidaEnUna
	coloca(t, afuera, empresa, archivosDe(e))
	coloca(t, dir, persona, nil)
	k := NewKeyring(dir, nil, func() time.Time { return ahora })
	for _, rfc := range []string{"", ".", "..", "../" + empresa, persona + "/../../" + empresa, afuera + "/" + empresa, `..\` + empresa, "*", empresa + "\x00"} {
		problema := rehusa(t, k, rfc, NoEncontrada)
		if len(rfc) > 2 && strings.Contains(problema.Detail, rfc) {
			t.Errorf("detail %q repeats what is no RFC", problema.Detail)
		}
	}
}

func TestGet_WhenThereIsNoDirectory(t *testing.T) {
	niega(t, NewKeyring("", nil, time.Now), empresa, NoEncontrada)
	perdido := filepath.Join(t.TempDir(), "no-existe")
	k := NewKeyring(perdido, nil, time.Now)
	problema := rehusa(t, k, empresa, NoEncontrada)
	if strings.Contains(problema.Detail, perdido) || !strings.Contains(problema.Error(), "GATEWAY_EFIRMA_DIR") {
		t.Errorf("the path belongs in the log alone, with the setting: %v", problema)
	}
	if !errors.Is(problema, fs.ErrNotExist) {
		t.Errorf("the cause cannot be found in %v", problema)
	}
	if _, err := k.List(); err == nil {
		t.Error("List of a directory that is not there succeeded")
	}
	if lista, err := NewKeyring("", nil, time.Now).List(); err != nil || len(lista) != 0 {
		t.Errorf("List without a directory = %v, %v", lista, err)
	}
}

func TestGet_WhenTwoFoldersAreOfOneRFC(t *testing.T) {
	k, dir, _ := llavero(t)
	e := elTesoro(t).emitidaEnUna
	coloca(t, dir, empresa, archivosDe(e))
	coloca(t, dir, strings.ToLower(empresa), archivosDe(e))
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 {
		t.Skip("this file system takes both names for one")
	}
	niega(t, k, empresa, ArchivosAmbiguos)
}

func TestGet_WhenNothingChanges(t *testing.T) {
	k, dir, _ := llavero(t)
	e := elTesoro(t).emitidaEnUna
	coloca(t, dir, empresa, archivosDe(e))
	primera := sirve(t, k, empresa, e)
	if sirve(t, k, empresa, e) != primera {
		t.Error("opened again though nothing changed")
	}
	coloca(t, dir, empresa, map[string][]byte{"LEEME.txt": nil})
	if sirve(t, k, empresa, e) != primera {
		t.Error("opened again for a file that does not matter")
	}
	if !k.llaves[empresa].estado.Load().carpeta.intacta() {
		t.Error("the folder will be listed anew on each call")
	}
}

func TestGet_WhenConcurrent(t *testing.T) {
	k, dir, _ := llavero(t)
	e := elTesoro(t).emitidaEnUna
	coloca(t, dir, empresa, archivosDe(e))
	creds := make([]*Credential, 32)
	var wg sync.WaitGroup
	for i := range creds {
		wg.Go(func() { creds[i], _ = k.Get(empresa) })
		if i%8 == 0 {
			wg.Go(func() { _, _ = k.List() })
		}
	}
	wg.Wait()
	if creds[0] == nil || len(slices.Compact(creds)) != 1 {
		t.Error("opened more than once")
	}
}

func TestGet_WhenFilesChange(t *testing.T) {
	k, dir, _ := llavero(t)
	c := elTesoro(t)
	una, otra := c.emitidaEnUna, emite(t, autoridad.Peticion{Key: c.otra})

	niega(t, k, empresa, NoEncontrada)
	if err := una.WriteTo(dir); err != nil {
		t.Fatal(err)
	}
	sirve(t, k, empresa, una)
	if err := otra.WriteTo(dir); err != nil {
		t.Fatal(err)
	}
	sirve(t, k, empresa, otra)
	quita(t, dir, empresa)
	niega(t, k, empresa, NoEncontrada)
	if len(k.llaves) != 0 {
		t.Error("the key of a removed folder is kept in memory")
	}
}

func TestGet_WhenAProblemIsMended(t *testing.T) {
	k, dir, _ := llavero(t)
	e := elTesoro(t).emitidaEnUna
	coloca(t, dir, empresa, map[string][]byte{"a.cer": e.CerDER})
	niega(t, k, empresa, ArchivosFaltantes)
	coloca(t, dir, empresa, map[string][]byte{"a.key": e.KeyDER})
	niega(t, k, empresa, PasswordAusente)
	coloca(t, dir, empresa, map[string][]byte{"password.txt": []byte("otra")})
	niega(t, k, empresa, PasswordIncorrecto)
	coloca(t, dir, empresa, map[string][]byte{"password.txt": []byte(password)})
	sirve(t, k, empresa, e)
}

func TestGet_WhenReplacementIsHalfWritten(t *testing.T) {
	c := elTesoro(t)
	una, otra := c.emitidaEnUna, emite(t, autoridad.Peticion{Key: c.otra})
	for name, media := range map[string]struct {
		files map[string][]byte
		quita string
		want  Problem
	}{
		"new certificate, old key": {map[string][]byte{"llave.cer": otra.CerDER}, "", LlaveNoCorresponde},
		"certificate being copied": {map[string][]byte{"llave.cer": otra.CerDER[:700]}, "", CerIlegible},
		"key being copied":         {map[string][]byte{"llave.key": otra.KeyDER[:700]}, "", KeyIlegible},
		"old and new":              {map[string][]byte{"nueva.cer": otra.CerDER}, "", ArchivosAmbiguos},
		"key removed":              {nil, "llave.key", ArchivosFaltantes},
		"password changed first":   {map[string][]byte{"password.txt": []byte("la nueva")}, "", PasswordIncorrecto},
	} {
		t.Run(name, func(t *testing.T) {
			k, dir, r := llavero(t)
			coloca(t, dir, empresa, archivosDe(una))
			sirve(t, k, empresa, una)
			coloca(t, dir, empresa, media.files)
			if media.quita != "" {
				quita(t, dir, empresa, media.quita)
			}
			sirve(t, k, empresa, una)
			r.adelanta(gracia - time.Millisecond)
			// Another change that does not mend it gives no more time.
			coloca(t, dir, empresa, map[string][]byte{"otro.key": []byte("x")})
			sirve(t, k, empresa, una)
			quita(t, dir, empresa, "otro.key")
			sirve(t, k, empresa, una)
			r.adelanta(time.Millisecond)
			niega(t, k, empresa, media.want)

			quita(t, dir, empresa)
			coloca(t, dir, empresa, archivosDe(otra))
			sirve(t, k, empresa, otra)
		})
	}
}

func TestGet_WhenReplacementIsRefusedOnPurpose(t *testing.T) {
	una := elTesoro(t).emitidaEnUna
	for name, tt := range map[string]struct {
		p    autoridad.Peticion
		want Problem
	}{
		"CSD":         {autoridad.Peticion{Tipo: autoridad.CSD}, EsCSD},
		"another RFC": {autoridad.Peticion{RFC: persona}, OtroRFC},
		"expired":     {autoridad.Peticion{NotBefore: ahora.AddDate(-5, 0, 0), NotAfter: ahora.AddDate(-1, 0, 0)}, Vencida},
	} {
		t.Run(name, func(t *testing.T) {
			k, dir, _ := llavero(t)
			coloca(t, dir, empresa, archivosDe(una))
			sirve(t, k, empresa, una)
			coloca(t, dir, empresa, archivosDe(emite(t, tt.p)))
			niega(t, k, empresa, tt.want)
			// What was refused is not something to go back to either.
			coloca(t, dir, empresa, map[string][]byte{"llave.key": nil})
			if _, err := k.Get(empresa); err == nil {
				t.Error("served a refused e.firma by grace")
			}
		})
	}
}

func TestGet_WhenTimePasses(t *testing.T) {
	k, dir, r := llavero(t)
	e := emite(t, autoridad.Peticion{NotBefore: ahora.Add(time.Hour), NotAfter: ahora.Add(2 * time.Hour)})
	coloca(t, dir, empresa, archivosDe(e))
	niega(t, k, empresa, AunNoVigente)
	r.adelanta(90 * time.Minute)
	sirve(t, k, empresa, e)
	r.adelanta(time.Hour)
	niega(t, k, empresa, Vencida)
}

func TestGet_WhenPreviousExpiresInGrace(t *testing.T) {
	k, dir, r := llavero(t)
	e := emite(t, autoridad.Peticion{NotAfter: ahora.Add(time.Second)})
	coloca(t, dir, empresa, archivosDe(e))
	sirve(t, k, empresa, e)
	quita(t, dir, empresa, "llave.key")
	r.adelanta(2 * time.Second)
	niega(t, k, empresa, ArchivosFaltantes)
}

func TestList_WhenMixed(t *testing.T) {
	k, dir, r := llavero(t)
	buena := elTesoro(t).emitidaEnUna
	vieja := emite(t, autoridad.Peticion{RFC: rara, NotBefore: ahora.AddDate(-5, 0, 0), NotAfter: ahora.AddDate(-1, 0, 0)})
	sinClave := emite(t, autoridad.Peticion{RFC: persona})
	coloca(t, dir, empresa, archivosDe(buena))
	coloca(t, dir, strings.ToLower(rara), archivosDe(vieja))
	coloca(t, dir, persona, map[string][]byte{"a.cer": sinClave.CerDER, "a.key": sinClave.KeyDER})
	coloca(t, dir, "VACIA", nil)
	coloca(t, dir, ".oculta", nil)
	coloca(t, dir, "", map[string][]byte{"LEEME.txt": nil})

	lista, err := k.List()
	if err != nil {
		t.Fatal(err)
	}
	type fila struct {
		RFC, Serial string
		Problem     Problem
	}
	var got []fila
	for _, s := range lista {
		f := fila{RFC: s.RFC}
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
	want := []fila{
		{persona, autoridad.Serial(sinClave.Certificate), PasswordAusente},
		{empresa, autoridad.Serial(buena.Certificate), ""},
		{"VACIA", "", ArchivosFaltantes},
		{rara, autoridad.Serial(vieja.Certificate), Vencida},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	// Listing has not taken the key away from those who sign.
	sirve(t, k, empresa, buena)

	r.adelanta(10 * 365 * 24 * time.Hour)
	lista, err = k.List()
	if err != nil {
		t.Fatal(err)
	}
	if e := lista[1].Err; e == nil || e.Problem != Vencida || e.RFC != empresa {
		t.Errorf("years later: %+v", lista[1])
	}
}

func BenchmarkGet_WhenNothingChanged(b *testing.B) {
	k, dir, _ := llavero(b)
	coloca(b, dir, empresa, archivosDe(elTesoro(b).emitidaEnUna))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Get(empresa); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	e := elTesoro(b).emitidaEnUna
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(e.CerDER, e.KeyDER, []byte(password), ahora); err != nil {
			b.Fatal(err)
		}
	}
}

func TestGet_WhenOthersMayReplaceTheFiles(t *testing.T) {
	k, dir, _ := llavero(t)
	e := elTesoro(t).emitidaEnUna
	coloca(t, dir, empresa, archivosDe(e))
	sirve(t, k, empresa, e)
	folder := filepath.Join(dir, empresa)
	for path, problem := range map[string]Problem{folder: PermisosAbiertos, filepath.Join(folder, "llave.key"): PermisosAbiertos,
		filepath.Join(folder, "password.txt"): PermisosAbiertos} {
		before, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		cambia(t, path, before.Mode()|0o002)
		niega(t, k, empresa, problem)
		cambia(t, path, before.Mode())
		sirve(t, k, empresa, e)
	}
	// So Kubernetes mounts secrets.
	cambia(t, folder, 0o777|os.ModeSticky)
	cambia(t, dir, 0o777|os.ModeSticky)
	sirve(t, k, empresa, e)
	cambia(t, dir, 0o777)
	if _, err := k.List(); err == nil {
		t.Error("a directory where anybody may put another folder was listed")
	}
}

func cambia(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// Each folder may be on a disk of its own, and one that hangs keeps nobody but those who
// need it, and not even them for ever.
func TestGet_WhenTheDiskOfOneFolderHangs(t *testing.T) {
	t.Parallel()
	k, dir, _ := llavero(t)
	una, otra := elTesoro(t).emitidaEnUna, emite(t, autoridad.Peticion{RFC: rara})
	coloca(t, dir, empresa, archivosDe(una))
	coloca(t, dir, rara, archivosDe(otra))
	sirve(t, k, empresa, una)
	sirve(t, k, rara, otra)
	// Its opening waits, as for a disk whose server is away, and the files have changed.
	colgada := k.entrada(empresa)
	colgada.disk = disk.NewPatient(2, 20*time.Millisecond)
	colgada.abriendo.Lock()
	coloca(t, dir, empresa, map[string][]byte{"password.txt": []byte(una.Password)})

	for range 4 {
		if cred, err := k.Get(empresa); cred != nil || !errors.Is(err, disk.ErrHangs) || errors.As(err, new(*Error)) {
			t.Fatalf("%+v, %v", cred, err)
		}
	}
	sirve(t, k, rara, otra)
	lista, err := k.List()
	if err != nil || len(lista) != 2 {
		t.Fatalf("%+v, %v", lista, err)
	}
	for _, s := range lista {
		if (s.Err != nil) != (s.RFC == empresa) {
			t.Errorf("%s: %v", s.RFC, s.Err)
		}
	}
	colgada.abriendo.Unlock()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if _, err := k.Get(empresa); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
