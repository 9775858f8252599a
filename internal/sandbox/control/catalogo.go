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
		ConDefectos, Pagina, InOtherCodigo, Intermitencia,
	}
}

// Catalogo says which services and operations a fault may name and which types touch which
// operations.
type Catalogo struct {
	Servicios  []string
	Operations []string
	// Own are types of this system alone, beside those of Tipos.
	Own []Tipo
	// Defects are what ConDefectos may put into the files of this system.
	Defects []string
	// BadDay are the faults that Intermitencia chooses from for an operation; nil is none.
	BadDay func(operation string) []Falla
	// Admit reports whether a type means something for an operation.
	Admit func(tipo Tipo, operation string) bool
	// After reports whether a fault may come after an operation was processed; nil is never.
	After func(tipo Tipo, operation string) bool

	parts []Catalogo // of Unite
}

// admit reports whether a fault means something for an operation. Of several systems, the one that has the
// operation says so.
func (c Catalogo) admit(f Falla, operation string) bool {
	if len(c.parts) > 0 {
		return slices.ContainsFunc(c.parts, func(part Catalogo) bool {
			return slices.Contains(part.Operations, operation) && slices.Contains(part.tipos(), f.Tipo) && part.admit(f, operation)
		})
	}
	if f.Tipo == Intermitencia {
		return c.BadDay != nil && len(c.BadDay(operation)) > 0 && !f.Despues
	}
	return c.Admit(f.Tipo, operation) && (!f.Despues || c.After != nil && c.After(f.Tipo, operation)) && c.unknown(f) == ""
}

// choose makes a fault of the bad day out of an Intermitencia, by a random number.
func (c Catalogo) choose(f Falla, operation string, random uint64) Falla {
	for _, part := range append(c.parts, c) {
		if slices.Contains(part.Operations, operation) && part.BadDay != nil {
			options := part.BadDay(operation)
			chosen := options[random%uint64(len(options))]
			chosen.ID, chosen.Servicio, chosen.Operacion = f.ID, f.Servicio, operation
			return chosen
		}
	}
	return f
}

// unknown returns a defect that the system does not have; "" when there is none.
func (c Catalogo) unknown(f Falla) string {
	if i := slices.IndexFunc(f.Defectos, func(d string) bool { return !slices.Contains(c.Defects, d) }); i >= 0 {
		return f.Defectos[i]
	}
	return ""
}

// Unite joins the catalogues of several systems: each says what its own operations admit.
func Unite(catalogos ...Catalogo) Catalogo {
	var all Catalogo
	for _, c := range catalogos {
		all.Servicios = append(all.Servicios, c.Servicios...)
		all.Operations = append(all.Operations, c.Operations...)
		all.Own = append(all.Own, c.Own...)
		all.Defects = append(all.Defects, c.Defects...)
	}
	all.parts = catalogos
	return all
}

func (c Catalogo) tipos() []Tipo { return slices.Concat(Tipos(), c.Own) }

// check refuses a fault that the systems do not have, or whose fields do not go together.
func (c Catalogo) check(f Falla) error {
	switch {
	case !slices.Contains(c.tipos(), f.Tipo):
		return fmt.Errorf("tipo %q desconocido; los que hay son: %s", f.Tipo, unite(c.tipos()))
	case f.Servicio != "*" && !slices.Contains(c.Servicios, f.Servicio):
		return fmt.Errorf("servicio %q desconocido; los que hay son: %s, *", f.Servicio, unite(c.Servicios))
	case f.Operacion != "*" && !slices.Contains(c.Operations, f.Operacion):
		return fmt.Errorf("operacion %q desconocida; las que hay son: %s, *", f.Operacion, unite(c.Operations))
	case f.Tipo == ConDefectos && len(f.Defectos) == 0, f.Tipo != ConDefectos && (len(f.Defectos) > 0 || f.Entradas != 0):
		return fmt.Errorf("defectos y entradas van con la falla %q, que requiere defectos; los que hay son: %s", ConDefectos, unite(c.Defects))
	case c.unknown(f) != "":
		return fmt.Errorf("defecto %q desconocido; los que hay son: %s", c.unknown(f), unite(c.Defects))
	case f.Operacion != "*" && !c.admit(f, f.Operacion):
		return fmt.Errorf("la falla %q no tiene sentido en %s", f.Tipo, f.Operacion)
	case f.Despues && !slices.ContainsFunc(c.Operations, func(o string) bool { return c.admit(f, o) }):
		return fmt.Errorf("la falla %q no admite despues", f.Tipo)
	}
	if err := f.checkResponse(); err != nil {
		return err
	}
	return f.checkWhen()
}

// checkResponse is about what is answered.
func (f Falla) checkResponse() error {
	withText := []Tipo{InOtherCodigo, Codigo, Fault}
	switch {
	case f.Tipo == Pagina && (f.HTTP < http.StatusOK || f.HTTP > maxEstado), f.Tipo != Pagina && (f.HTTP != 0 || f.Ubicacion != ""):
		return fmt.Errorf("http, de %d a %d, y ubicacion van con la falla %q", http.StatusOK, maxEstado, Pagina)
	case f.Tipo == InOtherCodigo && f.Codificacion == "", f.Codificacion != "" && !slices.Contains(withText, f.Tipo):
		return fmt.Errorf("codificacion va con las fallas %s; %q la requiere", unite(withText), InOtherCodigo)
	case f.Codificacion != "" && !slices.Contains(encodings(), f.Codificacion), f.Anuncio != "" && (f.Codificacion == "" || !slices.Contains(announcements(), f.Anuncio)):
		return fmt.Errorf("codificacion es una de %s, y anuncio uno de %s", unite(encodings()), unite(announcements()))
	case strings.HasSuffix(f.Anuncio, anunciaMarca) && !strings.HasPrefix(f.Codificacion, "utf-"):
		return fmt.Errorf("%s no tiene marca", f.Codificacion)
	case f.Tipo == Codigo && f.Codigo == "":
		return fmt.Errorf("la falla %q requiere codigo", f.Tipo)
	case f.Tipo == Lento && f.Delay == 0:
		return fmt.Errorf("la falla %q requiere demora", f.Tipo)
	case f.Delay < 0 || f.Bytes < 0 || f.Entradas < 0:
		return errors.New("demora, bytes y entradas no pueden ser negativos")
	}
	return nil
}

// checkWhen is about which calls are touched.
func (f Falla) checkWhen() error {
	switch {
	case f.Porciento < 0 || f.Porciento > 100 || f.Porciento > 0 && f.Cada > 0:
		return errors.New("porciento va de 0 a 100, sin cada")
	case f.Tipo == Intermitencia && f.Porciento == 0:
		return fmt.Errorf("la falla %q requiere porciento", f.Tipo)
	case f.Veces < 0 || f.Cada < 0 || f.Begin < 0 || f.Last < 0 || f.Repeat < 0:
		return errors.New("veces, cada, empieza, dura y repite no pueden ser negativos")
	case f.Last == 0 && (f.Begin > 0 || f.Repeat > 0):
		return errors.New("empieza y repite requieren dura")
	case f.Repeat > 0 && f.Repeat <= f.Last:
		return errors.New("repite debe ser mayor que dura")
	case len(f.Contiene) > maxText:
		return fmt.Errorf("contiene es un texto de %d bytes cuando mucho", maxText)
	}
	return nil
}

func unite[T ~string](texts []T) string {
	flat := make([]string, len(texts))
	for i, t := range texts {
		flat[i] = string(t)
	}
	return strings.Join(flat, ", ")
}
