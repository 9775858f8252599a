package efirma

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// If this machine fails to read a file, the e.firma is not blamed and the file is read
// again next time. /proc/self/mem can be opened, and reading it fails with EIO.
func TestGet_WhenTheMachineCannotReadAFile(t *testing.T) {
	t.Parallel()
	k, dir, _ := keyring(t)
	e := treasure(t).emitidoInOne
	folder := filepath.Join(dir, company)
	place(t, dir, company, filesOf(e))
	cer := filepath.Join(folder, "llave.cer")
	if err := errors.Join(os.Remove(cer), os.Symlink("/proc/self/mem", cer)); err != nil {
		t.Fatal(err)
	}
	_, err := k.Get(company)
	var bad *Error
	if !errors.Is(err, syscall.EIO) || errors.As(err, &bad) {
		t.Fatalf("%v", err)
	}
	if k.entry(company).estado.Load() != nil {
		t.Error("it would not be read again")
	}
	all, err := k.List()
	if err != nil || len(all) != 1 || all[0].Err == nil {
		t.Errorf("%+v, %v", all, err)
	}
	if err := errors.Join(os.Remove(cer), os.WriteFile(cer, e.CerDER, 0o600)); err != nil {
		t.Fatal(err)
	}
	serve(t, k, company, e)
}
