package efirma

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

func codifica(t testing.TB, enc *pkcs12.Encoder, e *autoridad.Emitida, cadena []*x509.Certificate, password string) []byte {
	t.Helper()
	pfx, err := enc.Encode(e.Key, e.Certificate, cadena, password)
	if err != nil {
		t.Fatal(err)
	}
	return pfx
}

func TestLoadPKCS12_WhenEncodersDiffer(t *testing.T) {
	e := elTesoro(t).emitidaEnUna
	for name, tt := range map[string]struct {
		enc      *pkcs12.Encoder
		password string
	}{
		"RC2":         {pkcs12.LegacyRC2, password},
		"3DES":        {pkcs12.LegacyDES, password},
		"modern":      {pkcs12.Modern2023, password},
		"PBMAC1":      {pkcs12.Modern2026, password},
		"no password": {pkcs12.Passwordless, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := LoadPKCS12(codifica(t, tt.enc, e, nil, tt.password), []byte(tt.password), ahora)
			if err != nil {
				t.Fatal(err)
			}
			if c.RFC != empresa || !c.Certificate.Equal(e.Certificate) {
				t.Errorf("opened the e.firma of %q", c.RFC)
			}
			firma(t, c, e.Certificate)
		})
	}
}

func TestLoadPKCS12_WhenChainIsIncluded(t *testing.T) {
	c := elTesoro(t)
	ajeno := emite(t, autoridad.Peticion{RFC: persona, Key: c.otra})
	// The library takes the first certificate for the key's: here it is not.
	primero := *c.emitidaEnUna
	primero.Certificate = c.ca.Certificate
	pfx := codifica(t, pkcs12.Modern2023, &primero, []*x509.Certificate{ajeno.Certificate, c.emitidaEnUna.Certificate}, password)
	cred, err := LoadPKCS12(pfx, []byte(password), ahora)
	if err != nil {
		t.Fatal(err)
	}
	if cred.RFC != empresa {
		t.Errorf("opened the certificate of %q, which is not the key's", cred.RFC)
	}
}

func TestLoadPKCS12_WhenRefused(t *testing.T) {
	c := elTesoro(t)
	pfx := codifica(t, pkcs12.Modern2023, c.emitidaEnUna, nil, password)
	csd := emite(t, autoridad.Peticion{Tipo: autoridad.CSD})
	vieja := emite(t, autoridad.Peticion{NotBefore: ahora.AddDate(-5, 0, 0), NotAfter: ahora.AddDate(-1, 0, 0)})
	ajena := *c.emitidaEnUna
	ajena.Key = c.otra
	soloCerts, err := pkcs12.Modern2023.EncodeTrustStore([]*x509.Certificate{c.emitidaEnUna.Certificate}, password)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name     string
		pfx      []byte
		password string
		want     Problem
	}{
		{"empty", nil, password, KeyIlegible},
		{"cut", pfx[:900], password, KeyIlegible},
		{"large", make([]byte, maxArchivo+1), password, DemasiadoGrande},
		{"large password", pfx, string(make([]byte, maxArchivo+1)), DemasiadoGrande},
		{"certificate alone", c.emitidaEnUna.CerDER, password, KeyIlegible},
		{"no key in it", soloCerts, password, KeyIlegible},
		{"password wrong", pfx, "otra", PasswordIncorrecto},
		{"password beyond UCS-2", pfx, "🔑", PasswordIncorrecto},
		{"no password", pfx, "", PasswordAusente},
		{"CSD", codifica(t, pkcs12.Modern2023, csd, nil, password), password, EsCSD},
		{"expired", codifica(t, pkcs12.Modern2023, vieja, nil, password), password, Vencida},
		{"key of another", codifica(t, pkcs12.Modern2023, &ajena, nil, password), password, LlaveNoCorresponde},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cred, err := LoadPKCS12(tt.pfx, []byte(tt.password), ahora)
			rechaza(t, err, tt.want)
			if cred != nil && cred.Signer != nil {
				t.Error("a refused e.firma can sign")
			}
		})
	}
}

const sinFin = 1 << 40 // rounds: weeks of work

