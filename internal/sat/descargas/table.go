package descargas

import "github.com/pasarela-mx/pasarela/internal/gateway"

// stage is the step in which a refusal is heard. Autentica is none: what it is
// refused with means what it means in the step that wanted the token, and nothing
// of that step was sent.
type stage int

const (
	// onSubmit is Request*.
	onSubmit stage = iota
	// onQuery is Verify.
	onQuery
	// byMotivo is the reason that Verify gives with the state 5 of a solicitud.
	byMotivo
	// onDownload is Descargar.
	onDownload
)

// direction is what a condition means for what was asked.
type direction int

const (
	// passing: it says nothing of what was asked. Again, until the deadline.
	passing direction = iota
	// dubious: the SAT's bad day, or a refusal for good. Again, so many times in a row.
	dubious
	// definitive: a refusal for good.
	definitive
	// uncertain: the SAT may have registered it.
	uncertain
	// exhausted: the criteria were asked for too often.
	exhausted
	// excessive: too many comprobantes in the range.
	excessive
	// withoutNothing: no comprobantes in the range.
	withoutNothing
	// foreign: the SAT does not know the id. As dubious, and then it is gone.
	foreign
	// duplicate: an equal solicitud lives.
	duplicate
	// otherDay: the limit of the day.
	otherDay
	// thwarted: the SAT failed at the work itself.
	thwarted
	// mute: the solicitud was rejected for no reason that means anything.
	mute
	// cancelled: the SAT gives no XML of cancelled ones.
	cancelled
	// lost: the package is gone.
	lost
)

// rule is what a condition means in one step. times is how many in a row of a
// doubtful one are put up with.
type rule struct {
	direction direction
	times     int
}

// row is a row of the table: what a condition means in every step, but for those
// that it names.
type row struct {
	rule
	except map[stage]rule
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
	// condExpired: the 72 hours that the SAT keeps a package are over.
	condExpired = "5007"
	// condInterna: a failure of our own.
	condInterna = "interna"
	// condNuestra: this machine has not what it takes, and nothing was sent.
	condNuestra = "nuestra"
	// condOtra: whatever else refuses.
	condOtra = "otra"
	// condGone: a package that was here and has been removed.
	condGone = "ida"
	// condSinPaquetes: state 3 that counts comprobantes and names no package.
	condSinPaquetes = "sin_paquetes"
)

// The patience with doubtful conditions. By Pace.refusal the waits double from a
// minute to four hours: 8 are four hours, 10 half a day, 24 three days.
const (
	few      = 3
	ofHours  = 8
	ofDay    = 10
	ofEnd    = 24
	ofCuenta = 5
)

