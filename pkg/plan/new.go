package plan

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/cluster"
	"github.com/nodekiln/nodekiln/pkg/profile"
)

// New plans what a cluster file says in the terms of its profile. The spec has passed Check for the same profile.
func New(spec *cluster.Spec, prof *profile.Profile) *Plan {
	p := &Plan{
		Cluster:        spec.Name,
		Profile:        prof.Name,
		Network:        newNetwork(spec.Network),
		Registries:     Registries(spec.Registries),
		Base:           Base{Debian: spec.Base.Debian, Mirrors: spec.Base.Mirrors, Kernel: spec.Base.Kernel},
		UserDataTarget: spec.UserDataTarget,
		Overlays:       prof.Overlays,
		Addons:         newAddons(spec.Addons, prof),
		AuthorizedKeys: spec.AuthorizedKeys,
		Settings:       settings(spec, prof),
	}
	for _, u := range spec.Users {
		p.Users = append(p.Users, User(u))
	}
	layers := newLayers(spec)
	for _, m := range spec.Machines {
		p.Machines = append(p.Machines, newMachine(m, prof, layers))
	}
	p.Kubernetes = newKubernetes(spec, prof, p.WithRole(profile.MasterRole))
	p.Base.Packages = packages(spec, prof, p.Kubernetes)
	p.Base.Components = newComponents(spec, prof, p)
	p.Base.Images = newImages(spec, prof, p)
	p.PKI = newPKI(spec, prof, p)
	return p
}

func newNetwork(n cluster.Network) Network {
	return Network{Machines: n.Machines, Gateway: n.Gateway, DNS: n.DNS, NTP: n.NTP, Domain: n.Domain, Hosts: n.Hosts}
}

// newAddons gives the addons that the file names, or else the profile's defaults by name.
func newAddons(named []cluster.Addon, prof *profile.Profile) []Addon {
	var out []Addon
	if named == nil {
		for _, name := range slices.Sorted(maps.Keys(prof.Addons)) {
			if prof.Addons[name].Default {
				out = append(out, Addon{Name: name, Template: profile.AddonTemplate(name)})
			}
		}
		return out
	}
	for _, a := range named {
		if a.Content == nil {
			out = append(out, Addon{Name: a.Name, Template: profile.AddonTemplate(a.Name)})
		} else {
			out = append(out, Addon{Name: addonName(a.Name), Content: a.Content})
		}
	}
	return out
}

// addonName gives the name of a user's manifest: that of its file, without the suffix.
func addonName(file string) string {
	base := path.Base(file)
	return strings.TrimSuffix(base, path.Ext(base))
}

// packages gives the packages that the base needs, sorted.
func packages(spec *cluster.Spec, prof *profile.Profile, k *Kubernetes) []string {
	all := slices.Concat(prof.Packages, spec.Base.Packages)
	if k != nil {
		for _, choice := range []string{k.Runtime, k.ProxyMode, k.LoadBalancer} {
			all = append(all, prof.Choices[choice]...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
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

func newMachine(m cluster.Machine, prof *profile.Profile, l layers) Machine {
	out := Machine{
		Name: m.Name, Roles: rolesOf(m, prof), Address: m.Address, MAC: m.MAC,
		Disk: m.Disk, Memory: m.Memory, CPUs: m.CPUs, Ports: map[string]int{profile.SSHPortName: profile.SSHPort},
	}
	out.Additions = l.of(m, out.Roles)
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
