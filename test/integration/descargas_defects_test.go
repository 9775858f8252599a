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

// What a package's defect leads to.
const (
	isRead      = "it is read as it is"
	isRequested = "something that is there cannot be read, or nothing is there: the second delivery is fetched"
	isMissing   = "something is not there"
)

// cfdiDefects and metadataDefects are all defects that the sandbox can make.
func cfdiDefects() map[string]string {
	return map[string]string{
		"crc": isRequested, "deflate64": isRequested, "bzip2": isRequested, "cifrada": isRequested, "xml_cortado": isRequested, "sin_entradas": isRequested,
		"faltante": isMissing, "en_lugar": isMissing,
		"repetida": isRead, "repetida copia_doble": isRead, "otro_nombre": isRead, "windows1252": isRead, "utf16": isRead, "marca": isRead,
		"antes_del_xml": isRead, "despues_del_xml": isRead, "addenda_amp": isRead, "addenda_latin1": isRead, "cola": isRead,
	}
}

func metadataDefects() map[string]string {
	return map[string]string{
		"crc": isRequested, "deflate64": isRequested, "bzip2": isRequested, "cifrada": isRequested, "sin_entradas": isRequested, "faltante": isMissing, "en_lugar": isMissing,
		"repetida": isRead, "solo_lf": isRead, "nombre_lf": isRead, "nombre_cr": isRead, "nombre_crlf": isRead, "solo_lf nombre_lf": isRead, "renglones_vacios": isRead,
		"renglones_vacios solo_lf": isRead, "windows1252": isRead, "windows1252 solo_lf nombre_crlf": isRead, "marca": isRead, "fin_sin_salto": isRead, "cola": isRead,
	}
}

// folios are those of a complete descarga of the day.
func (r *rig) folios(day string, current bool) []string {
	r.t.Helper()
	since, err := time.Parse(time.DateOnly, day)
	if err != nil {
		r.t.Fatal(err)
	}
	var all []string
	for uuid, cancelled := range r.Sandbox.Folios(gatewaytest.Company, sat.Emitidos, since, since.Add(24*time.Hour-time.Second)) {
		if !current || !cancelled {
			all = append(all, uuid.String())
		}
	}
	slices.Sort(all)
	return all
}

// Whatever is wrong inside a package, once or in each delivery, a descarga is terminada
// if and only if every folio that the SAT counted can be read from an undamaged part. No
// package is fetched a third time.
func TestDescargas_WhenAPackageHasADefect(t *testing.T) {
	t.Parallel()
	for tipo, defects := range map[string]map[string]string{"CFDI": cfdiDefects(), "Metadata": metadataDefects()} {
		for _, times := range []int{1, 0} {
			t.Run(fmt.Sprintf("%s, veces %d", tipo, times), func(t *testing.T) {
				t.Parallel()
				r := mountRig(t, gatewaytest.Options{}, map[string]any{"cfdis_por_dia": 12})
				n := 0
				for which, que := range defects {
					n++
					day := time.Date(2025, 1, n, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
					t.Run(which, func(t *testing.T) { // in turn: a fault knows no range
						r.withDefault(t, tipo, day, que, sandbox.Falla{Tipo: control.ConDefectos, Defectos: strings.Fields(which), Veces: times})
					})
				}
			})
		}
	}
}

// withDefault makes a descarga of a day whose package has the defects of f.
func (r *rig) withDefault(t *testing.T, tipo, day, que string, f sandbox.Falla) {
	t.Helper()
	if _, err := r.Sandbox.Fallas().Add(f); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Sandbox.Fallas().Reset)
	rango := map[string]any{"fechaInicial": day + "T00:00:00", "fechaFinal": day + "T23:59:59"}
	path := create(t, r.Gateway, request(tipo, rango))
	d := wait(t, r.Gateway, path)

	list := map[string]string{"CFDI": "cfdis", "Metadata": "metadatos"}[tipo]
	read := r.read(t, path, list)
	has := r.folios(day, tipo == "CFDI")
	served := r.Sandbox.Estado().Solicitudes[len(r.Sandbox.Estado().Solicitudes)-1].PorPaquete[0].Servidas
	// A damaged text may have all its rows, and they may differ from the SAT's.
	all := slices.Equal(read, has) && (d.Progreso.Ilegibles == 0 || !slices.Contains(f.Defectos, "crc"))
	if (d.Estado == "terminada") != all || d.Estado != "terminada" && d.Estado != "parcial" {
		t.Errorf("%s %q with %d of %d: %+v", d.Estado, d.Motivo, len(read), len(has), d.Progreso)
	}
	if int(d.Progreso.Encontrados) != len(read) || int(d.Progreso.NumeroCFDIs) != len(has) || d.Cuota.SolicitudesPresentadas != 1 || int64(d.Cuota.PaquetesServidos) != served || served > 2 {
		t.Errorf("%+v %+v; %d read of %d, served %d times, events %v", d.Progreso, d.Cuota, len(read), len(has), served, eventos(t, r, path))
	}
	switch {
	case que == isRead && (!all || served != 1):
		t.Errorf("%s %q: served %d times, %d of %d, events %v", d.Estado, d.Motivo, served, len(read), len(has), eventos(t, r, path))
	case que == isRequested && (served != 2 || all != (f.Veces == 1) || (d.Progreso.Ilegibles > 0) == all && !slices.Contains(f.Defectos, "sin_entradas")):
		t.Errorf("%s %q: served %d times, %d of %d, %d faults, events %v", d.Estado, d.Motivo, served, len(read), len(has), d.Progreso.Ilegibles, eventos(t, r, path))
	case que == isMissing && f.Veces == 0 && all:
		t.Error("nothing is missing")
	}
	if tipo != "CFDI" {
		return
	}
	for _, uuid := range read {
		if got := r.Get(path + "/cfdis/" + uuid); got.Status != 200 {
			t.Errorf("%s is listed and cannot be fetched: %d %.300s", uuid, got.Status, got.Body)
		}
	}
}

// read returns the distinct folios of a list, sorted and in lower case.
func (r *rig) read(t *testing.T, path, list string) []string {
	t.Helper()
	var all []string
	for next := path + "/" + list + "?parcial=true"; next != ""; {
		got := r.Get(next)
		wantStatus(t, got, 200)
		var page map[string][]struct{ UUID string }
		got.JSON(t, &page)
		for _, row := range page[list] {
			all = append(all, strings.ToLower(row.UUID))
		}
		next = nextOf(got)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
