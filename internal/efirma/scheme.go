package efirma

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des" //nolint:gosec // the SAT encrypts its keys with 3DES
	"crypto/md5" //nolint:gosec // how OpenSSL derived keys for PEM
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // PBKDF2-HMAC-SHA1, as in the SAT's keys
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
)

// encryptedPrivateKeyInfo is RFC 5208, section 6.
type encryptedPrivateKeyInfo struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

// schema is an acceptable encryption.
type schema struct {
	encrypt blockCipher
	derive  func(password []byte) (key, iv []byte, err error)
	bmp     bool   // the password is encoded as UTF-16BE with a NUL at its end
	weak    string // its name, if it no longer protects the key
	data    []byte
}

// blockCipher is a block cipher in CBC mode.
type blockCipher struct {
	keyLen    int
	block     func(key []byte) (cipher.Block, error)
	blockSize int
}

func aesCipher(keyLen int) blockCipher { return blockCipher{keyLen, aes.NewCipher, aes.BlockSize} }
func tripleDESCipher() blockCipher     { return blockCipher{24, des.NewTripleDESCipher, des.BlockSize} }
func desCipher() blockCipher           { return blockCipher{8, des.NewCipher, des.BlockSize} }

// schema reads how a key is encrypted. It refuses what cannot be decrypted at an
// acceptable cost even with the right password.
func (p piece) schema() (*schema, error) {
	switch p.llave {
	case llaveInEncryptedPEM:
		e, err := ofDEKInfo(p.dek)
		if err != nil {
			return nil, err
		}
		return e.with(p.der)
	case llaveCurve:
		return nil, noRSA("SEC1")
	case llaveOpenSSH:
		return nil, &unopenable{que: "está en la forma de OpenSSH", command: "ssh-keygen -p -m PKCS8 -f %s", err: errors.New("an OpenSSH key")}
	}
	var info encryptedPrivateKeyInfo
	if _, err := asn1.Unmarshal(p.der, &info); err != nil {
		return nil, err
	}
	e, err := ofOID(info.Algorithm)
	if err != nil {
		return nil, err
	}
	return e.with(info.Data)
}

// with adds the ciphertext to an encryption, if its size is possible.
func (e *schema) with(data []byte) (*schema, error) {
	if n := len(data); n == 0 || n > maxLlave || n%e.encrypt.blockSize != 0 {
		return nil, fmt.Errorf("%d encrypted bytes", n)
	}
	e.data = data
	return e, nil
}

// ofOID reads the encryption of PKCS#8 and PKCS#12 by its algorithm identifier.
func ofOID(a pkix.AlgorithmIdentifier) (*schema, error) {
	switch oid := a.Algorithm; {
	case oid.Equal(oidPBES2):
		return ofPBES2(a)
	case oid.Equal(oidPBEWithSHA13DES):
		return ofPKCS12(a, tripleDESCipher(), 24)
	case oid.Equal(oidPBEWithSHA12DES):
		return ofPKCS12(a, tripleDESCipher(), 16)
	case oid.Equal(oidPBEWithMD5DES):
		return ofPBES1(a, md5.New, "DES y MD5")
	case oid.Equal(oidPBEWithSHA1DES):
		return ofPBES1(a, sha1.New, "DES y SHA-1")
	}
	return nil, otherEncrypted(a.Algorithm)
}

// otherEncrypted names an unsupported encryption, if it has a name.
func otherEncrypted(oid asn1.ObjectIdentifier) error {
	que := "está cifrada con un método que la pasarela no lee (" + oid.String() + ")"
	for _, other := range []struct {
		oid asn1.ObjectIdentifier
		que string
	}{
		{oidPBEWithRC4128, "RC4 de 128 bits"}, {oidPBEWithRC440, "RC4 de 40 bits"}, {oidPBEWithSHA12DES, "3DES de dos llaves"}, {oidPBEWithRC2128, "RC2 de 128 bits"}, {oidPBEWithRC240, "RC2 de 40 bits"},
		{oidPBEWithMD2DES, "DES y MD2"}, {oidPBEWithMD2RC2, "RC2 y MD2"}, {oidPBEWithMD5RC2, "RC2 y MD5"}, {oidPBEWithSHA1RC2, "RC2 y SHA-1"},
	} {
		if oid.Equal(other.oid) {
			que = "está cifrada con " + other.que + ", que la pasarela no lee"
		}
	}
	return &unopenable{que: que, command: withOpenSSLOld, err: fmt.Errorf("encryption %s", oid)}
}

// ofPBES1 is RFC 8018, 6.1 and 5.1: the first half of one hash is the DES key, the second
// the initialisation vector.
func ofPBES1(a pkix.AlgorithmIdentifier, h func() hash.Hash, name string) (*schema, error) {
	params, err := readPBE(a)
	if err != nil {
		return nil, err
	}
	return &schema{encrypt: desCipher(), weak: name, derive: func(password []byte) (key, iv []byte, err error) {
		sum := append(append([]byte{}, password...), params.Salt...)
		for range params.Iterations {
			d := h()
			d.Write(sum)
			sum = d.Sum(nil)
		}
		return sum[:des.BlockSize], sum[des.BlockSize : 2*des.BlockSize], nil
	}}, nil
}

