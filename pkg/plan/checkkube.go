package plan

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/cluster"
	"github.com/nodekiln/nodekiln/pkg/kube"
	"github.com/nodekiln/nodekiln/pkg/profile"
)

// dockerBridge is the network that docker gives its bridge docker0 by default
// (https://docs.docker.com/engine/network/drivers/bridge/).
var dockerBridge = netip.MustParsePrefix("172.17.0.0/16")

// kubernetes reports what the version that is asked for can not do.
func (c checker) kubernetes() {
	if c.prof.Kubernetes == nil {
		c.noKubernetes()
		return
	}
	said := c.spec.Kubernetes
	version, err := kube.ParseVersion(cmp.Or(said.Version, c.prof.Kubernetes.Version))
	if err != nil {
		c.problems.Addf("kubernetes.version", "%v", err)
		return
	}
	c.within(version)
	c.runtime(version)
	c.endpoint()
	c.reached()
	k := newKubernetes(c.spec, c.prof, nil)
	c.networks(k)
	c.room(k)
	c.registries(k)
	c.args("args", c.spec.Additions.Args, k)
	for _, role := range slices.Sorted(maps.Keys(c.spec.RoleAdditions)) {
		c.args("roles."+role+".args", c.spec.RoleAdditions[role].Args, k)
	}
	reported := map[string]bool{} // machines of a range share what they are given
	for _, m := range c.spec.Machines {
		if !reported[m.Path] {
			reported[m.Path] = true
			c.args(m.Path+".args", m.Additions.Args, k)
		}
	}
}

// noKubernetes reports what only a profile of Kubernetes understands.
func (c checker) noKubernetes() {
	if c.spec.Kubernetes != (cluster.Kubernetes{}) {
		c.problems.Addf("kubernetes", "profile %s is not for Kubernetes", c.prof.Name)
	}
	if c.spec.Network.Pods.IsValid() {
		c.problems.Addf("network.pods", "profile %s is not for Kubernetes", c.prof.Name)
	}
	if c.spec.Network.Services.IsValid() {
		c.problems.Addf("network.services", "profile %s is not for Kubernetes", c.prof.Name)
	}
}

func (c checker) within(v kube.Version) {
	// The profile's own bounds have been read when it was loaded.
	since, _ := kube.ParseVersion(c.prof.Kubernetes.Since)
	until, _ := kube.ParseVersion(c.prof.Kubernetes.Until)
	if v.Minor < since.Minor || v.Minor > until.Minor {
		c.problems.Addf("kubernetes.version", "profile %s is for %s to %s, not for %s", c.prof.Name, c.prof.Kubernetes.Since, c.prof.Kubernetes.Until, v)
	}
}

func (c checker) runtime(v kube.Version) {
	runtimes := c.prof.Kubernetes.Runtimes
	r := c.spec.Kubernetes.Runtime
	if r == "" {
		r = runtimeOf(v, runtimes)
	} else if !slices.Contains(runtimes, r) {
		c.problems.Addf("kubernetes.runtime", "profile %s can not use %s; it can use %s", c.prof.Name, r, strings.Join(runtimes, ", "))
		return
	}
	if err := kube.CheckRuntime(r, v); err != nil {
		c.problems.Addf("kubernetes.runtime", "%v", err)
	}
}

// endpoint reports masters that clients could not find.
func (c checker) endpoint() {
	k, masters := c.spec.Kubernetes, c.holders[profile.MasterRole]
	switch {
	case masters == 0:
		c.problems.Addf("machines", "no machine has the role %s, and nothing would run the API server", profile.MasterRole)
	case masters > 1 && k.LoadBalancer == "" && k.Host == "":
		c.problems.Addf("kubernetes", "%d machines have the role %s, and clients need one address for them: set loadBalancer to local (one on each other machine), "+
			"to vip with an unused address as the endpoint, or to external with the endpoint of a load balancer of your own", masters, profile.MasterRole)
	}
}

// reached reports an endpoint that the API server's certificate would not name. A profile without server certificates
// for its masters leaves it to another program to issue them.
func (c checker) reached() {
	if c.spec.Kubernetes.Host == "" {
		return
	}
	servers, named := 0, 0
	for _, cert := range c.prof.Certificates {
		kind, _ := kube.LookupCertificate(cert.Kind)
		if cert.Role != profile.MasterRole || !kind.Server && !slices.Contains(cert.Usages, profile.UsageServer) {
			continue
		}
		servers++
		if slices.Contains(kind.SANs, kube.SANEndpoint) {
			named++
		}
	}
	if servers > 0 && named == 0 {
		c.problems.Addf("kubernetes.endpoint", "no certificate of the masters names %s, and clients would refuse them: in profile %s, the API server's certificate needs kind: kube-apiserver",
			c.spec.Kubernetes.Host, c.prof.Name)
	}
}