// table is the one place where a code, a fault or an HTTP outcome gets its
// meaning. The sources are sat.md §9 unless a row names another.
func table() map[string]row {
	doubt := func(times int) row { return row{rule: rule{dubious, times}} }
	// What is said of a solicitud means nothing of a package.
	onlySolicitud := func(s direction) row {
		return row{rule: rule{direction: s}, except: map[stage]rule{onDownload: {dubious, few}}}
	}
	own := rule{dubious, few}
	return map[string]row{
		"300": {rule: rule{direction: passing}},
		// In Request it is of the criteria, which the SAT has read. The other messages
		// hold an id that the SAT gave and nothing of ours.
		"301": {rule: rule{direction: definitive}, except: map[stage]rule{onQuery: own, onDownload: own}},
		"302": doubt(few),
		"303": doubt(few),
		"304": doubt(few),
		// "A SAT hiccup" that people waited out for hours (phpcfdi#82).
		"305": doubt(ofHours),
		// Seen for hours (phpcfdi#42, satcfdi#19); as a reason it is the work that failed.
		"404":  {rule: rule{direction: passing}, except: map[stage]rule{byMotivo: {direction: thwarted}}},
		"5006": {rule: rule{direction: passing}, except: map[stage]rule{byMotivo: {direction: thwarted}}},
		// Of an id that the SAT has accepted it cannot be meant.
		"5001": {rule: rule{direction: definitive}, except: map[stage]rule{onQuery: own, onDownload: own}},
		"5002": onlySolicitud(exhausted),
		"5003": onlySolicitud(excessive),
		// To a question by id it means that the id is unknown, right after Request also
		// that it is not known yet (cfdiclient#25).
		"5004": {rule: rule{direction: withoutNothing}, except: map[stage]rule{onQuery: {foreign, few}, onDownload: {foreign, few}}},
		"5005": onlySolicitud(duplicate),
		// Of a package alone; elsewhere like any code that is not documented there.
		condExpired: {rule: own, except: map[stage]rule{onDownload: {direction: lost}}},
		"5008":      {rule: own, except: map[stage]rule{onDownload: {direction: lost}}},
		"5011":      {rule: rule{direction: otherDay}},
		"5012":      onlySolicitud(cancelled),
		// "Intermittence of the SAT" for a while, with the right e.firma (cfdiclient#45,
		// phpcfdi#77, satcfdi#48); and a clock that is set right makes it pass.
		condFecha: doubt(ofDay),
		// In an outage (cfdiclient#17), or for good once an operation is retired.
		"ActionNotSupported":    doubt(ofDay),
		"DeserializationFailed": doubt(few),
		"Client":                doubt(few),
		"Sender":                doubt(few),
		// Something before the service answers: maintenance, which takes weekends, a
		// firewall; or our address is wrong.
		condPagina:   doubt(ofEnd),
		condIlegible: doubt(ofEnd),
		condPasajera: {rule: rule{direction: passing}},
		condNuestra:  {rule: rule{direction: passing}},
		// In Request nobody knows then whether it had left.
		condInterna:  {rule: rule{direction: passing}, except: map[stage]rule{onSubmit: {direction: uncertain}}},
		condGone:     {rule: own, except: map[stage]rule{onDownload: {direction: lost}}},
		condOtra:     doubt(few),
		condIncierta: {rule: rule{direction: uncertain}},
		condInvalida: {rule: rule{direction: definitive}},
		// It is not the SAT's bad day. While nothing is at the SAT, nothing is lost by
		// ending; what it has accepted waits for files that are being replaced.
		condEFirma:      {rule: rule{dubious, ofEnd}, except: map[stage]rule{onSubmit: {direction: definitive}}},
		condSinPaquetes: doubt(ofCuenta),
	}
}

// condition names the row of a failure.
func condition(e *gateway.Error) string {
	_, known := table()[e.Codigo]
	switch {
	case e.Kind == gateway.KindResultadoDesconocido:
		return condIncierta
	case e.Kind == gateway.KindEFirma && e.Backend == "":
		return condEFirma
	case e.Kind == gateway.KindInvalida && e.Unsent:
		return condInvalida
	case e.Backend != "" && e.Codigo != "" && known:
		return e.Codigo
	case e.Kind == gateway.KindYaNoDisponible:
		return condGone
	case e.Kind == gateway.KindMensajeRechazado && e.Codigo == "":
		return condPagina
	case e.Kind == gateway.KindRespuestaInvalida && e.Codigo == "":
		return condIlegible
	case e.IsOwn() && !e.Unsent:
		return condInterna
	case e.IsOwn() && e.Unsent:
		return condNuestra
	case e.Retryable || e.Unsent:
		return condPasajera
	}
	return condOtra
}

// mean is what a condition means in a step. A rejected solicitud needs a
// reason that is one: codes that refuse a message are none.
func mean(condition string, en stage) rule {
	f, ok := table()[condition]
	if !ok {
		f = table()[condOtra]
	}
	r := f.rule
	if own, ok := f.except[en]; ok {
		r = own
	}
	if en == byMotivo && (r.direction == dubious || r.direction == passing) {
		return rule{direction: mute}
	}
	return r
}
