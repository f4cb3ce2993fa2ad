package plan

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"github.com/nodekiln/nodekiln/pkg/cluster"
	"github.com/nodekiln/nodekiln/pkg/profile"
)

// loopback is where a machine, or the host of a lab through a forwarded port, finds a server on the machine itself.
var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// New plans what a cluster file says in the terms of its profile. The spec has passed Check for the same profile.
func New(spec *cluster.Spec, prof *profile.Profile) *Plan {
	p := &Plan{
		Cluster:        spec.Name,
		Profile:        prof.Name,
		Network:        Network(spec.Network),
		Base:           Base{Debian: spec.Base.Debian, Mirrors: spec.Base.Mirrors, Kernel: spec.Base.Kernel},
		AuthorizedKeys: spec.AuthorizedKeys,
		Settings:       settings(spec, prof),
	}
	p.Base.Packages = slices.Compact(slices.Sorted(slices.Values(slices.Concat(prof.Packages, spec.Base.Packages))))
	for _, u := range spec.Users {
		p.Users = append(p.Users, User(u))
	}
	for _, m := range spec.Machines {
		p.Machines = append(p.Machines, newMachine(m, prof))
	}
	p.PKI = newPKI(spec.PKI, prof, p.Machines, spec.Network.Domain)
	return p
}

// settings gives the profile's settings with those of the cluster file over them.
func settings(spec *cluster.Spec, prof *profile.Profile) map[string]string {
	out := map[string]string{}
	for name, s := range prof.Settings {
		out[name] = s.Default
	}
	maps.Copy(out, spec.Settings)
	return out
}

func newMachine(m cluster.Machine, prof *profile.Profile) Machine {
	out := Machine{
		Name: m.Name, Roles: rolesOf(m, prof), Address: m.Address, MAC: m.MAC,
		Disk: m.Disk, Memory: m.Memory, CPUs: m.CPUs, Ports: map[string]int{profile.SSHPortName: profile.SSHPort},
	}
	for _, f := range m.Files {
		out.Files = append(out.Files, File(f))
	}
	for _, r := range out.Roles {
		maps.Copy(out.Ports, prof.Roles[r].Ports)
	}
	return out
}

func rolesOf(m cluster.Machine, prof *profile.Profile) []string {
	if len(m.Roles) == 0 {
		return prof.DefaultRoles
	}
	return m.Roles
}

func newPKI(spec cluster.PKI, prof *profile.Profile, machines []Machine, domain string) PKI {
	p := PKI{Key: spec.Key, Expiry: spec.Expiry, CAExpiry: spec.CAExpiry, Subject: Subject(spec.Subject)}
	for _, a := range prof.Authorities {
		p.Authorities = append(p.Authorities, Authority(a))
	}
	for _, c := range prof.Certificates {
		if c.Role == "" {
			p.Certificates = append(p.Certificates, newCertificate(c, nil, domain))
			continue
		}
		for _, m := range machines {
			if slices.Contains(m.Roles, c.Role) {
				p.Certificates = append(p.Certificates, newCertificate(c, &m, domain))
			}
		}
	}
	slices.SortStableFunc(p.Certificates, func(a, b Certificate) int {
		return cmp.Or(cmp.Compare(a.Machine, b.Machine), cmp.Compare(a.Name, b.Name))
	})
	return p
}

// newCertificate plans one certificate; the machine is nil where the operator holds it. A server is known by all the
// names and addresses that it is reached by, a client by its common name alone.
func newCertificate(c profile.Certificate, m *Machine, domain string) Certificate {
	out := Certificate{
		Name: c.Name, Authority: c.Authority, CommonName: c.CommonName,
		Server: slices.Contains(c.Usages, profile.UsageServer), Client: slices.Contains(c.Usages, profile.UsageClient),
	}
	if m == nil {
		return out
	}
	out.Machine = m.Name
	out.CommonName = cmp.Or(c.CommonName, m.Name)
	if out.Server {
		out.DNSNames = []string{m.Name}
		if domain != "" {
			out.DNSNames = append(out.DNSNames, m.Name+"."+domain)
		}
		out.DNSNames = append(out.DNSNames, "localhost")
		out.Addresses = []netip.Addr{m.Address, loopback}
	}
	return out
}
