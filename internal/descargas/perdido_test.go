package descargas

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func TestPaquetePerdido_WhenTheReplacementBringsNothingWhatCameCounts(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	perdidos(w)
	d := w.acaba(w.nueva(func(p *gateway.PeticionDescarga) { p.Plazo = 72 * time.Hour }))
	if d.Estado != gateway.DescargaParcial || d.Progreso.Encontrados != 90 || d.Solicitudes[0].Estado != gateway.TramoFallida {
		t.Errorf("%s %+v, %+v", d.Estado, d.Progreso, d.Solicitudes)
	}
	w.sinRepetir()

	w = nuevoTaller(t)
	perdidos(w)
	id := w.nueva(nil)
	for w.ve(id).Progreso.SolicitudesTerminadas == 0 && len(w.ve(id).Solicitudes) == 1 {
		w.anda(time.Minute)
	}
	if d, err := w.Cancela(t.Context(), id); err != nil || d.Progreso.Encontrados != 90 || d.Solicitudes[0].Estado != gateway.TramoCancelada {
		t.Errorf("cancelled: %+v %v", d, err)
	}
}

func TestPaquetePerdido_WhenTheReplacementBringsAllItAloneCounts(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	perdidos(w)
	antes := w.verifica
	w.verifica = func(id string, n int) (gateway.EstadoSolicitud, error) {
		if id != "id-1" {
			return estado("3", "5000", 10, "q_01"), nil
		}
		return antes(id, n)
	}
	d := w.acaba(w.nueva(nil))
	if d.Estado != gateway.DescargaTerminada || d.Progreso.Encontrados != 10 || d.Solicitudes[0].Estado != gateway.TramoSustituida {
		t.Errorf("%s %+v, %+v", d.Estado, d.Progreso, d.Solicitudes)
	}
}

// TestPaquetePerdido_WhenItIsAlwaysLostTheReplacementsAreSpread over the deadline.
func TestPaquetePerdido_WhenItIsAlwaysLostTheReplacementsAreSpread(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	w.trae = func(gateway.Paquete) error {
		return &gateway.Error{Kind: gateway.KindYaNoDisponible, Backend: "sat", Codigo: "5007", Detail: "d"}
	}
	d := w.acaba(w.nueva(func(p *gateway.PeticionDescarga) { p.Plazo = 72 * time.Hour }))
	if pasa := d.Terminada.Sub(d.Creada); d.Estado != gateway.DescargaFallida || len(w.pedidas) != maxSustituciones+1 || pasa < 36*time.Hour || pasa > 72*time.Hour {
		t.Errorf("%s after %s and %d solicitudes", d.Estado, pasa, len(w.pedidas))
	}
	w.sinRepetir()
}

func TestPaquete_WhenItIsRefusedOnAndOnItIsLost(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	pedidos := map[string]int{}
	w.trae = func(p gateway.Paquete) error {
		pedidos[p.IDPaquete]++
		if p.IDPaquete == "id-1_01" {
			return respuestas["303"]
		}
		return nil
	}
	if d := w.acaba(w.nueva(nil)); d.Estado != gateway.DescargaTerminada || pedidos["id-1_01"] != 4 || len(w.pedidas) != 2 {
		t.Errorf("%s, %v, %d solicitudes", d.Estado, pedidos, len(w.pedidas))
	}
}

// TestIncompleta_WhenMorePackagesComeLater: the SAT's list has been seen to grow
// by the hour.
func TestIncompleta_WhenMorePackagesComeLater(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	var primera time.Time
	w.verifica = func(id string, _ int) (gateway.EstadoSolicitud, error) {
		if primera.IsZero() {
			primera = w.reloj()
		}
		var hay []string
		for i := 0; i <= int(w.reloj().Sub(primera)/time.Hour) && i < 4; i++ {
			hay = append(hay, fmt.Sprintf("%s_%02d", id, i))
		}
		return estado("3", "5000", 40, hay...), nil
	}
	id := w.nueva(nil)
	for range 600 {
		if w.ve(id).Estado.Final() {
			break
		}
		w.anda(time.Minute)
	}
	if d := w.ve(id); d.Estado != gateway.DescargaTerminada || d.Progreso.Encontrados != 40 || d.Cuota.Solicitudes != 1 {
		t.Errorf("%s %s %+v", d.Estado, d.Motivo, d.Progreso)
	}
}

