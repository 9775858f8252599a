package titulo

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCatalogos_EachEntryHasItsEvidence(t *testing.T) {
	for _, c := range Catalogos() {
		for _, e := range c.Entradas {
			if e.Evidencia != EvidenciaFirme && e.Evidencia != EvidenciaEscasa || e.Fuente == "" || e.Fecha == "" {
				t.Errorf("%s %s: evidence %q of %q, %q", c.Nombre, e.ID, e.Evidencia, e.Fecha, e.Fuente)
			}
		}
	}
	for _, id := range []string{"0", "11"} {
		if e, ok := criterio().de(cargos).Entry(id); !ok || e.Evidencia != EvidenciaEscasa {
			t.Errorf("cargo %s: %+v", id, e)
		}
	}
}

// files are an operator's.
func files(pairs ...string) fstest.MapFS {
	dir := fstest.MapFS{}
	for i := 0; i+1 < len(pairs); i += 2 {
		dir[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return dir
}

func TestCatalogosWith_WhenEntriesAreAddedAndReplaced(t *testing.T) {
	for name, csv := range map[string]string{
		"commas":              "id,texto\n12,COORDINADOR\n5,\"RESPONSABLE DE EXPEDICIÓN \"\n",
		"Excel's, with marks": "\xEF\xBB\xBFTexto;ID\r\nCOORDINADOR;12\r\n\"RESPONSABLE DE EXPEDICIÓN \";5\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			all, err := CatalogosWith(files("cargos.csv", csv, ".DS_Store", "x", "..data/cargos.csv", "x"))
			if err != nil {
				t.Fatal(err)
			}
			c := NewCriterio(all, func() time.Time { return now })
			if e, ok := c.de(cargos).Entry("12"); !ok || e.Texto != "COORDINADOR" || e.Evidencia != EvidenciaPropia {
				t.Errorf("12 is %+v", e)
			}
			titulo := example()
			titulo.FirmaResponsables[0].IDCargo, titulo.FirmaResponsables[0].Cargo = "12", ""
			titulo = c.Complete(titulo)
			if got := without(c.Validate(titulo), CodigoCURPDigito); titulo.FirmaResponsables[0].Cargo != "COORDINADOR" || len(got) != 0 {
				t.Errorf("%q, %v", titulo.FirmaResponsables[0].Cargo, got)
			}
			// The form of a text that ends in a blank can be tried: the catalogue's goes into the title.
			titulo.FirmaResponsables[0].IDCargo, titulo.FirmaResponsables[0].Cargo = "5", "RESPONSABLE DE EXPEDICIÓN"
			titulo = c.Complete(titulo)
			want := []string{"aviso firmaResponsables/0/cargo espacios"}
			if diff := cmp.Diff(want, summary(without(c.Validate(titulo), CodigoCURPDigito))); diff != "" || titulo.FirmaResponsables[0].Cargo != "RESPONSABLE DE EXPEDICIÓN " {
				t.Errorf("%q: %s", titulo.FirmaResponsables[0].Cargo, diff)
			}
			if len(c.de(cargos).Entradas) != 13 || len(criterio().de(cargos).Entradas) != 12 {
				t.Error("the entries were not replaced, or the program's own were changed")
			}
		})
	}
}

func TestCatalogosWith_WhenAModalidadIsAddedNobodySaysItsDate(t *testing.T) {
	all, err := CatalogosWith(files("modalidades.csv", "id,texto\n7,POR PROYECTO\n"))
	if err != nil {
		t.Fatal(err)
	}
	titulo := example()
	titulo.Expedicion.IDModalidadTitulacion, titulo.Expedicion.ModalidadTitulacion = "7", "POR PROYECTO"
	c := NewCriterio(all, func() time.Time { return now })
	if got := without(c.Validate(titulo), CodigoCURPDigito); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func TestCatalogosWith_WhenAFileIsWrongItSaysWhere(t *testing.T) {
	for name, tt := range map[string]struct{ file, csv, want string }{
		"another name":      {"puestos.csv", "id,texto\n", "puestos.csv is no catalogue; the files are called cargos.csv, autorizaciones.csv"},
		"not a csv":         {"cargos.txt", "id,texto\n", "cargos.txt is no catalogue"},
		"reasons to cancel": {"motivosCancelacion.csv", "id,texto\nR6,X\n", "motivosCancelacion.csv is no catalogue"},
		"empty":             {"cargos.csv", "", "no heading"},
		"no heading":        {"cargos.csv", "12,COORDINADOR\n", `the column "12"`},
		"half a heading":    {"cargos.csv", "id,nota\n12,x\n", "lacks the column texto"},
		"a column twice":    {"cargos.csv", "id,texto,texto\n12,x,y\n", `the column "texto"`},
		"Latin-1":           {"cargos.csv", "id,texto\n12,SE\xd1ORA\n", "not in UTF-8"},
		"a zero in front":   {"cargos.csv", "id,texto\n012,X\n", "cargos.csv, line 2: id \"012\""},
		"one digit":         {"entidades.csv", "id,texto\n9,X\n", "two digits for an entidad"},
		"no texto":          {"cargos.csv", "id,texto\n12,X\n13, \n", "line 3: id 13 has no texto"},
		"a bar":             {"cargos.csv", "id,texto\n12,A|B\n", "has a bar"},
		"the id twice":      {"cargos.csv", "id,texto\n12,A\n12,B\n", "there twice"},
		"the texto twice":   {"cargos.csv", "id,texto\n12,A\n13,A \n", "there twice"},
		"a date":            {"cargos.csv", "id,texto,fecha\n12,A,30/11/2026\n", "fecha"},
		"a cell too many":   {"cargos.csv", "id,texto\n12,A,B\n", "line 2"},
		"large":             {"cargos.csv", "id,texto\n12," + strings.Repeat("A", maxCatalogo) + "\n", "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := CatalogosWith(files(tt.file, tt.csv)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}
