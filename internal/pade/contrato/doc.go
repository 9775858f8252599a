// Package contrato builds, seals and reads the Contrato that a taxpayer, an
// integrator and the PAC sign: the carta manifiesto and the adhesion contract
// of Prodigia's signing service (pade.md §4, §5).
//
// Its order is New, Seal (for each Firma whose e.firma is at hand), Validate
// and Build; Read and Validate for a Contrato that somebody else built; and
// Contramada for what comes back.
//
// It refuses to send anything, and to produce the text of a contract, which
// only the PAC has. It does not refuse a Sello that it cannot explain: how one
// is computed is not published, so Confirm tells what a Sello matches and the
// PAC decides. SHA-1 is here for two reasons: the Hash of the text is one, and a
// Sello may have to be.
package contrato
