// Package xmldoc reads XML that others wrote: titles, contracts, CFDI, SOAP
// answers, WSDL. It is the only reader of foreign XML in the product, so that
// all of it has one notion of what XML is.
//
// It is strict about well-formedness (XML 1.0, fifth edition, and Namespaces in
// XML 1.0) and tolerant about encodings: UTF-8, UTF-16, ISO-8859-1, windows-1252
// and US-ASCII. What tells the encoding is, in this order, the byte order mark,
// the charset of the transport, and the declaration (RFC 7303 §3). Options.OnlyUTF8
// refuses every other encoding, for documents that go on as they came.
//
// A Reader streams: it keeps what it is asked for and passes over the rest, of
// any length. Reader.Token makes it an xml.TokenReader, so that types with tags
// of encoding/xml are filled from it (Unmarshal).
//
// It refuses DTDs, versions other than 1.0, and what is over the bounds of its
// Options. It writes no XML and repairs none.
package xmldoc
