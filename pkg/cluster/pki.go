package cluster

import (
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"
)

var countryPattern = regexp.MustCompile(`^[A-Z]{2}$`)

func (r *resolver) pki(k keys) PKI {
	p := PKI{
		Key:      k.Key,
		Expiry:   r.lifetime("pki.expiry", k.Expiry),
		CAExpiry: r.lifetime("pki.caExpiry", k.CAExpiry),
		Subject:  Subject(k.Subject),
	}
	if p.Expiry > p.CAExpiry && p.CAExpiry > 0 {
		r.problems.Addf("pki.expiry", "%s is longer than pki.caExpiry, %s: a certificate ends with its authority", k.Expiry, k.CAExpiry)
	}
	if c := p.Subject.Country; c != "" && !countryPattern.MatchString(c) {
		r.problems.Addf("pki.subject.country", "%s is no country code of two capital letters, as in CN", quote(c))
	}
	// The bounds are those of RFC 5280, appendix A.1, in characters.
	r.bound("pki.subject.province", p.Subject.Province, 128)
	r.bound("pki.subject.locality", p.Subject.Locality, 128)
	r.bound("pki.subject.organization", p.Subject.Organization, 64)
	r.bound("pki.subject.unit", p.Subject.Unit, 64)
	return p
}

func (r *resolver) lifetime(path string, text durationText) time.Duration {
	if text == "" {
		return 0
	}
	d, err := parseLifetime(string(text))
	r.report(path, err)
	return d
}

func (r *resolver) bound(path, text string, limit int) {
	if utf8.RuneCountInString(text) > limit {
		r.report(path, fmt.Errorf("longer than %d characters, the limit of X.509 (RFC 5280)", limit))
	}
}
