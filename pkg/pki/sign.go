package pki

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/cloudflare/cfssl/config"
	"github.com/cloudflare/cfssl/signer"
	"github.com/cloudflare/cfssl/signer/local"
)

// sign gives the certificate that a request in PEM asks for, in PEM. Without a parent it is signed by itself.
func sign(parent *pair, key crypto.Signer, request []byte, profile *config.SigningProfile,
	notBefore, notAfter time.Time,
) ([]byte, error) {
	profile.Expiry = notAfter.Sub(notBefore)
	want := signer.SignRequest{Request: string(request), NotBefore: notBefore, NotAfter: notAfter}
	var by *x509.Certificate
	if parent != nil {
		by = parent.cert
		if err := nameKey(&want, profile, by.SubjectKeyId); err != nil {
			return nil, err
		}
	}
	s, err := local.NewSigner(key, by, signer.DefaultSigAlgo(key), &config.Signing{Default: profile})
	if err != nil {
		return nil, fmt.Errorf("sign a certificate: %w", err)
	}
	cert, err := s.Sign(want)
	if err != nil {
		return nil, fmt.Errorf("sign a certificate: %w", err)
	}
	return cert, nil
}

// authorityKeyIdentifier is the extension that names the key of a certificate's authority (RFC 5280, 4.2.1.1).
var authorityKeyIdentifier = asn1.ObjectIdentifier{2, 5, 29, 35}

// nameKey has a certificate name its authority's key. Go's x509 leaves that out where both have the same subject, as a
// machine has that an authority is named after, and OpenSSL then takes the certificate for one that is signed by itself.
func nameKey(want *signer.SignRequest, profile *config.SigningProfile, id []byte) error {
	if len(id) == 0 {
		return nil
	}
	value, err := asn1.Marshal(struct {
		ID []byte `asn1:"tag:0"`
	}{id})
	if err != nil {
		return fmt.Errorf("name the authority's key: %w", err)
	}
	want.Extensions = []signer.Extension{{ID: config.OID(authorityKeyIdentifier), Value: hex.EncodeToString(value)}}
	profile.ExtensionWhitelist = map[string]bool{authorityKeyIdentifier.String(): true}
	return nil
}
