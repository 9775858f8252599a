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
	RFCEmpresa  = "PRU010101AB1"  // a company
	RFCEspecial = "Ñ&P010101AB3"  // a company whose RFC breaks careless clients
	RFCPersona  = "PEPJ800101AB5" // a person
)

func contribuyentes() []autoridad.Peticion {
	return []autoridad.Peticion{
		{RFC: RFCEmpresa, Nombre: "EMPRESA DE PRUEBA DEL SANDBOX", RFCRepresentante: RFCPersona, CURP: "PEPJ800101MDFRRN03", Password: password},
		{RFC: RFCEspecial, Nombre: "ÑANDÚ & PEÑA DE PRUEBA", RFCRepresentante: RFCPersona, CURP: "PEPJ800101MDFRRN03", Password: password},
		{RFC: RFCPersona, Nombre: "JUANA PÉREZ DE PRUEBA", CURP: "PEPJ800101MDFRRN03", Password: password},
	}
}

// prepara reads the authority in dir, or makes one, and issues the e.firmas that are missing, that
// another authority issued, or that are another person's. The keys, which are what takes time, are made at once.
func prepara(dir string, ahora time.Time) (*autoridad.Autoridad, error) {
	ca, err := autoridad.Load(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	destino := filepath.Join(dir, carpetaEFirmas)
	var faltan []autoridad.Peticion
	for _, p := range contribuyentes() {
		if !sirve(ca, destino, p, ahora) {
			faltan = append(faltan, p)
		}
	}
	if ca != nil && len(faltan) == 0 {
		return ca, nil
	}
	var g errgroup.Group
	if ca == nil {
		g.Go(func() (err error) {
			ca, err = autoridad.New(ahora)
			return err
		})
	}
	for i := range faltan {
		g.Go(func() (err error) {
			faltan[i].Key, err = rsa.GenerateKey(rand.Reader, bitsLlave)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, p := range faltan {
		emitida, err := ca.Emite(p)
		if err != nil {
			return nil, err
		}
		if err := emitida.WriteTo(destino); err != nil {
			return nil, err
		}
	}
	if err := ca.Save(dir); err != nil {
		return nil, fmt.Errorf("saving the authority: %w", err)
	}
	return ca, nil
}

// sirve tells whether the e.firma on disk is whole, current, of this authority and
// of the person that it is to be.
func sirve(ca *autoridad.Autoridad, dir string, p autoridad.Peticion, ahora time.Time) bool {
	if ca == nil {
		return false
	}
	e, err := autoridad.LoadEmitida(dir, p.RFC)
	return err == nil && ca.EsPropio(e.Certificate) && ahora.Before(e.Certificate.NotAfter) &&
		strings.HasSuffix(e.Certificate.Subject.SerialNumber, p.CURP)
}
