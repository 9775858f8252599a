package integration

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/devstack"
	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
)

// resultAs uploads two titles and returns where their result is, which comes in a form.
func resultAs(t *testing.T, g *gatewaytest.Gateway, form string) string {
	t.Helper()
	upload := g.Post("/v1/sep/lotes", map[string]any{"titulos": devstack.Titulos(2, "FORMA"+strings.ToUpper(form[:3])+form[len(form)-3:], gatewaytest.Persona)})
	wantStatus(t, upload, http.StatusCreated)
	g.Sandbox.Clock().BringForward(time.Hour)
	if err := g.Sandbox.Knobs().Change(map[string]any{"sep_resultado": form}); err != nil {
		t.Fatal(err)
	}
	return upload.Header.Get("Location")
}

// Columns are known by their heading, in any order, and every title is told.
func TestSEP_WhenTheResultComesInAnotherForm(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	for _, tc := range []struct {
		form, libro string
		avisos      int
	}{
		{"normal", "\xd0\xcf\x11\xe0", 0}, {"renglon_encima", "\xd0\xcf\x11\xe0", 1}, {"columna_de_mas", "\xd0\xcf\x11\xe0", 0}, {"otro_orden", "\xd0\xcf\x11\xe0", 0},
		{"renglones_en_blanco", "\xd0\xcf\x11\xe0", 0}, {"xlsx", "PK\x03\x04", 0}, {"dos_libros", "", 0},
	} {
		t.Run(tc.form, func(t *testing.T) {
			lote := resultAs(t, g, tc.form)
			var got struct {
				result
				Avisos []string
			}
			r := g.Get(lote + "/resultado")
			wantStatus(t, r, http.StatusOK)
			r.JSON(t, &got)
			if len(got.Titulos) != 2 || len(got.Avisos) != tc.avisos {
				t.Fatalf("%s", r.Body)
			}
			for i, row := range got.Titulos {
				if row.Resultado != "registrado" || row.Estatus != "1" || row.Descripcion == "" || !strings.HasSuffix(row.FolioControl, "0000"+string(rune('1'+i))) || row.Archivo != row.FolioControl+".xml" {
					t.Errorf("%+v", row)
				}
			}
			csv := g.Get(lote + "/resultado.csv")
			if lines := strings.Split(string(csv.Body), "\r\n"); len(lines) != 4 || !strings.HasPrefix(lines[0], "archivo,estatus,") || lines[3] != "" {
				t.Errorf("CSV: %q", csv.Body)
			}
			if z := g.Get(lote + "/resultado.zip"); z.Status != 200 || !bytes.HasPrefix(z.Body, []byte("PK")) {
				t.Errorf("zip: %d %.20q", z.Status, z.Body)
			}
			for _, accept := range []string{"application/vnd.ms-excel", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"} {
				libro := g.Get(lote+"/resultado/libro", "Accept", accept)
				if tc.libro == "" { // of two, neither is the workbook
					if libro.Status != http.StatusBadGateway || !strings.Contains(string(libro.Body), "…/resultado.zip") {
						t.Errorf("%s: %d %s", accept, libro.Status, libro.Body)
					}
					continue
				}
				name := libro.Header.Get("Content-Disposition")
				if libro.Status != 200 || !bytes.HasPrefix(libro.Body, []byte(tc.libro)) || strings.Contains(name, ".xlsx") != (tc.form == "xlsx") ||
					strings.Contains(libro.Header.Get("Content-Type"), "openxmlformats") != (tc.form == "xlsx") {
					t.Errorf("%s: %d %s, %s: %.8q", accept, libro.Status, libro.Header.Get("Content-Type"), name, libro.Body)
				}
			}
		})
	}
}

// What cannot be read is not guessed at, and can be had as it came.
func TestSEP_WhenTheResultCannotBeReadTheFileIsHandedOut(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	for _, form := range []string{"sin_encabezado", "ilegible"} {
		lote := resultAs(t, g, form)
		for _, path := range []string{"/resultado", "/resultado.csv"} {
			r := g.Get(lote + path)
			wantStatus(t, r, http.StatusBadGateway)
			if body := string(r.Body); !strings.Contains(body, "…/resultado.zip") || !strings.Contains(body, `"reintentable":false`) {
				t.Errorf("%s, %s: %s", form, path, body)
			}
		}
		if z := g.Get(lote + "/resultado.zip"); z.Status != 200 || !bytes.HasPrefix(z.Body, []byte("PK")) {
			t.Errorf("%s: zip: %d %.20q", form, z.Status, z.Body)
		}
		if libro := g.Get(lote + "/resultado/libro"); libro.Status != 200 || !slices.ContainsFunc([]string{"\xd0\xcf", "<html"}, func(s string) bool { return bytes.HasPrefix(libro.Body, []byte(s)) }) {
			t.Errorf("%s: workbook: %d %.20q", form, libro.Status, libro.Body)
		}
	}
}

