package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// plazo is how long one client may take: it may have to wait for a registry.
const plazo = 8 * time.Minute

// The address that the pages show.
const direccionDeFabrica = "http://127.0.0.1:8080"

// estado is how a client's run ended.
type estado string

const (
	bien    estado = "bien"
	fallo   estado = "FALLÓ"
	omitido estado = "OMITIDO"
)

// resultado is one row of the table.
type resultado struct {
	trabajo
	estado estado
	tomo   time.Duration
	con    string // the language's version, or what is missing
	salida string
}

// corrida is one run of this program.
type corrida struct {
	taller    string // where clients are generated and built
	autoridad string // the sandbox's
	enCI      bool
}

// generador fetches openapi-generator with the first commands of the page, once
// for all, unless it is there already.
func (c *corrida) generador(ctx context.Context, root string, trabajos []trabajo) error {
	var jar string
	for _, t := range trabajos {
		jar = max(jar, regexp.MustCompile(`openapi-generator-cli-[0-9.]+\.jar`).FindString(strings.Join(t.bloques, "")))
	}
	if jar == "" {
		return nil
	}
	if _, err := os.Stat(filepath.Join(c.taller, jar)); err == nil {
		return nil
	}
	texto, err := lee(root, paginaClientes)
	if err != nil {
		return err
	}
	salida, err := shell(ctx, c.taller, strings.Join(bloques(seccion(texto, "El generador"), "sh"), "\n"))
	if err != nil {
		return fmt.Errorf("fetching %s: %w\n%s", jar, err, salida)
	}
	return nil
}

// corre runs one client in a fresh copy of its folder.
func (c *corrida) corre(ctx context.Context, t trabajo) resultado {
	started := time.Now()
	r := resultado{trabajo: t, estado: bien}
	for _, requisito := range t.lenguaje.requisitos {
		if _, err := shell(ctx, ".", requisito.prueba); err != nil {
			r.estado, r.con = omitido, "falta "+requisito.que
			if c.enCI {
				r.estado = fallo
			}
			return r
		}
	}
	version, err := shell(ctx, ".", t.lenguaje.version)
	r.con = strings.TrimSpace(version)
	if err == nil {
		r.salida, err = c.enCarpeta(ctx, t)
	}
	if err != nil {
		r.estado, r.salida = fallo, fmt.Sprintf("%s%v\n", r.salida, err)
	}
	r.tomo = time.Since(started)
	return r
}

// enCarpeta runs the blocks of t and returns what the last one printed: what
// went before the program itself is of interest only when it fails.
func (c *corrida) enCarpeta(ctx context.Context, t trabajo) (salida string, err error) {
	dir := filepath.Join(c.taller, t.clase, t.lenguaje.nombre)
	if err := copia(dir, t.origen); err != nil {
		return "", err
	}
	dir = filepath.Join(dir, t.dentro)
	pila, err := arranca(ctx, c.autoridad)
	if err != nil {
		return "", err
	}
	defer pila.detiene()
	for i, bloque := range t.bloques {
		bloque = strings.ReplaceAll(bloque, direccionDeFabrica, pila.stack.API)
		salida, err = shell(ctx, dir, bloque, "PASARELA_URL="+pila.stack.API, "PASARELA_CLAVE="+pila.clave)
		salida = strings.ReplaceAll(salida, pila.clave, "…")
		if err != nil {
			return salida, fmt.Errorf("%w, in block %d:\n%s", err, i+1, bloque)
		}
	}
	return salida, comprueba(dir, salida)
}

// comprueba looks at what a client left and said: that it ended without an error
// does not say that it did anything.
func comprueba(dir, salida string) error {
	var faltas []error
	for _, hecho := range []string{`(?i)descarga: .*\.zip`, `(?i)lote.*: \w+ registrado`, `4500</Dato>`, `error 422: fechaFinal: \S`} {
		if !regexp.MustCompile(hecho).MatchString(salida) {
			faltas = append(faltas, fmt.Errorf("nothing that it said matches %s", hecho))
		}
	}
	zips, err := filepath.Glob(filepath.Join(dir, "*_01.zip"))
	if err != nil || len(zips) == 0 {
		return errors.Join(append(faltas, errors.New("it left no package"), err)...)
	}
	for _, name := range zips {
		z, err := zip.OpenReader(name)
		if err != nil {
			faltas = append(faltas, fmt.Errorf("%s: %w", name, err))
			continue
		}
		if len(z.File) == 0 {
			faltas = append(faltas, fmt.Errorf("%s is empty", name))
		}
		faltas = append(faltas, z.Close())
	}
	return errors.Join(faltas...)
}

// copia makes dir anew, with what is in origen.
func copia(dir, origen string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o750); err != nil {
		return err
	}
	err := os.CopyFS(dir, os.DirFS(origen))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s has no programs: %w", origen, err)
	}
	return err
}

// shell runs a block as a reader would paste it, in dir, and returns what it
// printed.
func shell(ctx context.Context, dir, bloque string, env ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, plazo)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-eu", "-c", bloque) //nolint:gosec // the repository's own pages
	cmd.Dir = dir
	// Neither has anything to do with what is built, and each asks a registry once more.
	cmd.Env = append(os.Environ(), "npm_config_audit=false", "PIP_DISABLE_PIP_VERSION_CHECK=1")
	cmd.Env = append(cmd.Env, env...)
	// What a build tool leaves running is stopped with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}
