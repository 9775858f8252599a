package lotes

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/ledger"
	"github.com/pasarela-mx/pasarela/internal/titulo"
)

// The ledger's names of what is sent.
const (
	operacionCarga   = "sep.carga"
	operacionCancela = "sep.cancela"
)

// Comprobacion is how far a file is checked before it is sent.
type Comprobacion string

const (
	// Completa refuses what Valida finds wrong, above all a sello that does not hold.
	Completa Comprobacion = "completa"
	// Forma refuses only a file that holds no titles, or not readable ones: for
	// titles of which the SEP is to judge, and for those that Emite has checked.
	Forma Comprobacion = "forma"
)

// criteriosCarga and criteriosCancela are what the ledger knows a message by.
func criteriosCarga(usuario, nombre string, suma []byte) string {
	return fmt.Sprintf("%q|%q|%x", usuario, nombre, suma)
}

func criteriosCancela(usuario string, c gateway.Cancelacion) string {
	return fmt.Sprintf("%q|%q|%q|%q", usuario, c.FolioControl, c.Motivo, c.CveInstitucion)
}

// Carga checks a file and uploads it once; see ledger.Once.
func (s *Servicio) Carga(ctx context.Context, cuenta gateway.CuentaSEP, q Quien, a *Archivo, c Comprobacion) (gateway.LoteCargado, bool, error) {
	revision, err := s.revisa(a, c)
	if err != nil {
		return gateway.LoteCargado{}, false, err
	}
	if titulo.HayErrores(revision.Problemas) {
		return gateway.LoteCargado{}, false, rechazo(revision)
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, a.Section()); err != nil {
		return gateway.LoteCargado{}, false, interno(err)
	}
	m := ledger.Message{Operacion: operacionCarga, Clave: q.Clave, Dueno: q.ID, Consejo: "Cargue el archivo otra vez, con otra Idempotency-Key. Un lote que se carga dos veces no daña: los títulos ya registrados vuelven como ya_registrado.",
		Criterios: criteriosCarga(cuenta.Usuario, a.Nombre, hash.Sum(nil))}
	never := func(gateway.LoteCargado) bool { return false }
	return ledger.Once(ctx, s.ledger, m, never, func(ctx context.Context) (gateway.LoteCargado, error) {
		got, err := s.sep.Carga(ctx, cuenta, a.Nombre, a.Section())
		if err == nil {
			s.anota(ctx, got.NumeroLote, revision)
		}
		return got, err
	})
}

func (s *Servicio) revisa(a *Archivo, c Comprobacion) (titulo.Revision, error) {
	if c != Forma {
		return s.Valida(a)
	}
	revision, err := titulo.RevisaArchivo(a.Section(), a.size, a.Nombre)
	if err != nil {
		return titulo.Revision{}, interno(err)
	}
	return revision, nil
}

// rechazo is the refusal of a file in which there are errors. Each says of which
// entry it is, and of which title.
func rechazo(revision titulo.Revision) error {
	e := &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnLoteRechazable, NoEnviada: true,
		Detail: "No se envió nada a la SEP porque lo rechazaría. Corrija lo indicado en errores; si cree que la SEP sí admite la forma, mándelo con comprobar=forma."}
	folios := make(map[string]string, len(revision.Documentos))
	for _, d := range revision.Documentos {
		folios[d.Archivo] = d.FolioControl
	}
	for _, p := range revision.Problemas {
		if p.Nivel != titulo.NivelError {
			continue
		}
		campo, detalle := p.Ruta, p.Detalle
		if p.Archivo != "" {
			campo = p.Archivo + "#" + p.Ruta
		}
		if folio := folios[p.Archivo]; folio != "" && p.Ruta != "nombreArchivo" {
			detalle = "Título " + recorta(folio) + ": " + detalle
		}
		e.Campos = append(e.Campos, gateway.Campo{Campo: campo, Detalle: detalle, ValoresValidos: p.ValoresValidos, Codigo: string(p.Codigo)})
	}
	return e
}

// Cancela cancels a title that q has registered, once.
func (s *Servicio) Cancela(ctx context.Context, cuenta gateway.CuentaSEP, q Quien, c gateway.Cancelacion) (gateway.CancelacionHecha, bool, error) {
	if err := c.Validate(); err != nil {
		return gateway.CancelacionHecha{}, false, err
	}
	m := ledger.Message{Operacion: operacionCancela, Clave: q.Clave, Dueno: q.ID, Consejo: "Cancélelo otra vez, con otra Idempotency-Key. Un título que ya está cancelado no se cancela de nuevo: la SEP responde que no lo encuentra.",
		Criterios: criteriosCancela(cuenta.Usuario, c)}
	never := func(gateway.CancelacionHecha) bool { return false }
	return ledger.Once(ctx, s.ledger, m, never, func(ctx context.Context) (gateway.CancelacionHecha, error) {
		if err := s.registrado(ctx, cuenta, q, c.FolioControl); err != nil {
			return gateway.CancelacionHecha{}, err
		}
		return s.sep.Cancela(ctx, cuenta, c)
	})
}
