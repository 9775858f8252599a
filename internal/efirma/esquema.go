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

// esquema is an encryption that was found acceptable.
type esquema struct {
	cifra  cifra
	deriva func(password []byte) (key, iv []byte, err error)
	bmp    bool   // the password goes in as UTF-16BE with a NUL at its end
	debil  string // what to call it when it protects no more
	datos  []byte
}

// cifra is a block cipher in CBC mode.
type cifra struct {
	keyLen int
	block  func(key []byte) (cipher.Block, error)
	bloque int
}

func cifraAES(keyLen int) cifra { return cifra{keyLen, aes.NewCipher, aes.BlockSize} }
func cifra3DES() cifra          { return cifra{24, des.NewTripleDESCipher, des.BlockSize} }
func cifraDES() cifra           { return cifra{8, des.NewCipher, des.BlockSize} }

// esquema reads how a key is encrypted and refuses what cannot be decrypted, or
// not at an acceptable cost, even with the right password.
func (p pieza) esquema() (*esquema, error) {
	switch p.llave {
	case llaveEnPEMCifrado:
		e, err := deDEKInfo(p.dek)
		if err != nil {
			return nil, err
		}
		return e.con(p.der)
	case llaveCurva:
		return nil, noRSA("SEC1")
	case llaveOpenSSH:
		return nil, &noSeAbre{que: "está en la forma de OpenSSH", comando: "ssh-keygen -p -m PKCS8 -f %s", err: errors.New("an OpenSSH key")}
	}
	var info encryptedPrivateKeyInfo
	if _, err := asn1.Unmarshal(p.der, &info); err != nil {
		return nil, err
	}
	e, err := deOID(info.Algorithm)
	if err != nil {
		return nil, err
	}
	return e.con(info.Data)
}

// con gives an encryption its ciphertext, if that is of a size that it can have.
func (e *esquema) con(datos []byte) (*esquema, error) {
	if n := len(datos); n == 0 || n > maxLlave || n%e.cifra.bloque != 0 {
		return nil, fmt.Errorf("%d encrypted bytes", n)
	}
	e.datos = datos
	return e, nil
}

// deOID reads the encryption of PKCS#8 and PKCS#12 by its algorithm identifier.
func deOID(a pkix.AlgorithmIdentifier) (*esquema, error) {
	switch oid := a.Algorithm; {
	case oid.Equal(oidPBES2):
		return dePBES2(a)
	case oid.Equal(oidPBEWithSHA13DES):
		return dePKCS12(a, cifra3DES(), 24)
	case oid.Equal(oidPBEWithSHA12DES):
		return dePKCS12(a, cifra3DES(), 16)
	case oid.Equal(oidPBEWithMD5DES):
		return dePBES1(a, md5.New, "DES y MD5")
	case oid.Equal(oidPBEWithSHA1DES):
		return dePBES1(a, sha1.New, "DES y SHA-1")
	}
	return nil, otroCifrado(a.Algorithm)
}

// otroCifrado names an encryption that is not read, where it has a name.
func otroCifrado(oid asn1.ObjectIdentifier) error {
	que := "está cifrada con un método que la pasarela no lee (" + oid.String() + ")"
	for _, otro := range []struct {
		oid asn1.ObjectIdentifier
		que string
	}{
		{oidPBEWithRC4128, "RC4 de 128 bits"}, {oidPBEWithRC440, "RC4 de 40 bits"}, {oidPBEWithSHA12DES, "3DES de dos llaves"}, {oidPBEWithRC2128, "RC2 de 128 bits"}, {oidPBEWithRC240, "RC2 de 40 bits"},
		{oidPBEWithMD2DES, "DES y MD2"}, {oidPBEWithMD2RC2, "RC2 y MD2"}, {oidPBEWithMD5RC2, "RC2 y MD5"}, {oidPBEWithSHA1RC2, "RC2 y SHA-1"},
	} {
		if oid.Equal(otro.oid) {
			que = "está cifrada con " + otro.que + ", que la pasarela no lee"
		}
	}
	return &noSeAbre{que: que, comando: conOpenSSLViejo, err: fmt.Errorf("encryption %s", oid)}
}

// dePBES1 is RFC 8018, 6.1 and 5.1: one hash, whose first half is the key of DES and
// whose second is the initialisation vector.
func dePBES1(a pkix.AlgorithmIdentifier, h func() hash.Hash, nombre string) (*esquema, error) {
	params, err := leePBE(a)
	if err != nil {
		return nil, err
	}
	return &esquema{cifra: cifraDES(), debil: nombre, deriva: func(password []byte) (key, iv []byte, err error) {
		suma := append(append([]byte{}, password...), params.Salt...)
		for range params.Iterations {
			d := h()
			d.Write(suma)
			suma = d.Sum(nil)
		}
		return suma[:des.BlockSize], suma[des.BlockSize : 2*des.BlockSize], nil
	}}, nil
}

