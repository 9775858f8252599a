package main

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// lenguaje is one row of both pages.
type lenguaje struct {
	nombre string // of its folders, and on the command line
	titulo string // of its sections
	// requisitos are what must be on the machine.
	requisitos []requisito
	// version prints with what it runs.
	version string
	// solo, if not empty, is the only kind of client that the language has.
	solo string
}

// requisito is something that must be there, with the shell command that tells.
type requisito struct{ que, prueba string }

// programa is the requisito of a program in the PATH.
func programa(name string) requisito { return requisito{name, "command -v " + name} }

// lenguajes are those of both pages, slow ones first.
func lenguajes() []lenguaje {
	return []lenguaje{
		{nombre: "java", titulo: "Java", requisitos: []requisito{programa("javac"), programa("mvn")}, version: "javac -version"},
		{nombre: "python", titulo: "Python", requisitos: []requisito{programa("python3"), {"python3-venv", "python3 -c 'import venv, ensurepip'"}},
			version: "python3 --version"},
		{nombre: "go", titulo: "Go", requisitos: []requisito{programa("go")}, version: "go version"},
		{nombre: "typescript", titulo: "TypeScript", requisitos: []requisito{programa("node"), programa("npm")}, version: "echo Node.js $(node --version)", solo: generado},
		{nombre: "orval", titulo: "TypeScript con orval", requisitos: []requisito{programa("node"), programa("npm"), programa("curl")},
			version: "echo Node.js $(node --version)", solo: generado},
		{nombre: "openapi-python-client", titulo: "Python con openapi-python-client",
			requisitos: []requisito{programa("python3"), {"python3-venv", "python3 -c 'import venv, ensurepip'"}}, version: "python3 --version", solo: generado},
		{nombre: "php", titulo: "PHP", requisitos: []requisito{programa("php"), {"php-curl, php-mbstring, php-guzzlehttp-guzzle",
			`php -r 'exit(extension_loaded("curl") && extension_loaded("mbstring") && stream_resolve_include_path("GuzzleHttp/autoload.php") ? 0 : 1);'`}},
			version: "php --version | head -n 1 | cut -d ' ' -f 1-2"},
		{nombre: "csharp", titulo: "C#", requisitos: []requisito{programa("mcs"), programa("mono"), {"libmono-system-net-http4.0-cil",
			"test -e /usr/lib/mono/4.5/System.Net.Http.dll"}}, version: "mono --version | head -n 1 | cut -d ' ' -f 1,5"},
		{nombre: "node", titulo: "Node.js", requisitos: []requisito{programa("node")}, version: "echo Node.js $(node --version)", solo: ejemplo},
		{nombre: "curl", titulo: "curl", requisitos: []requisito{programa("curl"), programa("sha256sum")}, version: "curl --version | head -n 1 | cut -d ' ' -f 1-2", solo: ejemplo},
	}
}

// The two kinds of work.
const (
	generado = "generado"
	ejemplo  = "ejemplo"
)

// trabajo is one client to run: the blocks of a page's section, in dentro of a
// copy of origen.
type trabajo struct {
	lenguaje lenguaje
	clase    string
	origen   string
	dentro   string
	bloques  []string
}

func (t trabajo) String() string { return t.lenguaje.nombre + ", " + t.clase }

// The pages that are run, and the folders of their programs.
const (
	paginaClientes = "docs/clientes.md"
	paginaEjemplos = "examples/README.md"
)

// trabajos reads the pages below root. names choose languages; none chooses all.
func trabajos(root string, names []string) ([]trabajo, error) {
	for _, name := range names {
		if !slices.ContainsFunc(lenguajes(), func(l lenguaje) bool { return l.nombre == name }) {
			return nil, fmt.Errorf("no language is called %q", name)
		}
	}
	var todos []trabajo
	for _, clase := range []struct{ nombre, pagina string }{{generado, paginaClientes}, {ejemplo, paginaEjemplos}} {
		texto, err := lee(root, clase.pagina)
		if err != nil {
			return nil, err
		}
		for _, l := range lenguajes() {
			if len(names) > 0 && !slices.Contains(names, l.nombre) || l.solo != "" && l.solo != clase.nombre {
				continue
			}
			// Examples share a file; a generated client's folder is its own.
			t := trabajo{lenguaje: l, clase: clase.nombre, origen: "examples", dentro: l.nombre, bloques: bloques(seccion(texto, l.titulo), "sh")}
			if clase.nombre == generado {
				t.origen, t.dentro = path.Join("test/clients", l.nombre), "."
			}
			if len(t.bloques) == 0 {
				return nil, fmt.Errorf("%s has no commands for %s", clase.pagina, l.titulo)
			}
			todos = append(todos, t)
		}
	}
	return todos, nil
}

// seccion is what is below the heading titulo of a page.
func seccion(texto, titulo string) string {
	_, after, found := strings.Cut(texto, "\n## "+titulo+"\n")
	if !found {
		return ""
	}
	inside, _, _ := strings.Cut(after, "\n## ")
	return inside + "\n"
}
