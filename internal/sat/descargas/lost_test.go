package descargas

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func TestLostPaquete_WhenTheReplacementBringsNothingWhatCameCounts(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	loseNine(w)
	d := w.finish(w.new(func(p *gateway.PeticionDescarga) { p.Deadline = 72 * time.Hour }))
	if d.Estado != gateway.DescargaParcial || d.Progreso.Found != 90 || d.Solicitudes[0].Estado != gateway.TramoFallida {
		t.Errorf("%s %+v, %+v", d.Estado, d.Progreso, d.Solicitudes)
	}
	w.unrepeated()

	w = newWorkshop(t)
	loseNine(w)
	id := w.new(nil)
	for w.ve(id).Progreso.SolicitudesTerminadas == 0 && len(w.ve(id).Solicitudes) == 1 {
		w.walk(time.Minute)
	}
	if d, err := w.Cancel(t.Context(), id); err != nil || d.Progreso.Found != 90 || d.Solicitudes[0].Estado != gateway.TramoCancelada {
		t.Errorf("cancelled: %+v %v", d, err)
	}
}

func TestLostPaquete_WhenTheReplacementBringsAllItAloneCounts(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	loseNine(w)
	before := w.verify
	w.verify = func(id string, n int) (gateway.EstadoSolicitud, error) {
		if id != "id-1" {
			return estado("3", "5000", 10, "q_01"), nil
		}
		return before(id, n)
	}
	d := w.finish(w.new(nil))
	if d.Estado != gateway.DescargaTerminada || d.Progreso.Found != 10 || d.Solicitudes[0].Estado != gateway.TramoSustituida {
		t.Errorf("%s %+v, %+v", d.Estado, d.Progreso, d.Solicitudes)
	}
}

// TestLostPaquete_WhenItIsAlwaysLostTheReplacementsAreSpread over the deadline.
func TestLostPaquete_WhenItIsAlwaysLostTheReplacementsAreSpread(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.fetch = func(gateway.Paquete) error {
		return &gateway.Error{Kind: gateway.KindYaNoDisponible, Backend: "sat", Codigo: "5007", Detail: "d"}
	}
	d := w.finish(w.new(func(p *gateway.PeticionDescarga) { p.Deadline = 72 * time.Hour }))
	if pass := d.Finished.Sub(d.Created); d.Estado != gateway.DescargaFallida || len(w.requested) != maxSustituciones+1 || pass < 36*time.Hour || pass > 72*time.Hour {
		t.Errorf("%s after %s and %d solicitudes", d.Estado, pass, len(w.requested))
	}
	w.unrepeated()
}

func TestPaquete_WhenItIsRefusedOnAndOnItIsLost(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	requested := map[string]int{}
	w.fetch = func(p gateway.Paquete) error {
		requested[p.IDPaquete]++
		if p.IDPaquete == "id-1_01" {
			return answers["303"]
		}
		return nil
	}
	if d := w.finish(w.new(nil)); d.Estado != gateway.DescargaTerminada || requested["id-1_01"] != 4 || len(w.requested) != 2 {
		t.Errorf("%s, %v, %d solicitudes", d.Estado, requested, len(w.requested))
	}
}

// TestIncomplete_WhenMorePackagesComeLater: the SAT's list has been seen to grow
// by the hour.
func TestIncomplete_WhenMorePackagesComeLater(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	var first time.Time
	w.verify = func(id string, _ int) (gateway.EstadoSolicitud, error) {
		if first.IsZero() {
			first = w.clock()
		}
		var has []string
		for i := 0; i <= int(w.clock().Sub(first)/time.Hour) && i < 4; i++ {
			has = append(has, fmt.Sprintf("%s_%02d", id, i))
		}
		return estado("3", "5000", 40, has...), nil
	}
	id := w.new(nil)
	for range 600 {
		if w.ve(id).Estado.Final() {
			break
		}
		w.walk(time.Minute)
	}
	if d := w.ve(id); d.Estado != gateway.DescargaTerminada || d.Progreso.Found != 40 || d.Cuota.Solicitudes != 1 {
		t.Errorf("%s %s %+v", d.Estado, d.Motivo, d.Progreso)
	}
}

