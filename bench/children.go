package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/bench/fuente"
	"github.com/pasarela-mx/pasarela/bench/ref"
	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

// processCommand is the first argument of this program when it runs as one of
// its own processes, each measured by itself.
const processCommand = "process"

// rfc is the taxpayer of every measure.
const rfc = "PRU010101AB1"

// idlePerHost is the gateway's own number of connections kept to a host.
const idlePerHost = 64

func runProcess(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%s: what?", processCommand)
	}
	name, args := args[0], args[1:]
	switch {
	case name == "fuente":
		return listen(fuente.Handler(time.Now))
	case name == "static" && len(args) == 1:
		return listen(http.FileServer(http.Dir(args[0])))
	case name == "floor" && len(args) == 2:
		return floor(args[0], args[1])
	case name == "decode" && len(args) == 4:
		return decode(args[0], args[1], args[2], args[3])
	case name == "sandbox" && len(args) == 1:
		return inProcess(args[0])
	case name == "gateway" && len(args) >= 1:
		return profiled(args[0], args[1:])
	case name == "lectura" && len(args) == 2:
		return readHere(args[0], args[1])
	case name == "fetch" && len(args) == 2:
		return fetchHere(args[0], args[1])
	}
	return fmt.Errorf("%s: there is no %q", processCommand, name)
}

// listen serves on a free port of loopback, says which, and ends when the
// starter does.
func listen(h http.Handler) error {
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", l.Addr())
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() {
		io.Copy(io.Discard, os.Stdin) //nolint:errcheck // its end is the message
		server.Close()                //nolint:errcheck // the process ends
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func floor(efirmas, upstream string) error {
	own, err := autoridad.LoadEmitido(efirmas, rfc)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	f := &ref.Floor{
		Signer: ref.NewSigner(own.Key, own.Certificate), RFC: rfc, Upstream: upstream, Slow: fuente.Slow,
		Client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: idlePerHost, ReadBufferSize: ref.Block}},
	}
	return listen(f.Handler(zerolog.New(log).With().Timestamp().Logger(), prometheus.NewRegistry()))
}

// decode fetches package id with one of the reference programs into a file and
// prints seconds and its own peak in MiB.
func decode(how, url, id, file string) error {
	into, err := os.Create(file)
	if err != nil {
		return err
	}
	defer into.Close() //nolint:errcheck // measured, not kept
	started := time.Now()
	if how == "gowsdl" {
		err = ref.Gowsdl(into, url, id, rfc)
	} else {
		err = decodeAnswer(how, url, id, into)
	}
	if err != nil {
		return fmt.Errorf("decoding with %s: %w", how, err)
	}
	fmt.Printf("%.6f %.1f\n", since(started), usageOf("self").peak)
	return nil
}

func decodeAnswer(how, url, id string, into io.Writer) error {
	body := strings.NewReader(`<r IdPaquete="` + id + `"/>`)
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, body)
	if err != nil {
		return err
	}
	req.Header.Set("Accept-Encoding", "identity")
	client := &http.Client{Transport: &http.Transport{ReadBufferSize: ref.Block}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	if how == "readall" {
		return ref.ReadAll(into, resp.Body)
	}
	dec, ok := ref.Decoders()[how]
	if !ok {
		return fmt.Errorf("there is no decoder %q", how)
	}
	return ref.Stream(into, resp.Body, dec)
}

// fetchHere is curl's stand-in: url into file, printing seconds.
func fetchHere(url, file string) error {
	into, err := os.Create(file)
	if err != nil {
		return err
	}
	defer into.Close() //nolint:errcheck // measured, not kept
	started := time.Now()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	if _, err := io.Copy(into, resp.Body); err != nil {
		return err
	}
	fmt.Printf("%.6f\n", since(started))
	return nil
}
