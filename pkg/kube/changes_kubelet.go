package kube

func kubeletChanges() []change {
	const c = Kubelet
	const kubeconfig = "give a kubeconfig that names the server (--kubeconfig)"
	return []change{
		gone(c, "api-servers", "1.8", kubeconfig, "CHANGELOG-1.8"),
		gone(c, "auth-path", "1.6", kubeconfig, flagSources),
		dropped(c, "require-kubeconfig", "1.10", "", "CHANGELOG-1.10: a kubelet without a kubeconfig serves no API server", on()...),
		gone(c, "require-kubeconfig", "1.10", "leave out --kubeconfig for a kubelet that serves no API server", "CHANGELOG-1.10"),
		renamed(c, "experimental-bootstrap-kubeconfig", "1.23", "", "bootstrap-kubeconfig", flagSources),
		renamed(c, "bootstrap-kubeconfig", "", "1.7", "experimental-bootstrap-kubeconfig", flagSources),
		// The name had another meaning.
		{component: c, flag: "config", until: "1.10", advice: "a KubeletConfiguration is read since 1.10: say it with flags, and a directory of manifests with --pod-manifest-path", source: "CHANGELOG-1.10"},
		gone(c, "dynamic-config-dir", "1.24", "use --config", "CHANGELOG-1.24: dynamic configuration is removed"),
		gone(c, "init-config-dir", "1.10", "use --config", flagSources),

		dropped(c, "allow-privileged", "1.15", "", "CHANGELOG-1.15: kubelets run what the API server admits", on()...),
		gone(c, "allow-privileged", "1.15", "forbid it by admission: PodSecurity, or kube-apiserver's --allow-privileged=false", "CHANGELOG-1.15"),
		dropped(c, "host-network-sources", "1.15", "", "CHANGELOG-1.15", "*"),
		gone(c, "host-network-sources", "1.15", "forbid it by admission", "CHANGELOG-1.15"),
		dropped(c, "host-pid-sources", "1.15", "", "CHANGELOG-1.15", "*"),
		gone(c, "host-pid-sources", "1.15", "forbid it by admission", "CHANGELOG-1.15"),
		dropped(c, "host-ipc-sources", "1.15", "", "CHANGELOG-1.15", "*"),
		gone(c, "host-ipc-sources", "1.15", "forbid it by admission", "CHANGELOG-1.15"),
		dropped(c, "cadvisor-port", "1.12", "", "CHANGELOG-1.12", "0"),
		gone(c, "cadvisor-port", "1.12", "ask the kubelet itself: /metrics/cadvisor", "CHANGELOG-1.12"),
		dropped(c, "enable-cadvisor-json-endpoints", "1.21", "", flagSources, off()...),
		gone(c, "enable-cadvisor-json-endpoints", "1.21", "ask /stats/summary or /metrics/cadvisor", flagSources),
		dropped(c, "enable-custom-metrics", "1.11", "", flagSources, off()...),
		gone(c, "enable-custom-metrics", "1.11", "serve the custom metrics API from an adapter", flagSources),

		renamed(c, "experimental-fail-swap-on", "1.14", "", "fail-swap-on", flagSources),
		renamed(c, "fail-swap-on", "", "1.8", "experimental-fail-swap-on", flagSources),
		renamed(c, "experimental-allowed-unsafe-sysctls", "1.11", "", "allowed-unsafe-sysctls", flagSources),
		renamed(c, "allowed-unsafe-sysctls", "", "1.11", "experimental-allowed-unsafe-sysctls", flagSources),
		renamed(c, "experimental-qos-reserved", "1.11", "", "qos-reserved", flagSources),
		renamed(c, "qos-reserved", "1.6", "1.11", "experimental-qos-reserved", flagSources),
		renamed(c, "experimental-cgroups-per-qos", "1.6", "", "cgroups-per-qos", flagSources),
		renamed(c, "cgroups-per-qos", "", "1.6", "experimental-cgroups-per-qos", flagSources),
		renamed(c, "experimental-kernel-memcg-notification", "1.25", "", "kernel-memcg-notification", flagSources),
		renamed(c, "kernel-memcg-notification", "", "1.19", "experimental-kernel-memcg-notification", flagSources),
		renamed(c, "resource-container", "1.6", "", "kubelet-cgroups", flagSources),
		renamed(c, "system-container", "1.6", "", "system-cgroups", flagSources),

		dropped(c, "register-schedulable", "1.34", "", flagSources, on()...),
		gone(c, "register-schedulable", "1.34", "use --register-with-taints=node.kubernetes.io/unschedulable=:NoSchedule", flagSources),
		early(c, "register-with-taints", "1.6", "use --register-schedulable=false for a node that takes no pods", flagSources),
		dropped(c, "keep-terminated-pod-volumes", "1.31", "", flagSources, off()...),
		gone(c, "keep-terminated-pod-volumes", "1.31", "volumes are unmounted when a pod has ended", flagSources),
		gone(c, "low-diskspace-threshold-mb", "1.8", "use --eviction-hard=nodefs.available<SIZE", flagSources),
		gone(c, "outofdisk-transition-frequency", "1.8", "use --eviction-pressure-transition-period", flagSources),
		dropped(c, "reconcile-cidr", "1.6", "", flagSources, on()...),
		gone(c, "reconcile-cidr", "1.6", "nodes always take the pod network that they are given", flagSources),
		dropped(c, "babysit-daemons", "1.7", "", flagSources, off()...),
		gone(c, "babysit-daemons", "1.7", "let systemd restart the runtime (Restart=)", flagSources),
		dropped(c, "chaos-chance", "1.22", "", flagSources, "0"),
		gone(c, "chaos-chance", "1.22", "leave it out: it was for tests", flagSources),
		dropped(c, "really-crash-for-testing", "1.24", "", flagSources, off()...),
		gone(c, "really-crash-for-testing", "1.24", "leave it out: it was for tests", flagSources),
		dropped(c, "containerized", "1.16", "", flagSources, off()...),
		gone(c, "containerized", "1.16", "run the kubelet on the host", flagSources),
		dropped(c, "seccomp-profile-root", "1.23", "", flagSources, "/var/lib/kubelet/seccomp"),
		gone(c, "seccomp-profile-root", "1.23", "profiles are in seccomp below --root-dir", flagSources),
		dropped(c, "master-service-namespace", "1.27", "", flagSources, "default"),
		gone(c, "master-service-namespace", "1.27", "the service kubernetes is in the namespace default", flagSources),
		dropped(c, "cloud-config", "1.34", "", flagSources, ""),
		gone(c, "cloud-config", "1.34", "give it to the provider's cloud controller manager", flagSources),
		gone(c, "azure-container-registry-config", "1.30", "use --image-credential-provider-config", flagSources),
		gone(c, "google-json-key", "1.13", "use image pull secrets", flagSources),
		gone(c, "cloud-provider-gce-lb-src-cidrs", "1.10", "give it to kube-controller-manager", flagSources),
		gone(c, "iptables-masquerade-bit", "1.31", "kube-proxy has a flag of that name, and the kubelet sets no rules", "CHANGELOG-1.31"),
		gone(c, "iptables-drop-bit", "1.31", "the kubelet sets no rules", "CHANGELOG-1.31"),
		gone(c, "bootstrap-checkpoint-path", "1.19", "use --pod-manifest-path", flagSources),
	}
}

