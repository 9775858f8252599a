// Package titulo builds, seals, checks and reads the SEP's electronic
// professional titles: the document TituloElectronico 1.0 (sep.md §5), its
// catalogues (§6), each signer's cadena original and sello, and the zip in
// which many of them are sent.
//
// The order of its verbs is Complete, Validate, Seal (once per signer) and
// Marshal; Firma checks a sello that came with the title, and Verify and
// CheckFile what others built. A Criterio has the catalogues and the clock.
//
// It refuses to send anything: no HTTP and no SOAP. It refuses to correct a
// title as well: what it cannot fill from the catalogues it reports, each
// Problem with its path, and the official texts stay as they are, mistakes
// included. It does not know the DGP's lists of institutions and careers nor
// RENAPO, so a title without problems can still be rejected.
package titulo