func TestIncompleta_WhenTheRestNeverComesItIsToldAndEnds(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	w.verifica = func(string, int) (gateway.EstadoSolicitud, error) { return estado("3", "5000", 12, "a"), nil }
	d := w.acaba(w.nueva(nil))
	if d.Estado != gateway.DescargaParcial || d.Motivo != "El SAT contó 12 comprobantes y se leen 10: faltan 2." || d.Terminada.Sub(d.Creada) > 3*time.Hour || w.miradas > maxMiradas+2 {
		t.Errorf("%s %q after %s and %d looks", d.Estado, d.Motivo, d.Terminada.Sub(d.Creada), w.miradas)
	}
}

// TestRetira_WhenSomeCannotBeRemoved: what another gateway flies, or a bucket that
// is away, is tried again; what is gone is gone.
func TestRetira_WhenSomeCannotBeRemoved(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	id := w.nueva(nil)
	w.acaba(id)
	w.pasa(25 * time.Hour)
	w.borra = &gateway.Error{Kind: gateway.KindNoDisponible, Detail: "d"}
	for range 2 {
		if err := w.Ronda(t.Context()); !gateway.IsKind(err, gateway.KindNoDisponible) {
			t.Errorf("%v", err)
		}
	}
	w.borra = &gateway.Error{Kind: gateway.KindNoEncontrado, Detail: "d"}
	for range 2 {
		if err := w.Ronda(t.Context()); err != nil {
			t.Errorf("%v", err)
		}
	}
	paquetes, _, err := w.Paquetes(t.Context(), id, "", 10)
	if err != nil || paquetes[0].Estado != gateway.PaqueteBorrado || len(w.borrados) != 3 {
		t.Errorf("%+v, removed %v, %v", paquetes, w.borrados, err)
	}
	eventos, err := w.Eventos(t.Context(), id, 0, 100)
	if err != nil || eventos[len(eventos)-1].Tipo != "retirada" {
		t.Errorf("%+v %v", eventos, err)
	}
}

// TestPaquetePerdido_WhenThisMachineLostItNoSolicitudIsSpent: the SAT is not asked anew,
// and a person is told why; a package that the SAT has lost beside it is another matter.
func TestPaquetePerdido_WhenThisMachineLostItNoSolicitudIsSpent(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		delSAT  bool
		pedidas int
	}{"alone": {false, 1}, "beside one that the SAT has lost": {true, 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := nuevoTaller(t)
			w.verifica = func(id string, _ int) (gateway.EstadoSolicitud, error) {
				return estado("3", "5000", 20, id+"_01", id+"_02"), nil
			}
			w.trae = func(p gateway.Paquete) error {
				switch p.IDPaquete {
				case "id-1_01":
					if _, err := w.st.Reserva(t.Context(), p, "yo", "yo", 2); err != nil {
						return err
					}
					if err := w.st.AnotaNuestra(t.Context(), p, 5); err != nil {
						return err
					}
					return &gateway.Error{Kind: gateway.KindYaNoDisponible, Own: gateway.OwnPaquetePerdido, Detail: "se perdió aquí"}
				case "id-1_02":
					if tc.delSAT {
						return &gateway.Error{Kind: gateway.KindYaNoDisponible, Backend: "sat", Codigo: "5007"}
					}
				}
				return nil
			}
			d := w.acaba(w.nueva(nil))
			if len(w.pedidas) != tc.pedidas || d.Cuota.Solicitudes != tc.pedidas {
				t.Errorf("%d solicitudes: %+v", len(w.pedidas), d)
			}
			if !tc.delSAT && (d.Estado != gateway.DescargaParcial || !strings.Contains(d.Motivo, "una falla de esta pasarela impidió guardar: 1")) {
				t.Errorf("%s: %s", d.Estado, d.Motivo)
			}
		})
	}
}

