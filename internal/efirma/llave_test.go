package efirma

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"testing"

	"github.com/youmark/pkcs8"
)

// encrypted encrypts a key with youmark/pkcs8, which the package does not use.
func encrypted(t testing.TB, key any, cipher pkcs8.Cipher, h crypto.Hash) []byte {
	t.Helper()
	der, err := pkcs8.MarshalPrivateKey(key, []byte(password), &pkcs8.Opts{
		Cipher:  cipher,
		KDFOpts: pkcs8.PBKDF2Opts{SaltSize: 8, IterationCount: 2048, HMACHash: h},
	})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestLoad_WhenCiphersDiffer(t *testing.T) {
	e := treasure(t).emitidoInOne
	for _, h := range []crypto.Hash{crypto.SHA1, crypto.SHA256} {
		for name, c := range map[string]pkcs8.Cipher{
			"3DES": pkcs8.TripleDESCBC, "AES-128": pkcs8.AES128CBC, "AES-192": pkcs8.AES192CBC, "AES-256": pkcs8.AES256CBC,
		} {
			t.Run(fmt.Sprint(name, " ", h), func(t *testing.T) {
				key := encrypted(t, e.Key, c, h)
				cred, err := Load(e.CerDER, key, []byte(password), now)
				if err != nil {
					t.Fatal(err)
				}
				firma(t, cred, e.Certificate)
				_, err = Load(e.CerDER, key, []byte("otra"), now)
				reject(t, err, PasswordIncorrecto)
			})
		}
	}
}

// A wrong password yields good padding one time in 256; the test tries enough of them.
func TestLoad_WhenManyPasswordsAreWrong(t *testing.T) {
	e := treasure(t).emitidoInOne
	padding := 0
	schema, err := classify(e.KeyDER).schema()
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; padding < 2; i++ {
		if i == 5000 {
			t.Fatal("no password of 5000 passed for good padding")
		}
		attempt := fmt.Sprint("intento-", i)
		open, err := schema.decrypt([]byte(attempt))
		if err != nil {
			t.Fatal(err)
		}
		if open[len(open)-1] != 1 {
			continue
		}
		padding++
		_, err = Load(e.CerDER, e.KeyDER, []byte(attempt), now)
		reject(t, err, PasswordIncorrecto)
	}
}

// rewrite changes the declared encryption of a key.
func rewrite(t testing.TB, der []byte, change func(*encryptedPrivateKeyInfo, *pbes2Params, *pbkdf2Params)) []byte {
	t.Helper()
	var info encryptedPrivateKeyInfo
	var params pbes2Params
	var kdf pbkdf2Params
	read := func(der []byte, v any) {
		if _, err := asn1.Unmarshal(der, v); err != nil {
			t.Fatal(err)
		}
	}
	read(der, &info)
	read(info.Algorithm.Parameters.FullBytes, &params)
	read(params.KDF.Parameters.FullBytes, &kdf)
	change(&info, &params, &kdf)
	params.KDF.Parameters.FullBytes = marshal(t, kdf)
	info.Algorithm.Parameters.FullBytes = marshal(t, params)
	return marshal(t, info)
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	der, err := asn1.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestLoad_WhenKeyIsHostile(t *testing.T) {
	e := treasure(t).emitidoInOne
	scrypt := asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11}
	gcm := asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 46}
	md5 := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 3}
	for name, change := range map[string]func(*encryptedPrivateKeyInfo, *pbes2Params, *pbkdf2Params){
		"rounds without end": func(_ *encryptedPrivateKeyInfo, _ *pbes2Params, k *pbkdf2Params) { k.Iterations = 1 << 40 },
		"a round too many":   func(_ *encryptedPrivateKeyInfo, _ *pbes2Params, k *pbkdf2Params) { k.Iterations = maxRondas + 1 },
		"no rounds":          func(_ *encryptedPrivateKeyInfo, _ *pbes2Params, k *pbkdf2Params) { k.Iterations = 0 },
		"negative rounds":    func(_ *encryptedPrivateKeyInfo, _ *pbes2Params, k *pbkdf2Params) { k.Iterations = -1 },
		"key length": func(_ *encryptedPrivateKeyInfo, _ *pbes2Params, k *pbkdf2Params) {
			k.KeyLength = 1 << 30
		},
		"other hash": func(_ *encryptedPrivateKeyInfo, _ *pbes2Params, k *pbkdf2Params) { k.PRF.Algorithm = md5 },
		"scrypt":     func(_ *encryptedPrivateKeyInfo, p *pbes2Params, _ *pbkdf2Params) { p.KDF.Algorithm = scrypt },
		"GCM":        func(_ *encryptedPrivateKeyInfo, p *pbes2Params, _ *pbkdf2Params) { p.Cipher.Algorithm = gcm },
		"short IV": func(_ *encryptedPrivateKeyInfo, p *pbes2Params, _ *pbkdf2Params) {
			p.Cipher.Parameters.FullBytes = []byte{asn1.TagOctetString, 1, 0}
		},
		"IV of no octets": func(_ *encryptedPrivateKeyInfo, p *pbes2Params, _ *pbkdf2Params) {
			p.Cipher.Parameters.FullBytes = []byte{asn1.TagInteger, 1, 0}
		},
		"PBES1":       func(i *encryptedPrivateKeyInfo, _ *pbes2Params, _ *pbkdf2Params) { i.Algorithm.Algorithm = md5 },
		"no data":     func(i *encryptedPrivateKeyInfo, _ *pbes2Params, _ *pbkdf2Params) { i.Data = nil },
		"half blocks": func(i *encryptedPrivateKeyInfo, _ *pbes2Params, _ *pbkdf2Params) { i.Data = i.Data[1:] },
		"much data": func(i *encryptedPrivateKeyInfo, _ *pbes2Params, _ *pbkdf2Params) {
			i.Data = make([]byte, maxLlave+16)
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(e.CerDER, rewrite(t, e.KeyDER, change), []byte(password), now)
			reject(t, err, KeyIlegible)
		})
	}
}

// Java writes the length of the derived key; OpenSSL leaves it out.
func TestLoad_WhenKeyLengthIsSaid(t *testing.T) {
	e := treasure(t).emitidoInOne
	key := rewrite(t, encrypted(t, e.Key, pkcs8.AES256CBC, crypto.SHA256),
		func(_ *encryptedPrivateKeyInfo, _ *pbes2Params, k *pbkdf2Params) { k.KeyLength = 32 })
	if _, err := Load(e.CerDER, key, []byte(password), now); err != nil {
		t.Error(err)
	}
}

func TestLoad_WhenKeyOpensButIsNoRSA(t *testing.T) {
	e := treasure(t).emitidoInOne
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// The password is right and must not be blamed.
	_, err = Load(e.CerDER, encrypted(t, curve, pkcs8.AES256CBC, crypto.SHA256), []byte(password), now)
	reject(t, err, KeyIlegible)

	broken := marshal(t, privateKeyInfo{
		Algorithm: pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}},
		Key:       []byte("no es una llave"),
	})
	_, err = Load(e.CerDER, broken, []byte(password), now)
	reject(t, err, KeyIlegible)
}
