package lotes

import (
	"bytes"
	"crypto/sha256"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// TestCriterios_AreThoseThatRowsHave: by another text a repeat would not be known, and sent.
func TestCriterios_AreThoseThatRowsHave(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		operationUpload: "sep.carga",
		operationCancel: "sep.cancela",
		criteriosUpload("ñ|\"u", "lote.zip", []byte{0, 0xAB}):                                                  `"ñ|\"u"|"lote.zip"|00ab`,
		cancelCriterios("u", gateway.Cancelacion{FolioControl: "F|1", Motivo: "R5", CveInstitucion: "010033"}): `"u"|"F|1"|"R5"|"010033"`,
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// folder is a disk with room.
type folder struct{ dir string }

func (f folder) Partial() (*os.File, error) { return os.CreateTemp(f.dir, "*") }
func (folder) Remain(int64) error           { return nil }

// The hash of what has arrived is that of the whole file, however it arrived.
func TestReceive_WhenAFileComesInPiecesKnowsItsHash(t *testing.T) {
	t.Parallel()
	s := New(nil, nil, nil, nil, folder{t.TempDir()})
	text := strings.Repeat("título ", 10_000)
	f, err := s.Receive("lote.zip", iotest.HalfReader(strings.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if want := sha256.Sum256([]byte(text)); f.size != int64(len(text)) || !bytes.Equal(f.sum, want[:]) {
		t.Errorf("%d bytes, %x", f.size, f.sum)
	}
}
