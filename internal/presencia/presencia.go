// Package presencia knows who is alive of the gateways that share a database, so
// that what a dead one left is taken over and what a living one does is left
// alone.
//
// It refuses to compare the clocks of two machines: who is alive counts, and the
// others watch the count by their own clock. It calls nobody dead whom it has not
// watched for long enough, nor by an old reading.
package presencia

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

// What Opciones mean when they are zero.
const (
	latidoUsual = 5 * time.Second
	muerteUsual = 30 * time.Second
)

const (
	// latidosPorMuerte is how many beats a process may miss at the least.
	latidosPorMuerte = 3
	// maxSinFila bounds what is remembered of processes without a row.
	maxSinFila = 10_000
	// maxFilas bounds a reading.
	maxFilas = 10_000
	// maxID bounds what is read of the directory's last process.
	maxID = 256
)

// Opciones vary the pace.
type Opciones struct {
	// Latido is the time between beats (5 s when zero), Muerte how long a count may
	// stand still before its process is dead (30 s when zero; three beats at least).
	Latido, Muerte time.Duration
	// Now is the time, with a monotonic reading; time.Now when nil.
	Now func() time.Time
	Log zerolog.Logger
}

// Presencia is this process among the gateways that share its database. Where
// the database is SQLite there are no others.
type Presencia struct {
	store *store.Store
	id    string
	o     Opciones

	// turno is held by the beat that runs.
	turno chan struct{}

	mu     sync.Mutex
	latido time.Time // when the last beat that succeeded began
	// prueba is when the last beat ended, and falla what it failed with.
	prueba time.Time
	falla  error
	salio  bool
	leido  time.Time // when the last reading that succeeded began
	otros  map[string]fila
	// sinFila holds who was asked for and had no row, with when; the zero time for
	// who had one before.
	sinFila map[string]time.Time
}

// fila is what was seen of another process.
type fila struct {
	latido int64
	cambio time.Time // when the count was first seen as it is
}

// Nueva returns a presence with an id of its own. Entra announces it.
func Nueva(st *store.Store, o Opciones) *Presencia {
	if o.Latido <= 0 {
		o.Latido = latidoUsual
	}
	if o.Muerte <= 0 {
		o.Muerte = muerteUsual
	}
	o.Muerte = max(o.Muerte, latidosPorMuerte*o.Latido)
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Presencia{store: st, id: strings.ToLower(rand.Text()), o: o, turno: make(chan struct{}, 1), otros: map[string]fila{}, sinFila: map[string]time.Time{}}
}

// ID is this process's, another one after every start.
func (p *Presencia) ID() string { return p.id }

// Entra announces this process and looks for the others. Nothing may be written
// under its ID before. Whoever used the same directory before is dead: the
// directory is locked. So is everyone else on SQLite.
func (p *Presencia) Entra(ctx context.Context) error {
	if err := p.releva(ctx); err != nil {
		return fmt.Errorf("presencia: %w", err)
	}
	// Nobody watches it yet, so that a database that is slow to answer may be.
	ctx, cancel := context.WithTimeout(ctx, plazoEntrada)
	defer cancel()
	if err := p.golpe(ctx); err != nil {
		return fmt.Errorf("presencia: %w", err)
	}
	return nil
}

// plazoEntrada bounds the first beat.
const plazoEntrada = 30 * time.Second

// releva takes the rows of those who are known to be dead away, and leaves word
// for who comes after this process.
func (p *Presencia) releva(ctx context.Context) error {
	if !p.store.Postgres() {
		if _, err := p.store.DB().ExecContext(ctx, `DELETE FROM procesos`); err != nil {
			return err
		}
		return p.cuenta(ctx) // once: nobody counts its beats
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
		p.recuerda(id, time.Time{})
		p.mu.Unlock()
	}
	return p.store.Reemplaza("proceso", []byte(p.id+"\n"))
}

// Corre beats until ctx ends, and then takes this process's row away, so that
// others take over at once: end ctx when nothing is done under its ID any more.
// Call Entra before.
func (p *Presencia) Corre(ctx context.Context) {
	defer p.sale(ctx)
	ticker := time.NewTicker(p.o.Latido)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := p.late(ctx); err != nil && ctx.Err() == nil {
			p.o.Log.Error().Err(err).Bool("perdida", p.Perdida()).Msg("presence: the database did not take a write")
		}
	}
}

func (p *Presencia) sale(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.o.Latido)
	defer cancel()
	p.mu.Lock()
	p.salio = true
	p.mu.Unlock()
	err := p.Deja(ctx)
	if _, errRow := p.store.DB().ExecContext(ctx, `DELETE FROM procesos WHERE id = $1`, p.id); errors.Join(err, errRow) != nil {
		p.o.Log.Warn().Err(errors.Join(err, errRow)).Msg("presence: others will take over later")
	}
}

