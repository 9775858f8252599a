package main

import (
	"os"
	"path/filepath"
	"regexp"
)

// lee reads a page below root.
func lee(root, page string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(page))) //nolint:gosec // a page of this repository
	return string(text), err
}

// bloques are the fenced blocks of a text in a language.
func bloques(texto, lenguaje string) []string {
	var out []string
	for _, m := range regexp.MustCompile("(?ms)^```"+regexp.QuoteMeta(lenguaje)+"\n(.*?)^```$").FindAllStringSubmatch(texto, -1) {
		out = append(out, m[1])
	}
	return out
}
