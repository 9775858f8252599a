package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Fuentes is where the gauges come from that are read afresh at each scrape.
// None of them may call a system.
type Fuentes struct {
	Now     func() time.Time
	EFirmas func() []EFirma
	// Base reads the database; what it cannot read is told as a gauge of its own.
	Base func() (Base, error)
	// SinEscribir counts outcomes that the database has not taken yet.
	SinEscribir func() int
	// Reloj is what is known of the machine's clock.
	Reloj func() Reloj
	// CuentasRechazadas counts the PAC's accounts that are not tried any more.
	CuentasRechazadas func() int
	// Claves is how long the file of the API keys has been at fault; zero for a good one.
	Claves func() time.Duration
	// ClavesQueVencen are the API keys that end some day.
	ClavesQueVencen func() []Clave
	// Equipo is what this machine has for packages on their way, and what it lacked.
	Equipo func() (Equipo, error)
	// Hands is how busy each kind of work is here.
	Hands func() []Hands
}

// Equipo is what this machine has for packages on their way: bytes free, and how many
// there must be for one more to be asked for.
type Equipo struct {
	Libres, Necesarios int64
	// Piso is what stays free: below it nothing comes, of nobody.
	Piso int64
	// Aplazadas counts downloads that were not asked for, for want of something here.
	Aplazadas int64
}

// Reloj is what is known of the machine's clock: whether it is believed, and where the
// SAT has told the time, how far it is ahead of that.
type Reloj struct {
	Creido   bool
	DelSAT   bool
	Adelanto time.Duration
}

// EFirma is one folder of the keyring.
type EFirma struct {
	RFC   string
	Vence time.Time // zero where it could not be opened
	Sirve bool
}

// Clave is an API key that ends some day, by its name.
type Clave struct {
	Nombre string
	Vence  time.Time
}

// A key has a gauge from porVencer before its end to vencida after it: whoever has to
// renew one must know which, and ten thousand keys are no ten thousand series.
const (
	porVencer = 30 * 24 * time.Hour
	vencida   = 7 * 24 * time.Hour
)

// Base is what the database says. Where gateways share one, each says the same.
type Base struct {
	Descargas                        map[string]int64 // alive, by state
	Atrasados                        int64
	PaquetesAlLimite, RangosAlLimite int64
	// PaquetesDanados are stored packages whose bytes are others now, or gone.
	PaquetesDanados int64
	// Queue is what is due and waits for a hand, by kind of work.
	Queue map[string]Waiting
	// PorGuardar are the bytes that wait for the storage of packages, and Espera how long
	// the first of them has.
	PorGuardar int64
	Espera     time.Duration
}

// Waiting is what waits for a hand: how many rows, and how late the first is.
type Waiting struct {
	Rows int64
	Late time.Duration
}

// Hands are those of one kind of work on this gateway.
type Hands struct {
	Kind      string
	All, Busy int
}

// Watch registers the gauges.
func (m *Metrics) Watch(f Fuentes) { m.registry.MustRegister(&lector{f}) }

type lector struct{ Fuentes }