// A lote that is processed and has no file is told so, with the SEP's text:
// asking again brings nothing.
func TestSEP_WhenAProcessedLoteHasNoFile(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	lote := resultAs(t, g, "sin_archivo")
	r := g.Get(lote + "/resultado")
	wantStatus(t, r, http.StatusConflict)
	if body := string(r.Body); !strings.Contains(body, `"reintentable":false`) || !strings.Contains(body, "está procesado y no entrega archivo") ||
		!strings.Contains(body, "ha tenido algún archivo con errores") || r.Header.Get("Retry-After") != "" {
		t.Errorf("%v: %s", r.Header, body)
	}
	// One that is not processed is still to be asked about again.
	if err := g.Sandbox.Knobs().Change(map[string]any{"sep_demora": "24h"}); err != nil {
		t.Fatal(err)
	}
	other := g.Post("/v1/sep/lotes", map[string]any{"titulos": devstack.Titulos(1, "SINPROCESAR", gatewaytest.Persona)})
	if early := g.Get(other.Header.Get("Location") + "/resultado"); early.Status != http.StatusConflict || early.Header.Get("Retry-After") == "" || !strings.Contains(string(early.Body), `"reintentable":true`) {
		t.Errorf("%d: %s", early.Status, early.Body)
	}
}

// A lote that is processed between the two questions has its file.
func TestSEP_WhenALoteIsProcessedWhileItsResultIsAskedFor(t *testing.T) {
	t.Parallel()
	var g *gatewaytest.Gateway
	g = gatewaytest.Start(t, gatewaytest.Options{Sandbox: func(c *sandbox.Config) {
		c.Capture = func(x sandbox.Capture) {
			if strings.HasPrefix(x.Operation, "consultaProceso") {
				g.Sandbox.Clock().BringForward(48 * time.Hour)
			}
		}
	}})
	if err := g.Sandbox.Knobs().Change(map[string]any{"sep_demora": "24h"}); err != nil {
		t.Fatal(err)
	}
	upload := g.Post("/v1/sep/lotes", map[string]any{"titulos": devstack.Titulos(2, "ENTRELASDOS", gatewaytest.Persona)})
	wantStatus(t, upload, http.StatusCreated)
	r := g.Get(upload.Header.Get("Location") + "/resultado")
	wantStatus(t, r, http.StatusOK)
	if !strings.Contains(string(r.Body), `"registrado"`) {
		t.Errorf("%s", r.Body)
	}
}

// An answer about another lote is not taken for that of the one asked about.
func TestSEP_WhenTheAnswerIsOfAnotherLote(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	lote := resultAs(t, g, "otro_lote")
	for _, path := range []string{lote, lote + "/resultado"} {
		r := g.Get(path)
		wantStatus(t, r, http.StatusBadGateway)
		if !strings.Contains(string(r.Body), "respondió por el lote 9") {
			t.Errorf("%s: %s", path, r.Body)
		}
	}
}

// Types that go by two names are taken by either, and a refusal names all.
func TestSEP_WhenTheTypeHasAnotherName(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, gatewaytest.Options{})
	docs := issue(t, g, devstack.Titulos(2, "TIPOS", gatewaytest.Persona)...)
	for media, body := range map[string][]byte{"text/xml; charset=utf-8": []byte(docs[0]), "application/x-zip-compressed": zipped(t, docs[1])} {
		r, err := upload(t, g, "/v1/sep/titulos/validacion", bytes.NewReader(body), "Content-Type", media)
		if err != nil || r.Status != 200 || !strings.Contains(string(r.Body), `"valido":true`) {
			t.Errorf("%s: %d, %v: %s", media, r.Status, err, r.Body)
		}
		if got := lote(t, g, media, "", body); len(got.Titulos) != 1 || got.Titulos[0].Resultado != "registrado" {
			t.Errorf("%s: %+v", media, got)
		}
	}
	r, err := upload(t, g, "/v1/sep/lotes", strings.NewReader("x"), "Content-Type", "text/plain")
	if err != nil || r.Status != 415 || !strings.Contains(string(r.Body), "application/json, o application/xml, o application/zip") {
		t.Errorf("%d, %v: %s", r.Status, err, r.Body)
	}
}
