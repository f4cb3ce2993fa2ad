package pki

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"time"

	"github.com/cloudflare/cfssl/config"
	"github.com/cloudflare/cfssl/csr"
	"github.com/cloudflare/cfssl/log"

	"github.com/nodekiln/nodekiln/pkg/plan"
)

// backdate is how long before its issuing a certificate becomes valid: clocks of machines that were never set are
// wrong by their time zone, which is at most 14 hours.
const backdate = 24 * time.Hour

// cfssl reports every certificate to the standard logger, by a level that only a variable of its own can set. That has
// to be done before anything runs that may read it.
func init() { log.Level = log.LevelFatal }

// keyAlgorithms are the algorithms of a plan, with what cfssl calls them.
func keyAlgorithms() map[string]csr.KeyRequest {
	return map[string]csr.KeyRequest{
		"rsa-2048": {A: "rsa", S: 2048}, "rsa-4096": {A: "rsa", S: 4096},
		"ecdsa-p256": {A: "ecdsa", S: 256}, "ecdsa-p384": {A: "ecdsa", S: 384},
	}
}

// keyRequest gives what cfssl calls the algorithm of a plan.
func keyRequest(algorithm string) (*csr.KeyRequest, error) {
	if r, ok := keyAlgorithms()[algorithm]; ok {
		return &r, nil
	}
	return nil, fmt.Errorf("key algorithm %q: is none of rsa-2048, rsa-4096, ecdsa-p256 and ecdsa-p384", algorithm)
}

// keyName gives what a plan calls an algorithm of cfssl, and "" where it has none such.
func keyName(request *csr.KeyRequest) string {
	for name, r := range keyAlgorithms() {
		if r == *request {
			return name
		}
	}
	return ""
}

// generateKey makes a private key, in PEM of PKCS #8.
func generateKey(algorithm string) (Key, error) {
	request, err := keyRequest(algorithm)
	if err != nil {
		return Key{}, err
	}
	key, err := request.Generate()
	if err != nil {
		return Key{}, fmt.Errorf("make a key of %s: %w", algorithm, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Key{}, fmt.Errorf("make a key of %s: %w", algorithm, err)
	}
	return newKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}

// issuer issues what a plan asks for. All that one call of Ensure issues has the same beginning and ends by it.
type issuer struct {
	plan plan.PKI
	now  time.Time
}

// authorityProfile is what an authority may do.
func authorityProfile() *config.SigningProfile {
	return &config.SigningProfile{
		// RFC 5280, 4.2.1.3: an authority needs the first to sign certificates and the second to revoke them.
		Usage: []string{"cert sign", "crl sign"},
		// A path length of zero: it signs certificates of machines, and no further authority.
		CAConstraint: config.CAConstraint{IsCA: true, MaxPathLenZero: true},
	}
}

// authority completes the pair of an authority, and gives the files that are new.
func (i issuer) authority(p *pair, want plan.Authority) (changes, error) {
	return i.complete(p, func(key crypto.Signer) ([]byte, error) {
		request, err := csr.Generate(key, i.request(want.CommonName, i.plan.Subject.Organization))
		if err != nil {
			return nil, fmt.Errorf("request a certificate: %w", err)
		}
		return sign(nil, key, request, authorityProfile(), i.now.Add(-backdate), i.now.Add(i.plan.CAExpiry))
	})
}

// certificate completes the pair of a machine or of the operator, and gives the files that are new.
func (i issuer) certificate(p *pair, want plan.Certificate, by *pair) (changes, error) {
	c, err := i.complete(p, func(key crypto.Signer) ([]byte, error) { return i.certify(key, want, by) })
	if err != nil {
		return c, err
	}
	return c, i.checkIssued(p, want, by)
}

// certify gives a certificate for a key, in PEM. Its time lies within that of its authority.
func (i issuer) certify(key crypto.Signer, want plan.Certificate, by *pair) ([]byte, error) {
	byKey, err := by.signer()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", by.files.key, err)
	}
	request := i.request(want.CommonName, strings.Join(organizations(want, i.plan.Subject), ""))
	request.Hosts = append(request.Hosts, want.DNSNames...)
	for _, a := range want.Addresses {
		request.Hosts = append(request.Hosts, a.Unmap().String())
	}
	text, err := csr.Generate(key, request)
	if err != nil {
		return nil, fmt.Errorf("request a certificate: %w", err)
	}
	begin, end := i.now.Add(-backdate), i.now.Add(i.plan.Expiry)
	if begin.Before(by.cert.NotBefore) {
		begin = by.cert.NotBefore
	}
	if end.After(by.cert.NotAfter) {
		end = by.cert.NotAfter
	}
	profile := &config.SigningProfile{Usage: usages(want, key.Public())}
	return sign(by, byKey, text, profile, begin, end)
}

// checkIssued refuses a certificate that does not say what is wanted, or that clients would not take.
func (i issuer) checkIssued(p *pair, want plan.Certificate, by *pair) error {
	// cfssl guesses by its looks whether a name is one of DNS, an address, a URI or of mail.
	if lacking := lacks(p.cert, want, i.plan.Subject); len(lacking) > 0 {
		return fmt.Errorf("issue %s: it would lack %s", p.files.cert, strings.Join(lacking, ", "))
	}
	// An authority that a user brings may be constrained to some names and usages (RFC 5280, 4.2.1.10 and 4.2.1.12).
	roots := x509.NewCertPool()
	roots.AddCert(by.cert)
	for _, usage := range p.cert.ExtKeyUsage {
		o := x509.VerifyOptions{Roots: roots, CurrentTime: i.now, KeyUsages: []x509.ExtKeyUsage{usage}}
		if _, err := p.cert.Verify(o); err != nil {
			return fmt.Errorf("issue %s: the authority %s may not issue it: %w", p.files.cert, by.files.cert, err)
		}
	}
	return nil
}

// complete makes the key of a pair where it has none, and has it certified.
func (i issuer) complete(p *pair, certify func(crypto.Signer) ([]byte, error)) (changes, error) {
	var c changes
	var err error
	if p.key.empty() {
		if p.key, err = generateKey(i.plan.Key); err != nil {
			return c, err
		}
		c.secrets = append(c.secrets, file{path: p.files.key, content: p.key.Reveal(), mode: secretMode})
	}
	key, err := p.signer()
	if err != nil {
		return c, err
	}
	if p.certPEM, err = certify(key); err != nil {
		return c, fmt.Errorf("issue %s: %w", p.files.cert, err)
	}
	if p.cert, err = parseCertificate(p.certPEM); err != nil {
		return c, fmt.Errorf("issue %s: %w", p.files.cert, err)
	}
	c.public = append(c.public, file{path: p.files.cert, content: p.certPEM, mode: publicMode})
	return c, nil
}

func (i issuer) request(commonName, organization string) *csr.CertificateRequest {
	s := i.plan.Subject
	name := csr.Name{C: s.Country, ST: s.Province, L: s.Locality, O: organization, OU: s.Unit}
	return &csr.CertificateRequest{CN: commonName, Names: []csr.Name{name}}
}

// usages gives the names that cfssl has for what a certificate is for.
func usages(want plan.Certificate, key crypto.PublicKey) []string {
	out := []string{"digital signature"}
	if _, ok := key.(*rsa.PublicKey); ok { // RFC 5246, 7.4.2: the RSA key exchange of TLS 1.2 needs it
		out = append(out, "key encipherment")
	}
	if want.Server {
		out = append(out, "server auth")
	}
	if want.Client {
		out = append(out, "client auth")
	}
	return out
}
