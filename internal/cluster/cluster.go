// Package cluster knows which of the gateways that share a database are alive. A dead
// gateway's work is taken over; a live one's is left alone.
//
// It never compares the clocks of two machines. A live gateway increases a count in the
// database, and the others time the changes on their own clocks. A gateway is declared
// dead only after it was watched for long enough, and never from an old reading.
package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/internal/store"
)

// The defaults of Options.
const (
	beatUsual  = 5 * time.Second
	deathUsual = 30 * time.Second
)

const (
	// beatsPerDeath is the least number of beats in Death.
	beatsPerDeath = 3
	// maxWithoutRow bounds the memory of processes without a row.
	maxWithoutRow = 10_000
	// maxRows bounds one reading.
	maxRows = 10_000
	// maxID bounds the length of the id read from the directory.
	maxID = 256
)

// Options set the pace.
type Options struct {
	// Beat is the interval between beats (default 5 s). Death is how long a count may
	// stand still before its process is dead (default 30 s, at least three beats).
	Beat, Death time.Duration
	// Now returns the time with a monotonic reading; nil means time.Now.
	Now func() time.Time
	Log zerolog.Logger
}

// Cluster is this process among the gateways that share its database. With SQLite there
// are no others.
type Cluster struct {
	store *store.Store
	id    string
	o     Options

	// turn is held while a beat runs.
	turn chan struct{}

	mu       sync.Mutex
	lastBeat time.Time // the start of the last successful beat
	// trial is the end of the last beat, and falla its error.
	trial    time.Time
	falla    error
	left     bool
	lastRead time.Time // the start of the last successful reading
	other    map[string]row
	// withoutRow holds the processes that were asked for and had no row, and when; the
	// zero time if they had one before.
	withoutRow map[string]time.Time
}

// row is the last reading of another process.
type row struct {
	lastBeat int64
	change   time.Time // when the present count was first seen
}

// New returns a presence with a new id. Enter announces it.
func New(st *store.Store, o Options) *Cluster {
	if o.Beat <= 0 {
		o.Beat = beatUsual
	}
	if o.Death <= 0 {
		o.Death = deathUsual
	}
	o.Death = max(o.Death, beatsPerDeath*o.Beat)
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Cluster{store: st, id: strings.ToLower(rand.Text()), o: o, turn: make(chan struct{}, 1), other: map[string]row{}, withoutRow: map[string]time.Time{}}
}

// ID returns this process's id, which is new at every start.
func (p *Cluster) ID() string { return p.id }

// Enter announces this process and reads the others. Write nothing under its ID before.
// The previous process in the same directory is dead, because the directory is locked; on
// SQLite every other process is.
func (p *Cluster) Enter(ctx context.Context) error {
	if err := p.takeOver(ctx); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	// No other process watches it yet, so a slow database is tolerated.
	ctx, cancel := context.WithTimeout(ctx, entryDeadline)
	defer cancel()
	if err := p.tryBeat(ctx); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	return nil
}

// entryDeadline bounds the first beat.
const entryDeadline = 30 * time.Second

// takeOver removes the rows of processes that are certainly dead, and writes this
// process's id for its successor.
func (p *Cluster) takeOver(ctx context.Context) error {
	if !p.store.Postgres() {
		if _, err := p.store.DB().ExecContext(ctx, `DELETE FROM procesos`); err != nil {
			return err
		}
		return p.count(ctx) // once: no process watches its beats
	}
	file := filepath.Join(p.store.Dir(), "proceso")
	last, err := os.ReadFile(file) //nolint:gosec // a file of ours
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if id := strings.TrimSpace(string(last)); id != "" && len(id) <= maxID && utf8.ValidString(id) {
		if _, err := p.store.DB().ExecContext(ctx, `DELETE FROM procesos WHERE id = $1`, id); err != nil {
			return err
		}
		p.mu.Lock()
		p.remember(id, time.Time{})
		p.mu.Unlock()
	}
	return p.store.Replace("proceso", []byte(p.id+"\n"))
}

// Run beats until ctx ends, then removes this process's row, so that others take over at
// once. End ctx when nothing more is done under its ID. Call Enter before.
func (p *Cluster) Run(ctx context.Context) {
	defer p.leave(ctx)
	ticker := time.NewTicker(p.o.Beat)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := p.beat(ctx); err != nil && ctx.Err() == nil {
			p.o.Log.Error().Err(err).Bool("perdida", p.Lost()).Msg("presence: the database did not take a write")
		}
	}
}

