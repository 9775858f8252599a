package efirma

import (
	"crypto"
	"crypto/rsa"
	"io"
)

// signer holds the key in a closure. It has no field from which fmt, encoding/json or
// reflection could read it.
type signer struct {
	public rsa.PublicKey
	sign   func(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error)
}

func newSigner(key *rsa.PrivateKey) *signer {
	return &signer{public: key.PublicKey, sign: key.Sign}
}

// Public returns an *rsa.PublicKey.
func (s *signer) Public() crypto.PublicKey {
	public := s.public
	return &public
}

// Sign signs a digest: PKCS#1 v1.5, or PSS with *rsa.PSSOptions.
func (s *signer) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.sign(rand, digest, opts)
}
