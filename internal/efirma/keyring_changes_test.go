package efirma

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

func TestGet_WhenNothingChanges(t *testing.T) {
	k, dir, _ := keyring(t)
	e := treasure(t).emitidoInOne
	place(t, dir, company, filesOf(e))
	first := serve(t, k, company, e)
	if serve(t, k, company, e) != first {
		t.Error("opened again though nothing changed")
	}
	place(t, dir, company, map[string][]byte{"LEEME.txt": nil})
	if serve(t, k, company, e) != first {
		t.Error("opened again for a file that does not matter")
	}
	if !k.llaves[company].estado.Load().folder.intact() {
		t.Error("the folder will be listed anew on each call")
	}
}

func TestGet_WhenConcurrent(t *testing.T) {
	k, dir, _ := keyring(t)
	e := treasure(t).emitidoInOne
	place(t, dir, company, filesOf(e))
	creds := make([]*Credential, 32)
	var wg sync.WaitGroup
	for i := range creds {
		wg.Go(func() { creds[i], _ = k.Get(company) })
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
	k, dir, _ := keyring(t)
	c := treasure(t)
	one, other := c.emitidoInOne, issue(t, autoridad.Request{Key: c.other})

	deny(t, k, company, NoEncontrada)
	if err := one.WriteTo(dir); err != nil {
		t.Fatal(err)
	}
	serve(t, k, company, one)
	if err := other.WriteTo(dir); err != nil {
		t.Fatal(err)
	}
	serve(t, k, company, other)
	remove(t, dir, company)
	deny(t, k, company, NoEncontrada)
	if len(k.llaves) != 0 {
		t.Error("the key of a removed folder is kept in memory")
	}
}

func TestGet_WhenAProblemIsMended(t *testing.T) {
	k, dir, _ := keyring(t)
	e := treasure(t).emitidoInOne
	place(t, dir, company, map[string][]byte{"a.cer": e.CerDER})
	deny(t, k, company, ArchivosFaltantes)
	place(t, dir, company, map[string][]byte{"a.key": e.KeyDER})
	deny(t, k, company, PasswordAusente)
	place(t, dir, company, map[string][]byte{"password.txt": []byte("otra")})
	deny(t, k, company, PasswordIncorrecto)
	place(t, dir, company, map[string][]byte{"password.txt": []byte(password)})
	serve(t, k, company, e)
}

func TestGet_WhenReplacementIsHalfWritten(t *testing.T) {
	c := treasure(t)
	one, other := c.emitidoInOne, issue(t, autoridad.Request{Key: c.other})
	for name, media := range map[string]struct {
		files  map[string][]byte
		remove string
		want   Problem
	}{
		"new certificate, old key": {map[string][]byte{"llave.cer": other.CerDER}, "", LlaveNoCorresponde},
		"certificate being copied": {map[string][]byte{"llave.cer": other.CerDER[:700]}, "", CerIlegible},
		"key being copied":         {map[string][]byte{"llave.key": other.KeyDER[:700]}, "", KeyIlegible},
		"old and new":              {map[string][]byte{"nueva.cer": other.CerDER}, "", ArchivosAmbiguos},
		"key removed":              {nil, "llave.key", ArchivosFaltantes},
		"password changed first":   {map[string][]byte{"password.txt": []byte("la nueva")}, "", PasswordIncorrecto},
	} {
		t.Run(name, func(t *testing.T) {
			k, dir, r := keyring(t)
			place(t, dir, company, filesOf(one))
			serve(t, k, company, one)
			place(t, dir, company, media.files)
			if media.remove != "" {
				remove(t, dir, company, media.remove)
			}
			serve(t, k, company, one)
			r.bringForward(grace - time.Millisecond)
			// Another change that repairs nothing does not extend the grace.
			place(t, dir, company, map[string][]byte{"otro.key": []byte("x")})
			serve(t, k, company, one)
			remove(t, dir, company, "otro.key")
			serve(t, k, company, one)
			r.bringForward(time.Millisecond)
			deny(t, k, company, media.want)

			remove(t, dir, company)
			place(t, dir, company, filesOf(other))
			serve(t, k, company, other)
		})
	}
}

func TestGet_WhenReplacementIsRefusedOnPurpose(t *testing.T) {
	one := treasure(t).emitidoInOne
	for name, tt := range map[string]struct {
		p    autoridad.Request
		want Problem
	}{
		"CSD":         {autoridad.Request{Tipo: autoridad.CSD}, EsCSD},
		"another RFC": {autoridad.Request{RFC: persona}, OtroRFC},
		"expired":     {autoridad.Request{NotBefore: now.AddDate(-5, 0, 0), NotAfter: now.AddDate(-1, 0, 0)}, Vencida},
	} {
		t.Run(name, func(t *testing.T) {
			k, dir, _ := keyring(t)
			place(t, dir, company, filesOf(one))
			serve(t, k, company, one)
			place(t, dir, company, filesOf(issue(t, tt.p)))
			deny(t, k, company, tt.want)
			// A refused e.firma is not served as the previous one either.
			place(t, dir, company, map[string][]byte{"llave.key": nil})
			if _, err := k.Get(company); err == nil {
				t.Error("served a refused e.firma by grace")
			}
		})
	}
}

func TestGet_WhenTimePasses(t *testing.T) {
	k, dir, r := keyring(t)
	e := issue(t, autoridad.Request{NotBefore: now.Add(time.Hour), NotAfter: now.Add(2 * time.Hour)})
	place(t, dir, company, filesOf(e))
	deny(t, k, company, AunNoVigente)
	r.bringForward(90 * time.Minute)
	serve(t, k, company, e)
	r.bringForward(time.Hour)
	deny(t, k, company, Vencida)
}

func TestGet_WhenPreviousExpiresInGrace(t *testing.T) {
	k, dir, r := keyring(t)
	e := issue(t, autoridad.Request{NotAfter: now.Add(time.Second)})
	place(t, dir, company, filesOf(e))
	serve(t, k, company, e)
	remove(t, dir, company, "llave.key")
	r.bringForward(2 * time.Second)
	deny(t, k, company, ArchivosFaltantes)
}
