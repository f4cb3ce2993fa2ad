package pki

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/nodekiln/nodekiln/pkg/plan"
)

// checker holds what is in a bundle against what a plan asks for.
type checker struct {
	store *store
	plan  plan.PKI
	now   time.Time
}

// check gives everything that is wrong with what was issued, and with what is about to be.
func (c checker) check(b *Bundle) error {
	var problems []error
	for _, a := range c.plan.Authorities {
		if p := b.authorities[a.Name]; p.issued() {
			problems = append(problems, c.store.checkAuthority(p), c.checkTime(p, c.store.allAnew(p.files)))
		}
	}
	for _, want := range c.plan.Certificates {
		p, by := b.holders[want.Machine].certs[want.Name], b.authorities[want.Authority]
		if !p.issued() {
			problems = append(problems, c.checkLifetime(by))
			continue
		}
		problems = append(problems, c.store.checkSignature(p, by), c.checkTime(p, c.store.anew(p.files)), c.checkCover(p, want))
	}
	return join(problems)
}

// join is errors.Join without repetitions: what is wrong with an authority is found for each of its certificates.
func join(problems []error) error {
	seen := map[string]bool{}
	return errors.Join(slices.DeleteFunc(problems, func(err error) bool {
		if err == nil || seen[err.Error()] {
			return true
		}
		seen[err.Error()] = true
		return false
	})...)
}

// checkAuthority refuses the certificate of an authority that may not sign.
func (s *store) checkAuthority(p *pair) error {
	if !p.cert.IsCA || p.cert.KeyUsage&x509.KeyUsageCertSign == 0 {
		return fmt.Errorf("%s: is no certificate of an authority that signs others (basicConstraints CA:TRUE, "+
			"keyUsage keyCertSign): put the right one back", s.name(p.files.cert))
	}
	return nil
}

// checkSignature refuses a certificate that its authority did not sign, or does not outlive.
func (s *store) checkSignature(p, by *pair) error {
	if !by.issued() {
		return fmt.Errorf("%s: the authority that signed it is missing: put %s and its key back, or %s",
			s.name(p.files.cert), s.name(by.files.cert), s.anew(p.files))
	}
	if !signedBy(p, by) {
		return fmt.Errorf("%s: is not signed by %s: put the right files back, or %s",
			s.name(p.files.cert), s.name(by.files.cert), s.anew(p.files))
	}
	if p.cert.NotAfter.After(by.cert.NotAfter) {
		return fmt.Errorf("%s: is valid until %s, and its authority %s only until %s: %s", s.name(p.files.cert),
			stamp(p.cert.NotAfter), s.name(by.files.cert), stamp(by.cert.NotAfter), s.anew(p.files))
	}
	return nil
}

// signedBy tells whether an authority signed a certificate. Go does not hold the names against each other; others do.
func signedBy(p, by *pair) bool {
	return bytes.Equal(p.cert.RawIssuer, by.cert.RawSubject) && p.cert.CheckSignatureFrom(by.cert) == nil
}

// checkTime refuses what is not valid now, and gives the advice with it.
func (c checker) checkTime(p *pair, advice string) error {
	name := c.store.name(p.files.cert)
	if c.now.After(p.cert.NotAfter) {
		return fmt.Errorf("%s: expired at %s: %s", name, stamp(p.cert.NotAfter), advice)
	}
	if c.now.Before(p.cert.NotBefore) {
		return fmt.Errorf("%s: is valid only from %s on, and now is %s: set the clock, or %s", name,
			stamp(p.cert.NotBefore), stamp(c.now), advice)
	}
	return nil
}

// checkLifetime refuses to issue what would outlive its authority.
func (c checker) checkLifetime(by *pair) error {
	if by.issued() && c.now.Add(c.plan.Expiry).After(by.cert.NotAfter) {
		return fmt.Errorf("%s: ends at %s, before a certificate issued now for %v would: ask for a shorter pki.expiry",
			c.store.name(by.files.cert), stamp(by.cert.NotAfter), c.plan.Expiry)
	}
	return nil
}

// checkCover refuses a certificate that does not say all that the plan wants it to.
func (c checker) checkCover(p *pair, want plan.Certificate) error {
	lacking := lacks(p.cert, want, c.plan.Subject)
	if len(lacking) == 0 {
		return nil
	}
	return fmt.Errorf("%s: lacks %s: %s", c.store.name(p.files.cert), strings.Join(lacking, ", "), c.store.anew(p.files))
}

// lacks tells what a certificate does not have of what is wanted. Of the subject, only the common name and the
// organization count: programs decide by them who somebody is and which groups he is in, by the rest nobody does.
func lacks(cert *x509.Certificate, want plan.Certificate, subject plan.Subject) []string {
	var out []string
	if cert.Subject.CommonName != want.CommonName {
		out = append(out, fmt.Sprintf("the common name %q (it has %q)", want.CommonName, cert.Subject.CommonName))
	}
	if subject.Organization != "" && !slices.Contains(cert.Subject.Organization, subject.Organization) {
		out = append(out, fmt.Sprintf("the organization %q", subject.Organization))
	}
	for _, n := range want.DNSNames {
		if !slices.Contains(cert.DNSNames, n) {
			out = append(out, "the name "+n)
		}
	}
	addresses := make([]netip.Addr, 0, len(cert.IPAddresses))
	for _, ip := range cert.IPAddresses {
		a, _ := netip.AddrFromSlice(ip)
		addresses = append(addresses, a.Unmap())
	}
	for _, a := range want.Addresses {
		if !slices.Contains(addresses, a.Unmap()) {
			out = append(out, "the address "+a.String())
		}
	}
	if want.Server && !slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageServerAuth) {
		out = append(out, "the usage serverAuth")
	}
	if want.Client && !slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageClientAuth) {
		out = append(out, "the usage clientAuth")
	}
	return out
}

// stamp writes a time as errors and tables show it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
