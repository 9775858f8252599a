package signing

import (
	"testing"
	"time"
)

// The digest of the canonical Timestamp in published examples of Authenticate.
func TestTimestamp_WhenDigestIsKnown(t *testing.T) {
	t.Parallel()
	for created, digest := range map[string]string{
		"2018-05-09T21:21:42.953Z": "Ij+Epaya2U5D/sSncI6BHkkTRWo=",
		"2022-02-15T19:06:32.002Z": "PGHeLUNdZvws7kjlTpPPxlY2XGM=",
	} {
		at, err := time.Parse(time.RFC3339, created)
		if err != nil {
			t.Fatal(err)
		}
		got := appendTimestamp(nil, ` xmlns:u="`+nsWSU+`"`, at, at.Add(TimestampWindow))
		if d := digestOf(got); d != digest {
			t.Errorf("%s: digest %s, want %s, of\n%s", created, d, digest, got)
		}
	}
}

// A clock of another zone must not change the instant on the wire.
func TestAuthenticate_WhenClockHasAZone(t *testing.T) {
	t.Parallel()
	cred := credential(t)
	at := time.Date(2026, 1, 1, 6, 0, 0, int(5*time.Millisecond), time.FixedZone("", -6*3600))
	got, err := Authenticate(&Element{Local: "Autentica"}, "urn:a", cred, at, "uuid-1")
	if err != nil {
		t.Fatal(err)
	}
	contains(t, got, `<u:Created>2026-01-01T12:00:00.005Z</u:Created><u:Expires>2026-01-01T12:05:00.005Z</u:Expires>`)
	contains(t, got, `<s:Body><Autentica xmlns="urn:a"></Autentica></s:Body>`)
	contains(t, got, `<o:Reference ValueType="`+x509v3+`" URI="#uuid-1">`)
}
