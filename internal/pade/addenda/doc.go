// Package addenda prepares what goes to Prodigia's addenda service and judges
// what comes back: the packet of plain text (datos), the CFDI to which an
// addenda is to be attached, and the CFDI with it (pade.md §2.3, §3.2).
//
// It refuses to write XML. A CFDI carries a seal over its values, and its owner
// compares bytes: besides a byte order mark, the encoding and what the
// declaration says of it, nothing of a document changes on its way through
// here. It knows no retailer's layout, since none is public: datos is opaque.
// It verifies no seal either; it tells whether a document is still the one that
// was sealed.
package addenda
