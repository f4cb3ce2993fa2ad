package plan_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nodekiln/nodekiln/pkg/cluster"
	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/profile"
)

const kubernetesProfile = `name: p
roles: {master: {ports: {api: 6443}}, node: {}, etcd: {quorum: true}}
defaultRoles: [node]
kubernetes:
  {version: 1.34.4, since: "1.8", until: "1.36", runtimes: [containerd, docker], pods: 192.168.128.0/17, services: 192.168.1.0/24, domain: cluster.local, port: 6443}
choices: {containerd: [containerd], docker: [docker.io], local: [haproxy], ipvs: [ipset]}
addons: {coredns: {default: true}, dashboard: {}}
authorities:
  - {name: kubernetes, commonName: kubernetes, keyRoles: [master]}
secrets:
  - {name: bootstrap, roles: [master, node]}
certificates:
  - {name: server, kind: kube-apiserver, role: master}
  - {name: client, kind: kubelet, role: node, since: "1.9"}
  - {name: client, kind: kubelet, role: node, until: "1.8", commonName: "{machine}", organization: ""}
  - {name: client, kind: kubelet, role: master}
  - {name: admin, kind: admin}
`

const kubernetesHead = `apiVersion: nodekiln.dev/v1
kind: Cluster
metadata: {name: c}
profile: p
`

// kubernetes reads a cluster file of the profile above, without its head, and plans it if it is valid.
func kubernetes(t *testing.T, file string) (*plan.Plan, error) {
	t.Helper()
	return kubernetesOf(t, kubernetesProfile, file)
}

