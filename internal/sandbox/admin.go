package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

const maxAdmin = 1 << 20

// adminPath is a route of the admin port. Its function gets the body and returns what to answer.
type adminPath struct {
	Metodo string `json:"metodo"`
	Ruta   string `json:"ruta"`
	Nota   string `json:"nota"`
	make   func(r *http.Request, body []byte) (any, error)
}

func (s *Sandbox) adminPaths() []adminPath {
	d := s.desk
	return []adminPath{
		{"GET", "/estado", "contadores y solicitudes desde el último reinicio", show(s.Estado)},
		{"GET", "/perillas", "valores de las perillas", show(d.Knobs.Read)},
		{"PUT", "/perillas", "cambia las que se nombren", with(s.setKnobs)},
		{"GET", "/reloj", "el reloj del sandbox", show(d.Clock.Read)},
		{"PUT", "/reloj", `cambia {"velocidad":60,"adelanto":"72h"}`, with(s.setClock)},
		{"POST", "/reloj/adelantar", `adelanta {"duracion":"72h"}`, with(s.bringForward)},
		{"POST", "/reinicio", "olvida solicitudes, fallas y contadores; perillas y reloj vuelven a su inicio", show(func() Estado {
			s.Reset()
			return s.Estado()
		})},
		{"GET", "/fallas", "fallas pendientes, la más antigua primero", show(d.Fallas.List)},
		{"POST", "/fallas", "agrega una falla", s.setFalla},
		{"DELETE", "/fallas", "quita todas, o una con ?id=", s.removeFallas},
		{"GET", "/llamadas", "las llamadas al SAT en orden, después de la número ?desde=", s.verCalls},
		{"GET", "/escenario", "los escenarios y el que está puesto", show(func() map[string]any {
			return map[string]any{"puesto": s.Scenario(), "escenarios": Scenarios()}
		})},
		{"PUT", "/escenario", `pone {"nombre":"cuotas"}: perillas y fallas de nuevo`, with(s.setScenario)},
	}
}

// show is a route that answers what read returns.
func show[T any](read func() T) func(*http.Request, []byte) (any, error) {
	return func(*http.Request, []byte) (any, error) { return read(), nil }
}

// with is a route whose body is the JSON of a change.
func with[T any](make func(change T) (any, error)) func(*http.Request, []byte) (any, error) {
	return func(_ *http.Request, body []byte) (any, error) {
		var change T
		if err := control.Decode(body, &change); err != nil {
			return nil, err
		}
		return make(change)
	}
}

// AdminHandler serves the admin port: JSON, without authentication.
func (s *Sandbox) AdminHandler() http.Handler {
	mux := http.NewServeMux()
	paths := s.adminPaths()
	for _, r := range paths {
		mux.HandleFunc(r.Metodo+" "+r.Ruta, adapt(r.make))
	}
	mux.HandleFunc("GET /{$}", adapt(func(*http.Request, []byte) (any, error) {
		return map[string]any{"sandbox": "Pasarela; no es el SAT", "rutas": paths}, nil
	}))
	return mux
}

// adapt reads the body and writes the answer; every error is the caller's and is a 400.
func adapt(build func(*http.Request, []byte) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		estado := http.StatusOK
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAdmin))
		var result any
		if err == nil {
			result, err = build(r, body)
		}
		if err != nil {
			estado, result = http.StatusBadRequest, map[string]string{"error": err.Error()}
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(estado)
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		_ = e.Encode(result)
	}
}

func (s *Sandbox) setKnobs(changes map[string]any) (any, error) {
	if err := s.desk.Knobs.Change(changes); err != nil {
		return nil, err
	}
	return s.desk.Knobs.Read(), nil
}

// What may be asked for.
type (
	clockChange struct {
		Velocidad *float64 `json:"velocidad"`
		Adelanto  *string  `json:"adelanto"`
	}
	advance struct {
		Duracion string `json:"duracion"`
	}
	choice struct {
		Nombre string `json:"nombre"`
	}
)

func (s *Sandbox) setClock(change clockChange) (any, error) {
	var lead time.Duration
	if change.Adelanto != nil {
		var err error
		if lead, err = duration("adelanto", *change.Adelanto); err != nil {
			return nil, err
		}
	}
	if change.Velocidad != nil {
		if err := s.desk.Clock.Change(*change.Velocidad); err != nil {
			return nil, err
		}
	}
	if change.Adelanto != nil {
		s.desk.Clock.Fix(lead)
	}
	return s.desk.Clock.Read(), nil
}

func (s *Sandbox) bringForward(change advance) (any, error) {
	d, err := duration("duracion", change.Duracion)
	if err != nil {
		return nil, err
	}
	s.desk.Clock.BringForward(d)
	return s.desk.Clock.Read(), nil
}

func (s *Sandbox) setFalla(_ *http.Request, body []byte) (any, error) {
	var f Falla
	if err := f.UnmarshalJSON(body); err != nil {
		return nil, err
	}
	return s.desk.Fallas.Add(f)
}

func (s *Sandbox) removeFallas(r *http.Request, _ []byte) (any, error) {
	text := r.URL.Query().Get("id")
	if text == "" {
		s.desk.Fallas.Reset()
		return s.desk.Fallas.List(), nil
	}
	id, err := strconv.Atoi(text)
	if err != nil || !s.desk.Fallas.Delete(id) {
		return nil, fmt.Errorf("no hay una falla con id %q", text)
	}
	return s.desk.Fallas.List(), nil
}

func (s *Sandbox) verCalls(r *http.Request, _ []byte) (any, error) {
	text := cmp.Or(r.URL.Query().Get("desde"), "0")
	since, err := strconv.ParseInt(text, 10, 64)
	if err != nil || since < 0 {
		return nil, fmt.Errorf("desde %q no es el número de una llamada", text)
	}
	return s.Calls(since), nil
}

func (s *Sandbox) setScenario(change choice) (any, error) {
	if err := s.SetScenario(change.Nombre); err != nil {
		return nil, err
	}
	return map[string]any{"puesto": s.Scenario(), "perillas": s.desk.Knobs.Read(), "fallas": s.desk.Fallas.List()}, nil
}

func duration(name, text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%s %q no es una duración como \"2s\" o \"72h\"", name, text)
	}
	return d, nil
}