func (p *Cluster) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.o.Beat)
	defer cancel()
	p.mu.Lock()
	p.left = true
	p.mu.Unlock()
	err := p.Let(ctx)
	if _, errRow := p.store.DB().ExecContext(ctx, `DELETE FROM procesos WHERE id = $1`, p.id); errors.Join(err, errRow) != nil {
		p.o.Log.Warn().Err(errors.Join(err, errRow)).Msg("presence: others will take over later")
	}
}

// beat makes one beat: write to the database, count, read the others, forget the dead.
func (p *Cluster) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.o.Death/beatsPerDeath)
	defer cancel()
	return p.tryBeat(ctx)
}

func (p *Cluster) tryBeat(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return fmt.Errorf("waiting for the last beat: %w", ctx.Err())
	}
	began := p.o.Now()
	err := p.write(ctx)
	p.mu.Lock()
	p.trial, p.falla = p.o.Now(), err
	if err == nil {
		p.lastBeat = began
	}
	p.mu.Unlock()
	if err != nil || !p.store.Postgres() {
		return err
	}
	if err := p.read(ctx); err != nil {
		return err
	}
	return p.bury(ctx)
}

var errLeft = errors.New("cluster: this process has said that it is gone")

// write makes the writes of a beat.
func (p *Cluster) write(ctx context.Context) error {
	p.mu.Lock()
	gone := p.left
	p.mu.Unlock()
	if gone {
		return errLeft
	}
	if err := p.store.Beat(ctx); err != nil || !p.store.Postgres() {
		return err
	}
	return p.count(ctx)
}

func (p *Cluster) count(ctx context.Context) error {
	_, err := p.store.DB().ExecContext(ctx,
		`INSERT INTO procesos (id, latido) VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET latido = procesos.latido + 1`,
		p.id)
	return err
}

func (p *Cluster) read(ctx context.Context) error {
	began := p.o.Now()
	rows, err := p.store.DB().QueryContext(ctx, `SELECT id, latido FROM procesos WHERE id <> $1 LIMIT $2`, p.id, maxRows)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // Err says it
	seen := map[string]int64{}
	for rows.Next() {
		var id string
		var beat int64
		if err := rows.Scan(&id, &beat); err != nil {
			return err
		}
		seen[id] = beat
	}
	if err := rows.Err(); err != nil {
		return err
	}
	p.observe(seen, began, p.o.Now())
	return nil
}

// observe records a reading made between began and ended.
func (p *Cluster) observe(seen map[string]int64, began, ended time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastRead = began
	for id := range p.other {
		if _, still := seen[id]; !still {
			delete(p.other, id)
			p.remember(id, time.Time{})
		}
	}
	for id, beat := range seen {
		delete(p.withoutRow, id)
		if before, known := p.other[id]; !known || before.lastBeat != beat {
			p.other[id] = row{beat, ended}
		}
	}
}

// remember records that id has had no row since then. The caller holds p.mu.
func (p *Cluster) remember(id string, then time.Time) {
	if len(p.withoutRow) >= maxWithoutRow {
		clear(p.withoutRow) // they are presumed alive until the next reading
	}
	p.withoutRow[id] = then
}

// bury removes the rows of processes that have been dead for another Death.
func (p *Cluster) bury(ctx context.Context) error {
	p.mu.Lock()
	dead := map[string]int64{}
	for id, f := range p.other {
		if p.lastRead.Sub(f.change) >= 2*p.o.Death {
			dead[id] = f.lastBeat
		}
	}
	p.mu.Unlock()
	for id, beat := range dead {
		if _, err := p.store.DB().ExecContext(ctx, `DELETE FROM procesos WHERE id = $1 AND latido = $2`, id, beat); err != nil {
			return err
		}
	}
	return nil
}

// Alive reports whether the process may be alive. False is certain, unless this process
// is Lost. An unknown process is presumed alive until the database has been read once
// more.
func (p *Cluster) Alive(id string) bool {
	if id == p.id {
		return true
	}
	if id == "" || !p.store.Postgres() {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if f, ok := p.other[id]; ok {
		return p.lastRead.Sub(f.change) < p.o.Death
	}
	asked, ok := p.withoutRow[id]
	if !ok {
		p.remember(id, p.o.Now())
		return true
	}
	return !p.lastRead.After(asked)
}

// Lost reports whether others may consider this process dead, because its last successful
// beat is too old. It becomes true one beat before they do, and false after the next
// successful beat.
func (p *Cluster) Lost() bool {
	if !p.store.Postgres() {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now, limit := p.o.Now(), p.o.Death-p.o.Beat
	// The monotonic clock stands still while a machine is suspended; the wall clock does
	// not.
	return now.Sub(p.lastBeat) >= limit || now.Round(0).Sub(p.lastBeat.Round(0)) >= limit
}
