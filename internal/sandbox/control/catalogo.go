package control

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// maxEstado is the greatest status of a Pagina.
const maxEstado = 599

// Tipos returns the types of fault that any system may have.
func Tipos() []Tipo {
	return []Tipo{
		Lento, Reset, ResetDespues, HTML503, Vacio, Fault, Codigo, Truncado, Corte, Base64Invalido, ZipInvalido, Goteo, Silencio,
		ConDefectos, Pagina, EnOtroCodigo, Intermitencia,
	}
}

// Catalogo says which services and operations a fault may name and which types touch which
// operations.
type Catalogo struct {
	Servicios   []string
	Operaciones []string
	// Propios are types of this system alone, beside those of Tipos.
	Propios []Tipo
	// Defectos are what ConDefectos may put into the files of this system.
	Defectos []string
	// MalDia are the faults that Intermitencia chooses from for an operation; nil is none.
	MalDia func(operacion string) []Falla
	// Admite tells whether a type means something for an operation.
	Admite func(tipo Tipo, operacion string) bool
	// Despues tells whether a fault may come after an operation was processed; nil is never.
	Despues func(tipo Tipo, operacion string) bool

	partes []Catalogo // of Une
}

// admite tells whether a fault means something for an operation. Of several systems, the one that has the
// operation says so.
func (c Catalogo) admite(f Falla, operacion string) bool {
	if len(c.partes) > 0 {
		return slices.ContainsFunc(c.partes, func(parte Catalogo) bool {
			return slices.Contains(parte.Operaciones, operacion) && slices.Contains(parte.tipos(), f.Tipo) && parte.admite(f, operacion)
		})
	}
	if f.Tipo == Intermitencia {
		return c.MalDia != nil && len(c.MalDia(operacion)) > 0 && !f.Despues
	}
	return c.Admite(f.Tipo, operacion) && (!f.Despues || c.Despues != nil && c.Despues(f.Tipo, operacion)) && c.desconocido(f) == ""
}

// elige makes a fault of the bad day out of an Intermitencia, by a random number.
func (c Catalogo) elige(f Falla, operacion string, azar uint64) Falla {
	for _, parte := range append(c.partes, c) {
		if slices.Contains(parte.Operaciones, operacion) && parte.MalDia != nil {
			opciones := parte.MalDia(operacion)
			elegida := opciones[azar%uint64(len(opciones))]
			elegida.ID, elegida.Servicio, elegida.Operacion = f.ID, f.Servicio, operacion
			return elegida
		}
	}
	return f
}

// desconocido returns a defect that the system does not have; "" when there is none.
func (c Catalogo) desconocido(f Falla) string {
	if i := slices.IndexFunc(f.Defectos, func(d string) bool { return !slices.Contains(c.Defectos, d) }); i >= 0 {
		return f.Defectos[i]
	}
	return ""
}

// Une joins the catalogues of several systems: each says what its own operations admit.
func Une(catalogos ...Catalogo) Catalogo {
	var todo Catalogo
	for _, c := range catalogos {
		todo.Servicios = append(todo.Servicios, c.Servicios...)
		todo.Operaciones = append(todo.Operaciones, c.Operaciones...)
		todo.Propios = append(todo.Propios, c.Propios...)
		todo.Defectos = append(todo.Defectos, c.Defectos...)
	}
	todo.partes = catalogos
	return todo
}

func (c Catalogo) tipos() []Tipo { return slices.Concat(Tipos(), c.Propios) }

