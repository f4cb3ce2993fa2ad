package kube

import (
	"strings"
	"testing"
)

func TestConfig(t *testing.T) {
	for _, test := range []struct {
		name, kind, at string
		want           []Field
		got            string // ! and parts of the error
	}{
		{
			"kubelet", "KubeletConfiguration", "1.34.4",
			[]Field{
				{"authentication.x509.clientCAFile", "/etc/kubernetes/ca.pem"},
				{"authentication.anonymous.enabled", "false"},
				{"clusterDNS", "10.254.0.2"},
				{"cgroupDriver", "systemd"},
				{"evictionHard", "nodefs.available=10%"},
				{"evictionHard.memory.available", "100Mi"},
				{"featureGates.KubeletPSI", "true"},
				{"registerWithTaints", "[{key: node-role.kubernetes.io/control-plane, effect: NoSchedule}]"},
				{"rotateCertificates", "true"},
				{"maxPods", "110"},
				{"fileCheckFrequency", "20s"},
			},
			`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
    anonymous:
        enabled: false
    x509:
        clientCAFile: /etc/kubernetes/ca.pem
cgroupDriver: systemd
clusterDNS:
    - 10.254.0.2
evictionHard:
    memory.available: 100Mi
    nodefs.available: 10%
featureGates:
    KubeletPSI: true
fileCheckFrequency: 20s
maxPods: 110
registerWithTaints:
    - effect: NoSchedule
      key: node-role.kubernetes.io/control-plane
rotateCertificates: true
`,
		},
		{
			"ipvs", "KubeProxyConfiguration", "1.15",
			[]Field{{"mode", "ipvs"}, {"ipvs.scheduler", "rr"}, {"ipvs.strictARP", "true"}, {"clientConnection.kubeconfig", "/p"}, {"clusterCIDR", "192.168.0.0/16"}},
			`apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection:
    kubeconfig: /p
clusterCIDR: 192.168.0.0/16
ipvs:
    scheduler: rr
    strictARP: true
mode: ipvs
`,
		},
		{
			"scheduler", "KubeSchedulerConfiguration", "1.22",
			[]Field{{"clientConnection.kubeconfig", "/s"}, {"leaderElection.leaderElect", "true"}},
			"apiVersion: kubescheduler.config.k8s.io/v1beta2\nkind: KubeSchedulerConfiguration\nclientConnection:\n    kubeconfig: /s\nleaderElection:\n    leaderElect: true\n",
		},
		{"text that looks otherwise", "KubeletConfiguration", "1.34", []Field{{"clusterDomain", "on"}}, "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nclusterDomain: \"on\"\n"},
		{"nothing", "KubeProxyConfiguration", "1.34", nil, "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n"},
		{
			"all errors at once", "KubeletConfiguration", "1.34",
			[]Field{{"foo.bar", "1"}, {"maxPods", "many"}, {"fileCheckFrequency", "20"}, {"failSwapOn", "no way"}, {"clusterDomain", "a"}, {"clusterDomain", "b"}, {"evictionHard", "x"}},
			"!no field foo.bar|maxPods|fileCheckFrequency|failSwapOn|clusterDomain is given twice|evictionHard",
		},
		{"too old", "KubeletConfiguration", "1.22", []Field{{"containerRuntimeEndpoint", "unix:///run/containerd/containerd.sock"}}, "!has no field containerRuntimeEndpoint before 1.27"},
		{"too new", "KubeProxyConfiguration", "1.15", []Field{{"conntrack.max", "1"}}, "!has no field conntrack.max since 1.15"},
		{"no such kind", "Deployment", "1.34", nil, "!no component has a configuration of the kind Deployment"},
		{"no kind yet", "KubeletConfiguration", "1.7", nil, "!it came with 1.8"},
		{"below a leaf", "KubeletConfiguration", "1.34", []Field{{"clusterDomain.foo", "1"}}, "!no field clusterDomain.foo"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Config(test.kind, version(t, Kubelet, test.at), test.want)
			if parts, fails := strings.CutPrefix(test.got, "!"); fails {
				for _, part := range strings.Split(parts, "|") {
					if err == nil || !strings.Contains(err.Error(), part) {
						t.Errorf("got %s, %v; want an error with %q", got, err, part)
					}
				}
				return
			}
			if err != nil || string(got) != test.got {
				t.Errorf("got %v\n%s\nwant\n%s", err, got, test.got)
			}
		})
	}
}

func TestAPIVersion(t *testing.T) {
	for _, test := range []struct{ kind, at, want string }{
		{"Deployment", "1.5", "extensions/v1beta1"},
		{"Deployment", "1.8", "apps/v1beta2"},
		{"Deployment", "1.9", "apps/v1"},
		{"Deployment", "1.36", "apps/v1"},
		{"ClusterRole", "1.5", "rbac.authorization.k8s.io/v1alpha1"},
		{"ClusterRoleBinding", "1.7", "rbac.authorization.k8s.io/v1beta1"},
		{"ClusterRole", "1.8", "rbac.authorization.k8s.io/v1"},
		{"Ingress", "1.13", "extensions/v1beta1"},
		{"Ingress", "1.18", "networking.k8s.io/v1beta1"},
		{"Ingress", "1.19", "networking.k8s.io/v1"},
		{"MasterConfiguration", "1.10", "kubeadm.k8s.io/v1alpha1"},
		{"MasterConfiguration", "1.12", "!it went with 1.12"},
		{"InitConfiguration", "1.11", "!it came with 1.12"},
		{"ClusterConfiguration", "1.13", "kubeadm.k8s.io/v1beta1"},
		{"JoinConfiguration", "1.30", "kubeadm.k8s.io/v1beta3"},
		{"JoinConfiguration", "1.31", "kubeadm.k8s.io/v1beta4"},
		{"KubeletConfiguration", "1.9", "kubeletconfig/v1alpha1"},
		{"KubeletConfiguration", "1.10", "kubelet.config.k8s.io/v1beta1"},
		{"EncryptionConfiguration", "1.12", "!it came with 1.13"},
		{"EncryptionConfig", "1.12", "v1"},
		{"PodSecurityPolicy", "1.24", "policy/v1beta1"},
		{"PodSecurityPolicy", "1.25", "!it went with 1.25"},
		{"Pod", "1.5", "v1"},
		{"Foo", "1.34", "!no kind"},
	} {
		got, err := APIVersion(test.kind, version(t, Kubelet, test.at))
		if part, fails := strings.CutPrefix(test.want, "!"); fails {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s in %s: got %q, %v; want an error with %q", test.kind, test.at, got, err, part)
			}
		} else if err != nil || got != test.want {
			t.Errorf("%s in %s: got %q, %v; want %q", test.kind, test.at, got, err, test.want)
		}
	}
}

func TestCheckRuntime(t *testing.T) {
	for _, test := range []struct {
		name, at string
		ok       bool
	}{
		{Docker, "1.5", true},
		{Docker, "1.23.17", true},
		{Docker, "1.24", false},
		{Containerd, "1.6", false},
		{Containerd, "1.7", true},
		{Containerd, "1.36", true},
		{CRIO, "1.6", false},
		{CRIO, "1.34", true},
		{"rkt", "1.10", false},
		{"", "1.34", false},
	} {
		if err := CheckRuntime(test.name, version(t, Kubelet, test.at)); (err == nil) != test.ok {
			t.Errorf("%s with %s: %v", test.name, test.at, err)
		}
	}
}
