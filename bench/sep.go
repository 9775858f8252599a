package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"time"

	"github.com/pasarela-mx/pasarela/bench/fuente"
	"github.com/pasarela-mx/pasarela/internal/sep/titulo"
)

// The goals of section 3 for what is not signed.
const (
	goalSmallCPU  = 1.6
	goalSmallRate = 0.6
	goalSmallP50  = 0.6 // ms added over direct
	goalSmallP99  = 1.5
	goalRaw       = 1.5
	goalJSON      = 2
	smallRate     = 500 // requests per second
	loteBytes     = 3_400_000
	// What a title's certificate and sello take; they are most of it.
	certificateBytes, sealBytes = 1500, 256
	envelopeQuery               = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header></s:Header><s:Body>` +
		`<consultaProcesoTituloElectronicoRequest xmlns="http://ws.web.mec.sep.mx/schemas"><numeroLote>100001</numeroLote><autenticacion>` +
		`<usuario>bench</usuario><password>bench</password></autenticacion></consultaProcesoTituloElectronicoRequest></s:Body></s:Envelope>`
)

// escuela is the floor and two gateways, before the instant SEP and the slow one.
type escuela struct {
	b             *bench
	floor         *process
	instant, slow *gatewayProcess
}

func sepRows(ctx context.Context, b *bench) (rows []row, err error) {
	e := &escuela{b: b}
	defer func() { err = errors.Join(err, e.stop()) }()
	if err := e.start(ctx); err != nil {
		return nil, err
	}
	for _, part := range []func(context.Context) ([]row, error){e.throughput, e.latency, e.uploads} {
		more, err := part(ctx)
		rows = append(rows, more...)
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

func (e *escuela) start(ctx context.Context) (err error) {
	password := e.b.file("sep-password.txt")
	if err := os.WriteFile(password, []byte("bench"), 0o600); err != nil {
		return err
	}
	account := []string{"GATEWAY_SEP_USUARIO=bench", "GATEWAY_SEP_PASSWORD_FILE=" + password}
	if e.floor, err = startSelf(ctx, "floorsep", e.b.source.url); err != nil {
		return err
	}
	if e.instant, err = e.b.startGateway(ctx, "data-sep", account...); err != nil {
		return err
	}
	e.slow, err = e.b.startGateway(ctx, "data-sep-lento", append(account, "GATEWAY_SEP_URL="+e.b.source.url+fuente.Slow+"/sep/")...)
	return err
}

func (e *escuela) stop() error {
	var err error
	if e.floor != nil {
		err = e.floor.stop()
	}
	for _, g := range []*gatewayProcess{e.instant, e.slow} {
		if g != nil {
			err = errors.Join(err, g.stop(), os.RemoveAll(g.data))
		}
	}
	return err
}

// queries are the direct call, the floor and the gateway.
func (e *escuela) queries(g *gatewayProcess, prefix string) (direct, floor, product *target) {
	direct = &target{name: "direct SOAP", method: http.MethodPost, url: e.b.source.url + prefix + "/sep/", body: envelopeQuery,
		contentType: "text/xml; charset=utf-8", server: e.b.source}
	floor = &target{name: "floor", method: http.MethodGet, url: e.floor.url + prefix + "/lotes/100001", server: e.floor}
	product = &target{name: "gateway", method: http.MethodGet, url: g.url + "/v1/sep/lotes/100001", server: g.process}
	return direct, floor, product
}

// load takes the targets in turn, the other way round in every second round, and
// returns the medians of requests per second and CPU seconds per request.
func load(ctx context.Context, p plan, conns int, targets ...*target) (rps, cpu map[*target]float64, err error) {
	manyRPS, manyCPU := map[*target][]float64{}, map[*target][]float64{}
	for round := range p.loadRounds {
		for i := range targets {
			t := targets[i]
			if round%2 == 1 {
				t = targets[len(targets)-1-i]
			}
			if err := t.once(ctx, http.DefaultClient); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", t.name, err)
			}
			r, c, err := closedLoop(ctx, t, conns, p.loadFor)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", t.name, err)
			}
			manyRPS[t], manyCPU[t] = append(manyRPS[t], r), append(manyCPU[t], c)
		}
	}
	rps, cpu = map[*target]float64{}, map[*target]float64{}
	for _, t := range targets {
		rps[t], cpu[t] = median(manyRPS[t]), median(manyCPU[t])
	}
	return rps, cpu, nil
}

func (e *escuela) throughput(ctx context.Context) ([]row, error) {
	direct, floor, product := e.queries(e.instant, "")
	rps, cpu, err := load(ctx, e.b.plan, connections, direct, floor, product)
	if err != nil {
		return nil, err
	}
	title := fmt.Sprintf("consulta, %d connections, instant upstream: ", connections)
	ratio := rps[product] / rps[floor]
	return []row{
		info(title+"direct SOAP, requests per second", fmt.Sprintf("%.0f", rps[direct])),
		{title + "requests per second", fmt.Sprintf("%.0f", rps[product]), fmt.Sprintf("floor %.0f", rps[floor]),
			fmt.Sprintf("%.2f", ratio), fmt.Sprintf("≥ %.2f", goalSmallRate), yes(ratio >= goalSmallRate)},
		against("**"+title+"CPU per request**", millis(cpu[product]), "floor "+millis(cpu[floor]), cpu[product]/cpu[floor], goalSmallCPU),
	}, nil
}

func (e *escuela) latency(ctx context.Context) ([]row, error) {
	direct, floor, product := e.queries(e.slow, fuente.Slow)
	p50, p99 := map[*target][]float64{}, map[*target][]float64{}
	for range e.b.plan.rateRounds {
		for _, t := range []*target{direct, floor, product} {
			if err := warm(ctx, t); err != nil {
				return nil, err
			}
			sample, err := openLoop(ctx, t, smallRate, e.b.plan.rateFor)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
			p50[t], p99[t] = append(p50[t], quantile(sample, .5)), append(p99[t], quantile(sample, .99))
		}
	}
	title := fmt.Sprintf("consulta at %d/s, %s upstream: ", smallRate, fuente.Delay)
	rows := []row{info(title+"direct SOAP, p50 / p99", millis(median(p50[direct]))+" / "+millis(median(p99[direct])))}
	for _, q := range []struct {
		name string
		took map[*target][]float64
		goal float64
	}{{"p50", p50, goalSmallP50}, {"p99", p99, goalSmallP99}} {
		base := median(q.took[direct])
		r := atMost(title+q.name+" added over direct, ms", (median(q.took[product])-base)*1e3, q.goal, "%.2f")
		r.reference = fmt.Sprintf("floor %.2f", (median(q.took[floor])-base)*1e3)
		if median(q.took[floor]) <= base {
			r.met = "noise"
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// uploads compares CPU per upload with that of streaming the raw file into the
// envelope and nothing else. The gateway also keeps it, opens it, reads each
// title, hashes it and writes the intent down. The sellos are noise, so only the
// form is checked; titulo's BenchmarkVerificaArchivo has the rest.
func (e *escuela) uploads(ctx context.Context) ([]row, error) {
	file, titles, err := lote()
	if err != nil {
		return nil, err
	}
	asJSON := `{"nombreArchivo":"lote.zip","archivoBase64":"` + base64.StdEncoding.EncodeToString(file) + `"}`
	floor := &target{name: "floor", method: http.MethodPost, url: e.floor.url + "/lotes", body: string(file), contentType: "application/zip", server: e.floor}
	raw := &target{name: "raw", method: http.MethodPost, url: e.instant.url + "/v1/sep/lotes?comprobar=forma", body: string(file), contentType: "application/zip", server: e.instant.process}
	fields := &target{name: "JSON", method: http.MethodPost, url: raw.url, body: asJSON, contentType: "application/json", server: raw.server}
	plan := e.b.plan
	plan.loadFor /= 2
	rps, cpu, err := load(ctx, plan, 1, floor, raw, fields)
	if err != nil {
		return nil, err
	}
	started := time.Now()
	if _, err := titulo.CheckFile(bytes.NewReader(file), int64(len(file)), "lote.zip"); err != nil {
		return nil, err
	}
	reviewed := since(started)
	title := fmt.Sprintf("upload of %.1f MB, %d titles: ", float64(len(file))/bytesPerMega, titles)
	cell := func(t *target) string { return millis(cpu[t]) }
	return []row{
		info(title+"raw, JSON and floor, time", millis(1/rps[raw])+", "+millis(1/rps[fields])+", "+millis(1/rps[floor])),
		info(title+"reading each title before sending (in both rows below)", millis(reviewed)),
		against("**"+title+"raw, CPU**", cell(raw), "raw, streamed "+cell(floor), cpu[raw]/cpu[floor], goalRaw),
		against("**"+title+"JSON, CPU**", cell(fields), "raw, streamed "+cell(floor), cpu[fields]/cpu[floor], goalJSON),
	}, nil
}

// lote makes a file like the largest known to have been sent.
func lote() (file []byte, titles int, err error) {
	random := rand.NewChaCha8([32]byte{1})
	noise := func(n int) string {
		b := make([]byte, n)
		random.Read(b) //nolint:errcheck // never fails
		return base64.StdEncoding.EncodeToString(b)
	}
	var out bytes.Buffer
	var failed error
	err = titulo.WriteZip(&out, func(yield func(string, []byte) bool) {
		for out.Len() < loteBytes {
			titles++
			t := titulo.Titulo{Version: titulo.Version, FolioControl: fmt.Sprintf("BENCH%06d", titles)}
			t.FirmaResponsables = []titulo.FirmaResponsable{{Nombre: "JUANA", PrimerApellido: "PRUEBA", CURP: "PEPJ800101MDFRRN03", IDCargo: "3", Cargo: "RECTOR",
				Sello: noise(sealBytes), CertificadoResponsable: noise(certificateBytes), NoCertificadoResponsable: "00001000000000000000"}}
			t.Profesionista = titulo.Profesionista{CURP: "MEXL010203HDFXXS05", Nombre: "LUIS", PrimerApellido: "XOLO", CorreoElectronico: "luis@example.com"}
			var document []byte
			if document, failed = titulo.Marshal(t); failed != nil || !yield(t.FolioControl, document) {
				return
			}
		}
	})
	return out.Bytes(), titles, errors.Join(err, failed)
}
