package kube

// Required gives the flags that a component does not start without, beside those that say where its kubeconfig or its
// configuration file is.
func Required(c Component, v Version) []string {
	if c != APIServer {
		return nil
	}
	required := []string{"etcd-servers", "service-cluster-ip-range"}
	if v.AtLeast("1.20") {
		// CHANGELOG-1.20: bound tokens of service accounts are always there.
		required = append(required, "service-account-issuer", "service-account-key-file", "service-account-signing-key-file")
	}
	return required
}