// late is one beat: prove that the database takes a write, count, read the others,
// forget the dead.
func (p *Presencia) late(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.o.Muerte/latidosPorMuerte)
	defer cancel()
	return p.golpe(ctx)
}

func (p *Presencia) golpe(ctx context.Context) error {
	select {
	case p.turno <- struct{}{}:
		defer func() { <-p.turno }()
	case <-ctx.Done():
		return fmt.Errorf("waiting for the last beat: %w", ctx.Err())
	}
	began := p.o.Now()
	err := p.escribe(ctx)
	p.mu.Lock()
	p.prueba, p.falla = p.o.Now(), err
	if err == nil {
		p.latido = began
	}
	p.mu.Unlock()
	if err != nil || !p.store.Postgres() {
		return err
	}
	if err := p.lee(ctx); err != nil {
		return err
	}
	return p.entierra(ctx)
}

var errSalio = errors.New("presencia: this process has said that it is gone")

// escribe writes what a beat writes.
func (p *Presencia) escribe(ctx context.Context) error {
	p.mu.Lock()
	gone := p.salio
	p.mu.Unlock()
	if gone {
		return errSalio
	}
	if err := p.store.Late(ctx); err != nil || !p.store.Postgres() {
		return err
	}
	return p.cuenta(ctx)
}

func (p *Presencia) cuenta(ctx context.Context) error {
	_, err := p.store.DB().ExecContext(ctx,
		`INSERT INTO procesos (id, latido, desde) VALUES ($1, 1, $2) ON CONFLICT (id) DO UPDATE SET latido = procesos.latido + 1`,
		p.id, store.Instante(p.o.Now()))
	return err
}

func (p *Presencia) lee(ctx context.Context) error {
	began := p.o.Now()
	rows, err := p.store.DB().QueryContext(ctx, `SELECT id, latido FROM procesos WHERE id <> $1 LIMIT $2`, p.id, maxFilas)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // Err says it
	seen := map[string]int64{}
	for rows.Next() {
		var id string
		var latido int64
		if err := rows.Scan(&id, &latido); err != nil {
			return err
		}
		seen[id] = latido
	}
	if err := rows.Err(); err != nil {
		return err
	}
	p.observa(seen, began, p.o.Now())
	return nil
}

// observa enters a reading that began and ended then.
func (p *Presencia) observa(seen map[string]int64, began, ended time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leido = began
	for id := range p.otros {
		if _, still := seen[id]; !still {
			delete(p.otros, id)
			p.recuerda(id, time.Time{})
		}
	}
	for id, latido := range seen {
		delete(p.sinFila, id)
		if before, known := p.otros[id]; !known || before.latido != latido {
			p.otros[id] = fila{latido, ended}
		}
	}
}

// recuerda that id has no row since then; under p.mu.
func (p *Presencia) recuerda(id string, then time.Time) {
	if len(p.sinFila) >= maxSinFila {
		clear(p.sinFila) // they are presumed alive for one reading more
	}
	p.sinFila[id] = then
}

// entierra takes the rows away of those who have been dead for as long again.
func (p *Presencia) entierra(ctx context.Context) error {
	p.mu.Lock()
	dead := map[string]int64{}
	for id, f := range p.otros {
		if p.leido.Sub(f.cambio) >= 2*p.o.Muerte {
			dead[id] = f.latido
		}
	}
	p.mu.Unlock()
	for id, latido := range dead {
		if _, err := p.store.DB().ExecContext(ctx, `DELETE FROM procesos WHERE id = $1 AND latido = $2`, id, latido); err != nil {
			return err
		}
	}
	return nil
}

// Vive tells whether the process may be alive: false is certain, but for a
// process that is Perdida. Whom this one does not know is presumed alive until
// the database was read once more.
func (p *Presencia) Vive(id string) bool {
	if id == p.id {
		return true
	}
	if id == "" || !p.store.Postgres() {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if f, ok := p.otros[id]; ok {
		return p.leido.Sub(f.cambio) < p.o.Muerte
	}
	asked, ok := p.sinFila[id]
	if !ok {
		p.recuerda(id, p.o.Now())
		return true
	}
	return !p.leido.After(asked)
}

// Perdida tells whether others may believe by now that this process is dead,
// since it has not told them otherwise for too long. It is true one beat before
// they do, and false again after the next beat that succeeds.
func (p *Presencia) Perdida() bool {
	if !p.store.Postgres() {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now, limit := p.o.Now(), p.o.Muerte-p.o.Latido
	// The monotonic clock stands still while a machine is suspended; the wall's does not.
	return now.Sub(p.latido) >= limit || now.Round(0).Sub(p.latido.Round(0)) >= limit
}
