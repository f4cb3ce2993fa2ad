package kube

import (
	"slices"
	"testing"
)

func TestCertificates(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Certificates() {
		if seen[c.Name] || c.Name == "" || c.CommonName == "" || c.Source == "" {
			t.Errorf("%+v is not whole, or is there twice", c)
		}
		seen[c.Name] = true
		if !slices.Contains([]string{"kubernetes", "etcd", "front-proxy"}, c.Authority) {
			t.Errorf("%s: no authority is called %q", c.Name, c.Authority)
		}
		if !c.Server && !c.Client || c.Server != (len(c.SANs) > 0) {
			t.Errorf("%s: a server has names to be reached by, and a certificate is a server's or a client's: %+v", c.Name, c)
		}
	}
	for _, name := range []string{
		"kube-apiserver", "kube-apiserver-kubelet-client", "kube-apiserver-etcd-client", "front-proxy-client", "kubelet", "kubelet-server",
		"kube-controller-manager", "kube-scheduler", "kube-proxy", "admin", "etcd-server", "etcd-peer", "etcd-client", "flannel", "registry",
	} {
		if _, ok := LookupCertificate(name); !ok {
			t.Errorf("there is no certificate %s", name)
		}
	}
	if _, ok := LookupCertificate("foo"); ok {
		t.Error("there is a certificate foo")
	}
	// The identities that Kubernetes' own roles and the node authorizer know.
	for name, want := range map[string][2]string{
		"kubelet":                 {"system:node:{machine}", "system:nodes"},
		"kube-controller-manager": {"system:kube-controller-manager", ""},
		"kube-scheduler":          {"system:kube-scheduler", ""},
		"kube-proxy":              {"system:kube-proxy", ""},
		"admin":                   {"kubernetes-admin", "system:masters"},
	} {
		c, _ := LookupCertificate(name)
		if got := [2]string{c.CommonName, c.Organization}; got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

func TestPorts(t *testing.T) {
	for _, test := range []struct {
		name, at string
		port     int // 0: the release has none
	}{
		{"kube-apiserver", "1.5", 6443},
		{"kubelet", "1.34", 10250},
		{"kube-apiserver-insecure", "1.19", 8080},
		{"kube-apiserver-insecure", "1.20", 0},
		{"kube-controller-manager", "1.11", 0},
		{"kube-controller-manager", "1.12", 10257},
		{"kube-scheduler", "1.12", 0},
		{"kube-scheduler", "1.13", 10259},
		{"kube-controller-manager-insecure", "1.21", 10252},
		{"kube-controller-manager-insecure", "1.22", 0},
		{"kube-scheduler-insecure", "1.22", 10251},
		{"kube-scheduler-insecure", "1.23", 0},
		{"flannel-vxlan", "1.34", 8472},
		{"node-ports", "1.34", 30000},
	} {
		p, ok := LookupPort(test.name, version(t, Kubelet, test.at))
		if ok != (test.port != 0) || p.First != test.port || ok && (p.Last < p.First || p.Source == "") {
			t.Errorf("%s of %s: got %+v, %v; want %d", test.name, test.at, p, ok, test.port)
		}
	}
}

func TestRequired(t *testing.T) {
	for minor, want := range map[string]bool{"1.19": false, "1.20": true, "1.36": true} {
		v := version(t, APIServer, minor)
		required := Required(APIServer, v)
		if slices.Contains(required, "service-account-issuer") != want {
			t.Errorf("%s: %v", minor, required)
		}
		for _, name := range required {
			if !slices.Contains(Flags(APIServer, v), name) {
				t.Errorf("%s requires --%s and does not have it", minor, name)
			}
		}
	}
	if required := Required(Kubelet, version(t, Kubelet, "1.34")); required != nil {
		t.Errorf("the kubelet requires %v", required)
	}
}
