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

func encode(t testing.TB, enc *pkcs12.Encoder, e *autoridad.Emitido, cadena []*x509.Certificate, password string) []byte {
	t.Helper()
	pfx, err := enc.Encode(e.Key, e.Certificate, cadena, password)
	if err != nil {
		t.Fatal(err)
	}
	return pfx
}

func TestLoadPKCS12_WhenEncodersDiffer(t *testing.T) {
	e := treasure(t).emitidoInOne
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
			c, err := LoadPKCS12(encode(t, tt.enc, e, nil, tt.password), []byte(tt.password), now)
			if err != nil {
				t.Fatal(err)
			}
			if c.RFC != company || !c.Certificate.Equal(e.Certificate) {
				t.Errorf("opened the e.firma of %q", c.RFC)
			}
			firma(t, c, e.Certificate)
		})
	}
}

func TestLoadPKCS12_WhenChainIsIncluded(t *testing.T) {
	c := treasure(t)
	foreign := issue(t, autoridad.Request{RFC: persona, Key: c.other})
	// The library assumes that the first certificate is the key's; here it is not.
	first := *c.emitidoInOne
	first.Certificate = c.ca.Certificate
	pfx := encode(t, pkcs12.Modern2023, &first, []*x509.Certificate{foreign.Certificate, c.emitidoInOne.Certificate}, password)
	cred, err := LoadPKCS12(pfx, []byte(password), now)
	if err != nil {
		t.Fatal(err)
	}
	if cred.RFC != company {
		t.Errorf("opened the certificate of %q, which is not the key's", cred.RFC)
	}
}

func TestLoadPKCS12_WhenRefused(t *testing.T) {
	c := treasure(t)
	pfx := encode(t, pkcs12.Modern2023, c.emitidoInOne, nil, password)
	csd := issue(t, autoridad.Request{Tipo: autoridad.CSD})
	old := issue(t, autoridad.Request{NotBefore: now.AddDate(-5, 0, 0), NotAfter: now.AddDate(-1, 0, 0)})
	foreign := *c.emitidoInOne
	foreign.Key = c.other
	onlyCerts, err := pkcs12.Modern2023.EncodeTrustStore([]*x509.Certificate{c.emitidoInOne.Certificate}, password)
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
		{"large", make([]byte, maxFile+1), password, DemasiadoGrande},
		{"large password", pfx, string(make([]byte, maxFile+1)), DemasiadoGrande},
		{"certificate alone", c.emitidoInOne.CerDER, password, KeyIlegible},
		{"no key in it", onlyCerts, password, KeyIlegible},
		{"password wrong", pfx, "otra", PasswordIncorrecto},
		{"password beyond UCS-2", pfx, "🔑", PasswordIncorrecto},
		{"no password", pfx, "", PasswordAusente},
		{"CSD", encode(t, pkcs12.Modern2023, csd, nil, password), password, EsCSD},
		{"expired", encode(t, pkcs12.Modern2023, old, nil, password), password, Vencida},
		{"key of another", encode(t, pkcs12.Modern2023, &foreign, nil, password), password, LlaveNoCorresponde},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cred, err := LoadPKCS12(tt.pfx, []byte(tt.password), now)
			reject(t, err, tt.want)
			if cred != nil && cred.Signer != nil {
				t.Error("a refused e.firma can sign")
			}
		})
	}
}

const endless = 1 << 40 // rounds: weeks of work

// with returns parameters of PBES2 with AES-128 and the given rounds.
func with(t testing.TB, rondas int) (alg pkix.AlgorithmIdentifier, encrypt func([]byte) []byte) {
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

func llaveIn(t testing.TB, rondas int) []byte {
	t.Helper()
	alg, _ := with(t, rondas)
	info := encryptedPrivateKeyInfo{Algorithm: alg, Data: make([]byte, 64)}
	return marshal(t, []safeBag{{ID: oidShroudedKeyBag, Value: explicit(marshal(t, info))}})
}

// encryptedLayer is a layer of bags that one round opens.
func encryptedLayer(t testing.TB, rondas int, bags []byte) contentInfo {
	t.Helper()
	_, encrypt := with(t, 1)
	octets := encrypt(bags)
	alg, _ := with(t, rondas)
	var data encryptedData
	data.Content.Type, data.Content.Algorithm = oidData, alg
	data.Content.Data = asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, Bytes: octets}
	return contentInfo{Type: oidEncryptedData, Content: explicit(marshal(t, data))}
}