// networks reports networks that overlap, of which at least one is not the file's own choice: it has compared those.
func (c checker) networks(k *Kubernetes) {
	pods, services := c.spec.Network.Pods.IsValid(), c.spec.Network.Services.IsValid()
	clash := func(at, what string, a netip.Prefix, other string, b netip.Prefix, set string) {
		if a.IsValid() && b.IsValid() && a.Overlaps(b) {
			c.problems.Addf(at, "%s %s overlap %s %s; set %s to another network", what, a, other, b, set)
		}
	}
	machines := c.spec.Network.Machines
	if !pods {
		clash("network.machines", "the pods of profile "+c.prof.Name, k.Pods, "the machines", machines, "network.pods")
	}
	if !services {
		clash("network.machines", "the services of profile "+c.prof.Name, k.Services, "the machines", machines, "network.services")
	}
	if !pods || !services {
		clash("network", "the services", k.Services, "the pods", k.Pods, "network.services or network.pods")
	}
	if k.Runtime == "docker" && c.spec.Kubernetes.Runtime != "docker" {
		for _, n := range []struct {
			at, what string
			prefix   netip.Prefix
		}{{"network.pods", "the pods", k.Pods}, {"network.services", "the services", k.Services}, {"network.machines", "the machines", machines}} {
			clash(n.at, n.what, n.prefix, "docker's own bridge", dockerBridge, n.at)
		}
	}
}

// room reports a profile's network of pods that is too small for so many machines. What the file has chosen itself has
// been measured.
func (c checker) room(k *Kubernetes) {
	const nodeBits = 24 // of each machine's part, as package cluster measures too
	machines := len(c.spec.Machines)
	if !c.spec.Network.Pods.IsValid() && (k.Pods.Bits() > nodeBits || machines > 1<<(nodeBits-k.Pods.Bits())) {
		c.problems.Addf("network", "the pods of profile %s, %s, have no room for a /%d of each of %d machines; set network.pods",
			c.prof.Name, k.Pods, nodeBits, machines)
	}
}

// registries reports what only docker can be told of registries.
func (c checker) registries(k *Kubernetes) {
	if k.Runtime == kube.Docker {
		return
	}
	for i, r := range c.spec.Registries.Insecure {
		if strings.Contains(r, "/") {
			c.problems.Addf(fmt.Sprintf("registries.insecure[%d]", i), "%s is a network, which only docker can be told; name each registry in it, as HOST or HOST:PORT", r)
		}
	}
}

// args reports flags that a component of the version does not have.
func (c checker) args(at string, args map[string][]cluster.Arg, k *Kubernetes) {
	for _, name := range slices.Sorted(maps.Keys(args)) {
		component := kube.Component(name)
		if !slices.Contains(kube.Components(), component) {
			c.problems.Addf(at+"."+name, "%s is no component whose flags are known; there are %s", name, list(kube.Components()))
			continue
		}
		version, err := c.versionOf(component, k.Version)
		if err != nil {
			c.problems.Addf(at+"."+name, "%v", err)
			continue
		}
		for _, a := range args[name] {
			_, err := kube.Args(component, version, []kube.Arg{{Name: a.Name, Value: a.Value}})
			c.problems.Add(a.Path, err)
			if err := contradiction(a, k); err != nil {
				c.problems.Addf(a.Path, "%v", err)
			}
		}
	}
}

// versionOf gives the version of a component, of which some have their own by a setting.
func (c checker) versionOf(component kube.Component, v kube.Version) (kube.Version, error) {
	if component != kube.Etcd && component != kube.Flanneld {
		return v, nil
	}
	name := string(component) + "Version"
	setting, ok := c.prof.Settings[name]
	if !ok {
		return v, fmt.Errorf("profile %s does not say which version of %s it has (by a setting %s), and takes no flags for it", c.prof.Name, component, name)
	}
	return kube.ParseComponentVersion(component, cmp.Or(c.spec.Settings[name], setting.Default))
}
