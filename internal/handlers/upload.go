package handlers

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/pace"
	"github.com/pasarela-mx/pasarela/internal/sep/lotes"
)

const (
	// slowUpload is the longest time for a file to arrive. uploadLeast is the least
	// number of bytes in each uploadPeriod; a connection of 10 kbit/s meets it.
	slowUpload   = 15 * time.Minute
	uploadPeriod = time.Minute
	uploadLeast  = 64 << 10
	// maxFields bounds the fields beside a file in JSON: a lote of titles.
	maxFields = 16 << 20
)

// upload is an uploaded file, on disk, or the fields that came instead.
type upload struct {
	file   *lotes.File // nil if there was none
	fields map[string]jsontext.Value
}

// Close removes the file.
func (u *upload) Close() {
	if u.file != nil {
		u.file.Close()
	}
}

// receive stores an upload on disk: raw XML or ZIP, a multipart part, or base64 in JSON.
// Memory use is constant in each case.
//
// It may take a quarter of an hour, so it checks the caller's key again at the end: the
// next step sends or signs.
func (h *handler) receive(w http.ResponseWriter, r *http.Request, name string) (*upload, error) {
	up, err := h.receiveAny(w, r, name)
	if err != nil {
		return nil, err
	}
	if err := h.still(r); err != nil {
		up.Close()
		return nil, err
	}
	return up, nil
}

func (h *handler) receiveAny(w http.ResponseWriter, r *http.Request, name string) (*upload, error) {
	body := &paced{r: r.Body, control: http.NewResponseController(w), until: time.Now().Add(slowUpload), pace: pace.Pace{Period: uploadPeriod, Least: uploadLeast}}
	up, err := h.receiveFrom(body, r, name)
	body.done(err)
	return up, err
}

func (h *handler) receiveFrom(body io.Reader, r *http.Request, name string) (*upload, error) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, unreadable(err, notItsType)
	}
	switch media {
	case "multipart/form-data":
		return h.receiveMultipart(body, params["boundary"])
	case "application/json":
		return h.receiveJSON(r.Context(), body)
	}
	file, err := h.receiveFile(name, body)
	if err != nil {
		return nil, err
	}
	return &upload{file: file}, nil
}

// receiveFile stores a file. Errors of r are the caller's.
func (h *handler) receiveFile(name string, r io.Reader) (*lotes.File, error) {
	file, err := h.cfg.Lotes.Receive(name, r)
	if err != nil {
		return nil, unreadable(err, notItsType)
	}
	return file, nil
}

const notItsType = "El cuerpo no se puede leer como dice su Content-Type."

// unreadable returns the error for a body that could not be read. An *Error is returned
// unchanged.
func unreadable(err error, detail string) error {
	// First, because every reader of a file can return this error.
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, pace.ErrSlow) {
		return &gateway.Error{Kind: gateway.KindLento, Own: gateway.OwnCuerpoLento, Unsent: true, Retryable: true, Err: err,
			Detail: fmt.Sprintf("El cuerpo no llegó a tiempo y no se hizo nada. Un cuerpo en JSON tiene %d segundos; un archivo, %d minutos, mientras traiga al menos %d KiB por minuto.",
				int(slowBody.Seconds()), int(slowUpload.Minutes()), uploadLeast>>10)}
	}
	var known *gateway.Error
	if errors.As(err, &known) {
		return known
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return &gateway.Error{Kind: gateway.KindDemasiadoGrande, Own: gateway.OwnCuerpoGrande, Detail: "El cuerpo rebasa el límite de " + inBytes(large.Limit) + " de esta operación.", Err: err}
	}
	return &gateway.Error{Kind: gateway.KindMalformada, Own: gateway.OwnCuerpoIlegible, Detail: detail, Err: err}
}

// inBytes writes a limit for people.
func inBytes(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

// receiveMultipart reads the part named file. Its name is the field nombreArchivo, if
// that comes first, or else the part's own file name.
func (h *handler) receiveMultipart(body io.Reader, boundary string) (*upload, error) {
	up, parts := &upload{}, multipart.NewReader(body, boundary)
	var name *string
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			name, err = h.receivePart(part, up, name)
		}
		if err != nil {
			up.Close()
			return nil, unreadable(err, notItsType)
		}
	}
	if up.file == nil {
		return nil, badField("archivo", "Es obligatorio.")
	}
	if name != nil && *name != "" {
		up.file.Name = *name
	}
	up.file.InferName()
	return up, nil
}

// receivePart reads one part and returns the file's name: name, unless this part is
// nombreArchivo.
func (h *handler) receivePart(part *multipart.Part, up *upload, name *string) (*string, error) {
	field := part.FormName()
	switch {
	case field == "nombreArchivo" && name != nil, field == "archivo" && up.file != nil:
		return nil, badField(field, "Está repetido.")
	case field == "nombreArchivo":
		text, err := io.ReadAll(io.LimitReader(part, maxBody))
		name := string(text)
		return &name, err
	case field == "archivo":
		var err error
		up.file, err = h.receiveFile(part.FileName(), part)
		return name, err
	}
	return nil, badField(field, "No es una parte de esta petición.", "archivo", "nombreArchivo")
}

func badField(field, detail string, valid ...string) error {
	return &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnCampoDeCarga, Detail: "La petición no cumple el contrato; vea errores.",
		Fields: []gateway.Field{{Campo: field, Detalle: detail, ValoresValidos: valid}}}
}
