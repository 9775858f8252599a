package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/sandbox/sat"
	"github.com/pasarela-mx/pasarela/internal/sat/cfdi"
)

const (
	goalText    = 150.0  // MB/s per core
	goalXML     = 8000.0 // per second and core
	goalReading = 16.0   // MiB, over that of the inflater alone
)

// The programs of this section, each a process of its own on one core.
const (
	leeLineas    = "lineas"    // bufio, split at CRLF and ~, nothing realigned or checked
	readText     = "metadatos" // the product
	leeInfla     = "infla"     // archive/zip to nowhere
	leeUnmarshal = "unmarshal" // archive/zip and encoding/xml into a struct
	leeTokens    = "tokens"    // archive/zip and encoding/xml's RawToken
	readSummary  = "resumenes" // the product
)

// reading measures the reading of packages: metadata stored and deflated, and CFDI.
func reading(ctx context.Context, b *bench) ([]row, error) {
	l := &readings{b: b, took: map[string][]measure{}}
	saved, compressed, documents := b.file("texto.zip"), b.file("metadatos.zip"), b.file("cfdi.zip")
	u := sat.NewUniverse(1)
	for _, f := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{compressed, func(w io.Writer) error { return u.WritePaquete(w, rfc, int64(b.plan.rows), true) }},
		{saved, func(w io.Writer) error { return stored(w, compressed) }},
		{documents, func(w io.Writer) error { return u.WritePaquete(w, rfc, int64(b.plan.documents), false) }},
	} {
		if err := writeFile(f.name, f.write); err != nil {
			return nil, err
		}
	}
	for range b.plan.rounds {
		for _, p := range [][2]string{
			{leeLineas, saved}, {readText, saved}, {leeInfla, compressed}, {readText, compressed},
			{leeInfla, documents}, {leeUnmarshal, documents}, {leeTokens, documents}, {readSummary, documents},
		} {
			if err := l.read(ctx, p[0], p[1]); err != nil {
				return nil, err
			}
		}
	}
	return append(l.ofMetadatos(saved, compressed), l.ofDocuments(documents)...), nil
}

func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// measure is what one process says: CPU seconds, items and bytes read, peak in MiB.
type measure struct{ cpu, items, bytes, peak float64 }

type readings struct {
	b    *bench
	took map[string][]measure
}

func (l *readings) read(ctx context.Context, how, file string) error {
	var m measure
	_, err := outcome(ctx, []string{"lectura", how, file}, &m.cpu, &m.items, &m.bytes, &m.peak)
	l.took[how+file] = append(l.took[how+file], m)
	return err
}

// media is the median of something over the rounds.
func (l *readings) media(key string, of func(measure) float64) float64 {
	var sample []float64
	for _, m := range l.took[key] {
		sample = append(sample, of(m))
	}
	return median(sample)
}

func (l *readings) cpu(key string) float64 {
	return l.media(key, func(m measure) float64 { return m.cpu })
}

func (l *readings) perSecond(key string) (items, megas, peak float64) {
	return l.media(key, func(m measure) float64 { return m.items / m.cpu }),
		l.media(key, func(m measure) float64 { return m.bytes / m.cpu / 1e6 }),
		l.media(key, func(m measure) float64 { return m.peak })
}

func (l *readings) ofMetadatos(saved, compressed string) []row {
	title := fmt.Sprintf("%d metadata rows: ", l.b.plan.rows)
	cell := func(key string) string {
		items, megas, peak := l.perSecond(key)
		return fmt.Sprintf("%.0f rows/s, %.0f MB/s, peak %.1f MiB", items, megas, peak)
	}
	_, megas, _ := l.perSecond(readText + saved)
	_, _, peak := l.perSecond(readText + compressed)
	_, _, base := l.perSecond(leeInfla + compressed)
	own := atLeast("**"+title+"the text, MB/s per core**", megas, goalText, "%.1f")
	own.reference, own.ratio = "lines and fields "+cell(leeLineas+saved), fmt.Sprintf("%.2f", l.cpu(readText+saved)/l.cpu(leeLineas+saved))
	return []row{
		own,
		info(title+"the text", cell(readText+saved)),
		{measure: title + "out of the ZIP", value: cell(readText + compressed), reference: "inflating alone " + cell(leeInfla+compressed),
			ratio: fmt.Sprintf("%.2f", l.cpu(readText+compressed)/l.cpu(leeInfla+compressed))},
		atMost(title+"peak memory over inflating alone, MiB", peak-base, goalReading, "%.1f"),
	}
}

func (l *readings) ofDocuments(file string) []row {
	title := fmt.Sprintf("%d CFDI: ", l.b.plan.documents)
	cell := func(how string) string {
		items, megas, peak := l.perSecond(how + file)
		return fmt.Sprintf("%.0f XML/s, %.0f MB/s, peak %.1f MiB", items, megas, peak)
	}
	items, _, _ := l.perSecond(readSummary + file)
	own := atLeast("**"+title+"summaries out of the ZIP, XML/s per core**", items, goalXML, "%.0f")
	own.reference, own.ratio = "encoding/xml Unmarshal "+cell(leeUnmarshal), fmt.Sprintf("%.2f", l.cpu(readSummary+file)/l.cpu(leeUnmarshal+file))
	return []row{
		info(title+"archive/zip, inflating alone", cell(leeInfla)),
		info(title+"encoding/xml RawToken", cell(leeTokens)),
		info(title+"summaries", cell(readSummary)),
		own,
	}
}

