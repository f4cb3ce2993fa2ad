package kube

func controllerManagerChanges() []change {
	const c = ControllerManager
	rows := servingChanges(c, "1.10", "1.22", "10252", "10257")
	return append(rows,
		renamed(c, "experimental-cluster-signing-duration", "1.25", "", "cluster-signing-duration", flagSources),
		renamed(c, "cluster-signing-duration", "1.7", "1.19", "experimental-cluster-signing-duration", "CHANGELOG-1.19"),
		dropped(c, "horizontal-pod-autoscaler-use-rest-clients", "1.22", "", "CHANGELOG-1.22: the autoscaler always uses them", on()...),
		gone(c, "horizontal-pod-autoscaler-use-rest-clients", "1.22", "install metrics-server: the autoscaler asks the metrics API only", "CHANGELOG-1.22"),
		dropped(c, "horizontal-pod-autoscaler-use-rest-clients", "", "1.6", flagSources, off()...),
		renamed(c, "horizontal-pod-autoscaler-downscale-delay", "1.31", "", "horizontal-pod-autoscaler-downscale-stabilization", flagSources),
		renamed(c, "horizontal-pod-autoscaler-downscale-stabilization", "1.7", "1.12", "horizontal-pod-autoscaler-downscale-delay", flagSources),
		gone(c, "horizontal-pod-autoscaler-upscale-delay", "1.31", "say it in an autoscaler's spec.behavior.scaleUp", flagSources),
		dropped(c, "enable-taint-manager", "1.27", "", "CHANGELOG-1.27: eviction by taints is always on", on()...),
		gone(c, "enable-taint-manager", "1.27", "eviction by taints is always on", "CHANGELOG-1.27"),
		gone(c, "pod-eviction-timeout", "1.27", "use kube-apiserver's --default-not-ready-toleration-seconds and --default-unreachable-toleration-seconds", "CHANGELOG-1.27"),
		gone(c, "deleting-pods-qps", "1.25", "use --node-eviction-rate", flagSources),
		gone(c, "deleting-pods-burst", "1.25", "use --node-eviction-rate", flagSources),
		gone(c, "register-retry-count", "1.25", "leave it out: kubelets register themselves", flagSources),
		gone(c, "deployment-controller-sync-period", "1.24", "leave it out: deployments are watched", flagSources),
		gone(c, "service-sync-period", "1.10", "leave it out: services are watched", flagSources),
		gone(c, "daemonset-lookup-cache-size", "1.8", "leave it out: the cache is gone", flagSources),
		gone(c, "replicaset-lookup-cache-size", "1.8", "leave it out: the cache is gone", flagSources),
		gone(c, "replication-controller-lookup-cache-size", "1.8", "leave it out: the cache is gone", flagSources),
		gone(c, "insecure-experimental-approve-all-kubelet-csrs-for-group", "1.13", "bind the group to the cluster role system:certificates.k8s.io:certificatesigningrequests:nodeclient", flagSources),
		gone(c, "cloud-provider-gce-lb-src-cidrs", "1.31", "give it to the provider's cloud controller manager", flagSources),
		gone(c, "volume-host-cidr-denylist", "1.31", "leave it out: the provisioners that it is for are gone", flagSources),
		gone(c, "volume-host-allow-local-loopback", "1.31", "leave it out: the provisioners that it is for are gone", flagSources),
		gone(c, "tls-ca-file", "1.11", "append the authority's certificate to --tls-cert-file", flagSources),
	)
}

func schedulerChanges() []change {
	const c = Scheduler
	const profiles = "say it in a KubeSchedulerConfiguration (--config): its profiles"
	const policy = "CHANGELOG-1.23: policies are removed"
	rows := servingChanges(c, "1.11", "1.23", "10251", "10259")
	return append(rows,
		dropped(c, "algorithm-provider", "1.22", "", flagSources, "DefaultProvider"),
		gone(c, "algorithm-provider", "1.22", profiles, flagSources),
		gone(c, "policy-config-file", "1.23", profiles, policy),
		gone(c, "policy-configmap", "1.23", profiles, policy),
		gone(c, "policy-configmap-namespace", "1.23", profiles, policy),
		dropped(c, "use-legacy-policy-config", "1.23", "", policy, off()...),
		gone(c, "use-legacy-policy-config", "1.23", profiles, policy),
		dropped(c, "scheduler-name", "1.22", "", flagSources, "default-scheduler"),
		gone(c, "scheduler-name", "1.22", profiles, flagSources),
		gone(c, "hard-pod-affinity-symmetric-weight", "1.22", "say it in a KubeSchedulerConfiguration (--config): the arguments of InterPodAffinity", flagSources),
		gone(c, "failure-domains", "1.15", "leave it out: an affinity names its topology key", flagSources),
		renamed(c, "lock-object-name", "1.28", "", "leader-elect-resource-name", flagSources),
		renamed(c, "lock-object-namespace", "1.28", "", "leader-elect-resource-namespace", flagSources),
		renamed(c, "leader-elect-resource-name", "1.7", "1.16", "lock-object-name", flagSources),
		renamed(c, "leader-elect-resource-namespace", "1.7", "1.16", "lock-object-namespace", flagSources),
		early(c, "config", "1.9", "say it with flags", flagSources),
	)
}

