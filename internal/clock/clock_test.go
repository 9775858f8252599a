package clock_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/clock"
)

// machine is a clock that can be set, and the time that really passed.
type machine struct {
	mono time.Duration
	set  time.Duration
	log  bytes.Buffer
}

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func (m *machine) real() time.Time          { return noon.Add(m.mono) }
func (m *machine) wall() time.Time          { return m.real().Add(m.set) }
func (m *machine) monotonic() time.Duration { return 7*time.Hour + m.mono }

func (m *machine) clock(last time.Time) *clock.Clock {
	return clock.New(clock.Config{Wall: m.wall, Monotonic: m.monotonic, Last: last, Log: zerolog.New(&m.log)})
}

func (m *machine) wants(t *testing.T, c *clock.Clock, earliest, latest time.Time) {
	t.Helper()
	if got := c.Earliest(); !got.Equal(earliest) {
		t.Errorf("earliest %s, want %s", got, earliest)
	}
	if got := c.Latest(); !got.Equal(latest) {
		t.Errorf("latest %s, want %s", got, latest)
	}
	if _, believed := c.Believed(); believed != earliest.Equal(latest) {
		t.Errorf("believed %t", believed)
	}
}

func TestAJumpIsDoubtedAndGoneWhenTheClockIsRight(t *testing.T) {
	for _, set := range []time.Duration{4 * 24 * time.Hour, 2 * time.Hour, 2 * time.Minute, -2 * time.Hour, -4 * 24 * time.Hour} {
		m := &machine{}
		c := m.clock(time.Time{})
		m.wants(t, c, noon, noon)
		m.mono, m.set = time.Minute, set
		m.wants(t, c, m.real().Add(min(set, 0)), m.real().Add(max(set, 0)))
		m.mono += 10 * time.Second
		m.set = 0
		m.wants(t, c, m.real(), m.real())
		if got := strings.Count(m.log.String(), "\n"); got != 2 {
			t.Errorf("%d lines, want one when it is doubted and one when it is not:\n%s", got, m.log.String())
		}
	}
}

func TestWhatPassesSlowlyIsNoJump(t *testing.T) {
	m := &machine{}
	c := m.clock(time.Time{})
	for range 10 {
		m.mono += 30 * 24 * time.Hour
		m.set += 5 * time.Second
		m.wants(t, c, m.wall(), m.wall())
	}
}

func TestTheDateOfTheSATTells(t *testing.T) {
	m := &machine{}
	c := m.clock(time.Time{})
	// A jump that the Date confirms leads to the right time.
	m.set = 6 * time.Hour
	m.wants(t, c, m.real(), m.wall())
	c.Heard(m.wall().Add(-time.Second), time.Second)
	m.wants(t, c, m.wall(), m.wall())
	// A clock that the Date contradicts stays doubted.
	c.Heard(m.real(), time.Second)
	for range 3 {
		m.mono += clock.Patience
		m.wants(t, c, m.real(), m.wall())
		if skew, known := c.Skew(); !known || skew != 6*time.Hour {
			t.Errorf("skew %s, known %t", skew, known)
		}
	}
	// The Date of a long exchange is not used.
	c.Heard(m.wall(), time.Minute)
	m.wants(t, c, m.real(), m.wall())
}

func TestAJumpIsBelievedWhenNothingContradictsItForAnHour(t *testing.T) {
	m := &machine{}
	c := m.clock(time.Time{})
	c.Heard(m.real(), 0)
	m.set = 3 * time.Hour
	m.wants(t, c, m.real(), m.wall())
	m.mono += clock.Patience / 2
	m.set = 5 * time.Hour // another jump: the hour begins again
	m.wants(t, c, m.real(), m.wall())
	m.mono += clock.Patience - time.Second
	m.wants(t, c, m.real(), m.wall())
	m.mono += time.Second
	m.wants(t, c, m.wall(), m.wall())
	if _, known := c.Skew(); known {
		t.Error("a skew from the SAT is known, which has said nothing of this clock")
	}
}

func TestAStartHoldsTheClockAgainstTheLastInstantThatWasBelieved(t *testing.T) {
	for name, row := range map[string]struct {
		last     time.Time
		believed bool
	}{
		"none":             {time.Time{}, true},
		"a moment ago":     {noon.Add(-20 * time.Second), true},
		"four days before": {noon.Add(-4 * 24 * time.Hour), false},
		"two hours ahead":  {noon.Add(2 * time.Hour), false},
	} {
		t.Run(name, func(t *testing.T) {
			m := &machine{}
			c := m.clock(row.last)
			if _, believed := c.Believed(); believed != row.believed {
				t.Errorf("believed %t", believed)
			}
			if !row.believed && row.last.Before(noon) && !c.Earliest().Equal(row.last) {
				t.Errorf("earliest %s, want %s", c.Earliest(), row.last)
			}
			m.mono += clock.Patience
			m.wants(t, c, m.wall(), m.wall())
		})
	}
}

func TestTheReadingsOfTimeNowCarryTheMonotonicClock(t *testing.T) {
	var ahead time.Duration
	c := clock.New(clock.Config{Wall: func() time.Time { return time.Now().Add(ahead) }, Log: zerolog.Nop()})
	ahead = 48 * time.Hour // moves both, as passing time does
	if _, believed := c.Believed(); !believed {
		t.Error("time that passed is taken for a jump")
	}
}

func TestWhoeverSignsIsToldTheTimeThatOthersHave(t *testing.T) {
	m := &machine{}
	c := m.clock(time.Time{})
	told := func(when string, want time.Time, known bool) {
		t.Helper()
		if got, ok := c.Told(); ok != known || known && !got.Equal(want) {
			t.Errorf("%s: %s, %t; want %s, %t", when, got, ok, want, known)
		}
	}
	told("believed", m.wall(), true)
	m.set = 2 * time.Hour
	told("a jump", m.real(), false)
	c.Heard(m.real(), 0)
	told("a jump that the SAT contradicts", m.real(), true)
	m.mono += time.Minute
	told("and time goes on", m.real(), true)
	m.set = 4 * time.Hour
	told("another jump", m.real(), false)
	m.mono += clock.Hearing - time.Second
	told("the SAT is silent", m.real(), false)
	m.mono += time.Second
	told("the SAT stays silent", m.wall(), true)
}
