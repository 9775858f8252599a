package descargas

import "github.com/pasarela-mx/pasarela/internal/gateway"

// etapa is the step in which a refusal is heard. Autentica is none: what it is
// refused with means what it means in the step that wanted the token, and nothing
// of that step was sent.
type etapa int

const (
	// alPresentar is Solicita*.
	alPresentar etapa = iota
	// alConsultar is Verifica.
	alConsultar
	// porMotivo is the reason that Verifica gives with the state 5 of a solicitud.
	porMotivo
	// alBajar is Descargar.
	alBajar
)

// sentido is what a condition means for what was asked.
type sentido int

const (
	// pasajera: it says nothing of what was asked. Again, until the deadline.
	pasajera sentido = iota
	// dudosa: the SAT's bad day, or a refusal for good. Again, so many times in a row.
	dudosa
	// definitiva: a refusal for good.
	definitiva
	// incierta: the SAT may have registered it.
	incierta
	// agotada: the criteria were asked for too often.
	agotada
	// excesiva: too many comprobantes in the range.
	excesiva
	// sinNada: no comprobantes in the range.
	sinNada
	// ajena: the SAT does not know the id. As dudosa, and then it is gone.
	ajena
	// duplicada: an equal solicitud lives.
	duplicada
	// otroDia: the limit of the day.
	otroDia
	// frustrada: the SAT failed at the work itself.
	frustrada
	// muda: the solicitud was rejected for no reason that means anything.
	muda
	// cancelados: the SAT gives no XML of cancelled ones.
	cancelados
	// perdida: the package is gone.
	perdida
)

// regla is what a condition means in one step. veces is how many in a row of a
// doubtful one are put up with.
type regla struct {
	sentido sentido
	veces   int
}

// fila is a row of the table: what a condition means in every step, but for those
// that it names.
type fila struct {
	regla
	salvo map[etapa]regla
}

// The conditions that have no code of the SAT.
const (
	// condFecha: the SAT's fault that a wrong clock gets, among others.
	condFecha = "InvalidSecurity"
	// condEFirma: the e.firma on our side cannot be used.
	condEFirma = "efirma"
	// condInvalida: our own rules refuse the criteria.
	condInvalida = "invalida"
	// condIncierta: it was sent, and the answer was lost or says nothing.
	condIncierta = "incierta"
	// condPagina: an HTTP answer below 500 that is no SOAP message.
	condPagina = "pagina"
	// condIlegible: an answer that cannot be understood.
	condIlegible = "ilegible"
	// condPasajera: away, out of reach, silent.
	condPasajera = "pasajera"
	// condVencido: the 72 hours that the SAT keeps a package are over.
	condVencido = "5007"
	// condInterna: a failure of our own.
	condInterna = "interna"
	// condNuestra: this machine has not what it takes, and nothing was sent.
	condNuestra = "nuestra"
	// condOtra: whatever else refuses.
	condOtra = "otra"
	// condIda: a package that was here and has been removed.
	condIda = "ida"
	// condSinPaquetes: state 3 that counts comprobantes and names no package.
	condSinPaquetes = "sin_paquetes"
)

// The patience with doubtful conditions. By Ritmo.rechazo the waits double from a
// minute to four hours: 8 are four hours, 10 half a day, 24 three days.
const (
	pocas    = 3
	deHoras  = 8
	deUnDia  = 10
	deUnFin  = 24
	deCuenta = 5
)

