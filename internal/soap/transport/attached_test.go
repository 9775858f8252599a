package transport

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
)

const mark = "{{7f3e}}"

func section(content []byte) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(content), 0, int64(len(content)))
}

func TestMessage_WhenItHasAnAdjunto(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 3, 4, encodeBlock - 1, encodeBlock, encodeBlock + 1, 3*encodeBlock + 2} {
		content := bytes.Repeat([]byte("Título\x00\xff"), n/9+1)[:n]
		m, err := newMessage([]byte("<a>"+mark+"</a>"), section(content), mark)
		if err != nil {
			t.Fatal(err)
		}
		want := "<a>" + base64.StdEncoding.EncodeToString(content) + "</a>"
		if m.size != int64(len(want)) {
			t.Errorf("%d bytes: size %d, want %d", n, m.size, len(want))
		}
		for range 2 { // a repeat reads it again
			if got, err := io.ReadAll(iotest.HalfReader(m.reader())); err != nil || string(got) != want {
				t.Errorf("%d bytes: %d of %d, error %v", n, len(got), len(want), err)
			}
		}
	}
}

func TestMessage_WhenTheMarkIsNotThereOnce(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"<a></a>", "<a>" + mark + mark + "</a>"} {
		if _, err := newMessage([]byte(body), section(nil), mark); err == nil {
			t.Errorf("%s: accepted", body)
		}
	}
}

// An unsigned call with a file: the body in its namespace, the length told, no
// Authorization, an empty SOAPAction sent as such.
func TestDo_WhenUnsignedWithAFile(t *testing.T) {
	t.Parallel()
	var got string
	var length atomic.Int64
	var header http.Header
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		got, header = string(body), req.Header
		length.Store(req.ContentLength)
		io.WriteString(w, goodAnswer) //nolint:errcheck // a test's server
	})
	content := bytes.Repeat([]byte{1, 2, 3, 4}, 100_000)
	op := Operation{Backend: "sep", Name: "carga", Namespace: "urn:sep", Timeout: request(false).Timeout, MaxAnswer: 4 << 10}
	call := &Call{Operation: &op, Attached: section(content), Mark: mark}
	stub := stubEnvelope(fmt.Sprintf(`<c xmlns="urn:sep"><n>a&amp;b</n><f>%s</f></c>`, mark))
	req, err := http.NewRequestWithContext(WithCall(context.Background(), call), http.MethodPost, r.url, strings.NewReader(stub))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := r.doer.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close() //nolint:errcheck // memory
	want := `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header></s:Header><s:Body><c xmlns="urn:sep"><n>a&amp;b</n><f>` +
		base64.StdEncoding.EncodeToString(content) + `</f></c></s:Body></s:Envelope>`
	if got != want || length.Load() != int64(len(want)) {
		t.Errorf("%d bytes with length %d, want %d", len(got), length.Load(), len(want))
	}
	if header.Get("Authorization") != "" || header.Get("SOAPAction") != `""` {
		t.Errorf("headers %v", header)
	}
}