// readHere reads file in one way and prints what a measure has.
func readHere(how, file string) error {
	runtime.GOMAXPROCS(1)
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // read only
	info, err := f.Stat()
	if err != nil {
		return err
	}
	before := cpuSeconds()
	items, read, err := readAs(how, f, info.Size())
	if err != nil {
		return fmt.Errorf("%s: %w", how, err)
	}
	fmt.Printf("%.6f %d %d %.1f\n", cpuSeconds()-before, items, read, usageOf("self").peak)
	return nil
}

// readAs counts what a ZIP has, in one way, and the bytes of its entries.
func readAs(how string, r io.ReaderAt, size int64) (items, read int64, err error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return 0, 0, err
	}
	for _, e := range z.File {
		read += int64(e.UncompressedSize64)
	}
	switch how {
	case readText:
		items, err = count(cfdi.Metadatos(r, size, cfdi.Position{}))
	case readSummary:
		items, err = count(cfdi.Summaries(r, size, cfdi.Position{}))
	case leeInfla:
		items, err = entries(z, func(r io.Reader) (int64, error) { return one(io.Copy(io.Discard, r)) })
	case leeLineas:
		items, err = entries(z, lines)
	case leeUnmarshal:
		items, err = entries(z, unmarshal)
	case leeTokens:
		items, err = entries(z, tokens)
	default:
		err = errors.New("there is no such way")
	}
	return items, read, err
}

func one(_ int64, err error) (int64, error) { return 1, err }

func count[T any](read func(func(cfdi.Read[T], error) bool)) (n int64, err error) {
	for readSoFar, err := range read {
		if err != nil {
			return n, err
		}
		if readSoFar.Falla != nil {
			return n, readSoFar.Falla
		}
		n++
	}
	return n, nil
}

// entries sums what read finds in each entry.
func entries(z *zip.Reader, read func(io.Reader) (int64, error)) (items int64, err error) {
	for _, e := range z.File {
		r, err := e.Open()
		if err != nil {
			return 0, err
		}
		n, err := read(r)
		if err := errors.Join(err, r.Close()); err != nil {
			return 0, err
		}
		items += n
	}
	return items, nil
}

func unmarshal(r io.Reader) (int64, error) {
	var c comprobante
	b, err := io.ReadAll(r)
	if err == nil {
		err = xml.Unmarshal(b, &c)
	}
	if err == nil && c.Complemento.Timbre.UUID == "" {
		err = errors.New("no UUID")
	}
	return 1, err
}

// lines is the least that a reader of such rows does.
func lines(r io.Reader) (n int64, err error) {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 256<<10), 256<<10)
	s.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		if i := bytes.Index(data, []byte("\r\n")); i >= 0 {
			return i + 2, data[:i], nil
		}
		if atEOF && len(data) > 0 {
			return len(data), data, nil
		}
		return 0, nil, nil
	})
	for s.Scan() {
		if len(strings.Split(s.Text(), "~")) >= 12 {
			n++
		}
	}
	return n, s.Err()
}

func tokens(r io.Reader) (int64, error) {
	d := xml.NewDecoder(bufio.NewReader(r))
	for {
		if _, err := d.RawToken(); errors.Is(err, io.EOF) {
			return 1, nil
		} else if err != nil {
			return 0, err
		}
	}
}

// comprobante is what a summary wants, for encoding/xml.
type comprobante struct {
	Version     string `xml:"Version,attr"`
	Tipo        string `xml:"TipoDeComprobante,attr"`
	Fecha       string `xml:"Fecha,attr"`
	Serie       string `xml:"Serie,attr"`
	Folio       string `xml:"Folio,attr"`
	Moneda      string `xml:"Moneda,attr"`
	SubTotal    string `xml:"SubTotal,attr"`
	Total       string `xml:"Total,attr"`
	Emisor      part   `xml:"Emisor"`
	Receptor    part   `xml:"Receptor"`
	Complemento struct {
		Timbre struct {
			UUID  string `xml:"UUID,attr"`
			Fecha string `xml:"FechaTimbrado,attr"`
		} `xml:"TimbreFiscalDigital"`
		Otros []struct{ XMLName xml.Name } `xml:",any"`
	} `xml:"Complemento"`
}

type part struct {
	RFC    string `xml:"Rfc,attr"`
	Nombre string `xml:"Nombre,attr"`
}

// stored writes a ZIP again without compressing it.
func stored(w io.Writer, from string) error {
	r, err := zip.OpenReader(from)
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // read only
	z := zip.NewWriter(w)
	for _, e := range r.File {
		in, err := e.Open()
		if err != nil {
			return err
		}
		out, err := z.CreateHeader(&zip.FileHeader{Name: e.Name, Method: zip.Store})
		if err == nil {
			_, err = io.Copy(out, in)
		}
		if err := errors.Join(err, in.Close()); err != nil {
			return err
		}
	}
	return z.Close()
}
