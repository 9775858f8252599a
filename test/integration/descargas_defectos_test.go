package integration

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
	"github.com/pasarela-mx/pasarela/internal/sandbox/sat"
)

// What a defect of a package comes to.
const (
	seLee   = "it is read as it is"
	sePide  = "something that is there cannot be read, or nothing is there: the second delivery is fetched"
	seFalta = "something is not there"
)

// defectosCFDI and defectosMetadata are all that the sandbox can do to a package.
func defectosCFDI() map[string]string {
	return map[string]string{
		"crc": sePide, "deflate64": sePide, "bzip2": sePide, "cifrada": sePide, "xml_cortado": sePide, "sin_entradas": sePide,
		"faltante": seFalta, "en_lugar": seFalta,
		"repetida": seLee, "repetida copia_doble": seLee, "otro_nombre": seLee, "windows1252": seLee, "utf16": seLee, "marca": seLee,
		"antes_del_xml": seLee, "despues_del_xml": seLee, "addenda_amp": seLee, "addenda_latin1": seLee, "cola": seLee,
	}
}

func defectosMetadata() map[string]string {
	return map[string]string{
		"crc": sePide, "deflate64": sePide, "bzip2": sePide, "cifrada": sePide, "sin_entradas": sePide, "faltante": seFalta, "en_lugar": seFalta,
		"repetida": seLee, "solo_lf": seLee, "nombre_lf": seLee, "nombre_cr": seLee, "nombre_crlf": seLee, "solo_lf nombre_lf": seLee, "renglones_vacios": seLee,
		"renglones_vacios solo_lf": seLee, "windows1252": seLee, "windows1252 solo_lf nombre_crlf": seLee, "marca": seLee, "fin_sin_salto": seLee, "cola": seLee,
	}
}

// folios are those that a whole descarga of the day has.
func (r *rig) folios(dia string, vigentes bool) []string {
	r.t.Helper()
	desde, err := time.Parse(time.DateOnly, dia)
	if err != nil {
		r.t.Fatal(err)
	}
	var todos []string
	for uuid, cancelado := range r.Sandbox.Folios(gatewaytest.Empresa, sat.Emitidos, desde, desde.Add(24*time.Hour-time.Second)) {
		if !vigentes || !cancelado {
			todos = append(todos, uuid.String())
		}
	}
	slices.Sort(todos)
	return todos
}

// TestDescargas_WhenAPackageHasADefect: whatever is wrong inside a package, once or
// each time it is served, a descarga is terminada when, and only when, every folio
// that the SAT counted can be read from what is whole, and no package is fetched a third time.
func TestDescargas_WhenAPackageHasADefect(t *testing.T) {
	t.Parallel()
	for tipo, defectos := range map[string]map[string]string{"CFDI": defectosCFDI(), "Metadata": defectosMetadata()} {
		for _, veces := range []int{1, 0} {
			t.Run(fmt.Sprintf("%s, veces %d", tipo, veces), func(t *testing.T) {
				t.Parallel()
				r := montaRig(t, gatewaytest.Options{}, map[string]any{"cfdis_por_dia": 12})
				n := 0
				for cuales, que := range defectos {
					n++
					dia := time.Date(2025, 1, n, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
					t.Run(cuales, func(t *testing.T) { // in turn: a fault knows no range
						r.conDefecto(t, tipo, dia, que, sandbox.Falla{Tipo: control.ConDefectos, Defectos: strings.Fields(cuales), Veces: veces})
					})
				}
			})
		}
	}
}

// conDefecto makes a descarga of a day whose package has the defects of f.
func (r *rig) conDefecto(t *testing.T, tipo, dia, que string, f sandbox.Falla) {
	t.Helper()
	if _, err := r.Sandbox.Fallas().Agrega(f); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Sandbox.Fallas().Reinicia)
	rango := map[string]any{"fechaInicial": dia + "T00:00:00", "fechaFinal": dia + "T23:59:59"}
	path := crea(t, r.Gateway, peticion(tipo, rango))
	d := espera(t, r.Gateway, path)

	lista := map[string]string{"CFDI": "cfdis", "Metadata": "metadatos"}[tipo]
	leidos := r.leidos(t, path, lista)
	hay := r.folios(dia, tipo == "CFDI")
	servidas := r.Sandbox.Estado().Solicitudes[len(r.Sandbox.Estado().Solicitudes)-1].PorPaquete[0].Servidas
	// A damaged text may have all its rows, and they may not be what the SAT packed.
	todo := slices.Equal(leidos, hay) && (d.Progreso.Ilegibles == 0 || !slices.Contains(f.Defectos, "crc"))
	if (d.Estado == "terminada") != todo || d.Estado != "terminada" && d.Estado != "parcial" {
		t.Errorf("%s %q with %d of %d: %+v", d.Estado, d.Motivo, len(leidos), len(hay), d.Progreso)
	}
	if int(d.Progreso.Encontrados) != len(leidos) || int(d.Progreso.NumeroCFDIs) != len(hay) || d.Cuota.SolicitudesPresentadas != 1 || int64(d.Cuota.PaquetesServidos) != servidas || servidas > 2 {
		t.Errorf("%+v %+v; %d read of %d, served %d times, events %v", d.Progreso, d.Cuota, len(leidos), len(hay), servidas, eventos(t, r, path))
	}
	switch {
	case que == seLee && (!todo || servidas != 1):
		t.Errorf("%s %q: served %d times, %d of %d, events %v", d.Estado, d.Motivo, servidas, len(leidos), len(hay), eventos(t, r, path))
	case que == sePide && (servidas != 2 || todo != (f.Veces == 1) || (d.Progreso.Ilegibles > 0) == todo && !slices.Contains(f.Defectos, "sin_entradas")):
		t.Errorf("%s %q: served %d times, %d of %d, %d faults, events %v", d.Estado, d.Motivo, servidas, len(leidos), len(hay), d.Progreso.Ilegibles, eventos(t, r, path))
	case que == seFalta && f.Veces == 0 && todo:
		t.Error("nothing is missing")
	}
	if tipo != "CFDI" {
		return
	}
	for _, uuid := range leidos {
		if got := r.Get(path + "/cfdis/" + uuid); got.Status != 200 {
			t.Errorf("%s is listed and cannot be fetched: %d %.300s", uuid, got.Status, got.Body)
		}
	}
}

// leidos are the distinct folios that a list has, in order and lower case.
func (r *rig) leidos(t *testing.T, path, lista string) []string {
	t.Helper()
	var todos []string
	for next := path + "/" + lista + "?parcial=true"; next != ""; {
		got := r.Get(next)
		wantStatus(t, got, 200)
		var page map[string][]struct{ UUID string }
		got.JSON(t, &page)
		for _, fila := range page[lista] {
			todos = append(todos, strings.ToLower(fila.UUID))
		}
		next = nextOf(got)
	}
	slices.Sort(todos)
	return slices.Compact(todos)
}
