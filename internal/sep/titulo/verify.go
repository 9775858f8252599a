package titulo

// Verify lists all that is wrong with a document: its structure by the
// schema, its fields (Validate), and every sello by its own certificate. It
// needs no network, so whether the DGP has the certificate registered is
// beyond it. nil means nothing was found.
func (c *Criterio) Verify(document []byte) []Problem {
	l := list{criterio: c}
	l.verify(document)
	return l.problems
}

// verify returns what was read of the document, as far as it could be.
func (l *list) verify(document []byte) (Titulo, bool) {
	t, err := l.read(document)
	if err != nil {
		_ = l.refusal(err) // read fails with problems alone
		return t, false
	}
	l.titulo(&t)
	for i := range t.FirmaResponsables {
		l.firmante(&t, i)
	}
	return t, true
}

// refusal takes in the Problem with which a reading failed, and returns any
// other error.
func (l *list) refusal(err error) error {
	p, ok := asProblem(err)
	if !ok {
		return err
	}
	l.set(p)
	return nil
}
