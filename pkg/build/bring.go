package build

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/nodekiln/nodekiln/pkg/cluster"
	"github.com/nodekiln/nodekiln/pkg/oci"
	"github.com/nodekiln/nodekiln/pkg/pki"
	"github.com/nodekiln/nodekiln/pkg/plan"
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
	if (p.Config != nil || p.Request != nil) && p.CAExpiry < p.Expiry {
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

// checkImages reports what among the user's own container images is none, and names that two different images have. The
// files are relative to the directory.
func checkImages(spec *cluster.Spec, dir string, problems *cluster.Problems) {
	type holder struct{ path, image string }
	holders := map[string]holder{}
	for _, p := range spec.Images.Preload {
		if p.Pull != "" {
			problems.Add(p.Path+".pull", oci.CheckReference(p.Pull))
			continue
		}
		if (p.Archive == "") == (p.Layout == "") {
			continue // has a problem of its own
		}
		path := p.Path + ".archive"
		if p.Layout != "" {
			path = p.Path + ".layout"
		}
		names, err := oci.Names(dir, plan.Preload(p))
		problems.Add(path, err)
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if other, ok := holders[name]; ok && other.image != names[name] {
				problems.Addf(path, "%s is another image in %s", name, other.path)
			}
			holders[name] = holder{p.Path, names[name]}
		}
	}
}
