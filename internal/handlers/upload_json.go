package handlers

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/pasarela-mx/pasarela/internal/conform"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

const (
	// jsonBlock is the size of one read of a JSON body.
	jsonBlock = 64 << 10
	// lookAhead is how far a special character is looked for. A text may have one in
	// every line, and the bytes after it are scanned again.
	lookAhead = 256
	// decodeSlack is how far the SIMD decoder may write beyond the decoded length.
	decodeSlack = 64
	// maxKey is longer than any key of the contract, even escaped.
	maxKey = 256
	// maxShown is how much of a body is inspected to explain a fault.
	maxShown = 64
)

// fieldFile is the JSON field with the file.
const fieldFile = "archivoBase64"

// besideFile are the other fields of an upload in JSON, in any operation.
func besideFile() []string { return []string{"nombreArchivo", "titulos", "escape", "firmar"} }

// receiveJSON reads an object and keeps its fields. It decodes the field archivoBase64,
// if present, to disk as it comes: JSON libraries hold a whole string in memory, and this
// one may have a hundred megabytes.
func (h *handler) receiveJSON(ctx context.Context, body io.Reader) (*upload, error) {
	in := &objectReader{r: bufio.NewReaderSize(body, jsonBlock), kept: func(r io.Reader) io.Reader { return roomFrom(ctx).reader(ctx, r) }}
	up := &upload{fields: make(map[string]jsontext.Value)}
	err := in.each(func(key string) error {
		if _, twice := up.fields[key]; twice || key == fieldFile && up.file != nil {
			return conform.Twice(key)
		}
		if key != fieldFile {
			// At once: the memory for a body must not grow with its fields.
			if !slices.Contains(besideFile(), key) {
				return unknownField(key, besideFile()...)
			}
			value, err := in.value(key)
			up.fields[key] = value
			return err
		}
		text, err := in.text()
		if err != nil {
			return err
		}
		up.file, err = h.cfg.Lotes.Write("", text.decode)
		return err
	})
	if err == nil {
		err = up.name()
	}
	if err != nil {
		up.Close()
		return nil, unreadable(err, "El cuerpo no llegó completo.")
	}
	return up, nil
}

// name sets the file's name from the other fields.
func (u *upload) name() error {
	if u.file == nil {
		return nil
	}
	if raw, ok := u.fields["nombreArchivo"]; ok {
		delete(u.fields, "nombreArchivo")
		if err := json.Unmarshal(raw, &u.file.Name); err != nil {
			return badField("nombreArchivo", "Debe ser un texto, entre comillas.")
		}
	}
	u.file.InferName()
	return nil
}

// only refuses fields other than names. null and an empty list count as absent, because
// generated clients write them for absent fields.
func (u *upload) only(names ...string) error {
	for key, raw := range u.fields {
		if absent := string(raw) == "null" || string(raw) == "[]"; !absent && !slices.Contains(names, key) {
			return unknownField(key, names...)
		}
	}
	return nil
}

func unknownField(key string, names ...string) error {
	return badField(key, "No es un campo de esta petición.", append(names, fieldFile)...)
}

// objectReader reads the top level of one JSON object.
type objectReader struct {
	r *bufio.Reader
	// kept reads what stays in memory.
	kept func(io.Reader) io.Reader
	at   conform.Place // the bytes that have been read
	// The number of names and values that have been read, and what follows the last one:
	// a comma, a colon or nothing.
	n    int
	last string
}

// each calls field after each key's colon; field must consume the value. Nothing may
// follow the object.
func (o *objectReader) each(field func(key string) error) error {
	head, err := o.r.Peek(jsonBlock)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := conform.Begins(head); err != nil {
		return err
	}
	if _, err := o.next(); err != nil {
		return err
	}
	o.take(1) // it is {, as was checked
	for {
		c, err := o.next()
		switch {
		case err != nil:
			return err
		case c == '}' && o.last == "":
			o.take(1)
			return o.end()
		case c == '"' && (o.n == 0 || o.last == ","):
			if err := o.member(field); err != nil {
				return err
			}
		case c == ',' && o.last == "" && o.n > 0 && !o.lastComma():
			o.take(1)
			o.last = ","
		default:
			return o.wrong()
		}
	}
}

// lastComma reports whether the next comma is followed by the object's end.
func (o *objectReader) lastComma() bool {
	behind := bytes.TrimLeft(o.rest()[1:], blanks)
	return len(behind) > 0 && behind[0] == '}'
}

// end refuses anything after the object.
func (o *objectReader) end() error {
	if _, err := o.next(); err != nil || len(o.rest()) > 0 {
		return cmp.Or(err, o.at.BehindObject())
	}
	return nil
}

func (o *objectReader) member(field func(key string) error) error {
	key, err := o.key()
	if err != nil {
		return err
	}
	o.n, o.last = o.n+1, ""
	if c, err := o.next(); err != nil || c != ':' {
		return cmp.Or(err, o.wrong())
	}
	o.take(1)
	o.last = ":"
	if c, err := o.next(); err != nil || c == '}' || c == ',' || c == ':' || c == 0 {
		return cmp.Or(err, o.wrong())
	}
	if err := field(key); err != nil {
		return err
	}
	o.n, o.last = o.n+1, ""
	return nil
}

// key reads a key. A key longer than any known one is an error.
func (o *objectReader) key() (string, error) {
	quoted, err := o.r.Peek(maxKey)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	raw, _, err := conform.Take("", bytes.NewReader(quoted), o.at)
	switch {
	case err != nil && len(quoted) == maxKey && bytes.IndexByte(quoted[1:], '"') < 0:
		return "", unknownField("una clave de más de "+strconv.Itoa(maxKey)+" bytes", besideFile()...)
	case err != nil:
		return "", err
	}
	key, err := jsontext.AppendUnquote(nil, raw)
	o.take(len(raw))
	return string(key), err
}

