// Package clock gives the time for decisions that cannot be undone if it is wrong:
// deadlines, retention, expiry.
//
// It does not trust one reading of the machine's clock. A resumed virtual machine, a
// hardware clock in local time, or an NTP daemon that steps can make it hours wrong, for
// a while or permanently. So each reading is compared with an earlier trusted instant
// plus the time on a monotonic clock, and with the Date of the SAT's answers (RFC 9110
// §6.6.1). While they differ, Earliest and Latest differ too, and a caller waits until
// the harmless one of them has passed.
//
// It never sets a clock. Messages that others check against their own clocks are signed
// with the time of Told.
package clock

import (
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	// Tolerance is the largest difference between correct clocks: the SAT's Date has
	// whole seconds and is as old as the answer's way here.
	Tolerance = time.Minute
	// Patience is how long a clock that jumped must run without another jump until it is
	// trusted without a Date.
	Patience = time.Hour
	// Hearing is how long Told waits for a Date after a jump or a start. Its callers
	// prefer a short delay to a wrong time, and a wrong time to a long delay.
	Hearing = 2 * time.Minute
	// maxWay is the longest exchange whose Date is still used.
	maxWay = 30 * time.Second
)

// Config configures a Clock.
type Config struct {
	// Wall is the machine's clock.
	Wall func() time.Time
	// Monotonic counts from an arbitrary start and is never set. If nil, the monotonic
	// reading in Wall's times is used, which time.Now's have.
	Monotonic func() time.Duration
	// Last is a past instant that an earlier process trusted. If it is zero, the first
	// reading of Wall is trusted.
	Last time.Time
	Log  zerolog.Logger
}

// Clock gives bounds of the present time.
type Clock struct {
	cfg   Config
	start time.Time
	// counted returns the monotonic clock at a reading of Wall.
	counted func(read time.Time) time.Duration

	mu sync.Mutex
	// known was the time when the monotonic clock read knownAt.
	known   time.Time
	knownAt time.Duration
	// dated reports that known comes from a Date; heard, that one came since Wall last
	// jumped.
	dated, heard bool
	// jumped is how far Wall was ahead of the monotonic clock after its last jump,
	// noticed at jumpedAt.
	jumped   time.Duration
	jumpedAt time.Duration
	doubted  bool
	// skew is how far Wall was ahead of known at the last reading.
	skew time.Duration
}

// New returns a clock over cfg.
func New(cfg Config) *Clock {
	began := cfg.Wall()
	// Times with a monotonic reading are compared by it.
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

// Earliest returns an instant that has passed, whichever clock is right.
func (c *Clock) Earliest() time.Time {
	wall, known, _ := c.read()
	if known.Before(wall) {
		return known
	}
	return wall
}

// Latest returns an instant that has not been exceeded, whichever clock is right.
func (c *Clock) Latest() time.Time {
	wall, known, _ := c.read()
	if known.After(wall) {
		return known
	}
	return wall
}

// Believed returns the machine's time and reports whether it is trusted.
func (c *Clock) Believed() (time.Time, bool) {
	wall, _, believed := c.read()
	return wall, believed
}

// Told returns the best known time: the machine's if it is trusted, the SAT's if that
// contradicts it, or the machine's again if the SAT has not answered for Hearing. It
// returns false while it waits for that.
func (c *Clock) Told() (time.Time, bool) {
	wall, known, believed := c.read()
	c.mu.Lock()
	defer c.mu.Unlock()
	if believed || c.heard {
		return known, true
	}
	return wall, c.counted(c.cfg.Wall())-c.jumpedAt >= Hearing
}

// Wants reports whether a Date would help: the machine's clock is not trusted, and no
// Date has come since it jumped.
func (c *Clock) Wants() bool {
	_, _, believed := c.read()
	c.mu.Lock()
	defer c.mu.Unlock()
	return !believed && !c.heard
}

// Skew returns how far the machine's clock is ahead of the SAT's, and reports whether
// that is known.
func (c *Clock) Skew() (time.Duration, bool) {
	c.read()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.skew.Round(time.Second), c.dated
}

// Heard reports the Date of an answer that has just come; way is the time since its
// request was sent.
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

// read returns the machine's time and the known time. They are equal if it is trusted.
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

// tell logs the start and the end of distrust in the clock.
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
