package handlers

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/sat/paquetes"
)

const (
	// liveBlock is the size of one copy from a package that is being downloaded.
	liveBlock = 128 << 10
	// storedPiece is the size of one piece of a stored package.
	storedPiece = 4 << 20
	// The values of X-Paquete-Dudoso.
	doubtDamaged, doubtCut = "archivos_danados", "incompleto"
	// stalledCaller is how long a caller may take no byte of an answer. The server resets
	// it with each request.
	stalledCaller = 2 * time.Minute
)

func (h *handler) DescargarPaquete(w http.ResponseWriter, r *http.Request,
	servicio rest.Servicio, id rest.IDPaquete, params rest.DescargarPaqueteParams,
) error {
	if err := allow(r.Context(), params.RFCSolicitante); err != nil {
		return err
	}
	paquete := gateway.Paquete{Servicio: gateway.Servicio(servicio), RFCSolicitante: params.RFCSolicitante, IDPaquete: id}
	open := h.cfg.Paquetes.Open
	switch {
	case r.Method == http.MethodHead:
		// HEAD must not use one of the package's downloads.
		open = func(ctx context.Context, p gateway.Paquete) (paquetes.Content, error) {
			return h.cfg.Paquetes.OpenSaved(ctx, p, params.Dudoso)
		}
	case params.Dudoso:
		open = h.cfg.Paquetes.OpenDubious
	}
	got, err := open(r.Context(), paquete)
	if err != nil {
		return err
	}
	if got.InFlight != nil && !r.ProtoAtLeast(1, 1) {
		// Without chunks, only the end of the connection ends an answer, whether cut or
		// complete.
		if got, err = h.landed(r, got, paquete); err != nil {
			return err
		}
	}
	w.Header().Set("Content-Type", "application/zip")
	name := id
	if got.Saved != nil && got.Saved.Dubious != "" {
		reason := doubtDamaged
		if got.Saved.Broken {
			reason, name = doubtCut, id+".dudoso"
		}
		w.Header().Set("X-Paquete-Dudoso", reason)
	}
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.zip"`)
	w.Header().Set("Cache-Control", "private, no-cache")
	if got.Saved != nil {
		return serveStored(w, r, got.Saved)
	}
	return serveLive(w, r, got.InFlight)
}

// landed waits for a download and returns what it stored.
func (h *handler) landed(r *http.Request, got paquetes.Content, paquete gateway.Paquete) (paquetes.Content, error) {
	_, err := io.Copy(io.Discard, got.InFlight)
	if err = errors.Join(err, got.InFlight.Close()); err != nil {
		return paquetes.Content{}, err
	}
	return h.cfg.Paquetes.Open(r.Context(), paquete)
}

// serveStored answers from storage, with conditions and ranges (RFC 9110 §13, §14).
func serveStored(w http.ResponseWriter, r *http.Request, g *paquetes.Saved) error {
	defer g.Close() //nolint:errcheck // read only
	w.Header().Set("ETag", `"`+g.SHA256+`"`)
	if strings.Contains(r.Header.Get("Range"), ",") {
		// Several ranges would be answered as multipart, which the contract does not
		// offer; a server may ignore Range (RFC 9110 §14.2).
		r.Header.Del("Range")
	}
	if g.Damaged() || r.Method != http.MethodGet || !r.ProtoAtLeast(1, 1) || conditional(r) {
		// A part of the package cannot be compared with its digest, and an HTTP/1.0
		// caller may not notice a cut.
		if err := g.Confirm(r.Context()); err != nil {
			return err
		}
	}
	stored := &storedWriter{ResponseWriter: w, r: r, g: g}
	// Unwrapped, or the system would not send a part of the file directly.
	http.ServeContent(stored, r, "", g.Completed, g.ReadSeekCloser)
	if stored.err == nil {
		stored.begin()
	}
	return stored.err
}

// conditional reports whether the answer to r may be something other than the whole
// package.
func conditional(r *http.Request) bool {
	for _, name := range []string{"Range", "If-None-Match", "If-Match", "If-Modified-Since", "If-Unmodified-Since"} {
		if r.Header.Get(name) != "" {
			return true
		}
	}
	return false
}

// serveLive sends a package while it is downloaded. Its length and digest are not known
// yet, so it has neither Content-Length nor ETag. The answer starts with the first full
// block; an earlier failure is still a problem. If it fails later, or the package turns
// out to be incomplete, the connection is cut, so that no caller takes the part for the
// whole.
func serveLive(w http.ResponseWriter, r *http.Request, live io.ReadCloser) error {
	defer live.Close() //nolint:errcheck // always nil
	buf := make([]byte, liveBlock)
	n, err := io.ReadFull(live, buf)
	if err == io.ErrUnexpectedEOF { //nolint:errorlint // ReadFull's own: the package is shorter than a block
		err = io.EOF
	}
	// By identity: a failure may wrap io.EOF of a cut answer.
	if err != nil && err != io.EOF {
		return err
	}
	w.Header().Set("Accept-Ranges", "none")
	w.WriteHeader(http.StatusOK)
	control := http.NewResponseController(w)
	for {
		// Test recorders have no deadlines.
		control.SetWriteDeadline(time.Now().Add(stalledCaller)) //nolint:errcheck // see above
		if _, err := w.Write(buf[:n]); err != nil {
			return nil // the caller left; the download continues
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			zerolog.Ctx(r.Context()).Warn().Err(err).Msg("a package in flight failed; the answer is cut")
			panic(http.ErrAbortHandler)
		}
		n, err = live.Read(buf)
	}
}