func TestIncomplete_WhenTheRestNeverComesItIsToldAndEnds(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.verify = func(string, int) (gateway.EstadoSolicitud, error) { return estado("3", "5000", 12, "a"), nil }
	d := w.finish(w.new(nil))
	if d.Estado != gateway.DescargaParcial || d.Motivo != "El SAT contó 12 comprobantes y se leen 10: faltan 2." || d.Finished.Sub(d.Created) > 3*time.Hour || w.looks > maxLooks+2 {
		t.Errorf("%s %q after %s and %d looks", d.Estado, d.Motivo, d.Finished.Sub(d.Created), w.looks)
	}
}

// TestWithdraw_WhenSomeCannotBeRemoved: what another gateway flies, or a bucket that
// is away, is tried again; what is gone is gone.
func TestWithdraw_WhenSomeCannotBeRemoved(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	id := w.new(nil)
	w.finish(id)
	w.pass(25 * time.Hour)
	w.delete = &gateway.Error{Kind: gateway.KindNoDisponible, Detail: "d"}
	for range 2 {
		if err := w.Ronda(t.Context()); !gateway.IsKind(err, gateway.KindNoDisponible) {
			t.Errorf("%v", err)
		}
	}
	w.delete = &gateway.Error{Kind: gateway.KindNoEncontrado, Detail: "d"}
	for range 2 {
		if err := w.Ronda(t.Context()); err != nil {
			t.Errorf("%v", err)
		}
	}
	paquetes, _, err := w.Paquetes(t.Context(), id, "", 10)
	if err != nil || paquetes[0].Estado != gateway.PaqueteBorrado || len(w.deleted) != 3 {
		t.Errorf("%+v, removed %v, %v", paquetes, w.deleted, err)
	}
	eventos, err := w.Eventos(t.Context(), id, 0, 100)
	if err != nil || eventos[len(eventos)-1].Tipo != "retirada" {
		t.Errorf("%+v %v", eventos, err)
	}
}

// TestLostPaquete_WhenThisMachineLostItNoSolicitudIsSpent: the SAT is not asked anew,
// and a person is told why; a package that the SAT has lost beside it is another matter.
func TestLostPaquete_WhenThisMachineLostItNoSolicitudIsSpent(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		ofSAT     bool
		requested int
	}{"alone": {false, 1}, "beside one that the SAT has lost": {true, 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t)
			w.verify = func(id string, _ int) (gateway.EstadoSolicitud, error) {
				return estado("3", "5000", 20, id+"_01", id+"_02"), nil
			}
			w.fetch = func(p gateway.Paquete) error {
				switch p.IDPaquete {
				case "id-1_01":
					if _, err := w.st.Paquetes.Reserve(t.Context(), p, "yo", "yo", 2); err != nil {
						return err
					}
					if err := w.st.Paquetes.RecordOurs(t.Context(), p, 5); err != nil {
						return err
					}
					return &gateway.Error{Kind: gateway.KindYaNoDisponible, Own: gateway.OwnPaquetePerdido, Detail: "se perdió aquí"}
				case "id-1_02":
					if tc.ofSAT {
						return &gateway.Error{Kind: gateway.KindYaNoDisponible, Backend: "sat", Codigo: "5007"}
					}
				}
				return nil
			}
			d := w.finish(w.new(nil))
			if len(w.requested) != tc.requested || d.Cuota.Solicitudes != tc.requested {
				t.Errorf("%d solicitudes: %+v", len(w.requested), d)
			}
			if !tc.ofSAT && (d.Estado != gateway.DescargaParcial || !strings.Contains(d.Motivo, "una falla de esta pasarela impidió guardar: 1")) {
				t.Errorf("%s: %s", d.Estado, d.Motivo)
			}
		})
	}
}