// TestPaquetePerdido_WhenItRanOutWhileThisMachineCouldNotKeepIt: 72 hours without room, or
// without the storage, cost no solicitud either; what the SAT has let run out by itself does.
func TestPaquetePerdido_WhenItRanOutWhileThisMachineCouldNotKeepIt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		antes   gateway.Kind
		pedidas int
	}{"for want of room": {gateway.KindSinServicio, 1}, "while the SAT was away": {gateway.KindNoDisponible, 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := nuevoTaller(t)
			w.verifica = func(id string, _ int) (gateway.EstadoSolicitud, error) {
				return estado("3", "5000", 20, id+"_01", id+"_02"), nil
			}
			veces := 0
			w.trae = func(p gateway.Paquete) error {
				if p.IDPaquete != "id-1_01" {
					return nil
				}
				if veces++; veces < 4 {
					return &gateway.Error{Kind: tc.antes, Own: gateway.OwnSinLugar, NoEnviada: true, Reintentable: true, Detail: "no hay dónde"}
				}
				// It was counted, and given back.
				if _, err := w.st.Reserva(t.Context(), p, "yo", "yo", 2); err != nil {
					return err
				}
				if err := w.st.Fracasa(t.Context(), p, "yo", 1, 0); err != nil {
					return err
				}
				return &gateway.Error{Kind: gateway.KindYaNoDisponible, Backend: "sat", Codigo: "5007", Detail: "venció"}
			}
			d := w.acaba(w.nueva(nil))
			if len(w.pedidas) != tc.pedidas || d.Cuota.Solicitudes != tc.pedidas {
				t.Errorf("%d solicitudes: %+v", len(w.pedidas), d)
			}
			if tc.pedidas == 1 && (d.Estado != gateway.DescargaParcial || !strings.Contains(d.Motivo, "una falla de esta pasarela impidió guardar: 1")) {
				t.Errorf("%s: %s", d.Estado, d.Motivo)
			}
		})
	}
}

// TestPaquetePerdido_WhenProcessesDiedWithIt: a flight that was begun and has no end on
// record is lost by us, whichever of the two it is.
func TestPaquetePerdido_WhenProcessesDiedWithIt(t *testing.T) {
	t.Parallel()
	for name, rotas := range map[string]int{"twice": 0, "once, after a broken delivery": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := nuevoTaller(t)
			w.trae = func(p gateway.Paquete) error {
				_, err := w.st.Reserva(t.Context(), p, "uno", "", 2)
				if err == nil && rotas > 0 {
					err = w.st.Fracasa(t.Context(), p, "uno", 0, rotas)
				}
				if err == nil {
					_, err = w.st.Reserva(t.Context(), p, "dos", "uno", 2)
				}
				row, errRow := w.st.Paquete(t.Context(), p)
				if err != nil || errRow != nil || row.Descargas != 2 || row.Rotas != rotas || !row.Falto() {
					t.Errorf("%+v, %v, %v", row, err, errRow)
				}
				return &gateway.Error{Kind: gateway.KindYaNoDisponible, Own: gateway.OwnPaquetePerdido, Detail: "se perdió aquí"}
			}
			d := w.acaba(w.nueva(nil))
			if len(w.pedidas) != 1 || d.Estado != gateway.DescargaFallida || !strings.Contains(d.Motivo, "una falla de esta pasarela impidió guardar: 1") {
				t.Errorf("%d solicitudes, %s: %s", len(w.pedidas), d.Estado, d.Motivo)
			}
		})
	}
}

// TestPaquete_WhenThisMachineLosesADownloadTheOtherWaits as long as it may.
func TestPaquete_WhenThisMachineLosesADownloadTheOtherWaits(t *testing.T) {
	t.Parallel()
	w := nuevoTaller(t)
	veces := 0
	w.trae = func(gateway.Paquete) error {
		if veces++; veces == 1 {
			return &gateway.Error{Kind: gateway.KindInterno, Own: gateway.OwnFallaPropia, Detail: "disco"}
		}
		return nil
	}
	id := w.nueva(nil)
	for range 20 {
		if veces > 0 {
			break
		}
		w.anda(time.Minute)
	}
	w.anda(ritmo.Maximo - time.Second)
	if veces != 1 {
		t.Errorf("tried %d times", veces)
	}
	if d := w.acaba(id); d.Estado != gateway.DescargaTerminada {
		t.Errorf("%+v", d)
	}
}
