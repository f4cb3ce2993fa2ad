package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nodekiln/nodekiln/pkg/plan"
)

// Sizes of RSA keys in bits that an authority may have: shorter ones are too weak for Go's TLS, which Kubernetes is made
// of (crypto/tls, since Go 1.22), and longer ones it does not verify (since Go 1.20).
const (
	minRSA = 2048
	maxRSA = 8192
)

// brought tells whether the user brings the authority.
func brought(a plan.Authority) bool { return a.Certificate != nil || a.Key != nil }

// CheckAuthority refuses what a user brings for an authority, in PEM, if it cannot sign certificates now. It tells all
// that is wrong at once, and nothing of what the key holds.
func CheckAuthority(certificate, key []byte, now time.Time) error {
	p, err := broughtPair(certificate, key)
	if err != nil {
		return err
	}
	return checkBrought(p.cert, now)
}

// broughtPair reads what a user brings. It keeps a block of PEM each, without what people and programs write around it.
func broughtPair(certificate, key []byte) (*pair, error) {
	p := &pair{}
	var problems []error
	cert, err := parseCertificate(certificate)
	if err != nil {
		problems = append(problems, fmt.Errorf("the certificate: %w", err))
	} else {
		p.cert, p.certPEM = cert, pem.EncodeToMemory(&pem.Block{Type: certificateType, Bytes: cert.Raw})
	}
	var signer crypto.Signer
	block, err := onlyKey(key)
	if err == nil {
		p.key = newKey(pem.EncodeToMemory(block))
		signer, err = p.signer()
	}
	if err != nil {
		problems = append(problems, fmt.Errorf("the key: %w", err))
	}
	if len(problems) == 0 && !equalKeys(signer.Public(), cert.PublicKey) {
		problems = append(problems, errors.New("the key is not that of the certificate"))
	}
	return p, errors.Join(problems...)
}

// onlyKey gives the only block of PEM but for the curve's parameters, which openssl-ecparam(1) writes before a key.
func onlyKey(content []byte) (*pem.Block, error) {
	var only *pem.Block
	for {
		block, rest := pem.Decode(content)
		switch {
		case block == nil && only == nil:
			return nil, errors.New("holds no private key in PEM")
		case block == nil:
			return only, nil
		case block.Type == "EC PARAMETERS":
		case only != nil:
			return nil, errors.New("holds something else beside the private key")
		default:
			only = block
		}
		content = rest
	}
}

// checkBrought refuses the certificate of an authority that a user brings if it cannot sign now.
func checkBrought(cert *x509.Certificate, now time.Time) error {
	problems := []error{checkAlgorithm(cert.PublicKey)}
	if !cert.BasicConstraintsValid || !cert.IsCA {
		problems = append(problems, errors.New("the certificate is not one of an authority (it lacks basicConstraints CA:TRUE)"))
	}
	if cert.KeyUsage != 0 && cert.KeyUsage&x509.KeyUsageCertSign == 0 {
		problems = append(problems, errors.New("the certificate may not sign others (its keyUsage lacks keyCertSign)"))
	}
	if now.After(cert.NotAfter) {
		problems = append(problems, fmt.Errorf("the certificate expired at %s", stamp(cert.NotAfter)))
	}
	if now.Before(cert.NotBefore) {
		problems = append(problems, fmt.Errorf("the certificate is valid only from %s on, and now is %s", stamp(cert.NotBefore), stamp(now)))
	}
	return errors.Join(problems...)
}

// checkAlgorithm refuses keys that cfssl or Kubernetes cannot do with.
func checkAlgorithm(key crypto.PublicKey) error {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSA || bits > maxRSA {
			return fmt.Errorf("the key is one of RSA with %d bits, and has to have %d to %d", bits, minRSA, maxRSA)
		}
		return nil
	case *ecdsa.PublicKey:
		if !slices.Contains([]elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()}, key.Curve) {
			return fmt.Errorf("the key is one of ECDSA on the curve %s, and has to be on P-256, P-384 or P-521", key.Curve.Params().Name)
		}
		return nil
	}
	return fmt.Errorf("the key is neither one of RSA nor of ECDSA (%T)", key)
}

// bring takes what the user brings for an authority into an empty place of the bundle, and refuses it if there is
// something else.
func (s *store) bring(p *pair, a plan.Authority, now time.Time) error {
	if !brought(a) {
		return nil
	}
	theirs, err := broughtPair(a.Certificate, a.Key)
	if err == nil {
		err = checkBrought(theirs.cert, now)
	}
	if err != nil {
		return fmt.Errorf("the authority %s that the cluster file brings: %w", a.Name, err)
	}
	if p.key.empty() {
		p.key = theirs.key
		p.unwritten.secrets = append(p.unwritten.secrets, file{path: p.files.key, content: p.key.Reveal(), mode: secretMode})
	}
	if !p.issued() {
		p.cert, p.certPEM = theirs.cert, theirs.certPEM
		p.unwritten.public = append(p.unwritten.public, file{path: p.files.cert, content: p.certPEM, mode: publicMode})
	}
	key, err := p.signer()
	if err != nil {
		return fmt.Errorf("%s: %w", s.name(p.files.key), err)
	}
	const keep = "to keep it, take pki.authorities.%s out of the cluster file; to have the other one, "
	switch {
	case !equalKeys(key.Public(), theirs.cert.PublicKey):
		return fmt.Errorf("%s: is another key than that which the cluster file brings for the authority %s: "+keep+"%s",
			s.name(p.files.key), a.Name, a.Name, s.allAnew(p.files))
	case !bytes.Equal(p.cert.Raw, theirs.cert.Raw) && bytes.Equal(p.cert.RawSubject, theirs.cert.RawSubject):
		return fmt.Errorf("%s: is another certificate of the same key than that which the cluster file brings: "+keep+
			"move it away and the next build takes it; what the authority signed stays valid", s.name(p.files.cert), a.Name)
	case !bytes.Equal(p.cert.Raw, theirs.cert.Raw):
		return fmt.Errorf("%s: is another certificate than that which the cluster file brings for the authority %s: "+keep+"%s",
			s.name(p.files.cert), a.Name, a.Name, s.allAnew(p.files))
	}
	return nil
}
