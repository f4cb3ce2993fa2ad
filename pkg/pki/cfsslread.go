package pki

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/cloudflare/cfssl/config"
	"github.com/cloudflare/cfssl/csr"

	"github.com/nodekiln/nodekiln/pkg/plan"
)

// SigningConfig is what a ca-config.json of cfssl says of a cluster's certificates.
type SigningConfig struct {
	// Expiry is their lifetime.
	Expiry time.Duration
}

// AuthorityRequest is what a ca-csr.json of cfssl says of a cluster's authorities.
type AuthorityRequest struct {
	// CommonName of the authority.
	CommonName string
	// Key is one of rsa-2048, rsa-4096, ecdsa-p256 and ecdsa-p384, or "" where the file does not say.
	Key string
	// CAExpiry is the lifetime of the authority, 0 where the file does not say.
	CAExpiry time.Duration
	Subject  plan.Subject
}

// ParseSigningConfig reads a ca-config.json of cfssl, whose name is for errors. The lifetime is that of the profiles,
// which have to agree because nodekiln knows itself what each certificate is for, or else the default's. All that is
// wrong is reported at once, and so is what nodekiln would not heed.
func ParseSigningConfig(name string, b []byte) (SigningConfig, error) {
	f := newJSONFile(name, b, "signing", "signing.default", "signing.default.expiry", "signing.default.usages",
		"signing.profiles", "signing.profiles.*", "signing.profiles.*.expiry", "signing.profiles.*.usages")
	var c config.Config
	if err := f.decode(&c); err != nil {
		return SigningConfig{}, err
	}
	if c.Signing == nil {
		return SigningConfig{}, fmt.Errorf("%s: has no signing", name)
	}
	s := signingReader{file: f, usages: map[string]bool{}}
	if d := c.Signing.Default; d == nil {
		s.expiry = config.DefaultConfig().Expiry // as cfssl does
	} else {
		s.expiry = s.profile("signing.default", d)
	}
	first := ""
	for _, name := range slices.Sorted(maps.Keys(c.Signing.Profiles)) {
		path := "signing.profiles." + name
		expiry := s.profile(path, c.Signing.Profiles[name])
		switch {
		case first == "":
			first, s.expiry = path, expiry
		case expiry != s.expiry && expiry > 0 && s.expiry > 0:
			f.problemf(path+".expiry", "differs from that of %s, and nodekiln has one lifetime for all certificates", first)
		}
	}
	s.checkUsages()
	if len(f.problems) == 0 {
		if _, err := config.LoadConfig(b); err != nil {
			f.problemf("", "cfssl refuses it: %v", err)
		}
	}
	return SigningConfig{Expiry: s.expiry}, errors.Join(f.problems...)
}

// signingReader reads the profiles of a ca-config.json.
type signingReader struct {
	file   *jsonFile
	expiry time.Duration
	usages map[string]bool
}

// profile checks a profile, and gives the lifetime that it has for certificates.
func (s *signingReader) profile(path string, p *config.SigningProfile) time.Duration {
	if p == nil {
		s.file.problemf(path, "is null")
		return 0
	}
	for _, u := range p.Usage {
		_, isUsage := config.KeyUsage[u]
		_, isExtended := config.ExtKeyUsage[u]
		if !isUsage && !isExtended {
			s.file.problemf(path+".usages", "cfssl knows no usage %q", u)
		}
		s.usages[u] = true
	}
	if p.ExpiryString == "" {
		s.file.problemf(path, "has no expiry")
		return 0
	}
	return s.file.lifetime(path+".expiry", p.ExpiryString)
}

// checkUsages refuses a configuration by which cfssl would not issue what a cluster needs.
func (s *signingReader) checkUsages() {
	if len(s.usages) == 0 {
		return
	}
	for _, need := range []string{"server auth", "client auth"} {
		if !s.usages[need] && !s.usages["any"] {
			s.file.problemf("signing", "no profile has the usage %q, which some certificates of a cluster are for", need)
		}
	}
}

// lifetime reads a duration of Go, as cfssl does.
func (f *jsonFile) lifetime(path, text string) time.Duration {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		f.problemf(path, "%q is no duration; write it in hours, as in 8760h", text)
	case d <= 0:
		f.problemf(path, "%q is not positive", text)
	case d%time.Second != 0:
		f.problemf(path, "%q is not in whole seconds, which certificates count in", text)
	default:
		return d
	}
	return 0
}

// ParseRequest reads a ca-csr.json of cfssl, whose name is for errors. All that is wrong is reported at once, and so is
// what nodekiln would not heed.
func ParseRequest(name string, b []byte) (AuthorityRequest, error) {
	f := newJSONFile(name, b, "CN", "key", "key.algo", "key.size", "ca", "ca.expiry", "hosts",
		"names", "names[].C", "names[].ST", "names[].L", "names[].O", "names[].OU")
	var r csr.CertificateRequest
	if err := f.decode(&r); err != nil {
		return AuthorityRequest{}, err
	}
	out := AuthorityRequest{CommonName: r.CN}
	f.bound("CN", r.CN, 64)
	if r.KeyRequest != nil {
		if out.Key = keyName(r.KeyRequest); out.Key == "" {
			f.problemf("key", "%s with %d bits is none of rsa with 2048 or 4096 and ecdsa with 256 or 384", r.KeyRequest.A, r.KeyRequest.S)
		}
	}
	if r.CA != nil && r.CA.Expiry != "" {
		out.CAExpiry = f.lifetime("ca.expiry", r.CA.Expiry)
	}
	if len(r.Hosts) > 0 {
		f.problemf("hosts", "an authority is no host: leave it empty")
	}
	switch len(r.Names) {
	case 0:
	case 1:
		n := r.Names[0]
		out.Subject = plan.Subject{Country: n.C, Province: n.ST, Locality: n.L, Organization: n.O, Unit: n.OU}
		f.checkSubject("names[0].", n)
	default:
		f.problemf("names", "has %d names, and nodekiln's certificates have one", len(r.Names))
	}
	return out, errors.Join(f.problems...)
}

// checkSubject has the bounds of RFC 5280, appendix A.1, in characters.
func (f *jsonFile) checkSubject(path string, n csr.Name) {
	if n.C != "" && !regexp.MustCompile(`^[A-Z]{2}$`).MatchString(n.C) {
		f.problemf(path+"C", "%q is no country code of two capital letters, as in CN", n.C)
	}
	f.bound(path+"ST", n.ST, 128)
	f.bound(path+"L", n.L, 128)
	f.bound(path+"O", n.O, 64)
	f.bound(path+"OU", n.OU, 64)
}

func (f *jsonFile) bound(path, text string, limit int) {
	if utf8.RuneCountInString(text) > limit {
		f.problemf(path, "longer than %d characters, the limit of X.509 (RFC 5280)", limit)
	}
}
