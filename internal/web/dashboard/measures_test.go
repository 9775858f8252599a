package dashboard

import (
	"testing"
	"time"
)

func TestMeasures(t *testing.T) {
	t.Parallel()
	a := now()
	for _, c := range [][2]string{
		{rango("2026-01-01T00:00:00", "2026-01-31T23:59:59"), "del 1 ene 2026 al 31 ene 2026"},
		{rango("2026-12-01T00:00:00", "2026-12-01T23:59:59"), "el 1 dic 2026"},
		{rango("2026-01-01T00:00:01", "2026-01-01T23:59:59"), "del 1 ene 2026 00:00:01 al 1 ene 2026"},
		{rango("2026-01-01T00:00:00", "2026-01-02T00:00:00"), "del 1 ene 2026 al 2 ene 2026 00:00:00"},
		{rango("2026-01-01T00:00:00", ""), "desde el 1 ene 2026"},
		{rango("que sé yo", "T"), "del que sé yo al T"},
		{instant(time.Date(2026, 1, 1, 5, 59, 59, 0, time.UTC)), "31 dic 2025 23:59:59"},
		{missing(a, a.Add(59*time.Second)), "en 59 s"},
		{missing(a, a.Add(61*time.Second)), "en 1 min"},
		{missing(a, a.Add(2*time.Hour+5*time.Minute)), "en 2 h 5 min"},
		{missing(a, a.Add(47*time.Hour+59*time.Minute)), "en 47 h 59 min"},
		{missing(a, a.Add(48*time.Hour)), "en 2 días"},
		{missing(a, a), "ya toca"}, {missing(a, a.Add(-time.Hour)), "ya toca"},
		{build(a, a.Add(-time.Second)), "hace 1 s"}, {build(a, a.Add(time.Hour)), "ahora mismo"},
		{days(a, a.Add(-time.Hour)), "venció hace 1 h"}, {days(a, a.Add(72*time.Hour)), "vence en 3 días"},
		{plural(1, "día", "días"), "1 día"}, {plural(0, "día", "días"), "0 días"}, {plural(1200, "día", "días"), "1,200 días"},
		{size(0), "0 B"}, {size(999), "999 B"}, {size(1000), "1.0 kB"}, {size(9960), "10 kB"}, {size(999_499), "999 kB"}, {size(999_500), "1.0 MB"},
		{size(2_147_483_648), "2.1 GB"}, {size(5_000_000_000_000_000), "5000 TB"},
	} {
		if c[0] != c[1] {
			t.Errorf("%q, want %q", c[0], c[1])
		}
	}
}
