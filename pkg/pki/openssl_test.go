package pki

import (
	"net/netip"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/nodekiln/nodekiln/pkg/plan"
)

func TestOpenSSLAccepts(t *testing.T) {
	openssl := outside(t, "openssl")
	for _, test := range []struct{ key, public, usage string }{
		{"ecdsa-p256", "NIST CURVE: P-256", "Digital Signature\n"},
		{"ecdsa-p384", "NIST CURVE: P-384", "Digital Signature\n"},
		{"rsa-2048", "Public-Key: (2048 bit)", "Digital Signature, Key Encipherment\n"},
		{"rsa-4096", "Public-Key: (4096 bit)", "Digital Signature, Key Encipherment\n"},
	} {
		t.Run(test.key, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "lab.pki")
			p := lab(machines(1))
			p.Key = test.key
			p.Certificates = p.Certificates[1:]
			ensure(t, dir, p, machines(1))
			ca, leaf := filepath.Join(dir, "ca/etcd/ca.pem"), filepath.Join(dir, "machines/node1/etcd.pem")

			for _, purpose := range []string{"sslserver", "sslclient"} {
				openssl("verify", "-x509_strict", "-purpose", purpose, "-verify_ip", "10.1.0.0", "-verify_hostname", "node1.example.com",
					"-attime", strconv.FormatInt(issuedAt.Unix(), 10), "-CAfile", ca, leaf)
			}
			for _, key := range []string{"ca/etcd/ca-key.pem", "machines/node1/etcd-key.pem"} {
				openssl("pkey", "-check", "-noout", "-in", filepath.Join(dir, key))
			}
			wantText(t, openssl("x509", "-noout", "-text", "-in", ca),
				test.public, "Subject: C = CN, ST = BeiJing, L = XS, O = k8s, OU = System, CN = etcd-ca\n",
				"CA:TRUE, pathlen:0\n", "Certificate Sign, CRL Sign\n",
				"Not Before: Feb 28 12:00:00 2026 GMT", "Not After : Feb 27 12:00:00 2036 GMT")
			wantText(t, openssl("x509", "-noout", "-text", "-in", leaf),
				test.public, "Subject: C = CN, ST = BeiJing, L = XS, O = k8s, OU = System, CN = node1\n",
				"CA:FALSE\n", test.usage, "TLS Web Server Authentication, TLS Web Client Authentication\n",
				"DNS:node1, DNS:node1.example.com, DNS:localhost, IP Address:127.0.0.1, IP Address:10.1.0.0\n",
				"Not Before: Feb 28 12:00:00 2026 GMT", "Not After : Mar  1 12:00:00 2027 GMT")
		})
	}
}

func TestOpenSSLRefusesAnotherAuthority(t *testing.T) {
	outside(t, "openssl")
	_, mine := newLab(t, 1)
	_, other := newLab(t, 1)
	out, err := exec.Command("openssl", "verify", "-attime", strconv.FormatInt(issuedAt.Unix(), 10),
		"-CAfile", filepath.Join(other, "ca/etcd/ca.pem"), filepath.Join(mine, "machines/node1/etcd.pem")).CombinedOutput()
	if err == nil {
		t.Errorf("openssl accepted the certificate of another authority: %s", out)
	}
}

// wantText looks for parts of a text, whose runs of spaces count as one.
func wantText(t *testing.T, text string, parts ...string) {
	t.Helper()
	fold := func(s string) string { return regexp.MustCompile(` +`).ReplaceAllString(s, " ") }
	for _, part := range parts {
		if !strings.Contains(fold(text), fold(part)) {
			t.Errorf("%q is not in:\n%s", part, text)
		}
	}
}

