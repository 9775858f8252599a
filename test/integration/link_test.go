package integration

import (
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// link is a connection to a database that can be frozen: nothing then passes and nothing
// is closed, as when a router has forgotten a connection.
type link struct {
	// url is the database's URL through this link.
	url string
	// step is held by each transfer, and while frozen.
	step sync.RWMutex
}

// newLink makes a link to the PostgreSQL at address, which is a socket's.
func newLink(t *testing.T, address string) *link {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	const socket = ".s.PGSQL.5432"
	real := filepath.Join(u.Query().Get("host"), socket)
	dir, err := os.MkdirTemp("", "enlace") // a socket's name is short
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, socket))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("host", dir)
	u.RawQuery = q.Encode()
	e := &link{url: u.String()}
	var all sync.WaitGroup
	t.Cleanup(func() {
		if err := errors.Join(l.Close(), os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
		all.Wait()
	})
	all.Go(func() {
		for {
			here, err := l.Accept()
			if err != nil {
				return
			}
			there, err := net.Dial("unix", real)
			if err != nil {
				here.Close() //nolint:errcheck // there is no database
				continue
			}
			all.Go(func() { e.pass(there, here) })
			all.Go(func() { e.pass(here, there) })
		}
	})
	return e
}

func (e *link) pass(to, from net.Conn) {
	defer to.Close()   //nolint:errcheck // one end is enough
	defer from.Close() //nolint:errcheck // one end is enough
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		e.step.RLock()
		_, errTo := to.Write(b[:n])
		e.step.RUnlock()
		if err != nil || errTo != nil {
			return
		}
	}
}

// freeze lets nothing pass until the returned function is called.
func (e *link) freeze() (follow func()) {
	e.step.Lock()
	return sync.OnceFunc(e.step.Unlock)
}

// by returns a gateway's environment whose database is behind the link.
func by(env []string, address string) []string {
	var out []string
	for _, s := range env {
		if !strings.HasPrefix(s, "GATEWAY_DATABASE_URL=") {
			out = append(out, s)
		}
	}
	return append(out, "GATEWAY_DATABASE_URL="+address)
}
