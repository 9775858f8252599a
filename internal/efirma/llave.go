package efirma

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des" //nolint:gosec // the SAT encrypts its keys with 3DES
	"crypto/pbkdf2"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // PBKDF2-HMAC-SHA1, as in the SAT's keys
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
)

const (
	// maxRondas bounds PBKDF2: some tenths of a second of one core. The SAT's tools
	// use 2048 rounds, OpenSSL the same, careful advice is under a million.
	maxRondas = 1_000_000
	// maxLlave bounds the DER of a private key: one of 8192 bits has 4.7 KiB,
	// and checking grows with the cube of the size.
	maxLlave = 8 << 10
)

// encryptedPrivateKeyInfo is RFC 5208, section 6.
type encryptedPrivateKeyInfo struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

// privateKeyInfo is RFC 5208, section 5, as far as needed to recognise one.
type privateKeyInfo struct {
	Version   int
	Algorithm pkix.AlgorithmIdentifier
	Key       []byte
}

// llave opens a PKCS#8 key. Everything about the file that can be judged
// without the password is judged first, so that what fails afterwards is the
// password and not the file.
func llave(nombres archivos, key, password []byte) (*rsa.PrivateKey, *Error) {
	ilegible := func(err error) *Error {
		return falla(KeyIlegible, err, "No se puede leer la llave (%s): no es RSA en PKCS#8 con un cifrado admitido (PBES2 con 3DES o AES). Use el .key tal como lo entregó el SAT.", nombres.key)
	}
	der, err := llaveDER(key)
	if err != nil {
		return nil, ilegible(err)
	}
	var info encryptedPrivateKeyInfo
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return llaveAbierta(der, ilegible)
	}
	esquema, err := lee(info)
	if err != nil {
		return nil, ilegible(err)
	}
	if len(password) == 0 {
		return nil, falla(PasswordAusente, nil, "La llave (%s) está cifrada y falta %s.", nombres.key, nombres.contrasena())
	}
	abierta, err := esquema.descifra(info.Data, password)
	if err != nil {
		return nil, ilegible(err)
	}
	defer clear(abierta)
	// Garbage may pass for padded text one time in 256, but not for a key.
	var dentro privateKeyInfo
	if _, err := asn1.Unmarshal(sinRelleno(abierta), &dentro); err != nil {
		return nil, falla(PasswordIncorrecto, nil, "No se pudo abrir la llave (%s): %s no es correcta. Corríjala, o reemplace la llave si está dañada.", nombres.key, nombres.contrasena())
	}
	return llaveAbierta(sinRelleno(abierta), ilegible)
}

func llaveDER(key []byte) ([]byte, error) {
	if !esPEM(key) {
		return key, nil
	}
	for rest := key; ; {
		block, tail := pem.Decode(rest)
		if block == nil {
			return nil, errors.New("no PRIVATE KEY block in the PEM")
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" || block.Type == "PRIVATE KEY" {
			return block.Bytes, nil
		}
		rest = tail
	}
}

// llaveAbierta does not wrap the parser's errors: they tell of the content of
// a private key.
func llaveAbierta(der []byte, ilegible func(error) *Error) (*rsa.PrivateKey, *Error) {
	if len(der) > maxLlave {
		return nil, ilegible(errors.New("the key is too long"))
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, ilegible(errors.New("not a sound PKCS#8 private key"))
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, ilegible(fmt.Errorf("a key of type %T", parsed))
	}
	return private, nil
}

// esquema is a PBES2 encryption that was found acceptable.
type esquema struct {
	hash   func() hash.Hash
	salt   []byte
	rondas int
	keyLen int
	block  func(key []byte) (cipher.Block, error)
	iv     []byte
}

// lee reads how a key is encrypted and refuses what cannot be decrypted, or
// not at an acceptable cost, even with the right password.
func lee(info encryptedPrivateKeyInfo) (*esquema, error) {
	if !info.Algorithm.Algorithm.Equal(oidPBES2) {
		return nil, fmt.Errorf("encryption %s is not PBES2", info.Algorithm.Algorithm)
	}
	var params pbes2Params
	if _, err := asn1.Unmarshal(info.Algorithm.Parameters.FullBytes, &params); err != nil {
		return nil, fmt.Errorf("PBES2 parameters: %w", err)
	}
	kdf, err := derivacion(params.KDF)
	if err != nil {
		return nil, err
	}
	e := &esquema{salt: kdf.Salt, rondas: kdf.Iterations, block: aes.NewCipher}
	bloque := aes.BlockSize
	switch oid := params.Cipher.Algorithm; {
	case oid.Equal(oidDESEDE3CBC):
		e.keyLen, e.block, bloque = 24, des.NewTripleDESCipher, des.BlockSize
	case oid.Equal(oidAES128CBC):
		e.keyLen = 16
	case oid.Equal(oidAES192CBC):
		e.keyLen = 24
	case oid.Equal(oidAES256CBC):
		e.keyLen = 32
	default:
		return nil, fmt.Errorf("cipher %s", oid)
	}
	switch prf := kdf.PRF.Algorithm; {
	case len(prf) == 0, prf.Equal(oidHMACSHA1):
		e.hash = sha1.New
	case prf.Equal(oidHMACSHA256):
		e.hash = sha256.New
	case prf.Equal(oidHMACSHA512):
		e.hash = sha512.New
	default:
		return nil, fmt.Errorf("PBKDF2 with %s", prf)
	}
	if kdf.KeyLength != 0 && kdf.KeyLength != e.keyLen {
		return nil, fmt.Errorf("a derived key of %d bytes", kdf.KeyLength)
	}
	if _, err := asn1.Unmarshal(params.Cipher.Parameters.FullBytes, &e.iv); err != nil || len(e.iv) != bloque {
		return nil, errors.New("the initialisation vector does not fit the cipher")
	}
	if n := len(info.Data); n == 0 || n > maxLlave || n%bloque != 0 {
		return nil, fmt.Errorf("%d encrypted bytes", n)
	}
	return e, nil
}

// descifra decrypts in CBC mode (RFC 8018, 6.2.2) and leaves the padding on.
func (e *esquema) descifra(data, password []byte) ([]byte, error) {
	key, err := pbkdf2.Key(e.hash, string(password), e.salt, e.rondas, e.keyLen)
	if err != nil {
		return nil, fmt.Errorf("deriving the key: %w", err)
	}
	block, err := e.block(key)
	if err != nil {
		return nil, fmt.Errorf("setting up the cipher: %w", err)
	}
	abierta := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, e.iv).CryptBlocks(abierta, data)
	return abierta, nil
}

// sinRelleno takes the padding of RFC 8018, 6.1.1, off; what has none, because
// the password was another, is left as it is.
func sinRelleno(abierta []byte) []byte {
	n := len(abierta) - int(abierta[len(abierta)-1])
	if n < 0 {
		return abierta
	}
	return abierta[:n]
}
