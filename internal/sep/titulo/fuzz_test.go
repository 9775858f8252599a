package titulo

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func FuzzParse(f *testing.F) {
	complete := document(f, complete(f))
	f.Add(complete)
	f.Add(document(f, example()))
	f.Add(bytes.ReplaceAll(complete, []byte(Namespace), []byte("x")))
	f.Add([]byte(`<?xml version="1.0"?><!DOCTYPE a><TituloElectronico/>`))
	f.Add([]byte("<TituloElectronico><Institucion/><Institucion/><FirmaResponsables><FirmaResponsable/></FirmaResponsables><Autenticacion/></TituloElectronico>"))
	f.Fuzz(func(t *testing.T, xml []byte) {
		read, err := Parse(xml)
		problems := Verify(xml)
		if err != nil {
			if _, ok := asProblem(err); !ok || !HasErrors(problems) {
				t.Errorf("refused with %T %v, verified with %v", err, err, problems)
			}
			return
		}
		for i := range read.FirmaResponsables {
			CadenaOriginal(read, i, EscapeEntidades)
		}
		other, err := Marshal(read)
		if err != nil {
			return // Marshal is stricter about characters than XML is
		}
		turned, err := Parse(other)
		if diff := cmp.Diff(read, turned); err != nil || diff != "" {
			t.Errorf("written and read again: %v %s", err, diff)
		}
		if two := Complete(Complete(read)); cmp.Diff(Complete(read), two) != "" {
			t.Error("completing twice is not completing once")
		}
	})
}

func FuzzCheckFile(f *testing.F) {
	xml := document(f, example())
	closed := lote(f, withFolio(f, "1"), withFolio(f, "2"))
	f.Add(xml, "t.xml")
	f.Add(closed, "l.zip")
	f.Add(pack(f, entry{name: "a/"}, entry{"b/c.xml", xml, nil}, entry{"d.pdf", []byte("%PDF"), nil}), "l.zip")
	f.Add([]byte("PHhtbD4="), "t.xml")
	f.Add([]byte(nil), "")
	f.Fuzz(func(t *testing.T, content []byte, name string) {
		r, err := CheckFile(bytes.NewReader(content), int64(len(content)), name)
		if err != nil {
			t.Fatalf("memory failed: %v", err)
		}
		if r.Tipo == TipoUnknown && !HasErrors(r.Problems) || r.Titulos == 0 && !HasErrors(r.Problems) {
			t.Errorf("passed with nothing in it: %+v", r)
		}
		if slices.ContainsFunc(r.Problems, func(p Problem) bool { return p.Codigo == "" || p.Nivel == "" || p.Detalle == "" }) {
			t.Errorf("a problem says nothing: %v", r.Problems)
		}
	})
}
