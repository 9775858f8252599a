package titulo

// Verifica lists all that is wrong with a document: its structure by the
// schema, its fields (Validate), and every sello by its own certificate. It
// needs no network, so whether the DGP has the certificate registered is
// beyond it. nil means nothing was found.
func (c *Criterio) Verifica(documento []byte) []Problema {
	l := lista{criterio: c}
	l.verifica(documento)
	return l.problemas
}

// verifica returns what was read of the document, as far as it could be.
func (l *lista) verifica(documento []byte) (Titulo, bool) {
	t, err := l.lee(documento)
	if err != nil {
		_ = l.rechazo(err) // lee fails with problems alone
		return t, false
	}
	l.titulo(&t)
	for i := range t.FirmaResponsables {
		l.firmante(&t, i)
	}
	return t, true
}

// rechazo takes in the Problema with which a reading failed, and returns any
// other error.
func (l *lista) rechazo(err error) error {
	p, ok := comoProblema(err)
	if !ok {
		return err
	}
	l.pon(p)
	return nil
}
