package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Secret is a value that is never printed, whatever prints its struct.
type Secret string

// Format implements fmt.Formatter for every verb.
func (s Secret) Format(f fmt.State, _ rune) {
	if s != "" {
		fmt.Fprint(f, "…") //nolint:errcheck // nowhere else to say it
	}
}

// MarshalText implements encoding.TextMarshaler.
func (s Secret) MarshalText() ([]byte, error) { return fmt.Append(nil, s), nil }

// database checks the address of PostgreSQL. No fault shows it, because it may contain a
// password.
func (c Config) database() error {
	if c.DatabaseURL == "" {
		if c.DatabasePasswordFile != "" {
			return errors.New("GATEWAY_DATABASE_PASSWORD_FILE: set GATEWAY_DATABASE_URL too, or neither")
		}
		return nil
	}
	u, err := url.Parse(string(c.DatabaseURL))
	if err != nil || u.Opaque != "" || u.Fragment != "" || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return errors.New("GATEWAY_DATABASE_URL: not of the form postgres://user@host:5432/database")
	}
	if _, inside := u.User.Password(); (inside || u.Query().Has("password")) && c.DatabasePasswordFile != "" {
		return errors.New("GATEWAY_DATABASE_URL: it holds a password and GATEWAY_DATABASE_PASSWORD_FILE is set; leave out one of them")
	}
	return nil
}

// Database returns the address of PostgreSQL with its password, or "" for SQLite. It
// never replaces a password: Check refuses two.
func (c Config) Database(password string) string {
	u, err := url.Parse(string(c.DatabaseURL))
	if err != nil || password == "" || c.DatabaseURL == "" {
		return string(c.DatabaseURL)
	}
	query := u.Query()
	query.Set("password", password)
	// libpq's encoding of a space: libpq takes a plus sign literally.
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	return u.String()
}
