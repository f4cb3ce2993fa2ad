package cluster_test

import (
	"strings"
	"testing"

	"github.com/nodekiln/nodekiln/pkg/cluster"
)

// laboratory is a sound cluster file of a master and two nodes. Each test changes a part of it.
const laboratory = `apiVersion: nodekiln.dev/v1
kind: Cluster
metadata: {name: lab}
profile: deepin
kubernetes: {}
network: {machines: 10.1.10.0/24, gateway: 10.1.10.1, dns: [10.1.10.2], pods: 192.168.0.0/16, services: 10.254.0.0/16}
machines:
  - {name: master, roles: [master], address: 10.1.10.101}
  - {name: "node[1-2]", roles: [node], address: "10.1.10.[102-103]"}
  - {name: spare, address: 10.1.10.104}
`

// changed replaces texts of the laboratory, given in pairs, each of which occurs once.
func changed(t *testing.T, pairs ...string) []byte {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if strings.Count(laboratory, pairs[i]) != 1 {
			t.Fatalf("%q occurs %d times", pairs[i], strings.Count(laboratory, pairs[i]))
		}
	}
	return []byte(strings.NewReplacer(pairs...).Replace(laboratory))
}

// checkProblems compares the problems of a file with those that are wanted, one a line without file, line and column.
func checkProblems(t *testing.T, data []byte, want string) {
	t.Helper()
	_, err := cluster.Parse("cluster.yaml", data, sources())
	var got []string
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			_, problem, _ := strings.Cut(line, ": ")
			got = append(got, problem)
		}
	}
	if strings.Join(got, "\n") != want {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), want)
	}
}

func TestVersions(t *testing.T) {
	for written, want := range map[string]string{"1.34.4": "1.34.4", "v1.34.4": "1.34.4", "1.30": "1.30", `"1.30"`: "1.30", "1.9": "1.9", "v1.10": "1.10"} {
		spec, err := cluster.Parse("cluster.yaml", changed(t, "kubernetes: {}", "kubernetes: {version: "+written+"}"), nil)
		if err != nil {
			t.Errorf("%s: %v", written, err)
		} else if got := spec.Kubernetes.Version; got != want {
			t.Errorf("%s is read as %s", written, got)
		}
	}
	for _, written := range []string{"1", "1.34.", "1.34.4-rc.1", "1.034", "V1.34", "1.34.4.1", "1_0.3", "+1.3", "1.3e1", "latest"} {
		checkProblems(t, changed(t, "kubernetes: {}", "kubernetes: {version: "+written+"}"),
			`kubernetes.version: "`+written+`" is no version of Kubernetes; write it as in 1.34.4 or 1.34`)
	}
}

func TestEndpoints(t *testing.T) {
	for _, tt := range []struct{ written, host, problem string }{
		{"api.example.com:6443", "api.example.com", ""},
		{"api", "api", ""},
		{"10.1.10.101:65535", "10.1.10.101", ""},
		{"172.17.0.1", "172.17.0.1", ""},
		{"https://api.example.com", "", `"https://api.example.com" is a URL; write it without https://`},
		{"API.example.com", "", `"API.example.com" is no domain name: "API" has capital letters; try api`},
		{"api..example.com:1", "", `"api..example.com" has a dot with no label before or after it`},
		{"api:0", "", `"0" is no port; write a number from 1 to 65535`},
		{"api:65536", "", `"65536" is no port; write a number from 1 to 65535`},
		{"api:08", "", `"08" is no port; write a number from 1 to 65535`},
		{"'api:'", "", `"" is no port; write a number from 1 to 65535`},
		{"':6443'", "", `":6443" lacks a host`},
		{"10.1.10.300", "", `"10.1.10.300" is no IPv4 address`},
		{"'12'", "", `"12" is no IPv4 address`},
		{"'fd00::1'", "", `"fd00::1" is no host and port; write HOST:PORT with a name or an IPv4 address`},
		{"'[fd00::1]:6443'", "", `"[fd00::1]:6443" is no host and port; write HOST:PORT with a name or an IPv4 address`},
		{"127.0.0.1:6443", "", "127.0.0.1 is not where other machines reach the API"},
		{"0.0.0.0", "", "0.0.0.0 is not where other machines reach the API"},
		{"localhost:6443", "", "localhost is another machine for everyone; write the name or address by which clients reach the API"},
		{"192.168.1.1", "", "192.168.1.1 is in network.pods, 192.168.0.0/16"},
		{"10.254.0.1:443", "", "10.254.0.1 is in network.services, 10.254.0.0/16"},
	} {
		data := changed(t, "kubernetes: {}", "kubernetes: {endpoint: "+tt.written+"}")
		if tt.problem != "" {
			checkProblems(t, data, "kubernetes.endpoint: "+tt.problem)
			continue
		}
		spec, err := cluster.Parse("cluster.yaml", data, nil)
		if err != nil {
			t.Errorf("%s: %v", tt.written, err)
		} else if spec.Kubernetes.Host != tt.host {
			t.Errorf("%s: the host is %s", tt.written, spec.Kubernetes.Host)
		}
	}
}

