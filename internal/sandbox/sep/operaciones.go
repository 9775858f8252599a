package sep

import (
	"slices"
	"strconv"
	"strings"

	"github.com/beevik/etree"
)

// The operations, named as the contract and the faults name them.
const (
	opCarga              = "cargaTituloElectronico"
	opConsulta           = "consultaProcesoTituloElectronico"
	opDescarga           = "descargaTituloElectronico"
	opCancela            = "cancelaTituloElectronico"
	opCancelaInstitucion = "cancelarTituloInstitucion"
)

const (
	mensajeUsuario = "Usuario Inválido"
	// mensajeUsuarioCancela has no accent there.
	mensajeUsuarioCancela = "Usuario Invalido"

	estatusEnEspera  = "0"
	estatusProcesado = "1"
	codigoHecho      = "0"
	codigoError      = "1"
)

// operacion is one operation of the contract.
type operacion struct {
	nombre   string
	peticion []campo
	unaVia   bool
	atiende  func(*Servidor, *llamada) (respuesta, error)
	// conCodigo writes a code and a text in the shape of this operation; carga and descarga, which have no
	// code, answer the text alone.
	conCodigo func(codigo, mensaje string) respuesta
}

func operaciones() []*operacion {
	lote := campo{nombre: "numeroLote", entero: true}
	folio, motivo, clave := campo{nombre: "folioControl"}, campo{nombre: "motCancelacion"}, campo{nombre: "cveInstitucion"}
	return []*operacion{
		{
			nombre: opCarga, atiende: (*Servidor).carga, conCodigo: soloMensaje,
			peticion: conAutenticacion(campo{nombre: "nombreArchivo", minimo: 2, maximo: 100}, campo{nombre: elementoArchivo, base64: true}),
		},
		{nombre: opConsulta, atiende: (*Servidor).consulta, conCodigo: conEstatus, peticion: conAutenticacion(lote)},
		{nombre: opDescarga, atiende: (*Servidor).descarga, conCodigo: soloMensaje, peticion: conAutenticacion(lote)},
		{nombre: opCancela, atiende: (*Servidor).cancela, conCodigo: conCodigo, peticion: conAutenticacion(folio, motivo)},
		{nombre: opCancelaInstitucion, atiende: (*Servidor).cancela, conCodigo: conCodigo, unaVia: true, peticion: conAutenticacion(folio, clave, motivo)},
	}
}

func nombresOperaciones() []string {
	var nombres []string
	for _, o := range operaciones() {
		nombres = append(nombres, o.nombre)
	}
	return nombres
}

// porRaiz finds the operation whose request this is.
func porRaiz(raiz *etree.Element) *operacion {
	todas := operaciones()
	i := slices.IndexFunc(todas, func(o *operacion) bool { return es(raiz, nsMET, o.nombre+"Request") })
	if i < 0 {
		return nil
	}
	return todas[i]
}

// rechaza answers wrong credentials. What is a number and not an object in the service is there all the
// same; numeroLote and titulosBase64 are not.
func (op *operacion) rechaza() respuesta {
	r := op.conCodigo("0", mensajeUsuario)
	if strings.HasPrefix(op.nombre, "cancela") {
		r = op.conCodigo(codigoError, mensajeUsuarioCancela)
	}
	r.codigo = "usuario"
	return r
}

func soloMensaje(codigo, mensaje string) respuesta {
	return respuesta{codigo: codigo, hijos: []par{{"mensaje", mensaje}}}
}

func conEstatus(codigo, mensaje string) respuesta {
	return respuesta{codigo: codigo, hijos: []par{{"estatusLote", codigo}, {"mensaje", mensaje}}}
}

func conCodigo(codigo, mensaje string) respuesta {
	return respuesta{codigo: codigo, hijos: []par{{"codigo", codigo}, {"mensaje", mensaje}}}
}

