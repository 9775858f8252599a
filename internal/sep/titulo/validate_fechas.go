package titulo

import "slices"

// fechas checks the dates against each other and against the modalidad.
func (l *list) fechas(t *Titulo) {
	c, e, a := t.Carrera, t.Expedicion, t.Antecedente
	l.modalidad(e)
	l.order(NivelError, "carrera/fechaTerminacion", c.FechaInicio, c.FechaTerminacion, "La carrera termina antes de empezar.")
	l.order(NivelError, "antecedente/fechaTerminacion", a.FechaInicio, a.FechaTerminacion, "El estudio antecedente termina antes de empezar.")
	l.order(NivelAviso, "expedicion/fechaExpedicion", c.FechaTerminacion, e.FechaExpedicion, "El título se expide antes de terminar la carrera.")
	l.order(NivelAviso, "expedicion/fechaExpedicion", e.FechaExamenProfesional, e.FechaExpedicion, "El título se expide antes del examen profesional.")
	l.order(NivelAviso, "expedicion/fechaExpedicion", e.FechaExencionExamenProfesional, e.FechaExpedicion, "El título se expide antes de la exención de examen.")
	l.order(NivelAviso, "antecedente/fechaTerminacion", a.FechaTerminacion, c.FechaInicio, "El estudio antecedente termina después de empezar la carrera.")
}

// order reports a date after that is earlier than before. The same day is allowed.
func (l *list) order(level Level, path, before, after, detail string) {
	d1, ok1 := day(before)
	d2, ok2 := day(after)
	if ok1 && ok2 && d2.Before(d1) {
		l.set(Problem{Ruta: path, Codigo: CodigoOrderFechas, Nivel: level, Detalle: detail + " Revise las fechas " + before + " y " + after + "."})
	}
}

const modalidadTesis = "1"

func standardModalidades() []string { return []string{modalidadTesis, "2", "3", "4", "5", "6"} }

// modalidad checks the dates of the graduation: a thesis has an examination date, every
// other modalidad an exemption date, and no title both (sep.md §5).
func (l *list) modalidad(e Expedicion) {
	const exam, exencion = "fechaExamenProfesional", "fechaExencionExamenProfesional"
	// For an operator's own modalidad the required date is unknown.
	if m, ok := l.criterio.de(modalidades).Entry(e.IDModalidadTitulacion); !ok || m.Evidencia == EvidenciaPropia && !slices.Contains(standardModalidades(), m.ID) {
		if e.FechaExamenProfesional != "" && e.FechaExencionExamenProfesional != "" {
			l.error("expedicion/"+exencion, CodigoFechaExcluded, "%s y %s no van juntas: la modalidad dice cuál.", exam, exencion)
		}
		return
	}
	missing, surplus := exencion, exam
	present, absent := e.FechaExencionExamenProfesional, e.FechaExamenProfesional
	if e.IDModalidadTitulacion == modalidadTesis {
		missing, surplus, present, absent = surplus, missing, absent, present
	}
	if present == "" {
		l.error("expedicion/"+missing, CodigoFechaRequired, "La modalidad %s requiere %s.", e.IDModalidadTitulacion, missing)
	}
	if absent != "" {
		l.error("expedicion/"+surplus, CodigoFechaExcluded, "La modalidad %s no lleva %s; quítela.", e.IDModalidadTitulacion, surplus)
	}
}
