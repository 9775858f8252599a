// Package contrato builds, seals and reads the Contrato that a taxpayer, an integrator
// and the PAC sign: the carta manifiesto and the adhesion contract of Prodigia's signing
// service (pade.md §4, §5).
//
// To build one, call New, Seal (for each Firma whose e.firma is available), Validate and
// Build. For a Contrato that somebody else built, call Read and Validate. Contramada
// checks the PAC's answer.
//
// It sends nothing, and it does not produce the text of a contract, which only the PAC
// has. It does not refuse a Sello of unknown form, because the computation is not
// published: Confirm returns what a Sello matches and the PAC decides. SHA-1 is used for
// two reasons: the Hash of the text is SHA-1, and a Sello may have to be.
package contrato
