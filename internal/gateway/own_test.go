package gateway

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

type withState string

func (e withState) Error() string    { return string(e) }
func (e withState) SQLState() string { return string(e) }

type withCode int

func (e withCode) Error() string { return "sqlite" }
func (e withCode) Code() int     { return int(e) }

func TestOwnFailure_WhenItPassesAndWhenNot(t *testing.T) {
	t.Parallel()
	_, missing := os.ReadFile(filepath.Join(t.TempDir(), "nada"))
	_, refused := (&net.Dialer{}).DialContext(t.Context(), "unix", filepath.Join(t.TempDir(), "nadie"))
	for name, tc := range map[string]struct {
		err    error
		passes bool
	}{
		"no room":                        {&fs.PathError{Op: "write", Path: "p", Err: syscall.ENOSPC}, true},
		"no quota":                       {syscall.EDQUOT, true},
		"read-only":                      {&fs.PathError{Op: "open", Path: "p", Err: syscall.EROFS}, true},
		"not permitted":                  {&fs.PathError{Op: "open", Path: "p", Err: syscall.EACCES}, true},
		"the disk fails":                 {syscall.EIO, true},
		"out of files":                   {errors.Join(errors.New("first"), syscall.EMFILE), true},
		"a file too large for a limit":   {syscall.EFBIG, true},
		"a remote volume is gone":        {syscall.ESTALE, true},
		"nobody listens":                 {refused, true},
		"too slow":                       {fmt.Errorf("store: %w", context.DeadlineExceeded), true},
		"cut":                            {fmt.Errorf("blobs: %w", io.ErrUnexpectedEOF), true},
		"a connection that is bad":       {driver.ErrBadConn, true},
		"PostgreSQL is going down":       {fmt.Errorf("store: %w", withState("57P01")), true},
		"PostgreSQL is starting":         {withState("57P03"), true},
		"PostgreSQL is a standby":        {withState("25006"), true},
		"no connections left":            {withState("53300"), true},
		"a lock that does not come":      {withState("55P03"), true},
		"a deadlock":                     {withState("40P01"), true},
		"the password changed":           {withState("28P01"), true},
		"SQLite is locked":               {withCode(5), true},
		"SQLite has a snapshot too old":  {withCode(517), true},
		"SQLite is full":                 {withCode(13), true},
		"SQLite is read-only":            {withCode(8), true},
		"SQLite cannot write":            {withCode(778), true},
		"SQLite cannot open":             {withCode(14), true},
		"SQLite is damaged":              {withCode(11), false},
		"SQLite is none":                 {withCode(26), false},
		"SQLite does not understand":     {withCode(1), false},
		"a rule of SQLite is broken":     {withCode(2067), false},
		"PostgreSQL does not understand": {withState("42601"), false},
		"no such table":                  {withState("42P01"), false},
		"a rule of PostgreSQL is broken": {withState("23505"), false},
		"PostgreSQL is damaged":          {withState("XX001"), false},
		"a state that is none":           {withState("5"), false},
		"a row that makes no sense":      {json.Unmarshal([]byte(`{"a":`), &struct{}{}), false},
		"a file that is not there":       {missing, false},
		"a file that is closed":          {os.ErrClosed, false},
		"a defect":                       {syscall.EBADF, false},
		"not foreseen":                   {errors.New("canario"), false},
	} {
		e := OwnFailure(tc.err, "No se pudo.")
		if !e.IsOwn() || (e.Kind == KindSinServicio) != tc.passes || e.Retryable != tc.passes || !e.Unsent || e.Backend != "" ||
			!errors.Is(e, tc.err) || strings.Contains(e.Detail, "Repita") != tc.passes || !strings.HasPrefix(e.Detail, "No se pudo.") {
			t.Errorf("%s: %+v", name, e)
		}
	}
	known := &Error{Kind: KindConflicto, Detail: "d"}
	if got := OwnFailure(fmt.Errorf("wrapped: %w", known), "No se pudo."); got != known {
		t.Errorf("an error of the vocabulary became %+v", got)
	}
}
