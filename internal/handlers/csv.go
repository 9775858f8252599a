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
	// utf8Mark tells spreadsheets that what follows is UTF-8.
	utf8Mark = "\uFEFF"
)

// compressed answers with gzip whoever takes it, where the contract gives rows of text.
// Nothing that must come through at once passes it, nor what is sent from a file. Its level
// is the fastest: rows come as fast as packages are read.
func compressed(doc *openapi3.T) func(http.Handler) http.Handler {
	texts := []string{contentCSV, contentNDJSON}
	wrapper, err := gzhttp.NewWrapper(gzhttp.ContentTypes(texts), gzhttp.CompressionLevel(gzip.BestSpeed), gzhttp.EnableZstd(false))
	if err != nil {
		panic(err) // its options are constants
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

// csvRows writes rows as RFC 4180 has them: each ended by CRLF, and what is inside a cell
// as it is. encoding/csv ends rows so only where it also rewrites every LF of a cell and
// drops its CRs. A cell that a spreadsheet would take for a formula is made inert.
type csvRows struct{ out *bufio.Writer }

func newCSV(out *bufio.Writer, mark bool) csvRows {
	if mark {
		out.WriteString(utf8Mark) //nolint:errcheck // out keeps it for the next one
	}
	return csvRows{out}
}

// write writes one row. Its error is out's, which keeps it.
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

// quoted reports whether a cell stands between quotes. A space at its beginning is lost
// by some readers otherwise, and \. alone ends the input of others.
func quoted(cell string) bool {
	first, _ := utf8.DecodeRuneInString(cell)
	return strings.ContainsAny(cell, ",\"\r\n") || cell == `\.` || unicode.IsSpace(first)
}

// inert keeps a spreadsheet from taking a cell for a formula (OWASP, CSV Injection);
// names are others' text. Numbers stay as they are.
func inert(cell string) string {
	if first, _ := utf8.DecodeRuneInString(cell); cell == "" || !strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) {
		return cell
	}
	if strings.Trim(cell[1:], "0123456789.") == "" && (cell[0] == '-' || cell[0] == '+') && len(cell) > 1 {
		return cell
	}
	return "'" + cell
}
