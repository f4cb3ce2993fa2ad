package cluster

import (
	"fmt"
	"net/netip"
	"strings"
)

const (
	// minDisk and minMemory are less than any base needs, and more than somebody gives who forgot the unit.
	minDisk   = 256 * mebi
	minMemory = 64 * mebi
	maxDisk   = 64 * tebi
	maxMemory = 16 * tebi
)

// machines expands the entries. It is false where the number or the names of the machines stay unknown.
func (r *resolver) machines(entries []machine, net Network) ([]Machine, bool) {
	var all []Machine
	whole := len(entries) > 0
	used := occupants{resolver: r, network: net, names: map[string]string{}, addresses: map[netip.Addr]string{}, macs: map[string]string{}}
	for i, e := range entries {
		path := at("machines", i)
		names, ok := r.expand(path+".name", string(e.Name), 10)
		whole = whole && ok
		addresses := r.addresses(path+".address", string(e.Address))
		macs := r.macs(path+".mac", string(e.MAC))
		r.matching(path+".address", string(e.Address), 10, len(addresses), e, names)
		r.matching(path+".mac", string(e.MAC), 16, len(macs), e, names)
		if len(all)+len(names) > maxMachines {
			r.problems.Addf(path, "the cluster has more than %d machines", maxMachines)
			return all, false
		}
		shared := r.shared(path, e)
		for j, name := range names {
			m := shared
			m.Name = name
			if len(addresses) == len(names) {
				m.Address = addresses[j]
			}
			if len(macs) == len(names) {
				m.MAC = macs[j]
			}
			if e.MAC == "" && m.Address.IsValid() {
				m.MAC = derivedMAC(m.Address)
			}
			all = append(all, m)
		}
		used.add(all[len(all)-len(names):], e)
	}
	return all, whole
}

// shared is what all machines of an entry have in common.
func (r *resolver) shared(path string, e machine) Machine {
	for i, role := range e.Roles {
		r.label(at(path+".roles", i), string(role))
	}
	distinct(r, path+".roles", e.Roles)
	return Machine{
		Path: path, Roles: texts(e.Roles), CPUs: int(e.CPUs), Additions: r.additions(path, e.additions),
		Disk:   r.size(path+".disk", e.Disk, minDisk, maxDisk),
		Memory: r.size(path+".memory", e.Memory, minMemory, maxMemory),
	}
}

func (r *resolver) size(path string, text sizeText, least, most int64) int64 {
	if text == "" {
		return 0
	}
	n, err := parseSize(string(text))
	if err == nil && (n < least || n > most) {
		err = fmt.Errorf("%s is outside %s to %s", text, formatSize(least), formatSize(most))
	}
	r.report(path, err)
	return n
}

// expand is false for text that is left out or cannot be expanded.
func (r *resolver) expand(path, text string, base int) ([]string, bool) {
	if text == "" {
		return nil, false
	}
	list, err := expand(text, base)
	return list, r.report(path, err)
}

// addresses reads the addresses of an entry. One that cannot be read is reported and stays invalid; of a range, the
// first such tells enough.
func (r *resolver) addresses(path, text string) []netip.Addr {
	list, _ := r.expand(path, text, 10)
	addresses := make([]netip.Addr, len(list))
	for i, s := range list {
		addr, err := parseIPv4(s)
		if !r.report(path, err) {
			break
		}
		addresses[i] = addr
	}
	return addresses
}

func (r *resolver) macs(path, text string) []string {
	list, _ := r.expand(path, text, 16)
	macs := make([]string, len(list))
	for i, s := range list {
		mac, err := parseMAC(s)
		if !r.report(path, err) {
			break
		}
		macs[i] = mac
	}
	return macs
}

// matching reports a range that does not give each machine of an entry one.
func (r *resolver) matching(path, text string, base, count int, e machine, names []string) {
	if count == 0 || len(names) == 0 || count == len(names) {
		return
	}
	hint := ""
	if base == 16 && strings.Contains(text, "[") {
		hint = "; it counts in hexadecimal"
	}
	r.problems.Addf(path, "%s stands for %d, but the name %s for %d%s", cut(text), count, cut(string(e.Name)), len(names), hint)
}
