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
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/hack/e2e/frame"
)

// TestKubernetesAPI starts the masters of the profiles with a release's own programs, and asks their API what everybody may
// do by the credentials that were rendered: those of the operator, of a node, and of nobody.
func TestKubernetesAPI(t *testing.T) {
	if os.Getuid() != 0 {
		missing(t, "only root can start containers")
	}
	judges := releases(t)
	base := debian(t)
	for _, d := range deployments() {
		for _, r := range judges {
			t.Run(d.profile+" "+r.version, func(t *testing.T) {
				c := startControlPlane(t, d, base, r)
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
				t.Run("units later", c.unitsStay)
			})
		}
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

// unitsWork waits until every unit works. A component may have to be started again before the API is healthy.
func (c *controlPlane) unitsWork(t *testing.T) {
	for _, unit := range c.master.enabled(t) {
		if !slices.Contains(c.absent, unit) {
			frame.Eventually(t, time.Minute, unit, func(ctx context.Context) (err error) {
				c.restarts[unit], err = c.master.works(ctx, unit)
				return err
			})
		}
	}
}

// unitsStay: what did its work then is not started over and over.
func (c *controlPlane) unitsStay(t *testing.T) {
	for unit, before := range c.restarts {
		if restarts, err := c.master.works(t.Context(), unit); err != nil || restarts != before {
			t.Errorf("%s was started again %s times, and %s times at first: %v", unit, restarts, before, err)
		}
	}
}

func (c *controlPlane) leadersAreElected(t *testing.T) {
	for name, port := range map[string]int{"kube-controller-manager": 10257, "kube-scheduler": 10259} {
		frame.Eventually(t, time.Minute, name+" leads", func(ctx context.Context) error {
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
	frame.Eventually(t, time.Minute, "CoreDNS", func(ctx context.Context) error {
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
	frame.Eventually(t, time.Minute, "a pod", func(ctx context.Context) error {
		_, err := c.operator.try(ctx, fmt.Sprintf(podManifest, name), "apply", "--filename=-")
		return err
	})
	frame.Eventually(t, time.Minute, "the secret of the node's pod", func(ctx context.Context) error {
		_, err := c.kubelet.try(ctx, "", "get", "secret", "own", "--namespace=e2e")
		return err
	})
	c.kubelet.refused(t, "get", "secret", "foreign", "--namespace=e2e")
	c.kubelet.refused(t, "create", "namespace", "mine")
}

func (c *controlPlane) proxyReads(t *testing.T) {
	proxy := c.on(c.node, c.proxy)
	frame.Eventually(t, time.Minute, "the service proxy", func(ctx context.Context) error {
		_, err := proxy.try(ctx, "", "get", "services,endpointslices", "--all-namespaces")
		return err
	})
	proxy.refused(t, "get", "secrets", "--all-namespaces")
}

// strangersAreRefused shows certificates of others that say what the operator's says.
func (c *controlPlane) strangersAreRefused(t *testing.T) {
	dir := t.TempDir()
	frame.Command(t, nil, "cp", c.file, dir)
	other := filepath.Join(dir, "out")
	nodekiln.Run(t, "render", filepath.Join(dir, "cluster.yaml"), "--out", other)
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
	frame.Eventually(t, time.Minute, "the controller manager's token", func(ctx context.Context) error {
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
	frame.Eventually(t, time.Minute, "the signed certificate", func(ctx context.Context) error {
		said, err := c.operator.try(ctx, "", "get", "csr", "e2e", "--output=go-template={{.status.certificate | base64decode}}")
		if err == nil && !strings.Contains(said, "BEGIN CERTIFICATE") {
			err = fmt.Errorf("there is none yet")
		}
		if err != nil {
			return err
		}
		return os.WriteFile(signed, []byte(said), 0o600)
	})
	frame.Command(t, nil, "openssl", "verify", "-CAfile", c.authority, "-purpose", "sslclient", signed)
}
