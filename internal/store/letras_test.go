package store

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// hasta are the migrations of a database up to a version.
func hasta(t *testing.T, postgres bool, version string) fs.FS {
	t.Helper()
	dir := "migraciones/sqlite"
	if postgres {
		dir = "migraciones/postgres"
	}
	all := fstest.MapFS{}
	entries, err := fs.ReadDir(migraciones, dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() > version {
			continue
		}
		data, err := fs.ReadFile(migraciones, dir+"/"+e.Name())
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = &fstest.MapFile{Data: data}
	}
	return all
}

// puesta brings a database of an earlier program up to date, as who operates PostgreSQL
// does with a copy at hand.
func puesta(t *testing.T, c Config) {
	t.Helper()
	if c.DatabaseURL == "" {
		return
	}
	if _, _, err := Migra(t.Context(), c, true); err != nil {
		t.Fatal(err)
	}
}

// TestOpen_WhenPackagesWereKeptByEachSpelling: one row is left of each package, with a
// copy where one had it, and all that was downloaded.
func TestOpen_WhenPackagesWereKeptByEachSpelling(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		antes := cfg
		antes.archivos = hasta(t, cfg.DatabaseURL != "", "00009_z")
		s, err := Open(t.Context(), antes)
		if err != nil {
			t.Fatal(err)
		}
		for _, fila := range []string{
			`('cfdi', 'R', 'ABC_01', 1, 1, 'mayor', '', '')`, `('cfdi', 'R', 'abc_01', 1, 1, 'menor', '', '')`,
			`('cfdi', 'R', 'DEF_01', 1, 0, '', '', '')`, `('cfdi', 'R', 'def_01', 1, 1, 'entero', '', '')`,
			`('cfdi', 'R', 'ghi_01', 0, 0, '', 'parciales/x', '')`, `('cfdi', 'R', 'GHI_01', 1, 0, '', '', '2026-01-01T00:00:00Z')`,
			`('cfdi', 'S', 'abc_01', 2, 0, '', '', '')`, `('retenciones', 'R', 'abc_01', 1, 0, '', '', '')`,
		} {
			if _, err := s.DB().ExecContext(t.Context(), `INSERT INTO paquetes (servicio, rfc, id_paquete, descargas, completo, sha256, parcial, borrado) VALUES `+fila); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		puesta(t, cfg)
		s = open(t, cfg)
		for _, tc := range []struct {
			servicio gateway.Servicio
			rfc, id  string
			want     Paquete
		}{
			{gateway.CFDI, "R", "abc_01", Paquete{Descargas: 2, Completo: true}},
			{gateway.CFDI, "R", "dEf_01", Paquete{Descargas: 2, Completo: true, SHA256: "entero"}},
			{gateway.CFDI, "R", "GHI_01", Paquete{Descargas: 1, Parcial: "parciales/x"}},
			{gateway.CFDI, "S", "ABC_01", Paquete{Descargas: 2}},
			{gateway.Retenciones, "R", "ABC_01", Paquete{Descargas: 1}},
		} {
			got, err := s.Paquete(t.Context(), gateway.Paquete{Servicio: tc.servicio, RFCSolicitante: tc.rfc, IDPaquete: tc.id})
			if tc.want.SHA256 == "" {
				got.SHA256 = ""
			}
			if err != nil || got != tc.want {
				t.Errorf("%s %s: %+v, %v", tc.rfc, tc.id, got, err)
			}
		}
		var filas int
		if err := s.DB().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM paquetes WHERE id_paquete = upper(id_paquete)`).Scan(&filas); err != nil || filas != 5 {
			t.Errorf("%d rows, %v", filas, err)
		}
	})
}

func TestPaquete_WhenTheSATWritesIDsInBothCases(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg Config) {
		s := open(t, cfg)
		d := unaDescarga("a", nil)
		x := crea(t, s, d)
		p := gateway.Paquete{Servicio: d.Peticion.Solicitud.Servicio, RFCSolicitante: d.Peticion.Solicitud.RFCSolicitante, IDPaquete: "aBc_01"}
		quiere := func(want string) {
			t.Helper()
			p.IDPaquete = strings.ToUpper(p.IDPaquete)
			if id, err := s.EscrituraDelSAT(t.Context(), p); err != nil || id != want {
				t.Errorf("%q, %v, want %q", id, err, want)
			}
		}
		quiere("ABC_01")
		cambia(t, s, "a", func(c *Cambio) {
			x.Estado, x.IDSolicitud = gateway.TramoDescargando, "3f30A4e1"
			c.GuardaTramo(x)
			if c.NuevoPaquete(x.ID, "aBc_01", time.Time{}) == 0 || c.NuevoPaquete(x.ID, "ABC_01", time.Time{}) != 0 || c.NuevoPaquete(x.ID, "abc_02", time.Time{}) == 0 {
				t.Error("a package is there twice, or not at all")
			}
		})
		quiere("aBc_01")
		if todos, err := s.TramosDeSolicitud(t.Context(), "3F30a4E1"); err != nil || len(todos) != 1 {
			t.Errorf("%v, %v", todos, err)
		}
		if todos, err := s.TramosDeSolicitud(t.Context(), ""); err != nil || len(todos) != 0 {
			t.Errorf("%v, %v", todos, err)
		}
		if ok, err := s.Reserva(t.Context(), p, "yo", "", 2); !ok || err != nil {
			t.Fatal(ok, err)
		}
		filas, err := s.PaquetesDeTramo(t.Context(), x.ID)
		if err != nil || len(filas) != 2 || filas[0].Descargas != 1 || filas[0].Paquete.IDPaquete != "aBc_01" || filas[1].Descargas != 0 {
			t.Errorf("%+v, %v", filas, err)
		}
	})
}