// dockerChanges are those of container runtimes and their networks.
func dockerChanges() []change {
	const c = Kubelet
	const shim = "CHANGELOG-1.24: dockershim is removed"
	const cri = "containerd and cri-o have it in their own configuration"
	const rkt = "CHANGELOG-1.11: rktnetes is removed"
	rows := []change{
		dropped(c, "container-runtime", "1.27", "", "CHANGELOG-1.27", "remote"),
		gone(c, "container-runtime", "1.27", "use containerd or cri-o (--container-runtime-endpoint)", "CHANGELOG-1.27"),
		{component: c, flag: "container-runtime", since: "1.24", until: "1.27", except: []string{"remote"}, advice: "use containerd or cri-o (--container-runtime=remote, --container-runtime-endpoint)", source: shim},
		{component: c, flag: "container-runtime", since: "1.11", until: "1.24", values: []string{"rkt"}, advice: "use docker, or containerd (--container-runtime=remote)", source: rkt},
		dropped(c, "enable-cri", "1.7", "", "CHANGELOG-1.7", on()...),
		gone(c, "enable-cri", "1.7", "runtimes are reached by their interface only", "CHANGELOG-1.7"),
		dropped(c, "experimental-cri", "1.7", "", "CHANGELOG-1.7", on()...),
		dropped(c, "experimental-cri", "1.7", "", "CHANGELOG-1.7", off()...),
		gone(c, "pod-infra-container-image", "1.35", "the runtime has its own: containerd's sandbox_image, cri-o's pause_image", "CHANGELOG-1.35"),
		dropped(c, "network-plugin", "1.24", "", shim, "cni"),
		gone(c, "network-plugin", "1.24", "the runtime calls the CNI plugins: "+cri, shim),
		dropped(c, "cni-bin-dir", "1.24", "", shim, "/opt/cni/bin"),
		gone(c, "cni-bin-dir", "1.24", cri, shim),
		dropped(c, "cni-conf-dir", "1.24", "", shim, "/etc/cni/net.d"),
		gone(c, "cni-conf-dir", "1.24", cri, shim),
		dropped(c, "cni-cache-dir", "1.24", "", shim, "/var/lib/cni/cache"),
		gone(c, "cni-cache-dir", "1.24", cri, shim),
		gone(c, "network-plugin-mtu", "1.24", "say it in the CNI configuration", shim),
		gone(c, "network-plugin-dir", "1.9", "use --cni-bin-dir", flagSources),
		gone(c, "non-masquerade-cidr", "1.24", "run ip-masq-agent, or say it in the CNI configuration", shim),
		gone(c, "image-pull-progress-deadline", "1.24", cri, shim),
		dropped(c, "redirect-container-streaming", "1.22", "", flagSources, off()...),
		gone(c, "redirect-container-streaming", "1.22", "streams go through the kubelet", flagSources),
		gone(c, "docker-exec-handler", "1.9", "leave it out: commands run by docker exec", flagSources),
		dropped(c, "docker-disable-shared-pid", "1.12", "", "CHANGELOG-1.12: pods do not share their processes, unless they say shareProcessNamespace", on()...),
		gone(c, "docker-disable-shared-pid", "1.12", "let the pod say shareProcessNamespace", "CHANGELOG-1.12"),
		dropped(c, "experimental-dockershim", "1.19", "", flagSources, off()...),
	}
	for _, flag := range []string{"rkt-api-endpoint", "rkt-path", "rkt-stage1-image"} {
		rows = append(rows, dropped(c, flag, "1.11", "", rkt, ""), gone(c, flag, "1.11", "use docker, or containerd (--container-runtime=remote)", rkt))
	}
	for _, flag := range []string{"docker", "docker-endpoint", "docker-env-metadata-whitelist", "docker-only", "docker-root", "docker-tls", "docker-tls-ca", "docker-tls-cert", "docker-tls-key", "experimental-dockershim-root-directory"} {
		rows = append(rows, gone(c, flag, "1.24", "docker is no runtime any more: use containerd or cri-o", shim))
	}
	return rows
}