// blanks are the white space of JSON (RFC 8259 §2).
const blanks = " \t\r\n"

// next returns the next byte that is not white space, without consuming it; 0 at the end.
func (o *objectReader) next() (byte, error) {
	for {
		have, err := o.r.Peek(1)
		if errors.Is(err, io.EOF) {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		if strings.IndexByte(blanks, have[0]) < 0 {
			return have[0], nil
		}
		o.take(1)
	}
}

// take consumes n bytes that have been peeked at.
func (o *objectReader) take(n int) {
	taken, _ := o.r.Peek(n) // it is buffered
	o.at = o.at.Beyond(taken)
	o.r.Discard(n) //nolint:errcheck // it is buffered
}

// rest returns the next bytes, as far as they are available.
func (o *objectReader) rest() []byte {
	rest, _ := o.r.Peek(maxShown) // without the part that fails
	return rest
}

func (o *objectReader) wrong() error { return o.at.InObject(o.n, o.last, o.rest()) }

// value reads a value of any kind, of at most maxFields bytes.
func (o *objectReader) value(key string) (jsontext.Value, error) {
	bounded := &io.LimitedReader{R: o.kept(o.r), N: maxFields}
	raw, beyond, err := conform.Take(key, bounded, o.at)
	if err != nil && bounded.N == 0 {
		return nil, &gateway.Error{Kind: gateway.KindDemasiadoGrande, Own: gateway.OwnCampoGrande, Err: err,
			Detail: fmt.Sprintf("Un campo rebasa el límite de %d MB. Divida el lote.", maxFields>>20)}
	}
	if err != nil {
		return nil, err
	}
	o.at = o.at.Beyond(raw)
	o.r = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(beyond), o.r), jsonBlock)
	return raw, nil
}

// text begins a string value, which must be read to its end.
func (o *objectReader) text() (*textValue, error) {
	if c, err := o.next(); err != nil || c != '"' {
		return nil, cmp.Or(err, badField(fieldFile, "Debe ser un texto, entre comillas."))
	}
	o.take(1)
	return &textValue{o: o}, nil
}

// textValue reads a JSON string of base64, up to its closing quote, in blocks. It knows
// the escapes that base64 in JSON can have: encoders that guard against HTML write \u002b
// for + and \u003d for =. It also accepts the raw line breaks that JSON forbids.
type textValue struct {
	o     *objectReader
	ended bool // the closing quote has been read
}

// decode writes the string's content to w.
func (t *textValue) decode(w io.Writer) error {
	text := newBase64Text(w)
	block := make([]byte, 0, jsonBlock)
	for !t.ended {
		var err error
		if block, err = t.fill(block[:0]); err != nil {
			return err
		}
		if _, err := text.Write(block); err != nil {
			return ofFile(err)
		}
	}
	return ofFile(text.Close())
}

// ofFile adds the name of the faulty field.
func ofFile(err error) error {
	var fault base64Fault
	if errors.As(err, &fault) {
		return badField(fieldFile, fault.Error())
	}
	return err
}

// fill appends characters to text until it is full or the string ends.
func (t *textValue) fill(text []byte) ([]byte, error) {
	for len(text) < cap(text) {
		if _, err := t.o.r.Peek(1); err != nil {
			return nil, t.noEnd(err)
		}
		have, _ := t.o.r.Peek(min(t.o.r.Buffered(), cap(text)-len(text), lookAhead)) // it is buffered
		run := have
		for _, special := range []byte{'"', '\\'} {
			if i := bytes.IndexByte(run, special); i >= 0 {
				run = run[:i]
			}
		}
		text = append(text, run...)
		t.o.take(len(run))
		if len(run) == len(have) {
			continue
		}
		c, err := t.special()
		switch {
		case err != nil:
			return nil, err
		case t.ended:
			return text, nil
		}
		text = append(text, c)
	}
	return text, nil
}

// notBase64Byte stands for an escape that base64 cannot contain.
const notBase64Byte = 0xFF

// special reads the closing quote or an escape.
func (t *textValue) special() (byte, error) {
	c, err := t.byte()
	if err != nil {
		return 0, err
	}
	if c == '"' {
		t.ended = true
		return 0, nil
	}
	return t.escaped()
}

func (t *textValue) escaped() (byte, error) {
	c, err := t.byte()
	if err != nil {
		return 0, err
	}
	switch c {
	case '/', '"', '\\':
		return c, nil
	case 'n', 'r', 't':
		return '\n', nil
	case 'u':
		return t.unicode()
	}
	return notBase64Byte, nil
}

func (t *textValue) unicode() (byte, error) {
	var digits [4]byte
	for i := range digits {
		var err error
		if digits[i], err = t.byte(); err != nil {
			return 0, err
		}
	}
	if code, err := strconv.ParseUint(string(digits[:]), 16, 7); err == nil { // ASCII: base64 has nothing beyond it
		return byte(code), nil
	}
	return notBase64Byte, nil
}

func (t *textValue) byte() (byte, error) {
	have, err := t.o.r.Peek(1)
	if err != nil {
		return 0, t.noEnd(err)
	}
	c := have[0]
	t.o.take(1)
	return c, nil
}

// noEnd returns the error for a string without its closing quote.
func (t *textValue) noEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return t.o.at.InObject(t.o.n, `:"`, nil)
	}
	return err
}