// con returns the parameters of PBES2 with AES-128 and that many rounds.
func con(t testing.TB, rondas int) (alg pkix.AlgorithmIdentifier, encrypt func([]byte) []byte) {
	t.Helper()
	salt, iv := []byte("sal"), make([]byte, aes.BlockSize)
	kdf := pbkdf2Params{Salt: salt, Iterations: rondas, PRF: pkix.AlgorithmIdentifier{Algorithm: oidHMACSHA256}}
	params := pbes2Params{
		KDF:    pkix.AlgorithmIdentifier{Algorithm: oidPBKDF2, Parameters: asn1.RawValue{FullBytes: marshal(t, kdf)}},
		Cipher: pkix.AlgorithmIdentifier{Algorithm: oidAES128CBC, Parameters: asn1.RawValue{FullBytes: marshal(t, iv)}},
	}
	return pkix.AlgorithmIdentifier{Algorithm: oidPBES2, Parameters: asn1.RawValue{FullBytes: marshal(t, params)}}, func(plain []byte) []byte {
		key, err := pbkdf2.Key(sha256.New, password, salt, rondas, 16)
		if err != nil {
			t.Fatal(err)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			t.Fatal(err)
		}
		n := aes.BlockSize - len(plain)%aes.BlockSize
		plain = append(bytes.Clone(plain), bytes.Repeat([]byte{byte(n)}, n)...)
		cipher.NewCBCEncrypter(block, iv).CryptBlocks(plain, plain)
		return plain
	}
}

func llaveEn(t testing.TB, rondas int) []byte {
	t.Helper()
	alg, _ := con(t, rondas)
	info := encryptedPrivateKeyInfo{Algorithm: alg, Data: make([]byte, 64)}
	return marshal(t, []safeBag{{ID: oidShroudedKeyBag, Value: explicito(marshal(t, info))}})
}

// capaCifrada is a layer that can be opened in one round and holds bags.
func capaCifrada(t testing.TB, rondas int, bags []byte) contentInfo {
	t.Helper()
	_, encrypt := con(t, 1)
	octetos := encrypt(bags)
	alg, _ := con(t, rondas)
	var data encryptedData
	data.Content.Type, data.Content.Algorithm = oidData, alg
	data.Content.Data = asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, Bytes: octetos}
	return contentInfo{Type: oidEncryptedData, Content: explicito(marshal(t, data))}
}

func pfxDe(t testing.TB, mac macData, infos ...contentInfo) []byte {
	t.Helper()
	safe := marshal(t, infos)
	authSafe, err := datos(safe)
	if err != nil {
		t.Fatal(err)
	}
	if mac.MAC.Algorithm.Algorithm == nil {
		mac = macData{
			MAC:        digestInfo{Algorithm: pkix.AlgorithmIdentifier{Algorithm: oidSHA256}, Digest: macSHA256(safe, password)},
			Iterations: 1,
		}
	}
	return marshal(t, pfxPDU{Version: 3, AuthSafe: authSafe, MAC: mac})
}

func TestLoadPKCS12_WhenFileIsHostile(t *testing.T) {
	abierta := func(bags []byte) contentInfo {
		info, err := datos(bags)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	certs := marshal(t, []safeBag{})
	alg, _ := con(t, sinFin)
	kdf := pkix.AlgorithmIdentifier{Algorithm: oidPBMAC1, Parameters: alg.Parameters}
	viejo := pkix.AlgorithmIdentifier{
		Algorithm:  oidPBEWithSHA13DES,
		Parameters: asn1.RawValue{FullBytes: marshal(t, pbeParams{Salt: []byte("sal"), Iterations: sinFin})},
	}
	llaveVieja := marshal(t, encryptedPrivateKeyInfo{Algorithm: viejo, Data: make([]byte, 64)})
	larga := marshal(t, []safeBag{{ID: oidKeyBag, Value: explicito(marshal(t, make([]byte, maxLlave+1)))}})
	for name, pfx := range map[string][]byte{
		"MAC":                pfxDe(t, macData{MAC: digestInfo{Algorithm: pkix.AlgorithmIdentifier{Algorithm: oidSHA256}}, Iterations: sinFin}, abierta(certs)),
		"PBMAC1":             pfxDe(t, macData{MAC: digestInfo{Algorithm: kdf}}, abierta(certs)),
		"key":                pfxDe(t, macData{}, abierta(llaveEn(t, sinFin))),
		"key, legacy":        pfxDe(t, macData{}, abierta(marshal(t, []safeBag{{ID: oidShroudedKeyBag, Value: explicito(llaveVieja)}}))),
		"key too long":       pfxDe(t, macData{}, abierta(larga)),
		"layer":              pfxDe(t, macData{}, capaCifrada(t, sinFin, certs)),
		"key in a layer":     pfxDe(t, macData{}, capaCifrada(t, 1, llaveEn(t, sinFin))),
		"key in both layers": pfxDe(t, macData{}, capaCifrada(t, 1, llaveEn(t, sinFin)), abierta(llaveEn(t, 1))),
		"three layers":       pfxDe(t, macData{}, abierta(certs), abierta(certs), abierta(certs)),
		"unknown content":    pfxDe(t, macData{}, contentInfo{Type: oidSHA256, Content: explicito(certs)}),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := LoadPKCS12(pfx, []byte(password), ahora)
			rechaza(t, err, KeyIlegible)
		})
	}
}

