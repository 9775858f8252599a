package telemetry

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func sources(base func() (Base, error)) Sources {
	today := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return Sources{
		Now: func() time.Time { return today }, Base: base,
		EFirmas: func() []EFirma {
			return []EFirma{{RFC: "AAA010101AAA", Expire: today.Add(36 * time.Hour), Serve: true}, {RFC: "BBB010101BBB", Expire: today.Add(-24 * time.Hour)}, {RFC: "CCC010101CCC"}}
		},
		Unwritten: func() int { return 2 }, Keys: func() time.Duration { return 90 * time.Second },
		KeysThatExpire: func() []Key {
			var all []Key
			for name, days := range map[string]int{"lejana": 31, "próxima": 29, "vencida": -6, "olvidada": -8} {
				all = append(all, Key{name, today.AddDate(0, 0, days)})
			}
			return all
		},
		RefusedCuentas: func() int { return 1 },
		Machine:        func() (Machine, error) { return Machine{Free: 10, Needed: 11, Floor: 9, Postponed: 12}, nil },
		Hands:          func() []Hands { return []Hands{{Kind: "paquetes", All: 4, Busy: 3}} },
		Clock:          func() Clock { return Clock{OfSAT: true, Lead: -90 * time.Second} },
	}
}

func TestWatch_WhenTheDatabaseAnswers(t *testing.T) {
	t.Parallel()
	m := NewMetrics("v1")
	m.Watch(sources(func() (Base, error) {
		return Base{Descargas: map[string]int64{"en_cola": 3}, Overdue: 4, Queue: map[string]Waiting{"webhooks": {Rows: 6, Beat: 1500 * time.Millisecond}}, PaquetesAtLimit: 5, RangosAtLimit: 6, DamagedPaquetes: 7, ToSave: 8, Wait: 9 * time.Second}, nil
	}))
	const want = `
# HELP pasarela_api_key_expiry_days Days until the API key of that name is refused, of those that have 30 or fewer; negative for a week after.
# TYPE pasarela_api_key_expiry_days gauge
pasarela_api_key_expiry_days{clave="próxima"} 29
pasarela_api_key_expiry_days{clave="vencida"} -6
# HELP pasarela_api_keys_fault_seconds How long the file of the API keys has been at fault; 0 while it is good. After half an hour nobody is served.
# TYPE pasarela_api_keys_fault_seconds gauge
pasarela_api_keys_fault_seconds 90
# HELP pasarela_clock_believed 1 while the machine's clock is believed, 0 while deadlines and retention wait for it to be confirmed.
# TYPE pasarela_clock_believed gauge
pasarela_clock_believed 0
# HELP pasarela_clock_skew_seconds How far the machine's clock is ahead of the SAT's; missing until the SAT has told the time.
# TYPE pasarela_clock_skew_seconds gauge
pasarela_clock_skew_seconds -90
# HELP pasarela_database_up 1 while the database takes writes. While it is 0, what is read from it is missing.
# TYPE pasarela_database_up gauge
pasarela_database_up 1
# HELP pasarela_descargas Durable downloads that have not ended, by state.
# TYPE pasarela_descargas gauge
pasarela_descargas{estado="en_cola"} 3
# HELP pasarela_descargas_al_limite Packages and ranges of durable downloads that have spent what the SAT grants but for the last.
# TYPE pasarela_descargas_al_limite gauge
pasarela_descargas_al_limite{cuota="paquete"} 5
pasarela_descargas_al_limite{cuota="rango"} 6
# HELP pasarela_descargas_atrasadas Steps of durable downloads that were due over a minute ago.
# TYPE pasarela_descargas_atrasadas gauge
pasarela_descargas_atrasadas 4
# HELP pasarela_disk_free_bytes Free on the disk of GATEWAY_DATA_DIR, where packages arrive.
# TYPE pasarela_disk_free_bytes gauge
pasarela_disk_free_bytes 10
# HELP pasarela_disk_needed_bytes What must be free on that disk for one more package to be asked for.
# TYPE pasarela_disk_needed_bytes gauge
pasarela_disk_needed_bytes 11
# HELP pasarela_disk_floor_bytes What stays free on that disk (GATEWAY_DISCO_LIBRE): below it nothing is fetched, and no file is taken.
# TYPE pasarela_disk_floor_bytes gauge
pasarela_disk_floor_bytes 9
# HELP pasarela_efirma_expiry_days Days until the e.firma of the RFC expires; negative when it has.
# TYPE pasarela_efirma_expiry_days gauge
pasarela_efirma_expiry_days{rfc="AAA010101AAA"} 1.5
pasarela_efirma_expiry_days{rfc="BBB010101BBB"} -1
# HELP pasarela_efirma_usable 1 while the e.firma of the RFC can sign, 0 while it cannot: /descargas says why.
# TYPE pasarela_efirma_usable gauge
pasarela_efirma_usable{rfc="AAA010101AAA"} 1
pasarela_efirma_usable{rfc="BBB010101BBB"} 0
pasarela_efirma_usable{rfc="CCC010101CCC"} 0
# HELP pasarela_ledger_unwritten Outcomes of messages that left, which the database has not taken yet. They are in memory only.
# TYPE pasarela_ledger_unwritten gauge
pasarela_ledger_unwritten 2
# HELP pasarela_pade_refused_accounts Accounts that the PAC refused and that are not tried until they are unblocked.
# TYPE pasarela_pade_refused_accounts gauge
pasarela_pade_refused_accounts 1
# HELP pasarela_paquetes_aplazados_total Downloads that were not asked for, as this machine had not the room or the ledger that they take.
# TYPE pasarela_paquetes_aplazados_total counter
pasarela_paquetes_aplazados_total 12
# HELP pasarela_paquetes_danados Stored packages whose bytes are no longer those that the SAT delivered, or are gone.
# TYPE pasarela_paquetes_danados gauge
pasarela_paquetes_danados 7
# HELP pasarela_queue_hands How many steps of a kind of work this gateway makes at once.
# TYPE pasarela_queue_hands gauge
pasarela_queue_hands{kind="paquetes"} 4
# HELP pasarela_queue_hands_busy How many it is making.
# TYPE pasarela_queue_hands_busy gauge
pasarela_queue_hands_busy{kind="paquetes"} 3
# HELP pasarela_queue_late_seconds How late the first of those is; 0 while none waits.
# TYPE pasarela_queue_late_seconds gauge
pasarela_queue_late_seconds{kind="webhooks"} 1.5
# HELP pasarela_queue_waiting Steps that are due and wait for a hand, by kind of work.
# TYPE pasarela_queue_waiting gauge
pasarela_queue_waiting{kind="webhooks"} 6
# HELP pasarela_spool_age_seconds How long the first of those has waited; 0 while none does.
# TYPE pasarela_spool_age_seconds gauge
pasarela_spool_age_seconds 9
# HELP pasarela_spool_bytes Packages received whole that wait on a gateway's disk for their storage to take them.
# TYPE pasarela_spool_bytes gauge
pasarela_spool_bytes 8
`
	if err := testutil.GatherAndCompare(m.Registry(), strings.NewReader(want), "pasarela_api_key_expiry_days", "pasarela_api_keys_fault_seconds", "pasarela_clock_believed", "pasarela_clock_skew_seconds", "pasarela_database_up", "pasarela_descargas", "pasarela_descargas_al_limite",
		"pasarela_descargas_atrasadas", "pasarela_efirma_expiry_days", "pasarela_efirma_usable", "pasarela_ledger_unwritten", "pasarela_pade_refused_accounts", "pasarela_paquetes_danados", "pasarela_disk_free_bytes", "pasarela_disk_needed_bytes", "pasarela_disk_floor_bytes",
		"pasarela_queue_hands", "pasarela_queue_hands_busy", "pasarela_queue_late_seconds", "pasarela_queue_waiting", "pasarela_paquetes_aplazados_total", "pasarela_spool_bytes", "pasarela_spool_age_seconds"); err != nil {
		t.Error(err)
	}
}

