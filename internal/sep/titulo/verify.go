package titulo

// Verify lists all faults of a document: its structure by the schema, its fields
// (Validate), and every sello by its own certificate. It uses no network, so it cannot
// know whether the DGP has the certificate registered. nil means no faults.
func (c *Criterio) Verify(document []byte) []Problem {
	l := list{criterio: c}
	l.verify(document)
	return l.problems
}

// verify returns what could be read of the document.
func (l *list) verify(document []byte) (Titulo, bool) {
	t, err := l.read(document)
	if err != nil {
		_ = l.refusal(err) // read fails with problems only
		return t, false
	}
	l.titulo(&t)
	for i := range t.FirmaResponsables {
		l.firmante(&t, i)
	}
	return t, true
}

// refusal adds the Problem with which a read failed, and returns any other error.
func (l *list) refusal(err error) error {
	p, ok := asProblem(err)
	if !ok {
		return err
	}
	l.set(p)
	return nil
}
