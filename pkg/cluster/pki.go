package cluster

import (
	"fmt"
	"io/fs"
	"path"
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

		ConfigName: string(k.Config), Config: r.read("pki.config", k.Config),
		RequestName: string(k.Request), Request: r.read("pki.request", k.Request),
		Authorities: r.authorities(k.Authorities),
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

// authorities that the user brings.
func (r *resolver) authorities(given map[string]authority) map[string]Authority {
	if given == nil {
		return nil
	}
	all := make(map[string]Authority, len(given))
	for name, a := range given {
		p := join("pki.authorities", name)
		r.report(p, checkLabel(name))
		all[name] = Authority{Certificate: r.read(p+".certificate", a.Certificate), Key: r.readKey(p+".key", a.Key), Path: p}
	}
	return all
}

// readKey reads a private key, which nobody but its owner may read.
func (r *resolver) readKey(at string, name sourceText) []byte {
	b := r.read(at, name)
	if b == nil {
		return nil
	}
	// A file system without Sys, such as one in memory, has no owners.
	info, err := fs.Stat(r.sources, path.Clean(string(name)))
	if err == nil && info.Sys() != nil && info.Mode()&0o077 != 0 {
		r.problems.Addf(at, "%s is a private key that others can read (mode %04o): chmod 600 %s", quote(string(name)), info.Mode().Perm(), cut(string(name)))
		return nil
	}
	return b
}

// apart reports authorities whose key is in an overlay: machines would be given it.
func (r *resolver) apart(doc *document, authorities map[string]Authority) {
	overlays := map[string]bool{}
	add := func(a additions) {
		for _, name := range a.Overlays {
			overlays[path.Clean(string(name))] = true
		}
	}
	add(doc.additions)
	for _, a := range doc.Roles {
		add(a)
	}
	for _, m := range doc.Machines {
		add(m.additions)
	}
	for name, a := range authorities {
		if a.Key == nil {
			continue // has a problem of its own
		}
		key := doc.PKI.Authorities[name].Key
		for dir := path.Dir(path.Clean(string(key))); dir != "." && dir != "/"; dir = path.Dir(dir) {
			if overlays[dir] {
				r.problems.Addf(a.Path+".key", "%s is in the overlay %s, and machines would be given it; keep it elsewhere", quote(string(key)), cut(dir))
			}
		}
	}
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
