package sep

import (
	"slices"
	"strconv"
	"strings"

	"github.com/beevik/etree"

	"github.com/pasarela-mx/pasarela/internal/sandbox/wellformed"
)

// The operations, named as the contract and the faults name them.
const (
	opUpload            = "cargaTituloElectronico"
	opQuery             = "consultaProcesoTituloElectronico"
	opDescarga          = "descargaTituloElectronico"
	opCancel            = "cancelaTituloElectronico"
	opCancelInstitucion = "cancelarTituloInstitucion"
)

const (
	mensajeUser = "Usuario Inválido"
	// mensajeUserCancel has no accent there.
	mensajeUserCancel = "Usuario Invalido"

	estatusInWait    = "0"
	estatusProcessed = "1"
	codigoDone       = "0"
	codigoError      = "1"
)

// operation is one operation of the contract.
type operation struct {
	name    string
	request []field
	oneWay  bool
	attend  func(*Server, *call) (answer, error)
	// withCodigo writes a code and a text in the shape of this operation; upload and descarga, which have no
	// code, answer the text alone.
	withCodigo func(codigo, mensaje string) answer
}

func operations() []*operation {
	lote := field{name: "numeroLote", whole: true}
	folio, motivo, key := field{name: "folioControl"}, field{name: "motCancelacion"}, field{name: "cveInstitucion"}
	return []*operation{
		{
			name: opUpload, attend: (*Server).upload, withCodigo: onlyMensaje,
			request: withAutenticacion(field{name: "nombreArchivo", min: 2, max: 100}, field{name: elementFile, base64: true}),
		},
		{name: opQuery, attend: (*Server).query, withCodigo: withEstatus, request: withAutenticacion(lote)},
		{name: opDescarga, attend: (*Server).descarga, withCodigo: onlyMensaje, request: withAutenticacion(lote)},
		{name: opCancel, attend: (*Server).cancel, withCodigo: withCodigo, request: withAutenticacion(folio, motivo)},
		{name: opCancelInstitucion, attend: (*Server).cancel, withCodigo: withCodigo, oneWay: true, request: withAutenticacion(folio, key, motivo)},
	}
}

func operationNames() []string {
	var names []string
	for _, o := range operations() {
		names = append(names, o.name)
	}
	return names
}

// byRoot finds the operation whose request this is.
func byRoot(root *etree.Element) *operation {
	all := operations()
	i := slices.IndexFunc(all, func(o *operation) bool { return wellformed.Is(root, nsMET, o.name+"Request") })
	if i < 0 {
		return nil
	}
	return all[i]
}

// reject answers wrong credentials. What is a number and not an object in the service is there all the
// same; numeroLote and titulosBase64 are not.
func (op *operation) reject() answer {
	r := op.withCodigo("0", mensajeUser)
	if strings.HasPrefix(op.name, "cancela") {
		r = op.withCodigo(codigoError, mensajeUserCancel)
	}
	r.codigo = "usuario"
	return r
}

func onlyMensaje(codigo, mensaje string) answer {
	return answer{codigo: codigo, children: []pair{{"mensaje", mensaje}}}
}

func withEstatus(codigo, mensaje string) answer {
	return answer{codigo: codigo, children: []pair{{"estatusLote", codigo}, {"mensaje", mensaje}}}
}

func withCodigo(codigo, mensaje string) answer {
	return answer{codigo: codigo, children: []pair{{"codigo", codigo}, {"mensaje", mensaje}}}
}

// upload opens a lote. The service examines it afterwards; here it is examined at once and the outcome is
// kept back until its time comes, so that nothing of the upload outlives the call.
func (s *Server) upload(ll *call) (answer, error) {
	if ll.bytes == 0 {
		return onlyMensaje("vacio", "El archivo se encuentra vacío."), nil
	}
	titulos, err := s.titulosOf(ll.fields["nombreArchivo"], ll.file, ll.bytes)
	if err != nil {
		return answer{}, err
	}
	now := s.Clock.Now()
	number, err := s.lotes.open(now, now.Add(s.Knobs.Duration(perDelay)), titulos)
	if err != nil {
		return answer{}, err
	}
	return answer{codigo: "lote", children: []pair{{"numeroLote", strconv.FormatInt(number, 10)}, {"mensaje", ""}}}, nil
}

func (s *Server) query(ll *call) (answer, error) {
	number := ll.fields["numeroLote"]
	lote, ready := s.lotes.find(number, s.Clock.Now())
	estatus, mensaje := estatusProcessed, "El número de lote "+number+" se encuentra PROCESADO."
	switch {
	case lote == nil:
		estatus, mensaje = estatusInWait, withoutRecords(number)
	case !ready:
		estatus, mensaje = estatusInWait, inWait(number)
	}
	r := withEstatus(estatus, mensaje)
	r.children = slices.Insert(r.children, 0, pair{"numeroLote", s.answered(number)})
	return r, nil
}

func (s *Server) descarga(ll *call) (answer, error) {
	number := ll.fields["numeroLote"]
	lote, ready := s.lotes.find(number, s.Clock.Now())
	switch {
	case lote == nil:
		return answer{codigo: "sin lote", children: []pair{{"numeroLote", number}, {"mensaje", withoutRecords(number)}}}, nil
	case !ready:
		return answer{codigo: "espera", children: []pair{{"numeroLote", number}, {"mensaje", inWait(number)}}}, nil
	}
	form := s.Knobs.Text(perResult)
	if form == resSinArchivo {
		return answer{codigo: "sin archivo", children: []pair{
			{"numeroLote", number}, {"mensaje", "El número de lote " + number + " ha tenido algún archivo con errores."},
		}}, nil
	}
	file, err := lote.file(form)
	if err != nil {
		return answer{}, err
	}
	return answer{codigo: "resultado", children: []pair{
		{"numeroLote", s.answered(number)},
		{"mensaje", "El número de lote " + number + " finalizó el proceso, se descarga archivo con la relación correspondiente"},
		{"titulosBase64", spoilFile(file, ll.falla)},
	}}, nil
}

// answered is the number in an answer: the one asked for, but by the knob.
func (s *Server) answered(number string) string {
	if s.Knobs.Text(perResult) == resOtroLote {
		return "9" + number
	}
	return number
}

func withoutRecords(number string) string {
	return "No se encontraron registros para el número de lote " + number
}

func inWait(number string) string {
	return "El número de lote " + number + " se encuentra en ESPERA de ser procesado."
}

// cancel is both of the cancellations; the one by institution must be of the title's.
func (s *Server) cancel(ll *call) (answer, error) {
	folio, motivo := ll.fields["folioControl"], ll.fields["motCancelacion"]
	if !slices.Contains(motivosCancelacion(), motivo) {
		return withCodigo(codigoError, "Motivo de cancelación no válido: "+motivo), nil
	}
	key, byInstitucion := ll.fields["cveInstitucion"]
	if !s.lotes.cancel(folio, s.Clock.Now(), func(institucion string) bool { return !byInstitucion || key == institucion }) {
		return withCodigo(codigoError, "No se encontró título para el folio "+folio), nil
	}
	return withCodigo(codigoDone, "El folio "+folio+" fue cancelado exitosamente."), nil
}
