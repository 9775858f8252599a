package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

const maxAdmin = 1 << 20

// rutaAdmin is a route of the admin port. Its function gets the body and returns what to answer.
type rutaAdmin struct {
	Metodo string `json:"metodo"`
	Ruta   string `json:"ruta"`
	Nota   string `json:"nota"`
	hace   func(r *http.Request, cuerpo []byte) (any, error)
}

func (s *Sandbox) rutasAdmin() []rutaAdmin {
	return []rutaAdmin{
		{"GET", "/estado", "contadores y solicitudes desde el último reinicio", s.verEstado},
		{"GET", "/perillas", "valores de las perillas", s.verPerillas},
		{"PUT", "/perillas", "cambia las que se nombren", s.ponPerillas},
		{"GET", "/reloj", "el reloj del sandbox", s.verReloj},
		{"PUT", "/reloj", `cambia {"velocidad":60,"adelanto":"72h"}`, s.ponReloj},
		{"POST", "/reloj/adelantar", `adelanta {"duracion":"72h"}`, s.adelanta},
		{"POST", "/reinicio", "olvida solicitudes, fallas y contadores; perillas y reloj vuelven a su inicio", s.reinicia},
		{"GET", "/fallas", "fallas pendientes, la más antigua primero", s.verFallas},
		{"POST", "/fallas", "agrega una falla", s.ponFalla},
		{"DELETE", "/fallas", "quita todas, o una con ?id=", s.quitaFallas},
		{"GET", "/llamadas", "las llamadas al SAT en orden, después de la número ?desde=", s.verLlamadas},
		{"GET", "/escenario", "los escenarios y el que está puesto", s.verEscenario},
		{"PUT", "/escenario", `pone {"nombre":"cuotas"}: perillas y fallas de nuevo`, s.ponEscenario},
	}
}

// AdminHandler serves the admin port: JSON, without authentication.
func (s *Sandbox) AdminHandler() http.Handler {
	mux := http.NewServeMux()
	rutas := s.rutasAdmin()
	for _, r := range rutas {
		mux.HandleFunc(r.Metodo+" "+r.Ruta, adapta(r.hace))
	}
	mux.HandleFunc("GET /{$}", adapta(func(*http.Request, []byte) (any, error) {
		return map[string]any{"sandbox": "Pasarela; no es el SAT", "rutas": rutas}, nil
	}))
	return mux
}

// adapta reads the body and writes the answer; every error is the caller's and is a 400.
func adapta(hace func(*http.Request, []byte) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		estado := http.StatusOK
		cuerpo, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAdmin))
		var resultado any
		if err == nil {
			resultado, err = hace(r, cuerpo)
		}
		if err != nil {
			estado, resultado = http.StatusBadRequest, map[string]string{"error": err.Error()}
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(estado)
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		_ = e.Encode(resultado)
	}
}

func (s *Sandbox) verEstado(*http.Request, []byte) (any, error) { return s.Estado(), nil }

func (s *Sandbox) verPerillas(*http.Request, []byte) (any, error) { return s.perillas.Lee(), nil }

func (s *Sandbox) ponPerillas(_ *http.Request, cuerpo []byte) (any, error) {
	var cambios map[string]any
	if err := control.Decodifica(cuerpo, &cambios); err != nil {
		return nil, err
	}
	if err := s.perillas.Cambia(cambios); err != nil {
		return nil, err
	}
	return s.perillas.Lee(), nil
}

func (s *Sandbox) verReloj(*http.Request, []byte) (any, error) { return s.reloj.Lee(), nil }

func (s *Sandbox) ponReloj(_ *http.Request, cuerpo []byte) (any, error) {
	var cambio struct {
		Velocidad *float64 `json:"velocidad"`
		Adelanto  *string  `json:"adelanto"`
	}
	if err := control.Decodifica(cuerpo, &cambio); err != nil {
		return nil, err
	}
	var adelanto time.Duration
	if cambio.Adelanto != nil {
		var err error
		if adelanto, err = duracion("adelanto", *cambio.Adelanto); err != nil {
			return nil, err
		}
	}
	if cambio.Velocidad != nil {
		if err := s.reloj.Cambia(*cambio.Velocidad); err != nil {
			return nil, err
		}
	}
	if cambio.Adelanto != nil {
		s.reloj.Fija(adelanto)
	}
	return s.reloj.Lee(), nil
}

func (s *Sandbox) adelanta(_ *http.Request, cuerpo []byte) (any, error) {
	var cambio struct {
		Duracion string `json:"duracion"`
	}
	if err := control.Decodifica(cuerpo, &cambio); err != nil {
		return nil, err
	}
	d, err := duracion("duracion", cambio.Duracion)
	if err != nil {
		return nil, err
	}
	s.reloj.Adelanta(d)
	return s.reloj.Lee(), nil
}

func (s *Sandbox) reinicia(*http.Request, []byte) (any, error) {
	s.Reinicia()
	return s.Estado(), nil
}

func (s *Sandbox) verFallas(*http.Request, []byte) (any, error) { return s.fallas.Lista(), nil }

func (s *Sandbox) ponFalla(_ *http.Request, cuerpo []byte) (any, error) {
	var f Falla
	if err := f.UnmarshalJSON(cuerpo); err != nil {
		return nil, err
	}
	return s.fallas.Agrega(f)
}

func (s *Sandbox) quitaFallas(r *http.Request, _ []byte) (any, error) {
	texto := r.URL.Query().Get("id")
	if texto == "" {
		s.fallas.Reinicia()
		return s.fallas.Lista(), nil
	}
	id, err := strconv.Atoi(texto)
	if err != nil || !s.fallas.Borra(id) {
		return nil, fmt.Errorf("no hay una falla con id %q", texto)
	}
	return s.fallas.Lista(), nil
}

func (s *Sandbox) verLlamadas(r *http.Request, _ []byte) (any, error) {
	texto := r.URL.Query().Get("desde")
	if texto == "" {
		texto = "0"
	}
	desde, err := strconv.ParseInt(texto, 10, 64)
	if err != nil || desde < 0 {
		return nil, fmt.Errorf("desde %q no es el número de una llamada", texto)
	}
	return s.Llamadas(desde), nil
}

func (s *Sandbox) verEscenario(*http.Request, []byte) (any, error) {
	return map[string]any{"puesto": s.Escenario(), "escenarios": Escenarios()}, nil
}

func (s *Sandbox) ponEscenario(_ *http.Request, cuerpo []byte) (any, error) {
	var cambio struct {
		Nombre string `json:"nombre"`
	}
	if err := control.Decodifica(cuerpo, &cambio); err != nil {
		return nil, err
	}
	if err := s.PonEscenario(cambio.Nombre); err != nil {
		return nil, err
	}
	return map[string]any{"puesto": s.Escenario(), "perillas": s.perillas.Lee(), "fallas": s.fallas.Lista()}, nil
}

func duracion(nombre, texto string) (time.Duration, error) {
	d, err := time.ParseDuration(texto)
	if err != nil {
		return 0, fmt.Errorf("%s %q no es una duración como \"2s\" o \"72h\"", nombre, texto)
	}
	return d, nil
}
