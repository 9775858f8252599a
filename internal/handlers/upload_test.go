package handlers

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/sep/lotes"
)

// receiver is a handler that can do nothing but receive; what it makes lies in dir.
func receiver(t testing.TB) (*handler, string) {
	t.Helper()
	dir := t.TempDir()
	return &handler{cfg: Config{Lotes: lotes.New(nil, nil, nil, nil, disk{dir, 1 << 40})}}, dir
}

// disk is a folder on a disk where so many bytes fit.
type disk struct {
	dir    string
	remain int64
}

func (d disk) Partial() (*os.File, error) { return os.CreateTemp(d.dir, "archivo-*") }

func (d disk) Remain(n int64) error {
	files, err := os.ReadDir(d.dir)
	for _, f := range files {
		info, errInfo := f.Info()
		if errInfo != nil {
			return errInfo
		}
		n += info.Size()
	}
	if err == nil && n >= d.remain {
		err = syscall.ENOSPC
	}
	return err
}

// TestReceive_WhenTheDiskIsFull, before or meanwhile, in whatever form: it comes again
// later, and nothing of it stays.
func TestReceive_WhenTheDiskIsFull(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("QUJD", 64<<10)
	for remain, part := range map[int64]string{0: "before", 100 << 10: "meanwhile"} {
		for media, body := range map[string]string{
			"application/xml":                    text,
			"application/json":                   `{"archivoBase64":"` + text + `"}`,
			"multipart/form-data; boundary=raya": "--raya\r\nContent-Disposition: form-data; name=\"archivo\"; filename=\"a.zip\"\r\n\r\n" + text + "\r\n--raya--\r\n",
		} {
			dir := t.TempDir()
			h := &handler{cfg: Config{Lotes: lotes.New(nil, nil, nil, nil, disk{dir, remain})}}
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
			r.Header.Set("Content-Type", media)
			_, err := h.receiveAny(httptest.NewRecorder(), r, "a.zip")
			if e := gateway.AsError(err); e.Own != gateway.OwnDiscoLleno || !e.Unsent || e.RetryAfter <= 0 {
				t.Errorf("%s, %s: %+v", media, part, e)
			}
			empty(t, dir)
		}
	}
}

// empty fails unless nothing is left of what was received.
func empty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("%d files are left, %v", len(left), err)
	}
}

// received is an upload as a table compares it.
type received struct {
	Name, File string
	Fields     map[string]string
}

func read(t testing.TB, up *upload) received {
	t.Helper()
	out := received{Fields: map[string]string{}}
	for key, value := range up.fields {
		out.Fields[key] = string(value)
	}
	if up.file != nil {
		content, err := io.ReadAll(up.file.Section())
		if err != nil {
			t.Fatal(err)
		}
		out.Name, out.File = up.file.Name, string(content)
	}
	return out
}

