package transport

import "testing"

// TestGuard_WhenAProbeSaysNothing: a permit that a caller took with it, or a
// panic, would keep the endpoint shut for good.
func TestGuard_WhenAProbeSaysNothing(t *testing.T) {
	t.Parallel()
	op := request(false)
	for name, probe := range map[string]func() (*answer, error){
		"canceled": func() (*answer, error) { return nil, &Error{Class: ClassCanceled} },
		"a panic":  func() (*answer, error) { panic("probe") },
	} {
		g := newGuard()
		g.breaker.HalfOpen()
		func() {
			defer func() { _ = recover() }()
			_, _ = g.run(t.Context(), &op, probe)
		}()
		if !g.breaker.IsOpen() {
			t.Errorf("%s: the breaker is neither probed nor open", name)
		}
	}
	g := newGuard()
	for range 2 * breakerThreshold {
		_, _ = g.run(t.Context(), &op, func() (*answer, error) { return nil, &Error{Class: ClassCanceled} })
	}
	if !g.breaker.IsClosed() {
		t.Error("callers that leave open the breaker")
	}
}
