package kube

// SAN is a group of names and addresses that a server is reached by.
type SAN string

const (
	SANMachine   SAN = "machine"   // the machine's name, its name in the domain, and its address
	SANLocalhost SAN = "localhost" // localhost and 127.0.0.1
	SANEndpoint  SAN = "endpoint"  // the name or the virtual address by which clients reach the API
	// SANServices is the API as pods reach it: the first address of the service network, kubernetes,
	// kubernetes.default, kubernetes.default.svc, and kubernetes.default.svc in the cluster's domain.
	SANServices SAN = "services"
)

// Certificate is a certificate that a component needs.
type Certificate struct {
	Name         string
	Authority    string // kubernetes, etcd or front-proxy
	CommonName   string // {machine} stands for the machine's name
	Organization string
	Server       bool // extended key usage: server authentication
	Client       bool // extended key usage: client authentication
	SANs         []SAN
	Source       string // where Kubernetes, or the component, documents it
}

const (
	bestPractices = "https://kubernetes.io/docs/setup/best-practices/certificates/"
	rbac          = "https://kubernetes.io/docs/reference/access-authn-authz/rbac/#core-component-roles"
	nodeAuth      = "https://kubernetes.io/docs/reference/access-authn-authz/node/"
	kubeletTLS    = "https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/"
	etcdSecurity  = "https://etcd.io/docs/v3.4/op-guide/security/"
)

// Certificates are the certificates of a cluster. The names are those of the page "PKI certificates and requirements",
// where it has one.
func Certificates() []Certificate {
	return []Certificate{
		{Name: "kube-apiserver", Authority: "kubernetes", CommonName: "kube-apiserver", Server: true, SANs: []SAN{SANMachine, SANLocalhost, SANEndpoint, SANServices}, Source: bestPractices},
		// The kubelet authorizes the API server by this group: kubeadm has kubeadm:cluster-admins since 1.29, which needs
		// a binding of its own.
		{Name: "kube-apiserver-kubelet-client", Authority: "kubernetes", CommonName: "kube-apiserver-kubelet-client", Organization: "system:masters", Client: true, Source: bestPractices},
		{Name: "kube-apiserver-etcd-client", Authority: "etcd", CommonName: "kube-apiserver-etcd-client", Client: true, Source: bestPractices},
		{Name: "front-proxy-client", Authority: "front-proxy", CommonName: "front-proxy-client", Client: true, Source: bestPractices},
		{Name: "kube-controller-manager", Authority: "kubernetes", CommonName: "system:kube-controller-manager", Client: true, Source: rbac},
		{Name: "kube-controller-manager-server", Authority: "kubernetes", CommonName: "kube-controller-manager", Server: true, SANs: []SAN{SANMachine, SANLocalhost}, Source: "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/ (--tls-cert-file)"},
		{Name: "kube-scheduler", Authority: "kubernetes", CommonName: "system:kube-scheduler", Client: true, Source: rbac},
		{Name: "kube-scheduler-server", Authority: "kubernetes", CommonName: "kube-scheduler", Server: true, SANs: []SAN{SANMachine, SANLocalhost}, Source: "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-scheduler/ (--tls-cert-file)"},
		{Name: "kube-proxy", Authority: "kubernetes", CommonName: "system:kube-proxy", Client: true, Source: rbac},
		{Name: "kubelet", Authority: "kubernetes", CommonName: "system:node:{machine}", Organization: "system:nodes", Client: true, Source: nodeAuth},
		{Name: "kubelet-server", Authority: "kubernetes", CommonName: "system:node:{machine}", Organization: "system:nodes", Server: true, SANs: []SAN{SANMachine, SANLocalhost}, Source: kubeletTLS},
		{Name: "admin", Authority: "kubernetes", CommonName: "kubernetes-admin", Organization: "system:masters", Client: true, Source: bestPractices},
		// A server of etcd is a client too: its gRPC gateway calls it with its own certificate
		// (etcd 3.4, embed/serve.go), and kubeadm's manifests probe with it.
		{Name: "etcd-server", Authority: "etcd", CommonName: "{machine}", Server: true, Client: true, SANs: []SAN{SANMachine, SANLocalhost}, Source: bestPractices},
		{Name: "etcd-peer", Authority: "etcd", CommonName: "{machine}", Server: true, Client: true, SANs: []SAN{SANMachine, SANLocalhost}, Source: etcdSecurity},
		{Name: "etcd-client", Authority: "etcd", CommonName: "etcd-client", Client: true, Source: etcdSecurity},
		{Name: "flannel", Authority: "etcd", CommonName: "flanneld", Client: true, Source: "https://github.com/flannel-io/flannel/blob/v0.28.4/Documentation/configuration.md (--etcd-certfile)"},
		{Name: "registry", Authority: "kubernetes", CommonName: "{machine}", Server: true, SANs: []SAN{SANMachine, SANLocalhost}, Source: "https://distribution.github.io/distribution/about/configuration/#tls"},
	}
}

// LookupCertificate gives the certificate of a name.
func LookupCertificate(name string) (Certificate, bool) {
	for _, c := range Certificates() {
		if c.Name == name {
			return c, true
		}
	}
	return Certificate{}, false
}
