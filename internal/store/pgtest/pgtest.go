// Package pgtest gives tests a real PostgreSQL: one server per test binary, on
// a socket in a temporary folder, and a database of its own for each test. It is
// for tests and the benchmark alone: nothing that is shipped imports it.
//
// It uses the machine's programs (initdb, postgres) and none of its servers.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// errMissing says that PostgreSQL is not installed.
var errMissing = errors.New("PostgreSQL is not installed (Debian: postgresql)")

const (
	startTimeout = time.Minute
	// socketPath leaves room for the socket's name: the whole may have 107 bytes.
	socketPath = 80
)

// cluster is a running server. Its input is open for as long as it is reachable
// from server: what is collected is closed.
type cluster struct {
	url   url.URL
	input io.Closer
	// dir is its folder, and order what starts it there.
	dir   string
	order []string
}

// server is started once per test binary: it takes a second or two.
var server = sync.OnceValues(start)

// Start returns the URL of an empty database, which is dropped after the test.
// Without PostgreSQL the test is skipped, and fails with CI set.
func Start(t testing.TB) string {
	t.Helper()
	running, err := server()
	if errors.Is(err, errMissing) && os.Getenv("CI") == "" {
		t.Skip("SKIPPED: " + err.Error())
	}
	if err != nil {
		t.Fatal("PostgreSQL for tests: ", err)
	}
	name := "prueba_" + strings.ToLower(rand.Text())
	admin(t, running.url, `CREATE DATABASE `+name)
	t.Cleanup(func() { admin(t, running.url, `DROP DATABASE `+name+` WITH (FORCE)`) })
	return at(running.url, name)
}

// Server is a server of a program that is no test.
type Server struct {
	// URL is that of its empty database.
	URL string
	// PID is its first process's, the parent of all others.
	PID     int
	cluster cluster
	// before end the watchers of servers that were killed.
	before []io.Closer
}

// StartServer starts a server, which ends with Close, or with this program.
func StartServer() (*Server, error) {
	c, err := start()
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL: %w", err)
	}
	s := &Server{URL: at(c.url, "postgres"), cluster: c}
	if err := s.read(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// OfTrial is StartServer for a test that ends the server itself: it is gone after it.
// Without PostgreSQL the test is skipped, as by Start.
func OfTrial(t testing.TB) *Server {
	t.Helper()
	s, err := StartServer()
	if errors.Is(err, errMissing) && os.Getenv("CI") == "" {
		t.Skip("SKIPPED: " + err.Error())
	}
	if err != nil {
		t.Fatal("PostgreSQL for tests: ", err)
	}
	t.Cleanup(func() { s.Close() }) //nolint:errcheck // it is the last that is done with it
	// What was committed is there after Kill: StartServer's servers do not wait for that.
	s.URL += "&synchronous_commit=on"
	return s
}

// read reads which process it is: the first line says it (PostgreSQL, Database File
// Layout).
func (s *Server) read() error {
	text, err := os.ReadFile(filepath.Join(s.cluster.dir, "datos", "postmaster.pid"))
	if err != nil {
		return err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	s.PID, err = strconv.Atoi(line)
	return err
}

// Kill ends the server as a crash does: its first process, and with it all others.
func (s *Server) Kill() error {
	if err := syscall.Kill(s.PID, syscall.SIGKILL); err != nil {
		return err
	}
	for end := time.Now().Add(startTimeout); syscall.Kill(s.PID, 0) == nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			return errors.New("the server does not end")
		}
	}
	return nil
}

// Raise starts it again on what it has left. Processes of before may hold its memory
// for a moment, and then it is started once more.
func (s *Server) Raise() error {
	var err error
	for end := time.Now().Add(startTimeout); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		c := s.cluster
		if c.input, err = run(c.dir, c.order); err != nil {
			return err
		}
		if err = ready(c.url, filepath.Join(c.dir, registro), 5*time.Second); err == nil {
			s.before = append(s.before, s.cluster.input)
			s.cluster = c
			return s.read()
		}
		s.before = append(s.before, c.input)
	}
	return err
}

// Close ends the server and removes what it held.
func (s *Server) Close() error {
	err := s.cluster.input.Close()
	for _, input := range s.before {
		err = errors.Join(err, input.Close())
	}
	return err
}

func admin(t testing.TB, base url.URL, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, at(base, "postgres"))
	if err != nil {
		t.Fatal("PostgreSQL for tests: ", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing depends on it
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatal("PostgreSQL for tests: ", err)
	}
}

func at(base url.URL, database string) string {
	base.Path = "/" + database
	return base.String()
}

