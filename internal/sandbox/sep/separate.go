package sep

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/sandbox/wellformed"
)

const (
	// maxFile bounds an upload; the SEP publishes no bound.
	maxFile = 100 << 20
	// maxBody leaves room for its base64 with line breaks.
	maxBody = 150 << 20
	// maxEnvelope bounds the rest of the message.
	maxEnvelope = 256 << 10
)

var errBig = errors.New("message too large")

// separator parts a message in two while it arrives: the file, which may be large, goes decoded to a
// writer; the rest stays in memory with the file's element empty. A parser of XML would hold the whole
// text of the element.
type separator struct {
	r        *bufio.Reader
	envelope bytes.Buffer
	file     io.Writer

	had    bool  // the element was there, and not of the short form
	bytes  int64 // decoded
	base64 bool  // what it held was base64
}

const elementFile = "archivoBase64"

// separate reads the whole of r.
func separate(r io.Reader, file io.Writer) (*separator, error) {
	s := &separator{r: bufio.NewReaderSize(r, 64<<10), file: file, base64: true}
	for {
		if err := s.until("<"); err != nil {
			if errors.Is(err, io.EOF) {
				return s, nil
			}
			return nil, err
		}
		isFile, err := s.mark()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil, fmt.Errorf("%w: it ends within a tag", wellformed.ErrMalformed)
			}
			return nil, err
		}
		if !isFile || s.had {
			continue
		}
		s.had = true
		if err := s.copy(); err != nil {
			return nil, err
		}
	}
}

// until copies up to a text, it included.
func (s *separator) until(end string) error {
	for {
		c, err := s.r.ReadByte()
		if err != nil {
			return err
		}
		s.envelope.WriteByte(c)
		if s.envelope.Len() > maxEnvelope {
			return errBig
		}
		if c == end[len(end)-1] && bytes.HasSuffix(s.envelope.Bytes(), []byte(end)) {
			return nil
		}
	}
}

// mark copies a tag, a comment or the like, whose "<" was copied, and reports whether it opens the file.
func (s *separator) mark() (isFile bool, err error) {
	for start, end := range map[string]string{"!--": "-->", "![CDATA[": "]]>", "?": "?>"} {
		if b, _ := s.r.Peek(len(start)); string(b) == start {
			for range len(start) {
				c, _ := s.r.ReadByte()
				s.envelope.WriteByte(c)
			}
			return false, s.until(end)
		}
	}
	since := s.envelope.Len()
	for {
		c, err := s.r.ReadByte()
		if err != nil {
			return false, err
		}
		s.envelope.WriteByte(c)
		switch c {
		case '"', '\'':
			if err := s.until(string(c)); err != nil {
				return false, err
			}
		case '>':
			label := string(s.envelope.Bytes()[since : s.envelope.Len()-1])
			name, _, _ := strings.Cut(strings.Fields(label + " x")[0], "/")
			if _, local, ok := strings.Cut(name, ":"); ok {
				name = local
			}
			return name == elementFile && !strings.HasSuffix(label, "/"), nil
		}
		if s.envelope.Len() > maxEnvelope {
			return false, errBig
		}
	}
}

// copy decodes the text of the element. When it turns out not to be base64, the rest is passed over, so
// that the message can still be understood and refused as the service would.
func (s *separator) copy() error {
	text := &content{r: s.r}
	block, open := make([]byte, blockBase64), make([]byte, blockBase64)
	padding := false // seen: nothing may follow
	for {
		read, err := io.ReadFull(text, block)
		if text.err != nil {
			return text.err
		}
		if read > 0 && s.base64 {
			n, bad := base64.StdEncoding.Decode(open, block[:read])
			s.base64 = bad == nil && !padding
			padding = bytes.HasSuffix(block[:read], []byte("="))
			if s.bytes += int64(n); s.bytes > maxFile {
				return errBig
			}
			if _, bad := s.file.Write(open[:n]); bad != nil {
				return bad
			}
		}
		if err != nil {
			return nil //nolint:nilerr // it is the end of the text; errors of the connection were seen above
		}
	}
}

// blockBase64 is decoded at a time, and is of whole groups of four.
const blockBase64 = 64 << 10

// content reads the text of an element up to the next tag, without its white space: not as characters,
// nor as references, which is how some clients write line breaks.
type content struct {
	r     *bufio.Reader
	cdata bool
	end   bool
	err   error // of the connection, apart from what the decoder says
}

const (
	openCDATA  = "<![CDATA["
	closeCDATA = "]]>"
)

func (c *content) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && !c.end {
		if _, err := c.r.Peek(1); err != nil {
			if errors.Is(err, io.EOF) {
				err = fmt.Errorf("%w: it ends within the archivo", wellformed.ErrMalformed)
			}
			c.err = err
			return n, err
		}
		chunk, _ := c.r.Peek(min(c.r.Buffered(), len(p)-n))
		read := 0
		for _, b := range chunk {
			if b > ' ' && b != '<' && b != '&' && b != ']' {
				p[n] = b
				n++
			} else if b != ' ' && b != '\t' && b != '\r' && b != '\n' {
				break
			}
			read++
		}
		_, _ = c.r.Discard(read)
		if read < len(chunk) {
			n += c.special(p[n:])
		}
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// special skips markup and references, or replaces a character that base64 does not have.
func (c *content) special(p []byte) int {
	for _, reference := range []string{"&#xD;", "&#xA;", "&#x9;", "&#x20;", "&#13;", "&#10;", "&#9;", "&#32;"} {
		if b, _ := c.r.Peek(len(reference)); !c.cdata && strings.EqualFold(string(b), reference) {
			_, _ = c.r.Discard(len(reference))
			return 0
		}
	}
	if b, _ := c.r.Peek(len(openCDATA)); !c.cdata && string(b) == openCDATA {
		_, _ = c.r.Discard(len(openCDATA))
		c.cdata = true
		return 0
	}
	if b, _ := c.r.Peek(len(closeCDATA)); c.cdata && string(b) == closeCDATA {
		_, _ = c.r.Discard(len(closeCDATA))
		c.cdata = false
		return 0
	}
	if b, _ := c.r.Peek(1); !c.cdata && string(b) == "<" {
		c.end = true
		return 0
	}
	_, _ = c.r.Discard(1)
	p[0] = '*'
	return 1
}