// tabla is the one place where a code, a fault or an HTTP outcome gets its
// meaning. The sources are sat.md §9 unless a row names another.
func tabla() map[string]fila {
	duda := func(veces int) fila { return fila{regla: regla{dudosa, veces}} }
	// What is said of a solicitud means nothing of a package.
	soloSolicitud := func(s sentido) fila {
		return fila{regla: regla{sentido: s}, salvo: map[etapa]regla{alBajar: {dudosa, pocas}}}
	}
	propio := regla{dudosa, pocas}
	return map[string]fila{
		"300": {regla: regla{sentido: pasajera}},
		// In Solicita it is of the criteria, which the SAT has read. The other messages
		// hold an id that the SAT gave and nothing of ours.
		"301": {regla: regla{sentido: definitiva}, salvo: map[etapa]regla{alConsultar: propio, alBajar: propio}},
		"302": duda(pocas),
		"303": duda(pocas),
		"304": duda(pocas),
		// "A SAT hiccup" that people waited out for hours (phpcfdi#82).
		"305": duda(deHoras),
		// Seen for hours (phpcfdi#42, satcfdi#19); as a reason it is the work that failed.
		"404":  {regla: regla{sentido: pasajera}, salvo: map[etapa]regla{porMotivo: {sentido: frustrada}}},
		"5006": {regla: regla{sentido: pasajera}, salvo: map[etapa]regla{porMotivo: {sentido: frustrada}}},
		// Of an id that the SAT has accepted it cannot be meant.
		"5001": {regla: regla{sentido: definitiva}, salvo: map[etapa]regla{alConsultar: propio, alBajar: propio}},
		"5002": soloSolicitud(agotada),
		"5003": soloSolicitud(excesiva),
		// To a question by id it means that the id is unknown, right after Solicita also
		// that it is not known yet (cfdiclient#25).
		"5004": {regla: regla{sentido: sinNada}, salvo: map[etapa]regla{alConsultar: {ajena, pocas}, alBajar: {ajena, pocas}}},
		"5005": soloSolicitud(duplicada),
		// Of a package alone; elsewhere like any code that is not documented there.
		condVencido: {regla: propio, salvo: map[etapa]regla{alBajar: {sentido: perdida}}},
		"5008":      {regla: propio, salvo: map[etapa]regla{alBajar: {sentido: perdida}}},
		"5011":      {regla: regla{sentido: otroDia}},
		"5012":      soloSolicitud(cancelados),
		// "Intermittence of the SAT" for a while, with the right e.firma (cfdiclient#45,
		// phpcfdi#77, satcfdi#48); and a clock that is set right makes it pass.
		condFecha: duda(deUnDia),
		// In an outage (cfdiclient#17), or for good once an operation is retired.
		"ActionNotSupported":    duda(deUnDia),
		"DeserializationFailed": duda(pocas),
		"Client":                duda(pocas),
		"Sender":                duda(pocas),
		// Something before the service answers: maintenance, which takes weekends, a
		// firewall; or our address is wrong.
		condPagina:   duda(deUnFin),
		condIlegible: duda(deUnFin),
		condPasajera: {regla: regla{sentido: pasajera}},
		condNuestra:  {regla: regla{sentido: pasajera}},
		// In Solicita nobody knows then whether it had left.
		condInterna:  {regla: regla{sentido: pasajera}, salvo: map[etapa]regla{alPresentar: {sentido: incierta}}},
		condIda:      {regla: propio, salvo: map[etapa]regla{alBajar: {sentido: perdida}}},
		condOtra:     duda(pocas),
		condIncierta: {regla: regla{sentido: incierta}},
		condInvalida: {regla: regla{sentido: definitiva}},
		// It is not the SAT's bad day. While nothing is at the SAT, nothing is lost by
		// ending; what it has accepted waits for files that are being replaced.
		condEFirma:      {regla: regla{dudosa, deUnFin}, salvo: map[etapa]regla{alPresentar: {sentido: definitiva}}},
		condSinPaquetes: duda(deCuenta),
	}
}

// condicion names the row of a failure.
func condicion(e *gateway.Error) string {
	_, conocida := tabla()[e.Codigo]
	switch {
	case e.Kind == gateway.KindResultadoDesconocido:
		return condIncierta
	case e.Kind == gateway.KindEFirma && e.Backend == "":
		return condEFirma
	case e.Kind == gateway.KindInvalida && e.NoEnviada:
		return condInvalida
	case e.Backend != "" && e.Codigo != "" && conocida:
		return e.Codigo
	case e.Kind == gateway.KindYaNoDisponible:
		return condIda
	case e.Kind == gateway.KindMensajeRechazado && e.Codigo == "":
		return condPagina
	case e.Kind == gateway.KindRespuestaInvalida && e.Codigo == "":
		return condIlegible
	case e.IsOwn() && !e.NoEnviada:
		return condInterna
	case e.IsOwn() && e.NoEnviada:
		return condNuestra
	case e.Reintentable || e.NoEnviada:
		return condPasajera
	}
	return condOtra
}

// significa is what a condition means in a step. A rejected solicitud needs a
// reason that is one: codes that refuse a message are none.
func significa(condicion string, en etapa) regla {
	f, ok := tabla()[condicion]
	if !ok {
		f = tabla()[condOtra]
	}
	r := f.regla
	if propia, ok := f.salvo[en]; ok {
		r = propia
	}
	if en == porMotivo && (r.sentido == dudosa || r.sentido == pasajera) {
		return regla{sentido: muda}
	}
	return r
}
