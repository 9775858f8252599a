package pgtest

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
)

// What was committed before a crash is there after it, as often as it happens.
func TestServer_WhenItIsKilled(t *testing.T) {
	t.Parallel()
	s := OfTrial(t)
	conn := func() *pgx.Conn {
		c, err := pgx.Connect(t.Context(), s.URL)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := conn()
	if _, err := c.Exec(t.Context(), `CREATE TABLE veces (n int)`); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if _, err := c.Exec(t.Context(), `INSERT INTO veces VALUES (1)`); err != nil {
			t.Fatal(err)
		}
		if err := s.Kill(); err != nil {
			t.Fatal(err)
		}
		if _, err := pgx.Connect(t.Context(), s.URL); err == nil {
			t.Fatal("it is killed and answers")
		}
		c.Close(context.Background()) //nolint:errcheck // it is dead
		if err := s.Raise(); err != nil {
			t.Fatal(err)
		}
		c = conn()
		var n int
		if err := c.QueryRow(t.Context(), `SELECT count(*) FROM veces`).Scan(&n); err != nil || n != i+1 {
			t.Errorf("after %d crashes: %d rows, %v", i+1, n, err)
		}
	}
	c.Close(context.Background()) //nolint:errcheck // it is the last
}
