package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"reflect"
	"strings"
)

// Each system's address is described once, at its field: the tag upstream is the system's
// address, and sandbox its path in a sandbox. A {} in them is replaced by the tag of the
// struct around. Defaults, checks and documentation use these tags.

// Addressed returns c with the missing addresses filled in: those of SinSalida, or else
// of production.
func (c Config) Addressed() (Config, error) {
	return c, walk(reflect.ValueOf(&c).Elem(), Prefix, reflect.StructField{}, func(l leaf) {
		switch {
		case l.sandbox == "" || l.value.String() != "":
		case c.SinSalida != "":
			l.value.SetString(strings.TrimSuffix(c.SinSalida, "/") + l.sandbox)
		default:
			l.value.SetString(l.Default)
		}
	})
}

// upstreams returns the faults of the addresses. If SinSalida itself is wrong, the others
// would repeat that.
func (c Config) upstreams() error {
	if c.SinSalida != "" {
		if err := c.stays("GATEWAY_SIN_SALIDA", c.SinSalida); err != nil {
			return err
		}
	}
	var faults []error
	err := walk(reflect.ValueOf(c), Prefix, reflect.StructField{}, func(l leaf) {
		if l.sandbox != "" {
			faults = append(faults, c.stays(l.Name, l.value.String()))
		}
	})
	return errors.Join(append(faults, err)...)
}

// stays refuses an address that is not a system's, and an outside one if nothing may
// leave.
func (c Config) stays(name, value string) error {
	if err := upstream(name, value); err != nil || c.SinSalida == "" || local(value) {
		return err
	}
	return fmt.Errorf("%s: %s is not on this machine, and GATEWAY_SIN_SALIDA says that nothing leaves it: "+
		"give one on 127.0.0.1, or leave out one of the two", name, value)
}

// upstream refuses to send signed requests and tokens unencrypted, except to this
// machine.
func upstream(name, value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		// The value is not shown: an address may contain a password.
		return fmt.Errorf("%s: not a plain https URL", name)
	}
	if u.Scheme == "https" || u.Scheme == "http" && local(value) {
		return nil
	}
	return fmt.Errorf("%s: must be https; plain http is accepted to this machine only", name)
}

// local reports whether a URL is on this machine.
func local(value string) bool {
	u, err := url.Parse(value)
	return err == nil && Loopback(net.JoinHostPort(u.Hostname(), "0"))
}