// A database outage drops no other metric: they are needed just then.
func TestWatch_WhenTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	m := NewMetrics("v1")
	m.Watch(sources(func() (Base, error) { return Base{}, errors.New("away") }))
	const want = `
# HELP pasarela_database_up 1 while the database takes writes. While it is 0, what is read from it is missing.
# TYPE pasarela_database_up gauge
pasarela_database_up 0
# HELP pasarela_ledger_unwritten Outcomes of messages that left, which the database has not taken yet. They are in memory only.
# TYPE pasarela_ledger_unwritten gauge
pasarela_ledger_unwritten 2
`
	if err := testutil.GatherAndCompare(m.Registry(), strings.NewReader(want), "pasarela_database_up", "pasarela_descargas", "pasarela_descargas_al_limite",
		"pasarela_descargas_atrasadas", "pasarela_ledger_unwritten"); err != nil {
		t.Error(err)
	}
}

// An alert on an increase sees the first failure only in series that existed before.
func TestNewMetrics_HasSeriesOfTokensBeforeAnyIsAsked(t *testing.T) {
	t.Parallel()
	if n := testutil.CollectAndCount(NewMetrics("v1").Registry(), "pasarela_token_fetches_total"); n != 4 {
		t.Errorf("%d series, want 4", n)
	}
}

// A disk that cannot be measured has no metric and drops no other.
func TestWatch_WhenTheDiskCannotBeMeasured(t *testing.T) {
	t.Parallel()
	m := NewMetrics("v1")
	f := sources(func() (Base, error) { return Base{}, nil })
	f.Machine = func() (Machine, error) { return Machine{Postponed: 3}, errors.New("no such disk") }
	m.Watch(f)
	for name, want := range map[string]int{"pasarela_disk_free_bytes": 0, "pasarela_disk_needed_bytes": 0, "pasarela_disk_floor_bytes": 0, "pasarela_paquetes_aplazados_total": 1, "pasarela_database_up": 1} {
		if n := testutil.CollectAndCount(m.Registry(), name); n != want {
			t.Errorf("%d of %s, want %d", n, name, want)
		}
	}
}
