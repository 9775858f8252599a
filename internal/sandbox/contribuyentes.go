package sandbox

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

const (
	carpetaEFirmas = "efirmas"
	bitsLlave      = 2048
	// password of every e.firma here; it protects nothing.
	password = "sandbox"
)

// The taxpayers that every sandbox has.
const (
	RFCCompany = "PRU010101AB1"  // a company
	RFCSpecial = "Ñ&P010101AB3"  // a company whose RFC breaks careless clients
	RFCPersona = "PEPJ800101AB5" // a person
)

func contribuyentes() []autoridad.Request {
	return []autoridad.Request{
		{RFC: RFCCompany, Name: "EMPRESA DE PRUEBA DEL SANDBOX", RFCRepresentante: RFCPersona, CURP: "PEPJ800101MDFRRN03", Password: password},
		{RFC: RFCSpecial, Name: "ÑANDÚ & PEÑA DE PRUEBA", RFCRepresentante: RFCPersona, CURP: "PEPJ800101MDFRRN03", Password: password},
		{RFC: RFCPersona, Name: "JUANA PÉREZ DE PRUEBA", CURP: "PEPJ800101MDFRRN03", Password: password},
	}
}

// prepare reads the authority in dir, or makes one. It issues each e.firma that is missing, that another
// authority issued, or that belongs to another person. It makes all keys at the same time, because a key is slow.
func prepare(dir string, now time.Time) (*autoridad.Autoridad, error) {
	ca, err := autoridad.Load(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	target := filepath.Join(dir, carpetaEFirmas)
	var missing []autoridad.Request
	for _, p := range contribuyentes() {
		if !serve(ca, target, p, now) {
			missing = append(missing, p)
		}
	}
	if ca != nil && len(missing) == 0 {
		return ca, nil
	}
	var g errgroup.Group
	if ca == nil {
		g.Go(func() (err error) {
			ca, err = autoridad.New(now)
			return err
		})
	}
	for i := range missing {
		g.Go(func() (err error) {
			missing[i].Key, err = rsa.GenerateKey(rand.Reader, bitsLlave)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, p := range missing {
		emitido, err := ca.Issue(p)
		if err != nil {
			return nil, err
		}
		if err := emitido.WriteTo(target); err != nil {
			return nil, err
		}
	}
	if err := ca.Save(dir); err != nil {
		return nil, fmt.Errorf("saving the authority: %w", err)
	}
	return ca, nil
}

// serve reports whether the e.firma on disk is whole, current, of this authority and
// of the person that it is to be.
func serve(ca *autoridad.Autoridad, dir string, p autoridad.Request, now time.Time) bool {
	if ca == nil {
		return false
	}
	e, err := autoridad.LoadEmitido(dir, p.RFC)
	return err == nil && ca.IsOwn(e.Certificate) && now.Before(e.Certificate.NotAfter) &&
		strings.HasSuffix(e.Certificate.Subject.SerialNumber, p.CURP)
}
