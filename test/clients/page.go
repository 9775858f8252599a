package main

import (
	"os"
	"path/filepath"
	"regexp"
)

// readBelow reads a page below root.
func readBelow(root, page string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(page))) //nolint:gosec // a page of this repository
	return string(text), err
}

// blocks are the fenced blocks of a text in a language.
func blocks(text, language string) []string {
	var out []string
	for _, m := range regexp.MustCompile("(?ms)^```"+regexp.QuoteMeta(language)+"\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}