// ofPKCS12 is RFC 7292, appendix C. Triple DES with two keys uses the first one again.
func ofPKCS12(a pkix.AlgorithmIdentifier, c blockCipher, keyLen int) (*schema, error) {
	params, err := readPBE(a)
	if err != nil {
		return nil, err
	}
	return &schema{encrypt: c, bmp: true, derive: func(password []byte) (key, iv []byte, err error) {
		key = derivePKCS12(sha1.New, password, params, toEncrypt, keyLen)
		return append(key, key[:c.keyLen-keyLen]...), derivePKCS12(sha1.New, password, params, forVector, c.blockSize), nil
	}}, nil
}

func readPBE(a pkix.AlgorithmIdentifier) (params pbeParams, err error) {
	if _, err := asn1.Unmarshal(a.Parameters.FullBytes, &params); err != nil {
		return params, fmt.Errorf("PBE parameters: %w", err)
	}
	return params, rondasLimit(params.Iterations)
}

// ofPBES2 is RFC 8018, 6.2.
func ofPBES2(a pkix.AlgorithmIdentifier) (*schema, error) {
	var params pbes2Params
	if _, err := asn1.Unmarshal(a.Parameters.FullBytes, &params); err != nil {
		return nil, fmt.Errorf("PBES2 parameters: %w", err)
	}
	kdf, err := derivation(params.KDF)
	if err != nil {
		return nil, err
	}
	e := &schema{}
	switch oid := params.Cipher.Algorithm; {
	case oid.Equal(oidDESEDE3CBC):
		e.encrypt = tripleDESCipher()
	case oid.Equal(oidAES128CBC):
		e.encrypt = aesCipher(16)
	case oid.Equal(oidAES192CBC):
		e.encrypt = aesCipher(24)
	case oid.Equal(oidAES256CBC):
		e.encrypt = aesCipher(32)
	case oid.Equal(oidDESCBC):
		e.encrypt, e.weak = desCipher(), "DES"
	default:
		return nil, otherEncrypted(oid)
	}
	h := prf(kdf.PRF.Algorithm)
	if h == nil {
		return nil, &unopenable{que: "su contraseña se deriva con una función que la pasarela no lee (" + kdf.PRF.Algorithm.String() + ")", command: conOpenSSL, err: fmt.Errorf("PBKDF2 with %s", kdf.PRF.Algorithm)}
	}
	if kdf.KeyLength != 0 && kdf.KeyLength != e.encrypt.keyLen {
		return nil, fmt.Errorf("a derived key of %d bytes", kdf.KeyLength)
	}
	var iv []byte
	if _, err := asn1.Unmarshal(params.Cipher.Parameters.FullBytes, &iv); err != nil || len(iv) != e.encrypt.blockSize {
		return nil, errors.New("the initialisation vector does not fit the cipher")
	}
	e.derive = func(password []byte) ([]byte, []byte, error) {
		key, err := pbkdf2.Key(h, string(password), kdf.Salt, kdf.Iterations, e.encrypt.keyLen)
		return key, iv, err
	}
	return e, nil
}

// ofDEKInfo reads the header of RFC 1421, 4.6.1.3, as OpenSSL writes it: the name of a
// cipher and the initialisation vector, whose first eight bytes are also the salt. The
// key is MD5 of the password and the salt, once (EVP_BytesToKey).
func ofDEKInfo(dek string) (*schema, error) {
	name, inHex, _ := strings.Cut(dek, ",")
	name = strings.ToUpper(strings.TrimSpace(name))
	e := &schema{weak: name + " y MD5"}
	switch name {
	case "DES-EDE3-CBC":
		e.encrypt = tripleDESCipher()
	case "DES-CBC":
		e.encrypt = desCipher()
	case "AES-128-CBC":
		e.encrypt = aesCipher(16)
	case "AES-192-CBC":
		e.encrypt = aesCipher(24)
	case "AES-256-CBC":
		e.encrypt = aesCipher(32)
	default:
		return nil, &unopenable{que: "está cifrada con " + bounded(name) + ", que la pasarela no lee", command: withOpenSSLOld, err: fmt.Errorf("DEK-Info %.40q", name)}
	}
	iv, err := hex.DecodeString(strings.TrimSpace(inHex))
	if err != nil || len(iv) != e.encrypt.blockSize {
		return nil, errors.New("the initialisation vector of DEK-Info does not fit the cipher")
	}
	e.derive = func(password []byte) ([]byte, []byte, error) {
		var key, sum []byte
		for len(key) < e.encrypt.keyLen {
			d := md5.New() //nolint:gosec // see above
			d.Write(sum)
			d.Write(password)
			d.Write(iv[:8])
			sum = d.Sum(nil)
			key = append(key, sum...)
		}
		return key[:e.encrypt.keyLen], iv, nil
	}
	return e, nil
}

// bounded keeps a text from the file from filling or controlling the screen.
func bounded(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), 40)]
}

// decrypt decrypts in CBC mode (RFC 8018, 6.2.2) and keeps the padding.
func (e *schema) decrypt(password []byte) ([]byte, error) {
	key, iv, err := e.derive(password)
	if err != nil {
		return nil, fmt.Errorf("deriving the key: %w", err)
	}
	block, err := e.encrypt.block(key)
	if err != nil {
		return nil, fmt.Errorf("setting up the cipher: %w", err)
	}
	open := make([]byte, len(e.data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(open, e.data)
	return open, nil
}

// withoutPadding removes the padding of RFC 8018, 6.1.1. Data without padding, because
// the password was wrong, is returned unchanged.
func withoutPadding(open []byte) []byte {
	n := len(open) - int(open[len(open)-1])
	if n < 0 {
		return open
	}
	return open[:n]
}
