package paquetes

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/store"
	"github.com/pasarela-mx/pasarela/internal/zipdir"
)

// What the SAT delivers is kept also when it is broken: it delivers no third time.
// A delivery is doubtful when it is no whole ZIP, or when whoever reads it finds
// entries in it that cannot be read (Repite). Only a doubtful one can be replaced, by a better.

const noEsZIP = "Lo que entregó el SAT no es un ZIP completo."

// entrega is a delivery that lies in a file.
type entrega struct {
	f      io.ReaderAt
	bytes  int64
	sha256 string
	duda   store.Duda
}

// pesa tells whether e takes the place of what row has, and whether it is the same.
func (a *Almacen) pesa(ctx context.Context, paquete gateway.Paquete, row store.Paquete, e entrega) (gana, igual bool, err error) {
	switch {
	case !row.Borrado.IsZero():
		return false, false, nil
	case !row.Completo && !a.enDisco(row.Parcial):
		// Nothing is, or it lies on the disk of a gateway that is dead.
		return true, false, nil
	case row.SHA256 == e.sha256:
		return false, true, nil
	case row.Dudoso == "":
		return false, false, nil
	case e.duda.Roto:
		// Of two that cannot be read the longer may be mended the further.
		return row.Roto && e.bytes > row.Bytes, false, nil
	case row.Roto:
		return true, false, nil
	case a.legibles == nil:
		return false, false, nil
	}
	gana, err = a.seLeeMas(ctx, paquete, e)
	return gana, false, err
}

func (a *Almacen) enDisco(parcial string) bool {
	if parcial == "" {
		return false
	}
	_, err := os.Stat(a.store.RutaParcial(parcial))
	return err == nil
}

// seLeeMas tells whether more can be read in e than in what is kept, or as much with
// less that cannot be read.
func (a *Almacen) seLeeMas(ctx context.Context, paquete gateway.Paquete, e entrega) (mas bool, err error) {
	defer func() {
		// No handler stands above a flight.
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %T", r)
		}
	}()
	kept, err := a.Lee(ctx, paquete)
	if errors.Is(err, gateway.ErrPaqueteDanado) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer kept.Close() //nolint:errcheck // read only
	antes, malas, err := a.legibles(kept, kept.Size)
	if err != nil {
		return false, err
	}
	ahora, quedan, err := a.legibles(e.f, e.bytes)
	return ahora > antes || ahora == antes && quedan < malas, err
}

// aparta keeps the bytes of a flight that ended without a whole ZIP. rota says that
// the delivery came to its end all the same. It returns false when there is nothing
// to keep, or something better is kept.
func (a *Almacen) aparta(ctx context.Context, paquete gateway.Paquete, v *vuelo, rota bool) (store.Pendiente, bool) {
	fin, ok := a.juzga(ctx, paquete, v, rota)
	if !ok {
		return fin, false
	}
	var err error
	fin.Parcial, err = a.store.Entero(v.file, paquete, fin.SHA256)
	kept, err := a.entra(&fin, v, err)
	return fin, kept && err == nil
}

func (a *Almacen) juzga(ctx context.Context, paquete gateway.Paquete, v *vuelo, rota bool) (p store.Pendiente, gana bool) {
	p = store.Pendiente{Paquete: paquete, Bytes: v.size, Vuela: a.presencia.ID(), Rota: rota,
		Duda: store.Duda{Dudoso: noEsZIP, Roto: true}}
	if !rota {
		p.Dudoso = "La entrega del SAT se cortó y esta es la parte que llegó."
	}
	if v.size == 0 {
		return p, false
	}
	var err error
	if p.SHA256, err = suma(v.file, v.size); err == nil {
		_, gana, err = a.compara(ctx, paquete, entrega{f: v.file, bytes: v.size, sha256: p.SHA256, duda: p.Duda})
	}
	if err != nil {
		a.log.Error().Err(err).Str("idPaquete", paquete.IDPaquete).Msg("a doubtful package could not be kept")
	}
	return p, gana && err == nil
}

// compara is pesa until it can be told: neither the ledger nor the storage has to be
// there at this moment, and what has come is not given up for that. It enters that e is
// what is kept, where it is.
func (a *Almacen) compara(ctx context.Context, paquete gateway.Paquete, e entrega) (anterior store.Paquete, gana bool, err error) {
	durable := context.WithoutCancel(ctx)
	err = a.insiste("what has come cannot be held against what is kept yet", func() error {
		var igual bool
		var err error
		if anterior, err = a.store.Paquete(durable, paquete); err == nil {
			gana, igual, err = a.pesa(durable, paquete, anterior, e)
		}
		if err == nil && igual {
			err = a.store.AnotaIguales(durable, paquete)
		}
		return err
	})
	return anterior, gana, err
}

