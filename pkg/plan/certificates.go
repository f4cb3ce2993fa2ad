package plan

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/cluster"
	"github.com/nodekiln/nodekiln/pkg/kube"
	"github.com/nodekiln/nodekiln/pkg/profile"
)

// loopback is where a machine, or the host of a lab through a forwarded port, finds a server on the machine itself.
var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// machineMark stands for the machine's name in a common name.
const machineMark = "{machine}"

func newPKI(spec *cluster.Spec, prof *profile.Profile, plan *Plan) PKI {
	p := PKI{Key: spec.PKI.Key, Expiry: spec.PKI.Expiry, CAExpiry: spec.PKI.CAExpiry, Subject: Subject(spec.PKI.Subject)}
	for _, a := range prof.Authorities {
		brought := spec.PKI.Authorities[a.Name]
		p.Authorities = append(p.Authorities, Authority{
			Name: a.Name, CommonName: a.CommonName, KeyMachines: names(plan, a.KeyRoles),
			Certificate: brought.Certificate, Key: brought.Key,
		})
	}
	for _, s := range prof.Secrets {
		p.Secrets = append(p.Secrets, Secret{Name: s.Name, Machines: names(plan, s.Roles)})
	}
	for _, c := range prof.Certificates {
		if !concerns(c.Since, c.Until, plan.Kubernetes) {
			continue
		}
		if c.Role == "" {
			p.Certificates = append(p.Certificates, newCertificate(c, nil, plan))
			continue
		}
		for _, m := range plan.WithRole(c.Role) {
			p.Certificates = append(p.Certificates, newCertificate(c, &m, plan))
		}
	}
	slices.SortStableFunc(p.Certificates, func(a, b Certificate) int {
		return cmp.Or(cmp.Compare(a.Machine, b.Machine), cmp.Compare(a.Name, b.Name))
	})
	// Two roles of one machine may ask for the same certificate.
	p.Certificates = slices.CompactFunc(p.Certificates, func(a, b Certificate) bool { return a.Machine == b.Machine && a.Name == b.Name })
	return p
}

// names gives the machines that have one of the roles, in the order of the cluster file.
func names(p *Plan, roles []string) []string {
	var out []string
	for _, m := range p.Machines {
		if slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(m.Roles, r) }) {
			out = append(out, m.Name)
		}
	}
	return out
}

// concerns tells whether what has these bounds in the profile is for the version of Kubernetes.
func concerns(first, last string, k *Kubernetes) bool {
	if k == nil {
		return true
	}
	// Check has read both bounds.
	since, _ := kube.ParseVersion(first)
	until, _ := kube.ParseVersion(last)
	return (first == "" || k.Version.Minor >= since.Minor) && (last == "" || k.Version.Minor <= until.Minor)
}

// newCertificate plans one certificate; the machine is nil where the operator holds it. A server is known by all the
// names and addresses that it is reached by, a client by its subject alone.
func newCertificate(c profile.Certificate, m *Machine, p *Plan) Certificate {
	kind, ofKind := kube.LookupCertificate(c.Kind)
	out := Certificate{
		Name: c.Name, Authority: cmp.Or(c.Authority, kind.Authority),
		CommonName: kind.CommonName, Organization: kind.Organization, Server: kind.Server, Client: kind.Client,
	}
	if c.CommonName != nil {
		out.CommonName = *c.CommonName
	}
	if c.Organization != nil {
		out.Organization = *c.Organization
	}
	if len(c.Usages) > 0 {
		out.Server, out.Client = slices.Contains(c.Usages, profile.UsageServer), slices.Contains(c.Usages, profile.UsageClient)
	}
	if m == nil {
		return out
	}
	out.Machine = m.Name
	out.CommonName = strings.ReplaceAll(cmp.Or(out.CommonName, machineMark), machineMark, m.Name)
	if !out.Server {
		return out
	}
	sans := kind.SANs
	if !ofKind || len(sans) == 0 {
		sans = []kube.SAN{kube.SANMachine, kube.SANLocalhost}
	}
	for _, san := range sans {
		out.addNames(san, *m, p)
	}
	return out
}

// addNames adds one group of names and addresses that a server is reached by, none twice.
func (c *Certificate) addNames(san kube.SAN, m Machine, p *Plan) {
	var dns []string
	var addresses []netip.Addr
	switch k := p.Kubernetes; san {
	case kube.SANMachine:
		dns = []string{m.Name}
		if p.Network.Domain != "" {
			dns = append(dns, m.Name+"."+p.Network.Domain)
		}
		addresses = []netip.Addr{m.Address}
	case kube.SANLocalhost:
		dns, addresses = []string{"localhost"}, []netip.Addr{loopback}
	case kube.SANEndpoint:
		if a, err := netip.ParseAddr(k.Host); err == nil {
			addresses = []netip.Addr{a}
		} else {
			dns = []string{k.Host}
		}
	case kube.SANServices:
		dns = []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + k.Domain}
		addresses = []netip.Addr{k.ServiceAddress}
	}
	for _, d := range dns {
		if !slices.Contains(c.DNSNames, d) {
			c.DNSNames = append(c.DNSNames, d)
		}
	}
	for _, a := range addresses {
		if !slices.Contains(c.Addresses, a) {
			c.Addresses = append(c.Addresses, a)
		}
	}
}
