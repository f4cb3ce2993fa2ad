package cluster

import (
	"fmt"
	"net/netip"
	"strings"
)

func (r *resolver) network(n network) Network {
	net := Network{NTP: n.NTP, Domain: strings.TrimSuffix(n.Domain, "."), Hosts: n.Hosts}
	if n.Machines != "" {
		p, err := parseNetwork(string(n.Machines), machineNetwork)
		if r.report("network.machines", err) {
			net.Machines = p
		}
	}
	if n.Pods != "" {
		p, err := parseNetwork(string(n.Pods), podNetwork)
		if r.report("network.pods", err) {
			net.Pods = p
		}
	}
	if n.Services != "" {
		p, err := parseNetwork(string(n.Services), serviceNetwork)
		if r.report("network.services", err) {
			net.Services = p
		}
	}
	if n.Gateway != "" {
		addr, err := parseIPv4(string(n.Gateway))
		if err == nil {
			err = checkHost(addr, net.Machines)
		}
		if r.report("network.gateway", err) {
			net.Gateway = addr
		}
	}
	for i, text := range n.DNS {
		if text == "" {
			continue
		}
		addr, err := parseIPv4(string(text))
		if err == nil && !isUnicast(addr) {
			err = fmt.Errorf("%s is not the address of a server", addr)
		}
		if r.report(at("network.dns", i), err) {
			net.DNS = append(net.DNS, addr)
		}
	}
	for i, server := range n.NTP {
		if _, err := netip.ParseAddr(server); err != nil && server != "" {
			r.report(at("network.ntp", i), checkDomain(server))
		}
	}
	if net.Domain != "" {
		r.report("network.domain", checkDomain(net.Domain))
	}
	distinct(r, "network.dns", n.DNS)
	distinct(r, "network.ntp", n.NTP)
	return net
}

// networkKind is what a network is for, and so how large it may be.
type networkKind struct {
	of, example string
	// least and most are prefix lengths, and why says what they come from.
	least, most int
	why         string
}

var (
	// machineNetwork has room for at least two machines.
	machineNetwork = networkKind{of: "machines", example: "10.1.10.0/24", least: 8, most: 30}
	podNetwork     = networkKind{of: "pods", example: "192.168.0.0/16", least: 8, most: 30}
	// serviceNetwork has the bound of kube-apiserver (cmd/kube-apiserver/app/options/validation.go, maxCIDRBits, which
	// 1.34 and later do not hold to), and room for the tenth address, by convention that of the cluster's DNS.
	serviceNetwork = networkKind{
		of: "services", example: "10.254.0.0/16", least: 12, most: 28,
		why: ": kube-apiserver takes at most 20 host bits, and the cluster's DNS has the tenth address",
	}
)

// parseNetwork reads a network in CIDR notation.
func parseNetwork(text string, kind networkKind) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%s is no network; write address and prefix length, as in %s", quote(text), kind.example)
	case !p.Addr().Is4():
		return netip.Prefix{}, fmt.Errorf("%s is IPv6, which machines do not have yet; write an IPv4 network", p)
	case p.Bits() < kind.least || p.Bits() > kind.most:
		return netip.Prefix{}, fmt.Errorf("%s has a prefix length outside %d to %d%s", p, kind.least, kind.most, kind.why)
	case p != p.Masked():
		return netip.Prefix{}, fmt.Errorf("%s is an address within a network; try %s", p, p.Masked())
	case !isUnicast(p.Addr()):
		return netip.Prefix{}, fmt.Errorf("%s is not a network for %s", p, kind.of)
	}
	return p, nil
}

// isUnicast tells whether a machine can have the address: loopback, multicast and the reserved 0.0.0.0/8 and
// 240.0.0.0/4 cannot be had (RFC 6890, section 2.2.2).
func isUnicast(addr netip.Addr) bool {
	first := addr.As4()[0]
	return first != 0 && first < 224 && !addr.IsLoopback()
}

// checkHost tells what keeps a machine or router in the network from having the address. Where the network is not
// known, nothing does.
func checkHost(addr netip.Addr, network netip.Prefix) error {
	switch {
	case !network.IsValid():
		return nil
	case !network.Contains(addr):
		return fmt.Errorf("%s is outside network.machines, %s", addr, network)
	case addr == network.Addr():
		return fmt.Errorf("%s is the network itself, %s", addr, network)
	case addr == broadcast(network):
		return fmt.Errorf("%s is the broadcast address of %s", addr, network)
	}
	return nil
}

// broadcast is the last address of an IPv4 network.
func broadcast(network netip.Prefix) netip.Addr {
	b := network.Masked().Addr().As4()
	for i := network.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}
