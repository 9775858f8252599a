package handlers

import (
	"io"
	"net/http"
	"time"

	"github.com/pasarela-mx/pasarela/internal/pace"
)

// paced reads the body of an upload, which may take long as long as it moves.
type paced struct {
	r       io.Reader
	control *http.ResponseController
	until   time.Time // deadline of the whole body
	pace    pace.Pace
	came    int64
}

func (p *paced) Read(b []byte) (int, error) {
	began := time.Now()
	p.deadline(began.Add(p.pace.Period))
	n, err := p.r.Read(b)
	p.came += int64(n)
	if err == nil {
		err = p.pace.Step(time.Since(began), p.came)
	}
	return n, err
}

// done clears the deadline. A refused body gets a short one, because net/http reads some
// of the rest before it answers.
func (p *paced) done(err error) {
	p.until = time.Time{}
	if err != nil {
		p.until = time.Now().Add(slowBody)
	}
	p.deadline(p.until)
}

// deadline returns when the connection is given up, until at the latest.
func (p *paced) deadline(at time.Time) {
	if at.After(p.until) {
		at = p.until
	}
	p.control.SetReadDeadline(at) //nolint:errcheck // a test's recorder has none
}
