package sandbox

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
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
		{RFC: RFCEmpresa, Nombre: "EMPRESA DE PRUEBA DEL SANDBOX", RFCRepresentante: RFCPersona, CURP: "PEPJ800101MDFRRN05", Password: password},
		{RFC: RFCEspecial, Nombre: "ÑANDÚ & PEÑA DE PRUEBA", RFCRepresentante: RFCPersona, CURP: "PEPJ800101MDFRRN05", Password: password},
		{RFC: RFCPersona, Nombre: "JUANA PÉREZ DE PRUEBA", CURP: "PEPJ800101MDFRRN05", Password: password},
	}
}

// prepara reads the authority in dir, or makes one, and issues the e.firmas that are missing or that
// another authority issued. The keys, which are what takes time, are made at once.
func prepara(dir string, ahora time.Time) (*autoridad.Autoridad, error) {
	ca, err := autoridad.Load(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	destino := filepath.Join(dir, carpetaEFirmas)
	var faltan []autoridad.Peticion
	for _, p := range contribuyentes() {
		if !sirve(ca, destino, p.RFC, ahora) {
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

// sirve tells whether the e.firma on disk is whole, current and of this authority.
func sirve(ca *autoridad.Autoridad, dir, rfc string, ahora time.Time) bool {
	if ca == nil {
		return false
	}
	e, err := autoridad.LoadEmitida(dir, rfc)
	return err == nil && ca.EsPropio(e.Certificate) && ahora.Before(e.Certificate.NotAfter)
}
