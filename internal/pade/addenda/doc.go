// Package addenda prepares the input of Prodigia's addenda service and checks its output:
// the packet of plain text (datos), the CFDI to which an addenda is attached, and the
// CFDI with it (pade.md §2.3, §3.2).
//
// It writes no XML. A CFDI has a seal over its values, and its owner compares bytes: only
// the byte order mark, the encoding and its declaration change here. It knows no
// retailer's layout, because none is public; datos is opaque. It verifies no seal: it
// checks that a document is still the one that was sealed.
package addenda
