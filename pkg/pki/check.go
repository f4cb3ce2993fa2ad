package pki

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/nodekiln/nodekiln/pkg/plan"
)

// renewAdvice and renewAllAdvice tell how to have certificates issued anew, and those of authorities.
const (
	renewAdvice    = "'nodekiln certs renew' issues it anew with the same key"
	renewAllAdvice = "'nodekiln certs renew --authorities' issues it anew with the same key, and what it signed"
)

// checker holds what is in a bundle against what a plan asks for.
type checker struct {
	store *store
	plan  plan.PKI
	now   time.Time
}

// check gives everything that is wrong with what was issued.
func (c checker) check(b *Bundle) error {
	problems := []error{c.checkSound(b)}
	for _, a := range c.plan.Authorities {
		if p := b.authorities[a.Name]; p.issued() {
			problems = append(problems, c.checkExpiry(p, renewAllAdvice))
		}
	}
	for _, want := range c.plan.Certificates {
		p, by := b.holders[want.Machine].certs[want.Name], b.authorities[want.Authority]
		if p.issued() && by.issued() {
			problems = append(problems, c.checkExpiry(p, renewAdvice), c.checkOutlives(p, by), c.checkCover(p, want))
		}
	}
	return join(problems)
}

// checkSound gives everything that is wrong with what was issued and that to issue it anew with the same key would not
// mend.
func (c checker) checkSound(b *Bundle) error {
	var problems []error
	for _, a := range c.plan.Authorities {
		if p := b.authorities[a.Name]; p.issued() {
			problems = append(problems, c.store.checkAuthority(p), c.checkBegin(p))
		}
	}
	for _, want := range c.plan.Certificates {
		if p := b.holders[want.Machine].certs[want.Name]; p.issued() {
			problems = append(problems, c.store.checkSignature(p, b.authorities[want.Authority]), c.checkBegin(p))
		}
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

// checkAuthority refuses the certificate of an authority that may not sign. One without the extension keyUsage may
// (RFC 5280, 4.2.1.3), as many have that people make for themselves.
func (s *store) checkAuthority(p *pair) error {
	if !p.cert.IsCA || p.cert.KeyUsage != 0 && p.cert.KeyUsage&x509.KeyUsageCertSign == 0 {
		return fmt.Errorf("%s: is no certificate of an authority that signs others (basicConstraints CA:TRUE, "+
			"keyUsage keyCertSign): put the right one back", s.name(p.files.cert))
	}
	return nil
}

// checkSignature refuses a certificate that its authority did not sign.
func (s *store) checkSignature(p, by *pair) error {
	if !by.issued() {
		return fmt.Errorf("%s: the authority that signed it is missing: put %s and its key back, or %s",
			s.name(p.files.cert), s.name(by.files.cert), s.anew(p.files))
	}
	if !signedBy(p, by) {
		return fmt.Errorf("%s: is not signed by %s: put the right files back, or %s",
			s.name(p.files.cert), s.name(by.files.cert), s.anew(p.files))
	}
	return nil
}

// checkOutlives refuses a certificate that would be valid longer than its authority.
func (c checker) checkOutlives(p, by *pair) error {
	if !outlives(p, by) {
		return nil
	}
	return fmt.Errorf("%s: is valid until %s, and its authority %s only until %s: %s", c.store.name(p.files.cert),
		stamp(p.cert.NotAfter), c.store.name(by.files.cert), stamp(by.cert.NotAfter), renewAdvice)
}

func outlives(p, by *pair) bool { return p.cert.NotAfter.After(by.cert.NotAfter) }

// signedBy tells whether an authority signed a certificate. Go does not hold the names against each other; others do.
func signedBy(p, by *pair) bool {
	return bytes.Equal(p.cert.RawIssuer, by.cert.RawSubject) && p.cert.CheckSignatureFrom(by.cert) == nil
}

// checkExpiry refuses what has expired, and gives the advice with it.
func (c checker) checkExpiry(p *pair, advice string) error {
	if c.now.After(p.cert.NotAfter) {
		return fmt.Errorf("%s: expired at %s: %s", c.store.name(p.files.cert), stamp(p.cert.NotAfter), advice)
	}
	return nil
}

// checkBegin refuses what is not valid yet. It is the clock that is wrong then, or was, as all is issued backdated.
func (c checker) checkBegin(p *pair) error {
	if c.now.Before(p.cert.NotBefore) {
		advice := c.store.anew(p.files)
		if p.files.request != "" {
			advice = c.store.allAnew(p.files)
		}
		return fmt.Errorf("%s: is valid only from %s on, and now is %s: set the clock, or %s", c.store.name(p.files.cert),
			stamp(p.cert.NotBefore), stamp(c.now), advice)
	}
	return nil
}

// checkCover refuses a certificate that does not say all that the plan wants it to.
func (c checker) checkCover(p *pair, want plan.Certificate) error {
	lacking := lacks(p.cert, want, c.plan.Subject)
	if len(lacking) == 0 {
		return nil
	}
	return fmt.Errorf("%s: lacks %s: %s", c.store.name(p.files.cert), strings.Join(lacking, ", "), renewAdvice)
}

// lacks tells what a certificate does not have of what is wanted. Of the subject, only the common name and the
// organization count: programs decide by them who somebody is and which groups he is in, by the rest nobody does.
func lacks(cert *x509.Certificate, want plan.Certificate, subject plan.Subject) []string {
	var out []string
	if cert.Subject.CommonName != want.CommonName {
		out = append(out, fmt.Sprintf("the common name %q (it has %q)", want.CommonName, cert.Subject.CommonName))
	}
	// One too many counts as well: it may be a group that is allowed everything.
	if organization := organizations(want, subject); !slices.Equal(cert.Subject.Organization, organization) {
		out = append(out, fmt.Sprintf("the organization %q (it has %q)", strings.Join(organization, ""), strings.Join(cert.Subject.Organization, ", ")))
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

// organizations gives the organization of a certificate, or none.
func organizations(want plan.Certificate, subject plan.Subject) []string {
	if o := cmp.Or(want.Organization, subject.Organization); o != "" {
		return []string{o}
	}
	return nil
}

// stamp writes a time as errors and tables show it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
