package pki

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/cloudflare/cfssl/helpers"
)

// pair is a certificate and its private key. Until it is issued it has no certificate, and perhaps no key.
type pair struct {
	files pairFiles
	// authority that signed the certificate, by name; "" for an authority itself.
	authority string
	cert      *x509.Certificate
	certPEM   []byte
	key       Key
	// request for the certificate, in PEM, which is kept of authorities alone.
	request []byte
	// unwritten are files of it that are not in the bundle yet.
	unwritten changes
}

func (p *pair) issued() bool { return p.cert != nil }

// readPair reads what there is of a pair, and refuses halves that are not of one whole.
func (s *store) readPair(files pairFiles, authority string) (*pair, error) {
	p := &pair{files: files, authority: authority}
	// The certificate first: where one is seen, the key has been there before it.
	cert, hasCert, err := s.read(files.cert)
	if err != nil {
		return nil, err
	}
	key, hasKey, err := s.readSecret(files.key)
	if err != nil {
		return nil, err
	}
	if hasCert && !hasKey {
		return nil, fmt.Errorf("%s: its key is missing: put %s back, or move the certificate away to have both issued anew",
			s.name(files.cert), s.name(files.key))
	}
	if !hasKey {
		return p, nil
	}
	p.key = newKey(key)
	signer, err := p.signer()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", s.name(files.key), err, s.anew(files))
	}
	if !hasCert {
		return p, nil
	}
	p.certPEM = cert
	if p.cert, err = parseCertificate(cert); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", s.name(files.cert), err, s.anew(files))
	}
	if !equalKeys(signer.Public(), p.cert.PublicKey) {
		return nil, fmt.Errorf("%s: is not the key of the certificate %s: put the right one back, or %s",
			s.name(files.key), s.name(files.cert), s.anew(files))
	}
	return p, nil
}

// anew tells what to do to have a pair issued anew.
func (s *store) anew(files pairFiles) string {
	return fmt.Sprintf("move %s away and the next build issues them anew", s.names(files))
}

// allAnew tells what to do to have an authority issued anew.
func (s *store) allAnew(files pairFiles) string {
	return fmt.Sprintf("move %s away, and whatever the authority signed, and the next build issues it all anew", s.names(files))
}

// names lists the files of a pair.
func (s *store) names(files pairFiles) string {
	if files.request == "" {
		return s.name(files.cert) + " and " + s.name(files.key)
	}
	return fmt.Sprintf("%s, %s and %s", s.name(files.cert), s.name(files.key), s.name(files.request))
}

// signer gives the private key as a value to sign with. Its error says nothing of what the key holds.
func (p *pair) signer() (crypto.Signer, error) {
	key, err := helpers.ParsePrivateKeyPEM(p.key.Reveal())
	if err != nil {
		return nil, errors.New("holds no private key in PEM that can be read without a passphrase")
	}
	return key, nil
}

// certificateType is the type of a certificate in PEM (RFC 7468, 5).
const certificateType = "CERTIFICATE"

// parseCertificate reads exactly one certificate: with more, it would not be clear which one is meant.
func parseCertificate(content []byte) (*x509.Certificate, error) {
	block, rest := pem.Decode(content)
	if block == nil || block.Type != certificateType {
		return nil, errors.New("holds no certificate in PEM")
	}
	if more, _ := pem.Decode(rest); more != nil {
		return nil, errors.New("holds more than one certificate, or something else behind it")
	}
	return x509.ParseCertificate(block.Bytes)
}

func equalKeys(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}
