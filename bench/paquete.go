package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"
)

// The goals of section 2.
const (
	goalFirst    = 1.2
	goalSecond   = 1.5
	goalCPU      = 2.2 // seconds per GB
	goalPeak     = 32  // MiB over idle
	goalFlat     = 2   // MiB between sizes
	goalAtOnce   = 64  // MiB over idle
	goalBusy     = 85  // percent of all CPUs
	idleAfter    = time.Second
	bytesPerMega = 1e6
)

// paquete measures section 2.
func paquete(ctx context.Context, b *bench) ([]row, error) {
	var rows []row
	for _, part := range []func(context.Context, *bench) ([]row, error){transfer, memory, atOnce} {
		more, err := part(ctx, b)
		rows = append(rows, more...)
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// transfers is the interleaved comparison of one size.
type transfers struct {
	b             *bench
	static, floor *process
	gateway       *gatewayProcess
	out, stored   string
	samples       map[string][]float64
	cpu, memory   map[string]float64
}

const storedName = "paquete.zip"

// The programs of the comparison.
const (
	rawCurl    = "curl of the raw answer to nowhere"
	refSIMD    = "stream, 64 KiB blocks + SIMD base64"
	refStd     = "stream, 64 KiB blocks + encoding/base64"
	floorStd   = "floor gateway (encoding/base64) to curl -o"
	floorSIMD  = "floor gateway (SIMD) to curl -o"
	refReadAll = "io.ReadAll + decode"
	refGowsdl  = "gowsdl's own client"
	first      = "first GET of the package to curl -o, stored and hashed on the way"
	second     = "second GET, from storage, to curl -o"
	static     = "curl -o of the same file from Go's http.FileServer"
)

// transfer takes each program in turn, round by round. The first round warms and is
// not counted.
func transfer(ctx context.Context, b *bench) (rows []row, err error) {
	t := &transfers{b: b, out: b.file("out.zip"), samples: map[string][]float64{}, cpu: map[string]float64{}, memory: map[string]float64{}}
	t.stored = filepath.Join(b.file("static"), storedName)
	if err := os.Mkdir(filepath.Dir(t.stored), 0o700); err != nil {
		return nil, err
	}
	if t.static, err = b.start(ctx, "static", filepath.Dir(t.stored)); err != nil {
		return nil, err
	}
	if t.floor, err = b.start(ctx, "floor", b.efirmas, b.source.url); err != nil {
		return nil, err
	}
	if t.gateway, err = b.startGateway(ctx, "data-paquete"); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.gateway.discard()) }()
	for round := range b.plan.rounds + 1 {
		if round == 1 {
			clear(t.samples)
			clear(t.cpu)
		}
		if err := t.round(ctx, round >= 1 && round <= b.plan.slow); err != nil {
			return nil, err
		}
	}
	return t.rows(), nil
}

func (t *transfers) round(ctx context.Context, slow bool) error {
	megas := t.b.plan.megas
	if err := t.fetch(ctx, rawCurl, fmt.Sprintf("%s/descarga?megas=%d", t.b.source.url, megas), os.DevNull, nil); err != nil {
		return err
	}
	decoders := []struct{ name, how string }{{refStd, "std"}, {refSIMD, "simd"}, {refReadAll, "readall"}, {refGowsdl, "gowsdl"}}
	if !slow {
		decoders = decoders[:2]
	}
	for _, d := range decoders {
		if err := t.decode(ctx, d.name, d.how); err != nil {
			return err
		}
	}
	for _, f := range []struct{ name, how string }{{floorStd, "std"}, {floorSIMD, "simd"}} {
		if err := t.fetch(ctx, f.name, t.floor.url+"/paquetes/"+t.b.id(megas)+"?base64="+f.how, t.out, t.floor); err != nil {
			return err
		}
	}
	return t.gatewayTwice(ctx, megas)
}

