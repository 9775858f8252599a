package handlers

import (
	"errors"
	"io"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/paquetes"
)

const (
	// liveBlock is what is copied at a time from a package in flight.
	liveBlock = 128 << 10
	// storedPiece is what is sent at a time of a package in storage.
	storedPiece = 4 << 20
	// The reasons of X-Paquete-Dudoso.
	doubtDamaged, doubtCut = "archivos_danados", "incompleto"
	// stalledCaller is how long a caller may take nothing of an answer.
	stalledCaller = 2 * time.Minute
)

func (h *handler) descargar(w http.ResponseWriter, r *http.Request, servicio rest.Servicio, id rest.IDPaquete, params rest.DescargarPaqueteParams) error {
	if err := permite(r.Context(), params.RFCSolicitante); err != nil {
		return err
	}
	paquete := gateway.Paquete{Servicio: gateway.Servicio(servicio), RFCSolicitante: params.RFCSolicitante, IDPaquete: id}
	abre := h.cfg.Paquetes.Abre
	if params.Dudoso {
		abre = h.cfg.Paquetes.AbreDudoso
	}
	got, err := abre(r.Context(), paquete)
	if err != nil {
		return err
	}
	if got.EnVuelo != nil && !r.ProtoAtLeast(1, 1) {
		// Without chunks an answer ends when the connection does, cut or whole.
		if got, err = h.landed(r, got, paquete); err != nil {
			return err
		}
	}
	w.Header().Set("Content-Type", "application/zip")
	name := id
	if got.Guardado != nil && got.Guardado.Dudoso != "" {
		reason := doubtDamaged
		if got.Guardado.Roto {
			reason, name = doubtCut, id+".dudoso"
		}
		w.Header().Set("X-Paquete-Dudoso", reason)
	}
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.zip"`)
	w.Header().Set("Cache-Control", "private, no-cache")
	if got.Guardado != nil {
		return serveStored(w, r, got.Guardado)
	}
	return serveLive(w, r, got.EnVuelo)
}

// landed waits for a flight and returns what it left in storage.
func (h *handler) landed(r *http.Request, got paquetes.Contenido, paquete gateway.Paquete) (paquetes.Contenido, error) {
	_, err := io.Copy(io.Discard, got.EnVuelo)
	if err = errors.Join(err, got.EnVuelo.Close()); err != nil {
		return paquetes.Contenido{}, err
	}
	return h.cfg.Paquetes.Abre(r.Context(), paquete)
}

// serveStored answers from storage, with conditions and ranges (RFC 9110 §13, §14).
func serveStored(w http.ResponseWriter, r *http.Request, g *paquetes.Guardado) error {
	defer g.Close() //nolint:errcheck // read only
	w.Header().Set("ETag", `"`+g.SHA256+`"`)
	if strings.Contains(r.Header.Get("Range"), ",") {
		// Several ranges would be answered as multipart, which the contract does
		// not offer; a server may ignore Range (RFC 9110 §14.2).
		r.Header.Del("Range")
	}
	ranged := &rangeWriter{ResponseWriter: w}
	// By itself, or the system would not send the file.
	http.ServeContent(ranged, r, "", g.Completado, g.ReadSeekCloser)
	if !ranged.refused {
		return nil
	}
	return &gateway.Error{Kind: gateway.KindRango, Detail: "El encabezado Range pide bytes que el paquete no tiene."}
}

// rangeWriter keeps ServeContent's own text of a 416 from the caller. It does
// not hide the writer's ReadFrom, by which files go out without a copy.
type rangeWriter struct {
	http.ResponseWriter
	refused bool
}

func (w *rangeWriter) WriteHeader(status int) {
	if w.refused = status == http.StatusRequestedRangeNotSatisfiable; !w.refused {
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w *rangeWriter) Write(p []byte) (int, error) {
	if w.refused {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

// ReadFrom sends a file piece by piece, each with its own time to be taken. What
// it is given is unwrapped, so that the system still sends the file by itself.
func (w *rangeWriter) ReadFrom(src io.Reader) (int64, error) {
	rf, ok := w.ResponseWriter.(io.ReaderFrom)
	if !ok || w.refused {
		return io.Copy(struct{ io.Writer }{w}, src)
	}
	limited, ok := src.(*io.LimitedReader)
	if !ok {
		limited = &io.LimitedReader{R: src, N: math.MaxInt64}
	}
	control := http.NewResponseController(w.ResponseWriter)
	defer control.SetWriteDeadline(time.Time{}) //nolint:errcheck // for the connection's next request
	var total int64
	for limited.N > 0 {
		control.SetWriteDeadline(time.Now().Add(stalledCaller)) //nolint:errcheck // a test's recorder has none
		n, err := rf.ReadFrom(&io.LimitedReader{R: limited.R, N: min(limited.N, storedPiece)})
		total += n
		limited.N -= n
		if err != nil || n == 0 {
			return total, err
		}
	}
	return total, nil
}

// serveLive answers with a package as it arrives. Its length and digest are not
// known, so it has neither Content-Length nor ETag. The answer begins with the
// first whole block: a failure before that is still a problem. When it fails
// later, or the gateway finds it not whole, the connection is cut so that no
// caller takes the part for the whole.
func serveLive(w http.ResponseWriter, r *http.Request, live io.ReadCloser) error {
	defer live.Close() //nolint:errcheck // always nil
	buf := make([]byte, liveBlock)
	n, err := io.ReadFull(live, buf)
	if err == io.ErrUnexpectedEOF { //nolint:errorlint // ReadFull's own: the package is shorter than a block
		err = io.EOF
	}
	// By identity: a failure may wrap an end, where an answer was cut.
	if err != nil && err != io.EOF {
		return err
	}
	w.Header().Set("Accept-Ranges", "none")
	w.WriteHeader(http.StatusOK)
	control := http.NewResponseController(w)
	defer control.SetWriteDeadline(time.Time{}) //nolint:errcheck // for the connection's next request
	for {
		// A server without deadlines is a test's recorder.
		control.SetWriteDeadline(time.Now().Add(stalledCaller)) //nolint:errcheck // see above
		if _, err := w.Write(buf[:n]); err != nil {
			return nil // the caller is gone; the download goes on
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
