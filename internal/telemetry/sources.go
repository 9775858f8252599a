package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Sources are the functions behind the gauges, called at each scrape. None may call a
// system.
type Sources struct {
	Now     func() time.Time
	EFirmas func() []EFirma
	// Base reads the database. Its failure is a gauge of its own.
	Base func() (Base, error)
	// Unwritten counts the outcomes that the database has not accepted yet.
	Unwritten func() int
	// Clock returns what is known of the machine's clock.
	Clock func() Clock
	// RefusedCuentas counts the PAC's accounts that are no longer tried.
	RefusedCuentas func() int
	// Keys returns how long the file of API keys has been faulty; zero if it is not.
	Keys func() time.Duration
	// KeysThatExpire returns the API keys that have an end.
	KeysThatExpire func() []Key
	// Machine returns this machine's room for incoming packages.
	Machine func() (Machine, error)
	// Hands returns how busy each kind of work is on this gateway.
	Hands func() []Hands
}

// Machine is this machine's room for incoming packages: the free bytes, and the bytes
// that must be free before another one is requested.
type Machine struct {
	Free, Needed int64
	// Floor is the free space below which no package is received.
	Floor int64
	// Postponed counts downloads that were not requested because this machine lacked
	// something.
	Postponed int64
}

// Clock reports whether the machine's clock is trusted and, if the SAT's time is known,
// how far it is ahead of that.
type Clock struct {
	Believed bool
	OfSAT    bool
	Lead     time.Duration
}

// EFirma is one folder of the keyring.
type EFirma struct {
	RFC    string
	Expire time.Time // zero if it could not be opened
	Serve  bool
}

// Key is the name and end of an API key.
type Key struct {
	Name   string
	Expire time.Time
}

// A key has a gauge from toExpire before its end to expired after it. The gauge must name
// the key that has to be renewed, and ten thousand keys must not make ten thousand
// series.
const (
	toExpire = 30 * 24 * time.Hour
	expired  = 7 * 24 * time.Hour
)

// Base is the state of the database. Gateways that share one report the same.
type Base struct {
	Descargas                      map[string]int64 // not finished, by state
	Overdue                        int64
	PaquetesAtLimit, RangosAtLimit int64
	// DamagedPaquetes counts stored packages whose bytes have changed or are gone.
	DamagedPaquetes int64
	// Queue is the work that is due and waits for a hand, by kind.
	Queue map[string]Waiting
	// ToSave is the number of bytes that wait for the package storage; Wait is how long
	// the first of them have waited.
	ToSave int64
	Wait   time.Duration
}

// Waiting is the work that waits for a hand: the number of rows and the delay of the
// first.
type Waiting struct {
	Rows int64
	Beat time.Duration
}

// Hands describes the hands for one kind of work on this gateway.
type Hands struct {
	Kind      string
	All, Busy int
}

// Watch registers the gauges.
func (m *Metrics) Watch(f Sources) { m.registry.MustRegister(&reader{f}) }

type reader struct{ Sources }

