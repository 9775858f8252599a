package store

import (
	"testing"
	"time"
)

// TestToVerify_WhenReadingsAreOfDifferentAges: never read comes first, then the
// oldest; damaged ones are due sooner, and a reading of the future is none.
func TestToVerify_WhenReadingsAreOfDifferentAges(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		c.Now = func() time.Time { return now }
		s, err := Open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() }) //nolint:errcheck // read only by then
		for _, sql := range []string{
			`INSERT INTO objetos (sha256, verificado, dano) VALUES ('nunca', '', ''), ('vieja', '2026-02-01T00:00:00.000000Z', ''), ('nueva', '2026-03-01T11:00:00.000000Z', ''),
				('rota', '2026-03-01T10:00:00.000000Z', 'alterado'), ('futura', '2026-04-01T00:00:00.000000Z', ''), ('suelta', '', '')`,
			`INSERT INTO paquetes (servicio, rfc, id_paquete, sha256, bytes, completo) VALUES ('cfdi', 'r', 'A', 'nunca', 1, 1), ('cfdi', 'r', 'B', 'vieja', 2, 1), ('cfdi', 'r', 'C', 'vieja', 2, 1),
				('cfdi', 'r', 'D', 'nueva', 3, 1), ('cfdi', 'r', 'E', 'rota', 4, 1), ('cfdi', 'r', 'F', 'futura', 5, 1), ('cfdi', 'r', 'G', 'suelta', 6, 0)`,
		} {
			if _, err := s.DB().ExecContext(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
		}
		list := func() (out string) {
			t.Helper()
			all, err := s.Blobs.ToVerify(t.Context(), 7*24*time.Hour, time.Hour, time.Hour, 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range all {
				out += " " + o.SHA256
			}
			return out
		}
		if got, want := list(), " nunca vieja rota futura"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		for _, sha256 := range []string{"nunca", "futura", "suelta"} {
			if err := s.Blobs.RecordVerification(t.Context(), sha256, "m", DanoAusente); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := list(), " vieja rota"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		now = now.Add(time.Minute)
		if v, err := s.Blobs.Verification(t.Context(), "nunca"); err != nil || v != (Verification{Done: true, Make: time.Minute, Mark: "m", Damage: DanoAusente}) {
			t.Errorf("%+v, %v", v, err)
		}
		if v, err := s.Blobs.Verification(t.Context(), "suelta"); err != nil || v.Done {
			t.Errorf("%+v, %v", v, err) // nobody refers to it
		}
		if v, err := s.Live(t.Context(), now, 1); err != nil || v.DamagedPaquetes != 3 {
			t.Errorf("%+v, %v", v, err)
		}
	})
}
