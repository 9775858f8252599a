package xmldoc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

const (
	markUTF8    = "\xEF\xBB\xBF"
	markUTF16LE = "\xFF\xFE"
	markUTF16BE = "\xFE\xFF"
	// maxDeclaration bounds the XML declaration, in bytes.
	maxDeclaration = 1 << 10
)

// declaration matches XMLDecl (XML 1.0, production 23); its group is the encoding's name.
var declaration = regexp.MustCompile(`^<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:"1\.0"|'1\.0')` +
	`(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*["']([A-Za-z][A-Za-z0-9._-]*)["'])?` +
	`(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*["'](?:yes|no)["'])?[ \t\r\n]*\?>`)

// usual is the beginning of nearly all documents.
const usual = `<?xml version="1.0" encoding="UTF-8"`

// coding is a mapping from bytes to characters.
type coding uint8

const (
	unknown coding = iota
	utf8Coding
	latin1
	windows1252
	utf16Coding
	utf16LE
	utf16BE
)

// Encodings lists the encoding names that a document may declare.
func Encodings() []string {
	return []string{"UTF-8", "ISO-8859-1", "windows-1252", "UTF-16", "US-ASCII"}
}

// byName maps the names of encodings, with common aliases. US-ASCII is read as UTF-8, of
// which it is a subset.
func byName(name string) coding {
	switch strings.ToLower(name) {
	case "utf-8", "utf8", "us-ascii", "ascii":
		return utf8Coding
	case "iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "latin-1", "l1":
		return latin1
	case "windows-1252", "cp1252", "cp-1252":
		return windows1252
	case "utf-16", "utf16", "unicode":
		return utf16Coding
	case "utf-16le":
		return utf16LE
	case "utf-16be":
		return utf16BE
	}
	return unknown
}

// detect determines the encoding by a document's first bytes, and the length of its mark.
func detect(head []byte, charset string) (c coding, mark int, err error) {
	text := string(head[:min(len(head), 8)])
	begins := func(prefix string) bool { return strings.HasPrefix(text, prefix) }
	switch {
	case begins("\xFF\xFE\x00\x00"), begins("\x00\x00\xFE\xFF"), begins("<\x00\x00\x00"), begins("\x00\x00\x00<"):
		return unknown, 0, &Error{Kind: Encoding, Detail: "El documento está en UTF-32; se leen " + strings.Join(Encodings(), ", ")}
	case begins(markUTF8):
		return utf8Coding, len(markUTF8), nil
	case begins(markUTF16LE):
		return utf16LE, len(markUTF16LE), nil
	case begins(markUTF16BE):
		return utf16BE, len(markUTF16BE), nil
	}
	told := byName(charset)
	switch {
	// XML 1.0, appendix F: without a mark, UTF-16 shows in its first bytes.
	case begins("<\x00"):
		return utf16LE, 0, nil
	case begins("\x00<"):
		return utf16BE, 0, nil
	case told == utf16Coding:
		return utf8Coding, 0, nil
	case told != unknown:
		return told, 0, nil
	}
	if strings.HasPrefix(string(head[:min(len(head), len(usual))]), usual) {
		return utf8Coding, 0, nil
	}
	m := declaration.FindSubmatch(head)
	if m == nil || m[1] == nil {
		return utf8Coding, 0, nil
	}
	switch c := byName(string(m[1])); c {
	case unknown:
		return unknown, 0, &Error{Kind: Encoding, Detail: "La codificación declarada, " + brief(m[1]) + ", no se reconoce; se leen " + strings.Join(Encodings(), ", ")}
	case utf16Coding, utf16LE, utf16BE:
		// The declaration is false, because the bytes are single, and common: .NET writes
		// it into strings that are stored in another encoding.
		return utf8Coding, 0, nil
	default:
		return c, 0, nil
	}
}

// open reads the beginning of the document, as far as the encoding requires, and makes
// src a source of UTF-8.
func (r *Reader) open() error {
	n, err := r.head()
	if err != nil {
		return err
	}
	head := r.buf[:n]
	charset := r.o.Charset
	if r.o.OnlyUTF8 {
		charset = "utf-8" // the declaration is checked when it is read
	}
	c, mark := utf8Coding, 0
	if !r.o.Decoded {
		c, mark, err = detect(head, charset)
		switch {
		case err != nil && r.o.OnlyUTF8:
			return &Error{Kind: Encoding, Detail: "El documento está en UTF-32; guárdelo en UTF-8"} // not recognized by its mark alone
		case err != nil:
			return err
		}
	}
	if c == utf8Coding {
		whole := n
		if !errors.Is(r.err, io.EOF) {
			whole -= unfinished(head)
			r.carried = copy(r.carry[:], head[whole:])
		}
		r.pos, r.end, r.base, r.copied = mark, whole, -int64(mark), mark
		return nil
	}
	if r.o.OnlyUTF8 {
		return &Error{Kind: Encoding, Detail: "El documento está en UTF-16; guárdelo en UTF-8"}
	}
	src := io.MultiReader(bytes.NewReader(bytes.Clone(head[mark:])), &ended{r.src, r.err})
	r.src, r.err = decoder(c, src), nil
	r.wide = c == utf16LE || c == utf16BE
	return nil
}

// ended is a source that may already have reached its end.
type ended struct {
	src io.Reader
	err error
}

func (e *ended) Read(p []byte) (int, error) {
	if e.err != nil {
		return 0, e.err
	}
	return e.src.Read(p)
}