// The gauges. Only e.firmas have the RFC as a label: the operator made a folder for each,
// and has to know which one to renew. On requests, calls and descargas, a firm with ten
// thousand RFCs would have ten thousand series of each.
func descs() (d struct {
	days, serve, base, live, overdue, limit, damaged, unwritten, refused, believed, lead,
	free, needed, floor, postponed, toSave, wait, keys, daysKeys, waiting, beat, hands, busy *prometheus.Desc
}) {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	d.days = desc("pasarela_efirma_expiry_days", "Days until the e.firma of the RFC expires; negative when it has.", "rfc")
	d.serve = desc("pasarela_efirma_usable", "1 while the e.firma of the RFC can sign, 0 while it cannot: /descargas says why.", "rfc")
	d.base = desc("pasarela_database_up", "1 while the database takes writes. While it is 0, what is read from it is missing.")
	d.live = desc("pasarela_descargas", "Durable downloads that have not ended, by state.", "estado")
	d.overdue = desc("pasarela_descargas_atrasadas", "Steps of durable downloads that were due over a minute ago.")
	d.limit = desc("pasarela_descargas_al_limite", "Packages and ranges of durable downloads that have spent what the SAT grants but for the last.", "cuota")
	d.damaged = desc("pasarela_paquetes_danados", "Stored packages whose bytes are no longer those that the SAT delivered, or are gone.")
	d.unwritten = desc("pasarela_ledger_unwritten", "Outcomes of messages that left, which the database has not taken yet. They are in memory only.")
	d.refused = desc("pasarela_pade_refused_accounts", "Accounts that the PAC refused and that are not tried until they are unblocked.")
	d.believed = desc("pasarela_clock_believed", "1 while the machine's clock is believed, 0 while deadlines and retention wait for it to be confirmed.")
	d.lead = desc("pasarela_clock_skew_seconds", "How far the machine's clock is ahead of the SAT's; missing until the SAT has told the time.")
	d.free = desc("pasarela_disk_free_bytes", "Free on the disk of GATEWAY_DATA_DIR, where packages arrive.")
	d.needed = desc("pasarela_disk_needed_bytes", "What must be free on that disk for one more package to be asked for.")
	d.floor = desc("pasarela_disk_floor_bytes", "What stays free on that disk (GATEWAY_DISCO_LIBRE): below it nothing is fetched, and no file is taken.")
	d.postponed = desc("pasarela_paquetes_aplazados_total", "Downloads that were not asked for, as this machine had not the room or the ledger that they take.")
	d.toSave = desc("pasarela_spool_bytes", "Packages received whole that wait on a gateway's disk for their storage to take them.")
	d.wait = desc("pasarela_spool_age_seconds", "How long the first of those has waited; 0 while none does.")
	d.keys = desc("pasarela_api_keys_fault_seconds", "How long the file of the API keys has been at fault; 0 while it is good. After half an hour nobody is served.")
	d.daysKeys = desc("pasarela_api_key_expiry_days", "Days until the API key of that name is refused, of those that have 30 or fewer; negative for a week after.", "clave")
	d.waiting = desc("pasarela_queue_waiting", "Steps that are due and wait for a hand, by kind of work.", "kind")
	d.beat = desc("pasarela_queue_late_seconds", "How late the first of those is; 0 while none waits.", "kind")
	d.hands = desc("pasarela_queue_hands", "How many steps of a kind of work this gateway makes at once.", "kind")
	d.busy = desc("pasarela_queue_hands_busy", "How many it is making.", "kind")
	return d
}

// Describe implements prometheus.Collector.
func (l *reader) Describe(ch chan<- *prometheus.Desc) {
	d := descs()
	for _, desc := range []*prometheus.Desc{d.days, d.serve, d.base, d.live, d.overdue, d.limit, d.damaged, d.unwritten, d.refused, d.believed, d.lead,
		d.free, d.needed, d.floor, d.postponed, d.toSave, d.wait, d.keys, d.daysKeys,
		d.waiting, d.beat, d.hands, d.busy} {
		ch <- desc
	}
}

// Collect implements prometheus.Collector.
func (l *reader) Collect(ch chan<- prometheus.Metric) {
	d := descs()
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	for _, e := range l.EFirmas() {
		if !e.Expire.IsZero() {
			gauge(d.days, e.Expire.Sub(l.Now()).Hours()/24, e.RFC)
		}
		gauge(d.serve, one(e.Serve), e.RFC)
	}
	gauge(d.unwritten, float64(l.Unwritten()))
	gauge(d.refused, float64(l.RefusedCuentas()))
	gauge(d.keys, l.Keys().Seconds())
	for _, c := range l.KeysThatExpire() {
		if left := c.Expire.Sub(l.Now()); -expired < left && left < toExpire {
			gauge(d.daysKeys, left.Hours()/24, c.Name)
		}
	}
	for _, h := range l.Hands() {
		gauge(d.hands, float64(h.All), h.Kind)
		gauge(d.busy, float64(h.Busy), h.Kind)
	}
	clock := l.Clock()
	gauge(d.believed, one(clock.Believed))
	if clock.OfSAT {
		gauge(d.lead, clock.Lead.Seconds())
	}
	machine, err := l.Machine()
	ch <- prometheus.MustNewConstMetric(d.postponed, prometheus.CounterValue, float64(machine.Postponed))
	if err == nil {
		gauge(d.free, float64(machine.Free))
		gauge(d.needed, float64(machine.Needed))
		gauge(d.floor, float64(machine.Floor))
	}
	// An error here would drop every other metric, just when they are needed.
	base, err := l.Base()
	gauge(d.base, one(err == nil))
	if err != nil {
		return
	}
	for estado, n := range base.Descargas {
		gauge(d.live, float64(n), estado)
	}
	gauge(d.overdue, float64(base.Overdue))
	for kind, w := range base.Queue {
		gauge(d.waiting, float64(w.Rows), kind)
		gauge(d.beat, w.Beat.Seconds(), kind)
	}
	gauge(d.limit, float64(base.PaquetesAtLimit), "paquete")
	gauge(d.limit, float64(base.RangosAtLimit), "rango")
	gauge(d.damaged, float64(base.DamagedPaquetes))
	gauge(d.toSave, float64(base.ToSave))
	gauge(d.wait, base.Wait.Seconds())
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
