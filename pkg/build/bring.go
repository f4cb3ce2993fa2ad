package build

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/nodekiln/nodekiln/pkg/cluster"
	"github.com/nodekiln/nodekiln/pkg/pki"
)

// applyCFSSL takes what the user's files of cfssl say for what the cluster file says of certificates.
func applyCFSSL(spec *cluster.Spec, problems *cluster.Problems) {
	p := &spec.PKI
	if p.Config != nil {
		c, err := pki.ParseSigningConfig(p.ConfigName, p.Config)
		problems.Add("pki.config", err)
		p.Expiry = cmp.Or(c.Expiry, p.Expiry)
	}
	if p.Request != nil {
		r, err := pki.ParseRequest(p.RequestName, p.Request)
		if err != nil {
			problems.Add("pki.request", err)
			return
		}
		p.Key = cmp.Or(r.Key, p.Key)
		p.CAExpiry = cmp.Or(r.CAExpiry, p.CAExpiry)
		p.Subject = cluster.Subject(r.Subject)
	}
	if p.CAExpiry < p.Expiry {
		problems.Addf("pki.config", "certificates for %s would outlive their authorities, which are for %s: the config and the request do not go together", p.Expiry, p.CAExpiry)
	}
}

// checkAuthorities reports authorities that the user brings and that can not sign.
func checkAuthorities(spec *cluster.Spec, now time.Time, problems *cluster.Problems) {
	for _, name := range slices.Sorted(maps.Keys(spec.PKI.Authorities)) {
		a := spec.PKI.Authorities[name]
		if a.Certificate == nil || a.Key == nil {
			continue // has a problem of its own
		}
		problems.Add(a.Path, pki.CheckAuthority(a.Certificate, a.Key, now))
	}
}
