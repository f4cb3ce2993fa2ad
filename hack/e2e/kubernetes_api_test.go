package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// deployment is a profile with a control plane in units. Its example is what is started.
type deployment struct {
	profile string
	// alone makes the example's only master the only member of etcd.
	alone        *strings.Replacer
	master, node string
	// kubelet and proxy are the kubeconfigs of a node.
	kubelet, proxy string
	// absent are units whose programs neither the Debian here nor the release has.
	absent []string
}

func deployments() []deployment {
	return []deployment{
		{
			profile: "deepin", alone: strings.NewReplacer(), master: "master", node: "node1",
			kubelet: "/etc/kubernetes/kubeconfig", proxy: "/etc/kubernetes/kubeconfig",
		},
		{
			profile: "centos", alone: strings.NewReplacer(), master: "master", node: "slave1",
			kubelet: "/etc/kubernetes/kubelet.kubeconfig", proxy: "/etc/kubernetes/proxy.kubeconfig",
		},
		{
			profile: "binary", alone: strings.NewReplacer("roles: [etcd, node]", "roles: [node]"), master: "linux-node1", node: "linux-node2",
			kubelet: "/opt/kubernetes/cfg/kubelet.kubeconfig", proxy: "/opt/kubernetes/cfg/kube-proxy.kubeconfig",
			absent: []string{"flanneld.service"},
		},
	}
}

// TestKubernetesAPI starts the masters of the profiles with a release's own programs, and asks their API what everybody may
// do by the credentials that were rendered: those of the operator, of a node, and of nobody.
func TestKubernetesAPI(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can start containers")
	}
	base := debian(t)
	for _, d := range deployments() {
		for _, version := range []string{"1.34.4", "1.36.3"} {
			t.Run(d.profile+" "+version, func(t *testing.T) {
				c := startControlPlane(t, d, base, version)
				t.Run("operator", c.operatorRules)
				t.Run("units", c.unitsWork)
				t.Run("elections", c.leadersAreElected)
				t.Run("addons", c.addonsAreApplied)
				t.Run("node", c.nodeIsRestricted)
				t.Run("proxy", c.proxyReads)
				t.Run("strangers", c.strangersAreRefused)
				t.Run("nobody", c.nobodyOnlyProbes)
				t.Run("service accounts", c.serviceAccountsAreKnown)
				t.Run("signer", c.signerSigns)
			})
		}
	}
}

// controlPlane is a started master, and the files of a node that reaches it.
type controlPlane struct {
	deployment
	master, node      *machine
	operator, kubelet client
	file, out         string
	authority         string
}