func kubernetesOf(t *testing.T, ofProfile, file string) (*plan.Plan, error) {
	t.Helper()
	prof, err := profile.Read(fstest.MapFS{
		"profile.yaml": {Data: []byte(ofProfile)}, "master.bu": {}, "node.bu": {}, "etcd.bu": {},
		"addons/coredns.yaml": {}, "addons/dashboard.yaml": {},
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := fstest.MapFS{"site/metallb.yaml": {Data: []byte("kind: List\n")}}
	spec, err := cluster.Parse("c.yaml", []byte(kubernetesHead+file), dir, func(s *cluster.Spec, p *cluster.Problems) { plan.Check(s, prof, p) })
	if err != nil {
		return nil, err
	}
	return plan.New(spec, prof), nil
}

const oneMaster = "network: {machines: 10.0.0.0/24, domain: example.com}\nmachines: [{name: m, roles: [master, etcd], address: 10.0.0.1}, {name: n, address: 10.0.0.2}]\n"

func TestKubernetesDefaults(t *testing.T) {
	p, err := kubernetes(t, oneMaster)
	if err != nil {
		t.Fatal(err)
	}
	k := p.Kubernetes
	if k.Version.String() != "1.34.4" || k.Runtime != "containerd" || k.Host != "10.0.0.1" || k.Port != 6443 || k.LoadBalancer != "" ||
		k.ServiceAddress != netip.MustParseAddr("192.168.1.1") || k.DNSAddress != netip.MustParseAddr("192.168.1.10") {
		t.Errorf("got %+v", k)
	}
	if want := []string{"containerd"}; !slices.Equal(p.Base.Packages, want) {
		t.Errorf("packages are %v, want %v", p.Base.Packages, want)
	}
	if len(p.Addons) != 1 || p.Addons[0].Name != "coredns" {
		t.Errorf("addons are %+v", p.Addons)
	}
	if got := p.PKI.Authorities[0].KeyMachines; !slices.Equal(got, []string{"m"}) {
		t.Errorf("%v hold the authority's key", got)
	}
	if got := p.PKI.Secrets[0].Machines; !slices.Equal(got, []string{"m", "n"}) {
		t.Errorf("%v hold the secret", got)
	}
}

func TestKubernetesCertificates(t *testing.T) {
	p, err := kubernetes(t, "kubernetes: {endpoint: api.example.com}\n"+oneMaster)
	if err != nil {
		t.Fatal(err)
	}
	cert := func(machine, name string) plan.Certificate {
		i := slices.IndexFunc(p.PKI.Certificates, func(c plan.Certificate) bool { return c.Machine == machine && c.Name == name })
		if i < 0 {
			t.Fatalf("%s has no certificate %s", machine, name)
		}
		return p.PKI.Certificates[i]
	}
	server := cert("m", "server")
	wantNames := []string{"m", "m.example.com", "localhost", "api.example.com", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}
	wantAddresses := []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.168.1.1")}
	if !slices.Equal(server.DNSNames, wantNames) || !slices.Equal(server.Addresses, wantAddresses) || !server.Server || server.Client {
		t.Errorf("the API server's certificate is %+v", server)
	}
	if c := cert("n", "client"); c.CommonName != "system:node:n" || c.Organization != "system:nodes" || c.Server || !c.Client || c.Authority != "kubernetes" {
		t.Errorf("the kubelet's certificate is %+v", c)
	}
	if c := cert("", "admin"); c.Organization != "system:masters" {
		t.Errorf("the operator's certificate is %+v", c)
	}
	p, err = kubernetes(t, "kubernetes: {version: 1.8.15, runtime: docker}\n"+oneMaster)
	if err != nil {
		t.Fatal(err)
	}
	if c := cert("n", "client"); c.CommonName != "n" || c.Organization != "" {
		t.Errorf("the kubelet's certificate of 1.8 is %+v", c)
	}
}

func TestKubernetesMasters(t *testing.T) {
	const three = "network: {machines: 10.0.0.0/24}\nmachines: [{name: \"m[1-3]\", roles: [master, etcd], address: \"10.0.0.[1-3]\"}, {name: n, address: 10.0.0.4}]\n"
	p, err := kubernetes(t, "kubernetes: {loadBalancer: local}\n"+three)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(p.Base.Packages, "haproxy") {
		t.Errorf("packages are %v", p.Base.Packages)
	}
	if p, err = kubernetes(t, "kubernetes: {endpoint: \"api.example.com:443\"}\n"+three); err != nil {
		t.Fatal(err)
	}
	if k := p.Kubernetes; k.LoadBalancer != plan.External || k.Host != "api.example.com" || k.Port != 443 {
		t.Errorf("got %+v", k)
	}
	_, err = kubernetes(t, three)
	wantProblem(t, err, "3 machines have the role master")
}

func TestKubernetesAdditions(t *testing.T) {
	p, err := kubernetes(t, `args: {kubelet: {max-pods: 100, v: 2}}
roles: {node: {args: {kubelet: {max-pods: 200}}}}
addons: [dashboard, ./site/metallb.yaml]
`+oneMaster)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range p.Machines[1].Args("kubelet") {
		got = append(got, a.String())
	}
	if want := []string{"--v=2", "--max-pods=200"}; !slices.Equal(got, want) {
		t.Errorf("the node's kubelet has %v, want %v", got, want)
	}
	if len(p.Addons) != 2 || p.Addons[0].Template != "addons/dashboard.yaml" || p.Addons[1].Name != "metallb" || string(p.Addons[1].Content) != "kind: List\n" {
		t.Errorf("addons are %+v", p.Addons)
	}
	if p, err = kubernetes(t, "addons: []\n"+oneMaster); err != nil || len(p.Addons) > 0 {
		t.Errorf("got %v, %v where no addons are wanted", p, err)
	}
}

func TestKubernetesCheck(t *testing.T) {
	for name, c := range map[string]struct{ file, want string }{
		"a runtime that is gone": {"kubernetes: {version: 1.30.14, runtime: docker}\n" + oneMaster, "c.yaml:5:41: kubernetes.runtime: "},
		"too new":                {"kubernetes: {version: 1.99.0}\n" + oneMaster, "c.yaml:5:23: kubernetes.version: "},
		"not the profile's":      {"kubernetes: {version: 1.7.3}\n" + oneMaster, "profile p is for 1.8 to 1.36, not for 1.7.3"},
		"a flag that is gone":    {"args: {kube-apiserver: {insecure-port: 8080}}\n" + oneMaster, "c.yaml:5:40: args.kube-apiserver.insecure-port: "},
		"no such flag":           {"roles: {node: {args: {kubelet: {max-podz: 8}}}}\n" + oneMaster, "max-pods"},
		"no such component":      {"args: {kubelte: {v: 2}}\n" + oneMaster, "kubelte is no component"},
		"no version of etcd":     {"args: {etcd: {quota-backend-bytes: 1}}\n" + oneMaster, "which version of etcd"},
		"no such addon":          {"addons: [dashbord]\n" + oneMaster, `has no addon "dashbord"; it has coredns, dashboard`},
		"an addon twice":         {"addons: [coredns, coredns]\n" + oneMaster, "coredns is there twice"},
		"no such role":           {"roles: {slave: {files: [{path: /a, contents: a}]}}\n" + oneMaster, `no role "slave"`},
		"no master":              {"network: {machines: 10.0.0.0/24}\nmachines: [{name: n, address: 10.0.0.2}, {name: e, roles: [etcd], address: 10.0.0.3}]\n", "no machine has the role master"},
		"the profile's pods":     {strings.ReplaceAll(oneMaster, "10.0.0.", "192.168.200."), "192.168.128.0/17 overlap the machines 192.168.200.0/24; set network.pods to another network"},
		"docker's bridge": {
			"kubernetes: {version: 1.9.1, runtime: docker}\n" + strings.ReplaceAll(oneMaster, "10.0.0.0/24,", "10.0.0.0/24, pods: 172.17.0.0/16,"), "172.17.0.0/16",
		},
		"no room for pods":        {strings.ReplaceAll(oneMaster, "{name: n, address: 10.0.0.2}", "{name: \"n[1-128]\", address: \"10.0.0.[2-129]\"}"), "no room for a /24 of each of 129 machines"},
		"a network of registries": {"registries: {insecure: [10.9.0.0/16]}\n" + oneMaster, "registries.insecure[0]: 10.9.0.0/16 is a network"},
		"plugins, one a line":     {"args: {kube-apiserver: {enable-admission-plugins: \"Foo,Bar\"}}\n" + oneMaster, "\nc.yaml:5:51: args.kube-apiserver.enable-admission-plugins: kube-apiserver 1.34.4 has no admission plugin Bar"},
		"no such authority":       {"pki: {authorities: {kubernets: {certificate: site/metallb.yaml, key: site/metallb.yaml}}}\n" + oneMaster, "has no such authority; it has kubernetes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := kubernetes(t, c.file)
			wantProblem(t, err, c.want)
		})
	}
}

func wantProblem(t *testing.T, err error, want string) {
	t.Helper()
	var invalid *cluster.InvalidError
	if !errors.As(err, &invalid) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestEndpointIsInTheCertificate(t *testing.T) {
	without := strings.Replace(kubernetesProfile, "kind: kube-apiserver", "authority: kubernetes, usages: [server]", 1)
	_, err := kubernetesOf(t, without, "kubernetes: {endpoint: api.example.com}\n"+oneMaster)
	wantProblem(t, err, "c.yaml:5:24: kubernetes.endpoint: no certificate of the masters names api.example.com")
	if _, err := kubernetesOf(t, without, oneMaster); err != nil {
		t.Errorf("a master that is reached by its own address: %v", err)
	}
}
