package xmldoc

import "bytes"

// Resume continues after a fault: it skips to the end tag of the open element at a level
// (the root's is 1), whose End is the next event. It is for elements whose content does
// not matter.
func (r *Reader) Resume(level int) error {
	if level > len(r.ends) {
		return r.failed
	}
	r.stack, r.ends = r.stack[:r.ends[level-1]], r.ends[:level]
	for n := len(r.bindings); n > 0 && r.bindings[n-1].depth > level; n-- {
		r.bindings = r.bindings[:n-1]
	}
	r.pending, r.empty, r.closing = false, false, false
	if r.resumed = r.crossed && bytes.Equal(r.value, r.Name()); r.resumed {
		r.failed = nil // the fault was that end tag
		return nil
	}
	r.failed = r.passTo(append([]byte("</"), r.Name()...))
	return r.failed
}

// passTo stops before an end tag.
func (r *Reader) passTo(tag []byte) error {
	matched := 0
	for {
		c, err := r.byte()
		if err != nil {
			return err
		}
		switch {
		case matched < len(tag) && c == tag[matched]:
			matched++
			continue
		case matched == len(tag) && (c == '>' || blank(c)):
			r.resumed = true
			r.pos--
			return nil
		case c == '<':
			matched = 1
			continue
		}
		matched = 0
		if i := bytes.IndexByte(r.buf[r.pos:r.end], '<'); i >= 0 {
			r.pos += i
		} else {
			r.pos = r.end
		}
	}
}
