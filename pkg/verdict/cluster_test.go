package verdict

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/pkg/kube"
)

// patience is how long a test waits for what it expects, before it fails.
const patience = time.Minute

// controlPlane is a real one, on this computer alone: etcd, the API server, and those two that act by it.
type controlPlane struct {
	dir        string
	authority  *signer
	etcd, api  string
	kubeconfig []byte
}

// program gives the path of a program, or skips the test where it is not there and need not be.
func program(t *testing.T, path string) string {
	t.Helper()
	found, err := exec.LookPath(path)
	if err == nil {
		return found
	}
	if os.Getenv("NODEKILN_CONFORMANCE") == "1" {
		t.Fatal(err)
	}
	t.Skip(err)
	return ""
}

// startControlPlane starts the programs of a release, which NODEKILN_KUBERNETES has as DIR/VERSION/hyperkube.
func startControlPlane(t *testing.T) *controlPlane {
	t.Helper()
	hyperkube := program(t, filepath.Join(os.Getenv("NODEKILN_KUBERNETES"), "1.34.4", "hyperkube"))
	etcd := program(t, "etcd")
	dir := t.TempDir()
	c := &controlPlane{dir: dir, authority: newSigner(t, dir, "ca"), etcd: freeAddress(t), api: freeAddress(t)}
	c.authority.sign(t, "server", pkix.Name{CommonName: "server"})
	c.authority.sign(t, "admin", pkix.Name{CommonName: "admin", Organization: []string{"system:masters"}})
	c.kubeconfig = kube.Kubeconfig(kube.Access{
		Cluster: "test", Server: "https://" + c.api, User: "admin",
		Authority: c.read(t, "ca.crt"), Certificate: c.read(t, "admin.crt"), Key: c.read(t, "admin.key"),
	})
	file := c.file("kubeconfig")
	if err := os.WriteFile(file, c.kubeconfig, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, etcd, "--data-dir="+c.file("etcd"), "--listen-client-urls=https://"+c.etcd, "--advertise-client-urls=https://"+c.etcd,
		"--listen-peer-urls=http://"+freeAddress(t), "--cert-file="+c.file("server.crt"), "--key-file="+c.file("server.key"),
		"--client-cert-auth", "--trusted-ca-file="+c.file("ca.crt"))
	_, port, _ := net.SplitHostPort(c.api)
	run(t, hyperkube, "kube-apiserver", "--bind-address=127.0.0.1", "--secure-port="+port, "--endpoint-reconciler-type=none",
		"--etcd-servers=https://"+c.etcd, "--etcd-cafile="+c.file("ca.crt"), "--etcd-certfile="+c.file("admin.crt"), "--etcd-keyfile="+c.file("admin.key"),
		"--tls-cert-file="+c.file("server.crt"), "--tls-private-key-file="+c.file("server.key"), "--client-ca-file="+c.file("ca.crt"),
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file="+c.file("server.crt"),
		"--service-account-signing-key-file="+c.file("server.key"), "--service-cluster-ip-range=10.9.0.0/24", "--authorization-mode=Node,RBAC")
	run(t, hyperkube, "kube-controller-manager", "--kubeconfig="+file, "--secure-port=0", "--root-ca-file="+c.file("ca.crt"),
		"--service-account-private-key-file="+c.file("server.key"),
		"--controllers=serviceaccount-controller,namespace-controller,root-ca-certificate-publisher-controller")
	run(t, hyperkube, "kube-scheduler", "--kubeconfig="+file, "--secure-port=0")
	return c
}

func (c *controlPlane) file(name string) string { return filepath.Join(c.dir, name) }

func (c *controlPlane) read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(c.file(name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// admin gives a client of the administrator.
func (c *controlPlane) admin(t *testing.T) *api {
	t.Helper()
	apis, err := Access{Kubeconfig: c.kubeconfig}.apis()
	if err != nil {
		t.Fatal(err)
	}
	return apis[0]
}

// run starts a program that the end of the test ends, and shows what it last said if the test has failed.
func run(t *testing.T, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.Dir = t.TempDir()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s %s said last:\n%s", filepath.Base(program), args[0], said.Bytes()[max(0, said.Len()-2000):])
		}
	})
}

// freeAddress gives an address of the loopback interface that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// signer is an authority.
type signer struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newSigner(t *testing.T, dir, name string) *signer {
	t.Helper()
	s := &signer{dir: dir}
	s.cert, s.key = s.sign(t, name, pkix.Name{CommonName: name})
	return s
}

// sign writes a certificate of the loopback interface and its key to files. The first one signs itself.
func (s *signer) sign(t *testing.T, name string, subject pkix.Name) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: subject, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: s.cert == nil, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	parent, parentKey := s.cert, s.key
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for suffix, block := range map[string]*pem.Block{".crt": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(s.dir, name+suffix), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// eventually tries until it works.
func eventually(t *testing.T, what string, try func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return
		}
		if !sleep(ctx, 200*time.Millisecond) {
			t.Fatal(fmt.Errorf("%s: %w", what, err))
		}
	}
}