func pfxOf(t testing.TB, mac macData, infos ...contentInfo) []byte {
	t.Helper()
	safe := marshal(t, infos)
	authSafe, err := data(safe)
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
	open := func(bags []byte) contentInfo {
		info, err := data(bags)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	certs := marshal(t, []safeBag{})
	alg, _ := with(t, endless)
	kdf := pkix.AlgorithmIdentifier{Algorithm: oidPBMAC1, Parameters: alg.Parameters}
	old := pkix.AlgorithmIdentifier{
		Algorithm:  oidPBEWithSHA13DES,
		Parameters: asn1.RawValue{FullBytes: marshal(t, pbeParams{Salt: []byte("sal"), Iterations: endless})},
	}
	oldLlave := marshal(t, encryptedPrivateKeyInfo{Algorithm: old, Data: make([]byte, 64)})
	long := marshal(t, []safeBag{{ID: oidKeyBag, Value: explicit(marshal(t, make([]byte, maxLlave+1)))}})
	for name, pfx := range map[string][]byte{
		"MAC":                pfxOf(t, macData{MAC: digestInfo{Algorithm: pkix.AlgorithmIdentifier{Algorithm: oidSHA256}}, Iterations: endless}, open(certs)),
		"PBMAC1":             pfxOf(t, macData{MAC: digestInfo{Algorithm: kdf}}, open(certs)),
		"key":                pfxOf(t, macData{}, open(llaveIn(t, endless))),
		"key, legacy":        pfxOf(t, macData{}, open(marshal(t, []safeBag{{ID: oidShroudedKeyBag, Value: explicit(oldLlave)}}))),
		"key too long":       pfxOf(t, macData{}, open(long)),
		"layer":              pfxOf(t, macData{}, encryptedLayer(t, endless, certs)),
		"key in a layer":     pfxOf(t, macData{}, encryptedLayer(t, 1, llaveIn(t, endless))),
		"key in both layers": pfxOf(t, macData{}, encryptedLayer(t, 1, llaveIn(t, endless)), open(llaveIn(t, 1))),
		"three layers":       pfxOf(t, macData{}, open(certs), open(certs), open(certs)),
		"unknown content":    pfxOf(t, macData{}, contentInfo{Type: oidSHA256, Content: explicit(certs)}),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := LoadPKCS12(pfx, []byte(password), now)
			reject(t, err, KeyIlegible)
		})
	}
}

// The layers refused above must be refused for their content, not for their encoding.
func TestWithoutLlave_WhenLayerHoldsCertificates(t *testing.T) {
	e := treasure(t).emitidoInOne
	x509Cert := struct {
		ID   asn1.ObjectIdentifier
		Data []byte `asn1:"tag:0,explicit"`
	}{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}, e.CerDER}
	certBag := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	bags := marshal(t, []safeBag{{ID: certBag, Value: explicit(marshal(t, x509Cert))}})
	if err := withoutLlave(encryptedLayer(t, 1, bags), password); err != nil {
		t.Error(err)
	}
}

// OpenSSL reads what the library does not: the refusal names the commands, and the two
// files that they write are read.
func TestLoadPKCS12_WhenOpenSSLIsTheWayOut(t *testing.T) {
	e := treasure(t).emitidoInOne
	cer := certify(t, &x509.Certificate{RawSubject: nameOf(t, oidName, asn1.TagPrintableString, "a@b.mx"), KeyUsage: useEfirma}, e.Key.Public(), e.Key)
	cert, err := ParseCertificate(cer)
	if err != nil {
		t.Fatal(err)
	}
	badNamed := *e
	badNamed.Certificate = cert
	open, err := x509.MarshalPKCS8PrivateKey(e.Key)
	if err != nil {
		t.Fatal(err)
	}
	joined := []byte(inPEM("PRIVATE KEY", open) + inPEM("CERTIFICATE", e.CerDER))
	export := func(args ...string) []byte {
		return openssl(t, joined, append([]string{"pkcs12", "-export", "-passout", "env:PASS", "-provider", "default", "-provider", "legacy"}, args...)...)
	}
	for name, tt := range map[string]struct {
		pfx []byte
		say string
	}{
		"badly encoded name": {encode(t, pkcs12.Modern2023, &badNamed, nil, password), "su contenido o su cifrado no se entiende"},
		"MAC of SHA-384":     {export("-macalg", "sha384"), "su contenido o su cifrado no se entiende"},
		"3DES of two keys":   {export("-keypbe", "PBE-SHA1-2DES", "-certpbe", "PBE-SHA1-2DES"), "está cifrada con 3DES de dos llaves"},
		"RC4":                {export("-keypbe", "PBE-SHA1-RC4-128", "-certpbe", "NONE"), "está cifrada con RC4 de 128 bits"},
		"too many rounds":    {export("-iter", "1000001", "-certpbe", "NONE", "-nomac"), "1000001 rondas"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := (Files{PFXName: "mi firma.p12", PFX: tt.pfx, Password: []byte(password)}).open(nil).entrega(now)
			reject(t, err, KeyIlegible)
			if !strings.Contains(err.Error(), tt.say) {
				t.Errorf("%v, want %q", err, tt.say)
			}
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "mi firma.p12"), tt.pfx, 0o600); err != nil {
				t.Fatal(err)
			}
			var problem *Error
			errors.As(err, &problem)
			_, order, _ := strings.Cut(problem.Detail, " con: ")
			execute(t, dir, strings.ReplaceAll(order, "openssl pkcs12", "openssl pkcs12 -passin env:PASS -passout env:PASS"))
			var files [2][]byte
			for i, name := range []string{"nuevo.cer", "nueva.key"} {
				if files[i], err = os.ReadFile(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := Load(files[0], files[1], []byte(password), now); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCheck_WhenItIsInBER(t *testing.T) {
	e := treasure(t).emitidoInOne
	ber := append([]byte{0x30, 0x80, 2, 1, 3}, make([]byte, 200)...)
	for _, a := range []Files{
		{PFXName: "e", PFX: ber}, {CerName: "e", Cer: ber, KeyName: "k", Key: e.KeyDER}, {CerName: "c", Cer: e.CerDER, KeyName: "e", Key: ber},
	} {
		a.Password = []byte(password)
		if r := Check(a, nil, now); len(r.Problems) != 1 || !strings.Contains(r.Problems[0].Detail, "(e): está en BER de largo indefinido") {
			t.Errorf("%v", r.Problems)
		}
	}
}