func TestLoadBalancers(t *testing.T) {
	const vip = "; with loadBalancer vip the endpoint is an address that nothing has"
	const local = "; with loadBalancer local the endpoint is a master's, or left out"
	for _, tt := range []struct{ kubernetes, problem string }{
		{"loadBalancer: external, endpoint: lb.example.com", ""},
		{"loadBalancer: external, endpoint: 10.1.10.50", ""},
		{"loadBalancer: external", "kubernetes.loadBalancer: external needs kubernetes.endpoint, which is where your own load balancer listens"},
		{"loadBalancer: vip, endpoint: 10.1.10.100:8443", ""},
		{"loadBalancer: vip", "kubernetes.loadBalancer: vip needs kubernetes.endpoint, an address of network.machines that no machine has"},
		{"loadBalancer: vip, endpoint: lb.example.com", "kubernetes.endpoint: lb.example.com is a name; with loadBalancer vip the endpoint is an IPv4 address that no machine has"},
		{"loadBalancer: vip, endpoint: 10.1.11.100", "kubernetes.endpoint: 10.1.11.100 is outside network.machines, 10.1.10.0/24; with loadBalancer vip the endpoint is an address that a master can have"},
		{"loadBalancer: vip, endpoint: 10.1.10.255", "kubernetes.endpoint: 10.1.10.255 is the broadcast address of 10.1.10.0/24; with loadBalancer vip the endpoint is an address that a master can have"},
		{"loadBalancer: vip, endpoint: 10.1.10.1", "kubernetes.endpoint: 10.1.10.1 is network.gateway" + vip},
		{"loadBalancer: vip, endpoint: 10.1.10.2", "kubernetes.endpoint: 10.1.10.2 is a name server of network.dns" + vip},
		{"loadBalancer: vip, endpoint: 10.1.10.101", "kubernetes.endpoint: 10.1.10.101 is the address of master" + vip},
		{"loadBalancer: vip, endpoint: 10.1.10.103", "kubernetes.endpoint: 10.1.10.103 is the address of node2" + vip},
		{"loadBalancer: vip, endpoint: 'api:x'", `kubernetes.endpoint: "x" is no port; write a number from 1 to 65535`},
		{"loadBalancer: local", ""},
		{"loadBalancer: local, endpoint: 10.1.10.101", ""},
		{"loadBalancer: local, endpoint: 10.1.10.104", ""}, // the profile may make it a master
		{"loadBalancer: local, endpoint: api.example.com", ""},
		{"loadBalancer: local, endpoint: 10.9.9.9", ""},
		{"loadBalancer: local, endpoint: 10.1.10.100", "kubernetes.endpoint: 10.1.10.100 is no machine's address" + local},
		{"loadBalancer: local, endpoint: 10.1.10.103", "kubernetes.endpoint: 10.1.10.103 is the address of node2, which is no master" + local},
	} {
		t.Run(tt.kubernetes, func(t *testing.T) {
			checkProblems(t, changed(t, "kubernetes: {}", "kubernetes: {"+tt.kubernetes+"}"), tt.problem)
		})
	}
}

