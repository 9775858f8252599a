package store

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
)

func TestVerified_WhenADatabaseIsOffThisMachine(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"postgres://u@db.example/d":                                    "refused",
		"postgres://u@db.example/d?sslmode=prefer":                     "refused",
		"postgres://u@db.example/d?sslmode=allow":                      "refused",
		"postgres://u@10.0.0.7:5432/d":                                 "refused",
		"postgres://u@127.0.0.1,db.example/d":                          "refused",
		"host=db.example user=u dbname=d":                              "refused",
		"postgres://u@db.example/d?sslmode=disable":                    "told",
		"postgres://u@db.example/d?sslmode=require":                    "told",
		"postgres://u@db.example/d?sslmode=verify-ca":                  "told",
		"postgres://u@db.example/d?sslmode=verify-full":                "",
		"postgres://u@a.example,b.example/d?sslmode=verify-full":       "",
		"postgres://u@127.0.0.1/d":                                     "",
		"postgres://u@127.0.0.1/d?sslmode=disable":                     "",
		"postgres://u@localhost/d":                                     "",
		"postgres://u@[::1]/d":                                         "",
		"postgres:///d?host=/var/run/postgresql&user=u":                "",
		"postgres://u@localhost,db.example:5432/d?sslmode=verify-full": "",
		"postgres://u@localhost.evil.example/d?sslmode=disable":        "told",
		"postgres://u@127.0.0.1,db.example:5432/d?sslmode=disable&a=b": "told",
	} {
		c, err := pgxpool.ParseConfig(address)
		if err != nil {
			t.Fatal(address, err)
		}
		got := ""
		if ok, err := verified(&c.ConnConfig.Config); err != nil {
			got = "refused"
		} else if !ok {
			got = "told"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}
