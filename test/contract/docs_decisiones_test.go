package contract

import (
	"regexp"
	"strings"
	"testing"
)

// TestDecisions_AreShortAndListed: a decision is what forced it, what was chosen and
// what it costs, in a few lines, and can be found.
func TestDecisions_AreShortAndListed(t *testing.T) {
	t.Parallel()
	index, found := page(t, "docs/decisiones/README.md"), 0
	for _, name := range pages(t) {
		file, ok := strings.CutPrefix(name, "docs/decisiones/")
		if !ok || file == "README.md" {
			continue
		}
		found++
		text := page(t, name)
		title := regexp.MustCompile(`\A# (\d+\. .+)\n`).FindStringSubmatch(text)
		if title == nil || !strings.HasPrefix(file, "0") {
			t.Errorf("%s has no number, or no title", name)
			continue
		}
		if !strings.Contains(index, "\n- ["+title[1]+"]("+file+")\n") {
			t.Errorf("docs/decisiones/README.md does not list %s by its title", file)
		}
		if !regexp.MustCompile(`(?s)\n\*\*Context\.\*\* .*\n\*\*Decision\.\*\* .*\n\*\*Consequence\.\*\* `).MatchString(text) {
			t.Errorf("%s lacks its context, its decision or its consequence", name)
		}
		if lines := strings.Count(text, "\n"); lines > 14 {
			t.Errorf("%s has %d lines", name, lines)
		}
	}
	if found < 50 {
		t.Errorf("only %d decisions were found", found)
	}
}