// start makes a cluster and starts its server, which ends with this process,
// however that ends.
func start() (cluster, error) {
	var c cluster
	initdb, err := program("initdb")
	if err != nil {
		return c, err
	}
	postgres, err := program("postgres")
	if err != nil {
		return c, err
	}
	dir, prefix, err := place()
	if err != nil {
		return c, err
	}
	password := filepath.Join(dir, "clave")
	key := rand.Text()
	if err := os.WriteFile(password, []byte(key), 0o644); err != nil { //nolint:gosec // the server's own user reads it
		return c, err
	}
	data := filepath.Join(dir, "datos")
	create := command(prefix, initdb, "-D", data, "-U", "pasarela", "--pwfile", password, "--auth=scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync")
	if out, err := create.CombinedOutput(); err != nil {
		return c, errors.Join(fmt.Errorf("initdb: %w\n%s", err, out), os.RemoveAll(dir))
	}
	c.url = url.URL{Scheme: "postgres", User: url.UserPassword("pasarela", key), RawQuery: url.Values{"host": {dir}}.Encode()}
	c.dir = dir
	c.order = append(prefix, postgres, "-D", data, "-k", dir, "-c", "listen_addresses=",
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off", "-c", "max_connections=300", "-c", "shared_buffers=32MB")
	if c.input, err = run(dir, c.order); err != nil {
		return c, err
	}
	return c, ready(c.url, filepath.Join(dir, registro), startTimeout)
}

// watcher runs the server for as long as its input is open, which is as long as
// the test binary lives, and then removes the folder. An interrupt from the
// keyboard, which goes to all at once, must not end it before that.
//
// A server that was killed is waited for, so that another may start in its place, and is
// not signalled any more.
const watcher = `trap '' INT; dir=$1; shift; exec 3<&0
"$@" </dev/null 3<&- & pid=$!
: > "$dir/vive.$pid"
{ read -r _ <&3; [ ! -e "$dir/vive.$pid" ] || kill -QUIT $pid; } &
wait $pid; rm -f "$dir/vive.$pid"; wait; rm -rf "$dir"`

// registro is the server's log.
const registro = "registro"

// run starts the server and returns what ends it when closed.
func run(dir string, order []string) (io.Closer, error) {
	log, err := os.Create(filepath.Join(dir, registro)) //nolint:gosec // a folder of ours
	if err != nil {
		return nil, err
	}
	defer log.Close() //nolint:errcheck // the server has its own
	cmd := command(nil, slices.Concat([]string{"sh", "-c", watcher, "sh", dir}, order)...)
	cmd.Stdout, cmd.Stderr = log, log
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	return input, cmd.Start()
}

func ready(base url.URL, log string, within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, at(base, "postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		if ctx.Err() != nil {
			text, _ := os.ReadFile(log) //nolint:gosec // it explains, if it is there
			return fmt.Errorf("the server does not answer: %w\n%s", err, text)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// place makes the folder, and says how to become its owner: PostgreSQL does not
// run as root.
func place() (dir string, prefix []string, err error) {
	parent := os.TempDir()
	if len(parent) > socketPath {
		parent = "/tmp"
	}
	if dir, err = os.MkdirTemp(parent, "pasarela-pg-"); err != nil {
		return "", nil, err
	}
	if os.Getuid() != 0 {
		return dir, nil, nil
	}
	owner, err := unprivileged()
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	uid, err1 := strconv.Atoi(owner.Uid)
	gid, err2 := strconv.Atoi(owner.Gid)
	if err := errors.Join(err1, err2, os.Chown(dir, uid, gid)); err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return dir, []string{"setpriv", "--reuid", owner.Uid, "--regid", owner.Gid, "--clear-groups", "--"}, nil
}

func unprivileged() (*user.User, error) {
	var err error
	for _, name := range []string{"postgres", "nobody"} {
		var u *user.User
		if u, err = user.Lookup(name); err == nil {
			return u, nil
		}
	}
	return nil, err
}

func command(prefix []string, args ...string) *exec.Cmd {
	args = slices.Concat(prefix, args)
	cmd := exec.CommandContext(context.Background(), args[0], args[1:]...) //nolint:gosec // the programs found below
	cmd.Dir = "/"                                                          // the test's may be closed to the server's user
	return cmd
}

// program finds a program of PostgreSQL's, of the newest version: Debian keeps
// them out of the PATH.
func program(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return filepath.EvalSymlinks(path)
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil || len(found) == 0 {
		return "", errMissing
	}
	return slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) }), nil
}

func version(path string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	if err != nil {
		return 0
	}
	return n
}
