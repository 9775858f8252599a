package gateway

import (
	"strings"
	"testing"
)

func TestClip_WhatIsQuotedIsShortAndValid(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                       "",
		"ñandú":                  "ñandú",
		"ñandúes":                "ñandú…",
		"a\xffb":                 "a\uFFFDb",
		strings.Repeat("😀", 6):   strings.Repeat("😀", 5) + "…",
		strings.Repeat("x", 1e6): "xxxxx…",
	} {
		if got := Clip(text, 5); got != want {
			t.Errorf("%.20q: %q, want %q", text, got, want)
		}
	}
}
