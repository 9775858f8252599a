package transport

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/efirma"
	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

const goodAnswer = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><R xmlns="urn:d"><Res CodEstatus="5000" Mensaje="ok"/></R></s:Body></s:Envelope>`

var credential = sync.OnceValue(func() *efirma.Credential {
	now := time.Now()
	a, err := autoridad.New(now)
	if err != nil {
		panic(err)
	}
	e, err := a.Issue(autoridad.Request{RFC: "PRU010101AB1", Name: "PRUEBA", CURP: "PEPJ800101HDFRRN09", Tipo: autoridad.EFirma,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), Password: "12345678a"})
	if err != nil {
		panic(err)
	}
	cred, err := efirma.Load(e.CerDER, e.KeyDER, []byte(e.Password), now)
	if err != nil {
		panic(err)
	}
	return cred
})

// tokens is a TokenSource that counts.
type tokens struct{ given, rejected atomic.Int32 }

func (t *tokens) Token(context.Context) (string, error) {
	return fmt.Sprintf("token-%d", t.given.Add(1)), nil
}
func (t *tokens) Reject(string) { t.rejected.Add(1) }

// rig is a server with a doer in front of it.
type rig struct {
	url    string
	doer   *Doer
	calls  atomic.Int32
	events []Event
}

func newRig(t *testing.T, serve http.HandlerFunc) *rig {
	t.Helper()
	r := &rig{}
	server := httptest.NewServer(r.counts(serve))
	t.Cleanup(server.Close)
	r.serves(server.URL, &http.Transport{})
	return r
}

func (r *rig) counts(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		r.calls.Add(1)
		serve(w, req)
	}
}

func (r *rig) serves(url string, base *http.Transport) {
	r.url = url
	r.doer = New(base, "pasarela/test", time.Now, func(_ context.Context, e Event) { r.events = append(r.events, e) })
}

// call sends one petición of op and returns the body that the stub would get.
func (r *rig) call(op Operation, tk *tokens, sink io.Writer) (string, Answer, error) {
	call := &Call{Operation: &op, RFC: "PRU010101AB1", Credential: credential(), Sink: sink}
	if tk != nil {
		call.Tokens = tk
	}
	req, err := http.NewRequestWithContext(WithCall(context.Background(), call), http.MethodPost, r.url,
		strings.NewReader(stubEnvelope(`<V xmlns="urn:d"><solicitud A="1"></solicitud></V>`)))
	if err != nil {
		return "", Answer{}, err
	}
	req.Header.Set("SOAPAction", "urn:d/V")
	resp, err := r.doer.Do(req) //nolint:bodyclose // it is memory
	if err != nil {
		return "", Answer{}, err
	}
	body, err := io.ReadAll(resp.Body)
	return string(body), call.Answer, err
}

// request is an operation whose timeout no stall of a busy machine reaches; what tries
// the timeout itself does so in a bubble.
func request(repeatable bool) Operation {
	return Operation{Backend: "sat", Name: "V", Namespace: "urn:d", Firma: FirmaRequest, Timeout: time.Minute, Repeatable: repeatable, MaxAnswer: 4 << 10}
}
