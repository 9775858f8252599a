package integration

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/sandbox"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// soak is how long the soak lasts: PASARELA_REMOJO, and without it only for as long as
// keeps the test itself in order.
func soak(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("PASARELA_REMOJO")
	if text == "" {
		return 5 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("PASARELA_REMOJO: %v", err)
	}
	return d
}

// usage is what a process holds that may leak.
type usage struct{ memory, routines, files float64 }

func (p *process) usage(t *testing.T) usage {
	t.Helper()
	read := func(serie string) float64 {
		n, err := strconv.ParseFloat(metricIn(t, p.admin, serie), 64)
		if err != nil {
			t.Fatalf("%s: %v", serie, err)
		}
		return n
	}
	return usage{read("process_resident_memory_bytes"), read("go_goroutines"), read("process_open_fds")}
}

// A gateway works with a SAT that fails now and then: everything comes, nothing is
// requested twice, and after hours it uses no more than after minutes.
func TestSoak_WhenAGatewayWorksForLong(t *testing.T) {
	t.Parallel()
	chance, _ := random(t, 0)
	last := soak(t)
	s := startSandbox(t)
	if err := s.Clock().Change(600); err != nil {
		t.Fatal(err)
	}
	if err := s.Knobs().Change(map[string]any{"cfdis_por_dia": 3, "cfdis_por_paquete": 20}); err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	g := startGateway(t, append(env(s.url, s.EFirmasDir(), data), "GATEWAY_DESCARGAS_SONDEO_MINIMO=200ms", "GATEWAY_DESCARGAS_SONDEO_MAXIMO=1s")...)
	client := gatewaytest.Client(t) // one: each keeps its connections
	var soon usage
	begin := time.Now()
	done := 0
	for ; time.Since(begin) < last; done++ {
		if done%5 == 4 {
			if _, err := s.Fallas().Add(stumble(chance)); err != nil {
				t.Fatal(err)
			}
		}
		g.fetch(t, client, done)
		if soon.memory == 0 && time.Since(begin) > last/3 {
			soon = g.usage(t)
		}
	}
	estado := s.Estado()
	if estado.MaxRecibidas != 1 {
		t.Errorf("the same criteria were presented %d times", estado.MaxRecibidas)
	}
	for _, solicitud := range estado.Solicitudes {
		for _, p := range solicitud.PorPaquete {
			if p.Servidas > 2 {
				t.Errorf("package %s was served %d times", p.ID, p.Servidas)
			}
		}
	}
	if _, partial := packageFiles(t, data); len(partial) != 0 {
		t.Errorf("%d partial files are left", len(partial))
	}
	end := g.usage(t)
	t.Logf("%d descargas in %s: %+v after a third, %+v at the end", done, last, soon, end)
	if last < time.Minute {
		return // what a start takes is in it
	}
	if end.memory > 1.5*soon.memory || end.routines > soon.routines+50 || end.files > soon.files+20 {
		t.Errorf("%+v became %+v", soon, end)
	}
}

// stumble is a temporary failure of the SAT that costs nothing.
func stumble(chance *rand.Rand) sandbox.Falla {
	all := []sandbox.Falla{
		{Operacion: opVerify, Tipo: control.ResetDespues}, {Operacion: opVerify, Tipo: control.HTML503}, {Operacion: opVerify, Tipo: control.Vacio},
		{Operacion: opAutentica, Tipo: control.Reset}, {Operacion: opEmitidos, Tipo: control.ResetDespues}, {Operacion: opEmitidos, Tipo: control.HTML503},
		{Operacion: opDescargar, Tipo: control.Truncado, Bytes: 3000}, {Operacion: opDescargar, Tipo: control.Corte, Bytes: 3000},
		{Operacion: opDescargar, Tipo: control.Goteo, Bytes: 4000, Delay: 50 * time.Millisecond},
	}
	f := all[chance.IntN(len(all))]
	f.Veces = 1
	return f
}

// fetch asks for the n-th descarga, waits for its end, and reads it as callers do: its
// rows, its events, and each of its packages.
func (p *process) fetch(t *testing.T, client *http.Client, n int) {
	t.Helper()
	get := func(path string, into any) {
		t.Helper()
		got := whole(t, client, http.MethodGet, p.api+path, nil, "Accept", "application/json, application/x-ndjson;q=0.9, application/zip;q=0.8")
		wantStatus(t, got, http.StatusOK)
		if into != nil {
			if err := json.Unmarshal(got.Body, into); err != nil {
				t.Fatalf("%s: %v: %s", path, err, got.Body)
			}
		}
	}
	start := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n%300)*24*time.Hour + time.Duration(n/300)*time.Second)
	made := whole(t, client, http.MethodPost, p.api+descargasPath, request([]string{"CFDI", "Metadata"}[n%2], map[string]any{
		"fechaInicial": start.Format("2006-01-02T15:04:05"), "fechaFinal": start.Add(71 * time.Hour).Format("2006-01-02T15:04:05")}), "Idempotency-Key", fmt.Sprint("r", n))
	wantStatus(t, made, http.StatusAccepted)
	path := made.Header.Get("Location")
	var d descargaView
	for end := time.Now().Add(sceneDeadline); d.Estado != "terminada"; time.Sleep(50 * time.Millisecond) {
		if get(path, &d); time.Now().After(end) || d.Estado == "fallida" || d.Estado == "parcial" {
			t.Fatalf("descarga %d is %s: %s", n, d.Estado, d.Motivo)
		}
	}
	if d.Progreso.Encontrados != d.Progreso.NumeroCFDIs || d.Progreso.NumeroCFDIs == 0 {
		t.Errorf("descarga %d: %+v", n, d.Progreso)
	}
	get(path+[]string{"/cfdis.ndjson", "/metadatos.ndjson"}[n%2], nil)
	get(path+"/eventos", nil)
	var paquetes struct{ Paquetes []struct{ IDPaquete string } }
	get(path+"/paquetes", &paquetes)
	for _, q := range paquetes.Paquetes {
		get(gatewaytest.PaquetePath("cfdi", gatewaytest.Company, q.IDPaquete), nil)
	}
}