// gatewayTwice is the product's turn: a package that it has never seen, and the
// stored one again beside a plain file of the same bytes.
func (t *transfers) gatewayTwice(ctx context.Context, megas int) error {
	id := t.b.id(megas)
	before := t.gateway.usage().cpu
	if err := t.fetch(ctx, first, t.gateway.paqueteURL(id), t.out, nil); err != nil {
		return err
	}
	file, err := t.gateway.storedAs(ctx, id)
	if err != nil {
		return err
	}
	t.cpu[first] += t.gateway.usage().cpu - before
	if err := t.fetch(ctx, second, t.gateway.paqueteURL(id), t.out, t.gateway.process); err != nil {
		return err
	}
	if err := os.Rename(file, t.stored); err != nil {
		return err
	}
	if err := t.fetch(ctx, static, t.static.url+"/"+storedName, t.out, t.static); err != nil {
		return err
	}
	return os.Remove(t.stored)
}

// fetch times one download to file; server, if any, is charged with its CPU.
func (t *transfers) fetch(ctx context.Context, name, url, file string, server *process) error {
	before := 0.0
	if server != nil {
		before = server.usage().cpu
	}
	got, err := fetch(ctx, url, file)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	t.samples[name] = append(t.samples[name], got.seconds)
	if server != nil {
		t.cpu[name] += server.usage().cpu - before
	}
	if file != os.DevNull {
		return os.Remove(file)
	}
	return nil
}

// decode times one reference program, in a process of its own.
func (t *transfers) decode(ctx context.Context, name, how string) error {
	var took, peak float64
	state, err := outcome(ctx, []string{"decode", how, t.b.source.url + "/descarga", t.b.id(t.b.plan.megas), t.out}, &took, &peak)
	if err != nil {
		return err
	}
	t.samples[name] = append(t.samples[name], took)
	t.cpu[name] += cpuOf(state)
	t.memory[name] = max(t.memory[name], peak)
	return os.Remove(t.out)
}

func (t *transfers) rows() []row {
	title := func(name string) string { return fmt.Sprintf("%d MB: %s", t.b.plan.megas, name) }
	m := func(name string) float64 { return median(t.samples[name]) }
	perGB := func(name string) float64 {
		return t.cpu[name] / (float64(len(t.samples[name])*t.b.plan.megas) * bytesPerMega / 1e9)
	}
	rows := []row{info(title(rawCurl), seconds(m(rawCurl)))}
	for _, name := range []string{refSIMD, refStd, floorSIMD, floorStd, refReadAll, refGowsdl} {
		value := fmt.Sprintf("%s, %.2f CPU s/GB", seconds(m(name)), perGB(name))
		if peak, ok := t.memory[name]; ok {
			value += fmt.Sprintf(", %.0f MiB", peak)
		}
		r := info(title(name), value)
		if name != refStd {
			r.reference, r.ratio = seconds(m(refStd)), fmt.Sprintf("%.2f", m(name)/m(refStd))
		}
		rows = append(rows, r)
	}
	return append(rows,
		against("**"+title(first)+"**", seconds(m(first)), seconds(m(refStd)), m(first)/m(refStd), goalFirst),
		atMost("its CPU seconds per GB, storage included", perGB(first), goalCPU, "%.2f"),
		info(title(static), fmt.Sprintf("%s, %.2f CPU s/GB", seconds(m(static)), perGB(static))),
		against("**"+title(second)+"**", seconds(m(second)), seconds(m(static)), m(second)/m(static), goalSecond),
	)
}

