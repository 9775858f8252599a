package autoridad

import (
	"bytes"
	"crypto/cipher"
	"crypto/des" //nolint:gosec // what the SAT encrypts its keys with
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // PBKDF2-HMAC-SHA1, as in the SAT's keys
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
)

// tripleDESLength is the length of a DES-EDE3 key in bytes.
const tripleDESLength = 24

// The structures of an encrypted key (RFC 5958 §3, RFC 8018 A.2 to A.4).
type (
	encryptedPrivateKeyInfo struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	pbes2Params struct{ KDF, Encryption pkix.AlgorithmIdentifier }
	// pbkdf2Params leaves prf out: HMAC-SHA1 is its DEFAULT, which DER does not
	// write, and programs in use refuse a file that does.
	pbkdf2Params struct {
		Salt       []byte
		Iterations int
	}
)

// encryptTripleDES encrypts a PKCS#8 key exactly as the SAT's own programs do:
// PBES2 with PBKDF2-HMAC-SHA1, 2048 rounds, and DES-EDE3-CBC.
func encryptTripleDES(pkcs8DER []byte, password string) ([]byte, error) {
	salt, iv := make([]byte, 8), make([]byte, des.BlockSize)
	if _, err := rand.Read(salt); err != nil {
		return nil, err
	}
	if _, err := rand.Read(iv); err != nil {
		return nil, err
	}
	key, err := pbkdf2.Key(sha1.New, password, salt, rondasTripleDES, tripleDESLength)
	if err != nil {
		return nil, err
	}
	block, err := des.NewTripleDESCipher(key) //nolint:gosec // see above
	if err != nil {
		return nil, err
	}
	pad := des.BlockSize - len(pkcs8DER)%des.BlockSize
	data := append(bytes.Clone(pkcs8DER), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(data, data)

	kdf, err := algorithm(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}, pbkdf2Params{salt, rondasTripleDES})
	if err != nil {
		return nil, err
	}
	encryption, err := algorithm(asn1.ObjectIdentifier{1, 2, 840, 113549, 3, 7}, iv)
	if err != nil {
		return nil, err
	}
	pbes2, err := algorithm(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}, pbes2Params{kdf, encryption})
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(encryptedPrivateKeyInfo{pbes2, data})
}

func algorithm(oid asn1.ObjectIdentifier, params any) (pkix.AlgorithmIdentifier, error) {
	der, err := asn1.Marshal(params)
	if err != nil {
		return pkix.AlgorithmIdentifier{}, fmt.Errorf("autoridad: %w", err)
	}
	return pkix.AlgorithmIdentifier{Algorithm: oid, Parameters: asn1.RawValue{FullBytes: der}}, nil
}
