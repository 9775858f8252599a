// Package clock tells how late it is where a wrong answer would do harm that
// nothing undoes: a deadline, retention, an expiry.
//
// One reading of a machine's clock is not believed: a virtual machine that
// resumes, a hardware clock in local time and an NTP daemon that steps all set
// it hours off, for a while or for good. It is held against an instant that was
// right before and what a monotonic clock has counted since, and against the
// Date of the SAT's answers (RFC 9110 §6.6.1). While they differ, Earliest and
// Latest do too, and what asks the one that does no harm waits.
//
// It refuses to set a clock. What is signed for others to hold against their own clocks
// takes the time that is Told.
package clock

import (
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	// Tolerance is how far clocks may differ that are right: the SAT's Date has whole
	// seconds and is as old as the answer's way.
	Tolerance = time.Minute
	// Patience is how long a clock that has jumped must go on without another jump
	// until it is believed although no Date has come that tells.
	Patience = time.Hour
	// Hearing is how long a Date is waited for, after a jump or a start, by what would
	// rather be late than have the wrong time, and would rather have that than be later.
	Hearing = 2 * time.Minute
	// maxWay is how long an exchange may take whose Date still tells the time.
	maxWay = 30 * time.Second
)

// Config is what a Clock needs.
type Config struct {
	// Wall is the machine's clock.
	Wall func() time.Time
	// Monotonic counts from any beginning and is never set. Nil takes the reading that
	// the times of Wall carry, as time.Now's do.
	Monotonic func() time.Duration
	// Last is an instant that was believed before this process, and has passed; zero
	// when there is none, and the first reading of Wall is believed.
	Last time.Time
	Log  zerolog.Logger
}

// Clock tells the time within bounds.
type Clock struct {
	cfg   Config
	start time.Time
	// counted is the monotonic clock at a reading of Wall.
	counted func(read time.Time) time.Duration

	mu sync.Mutex
	// known was the time when the monotonic clock stood at knownAt.
	known   time.Time
	knownAt time.Duration
	// dated says that a Date told it, heard that Wall has not jumped since.
	dated, heard bool
	// jumped is what Wall was ahead of the monotonic clock after its last jump, which
	// was noticed at jumpedAt.
	jumped   time.Duration
	jumpedAt time.Duration
	doubted  bool
	// skew is how far Wall was ahead of known when it was read last.
	skew time.Duration
}

// New returns a clock over cfg.
func New(cfg Config) *Clock {
	began := cfg.Wall()
	// Times that carry a monotonic reading are compared by that.
	c := &Clock{cfg: cfg, start: began.Round(0), known: cfg.Last.Round(0)}
	c.counted = func(read time.Time) time.Duration { return read.Sub(began) }
	if cfg.Monotonic != nil {
		c.counted = func(time.Time) time.Duration { return cfg.Monotonic() }
	}
	c.knownAt = c.counted(began)
	c.jumped, c.jumpedAt = -c.knownAt, c.knownAt
	if c.known.IsZero() {
		c.known = c.start
	}
	return c
}

// Earliest is an instant that has come, whichever clock is right.
func (c *Clock) Earliest() time.Time {
	wall, known, _ := c.read()
	if known.Before(wall) {
		return known
	}
	return wall
}

// Latest is an instant that nothing lies behind but the future.
func (c *Clock) Latest() time.Time {
	wall, known, _ := c.read()
	if known.After(wall) {
		return known
	}
	return wall
}

// Believed returns what the machine's clock says, and reports whether it is believed.
func (c *Clock) Believed() (time.Time, bool) {
	wall, _, believed := c.read()
	return wall, believed
}

// Told returns how late it is as far as anybody has said: by the machine's clock where
// it is believed, by the SAT where that contradicts it, and by the machine's again where
// the SAT has not answered for Hearing. It reports false while that is waited for.
func (c *Clock) Told() (time.Time, bool) {
	wall, known, believed := c.read()
	c.mu.Lock()
	defer c.mu.Unlock()
	if believed || c.heard {
		return known, true
	}
	return wall, c.counted(c.cfg.Wall())-c.jumpedAt >= Hearing
}

// Wants reports whether a Date would tell what is not known: the clock is doubted, and
// none has come since it has jumped.
func (c *Clock) Wants() bool {
	_, _, believed := c.read()
	c.mu.Lock()
	defer c.mu.Unlock()
	return !believed && !c.heard
}

// Skew is how far the machine's clock is ahead of the SAT's; it reports whether
// that is known.
func (c *Clock) Skew() (time.Duration, bool) {
	c.read()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.skew.Round(time.Second), c.dated
}

// Heard takes the Date of an answer that has just come, to what was sent way ago.
func (c *Clock) Heard(date time.Time, way time.Duration) {
	if way < 0 || way > maxWay {
		return
	}
	c.read()
	c.mu.Lock()
	c.known, c.knownAt, c.dated, c.heard = date.Round(0), c.counted(c.cfg.Wall()), true, true
	c.mu.Unlock()
	c.read()
}

// read returns the machine's clock and what it should say: the same where it is
// believed.
func (c *Clock) read() (wall, known time.Time, believed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall = c.cfg.Wall()
	mono := c.counted(wall)
	wall = wall.Round(0)
	if ahead := wall.Sub(c.start) - mono; (ahead - c.jumped).Abs() > Tolerance {
		c.jumped, c.jumpedAt, c.heard = ahead, mono, false
	}
	known = c.known.Add(mono - c.knownAt)
	skew := wall.Sub(known)
	if skew.Abs() > Tolerance && !c.heard && mono-c.jumpedAt >= Patience {
		c.known, c.knownAt, c.dated, skew = wall, mono, false, 0
	}
	believed, c.skew = skew.Abs() <= Tolerance, skew
	c.tell(believed, skew)
	if believed {
		known = wall
	}
	return wall, known, believed
}

// tell writes a line when the clock is doubted, and when it is believed again.
func (c *Clock) tell(believed bool, skew time.Duration) {
	if believed != c.doubted {
		return
	}
	c.doubted = !believed
	if believed {
		c.cfg.Log.Info().Msg("the machine's clock is believed again")
		return
	}
	c.cfg.Log.Warn().Dur("ahead", skew).Bool("sat", c.dated).
		Msg("the machine's clock is doubted: nothing ends by it until the SAT's Date or an hour without a jump confirms it")
}
