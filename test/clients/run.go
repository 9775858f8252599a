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

// deadline is how long one client may take: it may have to wait for a registry.
const deadline = 8 * time.Minute

// The address that the pages show.
const factoryAddress = "http://127.0.0.1:8080"

// estado is how a client's run ended.
type estado string

const (
	bien    estado = "bien"
	failure estado = "FALLÓ"
	omitido estado = "OMITIDO"
)

// result is one row of the table.
type result struct {
	job
	estado estado
	took   time.Duration
	with   string // the language's version, or what is missing
	output string
}

// corrida is one run of this program.
type corrida struct {
	workshop  string // where clients are generated and built
	autoridad string // the sandbox's
	inCI      bool
}

// generator fetches openapi-generator with the first commands of the page, once
// for all, unless it is there already.
func (c *corrida) generator(ctx context.Context, root string, jobs []job) error {
	var jar string
	for _, t := range jobs {
		jar = max(jar, regexp.MustCompile(`openapi-generator-cli-[0-9.]+\.jar`).FindString(strings.Join(t.blocks, "")))
	}
	if jar == "" {
		return nil
	}
	if _, err := os.Stat(filepath.Join(c.workshop, jar)); err == nil {
		return nil
	}
	text, err := readBelow(root, pageClients)
	if err != nil {
		return err
	}
	output, err := shell(ctx, c.workshop, strings.Join(blocks(section(text, "El generador"), "sh"), "\n"))
	if err != nil {
		return fmt.Errorf("fetching %s: %w\n%s", jar, err, output)
	}
	return nil
}

// run runs one client in a fresh copy of its folder.
func (c *corrida) run(ctx context.Context, t job) result {
	started := time.Now()
	r := result{job: t, estado: bien}
	for _, requirement := range t.language.requirements {
		if _, err := shell(ctx, ".", requirement.trial); err != nil {
			r.estado, r.with = omitido, "falta "+requirement.que
			if c.inCI {
				r.estado = failure
			}
			return r
		}
	}
	version, err := shell(ctx, ".", t.language.version)
	r.with = strings.TrimSpace(version)
	if err == nil {
		r.output, err = c.inFolder(ctx, t)
	}
	if err != nil {
		r.estado, r.output = failure, fmt.Sprintf("%s%v\n", r.output, err)
	}
	r.took = time.Since(started)
	return r
}

// inFolder runs the blocks of t and returns what the last one printed: what
// went before the program itself is of interest only when it fails.
func (c *corrida) inFolder(ctx context.Context, t job) (output string, err error) {
	dir := filepath.Join(c.workshop, t.class, t.language.name)
	if err := clone(dir, t.origin); err != nil {
		return "", err
	}
	dir = filepath.Join(dir, t.within)
	stack, err := start(ctx, c.autoridad)
	if err != nil {
		return "", err
	}
	defer stack.stop()
	for i, block := range t.blocks {
		block = strings.ReplaceAll(block, factoryAddress, stack.stack.API)
		output, err = shell(ctx, dir, block, "PASARELA_URL="+stack.stack.API, "PASARELA_CLAVE="+stack.key)
		output = strings.ReplaceAll(output, stack.key, "…")
		if err != nil {
			return output, fmt.Errorf("%w, in block %d:\n%s", err, i+1, block)
		}
	}
	return output, confirm(dir, output)
}

// confirm looks at what a client left and said: that it ended without an error
// does not say that it did anything.
func confirm(dir, output string) error {
	var faults []error
	for _, done := range []string{`(?i)descarga: .*\.zip`, `(?i)lote.*: \w+ registrado`, `4500</Dato>`, `error 422: fechaFinal: \S`} {
		if !regexp.MustCompile(done).MatchString(output) {
			faults = append(faults, fmt.Errorf("nothing that it said matches %s", done))
		}
	}
	zips, err := filepath.Glob(filepath.Join(dir, "*_01.zip"))
	if err != nil || len(zips) == 0 {
		return errors.Join(append(faults, errors.New("it left no package"), err)...)
	}
	for _, name := range zips {
		z, err := zip.OpenReader(name)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
			continue
		}
		if len(z.File) == 0 {
			faults = append(faults, fmt.Errorf("%s is empty", name))
		}
		faults = append(faults, z.Close())
	}
	return errors.Join(faults...)
}

// clone makes dir anew, with what is in origin.
func clone(dir, origin string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o750); err != nil {
		return err
	}
	err := os.CopyFS(dir, os.DirFS(origin))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s has no programs: %w", origin, err)
	}
	return err
}

// shell runs a block as a reader would paste it, in dir, and returns what it
// printed.
func shell(ctx context.Context, dir, block string, env ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-eu", "-c", block) //nolint:gosec // the repository's own pages
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