// carga opens a lote. The service examines it afterwards; here it is examined at once and the outcome is
// kept back until its time comes, so that nothing of the upload outlives the call.
func (s *Servidor) carga(ll *llamada) (respuesta, error) {
	if ll.bytes == 0 {
		return soloMensaje("vacio", "El archivo se encuentra vacío."), nil
	}
	titulos, err := s.titulosDe(ll.campos["nombreArchivo"], ll.archivo, ll.bytes)
	if err != nil {
		return respuesta{}, err
	}
	ahora := s.o.Reloj.Now()
	numero, err := s.lotes.abre(ahora, ahora.Add(s.o.Perillas.Duracion(perDemora)), titulos)
	if err != nil {
		return respuesta{}, err
	}
	return respuesta{codigo: "lote", hijos: []par{{"numeroLote", strconv.FormatInt(numero, 10)}, {"mensaje", ""}}}, nil
}

func (s *Servidor) consulta(ll *llamada) (respuesta, error) {
	numero := ll.campos["numeroLote"]
	lote, listo := s.lotes.busca(numero, s.o.Reloj.Now())
	estatus, mensaje := estatusProcesado, "El número de lote "+numero+" se encuentra PROCESADO."
	switch {
	case lote == nil:
		estatus, mensaje = estatusEnEspera, sinRegistros(numero)
	case !listo:
		estatus, mensaje = estatusEnEspera, enEspera(numero)
	}
	r := conEstatus(estatus, mensaje)
	r.hijos = slices.Insert(r.hijos, 0, par{"numeroLote", s.contestado(numero)})
	return r, nil
}

func (s *Servidor) descarga(ll *llamada) (respuesta, error) {
	numero := ll.campos["numeroLote"]
	lote, listo := s.lotes.busca(numero, s.o.Reloj.Now())
	switch {
	case lote == nil:
		return respuesta{codigo: "sin lote", hijos: []par{{"numeroLote", numero}, {"mensaje", sinRegistros(numero)}}}, nil
	case !listo:
		return respuesta{codigo: "espera", hijos: []par{{"numeroLote", numero}, {"mensaje", enEspera(numero)}}}, nil
	}
	forma := s.o.Perillas.Texto(perResultado)
	if forma == resSinArchivo {
		return respuesta{codigo: "sin archivo", hijos: []par{
			{"numeroLote", numero}, {"mensaje", "El número de lote " + numero + " ha tenido algún archivo con errores."},
		}}, nil
	}
	archivo, err := lote.archivo(forma)
	if err != nil {
		return respuesta{}, err
	}
	return respuesta{codigo: "resultado", hijos: []par{
		{"numeroLote", s.contestado(numero)},
		{"mensaje", "El número de lote " + numero + " finalizó el proceso, se descarga archivo con la relación correspondiente"},
		{"titulosBase64", estropeaArchivo(archivo, ll.falla)},
	}}, nil
}

// contestado is the number in an answer: the one asked for, but by the knob.
func (s *Servidor) contestado(numero string) string {
	if s.o.Perillas.Texto(perResultado) == resOtroLote {
		return "9" + numero
	}
	return numero
}

func sinRegistros(numero string) string {
	return "No se encontraron registros para el número de lote " + numero
}

func enEspera(numero string) string {
	return "El número de lote " + numero + " se encuentra en ESPERA de ser procesado."
}

// cancela is both of the cancellations; the one by institution must be of the title's.
func (s *Servidor) cancela(ll *llamada) (respuesta, error) {
	folio, motivo := ll.campos["folioControl"], ll.campos["motCancelacion"]
	if !slices.Contains(motivosCancelacion(), motivo) {
		return conCodigo(codigoError, "Motivo de cancelación no válido: "+motivo), nil
	}
	clave, porInstitucion := ll.campos["cveInstitucion"]
	if !s.lotes.cancela(folio, s.o.Reloj.Now(), func(institucion string) bool { return !porInstitucion || clave == institucion }) {
		return conCodigo(codigoError, "No se encontró título para el folio "+folio), nil
	}
	return conCodigo(codigoHecho, "El folio "+folio+" fue cancelado exitosamente."), nil
}
