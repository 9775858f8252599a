// Package web is what the gateway's pages share: their icon, colours and type, the
// headers that guard them, and how their files are served. It refuses to know what a
// page shows.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"
)

//go:embed recursos/*
var shared embed.FS

// CSP lets a page use its own style sheets and scripts and nothing else: what a
// SAT message or a name would smuggle in has nowhere to go. No page allows eval, inline
// scripts or inline styles. A page adds the pictures and the connections that it needs.
const CSP = "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Guard keeps other sites from framing pages and from running anything in them. policy
// gives a page's Content-Security-Policy, and caching is the Cache-Control of the pages.
func Guard(next http.Handler, caching string, policy func(*http.Request) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy(r))
		h.Set("Cache-Control", caching)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY")
		next.ServeHTTP(w, r)
	})
}

// Resources adds to mux, below path, the files that all pages share, and those that a
// page has in its folder recursos.
func Resources(mux *http.ServeMux, path string, own fs.FS) error {
	return errors.Join(Files(mux, path, shared, "recursos"), Files(mux, path, own, "recursos"))
}

// Files adds every file of a folder to mux, below path. They are read when asked for.
func Files(mux *http.ServeMux, path string, files fs.FS, folder string) error {
	list, err := fs.ReadDir(files, folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("web: %w", err)
	}
	for _, a := range list {
		mux.HandleFunc("GET "+path+a.Name(), func(w http.ResponseWriter, r *http.Request) {
			content, err := fs.ReadFile(files, folder+"/"+a.Name())
			if err != nil {
				http.Error(w, "No se pudo leer el archivo.", http.StatusInternalServerError)
				return
			}
			Serve(w, r, a.Name(), content)
		})
	}
	return nil
}

// Serve sends content that holds nobody's data. A browser keeps it until it is another.
func Serve(w http.ResponseWriter, r *http.Request, name string, content []byte) {
	sum := sha256.Sum256(content)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
}
