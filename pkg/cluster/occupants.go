package cluster

import (
	"errors"
	"fmt"
	"net/netip"
)

// occupants knows which names and addresses are taken in a cluster, and by which entry.
type occupants struct {
	*resolver
	network   Network
	names     map[string]string
	addresses map[netip.Addr]string
	macs      map[string]string
}

// add takes the names and addresses of the machines of one entry. Of one kind of problem it reports the first: what is
// wrong with one machine of a range is mostly wrong with all of them.
func (o *occupants) add(machines []Machine, e machine) {
	if len(machines) == 0 {
		return
	}
	path := machines[0].Path
	var name, address, mac error
	for _, m := range machines {
		if name == nil {
			if name = o.checkName(m.Name); name == nil {
				name = take(o.names, m.Name, m.Name, path)
			}
		}
		if address == nil && m.Address.IsValid() {
			if address = o.checkAddress(m.Address); address == nil {
				address = take(o.addresses, m.Address, m.Address.String(), path)
			}
		}
		if mac == nil && address == nil && m.MAC != "" {
			shown := m.MAC
			if e.MAC == "" {
				shown = fmt.Sprintf("%s, made from the address %s,", m.MAC, m.Address)
			}
			mac = take(o.macs, m.MAC, shown, path)
		}
	}
	o.report(path+".name", name)
	o.report(path+".address", address)
	o.report(path+".mac", mac)
}

func (o *occupants) checkName(name string) error {
	if err := checkLabel(name); err != nil {
		return err
	}
	if name == "localhost" {
		return errors.New("localhost is what every machine calls itself")
	}
	if d := o.network.Domain; d != "" && len(name)+1+len(d) > maxDomain {
		return fmt.Errorf("%s with network.domain is longer than %d characters", quote(name), maxDomain)
	}
	return nil
}

func (o *occupants) checkAddress(addr netip.Addr) error {
	if addr == o.network.Gateway {
		return fmt.Errorf("%s is network.gateway", addr)
	}
	return checkHost(addr, o.network.Machines)
}

// take notes that the entry at path has what is shown, or tells who has it already.
func take[K comparable](taken map[K]string, key K, shown, path string) error {
	other, twice := taken[key]
	switch {
	case !twice:
		taken[key] = path
		return nil
	case other == path:
		return fmt.Errorf("%s is used twice in one range", shown)
	}
	return fmt.Errorf("%s is used twice (also %s)", shown, other)
}
