package integration

import (
	"archive/zip"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/app/devstack"
	"github.com/pasarela-mx/pasarela/internal/app/gatewaytest"
	"github.com/pasarela-mx/pasarela/internal/efirma"
	"github.com/pasarela-mx/pasarela/internal/sep/titulo"
)

const (
	largeLote = 60 << 20
	// spentUpload is what an upload of any size and form may cost beside what an
	// idle gateway takes: far from the lote, and above what a collector that waits
	// for a processor lets stand (27 MiB on a quiet machine, 33 on a full one).
	spentUpload = 44 << 20
)

// TestSEPMemory_WhenALoteIsLargeTheGatewayStaysSmall takes a lote of sixty
// megabytes through a gateway of its own in each form that an upload may have:
// once with as many titles as that is, and then with fewer and longer ones, which
// are looked at faster. The sellos of these are right and are verified; to seal the
// many would take minutes under the race detector.
func TestSEPMemory_WhenALoteIsLargeTheGatewayStaysSmall(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED: a large lote, with -short")
	}
	s := startSandboxProcess(t)
	dir := t.TempDir()
	password := filepath.Join(dir, "password.txt")
	overwrite(t, password, "sandbox")
	start := func(t *testing.T) *process {
		return startGateway(t, append(env(s.url, s.efirmas, t.TempDir()), "GATEWAY_SEP_USUARIO=sandbox", "GATEWAY_SEP_PASSWORD_FILE="+password)...)
	}
	document := template(t, start(t))
	cred, err := efirma.NewKeyring(s.efirmas, nil, time.Now).Get(gatewaytest.Persona)
	if err != nil {
		t.Fatal(err)
	}
	sealed := func(folio string) string { return sealedAnew(t, document, folio, cred) }
	many := func(folio string) string { return strings.Replace(document, folioMark, folio, 1) }
	long := func(folio string) string {
		return strings.Replace(sealed(folio), "</TituloElectronico>", strings.Repeat(" ", 512<<10)+"</TituloElectronico>", 1)
	}
	for _, form := range []struct {
		name, media, query string
		document           func(folio string) string
	}{
		{"raw", "application/zip", "&comprobar=forma", many}, {"JSON", "application/json", "", long}, {"multipart", "multipart/form-data; boundary=limite", "", long},
	} {
		t.Run(form.name, func(t *testing.T) {
			gw := start(t)
			template(t, gw) // it has worked once
			lote, titles := writeLote(t, t.TempDir(), form.document)
			idle := memory(t, gw.cmd.Process.Pid, "VmRSS")
			f, err := os.Open(lote)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close() //nolint:errcheck // read only
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, gw.api+"/v1/sep/lotes?nombreArchivo=l.zip"+form.query, wrapped(t, form.name, f))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", form.media)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close() //nolint:errcheck // read only
			answer, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != http.StatusCreated {
				t.Fatalf("status %d, %v: %.500s", resp.StatusCode, err, answer)
			}
			peak := memory(t, gw.cmd.Process.Pid, "VmHWM")
			t.Logf("%d titles, idle %.1f MiB, peak %.1f MiB", titles, float64(idle)/(1<<20), float64(peak)/(1<<20))
			if peak-idle > spentUpload {
				t.Errorf("idle %d MiB, peak %d MiB: over %d MiB for one upload", idle>>20, peak>>20, spentUpload>>20)
			}
		})
	}
}

// wrapped is the body of an upload in a form, read as it goes.
func wrapped(t *testing.T, form string, f *os.File) io.Reader {
	t.Helper()
	switch form {
	case "JSON":
		r, w := io.Pipe()
		go func() {
			io.WriteString(w, `{"nombreArchivo":"l.zip","archivoBase64":"`) //nolint:errcheck // the reader is gone
			encoder := base64.NewEncoder(base64.StdEncoding, w)
			_, err := io.Copy(encoder, f)
			encoder.Close()         //nolint:errcheck // see above
			io.WriteString(w, `"}`) //nolint:errcheck // see above
			w.CloseWithError(err)
		}()
		return r
	case "multipart":
		return io.MultiReader(strings.NewReader("--limite\r\nContent-Disposition: form-data; name=\"archivo\"; filename=\"l.zip\"\r\n\r\n"),
			f, strings.NewReader("\r\n--limite--\r\n"))
	}
	return f
}

const folioMark = "FOLIO0000000"

// template is a title's document as a gateway issues it.
func template(t *testing.T, gw *process) string {
	t.Helper()
	r := whole(t, gatewaytest.Client(t), http.MethodPost, gw.api+"/v1/sep/titulos", map[string]any{"titulos": []any{devstack.Titulo(folioMark, gatewaytest.Persona)}})
	wantStatus(t, r, http.StatusOK)
	var out struct{ Titulos []struct{ XML string } }
	r.JSON(t, &out)
	if strings.Count(out.Titulos[0].XML, folioMark) != 1 {
		t.Fatalf("the folio is not in the document once: %s", out.Titulos[0].XML)
	}
	return out.Titulos[0].XML
}

// sealedAnew is the document with another folio, sealed for it.
func sealedAnew(t *testing.T, document, folio string, cred *efirma.Credential) string {
	t.Helper()
	x, err := titulo.Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	x.FolioControl = folio
	if err := titulo.Seal(&x, 0, cred, titulo.EscapeFlat); err != nil {
		t.Fatal(err)
	}
	out, err := titulo.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// writeLote writes a ZIP of largeLote bytes and more, of titles that differ in
// their folios.
func writeLote(t *testing.T, dir string, document func(folio string) string) (path string, titles int) {
	t.Helper()
	path = filepath.Join(dir, "l.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // see below
	z := zip.NewWriter(f)
	for size := 0; size < largeLote; {
		titles++
		content := []byte(document(fmt.Sprintf("G%011d", titles)))
		size += len(content)
		w, err := z.CreateRaw(&zip.FileHeader{Name: fmt.Sprintf("%d.xml", titles), Method: zip.Store, CRC32: crc32.ChecksumIEEE(content),
			CompressedSize64: uint64(len(content)), UncompressedSize64: uint64(len(content))})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return path, titles
}