// The gauges. The RFC is a label of e.firmas alone: there is one for each folder
// that the operator made, and whoever has to renew one must know which. Requests,
// calls and descargas have no such label: a despacho with ten thousand RFCs would
// have that many series of each.
func descs() (d struct {
	dias, sirve, base, vivas, atrasados, limite, danados, sinEscribir, rechazadas, creido, adelanto,
	libres, necesarios, piso, aplazadas, porGuardar, espera, claves, clavesDias, waiting, late, hands, busy *prometheus.Desc
}) {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	d.dias = desc("pasarela_efirma_expiry_days", "Days until the e.firma of the RFC expires; negative when it has.", "rfc")
	d.sirve = desc("pasarela_efirma_usable", "1 while the e.firma of the RFC can sign, 0 while it cannot: /descargas says why.", "rfc")
	d.base = desc("pasarela_database_up", "1 while the database takes writes. While it is 0, what is read from it is missing.")
	d.vivas = desc("pasarela_descargas", "Durable downloads that have not ended, by state.", "estado")
	d.atrasados = desc("pasarela_descargas_atrasadas", "Steps of durable downloads that were due over a minute ago.")
	d.limite = desc("pasarela_descargas_al_limite", "Packages and ranges of durable downloads that have spent what the SAT grants but for the last.", "cuota")
	d.danados = desc("pasarela_paquetes_danados", "Stored packages whose bytes are no longer those that the SAT delivered, or are gone.")
	d.sinEscribir = desc("pasarela_ledger_unwritten", "Outcomes of messages that left, which the database has not taken yet. They are in memory only.")
	d.rechazadas = desc("pasarela_pade_refused_accounts", "Accounts that the PAC refused and that are not tried until they are unblocked.")
	d.creido = desc("pasarela_clock_believed", "1 while the machine's clock is believed, 0 while deadlines and retention wait for it to be confirmed.")
	d.adelanto = desc("pasarela_clock_skew_seconds", "How far the machine's clock is ahead of the SAT's; missing until the SAT has told the time.")
	d.libres = desc("pasarela_disk_free_bytes", "Free on the disk of GATEWAY_DATA_DIR, where packages arrive.")
	d.necesarios = desc("pasarela_disk_needed_bytes", "What must be free on that disk for one more package to be asked for.")
	d.piso = desc("pasarela_disk_floor_bytes", "What stays free on that disk (GATEWAY_DISCO_LIBRE): below it nothing is fetched, and no file is taken.")
	d.aplazadas = desc("pasarela_paquetes_aplazados_total", "Downloads that were not asked for, as this machine had not the room or the ledger that they take.")
	d.porGuardar = desc("pasarela_spool_bytes", "Packages received whole that wait on a gateway's disk for their storage to take them.")
	d.espera = desc("pasarela_spool_age_seconds", "How long the first of those has waited; 0 while none does.")
	d.claves = desc("pasarela_api_keys_fault_seconds", "How long the file of the API keys has been at fault; 0 while it is good. After half an hour nobody is served.")
	d.clavesDias = desc("pasarela_api_key_expiry_days", "Days until the API key of that name is refused, of those that have 30 or fewer; negative for a week after.", "clave")
	d.waiting = desc("pasarela_queue_waiting", "Steps that are due and wait for a hand, by kind of work.", "kind")
	d.late = desc("pasarela_queue_late_seconds", "How late the first of those is; 0 while none waits.", "kind")
	d.hands = desc("pasarela_queue_hands", "How many steps of a kind of work this gateway makes at once.", "kind")
	d.busy = desc("pasarela_queue_hands_busy", "How many it is making.", "kind")
	return d
}

// Describe implements prometheus.Collector.
func (l *lector) Describe(ch chan<- *prometheus.Desc) {
	d := descs()
	for _, desc := range []*prometheus.Desc{d.dias, d.sirve, d.base, d.vivas, d.atrasados, d.limite, d.danados, d.sinEscribir, d.rechazadas, d.creido, d.adelanto,
		d.libres, d.necesarios, d.piso, d.aplazadas, d.porGuardar, d.espera, d.claves, d.clavesDias,
		d.waiting, d.late, d.hands, d.busy} {
		ch <- desc
	}
}

// Collect implements prometheus.Collector.
func (l *lector) Collect(ch chan<- prometheus.Metric) {
	d := descs()
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	for _, e := range l.EFirmas() {
		if !e.Vence.IsZero() {
			gauge(d.dias, e.Vence.Sub(l.Now()).Hours()/24, e.RFC)
		}
		gauge(d.sirve, uno(e.Sirve), e.RFC)
	}
	gauge(d.sinEscribir, float64(l.SinEscribir()))
	gauge(d.rechazadas, float64(l.CuentasRechazadas()))
	gauge(d.claves, l.Claves().Seconds())
	for _, c := range l.ClavesQueVencen() {
		if left := c.Vence.Sub(l.Now()); -vencida < left && left < porVencer {
			gauge(d.clavesDias, left.Hours()/24, c.Nombre)
		}
	}
	for _, h := range l.Hands() {
		gauge(d.hands, float64(h.All), h.Kind)
		gauge(d.busy, float64(h.Busy), h.Kind)
	}
	reloj := l.Reloj()
	gauge(d.creido, uno(reloj.Creido))
	if reloj.DelSAT {
		gauge(d.adelanto, reloj.Adelanto.Seconds())
	}
	equipo, err := l.Equipo()
	ch <- prometheus.MustNewConstMetric(d.aplazadas, prometheus.CounterValue, float64(equipo.Aplazadas))
	if err == nil {
		gauge(d.libres, float64(equipo.Libres))
		gauge(d.necesarios, float64(equipo.Necesarios))
		gauge(d.piso, float64(equipo.Piso))
	}
	// An error here would take every other metric away, and just when they are wanted.
	base, err := l.Base()
	gauge(d.base, uno(err == nil))
	if err != nil {
		return
	}
	for estado, n := range base.Descargas {
		gauge(d.vivas, float64(n), estado)
	}
	gauge(d.atrasados, float64(base.Atrasados))
	for kind, w := range base.Queue {
		gauge(d.waiting, float64(w.Rows), kind)
		gauge(d.late, w.Late.Seconds(), kind)
	}
	gauge(d.limite, float64(base.PaquetesAlLimite), "paquete")
	gauge(d.limite, float64(base.RangosAlLimite), "rango")
	gauge(d.danados, float64(base.PaquetesDanados))
	gauge(d.porGuardar, float64(base.PorGuardar))
	gauge(d.espera, base.Espera.Seconds())
}

func uno(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
