package kube

func apiserverChanges() []change {
	const c = APIServer
	const secure = "clients use the secure port with a certificate (--secure-port)"
	const noInsecure = "CHANGELOG-1.20: nothing insecure is served, and the flags go with 1.24"
	return []change{
		dropped(c, "insecure-port", "1.24", "", noInsecure, "0"),
		gone(c, "insecure-port", "1.24", secure, noInsecure),
		{component: c, flag: "insecure-port", since: "1.20", until: "1.24", except: []string{"0"}, advice: "it takes only 0 since 1.20: " + secure, source: noInsecure},
		dropped(c, "port", "1.24", "", noInsecure, "0"),
		gone(c, "port", "1.24", secure, noInsecure),
		{component: c, flag: "port", since: "1.20", until: "1.24", except: []string{"0"}, advice: "it takes only 0 since 1.20: " + secure, source: noInsecure},
		gone(c, "insecure-bind-address", "1.24", secure, noInsecure),
		gone(c, "address", "1.24", secure, noInsecure),

		early(c, "disable-admission-plugins", "1.10", "list the plugins that are wanted in --admission-control", "CHANGELOG-1.10: --admission-control is deprecated in favour of --enable-admission-plugins"),

		gone(c, "basic-auth-file", "1.19", "use certificates, OpenID Connect or --token-auth-file", "CHANGELOG-1.19: support for basic authentication is removed"),
		dropped(c, "insecure-allow-any-token", "1.8", "", flagSources, off()...),
		gone(c, "insecure-allow-any-token", "1.8", "clients log in with a certificate or a token (--token-auth-file)", flagSources),
		gone(c, "authorization-rbac-super-user", "1.11", "bind the user to the cluster role cluster-admin, or give its certificate the organization system:masters", flagSources),
		renamed(c, "experimental-bootstrap-token-auth", "1.9", "", "enable-bootstrap-token-auth", flagSources),
		renamed(c, "enable-bootstrap-token-auth", "1.6", "1.8", "experimental-bootstrap-token-auth", flagSources),
		dropped(c, "enable-bootstrap-token-auth", "", "1.6", flagSources, off()...),
		gone(c, "experimental-keystone-url", "1.10", "use OpenID Connect or an authentication webhook", flagSources),
		gone(c, "experimental-keystone-ca-file", "1.10", "use OpenID Connect or an authentication webhook", flagSources),

		renamed(c, "experimental-encryption-provider-config", "1.24", "", "encryption-provider-config", flagSources),
		renamed(c, "encryption-provider-config", "1.7", "1.13", "experimental-encryption-provider-config", "CHANGELOG-1.13: the kind is EncryptionConfig before, too"),
		renamed(c, "service-account-api-audiences", "1.25", "", "api-audiences", flagSources),
		renamed(c, "api-audiences", "1.10", "1.13", "service-account-api-audiences", flagSources),
		// Tokens of service accounts are signed by the controller manager alone, and are checked by --service-account-key-file.
		dropped(c, "service-account-issuer", "", "1.10", flagSources),
		dropped(c, "service-account-signing-key-file", "", "1.10", flagSources),
		dropped(c, "service-account-jwks-uri", "", "1.18", flagSources, ""),

		dropped(c, "etcd-quorum-read", "1.13", "", "CHANGELOG-1.13: reads are always quorum reads", on()...),
		gone(c, "etcd-quorum-read", "1.13", "reads are always quorum reads", "CHANGELOG-1.13"),
		{component: c, flag: "storage-backend", since: "1.13", values: []string{"etcd2"}, advice: "use etcd3, and migrate the data before", source: "CHANGELOG-1.13: the etcd2 storage backend is removed"},
		gone(c, "storage-version", "1.11", "each group is stored in the version that the release prefers", flagSources),
		gone(c, "storage-versions", "1.14", "each group is stored in the version that the release prefers", flagSources),
		dropped(c, "repair-malformed-updates", "1.14", "", flagSources, off()...),
		gone(c, "repair-malformed-updates", "1.14", "clients send whole updates", flagSources),
		dropped(c, "deserialization-cache-size", "1.24", "", flagSources, "0"),
		gone(c, "deserialization-cache-size", "1.24", "leave it out: the cache is gone", flagSources),
		dropped(c, "target-ram-mb", "1.24", "", flagSources, "0"),
		gone(c, "target-ram-mb", "1.24", "use --default-watch-cache-size and --watch-cache-sizes", flagSources),

		dropped(c, "kubelet-https", "1.22", "", "CHANGELOG-1.22: kubelets are always asked by HTTPS", on()...),
		gone(c, "kubelet-https", "1.22", "kubelets are always asked by HTTPS", "CHANGELOG-1.22"),
		dropped(c, "ssh-user", "1.22", "", flagSources, ""),
		gone(c, "ssh-user", "1.22", "reach nodes through konnectivity (--egress-selector-config-file)", flagSources),
		dropped(c, "ssh-keyfile", "1.22", "", flagSources, ""),
		gone(c, "ssh-keyfile", "1.22", "reach nodes through konnectivity (--egress-selector-config-file)", flagSources),
		dropped(c, "cloud-provider", "1.33", "", flagSources, "", "external"),
		gone(c, "cloud-provider", "1.33", "run the provider's cloud controller manager", flagSources),
		dropped(c, "cloud-config", "1.33", "", flagSources, ""),
		gone(c, "cloud-config", "1.33", "give it to the provider's cloud controller manager", flagSources),
		gone(c, "cloud-provider-gce-lb-src-cidrs", "1.31", "give it to the provider's cloud controller manager", flagSources),
		gone(c, "cloud-provider-gce-l7lb-src-cidrs", "1.31", "give it to the provider's cloud controller manager", flagSources),

		renamed(c, "portal-net", "1.9", "", "service-cluster-ip-range", flagSources),
		renamed(c, "service-node-ports", "1.9", "", "service-node-port-range", flagSources),
		renamed(c, "public-address-override", "1.10", "", "bind-address", flagSources),
		gone(c, "tls-ca-file", "1.11", "append the authority's certificate to --tls-cert-file", flagSources),
		dropped(c, "master-service-namespace", "1.27", "", flagSources, "default"),
		gone(c, "master-service-namespace", "1.27", "the service kubernetes is in the namespace default", flagSources),
		dropped(c, "enable-swagger-ui", "1.24", "", flagSources, off()...),
		gone(c, "enable-swagger-ui", "1.24", "show /openapi/v2 in a viewer of your own", flagSources),
		dropped(c, "audit-dynamic-configuration", "", "1.13", flagSources, off()...),
		dropped(c, "audit-dynamic-configuration", "1.19", "", "CHANGELOG-1.19", off()...),
		gone(c, "audit-dynamic-configuration", "1.19", "use --audit-policy-file and --audit-webhook-config-file", "CHANGELOG-1.19"),
		gone(c, "long-running-request-regexp", "1.8", "leave it out: the server knows its long-running requests", flagSources),
		gone(c, "identity-lease-duration-seconds", "1.26", "leave it out: the lease's times are fixed", flagSources),
		gone(c, "identity-lease-renew-interval-seconds", "1.26", "leave it out: the lease's times are fixed", flagSources),
	}
}
