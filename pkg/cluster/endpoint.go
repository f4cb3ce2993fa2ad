package cluster

import (
	"fmt"
	"net/netip"
	"slices"
)

// masterRole is the role of the machines that run the API server, in every profile.
const masterRole = "master"

// endpoint reports an endpoint that does not go with its load balancer. Where not all machines are known, who has the
// address of the endpoint is not asked.
func (r *resolver) endpoint(s *Spec, whole bool) {
	k := s.Kubernetes
	if !r.written("kubernetes", "endpoint") {
		switch k.LoadBalancer {
		case "external":
			r.problems.Addf("kubernetes.loadBalancer", "external needs kubernetes.endpoint, which is where your own load balancer listens")
		case "vip":
			r.problems.Addf("kubernetes.loadBalancer", "vip needs kubernetes.endpoint, an address of network.machines that no machine has")
		}
		return
	}
	if k.Host == "" {
		return // has a problem of its own
	}
	addr, err := netip.ParseAddr(k.Host)
	switch {
	case k.LoadBalancer == "vip" && err != nil:
		r.problems.Addf("kubernetes.endpoint", "%s is a name; with loadBalancer vip the endpoint is an IPv4 address that no machine has", cut(k.Host))
	case k.LoadBalancer == "vip":
		r.report("kubernetes.endpoint", s.checkVIP(addr))
	case k.LoadBalancer == "local" && err == nil && whole:
		r.report("kubernetes.endpoint", s.checkMaster(addr))
	}
}

// checkVIP tells what keeps the masters from holding an address in turn.
func (s *Spec) checkVIP(addr netip.Addr) error {
	if owner := s.ownerOf(addr); owner != "" {
		return fmt.Errorf("%s is %s; with loadBalancer vip the endpoint is an address that nothing has", addr, owner)
	}
	if err := checkHost(addr, s.Network.Machines); err != nil {
		return fmt.Errorf("%w; with loadBalancer vip the endpoint is an address that a master can have", err)
	}
	return nil
}

// checkMaster tells why there is no API server at an address of the machines' network.
func (s *Spec) checkMaster(addr netip.Addr) error {
	if !s.Network.Machines.IsValid() || !s.Network.Machines.Contains(addr) {
		return nil
	}
	i := slices.IndexFunc(s.Machines, func(m Machine) bool { return m.Address == addr })
	if i < 0 {
		return fmt.Errorf("%s is no machine's address; with loadBalancer local the endpoint is a master's, or left out", addr)
	}
	// Which roles a machine without any has is up to the profile.
	if m := s.Machines[i]; len(m.Roles) > 0 && !slices.Contains(m.Roles, masterRole) {
		return fmt.Errorf("%s is the address of %s, which is no master; with loadBalancer local the endpoint is a master's, or left out", addr, cut(m.Name))
	}
	return nil
}

// ownerOf says who has an address in the machines' network, "" for nobody.
func (s *Spec) ownerOf(addr netip.Addr) string {
	if addr == s.Network.Gateway {
		return "network.gateway"
	}
	if slices.Contains(s.Network.DNS, addr) {
		return "a name server of network.dns"
	}
	for _, m := range s.Machines {
		if m.Address == addr {
			return "the address of " + cut(m.Name)
		}
	}
	return ""
}
