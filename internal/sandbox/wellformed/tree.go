package wellformed

import (
	"errors"
	"fmt"
	"strings"

	"github.com/beevik/etree"
)

// ErrMalformed is a message that is no XML.
var ErrMalformed = errors.New("malformed message")

// Tree reads a message and returns its root, which is the only one. etree reads by encoding/xml,
// which lets pass what is no XML, so Read is asked first.
func Tree(b []byte) (*etree.Element, error) {
	if _, err := Read(strings.TrimPrefix(string(b), "\xEF\xBB\xBF")); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	doc := etree.NewDocument()
	doc.ReadSettings = etree.ReadSettings{ValidateInput: true, PreserveDuplicateAttrs: true}
	if err := doc.ReadFromBytes(b); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return doc.Root(), nil
}

// Is reports whether an element has this name.
func Is(e *etree.Element, ns, name string) bool { return e.Tag == name && e.NamespaceURI() == ns }