// TestLostPaquete_WhenItRanOutWhileThisMachineCouldNotKeepIt: 72 hours without room, or
// without the storage, cost no solicitud either; what the SAT has let run out by itself does.
func TestLostPaquete_WhenItRanOutWhileThisMachineCouldNotKeepIt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		before    gateway.Kind
		requested int
	}{"for want of room": {gateway.KindSinServicio, 1}, "while the SAT was away": {gateway.KindNoDisponible, 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t)
			w.verify = func(id string, _ int) (gateway.EstadoSolicitud, error) {
				return estado("3", "5000", 20, id+"_01", id+"_02"), nil
			}
			times := 0
			w.fetch = func(p gateway.Paquete) error {
				if p.IDPaquete != "id-1_01" {
					return nil
				}
				if times++; times < 4 {
					return &gateway.Error{Kind: tc.before, Own: gateway.OwnSinLugar, Unsent: true, Retryable: true, Detail: "no hay dónde"}
				}
				// It was counted, and given back.
				if _, err := w.st.Paquetes.Reserve(t.Context(), p, "yo", "yo", 2); err != nil {
					return err
				}
				if err := w.st.Paquetes.Fail(t.Context(), p, "yo", 1, 0); err != nil {
					return err
				}
				return &gateway.Error{Kind: gateway.KindYaNoDisponible, Backend: "sat", Codigo: "5007", Detail: "venció"}
			}
			d := w.finish(w.new(nil))
			if len(w.requested) != tc.requested || d.Cuota.Solicitudes != tc.requested {
				t.Errorf("%d solicitudes: %+v", len(w.requested), d)
			}
			if tc.requested == 1 && (d.Estado != gateway.DescargaParcial || !strings.Contains(d.Motivo, "una falla de esta pasarela impidió guardar: 1")) {
				t.Errorf("%s: %s", d.Estado, d.Motivo)
			}
		})
	}
}

// TestLostPaquete_WhenProcessesDiedWithIt: a flight that was begun and has no end on
// record is lost by us, whichever of the two it is.
func TestLostPaquete_WhenProcessesDiedWithIt(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]int{"twice": 0, "once, after a broken delivery": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t)
			w.fetch = func(p gateway.Paquete) error {
				_, err := w.st.Paquetes.Reserve(t.Context(), p, "uno", "", 2)
				if err == nil && broken > 0 {
					err = w.st.Paquetes.Fail(t.Context(), p, "uno", 0, broken)
				}
				if err == nil {
					_, err = w.st.Paquetes.Reserve(t.Context(), p, "dos", "uno", 2)
				}
				row, errRow := w.st.Paquetes.Get(t.Context(), p)
				if err != nil || errRow != nil || row.Descargas != 2 || row.BrokenDeliveries != broken || !row.Missed() {
					t.Errorf("%+v, %v, %v", row, err, errRow)
				}
				return &gateway.Error{Kind: gateway.KindYaNoDisponible, Own: gateway.OwnPaquetePerdido, Detail: "se perdió aquí"}
			}
			d := w.finish(w.new(nil))
			if len(w.requested) != 1 || d.Estado != gateway.DescargaFallida || !strings.Contains(d.Motivo, "una falla de esta pasarela impidió guardar: 1") {
				t.Errorf("%d solicitudes, %s: %s", len(w.requested), d.Estado, d.Motivo)
			}
		})
	}
}

// TestPaquete_WhenThisMachineLosesADownloadTheOtherWaits as long as it may.
func TestPaquete_WhenThisMachineLosesADownloadTheOtherWaits(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	times := 0
	w.fetch = func(gateway.Paquete) error {
		if times++; times == 1 {
			return &gateway.Error{Kind: gateway.KindInterno, Own: gateway.OwnFallaPropia, Detail: "disco"}
		}
		return nil
	}
	id := w.new(nil)
	for range 20 {
		if times > 0 {
			break
		}
		w.walk(time.Minute)
	}
	w.walk(pace.Max - time.Second)
	if times != 1 {
		t.Errorf("tried %d times", times)
	}
	if d := w.finish(id); d.Estado != gateway.DescargaTerminada {
		t.Errorf("%+v", d)
	}
}
