package cluster

import (
	"fmt"
	"net/netip"
	"strings"
)

func (r *resolver) network(n network) Network {
	net := Network{NTP: n.NTP, Domain: strings.TrimSuffix(n.Domain, ".")}
	if n.Machines != "" {
		p, err := parseNetwork(string(n.Machines))
		if r.report("network.machines", err) {
			net.Machines = p
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

// parseNetwork reads the network of the machines, which has room for at least two of them.
func parseNetwork(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("%s is no network; write address and prefix length, as in 10.1.10.0/24", quote(text))
	case !p.Addr().Is4():
		return netip.Prefix{}, fmt.Errorf("%s is IPv6, which machines do not have yet; write an IPv4 network", p)
	case p.Bits() < 8 || p.Bits() > 30:
		return netip.Prefix{}, fmt.Errorf("%s has a prefix length outside 8 to 30", p)
	case p != p.Masked():
		return netip.Prefix{}, fmt.Errorf("%s is an address within a network; try %s", p, p.Masked())
	case !isUnicast(p.Addr()):
		return netip.Prefix{}, fmt.Errorf("%s is not a network for machines", p)
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
