// Package titulo builds, seals, checks and reads the SEP's electronic professional
// titles: the document TituloElectronico 1.0 (sep.md §5), its catalogues (§6), each
// signer's cadena original and sello, and the zip in which many titles are sent.
//
// To make a title, call Complete, Validate, Seal (once per signer) and Marshal. Firma
// checks a sello that came with the title; Verify and CheckFile check what others built.
// A Criterio has the catalogues and the clock.
//
// It sends nothing. It does not correct titles either: it reports what it cannot fill in
// from the catalogues, each Problem with its path, and keeps the official texts, mistakes
// included. It knows neither the DGP's lists of institutions and careers nor RENAPO, so
// the SEP can still reject a title without problems.
package titulo
