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

// sepRows measures section 3b: a gateway before the instant SEP and one before the slow one.
func sepRows(ctx context.Context, b *bench) ([]row, error) {
	password := b.file("sep-password.txt")
	if err := os.WriteFile(password, []byte("bench"), 0o600); err != nil {
		return nil, err
	}
	account := []string{"GATEWAY_SEP_USUARIO=bench", "GATEWAY_SEP_PASSWORD_FILE=" + password}
	floor, err := b.start(ctx, "floor", b.efirmas, b.source.url)
	if err != nil {
		return nil, err
	}
	g, err := b.startGateway(ctx, "data-sep", account...)
	if err != nil {
		return nil, err
	}
	slow, err := b.startGateway(ctx, "data-sep-lento", append(account, "GATEWAY_SEP_URL="+b.source.url+fuente.Slow+"/sep/")...)
	if err != nil {
		return nil, err
	}
	query := func(g *gatewayProcess, prefix string) contest {
		return contest{
			name:    "consulta",
			direct:  b.direct(prefix+"/sep/", envelopeQuery),
			floor:   &target{name: "floor", method: http.MethodGet, url: floor.url + prefix + "/lotes/100001", server: floor},
			product: &target{name: "gateway", method: http.MethodGet, url: g.url + "/v1/sep/lotes/100001", server: g.process},
		}
	}
	c := query(g, "")
	rps, cpu, err := load(ctx, b.plan, connections, c.direct, c.floor, c.product)
	if err != nil {
		return nil, err
	}
	title := fmt.Sprintf("consulta, %d connections, instant upstream: ", connections)
	rows := []row{info(title+"direct SOAP, requests per second", fmt.Sprintf("%.0f", rps[c.direct]))}
	rows = append(rows, c.throughput(title, rps, cpu, goalSmallRate, goalSmallCPU)...)
	more, err := query(slow, fuente.Slow).latency(ctx, b.plan, smallRate, func(title string, q int, floor, product float64) row {
		r := atMost(title+", ms", product*1e3, [...]float64{goalSmallP50, goalSmallP99}[q], "%.2f")
		r.reference = fmt.Sprintf("floor %.2f", floor*1e3)
		if floor <= 0 {
			r.met = "noise"
		}
		return r
	})
	rows = append(rows, more...)
	if err != nil {
		return rows, err
	}
	more, err = uploads(ctx, b.plan, floor, g)
	return append(rows, more...), err
}

// uploads compares CPU per upload with that of streaming the raw file into the
// envelope and nothing else. The gateway also keeps it, opens it, reads each
// title, hashes it and writes the intent down. The sellos are noise, so only the
// form is checked; titulo's BenchmarkVerificaArchivo has the rest.
func uploads(ctx context.Context, plan plan, server *process, g *gatewayProcess) ([]row, error) {
	file, titles, err := lote()
	if err != nil {
		return nil, err
	}
	asJSON := `{"nombreArchivo":"lote.zip","archivoBase64":"` + base64.StdEncoding.EncodeToString(file) + `"}`
	zipped := func(name, url string, server *process) *target {
		return &target{name: name, method: http.MethodPost, url: url, body: string(file), contentType: "application/zip", server: server}
	}
	floor, raw := zipped("floor", server.url+"/lotes", server), zipped("raw", g.url+"/v1/sep/lotes?comprobar=forma", g.process)
	fields := &target{name: "JSON", method: http.MethodPost, url: raw.url, body: asJSON, contentType: "application/json", server: raw.server}
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

// noiseOf returns the base64 of so many random bytes, which does not compress.
func noiseOf(random *rand.ChaCha8) func(n int) string {
	return func(n int) string {
		b := make([]byte, n)
		random.Read(b) //nolint:errcheck // never fails
		return base64.StdEncoding.EncodeToString(b)
	}
}

// lote makes a file like the largest known to have been sent.
func lote() (file []byte, titles int, err error) {
	noise := noiseOf(rand.NewChaCha8([32]byte{1}))
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
