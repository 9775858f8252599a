package sandbox

import (
	"fmt"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
	"github.com/pasarela-mx/pasarela/internal/sandbox/sat"
)

// Scenario is a named set of knobs and faults.
type Scenario struct {
	Nombre string `json:"nombre"`
	Nota   string `json:"nota"` // what it shows, one line
	// Perillas are the knobs that differ from their defaults. Fallas are the faults that it begins with.
	Perillas map[string]any `json:"perillas"`
	Fallas   []Falla        `json:"fallas"`
}

// normal is the scenario of a start without one.
const normal = "normal"

const (
	opVerify    = "VerificaSolicitudDescarga"
	opDescargar = "Descargar"
)

// Scenarios returns all scenarios, the quiet one first.
func Scenarios() []Scenario {
	return []Scenario{
		{normal, "everything as it should be: the knobs at their defaults, no faults", map[string]any{}, []Falla{}},
		{"anio_grande", "a year of 1,200,120 metadata rows and more than 450,000 issued CFDI in force, above the limit of a request", map[string]any{
			"emitidos_por_dia": 1329, "recibidos_por_dia": 1959, "cfdis_por_paquete": 10_000, "filas_por_paquete": 200_000,
			"demora_aceptada": "2m", "demora_proceso": "8m",
		}, []Falla{}},
		{"cuotas", "quotas that end soon: 5002 at the second request with the same criteria (5005 while the first lives), 5003 above 100 CFDI or 200 rows, 5008 at the second download, 5011 after fifty looks of a day", map[string]any{
			"solicitudes_de_por_vida": 1, "max_cfdi": 100, "max_metadata": 200, "descargas_por_paquete": 1, "verificaciones_por_dia": 50,
		}, []Falla{}},
		{"atascado", "one request in three stays in state 1 for two days, one in five ends in state 4, and packages come an hour apart", map[string]any{
			"atascadas_cada": 3, "errores_cada": 5, "paquetes_cada": "1h", "cfdis_por_paquete": 100,
		}, []Falla{}},
		{"respuestas_perdidas", "one answer in three of each way of Solicita is lost once the request is registered, and one in four of Descargar once it is counted", map[string]any{}, request(
			Falla{Tipo: control.ResetDespues, Cada: 3}, Falla{Operacion: opDescargar, Tipo: control.ResetDespues, Cada: 4},
		)},
		{"apagones", "cfdi answers 503 for 20 minutes of every two hours, Autentica resets for ten, and Verifica is silent for five", map[string]any{}, []Falla{
			{Servicio: sat.CFDI, Tipo: control.HTML503, Begin: 10 * time.Minute, Last: 20 * time.Minute, Repeat: 2 * time.Hour},
			{Servicio: "*", Operacion: "Autentica", Tipo: control.Reset, Begin: 50 * time.Minute, Last: 10 * time.Minute, Repeat: 2 * time.Hour},
			{Servicio: "*", Operacion: opVerify, Tipo: control.Silencio, Begin: 90 * time.Minute, Last: 5 * time.Minute, Repeat: 2 * time.Hour},
		}},
		{"dia_malo", "404s, with the id and without, 5011, an expired token, a slow drip, a package cut once and one that is no ZIP, numbers that do not agree, and every trap inside packages", map[string]any{
			"numero_de_mas": 3, "trampas_paquete": true, "antiguos_por_ciento": 20,
		}, request(
			Falla{Tipo: control.Codigo, Codigo: "404", ConID: true, Cada: 4},
			Falla{Operacion: opVerify, Tipo: control.Codigo, Codigo: "404", Cada: 3},
			Falla{Operacion: opVerify, Tipo: control.Codigo, Codigo: "5011", Cada: 7},
			Falla{Operacion: opVerify, Tipo: control.Codigo, Codigo: "300", Veces: 1},
			Falla{Operacion: opVerify, Tipo: control.Lento, Delay: time.Second, Cada: 6},
			Falla{Operacion: opDescargar, Tipo: control.Truncado, Bytes: 1000, Veces: 1},
			Falla{Operacion: opDescargar, Tipo: control.Goteo, Bytes: 4096, Delay: 20 * time.Millisecond, Veces: 2},
			Falla{Operacion: opDescargar, Tipo: control.ZipInvalido, Veces: 1},
		)},
		{"intermitente", "one call of the SAT's in twenty gets a refusal that passes: InvalidSecurity, 302, 303, 305, 404, state 5 without a reason, HTML pages with 200, 302, 403, 404, 500 and 503", map[string]any{}, []Falla{
			{Tipo: control.Intermitencia, Porciento: 5, Semilla: 1},
		}},
	}
}

// request puts the first fault on each of the ways of asking for a download, and the others after it.
func request(f Falla, more ...Falla) []Falla {
	var all []Falla
	for _, op := range []string{"SolicitaDescargaEmitidos", "SolicitaDescargaRecibidos", "SolicitaDescargaFolio"} {
		f.Operacion = op
		all = append(all, f)
	}
	return append(all, more...)
}

// SetScenario puts the knobs and faults of a scenario in the place of those there are; the empty name is
// the quiet one. Requests, quotas, counters and clock stay; outages count from now.
func (s *Sandbox) SetScenario(name string) error {
	if name == "" {
		name = normal
	}
	var names []string
	for _, e := range Scenarios() {
		if names = append(names, e.Nombre); e.Nombre != name {
			continue
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.desk.Knobs.Reset()
		s.desk.Fallas.Reset()
		if err := s.desk.Knobs.Change(e.Perillas); err != nil {
			return err
		}
		for _, f := range e.Fallas {
			if _, err := s.desk.Fallas.Add(f); err != nil {
				return err
			}
		}
		s.scenario = name
		return nil
	}
	return fmt.Errorf("no existe el escenario %q; los que hay son: %s", name, strings.Join(names, ", "))
}

// Scenario is the name of the one that was put last.
func (s *Sandbox) Scenario() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.scenario
}

// begin restores the knobs, the faults and the clock's speed of the start. New has tried them.
func (s *Sandbox) begin() {
	_ = s.desk.Clock.Change(s.cfg.Speed)
	_ = s.SetScenario(s.cfg.Scenario)
}