// revisa refuses a fault that the systems do not have, or whose fields do not go together.
func (c Catalogo) revisa(f Falla) error {
	switch {
	case !slices.Contains(c.tipos(), f.Tipo):
		return fmt.Errorf("tipo %q desconocido; los que hay son: %s", f.Tipo, une(c.tipos()))
	case f.Servicio != "*" && !slices.Contains(c.Servicios, f.Servicio):
		return fmt.Errorf("servicio %q desconocido; los que hay son: %s, *", f.Servicio, une(c.Servicios))
	case f.Operacion != "*" && !slices.Contains(c.Operaciones, f.Operacion):
		return fmt.Errorf("operacion %q desconocida; las que hay son: %s, *", f.Operacion, une(c.Operaciones))
	case f.Tipo == ConDefectos && len(f.Defectos) == 0, f.Tipo != ConDefectos && (len(f.Defectos) > 0 || f.Entradas != 0):
		return fmt.Errorf("defectos y entradas van con la falla %q, que requiere defectos; los que hay son: %s", ConDefectos, une(c.Defectos))
	case c.desconocido(f) != "":
		return fmt.Errorf("defecto %q desconocido; los que hay son: %s", c.desconocido(f), une(c.Defectos))
	case f.Operacion != "*" && !c.admite(f, f.Operacion):
		return fmt.Errorf("la falla %q no tiene sentido en %s", f.Tipo, f.Operacion)
	case f.Despues && !slices.ContainsFunc(c.Operaciones, func(o string) bool { return c.admite(f, o) }):
		return fmt.Errorf("la falla %q no admite despues", f.Tipo)
	}
	if err := f.revisaRespuesta(); err != nil {
		return err
	}
	return f.revisaCuando()
}

// revisaRespuesta is about what is answered.
func (f Falla) revisaRespuesta() error {
	conTexto := []Tipo{EnOtroCodigo, Codigo, Fault}
	switch {
	case f.Tipo == Pagina && (f.HTTP < http.StatusOK || f.HTTP > maxEstado), f.Tipo != Pagina && (f.HTTP != 0 || f.Ubicacion != ""):
		return fmt.Errorf("http, de %d a %d, y ubicacion van con la falla %q", http.StatusOK, maxEstado, Pagina)
	case f.Tipo == EnOtroCodigo && f.Codificacion == "", f.Codificacion != "" && !slices.Contains(conTexto, f.Tipo):
		return fmt.Errorf("codificacion va con las fallas %s; %q la requiere", une(conTexto), EnOtroCodigo)
	case f.Codificacion != "" && !slices.Contains(codificaciones(), f.Codificacion), f.Anuncio != "" && (f.Codificacion == "" || !slices.Contains(anuncios(), f.Anuncio)):
		return fmt.Errorf("codificacion es una de %s, y anuncio uno de %s", une(codificaciones()), une(anuncios()))
	case strings.HasSuffix(f.Anuncio, anunciaMarca) && !strings.HasPrefix(f.Codificacion, "utf-"):
		return fmt.Errorf("%s no tiene marca", f.Codificacion)
	case f.Tipo == Codigo && f.Codigo == "":
		return fmt.Errorf("la falla %q requiere codigo", f.Tipo)
	case f.Tipo == Lento && f.Demora == 0:
		return fmt.Errorf("la falla %q requiere demora", f.Tipo)
	case f.Demora < 0 || f.Bytes < 0 || f.Entradas < 0:
		return errors.New("demora, bytes y entradas no pueden ser negativos")
	}
	return nil
}

// revisaCuando is about which calls are touched.
func (f Falla) revisaCuando() error {
	switch {
	case f.Porciento < 0 || f.Porciento > 100 || f.Porciento > 0 && f.Cada > 0:
		return errors.New("porciento va de 0 a 100, sin cada")
	case f.Tipo == Intermitencia && f.Porciento == 0:
		return fmt.Errorf("la falla %q requiere porciento", f.Tipo)
	case f.Veces < 0 || f.Cada < 0 || f.Empieza < 0 || f.Dura < 0 || f.Repite < 0:
		return errors.New("veces, cada, empieza, dura y repite no pueden ser negativos")
	case f.Dura == 0 && (f.Empieza > 0 || f.Repite > 0):
		return errors.New("empieza y repite requieren dura")
	case f.Repite > 0 && f.Repite <= f.Dura:
		return errors.New("repite debe ser mayor que dura")
	case len(f.Contiene) > maxTexto:
		return fmt.Errorf("contiene es un texto de %d bytes cuando mucho", maxTexto)
	}
	return nil
}

func une[T ~string](textos []T) string {
	planos := make([]string, len(textos))
	for i, t := range textos {
		planos[i] = string(t)
	}
	return strings.Join(planos, ", ")
}
