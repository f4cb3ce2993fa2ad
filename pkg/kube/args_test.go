package kube

import (
	"fmt"
	"strings"
	"testing"
)

// version reads a version of a component that is known.
func version(t *testing.T, c Component, s string) Version {
	t.Helper()
	v, err := ParseComponentVersion(c, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestArgs(t *testing.T) {
	for _, test := range []struct {
		component Component
		want      string // space-separated, as ParseArg reads them
		at        string // a version, or more
		got       string // ! and a part of the error
	}{
		{APIServer, "insecure-port=8080", "1.5 1.19.16", "insecure-port=8080"},
		{APIServer, "insecure-port=8080", "1.20 1.23", "!takes only 0 since 1.20"},
		{APIServer, "insecure-port=8080", "1.24 1.34.4", "!kube-apiserver has no --insecure-port=8080 since 1.24: clients use the secure port with a certificate (--secure-port)"},
		{APIServer, "insecure-port=0", "1.5 1.23", "insecure-port=0"},
		{APIServer, "insecure-port=0", "1.24 1.36", ""},
		{APIServer, "enable-admission-plugins=NodeRestriction", "1.10 1.36", "enable-admission-plugins=NodeRestriction"},
		{APIServer, "enable-admission-plugins=NodeRestriction", "1.9", "admission-control=NamespaceLifecycle,LimitRanger,ServiceAccount,DefaultStorageClass,DefaultTolerationSeconds,MutatingAdmissionWebhook,ValidatingAdmissionWebhook,NodeRestriction,ResourceQuota"},
		{APIServer, "enable-admission-plugins=NodeRestriction", "1.6", "!no admission plugin NodeRestriction before 1.7"},
		{APIServer, "enable-admission-plugins=ResourceQuota,AlwaysPullImages", "1.5", "admission-control=NamespaceLifecycle,LimitRanger,ServiceAccount,DefaultStorageClass,AlwaysPullImages,ResourceQuota"},
		{APIServer, "admission-control=NamespaceLifecycle,NamespaceExists,LimitRanger,SecurityContextDeny,ServiceAccount,ResourceQuota", "1.5 1.29", "admission-control=NamespaceLifecycle,NamespaceExists,LimitRanger,SecurityContextDeny,ServiceAccount,ResourceQuota"},
		{APIServer, "admission-control=NamespaceExists,SecurityContextDeny", "1.30 1.36", "!no admission plugin SecurityContextDeny since 1.30: use PodSecurity"},
		{APIServer, "enable-admission-plugins=PodSecurityPolicy,Initializers", "1.25", "!no admission plugin PodSecurityPolicy since 1.25|no admission plugin Initializers since 1.14"},
		{APIServer, "enable-admission-plugins=PVCProtection", "1.10 1.36", "enable-admission-plugins=StorageObjectInUseProtection"},
		{APIServer, "enable-admission-plugins=NodeRestrictions", "1.34", "!has no admission plugin NodeRestrictions: NodeRestriction may be meant"},
		{APIServer, "authorization-mode=Node,RBAC", "1.7 1.36", "authorization-mode=Node,RBAC"},
		{APIServer, "authorization-mode=Node,RBAC", "1.6", "!no authorization mode Node before 1.7"},
		{APIServer, "service-account-issuer=https://a service-account-signing-key-file=/sa.key", "1.9", ""},
		{APIServer, "service-account-issuer=https://a", "1.20", "service-account-issuer=https://a"},
		{APIServer, "etcd-quorum-read=true", "1.12", "etcd-quorum-read=true"},
		{APIServer, "etcd-quorum-read=true", "1.13", ""},
		{APIServer, "etcd-quorum-read=false", "1.13", "!quorum reads"},
		{APIServer, "storage-backend=etcd2", "1.12", "storage-backend=etcd2"},
		{APIServer, "storage-backend=etcd2", "1.13", "!does not take --storage-backend=etcd2: use etcd3"},
		{APIServer, "storage-backend=etcd3", "1.5 1.36", "storage-backend=etcd3"},
		{APIServer, "basic-auth-file=/a", "1.19", "!since 1.19: use certificates"},
		{APIServer, "token-auth-file=/a", "1.5 1.36", "token-auth-file=/a"},
		{APIServer, "encryption-provider-config=/a", "1.12", "experimental-encryption-provider-config=/a"},
		{APIServer, "experimental-encryption-provider-config=/a", "1.24", "encryption-provider-config=/a"},
		{APIServer, "kubelet-https=true", "1.22", ""},
		{ControllerManager, "address=127.0.0.1", "1.5 1.21", "address=127.0.0.1"},
		{ControllerManager, "address=127.0.0.1", "1.22 1.36", "bind-address=127.0.0.1"},
		{ControllerManager, "bind-address=127.0.0.1", "1.9", "address=127.0.0.1"},
		{ControllerManager, "port=10252", "1.24", "!use --secure-port: 10257 is its default"},
		{ControllerManager, "port=0", "1.24", ""},
		{ControllerManager, "horizontal-pod-autoscaler-use-rest-clients=true", "1.22", ""},
		{ControllerManager, "cluster-signing-duration=8760h", "1.18", "experimental-cluster-signing-duration=8760h"},
		{ControllerManager, "cluster-signing-duration=8760h", "1.6", "!has no --cluster-signing-duration=8760h before 1.19"},
		{ControllerManager, "master=http://127.0.0.1:8080", "1.5 1.36", "master=http://127.0.0.1:8080"},
		{Scheduler, "algorithm-provider=DefaultProvider", "1.21", "algorithm-provider=DefaultProvider"},
		{Scheduler, "algorithm-provider=DefaultProvider", "1.22", ""},
		{Scheduler, "policy-config-file=/a", "1.23", "!KubeSchedulerConfiguration"},
		{Scheduler, "lock-object-name=a", "1.28", "leader-elect-resource-name=a"},
		{Kubelet, "api-servers=http://a:8080", "1.7", "api-servers=http://a:8080"},
		{Kubelet, "api-servers=http://a:8080", "1.8", "!since 1.8: give a kubeconfig"},
		{Kubelet, "require-kubeconfig", "1.9", "require-kubeconfig=true"},
		{Kubelet, "require-kubeconfig", "1.10", ""},
		{Kubelet, "allow-privileged=true", "1.14", "allow-privileged=true"},
		{Kubelet, "allow-privileged=true", "1.15", ""},
		{Kubelet, "allow-privileged=false", "1.15", "!forbid it by admission"},
		{Kubelet, "cadvisor-port=0", "1.12", ""},
		{Kubelet, "cadvisor-port=4194", "1.12", "!/metrics/cadvisor"},
		{Kubelet, "fail-swap-on=false", "1.8 1.36", "fail-swap-on=false"},
		{Kubelet, "fail-swap-on=false", "1.7", "experimental-fail-swap-on=false"},
		{Kubelet, "container-runtime=remote", "1.26", "container-runtime=remote"},
		{Kubelet, "container-runtime=remote", "1.27", ""},
		{Kubelet, "container-runtime=docker", "1.24 1.27", "!use containerd or cri-o"},
		{Kubelet, "container-runtime=docker", "1.23", "container-runtime=docker"},
		{Kubelet, "network-plugin=cni cni-bin-dir=/opt/cni/bin", "1.24", ""},
		{Kubelet, "pod-infra-container-image=registry/pause", "1.34", "pod-infra-container-image=registry/pause"},
		{Kubelet, "pod-infra-container-image=registry/pause", "1.35", "!containerd's sandbox_image"},
		{Kubelet, "config=/etc/kubelet.yaml", "1.5 1.9", "!KubeletConfiguration is read since 1.10"},
		{Kubelet, "config=/etc/kubelet.yaml", "1.10", "config=/etc/kubelet.yaml"},
		{Kubelet, "logtostderr=true", "1.25", "logtostderr=true"},
		{Kubelet, "logtostderr=true v=2", "1.26", "v=2"},
		{Kubelet, "logtostderr=false log-dir=/var/log", "1.26", "!--logtostderr=false since 1.26|--log-dir=/var/log since 1.26"},
		{Proxy, "proxy-mode=userspace", "1.25", "proxy-mode=userspace"},
		{Proxy, "proxy-mode=userspace", "1.26", "!use iptables"},
		{Proxy, "proxy-mode=ipvs", "1.7", "!came with 1.8"},
		{Proxy, "cleanup-iptables=true", "1.20", "cleanup=true"},
		{Proxy, "bind_address=0.0.0.0", "1.5 1.36", "bind-address=0.0.0.0"},
		{Etcd, "enable-v2=true", "3.4 3.5", "enable-v2=true"},
		{Etcd, "enable-v2=true", "3.6", "!etcd has no --enable-v2=true since 3.6: flanneld"},
		{Etcd, "enable-v2=true", "2.3", ""},
		{Etcd, "ca-file=/ca.pem", "3.4", "trusted-ca-file=/ca.pem"},
		{Flanneld, "etcd-endpoints=https://a:2379 ip-masq", "0.7.1 0.28", "etcd-endpoints=https://a:2379 ip-masq=true"},
		{Scheduler, "foo=1", "1.34.4", "!kube-scheduler 1.34.4 has no flag --foo"},
		{APIServer, "etcd-server=http://a", "1.34.4", "!no flag --etcd-server: --etcd-servers may be meant"},
		{Kubelet, "fail-swap-on=maybe", "1.34", "!the value is to be true or false"},
		{"kube-dns", "v=2", "1.34", "!is no component"},
	} {
		for _, at := range strings.Fields(test.at) {
			t.Run(fmt.Sprintf("%s %s %s", test.component, at, test.want), func(t *testing.T) {
				var want []Arg
				for _, w := range strings.Fields(test.want) {
					a, err := ParseArg(w)
					if err != nil {
						t.Fatal(err)
					}
					want = append(want, a)
				}
				got, err := Args(test.component, version(t, test.component, at), want)
				if parts, fails := strings.CutPrefix(test.got, "!"); fails {
					for _, part := range strings.Split(parts, "|") {
						if err == nil || !strings.Contains(err.Error(), part) {
							t.Errorf("got %v, %v; want an error with %q", got, err, part)
						}
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				var words []string
				for _, a := range got {
					words = append(words, strings.TrimPrefix(a.String(), "--"))
				}
				if all := strings.Join(words, " "); all != test.got {
					t.Errorf("got %q, want %q", all, test.got)
				}
			})
		}
	}
}

func TestArgsSayOneThing(t *testing.T) {
	v := version(t, Kubelet, "1.20")
	got, err := Args(Kubelet, v, []Arg{{"experimental-fail-swap-on", "false"}, {"fail-swap-on", "false"}})
	if err != nil || len(got) != 1 || got[0] != (Arg{"fail-swap-on", "false"}) {
		t.Errorf("the same twice: %v, %v", got, err)
	}
	_, err = Args(Kubelet, v, []Arg{{"experimental-fail-swap-on", "true"}, {"fail-swap-on", "false"}})
	if err == nil || !strings.Contains(err.Error(), "keep one of them") {
		t.Errorf("two that contradict each other: %v", err)
	}
	got, err = Args(APIServer, v, []Arg{{"v", "1"}, {"v", "1"}})
	if err != nil || len(got) != 2 {
		t.Errorf("a repetition is kept: %v, %v", got, err)
	}
}
