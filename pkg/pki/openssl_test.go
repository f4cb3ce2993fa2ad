package pki

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
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
