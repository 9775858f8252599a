package titulo

import "slices"

// fechas checks the dates against each other and against the modalidad.
func (l *lista) fechas(t *Titulo) {
	c, e, a := t.Carrera, t.Expedicion, t.Antecedente
	l.modalidad(e)
	l.orden(NivelError, "carrera/fechaTerminacion", c.FechaInicio, c.FechaTerminacion, "La carrera termina antes de empezar.")
	l.orden(NivelError, "antecedente/fechaTerminacion", a.FechaInicio, a.FechaTerminacion, "El estudio antecedente termina antes de empezar.")
	l.orden(NivelAviso, "expedicion/fechaExpedicion", c.FechaTerminacion, e.FechaExpedicion, "El título se expide antes de terminar la carrera.")
	l.orden(NivelAviso, "expedicion/fechaExpedicion", e.FechaExamenProfesional, e.FechaExpedicion, "El título se expide antes del examen profesional.")
	l.orden(NivelAviso, "expedicion/fechaExpedicion", e.FechaExencionExamenProfesional, e.FechaExpedicion, "El título se expide antes de la exención de examen.")
	l.orden(NivelAviso, "antecedente/fechaTerminacion", a.FechaTerminacion, c.FechaInicio, "El estudio antecedente termina después de empezar la carrera.")
}

// orden reports when despues lies before antes; the same day is in order.
func (l *lista) orden(nivel Nivel, ruta, antes, despues, detalle string) {
	d1, ok1 := dia(antes)
	d2, ok2 := dia(despues)
	if ok1 && ok2 && d2.Before(d1) {
		l.pon(Problema{Ruta: ruta, Codigo: CodigoOrdenFechas, Nivel: nivel, Detalle: detalle + " Revise las fechas " + antes + " y " + despues + "."})
	}
}

const modalidadTesis = "1"

func modalidadesDeLaNorma() []string { return []string{modalidadTesis, "2", "3", "4", "5", "6"} }

// modalidad: the thesis carries the date of the examination, all other ways
// that of the exemption, and no title both (sep.md §5).
func (l *lista) modalidad(e Expedicion) {
	const examen, exencion = "fechaExamenProfesional", "fechaExencionExamenProfesional"
	// Of a modalidad that others added, nobody has said which date it carries.
	if m, ok := l.criterio.de(modalidades).Entrada(e.IDModalidadTitulacion); !ok || m.Evidencia == EvidenciaPropia && !slices.Contains(modalidadesDeLaNorma(), m.ID) {
		if e.FechaExamenProfesional != "" && e.FechaExencionExamenProfesional != "" {
			l.error("expedicion/"+exencion, CodigoFechaExcluida, "%s y %s no van juntas: la modalidad dice cuál.", examen, exencion)
		}
		return
	}
	falta, sobra := exencion, examen
	presente, ausente := e.FechaExencionExamenProfesional, e.FechaExamenProfesional
	if e.IDModalidadTitulacion == modalidadTesis {
		falta, sobra, presente, ausente = sobra, falta, ausente, presente
	}
	if presente == "" {
		l.error("expedicion/"+falta, CodigoFechaRequerida, "La modalidad %s requiere %s.", e.IDModalidadTitulacion, falta)
	}
	if ausente != "" {
		l.error("expedicion/"+sobra, CodigoFechaExcluida, "La modalidad %s no lleva %s; quítela.", e.IDModalidadTitulacion, sobra)
	}
}
