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
	"github.com/cloudflare/cfssl/signer"
	"github.com/cloudflare/cfssl/signer/local"

	"github.com/nodekiln/nodekiln/pkg/plan"
)

// backdate is how long before its issuing a certificate becomes valid: clocks of machines that were never set are
// wrong by their time zone, which is at most 14 hours.
const backdate = 24 * time.Hour

// cfssl reports every certificate to the standard logger, by a level that only a variable of its own can set. That has
// to be done before anything runs that may read it.
func init() { log.Level = log.LevelFatal }

// keyRequest gives what cfssl calls the algorithm of a plan.
func keyRequest(algorithm string) (*csr.KeyRequest, error) {
	switch algorithm {
	case "rsa-2048":
		return &csr.KeyRequest{A: "rsa", S: 2048}, nil
	case "rsa-4096":
		return &csr.KeyRequest{A: "rsa", S: 4096}, nil
	case "ecdsa-p256":
		return &csr.KeyRequest{A: "ecdsa", S: 256}, nil
	case "ecdsa-p384":
		return &csr.KeyRequest{A: "ecdsa", S: 384}, nil
	}
	return nil, fmt.Errorf("key algorithm %q: is none of rsa-2048, rsa-4096, ecdsa-p256 and ecdsa-p384", algorithm)
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

// authority completes the pair of an authority, and gives the files that are new.
func (i issuer) authority(p *pair, want plan.Authority) (changes, error) {
	profile := &config.SigningProfile{
		// RFC 5280, 4.2.1.3: an authority needs the first to sign certificates and the second to revoke them.
		Usage: []string{"cert sign", "crl sign"},
		// A path length of zero: it signs certificates of machines, and no further authority.
		CAConstraint: config.CAConstraint{IsCA: true, MaxPathLenZero: true},
	}
	return i.complete(p, func(key crypto.Signer) ([]byte, error) {
		request := i.request(want.CommonName)
		return sign(nil, key, key, request, profile, i.now.Add(-backdate), i.now.Add(i.plan.CAExpiry))
	})
}

// certificate completes the pair of a machine or of the operator, and gives the files that are new.
func (i issuer) certificate(p *pair, want plan.Certificate, by *pair) (changes, error) {
	byKey, err := by.signer()
	if err != nil {
		return changes{}, err
	}
	c, err := i.complete(p, func(key crypto.Signer) ([]byte, error) {
		request := i.request(want.CommonName)
		request.Hosts = append(request.Hosts, want.DNSNames...)
		for _, a := range want.Addresses {
			request.Hosts = append(request.Hosts, a.Unmap().String())
		}
		profile := &config.SigningProfile{Usage: usages(want, key.Public())}
		return sign(by.cert, byKey, key, request, profile, i.now.Add(-backdate), i.now.Add(i.plan.Expiry))
	})
	if err != nil {
		return c, err
	}
	// cfssl guesses by its looks whether a name is one of DNS, an address, a URI or of mail.
	if lacking := lacks(p.cert, want, i.plan.Subject); len(lacking) > 0 {
		return c, fmt.Errorf("issue %s: it would lack %s", p.files.cert, strings.Join(lacking, ", "))
	}
	return c, nil
}

// complete makes the key of a pair where it has none, and has it certified.
func (i issuer) complete(p *pair, certify func(crypto.Signer) ([]byte, error)) (changes, error) {
	var c changes
	var err error
	if p.key.empty() {
		if p.key, err = generateKey(i.plan.Key); err != nil {
			return c, err
		}
		c.secrets = append(c.secrets, file{p.files.key, p.key.Reveal(), secretMode})
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
	c.public = append(c.public, file{p.files.cert, p.certPEM, publicMode})
	return c, nil
}

func (i issuer) request(commonName string) *csr.CertificateRequest {
	s := i.plan.Subject
	name := csr.Name{C: s.Country, ST: s.Province, L: s.Locality, O: s.Organization, OU: s.Unit}
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

// sign gives the certificate for a key, in PEM. Without a parent it is signed by itself.
func sign(parent *x509.Certificate, parentKey, key crypto.Signer, request *csr.CertificateRequest,
	profile *config.SigningProfile, notBefore, notAfter time.Time,
) ([]byte, error) {
	der, err := csr.GenerateDER(key, request)
	if err != nil {
		return nil, fmt.Errorf("request a certificate: %w", err)
	}
	var text strings.Builder
	if err := pem.Encode(&text, &pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}); err != nil {
		return nil, fmt.Errorf("request a certificate: %w", err)
	}
	profile.Expiry = notAfter.Sub(notBefore)
	policy := &config.Signing{Default: profile}
	s, err := local.NewSigner(parentKey, parent, signer.DefaultSigAlgo(parentKey), policy)
	if err != nil {
		return nil, fmt.Errorf("sign a certificate: %w", err)
	}
	cert, err := s.Sign(signer.SignRequest{Request: text.String(), NotBefore: notBefore, NotAfter: notAfter})
	if err != nil {
		return nil, fmt.Errorf("sign a certificate: %w", err)
	}
	return cert, nil
}
