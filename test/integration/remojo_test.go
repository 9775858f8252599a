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

// remojo is how long the soak lasts: PASARELA_REMOJO, and without it only for as long as
// keeps the test itself in order.
func remojo(t *testing.T) time.Duration {
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

// consumo is what a process holds that may leak.
type consumo struct{ memoria, rutinas, archivos float64 }

func (p *process) consumo(t *testing.T) consumo {
	t.Helper()
	read := func(serie string) float64 {
		n, err := strconv.ParseFloat(metricaEn(t, p.admin, serie), 64)
		if err != nil {
			t.Fatalf("%s: %v", serie, err)
		}
		return n
	}
	return consumo{read("process_resident_memory_bytes"), read("go_goroutines"), read("process_open_fds")}
}

// A gateway at work on a SAT that fails now and then: all comes, nothing is asked twice,
// and after hours it holds no more than after minutes.
func TestRemojo_WhenAGatewayWorksForLong(t *testing.T) {
	t.Parallel()
	chance, _ := azar(t, 0)
	dura := remojo(t)
	s := startSandbox(t)
	if err := s.Reloj().Cambia(600); err != nil {
		t.Fatal(err)
	}
	if err := s.Perillas().Cambia(map[string]any{"cfdis_por_dia": 3, "cfdis_por_paquete": 20}); err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	g := startGateway(t, append(env(s.url, s.EFirmasDir(), data), "GATEWAY_DESCARGAS_SONDEO_MINIMO=200ms", "GATEWAY_DESCARGAS_SONDEO_MAXIMO=1s")...)
	client := gatewaytest.Client(t) // one: each keeps its connections
	var pronto consumo
	empieza := time.Now()
	hechas := 0
	for ; time.Since(empieza) < dura; hechas++ {
		if hechas%5 == 4 {
			if _, err := s.Fallas().Agrega(tropiezo(chance)); err != nil {
				t.Fatal(err)
			}
		}
		g.trae(t, client, hechas)
		if pronto.memoria == 0 && time.Since(empieza) > dura/3 {
			pronto = g.consumo(t)
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
	if _, parciales := packageFiles(t, data); len(parciales) != 0 {
		t.Errorf("%d partial files are left", len(parciales))
	}
	fin := g.consumo(t)
	t.Logf("%d descargas in %s: %+v after a third, %+v at the end", hechas, dura, pronto, fin)
	if dura < time.Minute {
		return // what a start takes is in it
	}
	if fin.memoria > 1.5*pronto.memoria || fin.rutinas > pronto.rutinas+50 || fin.archivos > pronto.archivos+20 {
		t.Errorf("%+v became %+v", pronto, fin)
	}
}

// tropiezo is something that the SAT does now and then, and that costs nothing.
func tropiezo(chance *rand.Rand) sandbox.Falla {
	todos := []sandbox.Falla{
		{Operacion: opVerifica, Tipo: control.ResetDespues}, {Operacion: opVerifica, Tipo: control.HTML503}, {Operacion: opVerifica, Tipo: control.Vacio},
		{Operacion: opAutentica, Tipo: control.Reset}, {Operacion: opEmitidos, Tipo: control.ResetDespues}, {Operacion: opEmitidos, Tipo: control.HTML503},
		{Operacion: opDescargar, Tipo: control.Truncado, Bytes: 3000}, {Operacion: opDescargar, Tipo: control.Corte, Bytes: 3000},
		{Operacion: opDescargar, Tipo: control.Goteo, Bytes: 4000, Demora: 50 * time.Millisecond},
	}
	f := todos[chance.IntN(len(todos))]
	f.Veces = 1
	return f
}

// trae asks for the n-th descarga, waits for its end, and reads it as callers do: its
// rows, its events, and each of its packages.
func (p *process) trae(t *testing.T, client *http.Client, n int) {
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
	inicio := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n%300)*24*time.Hour + time.Duration(n/300)*time.Second)
	made := whole(t, client, http.MethodPost, p.api+descargasPath, peticion([]string{"CFDI", "Metadata"}[n%2], map[string]any{
		"fechaInicial": inicio.Format("2006-01-02T15:04:05"), "fechaFinal": inicio.Add(71 * time.Hour).Format("2006-01-02T15:04:05")}), "Idempotency-Key", fmt.Sprint("r", n))
	wantStatus(t, made, http.StatusAccepted)
	path := made.Header.Get("Location")
	var d vistaDescarga
	for fin := time.Now().Add(plazoEscena); d.Estado != "terminada"; time.Sleep(50 * time.Millisecond) {
		if get(path, &d); time.Now().After(fin) || d.Estado == "fallida" || d.Estado == "parcial" {
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
		get(gatewaytest.PaquetePath("cfdi", gatewaytest.Empresa, q.IDPaquete), nil)
	}
}