func TestReceiveJSON_WhenItIsRead(t *testing.T) {
	t.Parallel()
	none := map[string]string{}
	for name, tc := range map[string]struct {
		body string
		want received
	}{
		"a file":                   {`{"archivoBase64":"UEsDBA=="}`, received{"lote.zip", "PK\x03\x04", none}},
		"named before":             {`{"nombreArchivo":"a.zip","archivoBase64":"UEsDBA=="}`, received{"a.zip", "PK\x03\x04", none}},
		"named behind":             {`{"archivoBase64":"UEsDBA==","nombreArchivo":"a.zip"}`, received{"a.zip", "PK\x03\x04", none}},
		"in spaces":                {" \r\n\t{ \"archivoBase64\" :\n\"UEsDBA==\" } \n", received{"lote.zip", "PK\x03\x04", none}},
		"an XML":                   {`{"archivoBase64":"PGEvPg=="}`, received{"titulo.xml", "<a/>", none}},
		"an empty file":            {`{"archivoBase64":""}`, received{"titulo.xml", "", none}},
		"a name that is null":      {`{"nombreArchivo":null,"archivoBase64":"UEsDBA=="}`, received{"lote.zip", "PK\x03\x04", none}},
		"an escaped key":           {`{"archivo\u0042ase64":"UEsDBA=="}`, received{"lote.zip", "PK\x03\x04", none}},
		"slashes as PHP has them":  {`{"archivoBase64":"\/\/\/\/"}`, received{"titulo.xml", "\xff\xff\xff", none}},
		"signs as .NET has them":   {`{"archivoBase64":"\u002B\u002b\u002B\u002b"}`, received{"titulo.xml", "\xfb\xef\xbe", none}},
		"padding as Gson has it":   {`{"archivoBase64":"UEsDBA\u003d\u003d"}`, received{"lote.zip", "PK\x03\x04", none}},
		"in lines":                 {`{"archivoBase64":"UEsD\r\nBA=\n="}`, received{"lote.zip", "PK\x03\x04", none}},
		"in lines of the body":     {"{\"archivoBase64\":\"UEsD\r\nBA==\n\"}", received{"lote.zip", "PK\x03\x04", none}},
		"no file":                  {`{"titulos":[{"a":"}"}],"escape":"plano"}`, received{Fields: map[string]string{"titulos": `[{"a":"}"}]`, "escape": `"plano"`}}},
		"a file and fields":        {`{"escape":1,"archivoBase64":"UEsDBA==","titulos":null}`, received{"lote.zip", "PK\x03\x04", map[string]string{"escape": "1", "titulos": "null"}}},
		"nothing":                  {`{}`, received{Fields: none}},
		"a name without a file":    {`{"nombreArchivo":3}`, received{Fields: map[string]string{"nombreArchivo": "3"}}},
		"a number beside a comma":  {`{"escape":1e3,"titulos":-0}`, received{Fields: map[string]string{"escape": "1e3", "titulos": "-0"}}},
		"a string that looks like": {`{"escape":"\"archivoBase64\":\"UEsD\""}`, received{Fields: map[string]string{"escape": `"\"archivoBase64\":\"UEsD\""`}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for how, r := range map[string]io.Reader{"whole": strings.NewReader(tc.body), "byte by byte": iotest.OneByteReader(strings.NewReader(tc.body)),
				"with its end": iotest.DataErrReader(strings.NewReader(tc.body))} {
				h, dir := receiver(t)
				up, err := h.receiveJSON(t.Context(), r)
				if err != nil {
					t.Fatalf("%s: %v", how, err)
				}
				if diff := cmp.Diff(tc.want, read(t, up)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", how, diff)
				}
				up.Close()
				empty(t, dir)
			}
		})
	}
}