// The layers that the test above refuses must be refused for what is in them,
// not for how they are made.
func TestSinLlave_WhenLayerHoldsCertificates(t *testing.T) {
	e := elTesoro(t).emitidaEnUna
	x509Cert := struct {
		ID   asn1.ObjectIdentifier
		Data []byte `asn1:"tag:0,explicit"`
	}{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}, e.CerDER}
	certBag := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	bags := marshal(t, []safeBag{{ID: certBag, Value: explicito(marshal(t, x509Cert))}})
	if err := sinLlave(capaCifrada(t, 1, bags), password); err != nil {
		t.Error(err)
	}
}

// What the library does not read, OpenSSL does: the refusal names the commands, and the
// two files that they make are read.
func TestLoadPKCS12_WhenOpenSSLIsTheWayOut(t *testing.T) {
	e := elTesoro(t).emitidaEnUna
	cer := certifica(t, &x509.Certificate{RawSubject: nombreDe(t, oidName, asn1.TagPrintableString, "a@b.mx"), KeyUsage: usoEfirma}, e.Key.Public(), e.Key)
	cert, err := ParseCertificate(cer)
	if err != nil {
		t.Fatal(err)
	}
	malNombrada := *e
	malNombrada.Certificate = cert
	abierta, err := x509.MarshalPKCS8PrivateKey(e.Key)
	if err != nil {
		t.Fatal(err)
	}
	junto := []byte(enPEM("PRIVATE KEY", abierta) + enPEM("CERTIFICATE", e.CerDER))
	exporta := func(args ...string) []byte {
		return openssl(t, junto, append([]string{"pkcs12", "-export", "-passout", "env:PASS", "-provider", "default", "-provider", "legacy"}, args...)...)
	}
	for name, tt := range map[string]struct {
		pfx  []byte
		dice string
	}{
		"badly encoded name": {codifica(t, pkcs12.Modern2023, &malNombrada, nil, password), "su contenido o su cifrado no se entiende"},
		"MAC of SHA-384":     {exporta("-macalg", "sha384"), "su contenido o su cifrado no se entiende"},
		"3DES of two keys":   {exporta("-keypbe", "PBE-SHA1-2DES", "-certpbe", "PBE-SHA1-2DES"), "está cifrada con 3DES de dos llaves"},
		"RC4":                {exporta("-keypbe", "PBE-SHA1-RC4-128", "-certpbe", "NONE"), "está cifrada con RC4 de 128 bits"},
		"too many rounds":    {exporta("-iter", "1000001", "-certpbe", "NONE", "-nomac"), "1000001 rondas"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := (Archivos{NombrePFX: "mi firma.p12", PFX: tt.pfx, Password: []byte(password)}).abre(nil).entrega(ahora)
			rechaza(t, err, KeyIlegible)
			if !strings.Contains(err.Error(), tt.dice) {
				t.Errorf("%v, want %q", err, tt.dice)
			}
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "mi firma.p12"), tt.pfx, 0o600); err != nil {
				t.Fatal(err)
			}
			var problema *Error
			errors.As(err, &problema)
			_, orden, _ := strings.Cut(problema.Detail, " con: ")
			ejecuta(t, dir, strings.ReplaceAll(orden, "openssl pkcs12", "openssl pkcs12 -passin env:PASS -passout env:PASS"))
			var archivos [2][]byte
			for i, nombre := range []string{"nuevo.cer", "nueva.key"} {
				if archivos[i], err = os.ReadFile(filepath.Join(dir, nombre)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := Load(archivos[0], archivos[1], []byte(password), ahora); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRevisa_WhenItIsInBER(t *testing.T) {
	e := elTesoro(t).emitidaEnUna
	ber := append([]byte{0x30, 0x80, 2, 1, 3}, make([]byte, 200)...)
	for _, a := range []Archivos{
		{NombrePFX: "e", PFX: ber}, {NombreCer: "e", Cer: ber, NombreKey: "k", Key: e.KeyDER}, {NombreCer: "c", Cer: e.CerDER, NombreKey: "e", Key: ber},
	} {
		a.Password = []byte(password)
		if r := Revisa(a, nil, ahora); len(r.Problemas) != 1 || !strings.Contains(r.Problemas[0].Detail, "(e): está en BER de largo indefinido") {
			t.Errorf("%v", r.Problemas)
		}
	}
}
