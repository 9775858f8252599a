package contract

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	comment  = regexp.MustCompile(`(?m)(^ *| {2,})# .*$`) // of a line of a fenced block
	codeSpan = regexp.MustCompile("`[^`]+`")
	linked   = regexp.MustCompile(`\]\(([^)\s]+)\)|<(http[^>]+)>`)
	number   = regexp.MustCompile(`\d+(?:[.,]\d+)*`)
	item     = regexp.MustCompile(`^ *(?:-|\d+\.) `)
	header   = regexp.MustCompile(`^(#+) `)
)

// piece is what a heading, a paragraph, an item of a list, a row of a table or a
// fenced block says in every language: what must be equal in both READMEs.
type piece struct {
	Kind    string // how it begins: its level, its number, its language, its indentation
	Code    []string
	Links   []string // in its own page by the number of the heading
	Numbers []string
}

// pieces takes a page apart. Beside what both must have it returns the comments
// of its fenced blocks, which must not be equal.
func pieces(text, other string) (all []piece, comments []string) {
	headings := anchors(withoutFences(text))
	var open []string // the lines of the piece that is being read
	var fence string  // what the fenced block began with; empty outside
	end := func() {
		if len(open) > 0 {
			all = append(all, prose(strings.Join(open, "\n"), other, headings)...)
		}
		open = nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		bare := strings.TrimSpace(line)
		switch {
		case fence != "" && bare == "```":
			code := strings.Join(open, "\n")
			comments = append(comments, comment.FindAllString(code, -1)...)
			all = append(all, piece{Kind: fence, Code: []string{comment.ReplaceAllString(code, "$1#")}})
			open, fence = nil, ""
		case fence != "":
			open = append(open, line)
		case strings.HasPrefix(bare, "```"):
			end()
			fence = line
		case bare == "":
			end()
		default:
			if item.MatchString(line) || header.MatchString(line) || strings.HasPrefix(bare, "|") {
				end()
			}
			open = append(open, line)
		}
	}
	end()
	return all, comments
}

// prose is one piece, or as many as a row of a table has cells.
func prose(text, other string, headings []string) []piece {
	indent := text[:len(text)-len(strings.TrimLeft(text, " "))]
	switch {
	case strings.HasPrefix(text, indent+"|"):
		var cells []piece
		for n, cell := range strings.Split(strings.Trim(text, " |"), "|") {
			cells = append(cells, said(fmt.Sprintf("%s| %d", indent, n), cell, other, headings))
		}
		return cells
	case header.MatchString(text):
		return []piece{said(header.FindString(text), text, other, headings)}
	default:
		return []piece{said(indent+strings.TrimSpace(item.FindString(text)), text, other, headings)}
	}
}

func said(kind, text, other string, headings []string) piece {
	p := piece{Kind: kind, Code: codeSpan.FindAllString(text, -1)}
	for _, m := range linked.FindAllStringSubmatch(text, -1) {
		to := m[1] + m[2]
		if anchor, own := strings.CutPrefix(to, "#"); own {
			to = fmt.Sprint("heading ", slices.Index(headings, anchor))
		} else if to == other {
			to = "the other README"
		}
		p.Links = append(p.Links, to)
	}
	words := linked.ReplaceAllString(codeSpan.ReplaceAllString(text, ""), "")
	p.Numbers = number.FindAllString(words, -1)
	slices.Sort(p.Code) // a sentence may turn them round
	slices.Sort(p.Links)
	slices.Sort(p.Numbers)
	return p
}

// drift says where the two READMEs are not the same page; empty where they are.
func drift(english, spanish string) string {
	en, commentsEN := pieces(english, "README.es.md")
	es, commentsES := pieces(spanish, "README.md")
	if diff := cmp.Diff(en, es); diff != "" {
		return diff
	}
	for i, c := range commentsEN {
		if c == commentsES[i] {
			return "not translated: " + c
		}
	}
	return ""
}

// TestREADME_IsTheSamePageInBothLanguages: heading by heading, sentence by
// sentence, the same commands to the byte, the same code, links and numbers. Only the
// words differ, and of a command the comment.
func TestREADME_IsTheSamePageInBothLanguages(t *testing.T) {
	t.Parallel()
	if diff := drift(page(t, "README.md"), page(t, "README.es.md")); diff != "" {
		t.Errorf("-README.md +README.es.md:\n%s", diff)
	}
}

// TestREADME_WhatDriftsIsNoticed changes one thing in one of them.
func TestREADME_WhatDriftsIsNoticed(t *testing.T) {
	t.Parallel()
	english, spanish := page(t, "README.md"), page(t, "README.es.md")
	for name, change := range map[string]struct{ from, to string }{
		"a command":               {from: "head -n 3 /tmp/cfdis.csv", to: "head -n 2 /tmp/cfdis.csv"},
		"a command's indentation": {from: "       \"fechaInicial\"", to: "      \"fechaInicial\""},
		"a block's language":      {from: "```sh\n", to: "```\n"},
		"a comment goes":          {from: "# 3. Lea lo que llegó, un renglón por factura\n", to: ""},
		"a comment in English":    {from: "# 3. Lea lo que llegó, un renglón por factura", to: "# 3. Read what came, a row for each invoice"},
		"a row goes":              {from: "| registrar títulos | [títulos](docs/titulos.md) |\n", to: ""},
		"a cell goes":             {from: " | [errores](docs/errores.md) |", to: " |"},
		"an address":              {from: "<http://127.0.0.1:9090/descargas>", to: "<http://127.0.0.1:8080/descargas>"},
		"a heading's level":       {from: "\n## Qué sigue\n", to: "\n### Qué sigue\n"},
		"a link":                  {from: "(docs/efirma.md)", to: "(docs/errores.md)"},
		"a command in a sentence": {from: "Con `make run` en", to: "Con `make test` en"},
		"the picture":             {from: "SQLite | PostgreSQL", to: "PostgreSQL"},
	} {
		changed := strings.Replace(spanish, change.from, change.to, 1)
		if changed == spanish {
			t.Errorf("%s: the Spanish README has no %q", name, change.from)
		} else if drift(english, changed) == "" {
			t.Errorf("%s: README.es.md differs, and nobody notices", name)
		}
	}
}

// TestPages_CommentsDoNoHarmWhereAShellRunsThem: zsh, the shell of every Mac, runs
// the comments of what is pasted, unless told otherwise. A line that is one is then
// a command that is not found, and no more than that; after a command it would be
// arguments, and a quotation mark in it would swallow the lines that follow.
func TestPages_CommentsDoNoHarmWhereAShellRunsThem(t *testing.T) {
	t.Parallel()
	found := 0
	for _, name := range pages(t) {
		for _, m := range regexp.MustCompile("(?ms)^ *```sh\n(.*?)^ *```$").FindAllStringSubmatch(page(t, name), -1) {
			for _, c := range comment.FindAllString(m[1], -1) {
				found++
				if text := strings.TrimLeft(c, " "); strings.ContainsAny(text[1:], "'\"`()<>|&;$\\{}[]*?~!#") {
					t.Errorf("%s: a shell would act on: %s", name, text)
				}
				if !strings.Contains("\n"+m[1], "\n"+c) {
					t.Errorf("%s: not on a line of its own: %s", name, c)
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d comments were found", found)
	}
}
