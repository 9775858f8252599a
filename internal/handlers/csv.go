package handlers

import (
	"bufio"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
)

const (
	contentCSV     = "text/csv"
	contentTypeCSV = contentCSV + "; charset=utf-8; header=present"
	// utf8Mark tells spreadsheets that the text is UTF-8.
	utf8Mark = "\uFEFF"
)

// compressed compresses with gzip where the contract has rows of text and the caller
// accepts it. Streams of events and files are not compressed. It uses the fastest level,
// because rows come as fast as packages are read.
func compressed(doc *openapi3.T) func(http.Handler) http.Handler {
	texts := []string{contentCSV, contentNDJSON}
	wrapper, err := gzhttp.NewWrapper(gzhttp.ContentTypes(texts), gzhttp.CompressionLevel(gzip.BestSpeed), gzhttp.EnableZstd(false))
	if err != nil {
		panic(err) // its options are constant
	}
	return func(next http.Handler) http.Handler {
		zipped := wrapper(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			gives := forms(operationOf(doc, r))
			if slices.ContainsFunc(texts, func(text string) bool { return slices.Contains(gives, text) }) {
				zipped(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// csvRows writes rows as in RFC 4180: each ends with CRLF, and the text of a cell is
// unchanged. encoding/csv with CRLF would rewrite every LF of a cell and drop its CRs. A
// cell that a spreadsheet would take for a formula is made inert.
type csvRows struct{ out *bufio.Writer }

func newCSV(out *bufio.Writer, mark bool) csvRows {
	if mark {
		out.WriteString(utf8Mark) //nolint:errcheck // out keeps it for the next one
	}
	return csvRows{out}
}

// write writes one row. The writer out keeps its error.
func (c csvRows) write(cells []string) error {
	for i, cell := range cells {
		if i > 0 {
			c.out.WriteByte(',') //nolint:errcheck // see above
		}
		if cell = inert(cell); quoted(cell) {
			cell = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
		}
		c.out.WriteString(cell) //nolint:errcheck // see above
	}
	_, err := c.out.WriteString("\r\n")
	return err
}

// quoted reports whether a cell needs quotes. Without them some readers lose a leading
// space, and \. alone ends the input of others.
func quoted(cell string) bool {
	first, _ := utf8.DecodeRuneInString(cell)
	return strings.ContainsAny(cell, ",\"\r\n") || cell == `\.` || unicode.IsSpace(first)
}

// inert keeps a spreadsheet from taking a cell for a formula (OWASP, CSV Injection):
// names are other people's text. Numbers are unchanged.
func inert(cell string) string {
	if first, _ := utf8.DecodeRuneInString(cell); cell == "" || !strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) {
		return cell
	}
	if strings.Trim(cell[1:], "0123456789.") == "" && (cell[0] == '-' || cell[0] == '+') && len(cell) > 1 {
		return cell
	}
	return "'" + cell
}