// memory measures the peak over idle of a fresh gateway that fetches one
// package, small, middle and big in turn.
func memory(ctx context.Context, b *bench) ([]row, error) {
	sizes := []int{b.plan.smallMegas, b.plan.megas, b.plan.bigMegas}
	peaks := map[int][]float64{}
	var bigTook float64
	for range b.plan.memoryRounds {
		for _, megas := range sizes {
			over, took, err := b.peakOf(ctx, megas)
			if err != nil {
				return nil, err
			}
			peaks[megas] = append(peaks[megas], over)
			bigTook = took
		}
	}
	small, big := median(peaks[b.plan.smallMegas]), median(peaks[b.plan.bigMegas])
	rows := []row{info(fmt.Sprintf("%d MB: first GET of a fresh gateway", b.plan.bigMegas), seconds(bigTook))}
	for _, megas := range sizes {
		rows = append(rows, atMost(fmt.Sprintf("%d MB: peak memory over idle, MiB", megas), median(peaks[megas]), goalPeak, "%.1f"))
	}
	return append(rows, atMost(fmt.Sprintf("%d MB over %d MB, MiB", b.plan.bigMegas, b.plan.smallMegas), big-small, goalFlat, "%.1f")), nil
}

func (b *bench) peakOf(ctx context.Context, megas int) (over, took float64, err error) {
	g, idle, err := b.idleGateway(ctx, "data-memoria")
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, g.discard()) }()
	id := b.id(megas)
	got, err := fetch(ctx, g.paqueteURL(id), os.DevNull)
	if err != nil {
		return 0, 0, err
	}
	_, err = g.storedAs(ctx, id)
	return g.usage().peak - idle, got.seconds, err
}

// idleGateway starts a gateway, lets it rest, and says what it holds then.
func (b *bench) idleGateway(ctx context.Context, name string) (*gatewayProcess, float64, error) {
	g, err := b.startGateway(ctx, name)
	if err != nil {
		return nil, 0, err
	}
	time.Sleep(idleAfter)
	g.resetPeak()
	return g, g.usage().rss, nil
}

// atOnce fetches many packages through one gateway at the same time.
func atOnce(ctx context.Context, b *bench) (rows []row, err error) {
	n, megas := b.plan.atOnce, b.plan.atOnceMegas
	g, idle, err := b.idleGateway(ctx, "data-varios")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.discard()) }()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = b.id(megas)
	}
	before, sourceBefore, machine := g.usage().cpu, b.source.usage().cpu, machineBusy()
	started := time.Now()
	clients, err := fetchAll(ctx, g, ids)
	if err != nil {
		return nil, err
	}
	wall, busy := since(started), machineBusy()-machine
	own, source := g.usage().cpu-before, b.source.usage().cpu-sourceBefore
	for _, id := range ids {
		if _, err := g.storedAs(ctx, id); err != nil {
			return nil, err
		}
	}
	total := float64(n*megas) * bytesPerMega / 1e9
	// What other programs took was not there to be used.
	all := wall*float64(runtime.NumCPU()) - max(0, busy-own-source-clients)
	title := fmt.Sprintf("%d × %d MB at once: ", n, megas)
	return []row{
		info(title+"time", fmt.Sprintf("%s, %.2f GB/s", seconds(wall), total/wall)),
		atLeast(title+"CPUs busy (gateway, source, clients), % of what other programs left", 100*(own+source+clients)/all, goalBusy, "%.0f"),
		info("of which gateway / source / clients, %", fmt.Sprintf("%.0f / %.0f / %.0f", 100*own/all, 100*source/all, 100*clients/all)),
		info(title+"CPU seconds per GB, storage included", fmt.Sprintf("%.2f", (g.usage().cpu-before)/total)),
		atMost(title+"peak memory over idle, MiB", g.usage().peak-idle, goalAtOnce, "%.1f"),
	}, nil
}

// fetchAll downloads all ids to nowhere at the same time and returns the CPU
// seconds of the clients.
func fetchAll(ctx context.Context, g *gatewayProcess, ids []string) (float64, error) {
	got := make([]fetched, len(ids))
	failed := make([]error, len(ids))
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Go(func() { got[i], failed[i] = fetch(ctx, g.paqueteURL(id), os.DevNull) })
	}
	wg.Wait()
	cpu := 0.0
	for _, f := range got {
		cpu += f.cpu
	}
	return cpu, errors.Join(failed...)
}