// head reads into the window until it has the mark and the whole declaration, if there is
// one. It keeps an end of the source for later.
func (r *Reader) head() (n int, err error) {
	for idle := 0; n < maxDeclaration && r.err == nil; {
		var m int
		m, r.err = r.src.Read(r.buf[n:])
		n = r.lead(n + m)
		if idle++; m > 0 {
			idle = 0
		} else if idle > 100 && r.err == nil {
			return 0, io.ErrNoProgress
		}
		if at := bytes.IndexByte(r.buf[:n], '<'); r.o.Around && !r.before && (at < 0 || at+1 == n) {
			continue
		}
		begun := bytes.TrimPrefix(r.buf[:n], []byte(markUTF8))
		declares := bytes.HasPrefix(begun, []byte("<?xml")) || bytes.HasPrefix([]byte("<?xml"), begun)
		if n >= utf8.UTFMax && (!declares || bytes.Contains(begun, []byte("?>"))) {
			break
		}
	}
	if r.err != nil && !errors.Is(r.err, io.EOF) && n == 0 {
		return 0, r.err
	}
	if begun := bytes.TrimPrefix(r.buf[:n], []byte(markUTF8)); n >= maxDeclaration && bytes.HasPrefix(begun, []byte("<?xml")) &&
		len(begun) > 5 && blank(begun[5]) && !bytes.Contains(begun[:min(len(begun), maxDeclaration)], []byte("?>")) {
		return 0, &Error{Kind: Bound, Detail: "La declaración XML es demasiado larga"}
	}
	return n, nil
}

// lead drops what precedes the first < of the n bytes read, if Options.Around allows it,
// and returns how many bytes are left.
func (r *Reader) lead(n int) int {
	head := r.buf[:n]
	at := bytes.IndexByte(head, '<')
	if !r.o.Around || r.before || at <= 0 || at > maxDeclaration || at+1 == n && r.err == nil || slices.Contains([]string{markUTF8, markUTF16LE, markUTF16BE + "\x00", "\x00"}, string(head[:at])) {
		return n
	}
	if at%2 == 1 && head[at-1] == 0 && at+1 < n && head[at+1] == 0 {
		at-- // it is UTF-16, big-endian
	}
	if bytes.HasPrefix(head, []byte(markUTF8)) {
		r.o.Charset = "utf-8" // as the mark said
	}
	r.before = true
	return copy(r.buf, head[at:])
}

// Text returns a document's text in UTF-8, without a mark, and with UTF-8 as its declared
// encoding. It does not check that it is XML. With an *Error it returns the text before
// the fault.
func Text(document []byte, charset string) (string, error) {
	if len(document) == 0 {
		return "", nil
	}
	c, mark, err := detect(document, charset)
	if err != nil {
		return "", err
	}
	document = document[mark:]
	if c != utf8Coding {
		decoded, err := io.ReadAll(decoder(c, bytes.NewReader(document)))
		return declareUTF8(string(decoded)), err
	}
	for i := 0; i < len(document); {
		char, n := utf8.DecodeRune(document[i:])
		if char == utf8.RuneError && n == 1 {
			return string(document[:i]), &Error{Kind: Bytes, Detail: "El texto no está en UTF-8", Offset: int64(i)}
		}
		i += n
	}
	return declareUTF8(string(document)), nil
}

// Salvage returns the text of an answer that is not valid in its declared encoding. Valid
// UTF-8 in it is kept, and every other byte is read as windows-1252: programs join texts
// of two sources, or declare the wrong encoding. UTF-16 and UTF-32 are returned
// unchanged.
func Salvage(document []byte) []byte {
	if bytes.IndexByte(document[:min(len(document), maxDeclaration)], 0) >= 0 {
		return document
	}
	document = bytes.TrimPrefix(document, []byte(markUTF8))
	out := make([]byte, 0, len(document)+len(document)/16)
	for len(document) > 0 {
		char, n := utf8.DecodeRune(document)
		if char == utf8.RuneError && n == 1 {
			char = charmap.Windows1252.DecodeByte(document[0])
		}
		out, document = utf8.AppendRune(out, char), document[n:]
	}
	return out
}

// Decoded is Text for a document that is text already, such as a JSON string: its
// declared encoding no longer applies.
func Decoded(text string) string { return declareUTF8(strings.TrimPrefix(text, markUTF8)) }

func declareUTF8(text string) string {
	m := declaration.FindStringSubmatchIndex(text[:min(len(text), maxDeclaration)])
	if m == nil || m[2] < 0 || strings.EqualFold(text[m[2]:m[3]], "utf-8") {
		return text
	}
	return text[:m[2]] + "UTF-8" + text[m[3]:]
}

func decoder(c coding, src io.Reader) io.Reader {
	d := &transcoder{src: src}
	switch c {
	case latin1:
		d.decode = func(in, out []byte, _ bool) (int, []byte, string) { return single(in, out, charmap.ISO8859_1) }
	case windows1252:
		d.decode = func(in, out []byte, _ bool) (int, []byte, string) { return single(in, out, charmap.Windows1252) }
	case utf16LE:
		d.decode = func(in, out []byte, last bool) (int, []byte, string) {
			return double(in, out, binary.LittleEndian, last)
		}
	default:
		d.decode = func(in, out []byte, last bool) (int, []byte, string) { return double(in, out, binary.BigEndian, last) }
	}
	return d
}