func TestReceiveJSON_WhenItIsRefused(t *testing.T) {
	t.Parallel()
	const malformed, invalid = gateway.KindMalformada, gateway.KindInvalida
	for name, tc := range map[string]struct {
		body  string
		kind  gateway.Kind
		field string // of the field that is to blame
	}{
		"nothing":                {``, malformed, ""},
		"an array":               {`[{"archivoBase64":"UEsD"}]`, malformed, ""},
		"a string":               {`"UEsD"`, malformed, ""},
		"null":                   {`null`, malformed, ""},
		"two objects":            {`{"archivoBase64":"UEsD"}{}`, malformed, ""},
		"something behind":       {`{"archivoBase64":"UEsD"} x`, malformed, ""},
		"no end":                 {`{"archivoBase64":"UEsD"`, malformed, ""},
		"cut in the file":        {`{"archivoBase64":"UEsD`, malformed, ""},
		"cut in an escape":       {`{"archivoBase64":"UEsD\`, malformed, ""},
		"cut in a code":          {`{"archivoBase64":"UEsD\u00`, malformed, ""},
		"cut in a field":         {`{"titulos":[{}`, malformed, ""},
		"cut in a key":           {`{"archivoBa`, malformed, ""},
		"a key without colon":    {`{"escape" 1}`, malformed, ""},
		"a key that is none":     {`{escape:1}`, malformed, ""},
		"a broken key":           {`{"esc\xape":1}`, malformed, ""},
		"a comma too many":       {`{"escape":1,}`, malformed, ""},
		"a comma too few":        {`{"escape":1 "titulos":2}`, malformed, ""},
		"a comma before":         {`{,"escape":1}`, malformed, ""},
		"a broken value":         {`{"titulos":[1,}`, malformed, ""},
		"twice the file":         {`{"archivoBase64":"UEsD","archivoBase64":"UEsD"}`, malformed, "archivoBase64"},
		"twice a field":          {`{"escape":1,"escape":2}`, malformed, "escape"},
		"twice deep in a field":  {`{"titulos":[{},{"a":1,"a":2}]}`, malformed, "titulos/1/a"},
		"Latin-1 in a field":     {"{\"escape\":\"pl\xe1no\"}", malformed, ""},
		"an unknown field":       {`{"otro":1,"archivoBase64":"UEsD"}`, invalid, "otro"},
		"an unknown quoted one":  {`{"a\"b\\":1}`, invalid, `a"b\`},
		"another case":           {`{"ArchivoBase64":"UEsD"}`, invalid, "ArchivoBase64"},
		"no base64":              {`{"archivoBase64":"@@@@"}`, invalid, "archivoBase64"},
		"half a base64":          {`{"archivoBase64":"UEs"}`, invalid, "archivoBase64"},
		"the URL's alphabet":     {`{"archivoBase64":"__--"}`, invalid, "archivoBase64"},
		"padding in the middle":  {`{"archivoBase64":"UA==UEsD"}`, invalid, "archivoBase64"},
		"an odd escape":          {`{"archivoBase64":"UEs\bD"}`, invalid, "archivoBase64"},
		"an escape of a letter":  {`{"archivoBase64":"UEs\u00d1"}`, invalid, "archivoBase64"},
		"an escape of no number": {`{"archivoBase64":"UEs\u+04D"}`, invalid, "archivoBase64"},
		"a file that is null":    {`{"archivoBase64":null}`, invalid, "archivoBase64"},
		"a file that is a list":  {`{"archivoBase64":["UEsD"]}`, invalid, "archivoBase64"},
		"a name that is none":    {`{"nombreArchivo":3,"archivoBase64":"UEsD"}`, invalid, "nombreArchivo"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, dir := receiver(t)
			_, err := h.receiveJSON(t.Context(), iotest.HalfReader(strings.NewReader(tc.body)))
			var e *gateway.Error
			if !errors.As(err, &e) || e.Kind != tc.kind {
				t.Fatalf("%v, want kind %s", err, tc.kind)
			}
			if blamed := len(e.Fields) == 1 && e.Fields[0].Campo == tc.field; blamed != (tc.field != "") {
				t.Errorf("%+v, want %q", e.Fields, tc.field)
			}
			empty(t, dir)
		})
	}
}

func TestBackendAuthorization_WhenItIsNoAccount(t *testing.T) {
	t.Parallel()
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for name, tc := range map[string]struct {
		header string
		good   bool
	}{
		"an account":         {basic("usuario:contraseña: con dos puntos"), true},
		"another case":       {"bAsIc " + basic("u:p")[6:], true},
		"no password":        {basic("usuario:"), false},
		"no user":            {basic(":p"), false},
		"no colon":           {basic("usuario"), false},
		"control characters": {basic("usuario:p\r\nX: y"), false},
		"no UTF-8":           {basic("usuario:\xff"), false},
		"no XML":             {basic("usuario:\ufffe"), false},
		"no base64":          {"Basic usuario:p", false},
		"another scheme":     {"Bearer " + basic("u:p")[6:], false},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set(headerBackendAuthorization, tc.header)
		user, password, given, err := backendAuthorization(r)
		if good := err == nil && given && user != "" && password != ""; good != tc.good {
			t.Errorf("%s: %q given %v, error %v", name, user, given, err)
		}
		if err != nil && (!gateway.IsKind(err, gateway.KindInvalida) || strings.Contains(err.Error(), "usuario:p")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOnly_WhenAClientWritesWhatItWasNotGiven(t *testing.T) {
	t.Parallel()
	for body, refused := range map[string]bool{
		`{"archivoBase64":"UEsD","titulos":[],"escape":null}`: false,
		`{"archivoBase64":"UEsD","titulos":[{}]}`:             true,
		`{"archivoBase64":"UEsD","escape":"sep"}`:             true,
	} {
		h, _ := receiver(t)
		up, err := h.receiveJSON(t.Context(), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if err := up.only(); (err != nil) != refused {
			t.Errorf("%s: %v", body, err)
		}
		up.Close()
	}
}

// A body of many fields, or of a key without end, must not be held.
func TestReceiveJSON_WhenFieldsHaveNoEnd(t *testing.T) {
	h, _ := receiver(t)
	var many strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&many, `"a%d":0,`, i)
	}
	for name, body := range map[string]string{"fields": "{" + many.String(), "a key": `{"` + strings.Repeat("x", 8<<20), "spaces": "{" + strings.Repeat(" ", 8<<20) + "x"} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := h.receiveJSON(t.Context(), strings.NewReader(body))
		runtime.ReadMemStats(&after)
		if spent := after.TotalAlloc - before.TotalAlloc; err == nil || spent > 1<<20 {
			t.Errorf("%s: %d KiB for a body of %d KiB; error %v", name, spent>>10, len(body)>>10, err)
		}
	}
}

func TestReceiveJSON_WhenAFieldIsTooLarge(t *testing.T) {
	t.Parallel()
	h, _ := receiver(t)
	_, err := h.receiveJSON(t.Context(), io.MultiReader(strings.NewReader(`{"titulos":["`), io.LimitReader(endless('x'), maxFields+1)))
	if !gateway.IsKind(err, gateway.KindDemasiadoGrande) {
		t.Errorf("%v", err)
	}
}

// endless reads one byte for ever.
type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

// post gives a body to receive as a server would.
func post(h *handler, media string, body io.Reader) (*upload, error) {
	r := httptest.NewRequest(http.MethodPost, "/v1/sep/lotes", body)
	r.Header.Set("Content-Type", media)
	return h.receive(httptest.NewRecorder(), r, "crudo.zip")
}

const boundary = "multipart/form-data; boundary=x"

func part(header, content string) string {
	return "--x\r\nContent-Disposition: form-data; " + header + "\r\n\r\n" + content + "\r\n"
}

func TestReceive_ByForm(t *testing.T) {
	t.Parallel()
	file := part(`name="archivo"; filename="m.zip"`, "PK\x03\x04")
	for name, tc := range map[string]struct {
		media, body string
		want        received
	}{
		"raw":                      {"application/zip", "PK\x03\x04", received{Name: "crudo.zip", File: "PK\x03\x04"}},
		"raw, and empty":           {"application/zip", "", received{Name: "crudo.zip"}},
		"JSON with a charset":      {"application/json; charset=utf-8", `{"archivoBase64":"UEsD"}`, received{Name: "lote.zip", File: "PK\x03"}},
		"a part":                   {boundary, file + "--x--\r\n", received{Name: "m.zip", File: "PK\x03\x04"}},
		"a part of a folder":       {boundary, part(`name="archivo"; filename="/tmp/m.zip"`, "PK\x03\x04") + "--x--", received{Name: "m.zip", File: "PK\x03\x04"}},
		"a part without file name": {boundary, part(`name="archivo"`, "<a/>") + "--x--", received{Name: "titulo.xml", File: "<a/>"}},
		"named before":             {boundary, part(`name="nombreArchivo"`, "otro.zip") + file + "--x--", received{Name: "otro.zip", File: "PK\x03\x04"}},
		"named behind":             {boundary, file + part(`name="nombreArchivo"`, "otro.zip") + "--x--", received{Name: "otro.zip", File: "PK\x03\x04"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, dir := receiver(t)
			up, err := post(h, tc.media, iotest.HalfReader(strings.NewReader(tc.body)))
			if err != nil {
				t.Fatal(err)
			}
			tc.want.Fields = map[string]string{}
			if diff := cmp.Diff(tc.want, read(t, up)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			up.Close()
			empty(t, dir)
		})
	}
}

func TestReceive_WhenTheBodyIsBad(t *testing.T) {
	t.Parallel()
	file := part(`name="archivo"; filename="m.zip"`, "PK\x03\x04")
	cut := iotest.ErrReader(io.ErrUnexpectedEOF)
	huge := func() io.Reader { return io.LimitReader(endless('A'), lotes.MaxFile+1) }
	text := strings.NewReader
	for name, tc := range map[string]struct {
		media string
		body  io.Reader
		kind  gateway.Kind
	}{
		"no media type":           {"", text("PK"), gateway.KindMalformada},
		"raw, cut":                {"application/zip", io.MultiReader(text("PK\x03\x04"), cut), gateway.KindMalformada},
		"raw, over the bound":     {"application/zip", huge(), gateway.KindDemasiadoGrande},
		"raw, over the server's":  {"application/zip", http.MaxBytesReader(nil, io.NopCloser(text("PK\x03\x04")), 2), gateway.KindDemasiadoGrande},
		"JSON, cut":               {"application/json", io.MultiReader(text(`{"archivoBase64":"UEsD`), cut), gateway.KindMalformada},
		"JSON, over the server's": {"application/json", http.MaxBytesReader(nil, io.NopCloser(text(`{"escape":"plano"}`)), 9), gateway.KindDemasiadoGrande},
		"no boundary":             {"multipart/form-data", text(file), gateway.KindMalformada},
		"no parts":                {boundary, text("--x--"), gateway.KindInvalida},
		"no parts at all":         {boundary, text(""), gateway.KindInvalida},
		"no archivo":              {boundary, text(part(`name="nombreArchivo"`, "a.zip") + "--x--"), gateway.KindInvalida},
		"two archivos":            {boundary, text(file + file + "--x--"), gateway.KindInvalida},
		"two names":               {boundary, text(strings.Repeat(part(`name="nombreArchivo"`, "a.zip"), 2) + file + "--x--"), gateway.KindInvalida},
		"another part":            {boundary, text(file + part(`name="otra"`, "") + "--x--"), gateway.KindInvalida},
		"a part, cut":             {boundary, text(strings.TrimSuffix(file, "\r\n")), gateway.KindMalformada},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, dir := receiver(t)
			up, err := post(h, tc.media, tc.body)
			if !gateway.IsKind(err, tc.kind) {
				t.Errorf("%+v, %v; want kind %s", up, err, tc.kind)
			}
			empty(t, dir)
		})
	}
}

// byTheBook is what encoding/json makes of an upload in JSON; false refuses it.
func byTheBook(body []byte) (received, bool) {
	out := received{Fields: map[string]string{}}
	if !json.Valid(body) || bytes.TrimLeft(body, " \t\r\n")[0] != '{' {
		return out, false
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.Token() //nolint:errcheck // it is valid
	file := false
	for dec.More() {
		token, _ := dec.Token()
		key := token.(string)
		var value json.RawMessage
		dec.Decode(&value) //nolint:errcheck // see above
		_, twice := out.Fields[key]
		if twice || key == fieldFile && file || key != fieldFile && !slices.Contains(besideFile(), key) {
			return out, false
		}
		if key != fieldFile {
			out.Fields[key] = string(value)
			continue
		}
		var text *string
		if json.Unmarshal(value, &text) != nil || text == nil {
			return out, false
		}
		content, err := base64.StdEncoding.DecodeString(strings.NewReplacer(" ", "", "\t", "").Replace(*text))
		if err != nil {
			return out, false
		}
		file, out.File, out.Name = true, string(content), "titulo.xml"
		if strings.HasPrefix(out.File, "PK") {
			out.Name = "lote.zip"
		}
	}
	if raw, named := out.Fields["nombreArchivo"]; file && named {
		name := ""
		if json.Unmarshal([]byte(raw), &name) != nil {
			return out, false
		}
		if name != "" {
			out.Name = name
		}
		delete(out.Fields, "nombreArchivo")
	}
	return out, true
}

// FuzzReceiveJSON holds the reader against encoding/json. It is more lenient in
// one thing: the lines of base64 may be lines of the body, which JSON forbids.
func FuzzReceiveJSON(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"archivoBase64":"UEsDBA=="}`, `{"nombreArchivo":"a.zip","archivoBase64":"\/\u002b\u003d\r\n"}`, `{"titulos":[{"a":"\""}],"escape":"plano"}`,
		` { "escape" : 1 , "titulos" : { } } `, `{"archivoBase64":"UA==UEsD"}`, `{"archivoBase64":null}`, `{"a\"":1}`, `[]`, `{"archivoBase64":"UEs`, "{\"archivoBase64\":\"UEsD\nBA==\"}",
		`{"\u0061rchivoBase64":""}`, `{"nombreArchivo":null,"archivoBase64":""}`, `{"nombreArchivo":{},"nombreArchivo":1}`, `{"escape":"` + strings.Repeat("é", 200) + `"}`,
	} {
		f.Add([]byte(seed))
	}
	h, _ := receiver(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > 4<<10 {
			return
		}
		want, taken := byTheBook(body)
		up, err := h.receiveJSON(t.Context(), iotest.HalfReader(bytes.NewReader(body)))
		if err != nil {
			if e := gateway.AsError(err); e.Kind != gateway.KindMalformada && e.Kind != gateway.KindInvalida {
				t.Errorf("kind %s: %v", e.Kind, err)
			}
			if taken {
				t.Errorf("refused: %v: %q", err, body)
			}
			return
		}
		defer up.Close()
		if !taken {
			if want, taken = byTheBook(bytes.ReplaceAll(bytes.ReplaceAll(body, []byte("\n"), nil), []byte("\r"), nil)); !taken {
				t.Fatalf("taken: %q", body)
			}
		}
		if diff := cmp.Diff(want, read(t, up)); diff != "" {
			t.Errorf("%q (-encoding/json +ours):\n%s", body, diff)
		}
	})
}

func BenchmarkReceiveJSON(b *testing.B) {
	const size = 3_400_000 // a lote of 1,200 titles
	whole := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("0123456789abcde\xff\xff\xff"), size/18))
	lines := strings.Builder{}
	for line := range slices.Chunk([]byte(whole), 76) {
		lines.Write(line)
		lines.WriteString(`\r\n`)
	}
	for name, text := range map[string]string{"whole": whole, "lines": lines.String(), "escaped": strings.ReplaceAll(whole, "/", `\/`)} {
		b.Run(name, func(b *testing.B) {
			h, _ := receiver(b)
			body := `{"nombreArchivo":"l.zip","archivoBase64":"` + text + `"}`
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				up, err := h.receiveJSON(b.Context(), strings.NewReader(body))
				if err != nil {
					b.Fatal(err)
				}
				up.Close()
			}
		})
	}
}
