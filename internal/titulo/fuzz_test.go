package titulo

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func FuzzParse(f *testing.F) {
	completo := documento(f, completo(f))
	f.Add(completo)
	f.Add(documento(f, ejemplo()))
	f.Add(bytes.ReplaceAll(completo, []byte(Namespace), []byte("x")))
	f.Add([]byte(`<?xml version="1.0"?><!DOCTYPE a><TituloElectronico/>`))
	f.Add([]byte("<TituloElectronico><Institucion/><Institucion/><FirmaResponsables><FirmaResponsable/></FirmaResponsables><Autenticacion/></TituloElectronico>"))
	f.Fuzz(func(t *testing.T, xml []byte) {
		leido, err := Parse(xml)
		problemas := Verifica(xml)
		if err != nil {
			if _, ok := comoProblema(err); !ok || !HayErrores(problemas) {
				t.Errorf("refused with %T %v, verified with %v", err, err, problemas)
			}
			return
		}
		for i := range leido.FirmaResponsables {
			CadenaOriginal(leido, i, EscapeEntidades)
		}
		otra, err := Marshal(leido)
		if err != nil {
			return // Marshal is stricter about characters than XML is
		}
		vuelto, err := Parse(otra)
		if diff := cmp.Diff(leido, vuelto); err != nil || diff != "" {
			t.Errorf("written and read again: %v %s", err, diff)
		}
		if dos := Completa(Completa(leido)); cmp.Diff(Completa(leido), dos) != "" {
			t.Error("completing twice is not completing once")
		}
	})
}

func FuzzRevisaArchivo(f *testing.F) {
	xml := documento(f, ejemplo())
	cerrado := lote(f, conFolio(f, "1"), conFolio(f, "2"))
	f.Add(xml, "t.xml")
	f.Add(cerrado, "l.zip")
	f.Add(empaca(f, entrada{nombre: "a/"}, entrada{"b/c.xml", xml, nil}, entrada{"d.pdf", []byte("%PDF"), nil}), "l.zip")
	f.Add([]byte("PHhtbD4="), "t.xml")
	f.Add([]byte(nil), "")
	f.Fuzz(func(t *testing.T, contenido []byte, nombre string) {
		r, err := RevisaArchivo(bytes.NewReader(contenido), int64(len(contenido)), nombre)
		if err != nil {
			t.Fatalf("memory failed: %v", err)
		}
		if r.Tipo == TipoDesconocido && !HayErrores(r.Problemas) || r.Titulos == 0 && !HayErrores(r.Problemas) {
			t.Errorf("passed with nothing in it: %+v", r)
		}
		if slices.ContainsFunc(r.Problemas, func(p Problema) bool { return p.Codigo == "" || p.Nivel == "" || p.Detalle == "" }) {
			t.Errorf("a problem says nothing: %v", r.Problemas)
		}
	})
}