// servingChanges are those of the ports of kube-controller-manager and kube-scheduler, which have a secure one since a
// version, and that only since a later one.
func servingChanges(c Component, secure, only, insecurePort, securePort string) []change {
	const removal = "CHANGELOG-1.24: the insecure ports' flags --address and --port are removed; app/options of the releases before"
	return []change{
		{component: c, flag: "port", since: only, until: "1.24", except: []string{"0"}, advice: "it takes only 0 since " + only + ": use --secure-port, whose default is " + securePort, source: removal},
		dropped(c, "port", "1.24", "", removal, "0"),
		gone(c, "port", "1.24", "use --secure-port: "+securePort+" is its default", removal),
		renamed(c, "address", only, "", "bind-address", removal),
		renamed(c, "bind-address", "", secure, "address", flagSources),
		dropped(c, "secure-port", "", secure, flagSources, "0"),
		early(c, "secure-port", secure, "use --port: "+insecurePort+" is its default", flagSources),
		// There is nobody to be authenticated yet.
		dropped(c, "authentication-kubeconfig", "", secure, flagSources),
		dropped(c, "authorization-kubeconfig", "", secure, flagSources),
		dropped(c, "authentication-skip-lookup", "", since(c, "authentication-skip-lookup"), flagSources),
		early(c, "tls-cert-file", secure, "leave it out: there is no secure port", flagSources),
		early(c, "tls-private-key-file", secure, "leave it out: there is no secure port", flagSources),
		early(c, "client-ca-file", secure, "leave it out: there is no secure port", flagSources),
	}
}

func proxyChanges() []change {
	const c = Proxy
	const userspace = "the mode userspace is gone: use iptables, ipvs or nftables"
	return []change{
		{component: c, flag: "proxy-mode", since: "1.26", values: []string{"userspace"}, advice: "use iptables, ipvs or nftables", source: "CHANGELOG-1.26: the mode userspace is removed"},
		{component: c, flag: "proxy-mode", until: "1.8", values: []string{"ipvs"}, advice: "it came with 1.8: use iptables", source: "CHANGELOG-1.8"},
		{component: c, flag: "proxy-mode", until: "1.29", values: []string{"nftables"}, advice: "it came with 1.29: use iptables or ipvs", source: "CHANGELOG-1.29"},
		renamed(c, "cleanup-iptables", "1.8", "1.9", "cleanup", flagSources),
		renamed(c, "cleanup-iptables", "1.15", "", "cleanup", flagSources),
		renamed(c, "cleanup", "", "1.8", "cleanup-iptables", flagSources),
		dropped(c, "cleanup-ipvs", "1.21", "", flagSources, on()...),
		gone(c, "cleanup-ipvs", "1.21", "--cleanup cleans all modes", flagSources),
		dropped(c, "conntrack-max", "1.15", "", flagSources, "0"),
		gone(c, "conntrack-max", "1.15", "use --conntrack-max-per-core and --conntrack-min", flagSources),
		dropped(c, "proxy-port-range", "1.31", "", flagSources, ""),
		gone(c, "proxy-port-range", "1.31", userspace, flagSources),
		gone(c, "udp-timeout", "1.26", userspace, flagSources),
		dropped(c, "resource-container", "1.16", "", flagSources, ""),
		gone(c, "resource-container", "1.16", "let the unit name the control group (Slice=)", flagSources),
		early(c, "config", "1.7", "say it with flags", flagSources),
	}
}

// etcdChanges are those of etcd, by its own versions.
func etcdChanges() []change {
	const c = Etcd
	return []change{
		dropped(c, "enable-v2", "3.6", "", "CHANGELOG-3.6: the v2 API is removed", off()...),
		gone(c, "enable-v2", "3.6", "flanneld and others that speak the v2 API need etcd 3.5 or older", "CHANGELOG-3.6"),
		dropped(c, "enable-v2", "", "3.2", flagSources, on()...), // nothing turns the API off
		renamed(c, "ca-file", "3.4", "", "trusted-ca-file", flagSources),
		renamed(c, "peer-ca-file", "3.4", "", "peer-trusted-ca-file", flagSources),
		dropped(c, "debug", "3.5", "", flagSources, off()...),
		gone(c, "debug", "3.5", "use --log-level=debug", flagSources),
		gone(c, "log-package-levels", "3.5", "use --log-level", flagSources),
		renamed(c, "log-output", "3.5", "", "log-outputs", flagSources),
		dropped(c, "proxy", "3.6", "", flagSources, "off"),
		gone(c, "proxy", "3.6", "use etcd gateway or etcd grpc-proxy", flagSources),
	}
}
