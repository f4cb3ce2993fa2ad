package cluster

import (
	"math/bits"
	"net/netip"
)

// nodeBits is the prefix length of the pods on one node: what kube-controller-manager gives by default
// (cmd/kube-controller-manager/app/core.go, defaultNodeMaskCIDRIPv4), and flannel (subnet/config.go, SubnetLen).
const nodeBits = 24

// dockerBridge is the network of docker's bridge docker0, unless it is told another one
// (https://docs.docker.com/engine/network/drivers/bridge/).
var dockerBridge = netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 17}), 16)

// namedNetwork is a network with the key that it is written at.
type namedNetwork struct {
	path   string
	prefix netip.Prefix
}

// networks gives those that are written and sound.
func (s *Spec) networks() []namedNetwork {
	var list []namedNetwork
	for _, n := range []namedNetwork{
		{"network.machines", s.Network.Machines},
		{"network.pods", s.Network.Pods},
		{"network.services", s.Network.Services},
	} {
		if n.prefix.IsValid() {
			list = append(list, n)
		}
	}
	return list
}

// disjoint reports networks that have addresses in common.
func (r *resolver) disjoint(s *Spec) {
	list := s.networks()
	for i, n := range list {
		for _, other := range list[:i] {
			if n.prefix.Overlaps(other.prefix) {
				r.problems.Addf(n.path, "%s overlaps %s, %s", n.prefix, other.path, other.prefix)
			}
		}
		if s.Kubernetes.Runtime == "docker" && n.prefix.Overlaps(dockerBridge) {
			r.problems.Addf(n.path, "%s overlaps docker's own bridge, %s", n.prefix, dockerBridge)
		}
	}
}

// roomForPods reports a network of pods that is too small for so many machines.
func (r *resolver) roomForPods(pods netip.Prefix, machines int) {
	if !pods.IsValid() {
		return
	}
	room := 0
	if pods.Bits() <= nodeBits {
		room = 1 << (nodeBits - pods.Bits())
	}
	if machines <= room {
		return
	}
	needed := nodeBits - bits.Len(uint(machines-1))
	r.problems.Addf("network.pods", "%s has room for %d times the /%d that each machine's pods are given, and there are %d machines; make it a /%d or larger",
		pods, room, nodeBits, machines, needed)
}

// outside reports addresses that are in the network of the pods or of the services, and could not be reached there.
// dns are the name servers as written.
func (r *resolver) outside(s *Spec, dns []ipv4Text) {
	for _, n := range s.networks() {
		// What is in the machines' network too is there because the two overlap, which is reported.
		within := func(path string, addr netip.Addr) bool {
			if !n.prefix.Contains(addr) || s.Network.Machines.Contains(addr) {
				return false
			}
			r.problems.Addf(path, "%s is in %s, %s", addr, n.path, n.prefix)
			return true
		}
		within("network.gateway", s.Network.Gateway)
		for i, text := range dns {
			if addr, err := netip.ParseAddr(string(text)); err == nil {
				within(at("network.dns", i), addr)
			}
		}
		if addr, err := netip.ParseAddr(s.Kubernetes.Host); err == nil {
			within("kubernetes.endpoint", addr)
		}
		last := "" // of the machines of a range, the first tells enough
		for _, m := range s.Machines {
			if m.Path != last && within(m.Path+".address", m.Address) {
				last = m.Path
			}
		}
	}
}
