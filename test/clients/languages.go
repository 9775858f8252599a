package main

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// language is one row of both pages.
type language struct {
	name   string // of its folders, and on the command line
	titulo string // of its sections
	// requirements are what must be on the machine.
	requirements []requirement
	// version prints with what it runs.
	version string
	// only, if not empty, is the only kind of client that the language has.
	only string
}

// requirement is something that must be there, with the shell command that tells.
type requirement struct{ que, trial string }

// program is the requirement of a program in the PATH.
func program(name string) requirement { return requirement{name, "command -v " + name} }

// languages are those of both pages, slow ones first.
func languages() []language {
	return []language{
		{name: "java", titulo: "Java", requirements: []requirement{program("javac"), program("mvn")}, version: "javac -version"},
		{name: "python", titulo: "Python", requirements: []requirement{program("python3"), {"python3-venv", "python3 -c 'import venv, ensurepip'"}},
			version: "python3 --version"},
		{name: "go", titulo: "Go", requirements: []requirement{program("go")}, version: "go version"},
		{name: "typescript", titulo: "TypeScript", requirements: []requirement{program("node"), program("npm")}, version: "echo Node.js $(node --version)", only: generado},
		{name: "orval", titulo: "TypeScript con orval", requirements: []requirement{program("node"), program("npm"), program("curl")},
			version: "echo Node.js $(node --version)", only: generado},
		{name: "openapi-python-client", titulo: "Python con openapi-python-client",
			requirements: []requirement{program("python3"), {"python3-venv", "python3 -c 'import venv, ensurepip'"}}, version: "python3 --version", only: generado},
		{name: "php", titulo: "PHP", requirements: []requirement{program("php"), {"php-curl, php-mbstring, php-guzzlehttp-guzzle",
			`php -r 'exit(extension_loaded("curl") && extension_loaded("mbstring") && stream_resolve_include_path("GuzzleHttp/autoload.php") ? 0 : 1);'`}},
			version: "php --version | head -n 1 | cut -d ' ' -f 1-2"},
		{name: "csharp", titulo: "C#", requirements: []requirement{program("mcs"), program("mono"), {"libmono-system-net-http4.0-cil",
			"test -e /usr/lib/mono/4.5/System.Net.Http.dll"}}, version: "mono --version | head -n 1 | cut -d ' ' -f 1,5"},
		{name: "node", titulo: "Node.js", requirements: []requirement{program("node")}, version: "echo Node.js $(node --version)", only: ejemplo},
		{name: "curl", titulo: "curl", requirements: []requirement{program("curl"), program("sha256sum")}, version: "curl --version | head -n 1 | cut -d ' ' -f 1-2", only: ejemplo},
	}
}

// The two kinds of work.
const (
	generado = "generado"
	ejemplo  = "ejemplo"
)

// job is one client to run: the blocks of a page's section, in within of a
// copy of origin.
type job struct {
	language language
	class    string
	origin   string
	within   string
	blocks   []string
}

func (t job) String() string { return t.language.name + ", " + t.class }

// The pages that are run, and the folders of their programs.
const (
	pageClients  = "docs/clientes.md"
	pageExamples = "examples/README.md"
)

// jobs reads the pages below root. names choose languages; none chooses all.
func jobs(root string, names []string) ([]job, error) {
	for _, name := range names {
		if !slices.ContainsFunc(languages(), func(l language) bool { return l.name == name }) {
			return nil, fmt.Errorf("no language is called %q", name)
		}
	}
	var all []job
	for _, class := range []struct{ name, page string }{{generado, pageClients}, {ejemplo, pageExamples}} {
		text, err := readBelow(root, class.page)
		if err != nil {
			return nil, err
		}
		for _, l := range languages() {
			if len(names) > 0 && !slices.Contains(names, l.name) || l.only != "" && l.only != class.name {
				continue
			}
			// Examples share a file; a generated client's folder is its own.
			t := job{language: l, class: class.name, origin: "examples", within: l.name, blocks: blocks(section(text, l.titulo), "sh")}
			if class.name == generado {
				t.origin, t.within = path.Join("test/clients", l.name), "."
			}
			if len(t.blocks) == 0 {
				return nil, fmt.Errorf("%s has no commands for %s", class.page, l.titulo)
			}
			all = append(all, t)
		}
	}
	return all, nil
}

// section is what is below the heading titulo of a page.
func section(text, titulo string) string {
	_, after, found := strings.Cut(text, "\n## "+titulo+"\n")
	if !found {
		return ""
	}
	inside, _, _ := strings.Cut(after, "\n## ")
	return inside + "\n"
}
