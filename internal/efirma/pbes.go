package efirma

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
)

// The algorithms of PKCS#5 v2 (RFC 8018) that open a key.
var (
	oidPBES2      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidPBMAC1     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 14}
	oidHMACSHA1   = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 7}
	oidHMACSHA256 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
	oidHMACSHA512 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 11}
	oidDESEDE3CBC = asn1.ObjectIdentifier{1, 2, 840, 113549, 3, 7}
	oidAES128CBC  = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 2}
	oidAES192CBC  = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 22}
	oidAES256CBC  = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
)

// pbes2Params is RFC 8018, A.4, and PBMAC1's parameters (A.5) as well.
type pbes2Params struct {
	KDF    pkix.AlgorithmIdentifier
	Cipher pkix.AlgorithmIdentifier
}

// pbkdf2Params is RFC 8018, A.2, with the salt as octets, the only form in use.
type pbkdf2Params struct {
	Salt       []byte
	Iterations int
	KeyLength  int                      `asn1:"optional"`
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
}

// derivacion reads PBKDF2's parameters and refuses any other derivation: no
// tool of the SAT uses scrypt, and its cost in memory is not worth allowing.
func derivacion(kdf pkix.AlgorithmIdentifier) (pbkdf2Params, error) {
	var params pbkdf2Params
	if !kdf.Algorithm.Equal(oidPBKDF2) {
		return params, fmt.Errorf("key derivation %s", kdf.Algorithm)
	}
	if _, err := asn1.Unmarshal(kdf.Parameters.FullBytes, &params); err != nil {
		return params, fmt.Errorf("PBKDF2 parameters: %w", err)
	}
	return params, limiteRondas(params.Iterations)
}

func limiteRondas(n int) error {
	if n < 1 || n > maxRondas {
		return fmt.Errorf("%d rounds of key derivation, the limit is %d", n, maxRondas)
	}
	return nil
}