// TestOpenSSLAcceptsKubernetes has what the API server, its clients and its machines hold, signed by an authority of each
// kind: made here, and brought.
func TestOpenSSLAcceptsKubernetes(t *testing.T) {
	openssl := outside(t, "openssl")
	const signs = "keyUsage=critical,keyCertSign,cRLSign" // -x509_strict wants an authority to say so
	for name, authority := range map[string]func(p *plan.PKI){
		"made here": func(*plan.PKI) {},
		"brought, RSA": func(p *plan.PKI) {
			p.Authorities[0].Certificate, p.Authorities[0].Key = newOwnAuthority(t, opensslRSA, "-days", "4000", "-addext", signs).read(t)
		},
		"brought, ECDSA": func(p *plan.PKI) {
			p.Authorities[0].Certificate, p.Authorities[0].Key = newOwnAuthority(t, opensslECDSA, "-days", "4000", "-addext", signs).read(t)
		},
		// Its key identifier is not made as cfssl makes them.
		"brought, with a key identifier of its own": func(p *plan.PKI) {
			own := newOwnAuthority(t, opensslECDSA, "-days", "4000", "-addext", signs,
				"-addext", "subjectKeyIdentifier=01:02:03", "-addext", "authorityKeyIdentifier=none")
			p.Authorities[0].Certificate, p.Authorities[0].Key = own.read(t)
		},
		// As a deployment has it whose authority has the name of the master.
		"named like a machine": func(p *plan.PKI) { p.Authorities[0].CommonName = "node1" },
	} {
		t.Run(name, func(t *testing.T) {
			p := lab(machines(1))
			p.Certificates = []plan.Certificate{
				{Name: "admin", Authority: "etcd", CommonName: "kubernetes-admin", Organization: "system:masters", Client: true},
				{
					Name: "kubelet", Machine: "node1", Authority: "etcd", CommonName: "system:node:node1",
					Organization: "system:nodes", Client: true,
				},
				{
					Name: "server", Machine: "node1", Authority: "etcd", CommonName: "node1", Server: true,
					DNSNames:  []string{"kubernetes.default.svc.cluster.local", "node1"},
					Addresses: []netip.Addr{netip.MustParseAddr("10.254.0.1")},
				},
			}
			authority(&p)
			dir := filepath.Join(t.TempDir(), "lab.pki")
			if _, err := Ensure(t.Context(), dir, p, machines(1), WithClock(now)); err != nil {
				t.Fatal(err)
			}
			at := func(file string) string { return filepath.Join(dir, file) }
			verify := func(purpose, file string, args ...string) {
				t.Helper()
				args = append([]string{"verify", "-x509_strict", "-purpose", purpose, "-attime", strconv.FormatInt(now().Unix(), 10)}, args...)
				openssl(append(args, "-CAfile", at("ca/etcd/ca.pem"), at(file))...)
			}
			verify("sslclient", "operator/admin.pem")
			verify("sslclient", "machines/node1/kubelet.pem")
			verify("sslserver", "machines/node1/server.pem", "-verify_ip", "10.254.0.1", "-verify_hostname", "kubernetes.default.svc.cluster.local")
			wantText(t, openssl("x509", "-noout", "-text", "-in", at("operator/admin.pem")),
				"Subject: C = CN, ST = BeiJing, L = XS, O = system:masters, OU = System, CN = kubernetes-admin\n",
				"X509v3 Extended Key Usage: \n TLS Web Client Authentication\n", "CA:FALSE")
			wantText(t, openssl("x509", "-noout", "-text", "-in", at("machines/node1/kubelet.pem")), "O = system:nodes, OU = System, CN = system:node:node1\n")
			wantText(t, openssl("x509", "-noout", "-text", "-in", at("machines/node1/server.pem")),
				"O = k8s, OU = System, CN = node1\n", "X509v3 Extended Key Usage: \n TLS Web Server Authentication\n",
				"DNS:kubernetes.default.svc.cluster.local, DNS:node1, IP Address:10.254.0.1\n")
			if out, err := exec.Command("openssl", "verify", "-purpose", "sslserver", "-CAfile", at("ca/etcd/ca.pem"), at("operator/admin.pem")).CombinedOutput(); err == nil {
				t.Errorf("openssl accepted a client as a server: %s", out)
			}
		})
	}
}
