package transport

import (
	"errors"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
)

// TestDo_WhenThisMachineIsOutOfFiles the endpoint is not blamed: no repeat, and the
// breaker stays closed.
func TestDo_WhenThisMachineIsOutOfFiles(t *testing.T) {
	t.Parallel()
	for name, cause := range map[string]error{
		"a socket":      &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", syscall.EMFILE)},
		"of the system": &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", syscall.ENFILE)},
		"the resolver":  &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "dial udp: socket: " + syscall.EMFILE.Error(), Name: "sat.example"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(goodAnswer)) }) //nolint:errcheck // a test's own answer
			base, fresh := r.doer.base, r.doer.fresh
			r.doer.base, r.doer.fresh = withoutFiles{cause}, withoutFiles{cause}
			for range breakerThreshold + 1 {
				_, _, err := r.call(request(false), &tokens{}, nil)
				var failed *Error
				if !errors.As(err, &failed) || failed.Class != ClassResources || failed.Sent || !failed.Own() {
					t.Fatalf("error %v", err)
				}
			}
			r.doer.base, r.doer.fresh = base, fresh
			if _, _, err := r.call(request(false), &tokens{}, nil); err != nil {
				t.Errorf("the breaker was opened: %v", err)
			}
		})
	}
}

// withoutFiles is a machine that cannot connect.
type withoutFiles struct{ err error }

func (s withoutFiles) RoundTrip(*http.Request) (*http.Response, error) { return nil, s.err }
