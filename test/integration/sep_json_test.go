package integration

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/app/devstack"
	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
)

// How programs write a field that is absent, or a value of another type.
func TestSEP_WhenFieldsAreWrittenAsOtherProgramsDo(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	base, err := json.Marshal(map[string]any{"titulos": []any{devstack.Titulo("ESCRITO01", gatewaytest.Persona)}})
	if err != nil {
		t.Fatal(err)
	}
	empty := strings.NewReplacer(`"idModalidadTitulacion":"1"`, `"idModalidadTitulacion":"1","fechaExencionExamenProfesional":""`,
		`"idAutorizacionReconocimiento":"8"`, `"idAutorizacionReconocimiento":"8","numeroRvoe":""`, `"fechaInicio":"2016-08-15"`, `"fechaInicio":"","noCedula":""`).Replace(string(base))
	r := g.Post("/v1/sep/titulos", json.RawMessage(empty), "Accept", "application/xml")
	wantStatus(t, r, http.StatusOK)
	for _, absent := range []string{"fechaExencion", "numeroRvoe", "noCedula", `=""`} {
		if strings.Contains(string(r.Body), absent) {
			t.Errorf("%s is in the document: %s", absent, r.Body)
		}
	}
	for name, tc := range map[string]struct{ from, to, field string }{
		"null":                   {`"idModalidadTitulacion":"1"`, `"idModalidadTitulacion":"1","fechaExencionExamenProfesional":null`, "expedicion/fechaExencionExamenProfesional"},
		"a number for id":        {`"idModalidadTitulacion":"1"`, `"idModalidadTitulacion":1`, "expedicion/idModalidadTitulacion"},
		"an id with a zero":      {`"idModalidadTitulacion":"1"`, `"idModalidadTitulacion":"01"`, "expedicion/idModalidadTitulacion"},
		"a date and time":        {`"fechaExpedicion":"2024-05-20"`, `"fechaExpedicion":"2024-05-20T00:00:00"`, "expedicion/fechaExpedicion"},
		"a date in slashes":      {`"fechaExpedicion":"2024-05-20"`, `"fechaExpedicion":"20/05/2024"`, "expedicion/fechaExpedicion"},
		"30 February":            {`"fechaExpedicion":"2024-05-20"`, `"fechaExpedicion":"2024-02-30"`, "expedicion/fechaExpedicion"},
		"both dates":             {`"idModalidadTitulacion":"1"`, `"idModalidadTitulacion":"1","fechaExencionExamenProfesional":"2024-03-01"`, "expedicion/fechaExencionExamenProfesional"},
		"a pair that is no pair": {`"idCargo":"3"`, `"idCargo":"3","cargo":"DIRECTOR"`, "firmaResponsables/0/cargo"},
		"a bar":                  {`"nombre":"LUIS"`, `"nombre":"LU|IS"`, "profesionista/nombre"},
		"a zero width":           {`"nombre":"LUIS"`, `"nombre":"LU\u200bIS"`, "profesionista/nombre"},
		"a soft hyphen":          {`"nombre":"LUIS"`, `"nombre":"LU\u00adIS"`, "profesionista/nombre"},
		"bidi":                   {`"nombre":"LUIS"`, `"nombre":"LU\u202eIS"`, "profesionista/nombre"},
	} {
		body := strings.Replace(string(base), tc.from, tc.to, 1)
		if body == string(base) {
			t.Fatalf("%s: there is no %s", name, tc.from)
		}
		r := g.Post("/v1/sep/titulos", json.RawMessage(body))
		var out struct{ Errores []struct{ Campo string } }
		r.JSON(t, &out)
		if r.Status != http.StatusUnprocessableEntity || len(out.Errores) != 1 || out.Errores[0].Campo != "titulos/0/"+tc.field {
			t.Errorf("%s: %d: %s", name, r.Status, r.Body)
		}
	}
	// What can be written otherwise without another meaning, is.
	for name, tc := range map[string]struct{ from, to, want string }{
		"blanks":     {`"nombre":"LUIS"`, `"nombre":" LUIS \u00a0  JOSE\t"`, `nombre="LUIS JOSE"`},
		"decomposed": {`"primerApellido":"MÉNDEZ"`, `"primerApellido":"MUN\u0303OZ"`, `primerApellido="MUÑOZ"`},
	} {
		r := g.Post("/v1/sep/titulos", json.RawMessage(strings.Replace(string(base), tc.from, tc.to, 1)), "Accept", "application/xml")
		if r.Status != http.StatusOK || !strings.Contains(string(r.Body), tc.want) {
			t.Errorf("%s: %d: %s", name, r.Status, r.Body)
		}
	}
}