func TestNetworksAreApart(t *testing.T) {
	const docker = "kubernetes: {runtime: docker}"
	const services = ": kube-apiserver takes at most 20 host bits, and the cluster's DNS has the tenth address"
	for _, tt := range []struct {
		name    string
		pairs   []string
		problem string
	}{
		{"apart", nil, ""},
		{"pods over services", []string{"192.168.0.0/16", "10.254.0.0/15"}, "network.services: 10.254.0.0/16 overlaps network.pods, 10.254.0.0/15"},
		{"pods over machines", []string{"192.168.0.0/16", "10.1.0.0/16"}, "network.pods: 10.1.0.0/16 overlaps network.machines, 10.1.10.0/24"},
		{"services within machines", []string{"10.254.0.0/16", "10.1.10.128/25"}, "network.services: 10.1.10.128/25 overlaps network.machines, 10.1.10.0/24"},
		{
			"all overlap",
			[]string{"192.168.0.0/16", "10.1.0.0/16", "10.254.0.0/16", "10.1.10.0/24"},
			"network.pods: 10.1.0.0/16 overlaps network.machines, 10.1.10.0/24\n" +
				"network.services: 10.1.10.0/24 overlaps network.machines, 10.1.10.0/24\n" +
				"network.services: 10.1.10.0/24 overlaps network.pods, 10.1.0.0/16",
		},
		{"docker apart", []string{"kubernetes: {}", docker}, ""},
		{"containerd has no bridge of docker", []string{"kubernetes: {}", "kubernetes: {runtime: containerd}", "192.168.0.0/16", "172.16.0.0/12"}, ""},
		{"docker and pods", []string{"kubernetes: {}", docker, "192.168.0.0/16", "172.16.0.0/12"}, "network.pods: 172.16.0.0/12 overlaps docker's own bridge, 172.17.0.0/16"},
		{"docker and services", []string{"kubernetes: {}", docker, "10.254.0.0/16", "172.17.8.0/24"}, "network.services: 172.17.8.0/24 overlaps docker's own bridge, 172.17.0.0/16"},
		{"host bits of pods", []string{"192.168.0.0/16", "192.168.1.0/16"}, "network.pods: 192.168.1.0/16 is an address within a network; try 192.168.0.0/16"},
		{"host bits of services", []string{"10.254.0.0/16", "10.254.0.1/16"}, "network.services: 10.254.0.1/16 is an address within a network; try 10.254.0.0/16"},
		{"pods of IPv6", []string{"192.168.0.0/16", `"fd00::/48"`}, "network.pods: fd00::/48 is IPv6, which machines do not have yet; write an IPv4 network"},
		{"pods without a length", []string{"192.168.0.0/16", "192.168.0.0"}, `network.pods: "192.168.0.0" is no network; write address and prefix length, as in 192.168.0.0/16`},
		{"multicast", []string{"10.254.0.0/16", "224.0.0.0/16"}, "network.services: 224.0.0.0/16 is not a network for services"},
		{"smallest services", []string{"10.254.0.0/16", "10.254.0.0/28"}, ""},
		{"largest services", []string{"10.254.0.0/16", "10.240.0.0/12"}, ""},
		{"too small services", []string{"10.254.0.0/16", "10.254.0.0/29"}, "network.services: 10.254.0.0/29 has a prefix length outside 12 to 28" + services},
		{"too large services", []string{"10.254.0.0/16", "10.248.0.0/11"}, "network.services: 10.248.0.0/11 has a prefix length outside 12 to 28" + services},
		{"just enough pods", []string{"192.168.0.0/16", "192.168.0.0/22"}, ""},
		{"too few pods", []string{"192.168.0.0/16", "192.168.0.0/23"}, "network.pods: 192.168.0.0/23 has room for 2 times the /24 that each machine's pods are given, and there are 4 machines; make it a /22 or larger"},
		{"hardly any pods", []string{"192.168.0.0/16", "192.168.0.0/26"}, "network.pods: 192.168.0.0/26 has room for 0 times the /24 that each machine's pods are given, and there are 4 machines; make it a /22 or larger"},
		{"one more than a power of two", []string{"192.168.0.0/16", "192.168.0.0/22", "name: spare", `name: "spare[1-2]"`, "10.1.10.104", `"10.1.10.[104-105]"`}, "network.pods: 192.168.0.0/22 has room for 4 times the /24 that each machine's pods are given, and there are 5 machines; make it a /21 or larger"},
		{"nobody knows how many machines", []string{"192.168.0.0/16", "192.168.0.0/26", "node[1-2]", "node[2-1]"}, "machines[1].name: the range [2-1] counts down from 2 to 1"},
		{"name server of a pod", []string{"dns: [10.1.10.2]", "dns: [bad, 192.168.0.10]"}, `network.dns[0]: "bad" is no IPv4 address` + "\nnetwork.dns[1]: 192.168.0.10 is in network.pods, 192.168.0.0/16"},
		{"name server of a service", []string{"dns: [10.1.10.2]", "dns: [10.254.0.10]"}, "network.dns[0]: 10.254.0.10 is in network.services, 10.254.0.0/16"},
	} {
		t.Run(tt.name, func(t *testing.T) { checkProblems(t, changed(t, tt.pairs...), tt.problem) })
	}
}

// Where the machines' own network cannot be read, their addresses are still compared with the others.
func TestAddressesOutsideOfPodsAndServices(t *testing.T) {
	checkProblems(t, changed(t, "machines: 10.1.10.0/24", "machines: 10.1.10.0", "192.168.0.0/16", "10.1.0.0/16"),
		`network.machines: "10.1.10.0" is no network; write address and prefix length, as in 10.1.10.0/24
network.gateway: 10.1.10.1 is in network.pods, 10.1.0.0/16
network.dns[0]: 10.1.10.2 is in network.pods, 10.1.0.0/16
machines[0].address: 10.1.10.101 is in network.pods, 10.1.0.0/16
machines[1].address: 10.1.10.102 is in network.pods, 10.1.0.0/16
machines[2].address: 10.1.10.104 is in network.pods, 10.1.0.0/16`)
	checkProblems(t, changed(t, "address: 10.1.10.101", "address: 192.168.0.1"),
		`machines[0].address: 192.168.0.1 is outside network.machines, 10.1.10.0/24
machines[0].address: 192.168.0.1 is in network.pods, 192.168.0.0/16`)
}

func TestDockerBridgeUnderTheMachines(t *testing.T) {
	data := strings.NewReplacer("10.1.10.", "172.17.10.", "kubernetes: {}", "kubernetes: {runtime: docker}").Replace(laboratory)
	checkProblems(t, []byte(data), "network.machines: 172.17.10.0/24 overlaps docker's own bridge, 172.17.0.0/16")
}
