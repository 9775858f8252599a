package xls

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

// maxParts bounds the parts of an .xlsx; a library writes about ten.
const maxParts = 1000

// parts are the files of an .xlsx. They share one bound of decompressed bytes.
type parts struct {
	files []*zip.File
	left  int64
}

// readXLSX reads the worksheets that the book lists, through the relations of its parts
// (ECMA-376 part 2, §6.5, and part 1, §12.3), never by the usual names.
func readXLSX(content []byte) ([]Sheet, error) {
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, malformed("%w", err)
	}
	if len(archive.File) > maxParts {
		return nil, tooLarge("%d parts, the bound is %d", len(archive.File), maxParts)
	}
	p := &parts{files: archive.File, left: MaxBytes}
	roots, err := p.relations("")
	if err != nil {
		return nil, err
	}
	book := roots.first("officeDocument")
	if book == "" {
		return nil, malformed("no part is the workbook")
	}
	related, err := p.relations(book)
	if err != nil {
		return nil, err
	}
	names, err := p.listed(book, related)
	if err != nil {
		return nil, err
	}
	var shared []string
	if part := related.first("sharedStrings"); part != "" {
		if shared, err = p.sharedStrings(part); err != nil {
			return nil, err
		}
	}
	return p.worksheets(names, shared)
}

func (p *parts) worksheets(listed []listedSheet, shared []string) ([]Sheet, error) {
	var all []Sheet
	left := MaxCells
	for _, l := range listed {
		s := &sheet{strings: shared, left: left}
		if err := p.worksheet(l.part, s); err != nil {
			return nil, err
		}
		if left = s.left; len(s.cells) > 0 {
			s.sort()
			all = append(all, Sheet{Name: l.name, Rows: s.each})
		}
	}
	return all, nil
}

// document opens a part as XML. Names are compared without prefix: the strict and
// transitional forms differ in nothing else that is read here.
func (p *parts) document(name string) (*xmldoc.Reader, error) {
	i := slices.IndexFunc(p.files, func(f *zip.File) bool { return strings.EqualFold(f.Name, name) })
	if i < 0 {
		return nil, malformed("there is no part %q", name)
	}
	content, err := open(p.files[i], p.left)
	if err != nil {
		return nil, err
	}
	p.left -= int64(len(content))
	return xmldoc.NewReader(bytes.NewReader(content), xmldoc.Options{}), nil
}

func local(name []byte) string {
	if i := bytes.IndexByte(name, ':'); i >= 0 {
		name = name[i+1:]
	}
	return string(name)
}

// attributes reads the attributes of the element that began, by local names.
func attributes(d *xmldoc.Reader, wanted ...string) (map[string]string, error) {
	got := make(map[string]string, len(wanted))
	var current string
	err := d.Attributes(func(name []byte) bool {
		current = local(name)
		return slices.Contains(wanted, current)
	}, func(value []byte) error {
		got[current] = string(value)
		return nil
	})
	if err != nil {
		return nil, malformed("%w", err)
	}
	return got, nil
}

// each calls start for every element of a part; start must read the attributes.
func (p *parts) each(name string, start func(d *xmldoc.Reader, element string) error) error {
	d, err := p.document(name)
	if err != nil {
		return err
	}
	for {
		event, err := d.NextTag()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return malformed("%w", err)
		case event == xmldoc.Start:
			if err := start(d, local(d.Name())); err != nil {
				return err
			}
		}
	}
}

// relation is a reference from one part to another.
type relation struct{ id, kind, part string }

type relations []relation

// first returns the first part of a kind, which is the end of its type's URI; empty
// without one.
func (r relations) first(kind string) string {
	for _, one := range r {
		if one.kind == kind {
			return one.part
		}
	}
	return ""
}

// relations reads the relations of a part, or of the package.
func (p *parts) relations(of string) (relations, error) {
	var all relations
	err := p.each(path.Join(path.Dir(of), "_rels", path.Base("/"+of)+".rels"), func(d *xmldoc.Reader, element string) error {
		got, err := attributes(d, "Id", "Type", "Target", "TargetMode")
		if err != nil || element != "Relationship" || got["TargetMode"] == "External" {
			return err
		}
		part := got["Target"]
		if !strings.HasPrefix(part, "/") {
			part = path.Join("/", path.Dir(of), part)
		}
		all = append(all, relation{got["Id"], path.Base(got["Type"]), strings.TrimPrefix(path.Clean(part), "/")})
		return nil
	})
	return all, err
}

type listedSheet struct{ name, part string }

// listed returns the worksheets in the book's order, without charts.
func (p *parts) listed(book string, related relations) ([]listedSheet, error) {
	var all []listedSheet
	err := p.each(book, func(d *xmldoc.Reader, element string) error {
		got, err := attributes(d, "name", "id")
		if err != nil || element != "sheet" {
			return err
		}
		for _, r := range related {
			if r.id == got["id"] && r.kind == "worksheet" {
				all = append(all, listedSheet{got["name"], r.part})
			}
		}
		if len(all) > MaxSheets {
			return tooLarge("more than %d worksheets", MaxSheets)
		}
		return nil
	})
	if err == nil && len(all) == 0 {
		err = malformed("no worksheet")
	}
	return all, err
}
