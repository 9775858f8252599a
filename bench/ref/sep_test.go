package ref

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

func TestFloor_WhenAskedForLotesTranslatesAndStreams(t *testing.T) {
	t.Parallel()
	file := bytes.Repeat([]byte("lote\x00\xff"), 100_001)
	for name, tc := range map[string]struct {
		method, path, body, sent, answer, want string
	}{
		"consulta": {http.MethodGet, "/lotes/7", "", `<numeroLote>7</numeroLote><autenticacion><usuario>bench</usuario>`,
			`<consultaProcesoTituloElectronicoResponse><numeroLote>7</numeroLote><estatusLote>1</estatusLote></consultaProcesoTituloElectronicoResponse>`, `"estatusLote":1`},
		"carga": {http.MethodPost, "/lotes", string(file), `<archivoBase64>` + base64.StdEncoding.EncodeToString(file) + `</archivoBase64>`,
			`<cargaTituloElectronicoResponse><numeroLote>9</numeroLote></cargaTituloElectronicoResponse>`, `"numeroLote":"9"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent := make(chan string, 1)
			upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				sent <- string(body)
				io.WriteString(w, "<Envelope><Body>"+tc.answer+"</Body></Envelope>") //nolint:errcheck // a test's
			}))
			t.Cleanup(upstream.Close)
			f := &Floor{Client: upstream.Client(), Upstream: upstream.URL}
			w := httptest.NewRecorder()
			f.Handler(zerolog.Nop(), prometheus.NewRegistry()).ServeHTTP(w, httptest.NewRequest(tc.method, tc.path, strings.NewReader(tc.body)))
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), tc.want) {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
			if got := <-sent; !strings.Contains(got, tc.sent) || !strings.HasSuffix(got, "</s:Body></s:Envelope>") {
				t.Errorf("sent %.300s", got)
			}
		})
	}
}
