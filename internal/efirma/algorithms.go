package efirma

import (
	"crypto/md5"  //nolint:gosec // PBKDF2-HMAC-MD5, which OpenSSL offers
	"crypto/sha1" //nolint:gosec // PBKDF2-HMAC-SHA1, as in the SAT's keys
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"hash"
)

// maxRondas bounds a derivation to some tenths of a second of one core. The SAT's tools
// and OpenSSL use 2048 rounds, and careful advice is below a million.
const maxRondas = 1_000_000

// The algorithms of PKCS#5 (RFC 8018) and PKCS#12 (RFC 7292, appendix C) that encrypt
// keys, and the ciphers of PBES2.
var (
	oidPBES2           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidPBMAC1          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 14}
	oidPBEWithMD2DES   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 1}
	oidPBEWithMD5DES   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 3}
	oidPBEWithMD2RC2   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 4}
	oidPBEWithMD5RC2   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 6}
	oidPBEWithSHA1DES  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 10}
	oidPBEWithSHA1RC2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 11}
	oidPBEWithRC4128   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 1}
	oidPBEWithRC440    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 2}
	oidPBEWithSHA13DES = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 3}
	oidPBEWithSHA12DES = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 4}
	oidPBEWithRC2128   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 5}
	oidPBEWithRC240    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 6}
	oidDESCBC          = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 7}
	oidDESEDE3CBC      = asn1.ObjectIdentifier{1, 2, 840, 113549, 3, 7}
	oidAES128CBC       = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 2}
	oidAES192CBC       = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 22}
	oidAES256CBC       = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
	oidHMACSHA256      = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
)

const oidRSADigest = "1.2.840.113549.2." // the prefix of the hashes of RFC 8018, B.1

// prf returns the function of PBKDF2 (RFC 8018, B.1): HMAC-SHA1 if none is named, nil if
// it is unknown.
func prf(oid asn1.ObjectIdentifier) func() hash.Hash {
	switch oid.String() {
	case "", oidRSADigest + "7":
		return sha1.New
	case oidRSADigest + "6":
		return md5.New
	case oidRSADigest + "8":
		return sha256.New224
	case oidRSADigest + "9":
		return sha256.New
	case oidRSADigest + "10":
		return sha512.New384
	case oidRSADigest + "11":
		return sha512.New
	case oidRSADigest + "12":
		return sha512.New512_224
	case oidRSADigest + "13":
		return sha512.New512_256
	}
	return nil
}

// pbes2Params is RFC 8018, A.4; PBMAC1's parameters (A.5) have the same form.
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

// derivation reads PBKDF2's parameters and refuses any other derivation. No tool of the
// SAT uses scrypt, and its memory cost is not worth allowing.
func derivation(kdf pkix.AlgorithmIdentifier) (pbkdf2Params, error) {
	var params pbkdf2Params
	if !kdf.Algorithm.Equal(oidPBKDF2) {
		que := "su contraseña se deriva con una función que la pasarela no lee (" + kdf.Algorithm.String() + ")"
		if kdf.Algorithm.String() == "1.3.6.1.4.1.11591.4.11" {
			que = "su contraseña se deriva con scrypt, que la pasarela no lee"
		}
		return params, &unopenable{que: que, command: conOpenSSL, err: fmt.Errorf("key derivation %s", kdf.Algorithm)}
	}
	if _, err := asn1.Unmarshal(kdf.Parameters.FullBytes, &params); err != nil {
		return params, fmt.Errorf("PBKDF2 parameters: %w", err)
	}
	return params, rondasLimit(params.Iterations)
}

func rondasLimit(n int) error {
	if n < 1 {
		return fmt.Errorf("%d rounds of key derivation", n)
	}
	if n > maxRondas {
		return &unopenable{que: fmt.Sprintf("su contraseña se deriva con %d rondas, y la pasarela admite hasta %d", n, maxRondas), command: conOpenSSL,
			err: fmt.Errorf("%d rounds of key derivation, the limit is %d", n, maxRondas)}
	}
	return nil
}
