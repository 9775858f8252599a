// Package xmldoc reads XML written by others: titles, contracts, CFDI, SOAP answers,
// WSDL. It is the product's only reader of foreign XML, so that all parts agree on what
// XML is.
//
// It is strict about well-formedness (XML 1.0, fifth edition, and Namespaces in XML 1.0)
// and tolerant about encodings: UTF-8, UTF-16, ISO-8859-1, windows-1252 and US-ASCII. The
// encoding is determined by the byte order mark, then by the charset of the transport,
// then by the declaration (RFC 7303 §3). Options.OnlyUTF8 refuses every other encoding,
// for documents that are passed on unchanged.
//
// A Reader streams: it keeps what it is asked for and skips the rest, of any length.
// Reader.Token makes it an xml.TokenReader, which fills types with encoding/xml tags.
//
// It refuses DTDs, versions other than 1.0, and documents that exceed the bounds of its
// Options. It neither writes nor repairs XML.
package xmldoc