func startControlPlane(t *testing.T, d deployment, base, version string) *controlPlane {
	t.Helper()
	program := release(t, version)
	dir := t.TempDir()
	file := filepath.Join(dir, "cluster.yaml")
	run(t, "init", "--profile", d.profile, file)
	example, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := d.alone.Replace(strings.Replace(string(example), "version: 1.34.4", "version: "+version, 1))
	if !strings.Contains(changed, "version: "+version) {
		t.Fatalf("the example of %s is of another version", d.profile)
	}
	if err := os.WriteFile(file, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	run(t, "render", file, "--out", out)
	c := &controlPlane{
		deployment: d, file: file, out: out,
		master: lay(t, base, filepath.Join(out, d.master), program), node: lay(t, base, filepath.Join(out, d.node), program),
	}
	join(t, c.master, c.node)
	// The node is where its kubelet would be; the operator is somewhere on the network, with a file and no machine.
	kubectl := []string{"ip", "netns", "exec", c.node.network, program, "kubectl", "--request-timeout=20s"}
	c.operator = append(kubectl, "--kubeconfig="+filepath.Join(out, "admin.kubeconfig"))
	c.kubelet = c.on(c.node, d.kubelet)
	c.authority = filepath.Join(dir, "authority.pem")
	decoded, err := base64.StdEncoding.DecodeString(c.configured(t, "{.clusters[0].cluster.certificate-authority-data}"))
	if err == nil {
		err = os.WriteFile(c.authority, decoded, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	c.master.start(t)
	eventually(t, 2*time.Minute, "the API of "+d.master, func(ctx context.Context) error {
		_, err := c.operator.try(ctx, "", "get", "--raw", "/readyz")
		return err
	})
	return c
}

// configured gives a value of the operator's kubeconfig.
func (c *controlPlane) configured(t *testing.T, path string) string {
	t.Helper()
	return c.operator.says(t, "config", "view", "--raw", "--output=jsonpath="+path)
}

// on gives kubectl on a machine that is not started.
func (c *controlPlane) on(m *machine, kubeconfig string) client {
	return client{"ip", "netns", "exec", m.network, "chroot", m.root, "kubectl", "--request-timeout=20s", "--kubeconfig=" + kubeconfig}
}

// bare gives kubectl that knows the API and its authority, with other credentials or none.
func (c *controlPlane) bare(t *testing.T, credentials ...string) client {
	kubectl := slices.Clone(c.operator[:len(c.operator)-1])
	return append(append(kubectl, "--kubeconfig=/dev/null", "--server="+c.configured(t, "{.clusters[0].cluster.server}"),
		"--certificate-authority="+c.authority), credentials...)
}

// client is the command of a kubectl that acts for somebody.
type client []string

func (c client) try(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, c[0], slices.Concat(c[1:], args)...)
	cmd.Stdin = strings.NewReader(stdin)
	// It keeps what it learns of the API below the home directory.
	cmd.Env = append(os.Environ(), "HOME=/tmp/nodekiln-kubectl", "KUBECACHEDIR=/dev/null")
	return output(cmd)
}

// says gives what kubectl prints, and fails the test if it fails.
func (c client) says(t *testing.T, args ...string) string {
	t.Helper()
	return c.applies(t, "", args...)
}

// applies does so with a manifest as input.
func (c client) applies(t *testing.T, manifest string, args ...string) string {
	t.Helper()
	said, err := c.try(t.Context(), manifest, args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v", strings.Join(args, " "), err)
	}
	return said
}

// refused fails the test unless the API knows who asks, and says no.
func (c client) refused(t *testing.T, args ...string) {
	t.Helper()
	if said, err := c.try(t.Context(), "", args...); err == nil || !strings.Contains(err.Error(), "(Forbidden)") {
		t.Errorf("kubectl %s is not forbidden: %v %s", strings.Join(args, " "), err, withoutSecrets(said))
	}
}

func (c *controlPlane) operatorRules(t *testing.T) {
	if got := c.operator.says(t, "get", "--raw", "/readyz"); got != "ok" {
		t.Errorf("/readyz is %q", got)
	}
	c.operator.says(t, "get", "nodes")
	c.operator.says(t, "create", "namespace", "e2e")
	c.operator.says(t, "create", "secret", "generic", "own", "--namespace=e2e", "--from-literal=a=b")
	c.operator.says(t, "create", "secret", "generic", "foreign", "--namespace=e2e", "--from-literal=a=b")
}

func (c *controlPlane) unitsWork(t *testing.T) {
	for _, unit := range c.master.enabled(t) {
		if !slices.Contains(c.absent, unit) {
			eventually(t, time.Minute, unit, func(ctx context.Context) error { return c.master.works(ctx, unit) })
		}
	}
}

func (c *controlPlane) leadersAreElected(t *testing.T) {
	for name, port := range map[string]int{"kube-controller-manager": 10257, "kube-scheduler": 10259} {
		eventually(t, time.Minute, name+" leads", func(ctx context.Context) error {
			holder, err := c.operator.try(ctx, "", "get", "lease", name, "--namespace=kube-system", "--output=jsonpath={.spec.holderIdentity}")
			if err == nil && !strings.HasPrefix(holder, c.master.name+"_") {
				err = fmt.Errorf("the lease is held by %q", holder)
			}
			return err
		})
		// They serve by certificates of their own making.
		if got := c.master.hears(t, fmt.Sprintf("127.0.0.1:%d", port), "/healthz"); !strings.Contains(got, " 200 OK") {
			t.Errorf("%s says of its health: %s", name, got)
		}
	}
}

func (c *controlPlane) addonsAreApplied(t *testing.T) {
	eventually(t, time.Minute, "CoreDNS", func(ctx context.Context) error {
		_, err := c.operator.try(ctx, "", "get", "--namespace=kube-system", "deployment/coredns", "service/kube-dns")
		return err
	})
}

// nodeManifest is what a kubelet registers its node by.
const nodeManifest = `{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "%s"}}`

// podManifest is a pod that a node is to run, which needs a secret.
const podManifest = `{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "e2e"}, "spec": {"nodeName": "%s",
	"containers": [{"name": "a", "image": "a", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}], "volumes": [{"name": "v", "secret": {"secretName": "own"}}]}}`

func (c *controlPlane) nodeIsRestricted(t *testing.T) {
	name := c.deployment.node
	if got := c.kubelet.says(t, "auth", "whoami", "--output=jsonpath={.status.userInfo.username} {.status.userInfo.groups}"); got != "system:node:"+name+` ["system:nodes","system:authenticated"]` {
		t.Errorf("the API takes the node for %s", got)
	}
	c.kubelet.applies(t, fmt.Sprintf(nodeManifest, name), "create", "--filename=-")
	c.kubelet.says(t, "get", "node", name)
	c.kubelet.says(t, "label", "node", name, "e2e=1")
	c.operator.applies(t, fmt.Sprintf(nodeManifest, "other"), "create", "--filename=-")
	c.kubelet.refused(t, "label", "node", "other", "e2e=1")
	c.kubelet.refused(t, "get", "secrets", "--all-namespaces")
	c.kubelet.refused(t, "get", "secret", "own", "--namespace=e2e")

	// The pod's account comes first, from the controller manager.
	eventually(t, time.Minute, "a pod", func(ctx context.Context) error {
		_, err := c.operator.try(ctx, fmt.Sprintf(podManifest, name), "apply", "--filename=-")
		return err
	})
	eventually(t, time.Minute, "the secret of the node's pod", func(ctx context.Context) error {
		_, err := c.kubelet.try(ctx, "", "get", "secret", "own", "--namespace=e2e")
		return err
	})
	c.kubelet.refused(t, "get", "secret", "foreign", "--namespace=e2e")
	c.kubelet.refused(t, "create", "namespace", "mine")
}

func (c *controlPlane) proxyReads(t *testing.T) {
	proxy := c.on(c.node, c.proxy)
	eventually(t, time.Minute, "the service proxy", func(ctx context.Context) error {
		_, err := proxy.try(ctx, "", "get", "services,endpointslices", "--all-namespaces")
		return err
	})
	proxy.refused(t, "get", "secrets", "--all-namespaces")
}

// strangersAreRefused shows certificates of others that say what the operator's says.
func (c *controlPlane) strangersAreRefused(t *testing.T) {
	dir := t.TempDir()
	command(t, nil, "cp", c.file, dir)
	other := filepath.Join(dir, "out")
	run(t, "render", filepath.Join(dir, "cluster.yaml"), "--out", other)
	twin := append(slices.Clone(c.operator[:len(c.operator)-1]), "--kubeconfig="+filepath.Join(other, "admin.kubeconfig"))
	if said, err := twin.try(t.Context(), "", "get", "nodes"); err == nil || !strings.Contains(err.Error(), "certificate signed by unknown authority") {
		t.Errorf("another cluster's operator trusts this one: %v %s", err, said)
	}
	twin = append(twin, "--certificate-authority="+c.authority)
	cert, key := selfMade(t, dir)
	for name, stranger := range map[string]client{
		"another cluster's operator": twin,
		"a certificate made at home": c.bare(t, "--client-certificate="+cert, "--client-key="+key),
	} {
		if said, err := stranger.try(t.Context(), "", "get", "nodes"); err == nil || !strings.Contains(err.Error(), "Unauthorized") && !strings.Contains(err.Error(), "provide credentials") {
			t.Errorf("%s is not refused: %v %s", name, err, said)
		}
	}
}

// selfMade makes a certificate for an administrator by an authority of its own, and gives its files.
func selfMade(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "admin", Organization: []string{"system:masters"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true, IsCA: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return writePEM(t, dir, "CERTIFICATE", der), writePEM(t, dir, "PRIVATE KEY", pkcs8)
}

func writePEM(t *testing.T, dir, kind string, der []byte) string {
	t.Helper()
	name := filepath.Join(dir, strings.ReplaceAll(kind, " ", "-")+".pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// nobodyOnlyProbes asks without credentials, as a load balancer does. kubectl would ask for a name.
func (c *controlPlane) nobodyOnlyProbes(t *testing.T) {
	server := strings.TrimPrefix(c.configured(t, "{.clusters[0].cluster.server}"), "https://")
	address, _, _ := strings.Cut(server, ":")
	for path, want := range map[string]string{"/readyz": " 200 OK", "/api/v1/secrets": " 403 Forbidden", "/api/v1/nodes": " 403 Forbidden"} {
		got := c.node.hears(t, server, path, "-CAfile", c.authority, "-verify_return_error", "-verify_ip", address)
		if status, _, _ := strings.Cut(got, "\n"); !strings.Contains(status+"\n", want) {
			t.Errorf("%s is answered %s, want%s", path, status, want)
		}
	}
}

// tokenManifest asks the controller manager for a token that does not expire.
const tokenManifest = `{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token", "namespace": "e2e",
	"annotations": {"kubernetes.io/service-account.name": "default"}}, "type": "kubernetes.io/service-account-token"}`

func (c *controlPlane) serviceAccountsAreKnown(t *testing.T) {
	c.operator.applies(t, tokenManifest, "create", "--filename=-")
	tokens := map[string]string{"the API server's": c.operator.says(t, "create", "token", "default", "--namespace=e2e")}
	eventually(t, time.Minute, "the controller manager's token", func(ctx context.Context) error {
		said, err := c.operator.try(ctx, "", "get", "secret", "token", "--namespace=e2e", "--output=go-template={{index .data \"token\" | base64decode}}")
		tokens["the controller manager's"] = said
		return err
	})
	for issuer, token := range tokens {
		account := c.bare(t, "--token="+strings.TrimSpace(token))
		if got := account.says(t, "auth", "whoami", "--output=jsonpath={.status.userInfo.username}"); got != "system:serviceaccount:e2e:default" {
			t.Errorf("the API takes %s token for that of %q", issuer, got)
		}
		account.refused(t, "get", "secrets", "--namespace=e2e")
	}
}

// requestManifest asks for a certificate by which a kubelet is known.
const requestManifest = `{"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": "e2e"},
	"spec": {"signerName": "kubernetes.io/kube-apiserver-client-kubelet", "usages": ["digital signature", "client auth"], "request": "%s"}}`

func (c *controlPlane) signerSigns(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: "system:node:new", Organization: []string{"system:nodes"}},
	}, private)
	if err != nil {
		t.Fatal(err)
	}
	request := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
	c.operator.applies(t, fmt.Sprintf(requestManifest, base64.StdEncoding.EncodeToString(request)), "create", "--filename=-")
	c.operator.says(t, "certificate", "approve", "e2e")
	signed := filepath.Join(t.TempDir(), "signed.pem")
	eventually(t, time.Minute, "the signed certificate", func(ctx context.Context) error {
		said, err := c.operator.try(ctx, "", "get", "csr", "e2e", "--output=go-template={{.status.certificate | base64decode}}")
		if err == nil && !strings.Contains(said, "BEGIN CERTIFICATE") {
			err = fmt.Errorf("there is none yet")
		}
		if err != nil {
			return err
		}
		return os.WriteFile(signed, []byte(said), 0o600)
	})
	command(t, nil, "openssl", "verify", "-CAfile", c.authority, "-purpose", "sslclient", signed)
}
