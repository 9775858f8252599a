package xmldoc_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox/wellformed"
	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

// verdict is a reader's opinion of a document.
type verdict struct {
	accepted bool
	holds    string // digest of the content that it read; "" if the reader gives none
	why      string
}

// ours reads received documents as the product does.
func ours(document string) verdict {
	held, err := dump(xmldoc.NewReader(strings.NewReader(document), xmldoc.Options{}))
	if err != nil {
		return verdict{why: err.Error()}
	}
	return verdict{accepted: true, holds: sumOf(held)}
}

func sumOf(held string) string {
	sum := sha256.Sum256([]byte(held))
	return hex.EncodeToString(sum[:])
}

// theSandboxs reads as the sandbox does.
func theSandboxs(document string) verdict {
	text, err := decoded([]byte(document))
	if err != nil {
		return verdict{why: err.Error()}
	}
	doc, err := wellformed.Read(text)
	if err != nil {
		return verdict{why: err.Error()}
	}
	held, err := dump(&list{doc.Tokens})
	if err != nil {
		return verdict{why: err.Error()}
	}
	return verdict{accepted: true, holds: sumOf(held)}
}

// list returns tokens one after the other.
type list struct{ left []xml.Token }

func (l *list) Token() (xml.Token, error) {
	if len(l.left) == 0 {
		return nil, io.EOF
	}
	token := l.left[0]
	l.left = l.left[1:]
	return token, nil
}

// dump writes a document's content as testdata/Judge.java does.
func dump(r xml.TokenReader) (string, error) {
	var b, text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			b.WriteString("T\x00" + text.String() + "\n")
			text.Reset()
		}
	}
	for {
		token, err := r.Token()
		if errors.Is(err, io.EOF) {
			return b.String(), nil
		}
		if err != nil {
			return "", err
		}
		switch t := token.(type) {
		case xml.StartElement:
			flush()
			b.WriteString("S\x00" + t.Name.Space + "\x00" + t.Name.Local)
			var list []string
			for _, a := range t.Attr {
				list = append(list, a.Name.Space+"\x00"+a.Name.Local+"\x00"+a.Value)
			}
			slices.Sort(list)
			for _, a := range list {
				b.WriteString("\x00" + a)
			}
			b.WriteString("\n")
		case xml.EndElement:
			flush()
			b.WriteString("E\n")
		case xml.CharData:
			text.Write(t)
		case xml.ProcInst:
			flush()
			b.WriteString("P\x00" + t.Target + "\x00" + string(t.Inst) + "\n")
		}
	}
}

// jdk runs the JDK's parser on all files of a folder, in one process.
func jdk(t *testing.T, dir string) map[string]verdict {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "testdata/Judge.java", dir).Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			t.Fatalf("java: %v\n%s", err, failed.Stderr)
		}
		t.Fatal(err)
	}
	all := map[string]verdict{}
	for line := range strings.Lines(string(out)) {
		name, told, _ := strings.Cut(strings.TrimRight(line, "\n"), "\t")
		if why, no := strings.CutPrefix(told, "no: "); no {
			all[name] = verdict{why: why}
			continue
		}
		all[name] = verdict{accepted: true, holds: told}
	}
	return all
}

// libxml2 runs xmllint on all files of a folder, in one process. Namespace faults do not
// change its exit status, so its messages are read.
func libxml2(t *testing.T, dir string, files []string) map[string]verdict {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "xmllint", append([]string{"--noout", "--nonet"}, files...)...)
	cmd.Dir = dir
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		var failed *exec.ExitError
		if !errors.As(err, &failed) {
			t.Fatal(err)
		}
	}
	all := map[string]verdict{}
	for _, f := range files {
		all[f] = verdict{accepted: true}
	}
	for line := range strings.Lines(said.String()) {
		name, rest, _ := strings.Cut(line, ":")
		if v, ok := all[name]; ok && v.accepted && (strings.Contains(rest, " error : ") || strings.Contains(rest, "failed to parse")) {
			all[name] = verdict{why: strings.TrimSpace(rest)}
		}
	}
	return all
}

// needs skips a test if another project's program is missing; on CI it must be present.
func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed", program)
	}
	t.Skipf("SKIPPED: %s is not installed, so nobody else judges our reader", program)
}

// The sandbox does not have our bounds, nor recognizes UTF-16 without mark and
// declaration.
func TestCorpus_WhenJudgedByTheSandboxAgrees(t *testing.T) {
	t.Parallel()
	all := corpus()
	for _, s := range all {
		us, it := ours(s.document), theSandboxs(s.document)
		if agree := us.accepted == it.accepted && us.holds == it.holds; agree == slices.Contains([]string{policyBound, policyUnmarked}, s.differs) {
			t.Errorf("%s %.200q\n  ours %v %s\n  the sandbox's %v %s", s.name, s.document, us.accepted, us.why, it.accepted, it.why)
		}
	}
	t.Logf("%d inputs", len(all))
}

func TestCorpus_WhenJudgedFromOutsideAgrees(t *testing.T) {
	t.Parallel()
	needs(t, "java")
	needs(t, "xmllint")
	dir := t.TempDir()
	all := corpus()
	files := make([]string, 0, len(all))
	for _, s := range all {
		files = append(files, s.name)
		if err := os.WriteFile(filepath.Join(dir, s.name), []byte(s.document), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	theirs, others := jdk(t, dir), libxml2(t, dir, files)
	accepted, differing := 0, 0
	for _, s := range all {
		us, java, lib := ours(s.document), theirs[s.name], others[s.name]
		if us.accepted {
			accepted++
		}
		agree := us.accepted == java.accepted && us.accepted == lib.accepted && (!us.accepted || us.holds == java.holds)
		if s.differs != "" {
			differing++
			alone := us.accepted != java.accepted && us.accepted != lib.accepted
			ownRule := slices.Contains([]string{policyDTD, policyBound, policyVersion, policyUnmarked, policyLabel}, s.differs)
			switch {
			case agree:
				t.Errorf("%s: all agree, so it is no exception", s.name)
			case alone && !ownRule:
				t.Errorf("%s: no judge agrees: ours %v %s, JDK %s, libxml2 %s", s.name, us.accepted, us.why, java.why, lib.why)
			}
			continue
		}
		if !agree {
			t.Errorf("%s %.200q\n  ours %v %s\n  JDK  %v %s\n  libxml2 %v %s", s.name, s.document, us.accepted, us.why, java.accepted, java.why, lib.accepted, lib.why)
			if us.accepted && java.accepted && us.holds != java.holds {
				t.Errorf("  and JDK reads something else")
			}
		}
	}
	t.Logf("%d inputs, %d accepted; %d differ by a named policy", len(all), accepted, differing)
}
