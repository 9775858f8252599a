package efirma

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"

	"software.sslmate.com/src/go-pkcs12"
)

// The object identifiers of PKCS#12 (RFC 7292) and PKCS#7 (RFC 2315).
var (
	oidData           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidEncryptedData  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 6}
	oidKeyBag         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 1}
	oidShroudedKeyBag = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 2}
	oidSHA256         = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
)

// The structures of RFC 7292, section 4.
type (
	contentInfo struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"tag:0,explicit,optional"`
	}
	pfxPDU struct {
		Version  int
		AuthSafe contentInfo
		MAC      macData `asn1:"optional"`
	}
	macData struct {
		MAC        digestInfo
		Salt       []byte
		Iterations int `asn1:"optional,default:1"`
	}
	digestInfo struct {
		Algorithm pkix.AlgorithmIdentifier
		Digest    []byte
	}
	encryptedData struct {
		Version int
		Content struct {
			Type      asn1.ObjectIdentifier
			Algorithm pkix.AlgorithmIdentifier
			Data      asn1.RawValue `asn1:"tag:0,optional"`
		}
	}
	safeBag struct {
		ID         asn1.ObjectIdentifier
		Value      asn1.RawValue   `asn1:"tag:0,explicit"`
		Attributes []asn1.RawValue `asn1:"set,optional"`
	}
	// pbeParams is RFC 7292, appendix C.
	pbeParams struct {
		Salt       []byte
		Iterations int
	}
)

// pkcs12Layers checks the cost of every derivation that shows without the password. It
// returns the encrypted layers, whose content it cannot see.
func pkcs12Layers(der []byte) ([]contentInfo, error) {
	var pfx pfxPDU
	if _, err := asn1.Unmarshal(der, &pfx); err != nil {
		return nil, fmt.Errorf("PFX: %w", err)
	}
	if err := macCost(pfx.MAC); err != nil {
		return nil, err
	}
	var safe []byte
	if _, err := asn1.Unmarshal(pfx.AuthSafe.Content.Bytes, &safe); err != nil {
		return nil, fmt.Errorf("AuthenticatedSafe: %w", err)
	}
	var infos, layers []contentInfo
	if _, err := asn1.Unmarshal(safe, &infos); err != nil {
		return nil, fmt.Errorf("AuthenticatedSafe: %w", err)
	}
	if len(infos) > 2 {
		return nil, fmt.Errorf("%d parts; a certificate and its key need two", len(infos))
	}
	for _, info := range infos {
		switch {
		case info.Type.Equal(oidData):
			if err := bagsCost(info); err != nil {
				return nil, err
			}
		case info.Type.Equal(oidEncryptedData):
			var data encryptedData
			if _, err := asn1.Unmarshal(info.Content.Bytes, &data); err != nil {
				return nil, fmt.Errorf("EncryptedData: %w", err)
			}
			if err := pbeCost(data.Content.Algorithm); err != nil {
				return nil, err
			}
			layers = append(layers, info)
		default:
			return nil, fmt.Errorf("content of type %s", info.Type)
		}
	}
	return layers, nil
}

// macCost bounds the derivation of the integrity key: PKCS#12's own, or
// PBMAC1 (RFC 9579). A file without a MAC has none.
func macCost(mac macData) error {
	switch oid := mac.MAC.Algorithm.Algorithm; {
	case len(oid) == 0:
		return nil
	case oid.Equal(oidPBMAC1):
		var params pbes2Params
		if _, err := asn1.Unmarshal(mac.MAC.Algorithm.Parameters.FullBytes, &params); err != nil {
			return fmt.Errorf("PBMAC1 parameters: %w", err)
		}
		_, err := derivation(params.KDF)
		return err
	default:
		return rondasLimit(mac.Iterations)
	}
}

// pbeCost bounds the derivation of an encryption key.
func pbeCost(algorithm pkix.AlgorithmIdentifier) error {
	switch oid := algorithm.Algorithm; {
	case oid.Equal(oidPBES2):
		var params pbes2Params
		if _, err := asn1.Unmarshal(algorithm.Parameters.FullBytes, &params); err != nil {
			return fmt.Errorf("PBES2 parameters: %w", err)
		}
		_, err := derivation(params.KDF)
		return err
	case oid.Equal(oidPBEWithSHA13DES), oid.Equal(oidPBEWithRC2128), oid.Equal(oidPBEWithRC240):
		var params pbeParams
		if _, err := asn1.Unmarshal(algorithm.Parameters.FullBytes, &params); err != nil {
			return fmt.Errorf("PBE parameters: %w", err)
		}
		return rondasLimit(params.Iterations)
	default:
		return otherEncrypted(oid)
	}
}

// bagsCost bounds the keys in a layer that is not encrypted as a whole.
func bagsCost(info contentInfo) error {
	var content []byte
	if _, err := asn1.Unmarshal(info.Content.Bytes, &content); err != nil {
		return fmt.Errorf("SafeContents: %w", err)
	}
	var bags []safeBag
	if _, err := asn1.Unmarshal(content, &bags); err != nil {
		return fmt.Errorf("SafeContents: %w", err)
	}
	for _, bag := range bags {
		isLlave := bag.ID.Equal(oidKeyBag) || bag.ID.Equal(oidShroudedKeyBag)
		if isLlave && len(bag.Value.Bytes) > maxLlave {
			return errors.New("the key is too long")
		}
		if !bag.ID.Equal(oidShroudedKeyBag) {
			continue
		}
		var key encryptedPrivateKeyInfo
		if _, err := asn1.Unmarshal(bag.Value.Bytes, &key); err != nil {
			return fmt.Errorf("key bag: %w", err)
		}
		if err := pbeCost(key.Algorithm); err != nil {
			return err
		}
	}
	return nil
}

// withoutLlave proves that an encrypted layer holds certificates and no key. A key in it
// could ask for any number of rounds, which shows only once the library has begun them.
// So the layer is placed after a worthless key in a separate file: the library accepts
// one key per file and stops at the second before it decrypts it. The files in use
// (OpenSSL, Windows, Java) keep the key in the layer that is not encrypted as a whole.
func withoutLlave(layer contentInfo, password string) error {
	pfx, err := wrap(layer, password)
	if err != nil {
		return fmt.Errorf("wrapping an encrypted layer: %w", err)
	}
	if _, _, _, err := pkcs12.DecodeChain(pfx, password); err != nil {
		return errors.New("an encrypted layer is unsound or holds a key")
	}
	return nil
}

func wrap(layer contentInfo, password string) ([]byte, error) {
	nobody := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	key, err := x509.MarshalPKCS8PrivateKey(nobody)
	if err != nil {
		return nil, err
	}
	bags, err := asn1.Marshal([]safeBag{{ID: oidKeyBag, Value: explicit(key)}})
	if err != nil {
		return nil, err
	}
	llaves, err := data(bags)
	if err != nil {
		return nil, err
	}
	layer.Content = explicit(layer.Content.Bytes)
	safe, err := asn1.Marshal([]contentInfo{llaves, layer})
	if err != nil {
		return nil, err
	}
	authSafe, err := data(safe)
	if err != nil {
		return nil, err
	}
	mac := macData{
		MAC:        digestInfo{Algorithm: pkix.AlgorithmIdentifier{Algorithm: oidSHA256}, Digest: macSHA256(safe, password)},
		Iterations: 1,
	}
	return asn1.Marshal(pfxPDU{Version: 3, AuthSafe: authSafe, MAC: mac})
}

// explicit tags a DER value as [0] EXPLICIT.
func explicit(der []byte) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: der}
}

func data(content []byte) (contentInfo, error) {
	octets, err := asn1.Marshal(content)
	return contentInfo{Type: oidData, Content: explicit(octets)}, err
}

// macSHA256 is PKCS#12's MAC (RFC 7292, appendix B) for one round and no salt.
func macSHA256(message []byte, password string) []byte {
	mac := hmac.New(sha256.New, derivePKCS12(sha256.New, bmp(password), pbeParams{Iterations: 1}, forMAC, sha256.Size))
	mac.Write(message)
	return mac.Sum(nil)
}
