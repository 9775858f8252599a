package sat

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
	"github.com/pasarela-mx/pasarela/internal/sandbox/control"
)

// The public test certificates are not of our authority; another authority stands for the SAT's here,
// since the real ones expire.
func TestCertificados_ThePublicOnesFollowTheirKnob(t *testing.T) {
	now := time.Now()
	fresh := func() *autoridad.Autoridad {
		a, err := autoridad.New(now)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	own, ofSAT := fresh(), fresh()
	public, err := ofSAT.Issue(autoridad.Request{RFC: "EKU9003173C9", Password: "x"})
	if err != nil {
		t.Fatal(err)
	}
	clock := control.NewClock(time.Now)
	s, err := New(control.Desk{
		Autoridad: own, Clock: clock, Knobs: control.NewKnobs(Knobs()...),
		Fallas: control.NewFallas(CatalogoFallas(), clock), Counters: control.NewCounters(), Journal: control.NewJournal(), Log: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.judge(public.Certificate, now); got != codCertificado {
		t.Errorf("before it is known: %q", got)
	}
	sum := sha256.Sum256(public.CerDER)
	s.public[hex.EncodeToString(sum[:])] = "EKU9003173C9"
	if a, o := s.judge(public.Certificate, now), s.judgeOperation(public.Certificate, now); a != "" || o != "" {
		t.Errorf("with the knob off: %q and %q", a, o)
	}
	if err := s.Knobs.Change(map[string]any{certificadosPrueba305: true}); err != nil {
		t.Fatal(err)
	}
	if a, o := s.judge(public.Certificate, now), s.judgeOperation(public.Certificate, now); a != "" || o != codCertificado {
		t.Errorf("with the knob on: %q and %q", a, o)
	}
	if got := s.judge(public.Certificate, now.AddDate(5, 0, 0)); got != codExpired {
		t.Errorf("expired: %q", got)
	}
}
