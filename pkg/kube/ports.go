package kube

// Port is a port, or the first and last of a range, that a component listens on as it comes.
type Port struct {
	Name        string
	First, Last int
	Protocol    string // TCP or UDP
	Purpose     string
	Source      string
}

const (
	portsPage   = "https://kubernetes.io/docs/reference/networking/ports-and-protocols/"
	flannelPage = "https://github.com/flannel-io/flannel/blob/v0.28.4/Documentation/backends.md"
	portSources = "pkg/master/ports and pkg/cluster/ports in the sources of each release"
)

// Ports gives the ports that the components of a release listen on by default. A name is that of the component, with
// what the port is for where there are several.
func Ports(v Version) []Port {
	tcp := func(name string, first, last int, purpose, source string) Port {
		return Port{Name: name, First: first, Last: last, Protocol: "TCP", Purpose: purpose, Source: source}
	}
	ports := []Port{
		tcp("etcd-client", 2379, 2379, "etcd's clients", portsPage),
		tcp("etcd-peer", 2380, 2380, "etcd's members", portsPage),
		tcp("kube-apiserver", 6443, 6443, "the API", portsPage),
		tcp("kubelet", 10250, 10250, "the kubelet's API", portsPage),
		tcp("kubelet-healthz", 10248, 10248, "health, on loopback", portSources),
		tcp("kube-proxy-healthz", 10256, 10256, "health, for load balancers", portsPage),
		tcp("kube-proxy-metrics", 10249, 10249, "metrics, on loopback", portSources),
		tcp("node-ports", 30000, 32767, "services of the type NodePort", portsPage),
		{Name: "flannel-vxlan", First: 8472, Last: 8472, Protocol: "UDP", Purpose: "flannel's backend vxlan", Source: flannelPage},
		{Name: "flannel-udp", First: 8285, Last: 8285, Protocol: "UDP", Purpose: "flannel's backend udp", Source: flannelPage},
	}
	if !v.AtLeast("1.20") {
		ports = append(ports, tcp("kube-apiserver-insecure", 8080, 8080, "the API without authentication, on loopback", "CHANGELOG-1.20: --insecure-port takes only 0"))
	}
	if !v.AtLeast("1.12") {
		ports = append(ports, tcp("cadvisor", 4194, 4194, "cAdvisor's pages", "CHANGELOG-1.12: --cadvisor-port is removed"))
	}
	if !v.AtLeast("1.22") {
		ports = append(ports, tcp("kube-controller-manager-insecure", 10252, 10252, "health and metrics", portSources))
	}
	if !v.AtLeast("1.23") {
		ports = append(ports, tcp("kube-scheduler-insecure", 10251, 10251, "health and metrics", portSources))
	}
	if v.AtLeast("1.12") {
		ports = append(ports, tcp("kube-controller-manager", 10257, 10257, "health and metrics", portsPage))
	}
	if v.AtLeast("1.13") {
		ports = append(ports, tcp("kube-scheduler", 10259, 10259, "health and metrics", portsPage))
	}
	return ports
}

// LookupPort gives a release's port of a name.
func LookupPort(name string, v Version) (Port, bool) {
	for _, p := range Ports(v) {
		if p.Name == name {
			return p, true
		}
	}
	return Port{}, false
}
