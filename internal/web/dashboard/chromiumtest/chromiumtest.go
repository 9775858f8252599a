// Package chromiumtest shows pages to a headless Chromium, for tests. It drives
// the browser by its command line alone, which is enough to read a page and to
// take its picture, and refuses to be more: no clicks, no protocol.
package chromiumtest

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"
)

// patience bounds one run: machines of tests are slow at times.
const patience = 2 * time.Minute

// longPatience bounds a page that does much.
const longPatience = 8 * time.Minute

// console finds what the page wrote to the browser's console: scripts' errors and
// breaches of its policy among it.
var console = regexp.MustCompile(`(?m)^.*:CONSOLE.*$`)

// find returns the browser; in CI its absence is a failure.
func find(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("there is no chromium (Debian: apt-get install chromium)")
	}
	t.Skip("NOT TESTED IN A BROWSER: there is no chromium (Debian: apt-get install chromium)")
	return ""
}

// command returns a run of the browser with url, and where its output goes.
func command(ctx context.Context, t testing.TB, url string, flags ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	t.Helper()
	args := append([]string{"--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--hide-scrollbars", "--enable-logging=stderr", "--user-data-dir=" + t.TempDir()}, flags...)
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox") // it refuses to be root with one
	}
	cmd = exec.CommandContext(ctx, find(t), append(args, url)...) //nolint:gosec // a test's own program
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return cmd, stdout, stderr
}

func run(t testing.TB, url string, flags ...string) (out string, said []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd, stdout, stderr := command(ctx, t, url, flags...)
	if err := cmd.Run(); err != nil {
		t.Fatalf("chromium: %v\n%s", err, stderr.String())
	}
	return stdout.String(), console.FindAllString(stderr.String(), -1)
}

// Until opens url and lets its scripts run, in real time, until done is closed. It
// returns what was said in the console.
func Until(t testing.TB, url string, done <-chan struct{}, flags ...string) (said []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), longPatience)
	defer cancel()
	cmd, _, stderr := command(ctx, t, url, flags...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that it ends its own processes
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatalf("chromium: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-done:
		cancel()
		<-ended //nolint:errcheck // it was interrupted
	case err := <-ended:
		t.Errorf("chromium ended before the page was done: %v\n%s", err, stderr.String())
	}
	return console.FindAllString(stderr.String(), -1)
}

// DOM opens url, lets pass so much of the browser's own time, which stands still
// while it waits for the server, and returns the document as it is then, and what
// was said in the console.
func DOM(t testing.TB, url string, pass time.Duration, flags ...string) (dom string, said []string) {
	t.Helper()
	return run(t, url, append(flags, "--dump-dom", fmt.Sprintf("--virtual-time-budget=%d", pass.Milliseconds()))...)
}

// Shot writes a picture of url to file, a PNG, in a window of the given size in
// pixels; no less than 500 wide.
func Shot(t testing.TB, url, file string, width, height int, flags ...string) {
	t.Helper()
	raw := filepath.Join(t.TempDir(), "shot.png")
	run(t, url, append(flags, "--screenshot="+raw, fmt.Sprintf("--window-size=%d,%d", width, height))...)
	if err := shrink(raw, file); err != nil {
		t.Fatalf("the picture of %s: %v", url, err)
	}
}

// reduced has the 256 colours that img has most of; a page has few, and the many
// of its letters' edges are near them.
func reduced(img image.Image) *image.Paletted {
	bounds := img.Bounds()
	count := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(img.At(x, y)).(color.RGBA) } //nolint:forcetypeassert // its model's own
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			count[at(x, y)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int { return count[b] - count[a] })
	out := image.NewPaletted(bounds, nil)
	for _, c := range colours[:min(256, len(colours))] {
		out.Palette = append(out.Palette, c)
	}
	index := make(map[color.RGBA]uint8, len(colours))
	for _, c := range colours {
		index[c] = uint8(out.Palette.Index(c)) //nolint:gosec // of 256 colours
	}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			out.SetColorIndex(x, y, index[at(x, y)])
		}
	}
	return out
}

// shrink writes a PNG again, small enough to be kept.
func shrink(from, to string) error {
	raw, err := os.ReadFile(from) //nolint:gosec // a test's own file
	if err != nil {
		return err
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, reduced(img)); err != nil {
		return err
	}
	return os.WriteFile(to, b.Bytes(), 0o644) //nolint:gosec // a picture for everybody
}