func suma(f io.ReaderAt, n int64) (string, error) {
	hash := sha256.New()
	if _, err := io.Copy(hash, io.NewSectionReader(f, 0, n)); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// Segunda is what the second download of a package with unreadable entries has come to.
type Segunda struct {
	// Hecha says that it was made, now or before.
	Hecha bool
	// Cambia says that it has taken the place of the first, Igual that it is the same.
	Cambia, Igual bool
}

// Repite enters that a whole package which is kept has entries that cannot be read, and makes the
// second download if the SAT owes one. What of both lets more be read is kept. Errors
// are *gateway.Error, of the second download; the first stays.
func (a *Almacen) Repite(ctx context.Context, paquete gateway.Paquete, detalle string) (Segunda, error) {
	row, err := a.store.Paquete(ctx, paquete)
	if err == nil && row.Hay() && !row.Roto {
		err = a.store.AnotaDuda(context.WithoutCancel(ctx), paquete, row.SHA256, store.Duda{Dudoso: detalle})
	}
	switch {
	case err != nil:
		return Segunda{}, interno(err)
	case !row.Hay() || row.Roto || row.Descargas >= maxDescargas:
		return Segunda{Hecha: row.Descargas >= maxDescargas, Igual: row.Iguales}, nil
	}
	r, err := a.vuelve(ctx, paquete)
	if err != nil {
		return Segunda{}, err
	}
	if err := a.aterriza(ctx, r); err != nil {
		return Segunda{}, err
	}
	ahora, err := a.store.Paquete(ctx, paquete)
	if err != nil {
		return Segunda{}, interno(err)
	}
	return Segunda{Hecha: true, Cambia: ahora.SHA256 != row.SHA256, Igual: ahora.Iguales}, nil
}

// vuelve starts the second flight of a package that is kept, or follows it.
func (a *Almacen) vuelve(ctx context.Context, paquete gateway.Paquete) (*reader, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if v, ok := a.vuelos[paquete.Unico()]; ok {
		return v.newReader(ctx, false), nil
	}
	row, err := a.store.Paquete(ctx, paquete)
	switch {
	case err != nil:
		return nil, interno(err)
	case a.closing:
		return nil, gateway.ErrStopping
	}
	if err := a.puedeVolar(row); err != nil {
		return nil, err
	}
	return a.despega(ctx, paquete, row)
}

// AbreDudoso is Abre for whoever takes what is no whole ZIP too: it returns what is
// kept, whatever it is, and downloads only where nothing is.
func (a *Almacen) AbreDudoso(ctx context.Context, paquete gateway.Paquete) (Contenido, error) {
	guardado, err := a.guardado(ctx, paquete)
	if err != nil || guardado != nil {
		return Contenido{Guardado: guardado}, err
	}
	return a.Abre(ctx, paquete)
}

// AbreGuardado returns what is kept and never downloads: what is no whole ZIP only if
// dudoso. What is not here is an *Error of KindNoEncontrado.
func (a *Almacen) AbreGuardado(ctx context.Context, paquete gateway.Paquete, dudoso bool) (Contenido, error) {
	kept := a.entero
	if dudoso {
		kept = a.guardado
	}
	guardado, err := kept(ctx, paquete)
	if err == nil && guardado == nil {
		err = ausente()
	}
	return Contenido{Guardado: guardado}, err
}

// entero is guardado without what is no whole ZIP.
func (a *Almacen) entero(ctx context.Context, paquete gateway.Paquete) (*Guardado, error) {
	g, err := a.guardado(ctx, paquete)
	if err != nil || g == nil || !g.Roto {
		return g, err
	}
	return nil, g.Close()
}

// rotoAgotado is what is left to say of a package that the SAT owes no more.
func rotoAgotado(row store.Paquete) error {
	detail := "El SAT entregó este paquete las dos veces que permite y ninguna es un ZIP completo"
	if row.Iguales {
		detail += ": son idénticas, byte por byte"
	}
	return &gateway.Error{Kind: gateway.KindYaNoDisponible, Backend: "sat", Codigo: "5008", Mensaje: "Máximo de descargas permitidas",
		Detail: detail + ". La copia que quedó se obtiene con ?dudoso=true."}
}

// revisa reads a file that an earlier process has received: the SHA-256 in hexadecimal
// and the length of what it holds, and whether that is no whole ZIP.
func revisa(ruta string) (sum string, n int64, roto bool, err error) {
	f, err := os.Open(ruta) //nolint:gosec // a package of ours
	if err != nil {
		return "", 0, false, err
	}
	defer f.Close() //nolint:errcheck // read only
	hash := sha256.New()
	if n, err = io.Copy(hash, f); err != nil {
		return "", 0, false, err
	}
	if err = zipdir.Check(f, n); errors.Is(err, zipdir.ErrZip) {
		roto, err = true, nil
	}
	return hex.EncodeToString(hash.Sum(nil)), n, roto, err
}

// retrasa is how long the object of a delivery that another has replaced may wait to
// be removed: the next start finds it too.
const retrasa = time.Minute

// retira removes the object of a delivery that another has replaced.
func (a *Almacen) retira(anterior store.Paquete, sum string) {
	if !anterior.Completo || anterior.SHA256 == sum {
		return
	}
	ctx, cancel := context.WithTimeout(a.ctx, retrasa)
	defer cancel()
	if err := a.recoge(ctx, anterior.SHA256); err != nil {
		a.log.Warn().Err(err).Msg("a delivery that another has replaced could not be removed yet")
	}
}