// dePKCS12 is RFC 7292, appendix C. Triple DES with two keys uses the first again.
func dePKCS12(a pkix.AlgorithmIdentifier, c cifra, keyLen int) (*esquema, error) {
	params, err := leePBE(a)
	if err != nil {
		return nil, err
	}
	return &esquema{cifra: c, bmp: true, deriva: func(password []byte) (key, iv []byte, err error) {
		key = derivaPKCS12(sha1.New, password, params, paraCifrar, keyLen)
		return append(key, key[:c.keyLen-keyLen]...), derivaPKCS12(sha1.New, password, params, paraVector, c.bloque), nil
	}}, nil
}

func leePBE(a pkix.AlgorithmIdentifier) (params pbeParams, err error) {
	if _, err := asn1.Unmarshal(a.Parameters.FullBytes, &params); err != nil {
		return params, fmt.Errorf("PBE parameters: %w", err)
	}
	return params, limiteRondas(params.Iterations)
}

// dePBES2 is RFC 8018, 6.2.
func dePBES2(a pkix.AlgorithmIdentifier) (*esquema, error) {
	var params pbes2Params
	if _, err := asn1.Unmarshal(a.Parameters.FullBytes, &params); err != nil {
		return nil, fmt.Errorf("PBES2 parameters: %w", err)
	}
	kdf, err := derivacion(params.KDF)
	if err != nil {
		return nil, err
	}
	e := &esquema{}
	switch oid := params.Cipher.Algorithm; {
	case oid.Equal(oidDESEDE3CBC):
		e.cifra = cifra3DES()
	case oid.Equal(oidAES128CBC):
		e.cifra = cifraAES(16)
	case oid.Equal(oidAES192CBC):
		e.cifra = cifraAES(24)
	case oid.Equal(oidAES256CBC):
		e.cifra = cifraAES(32)
	case oid.Equal(oidDESCBC):
		e.cifra, e.debil = cifraDES(), "DES"
	default:
		return nil, otroCifrado(oid)
	}
	h := prf(kdf.PRF.Algorithm)
	if h == nil {
		return nil, &noSeAbre{que: "su contraseña se deriva con una función que la pasarela no lee (" + kdf.PRF.Algorithm.String() + ")", comando: conOpenSSL, err: fmt.Errorf("PBKDF2 with %s", kdf.PRF.Algorithm)}
	}
	if kdf.KeyLength != 0 && kdf.KeyLength != e.cifra.keyLen {
		return nil, fmt.Errorf("a derived key of %d bytes", kdf.KeyLength)
	}
	var iv []byte
	if _, err := asn1.Unmarshal(params.Cipher.Parameters.FullBytes, &iv); err != nil || len(iv) != e.cifra.bloque {
		return nil, errors.New("the initialisation vector does not fit the cipher")
	}
	e.deriva = func(password []byte) ([]byte, []byte, error) {
		key, err := pbkdf2.Key(h, string(password), kdf.Salt, kdf.Iterations, e.cifra.keyLen)
		return key, iv, err
	}
	return e, nil
}

// deDEKInfo reads the header of RFC 1421, 4.6.1.3, as OpenSSL writes it: the name of a
// cipher and the initialisation vector, whose first eight bytes are the salt too. The
// key is MD5 of the password and the salt, once (EVP_BytesToKey).
func deDEKInfo(dek string) (*esquema, error) {
	nombre, enHex, _ := strings.Cut(dek, ",")
	nombre = strings.ToUpper(strings.TrimSpace(nombre))
	e := &esquema{debil: nombre + " y MD5"}
	switch nombre {
	case "DES-EDE3-CBC":
		e.cifra = cifra3DES()
	case "DES-CBC":
		e.cifra = cifraDES()
	case "AES-128-CBC":
		e.cifra = cifraAES(16)
	case "AES-192-CBC":
		e.cifra = cifraAES(24)
	case "AES-256-CBC":
		e.cifra = cifraAES(32)
	default:
		return nil, &noSeAbre{que: "está cifrada con " + acotado(nombre) + ", que la pasarela no lee", comando: conOpenSSLViejo, err: fmt.Errorf("DEK-Info %.40q", nombre)}
	}
	iv, err := hex.DecodeString(strings.TrimSpace(enHex))
	if err != nil || len(iv) != e.cifra.bloque {
		return nil, errors.New("the initialisation vector of DEK-Info does not fit the cipher")
	}
	e.deriva = func(password []byte) ([]byte, []byte, error) {
		var key, suma []byte
		for len(key) < e.cifra.keyLen {
			d := md5.New() //nolint:gosec // see above
			d.Write(suma)
			d.Write(password)
			d.Write(iv[:8])
			suma = d.Sum(nil)
			key = append(key, suma...)
		}
		return key[:e.cifra.keyLen], iv, nil
	}
	return e, nil
}

// acotado keeps a text of the file from filling, or steering, the screen.
func acotado(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), 40)]
}

// descifra decrypts in CBC mode (RFC 8018, 6.2.2) and leaves the padding on.
func (e *esquema) descifra(password []byte) ([]byte, error) {
	key, iv, err := e.deriva(password)
	if err != nil {
		return nil, fmt.Errorf("deriving the key: %w", err)
	}
	block, err := e.cifra.block(key)
	if err != nil {
		return nil, fmt.Errorf("setting up the cipher: %w", err)
	}
	abierta := make([]byte, len(e.datos))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(abierta, e.datos)
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
