package plan

import (
	"cmp"
	"encoding/binary"
	"net/netip"

	"github.com/nodekiln/nodekiln/pkg/cluster"
	"github.com/nodekiln/nodekiln/pkg/kube"
	"github.com/nodekiln/nodekiln/pkg/profile"
)

// Load balancers, which take clients to one of several masters.
const (
	// External is a load balancer of the user's own.
	External = "external"
	// VIP is an address that one of the masters holds at a time.
	VIP = "vip"
	// Local is a load balancer on each machine that is no master.
	Local = "local"
)

// newKubernetes gives what is common to the machines of a Kubernetes cluster, and nil for a profile of something else.
// What can not be is zero: Check has reported it.
func newKubernetes(spec *cluster.Spec, prof *profile.Profile, masters []Machine) *Kubernetes {
	if prof.Kubernetes == nil {
		return nil
	}
	said, byDefault := spec.Kubernetes, prof.Kubernetes
	version, _ := kube.ParseVersion(cmp.Or(said.Version, byDefault.Version))
	k := &Kubernetes{
		Version:      version,
		Runtime:      cmp.Or(said.Runtime, runtimeOf(version, byDefault.Runtimes)),
		ProxyMode:    cmp.Or(said.ProxyMode, "iptables"),
		Pods:         spec.Network.Pods,
		Services:     spec.Network.Services,
		Domain:       cmp.Or(said.Domain, byDefault.Domain),
		Host:         said.Host,
		Port:         cmp.Or(said.Port, byDefault.Port),
		LoadBalancer: said.LoadBalancer,
	}
	if !k.Pods.IsValid() {
		k.Pods = byDefault.Pods
	}
	if !k.Services.IsValid() {
		k.Services = byDefault.Services
	}
	k.ServiceAddress, k.DNSAddress = nth(k.Services, 1), nth(k.Services, 10)
	if k.LoadBalancer == "" && len(masters) > 1 && k.Host != "" {
		k.LoadBalancer = External
	}
	if k.Host == "" && len(masters) > 0 {
		k.Host = masters[0].Address.String()
	}
	return k
}

// runtimeOf gives the first runtime that the version can use.
func runtimeOf(v kube.Version, runtimes []string) string {
	for _, r := range runtimes {
		if kube.CheckRuntime(r, v) == nil {
			return r
		}
	}
	return runtimes[0]
}

// nth gives an address of an IPv4 network by its number: the first is 1.
func nth(p netip.Prefix, n uint32) netip.Addr {
	b := p.Masked().Addr().As4()
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+n)
	return netip.AddrFrom4(b)
}
